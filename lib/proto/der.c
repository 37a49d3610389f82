/* SPDX-License-Identifier: Apache-2.0 */
#include "der.h"

#include "base/buf.h"
#include "base/time.h"

#define OID_TEXT_MAX 256u

bool th_der_next(struct th_cur *c, struct th_der *ret)
{
    if (!th_cur_left(c))
        return false;
    const uint8_t *start = c->p;
    ret->tag = th_cur_u8(c);
    size_t len = th_cur_u8(c);
    if ((ret->tag & 0x1f) == 0x1f || len == 0x80 || len > 0x84) {
        th_cur_fail(c);
        return false;
    }
    if (len > 0x80) {
        unsigned n = len & 0x7f;
        for (len = 0; n; n--)
            len = len << 8 | th_cur_u8(c);
    }
    ret->body = th_cur_sub(c, len);
    ret->raw = th_str_n(start, (size_t)(c->p - start));
    return !c->failed;
}

struct th_cur th_der_expect(struct th_cur *c, unsigned tag)
{
    struct th_der d;
    if (th_der_next(c, &d) && d.tag == tag)
        return d.body;
    th_cur_fail(c);
    return (struct th_cur){.failed = true};
}

bool th_der_optional(struct th_cur *c, unsigned tag, struct th_cur *ret)
{
    struct th_der d;
    struct th_cur at = *c;
    if (!th_cur_left(c) || c->p[0] != tag || !th_der_next(&at, &d))
        return false;
    *c = at;
    *ret = d.body;
    return true;
}

int64_t th_der_int(struct th_cur *body)
{
    size_t n = th_cur_left(body);
    if (!n || n > 8) {
        th_cur_fail(body);
        return 0;
    }
    uint64_t v = body->p[0] & 0x80 ? UINT64_MAX : 0;
    while (n--)
        v = v << 8 | th_cur_u8(body);
    return (int64_t)v;
}

struct th_str th_der_oid_text(struct th_arena *a, struct th_cur body)
{
    TH_AUTOBUF struct th_buf b = {.limit = OID_TEXT_MAX};
    bool first = true;
    while (th_cur_left(&body)) {
        uint64_t v = 0;
        uint8_t byte;
        do {
            byte = th_cur_u8(&body);
            v = v << 7 | (byte & 0x7f);
        } while (byte & 0x80 && !body.failed);
        if (first) {
            uint64_t top = v < 40 ? 0 : v < 80 ? 1 : 2;
            th_buf_printf(&b, "%u.%llu", (unsigned)top, (unsigned long long)(v - 40 * top));
        } else {
            th_buf_printf(&b, ".%llu", (unsigned long long)v);
        }
        first = false;
    }
    return th_arena_str(a, th_buf_view(&b));
}

/* RFC 5280 4.1.2.5: two digits of year are 1950 to 2049. */
bool th_der_time(unsigned tag, struct th_cur body, int64_t *ret_ns)
{
    char text[] = "20YY-MM-DDTHH:MM:00Z+ZZ:ZZ";
    size_t len = 20;
    struct th_str s = th_der_rest(&body);
    if (tag == TH_DER_GENERALIZED_TIME && s.len >= 14) {
        memcpy(text, s.p, 4);
        s = th_str_n(s.p + 4, s.len - 4);
    } else if (tag == TH_DER_UTC_TIME && s.len >= 10) {
        memcpy(text, s.p[0] >= '5' ? "19" : "20", 2);
        memcpy(text + 2, s.p, 2);
        s = th_str_n(s.p + 2, s.len - 2);
    } else {
        return false;
    }
    bool seconds = s.len >= 10 && s.p[8] >= '0' && s.p[8] <= '9';
    if (s.len < (seconds ? 10u : 8u))
        return false;
    for (size_t i = 0; i < (seconds ? 5u : 4u); i++)
        memcpy(text + 5 + 3 * i, s.p + 2 * i, 2);
    /* What follows is Z; an offset is against RFC 5280 and meant nevertheless (X.690 11.7, 11.8).
     */
    struct th_str after = th_str_n(s.p + (seconds ? 10 : 8), s.len - (seconds ? 10 : 8));
    if (after.len >= 5 && (after.p[0] == '+' || after.p[0] == '-')) {
        memcpy(text + 19, after.p, 3);
        text[22] = ':';
        memcpy(text + 23, after.p + 3, 2);
        len = 25;
    }
    return th_time_parse_rfc3339(th_str_n(text, len), ret_ns);
}
