/* SPDX-License-Identifier: Apache-2.0 */
/* A statement of query/select.h, prepared in DuckDB with its parameters bound. */
#ifndef TH_MASTER_QUERY_PREPARE_H
#define TH_MASTER_QUERY_PREPARE_H

#include "query/select.h"
#include "store/duck.h"

int query_prepare(
    struct th_duck *d, const struct th_select *sql, struct th_duck_stmt **ret) TH_WARN_UNUSED;

#endif
