/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

void th_put_sparse(struct th_buf *out, const uint64_t *v, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i] == 0)
            continue;
        th_buf_varint(out, i - at);
        th_buf_varint(out, v[i]);
        at = i + 1;
    }
    th_buf_varint(out, n - at);
}

void th_add_sparse(struct th_cur *c, uint64_t *v, uint32_t n)
{
    uint64_t at = 0;
    while (!c->failed) {
        uint64_t skip = th_cur_varint(c);
        if (skip >= n - at) {
            if (skip > n - at)
                th_cur_fail(c);
            return;
        }
        at += skip;
        uint64_t add = th_cur_varint(c);
        /* A sum past 2^63 is no count. */
        if (add > INT64_MAX || v[at] > INT64_MAX - add)
            th_cur_fail(c);
        else
            v[at] += add;
        at++;
    }
}
