/* SPDX-License-Identifier: Apache-2.0 */
#include "query_prepare.h"

static void bind(struct th_duck_stmt *s, unsigned at, const struct th_select_param *p)
{
    switch (p->type) {
    case TH_SELECT_I64: th_duck_bind_i64(s, at, p->i64); break;
    case TH_SELECT_U64: th_duck_bind_u64(s, at, p->u64); break;
    case TH_SELECT_DOUBLE: th_duck_bind_double(s, at, p->real); break;
    case TH_SELECT_BOOL: th_duck_bind_bool(s, at, p->flag); break;
    case TH_SELECT_TEXT: th_duck_bind_str(s, at, p->bytes); break;
    case TH_SELECT_BYTES: th_duck_bind_blob(s, at, p->bytes.p, p->bytes.len); break;
    }
}

int query_prepare(struct th_duck *d, const struct th_select *sql, struct th_duck_stmt **ret)
{
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *s = NULL;
    int err = th_duck_prepare(d, th_select_text(sql), &s);
    if (err < 0)
        return err;
    for (size_t i = 0; i < th_select_param_count(sql); i++)
        bind(s, (unsigned)i + 1, th_select_param(sql, i));
    *ret = TH_TAKE(s);
    return 0;
}
