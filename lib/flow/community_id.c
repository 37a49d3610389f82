/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID version 1 (github.com/corelight/community-id-spec), seed 0. */
#include "crypto/hash.h"
#include "flow_priv.h"

static const uint8_t icmp4_pairs[][2] = {
    {0, 8}, {8, 0}, {9, 10}, {10, 9}, {13, 14}, {14, 13}, {15, 16}, {16, 15}, {17, 18}, {18, 17}};
static const uint8_t icmp6_pairs[][2] = {{128, 129}, {129, 128}, {130, 131}, {131, 130}, {133, 134},
    {134, 133}, {135, 136}, {136, 135}, {139, 140}, {140, 139}, {144, 145}, {145, 144}};

/* A type with a counterpart gets it in place of the code; false for the others, whose
 * direction stays as it is. */
static bool pair_icmp(uint8_t proto, uint16_t type, uint16_t *code)
{
    const uint8_t(*pairs)[2] = proto == TH_IPPROTO_ICMP ? icmp4_pairs : icmp6_pairs;
    size_t n = proto == TH_IPPROTO_ICMP ? TH_ARRAY_LEN(icmp4_pairs) : TH_ARRAY_LEN(icmp6_pairs);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i][0] == type) {
            *code = pairs[i][1];
            return true;
        }
    }
    return false;
}

static bool has_ports(uint8_t proto)
{
    return proto == TH_IPPROTO_TCP || proto == TH_IPPROTO_UDP || proto == TH_IPPROTO_SCTP ||
        th_is_icmp(proto);
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
    uint16_t src_port, uint16_t dst_port, char out[40])
{
    uint8_t text[2 + 16 + 16 + 2 + 4] = {0};
    uint8_t digest[TH_SHA1_LEN];
    bool one_way = th_is_icmp(proto) && !pair_icmp(proto, src_port, &dst_port);
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
