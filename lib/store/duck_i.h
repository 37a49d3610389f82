/* SPDX-License-Identifier: Apache-2.0 */
/* What duck.c, duck_result.c and duck_rows.c share. */
#ifndef TH_STORE_DUCK_I_H
#define TH_STORE_DUCK_I_H

#include "base/buf.h"
#include "duck_abi.h"
#include "store/duck.h"

struct th_duck {
    duckdb_database db;
    duckdb_connection c;
    char *error;
    struct th_duck_rows *rows; /* that there are */
    uint64_t rows_number;      /* of the newest */
};

struct th_duck_stmt {
    struct th_duck *d;
    duckdb_prepared_statement s;
    bool bad_bind;
};

/* Remembers the text; returns err. */
int th_duck_fail(struct th_duck *d, int err, const char *text);
/* The same for a text of the library; the code is TH_E_DATABASE, or -ENOMEM. */
int th_duck_fail_theirs(struct th_duck *d, const char *text);
enum th_duck_type th_duck_type_of(duckdb_type t);
/* The caller destroys it. */
duckdb_logical_type th_duck_logical(enum th_duck_type type, enum th_duck_type item);

#endif
