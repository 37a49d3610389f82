/* SPDX-License-Identifier: Apache-2.0 */
/* What catalogue.c and the findings share: one database. */
#ifndef TH_STORE_CATALOGUE_I_H
#define TH_STORE_CATALOGUE_I_H

#include "sql/sql.h"
#include "store/catalogue.h"

struct th_catalogue {
    struct th_sql sql;
};

/* Inside of a transaction. */
void th_catalogue_save_position(struct th_catalogue *c, const char *follower, uint64_t position);

#endif
