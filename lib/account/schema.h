/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, by version. A database of an earlier version is brought up in one transaction a step;
 * one of a later version is refused. Table migrations says when each step was taken. */
#ifndef TH_ACCOUNT_SCHEMA_H
#define TH_ACCOUNT_SCHEMA_H

#include "sql/sql.h"

int th_schema_migrate(struct th_sql *s, int64_t now_ns) TH_WARN_UNUSED;
int64_t th_schema_version(void); /* that this program has */

#endif
