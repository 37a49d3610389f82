/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

void th_db_emit(struct th_conn *c, struct th_db *db, const struct th_db_call *call, int64_t time_ns)
{
    struct th_ev_db ev = {0};
    uint64_t key = th_repeat_key((uint64_t)call->success + 1, call->cmd);
    key = th_hash_pair(th_repeat_key(key, call->arg), (uint64_t)call->error_code);
    uint32_t due = th_repeat_due(c, &db->told, key, time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, DB, c, call->asked_ns);
    TH_SET(&ev, DB, protocol, th_str_c(db->protocol));
    TH_SET(&ev, DB, cmd, call->cmd);
    TH_SET_TEXT(&ev, DB, arg, call->arg);
    if (call->success >= 0)
        TH_SET(&ev, DB, success, call->success == 1);
    TH_SET_TEXT(&ev, DB, error, call->error);
    if (call->error_code >= 0)
        TH_SET(&ev, DB, error_code, (uint64_t)call->error_code);
    TH_SET_TEXT(&ev, DB, user, th_text_get(&db->user));
    TH_SET_TEXT(&ev, DB, database, th_text_get(&db->database));
    TH_SET_TEXT(&ev, DB, client_host, th_text_get(&db->client_host));
    TH_SET_TEXT(&ev, DB, application, th_text_get(&db->application));
    TH_SET_TEXT(&ev, DB, version, th_text_get(&db->version));
    if (db->tls)
        TH_SET(&ev, DB, tls, true);
    TH_SET_REPEATS(&ev, DB, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, call->asked_ns));
}
