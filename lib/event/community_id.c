/* SPDX-License-Identifier: Apache-2.0 */
#include "event/community_id.h"

#include "base/mem.h"
#include "crypto/hash.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58, PROTO_SCTP = 132 };

static const uint8_t icmp4_pairs[][2] = {
    {0, 8}, {8, 0}, {9, 10}, {10, 9}, {13, 14}, {14, 13}, {15, 16}, {16, 15}, {17, 18}, {18, 17}};
static const uint8_t icmp6_pairs[][2] = {{128, 129}, {129, 128}, {130, 131}, {131, 130}, {133, 134},
    {134, 133}, {135, 136}, {136, 135}, {139, 140}, {140, 139}, {144, 145}, {145, 144}};

/* A type with a counterpart gets it in place of the code; false for the others, whose
 * direction stays as it is. */
static bool pair_icmp(uint8_t proto, uint16_t type, uint16_t *code)
{
    const uint8_t(*pairs)[2] = proto == PROTO_ICMP ? icmp4_pairs : icmp6_pairs;
    size_t n = proto == PROTO_ICMP ? TH_ARRAY_LEN(icmp4_pairs) : TH_ARRAY_LEN(icmp6_pairs);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i][0] == type) {
            *code = pairs[i][1];
            return true;
        }
    }
    return false;
}

static bool is_icmp(uint8_t proto)
{
    return proto == PROTO_ICMP || proto == PROTO_ICMP6;
}

static bool has_ports(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP || is_icmp(proto);
}

static void base64(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
            (i + 2 < n ? p[i + 2] : 0);
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[v & 63] : '=';
    }
    *out = '\0';
}

static size_t put_addr(uint8_t *to, const struct th_addr *a)
{
    if (th_addr_is_v4(a)) {
        memcpy(to, a->b + 12, 4);
        return 4;
    }
    memcpy(to, a->b, 16);
    return 16;
}

static size_t put_port(uint8_t *to, uint16_t port)
{
    to[0] = (uint8_t)(port >> 8);
    to[1] = (uint8_t)port;
    return 2;
}

void th_community_id(uint8_t proto, const struct th_addr *src, const struct th_addr *dst,
    uint16_t src_port, uint16_t dst_port, char out[TH_COMMUNITY_ID_LEN])
{
    uint8_t text[2 + 16 + 16 + 2 + 4] = {0};
    uint8_t digest[TH_SHA1_LEN];
    bool one_way = is_icmp(proto) && !pair_icmp(proto, src_port, &dst_port);
    int order = memcmp(src->b, dst->b, 16);
    bool swap = !one_way && (order > 0 || (order == 0 && src_port > dst_port));
    size_t n = 2; /* the seed */
    n += put_addr(text + n, swap ? dst : src);
    n += put_addr(text + n, swap ? src : dst);
    text[n] = proto;
    n += 2; /* and a byte of padding */
    if (has_ports(proto)) {
        n += put_port(text + n, swap ? dst_port : src_port);
        n += put_port(text + n, swap ? src_port : dst_port);
    }
    th_sha1(text, n, digest);
    memcpy(out, "1:", 2);
    base64(digest, sizeof(digest), out + 2);
}

bool th_community_id_follows(uint8_t proto, const struct th_addr *src)
{
    return !is_icmp(proto) || (proto == PROTO_ICMP) == th_addr_is_v4(src);
}

/* The number of a protocol as conn records name it; -1 for none. */
static int proto_number(struct th_str name, const struct th_addr *src)
{
    uint64_t number;
    if (th_str_eq(name, th_str_c("tcp")))
        return PROTO_TCP;
    if (th_str_eq(name, th_str_c("udp")))
        return PROTO_UDP;
    if (th_str_eq(name, th_str_c("icmp")))
        return th_addr_is_v4(src) ? PROTO_ICMP : PROTO_ICMP6;
    return th_str_u64(name, &number) && number <= UINT8_MAX ? (int)number : -1;
}

struct th_str th_event_text(
    const struct th_event *ev, const struct th_field_info *f, char room[TH_COMMUNITY_ID_LEN])
{
    const struct th_str *text = th_event_field(ev, f);
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    if (text->len || ev->kind != TH_KIND_CONN || text != &c->community_id ||
        !TH_HAS(c, CONN, id_orig_h) || !TH_HAS(c, CONN, id_resp_h))
        return *text;
    int proto = proto_number(c->proto, &c->id_orig_h);
    if (proto < 0)
        return *text;
    th_community_id((uint8_t)proto, &c->id_orig_h, &c->id_resp_h, c->id_orig_p, c->id_resp_p, room);
    return th_str_c(room);
}
