/* SPDX-License-Identifier: Apache-2.0 */
#include "doh.h"

#include "dns_told.h"

#define MESSAGE_MAX_BYTES 65535u

void th_doh_body(struct th_http_txn *t, int side, const uint8_t *p, size_t len)
{
    const struct th_http_message *m = th_http_told(t, side);
    if (!m->dns || m->encoded)
        return;
    struct th_buf *b = &th_http_message(t, side)->dns_body;
    b->limit = MESSAGE_MAX_BYTES;
    th_buf_put(b, p, len);
}

/* RFC 4648 5, the alphabet for URLs; -1 for anything else. */
static int digit(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? ch - 'A'
        : ch >= 'a' && ch <= 'z'  ? ch - 'a' + 26
        : ch >= '0' && ch <= '9'  ? ch - '0' + 52
        : ch == '-'               ? 62
        : ch == '_'               ? 63
                                  : -1;
}

static void decode(struct th_str text, struct th_buf *ret)
{
    uint32_t bits = 0, have = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        int v = digit(text.p[i]);
        if (v < 0)
            return;
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            th_buf_u8(ret, (uint8_t)(bits >> have));
        }
    }
}

/* RFC 8484 4.1: the query of a GET is a parameter. */
static void parameter(struct th_str uri, struct th_buf *ret)
{
    struct th_str rest = uri;
    th_str_split(&rest, '?');
    while (rest.len) {
        struct th_str value = th_str_split(&rest, '&');
        if (th_str_is(th_str_split(&value, '='), "dns"))
            decode(value, ret);
    }
}

void th_doh_emit(struct th_conn *c, const struct th_http_txn *t)
{
    TH_AUTOBUF struct th_buf query = {.limit = MESSAGE_MAX_BYTES};
    const struct th_http_message *m[2] = {th_http_told(t, 0), th_http_told(t, 1)};
    struct th_str asked = th_buf_view(&m[0]->dns_body), told = th_buf_view(&m[1]->dns_body);
    if (!m[0]->dns && !m[1]->dns)
        return;
    if (!asked.len) {
        parameter(th_http_get(t, t->uri), &query);
        asked = th_buf_view(&query);
    }
    th_dns_told(c, t->time_ns, asked, TH_MAX(t->last_ns, t->time_ns), told);
}
