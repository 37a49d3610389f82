/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What databases that share the kind `db` say of a session: a row of the event, filled by their
 * analysers (tds.c, mongodb.c).
 */
#ifndef TH_PROTO_DB_H
#define TH_PROTO_DB_H

#include "login.h"
#include "mask.h"

struct th_db {
    const char *protocol;
    bool tls;
    struct th_login login;
    struct th_text user, database, client_host, application, version;
    struct th_repeat told;
};

struct th_db_call {
    struct th_str cmd, arg, error;
    int64_t asked_ns, error_code; /* code: -1 for none */
    int success;                  /* -1: unknown */
};

void th_db_emit(
    struct th_conn *c, struct th_db *db, const struct th_db_call *call, int64_t time_ns);

#endif
