/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

struct th_addr th_addr_v4(const uint8_t b[4])
{
    struct th_addr a = {.b = {[10] = 0xff, [11] = 0xff}};
    memcpy(a.b + 12, b, 4);
    return a;
}

struct th_addr th_addr_v6(const uint8_t b[16])
{
    struct th_addr a;
    memcpy(a.b, b, 16);
    return a;
}

bool th_addr_parse(struct th_str s, struct th_addr *ret)
{
    char tmp[TH_ADDR_TEXT_LEN];
    uint8_t v4[4];
    int64_t zone = th_str_index(s, '%');
    if (zone >= 0)
        s.len = (uint32_t)zone;
    if (s.len == 0 || s.len >= sizeof(tmp))
        return false;
    memcpy(tmp, s.p, s.len);
    tmp[s.len] = '\0';
    if (strlen(tmp) != s.len)
        return false;
    if (inet_pton(AF_INET, tmp, v4) == 1) {
        *ret = th_addr_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, tmp, ret->b) == 1;
}

static char *put_dec(char *p, unsigned v)
{
    if (v >= 100)
        *p++ = (char)('0' + v / 100);
    if (v >= 10)
        *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

size_t th_addr_format(const struct th_addr *a, char out[TH_ADDR_TEXT_LEN])
{
    if (!th_addr_is_v4(a)) {
        inet_ntop(AF_INET6, a->b, out, TH_ADDR_TEXT_LEN);
        return strlen(out);
    }
    char *p = out;
    for (int i = 12; i < 16; i++) {
        p = put_dec(p, a->b[i]);
        *p++ = i < 15 ? '.' : '\0';
    }
    return (size_t)(p - out) - 1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = th_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool th_mac_parse(struct th_str s, struct th_mac *ret)
{
    struct th_mac m;
    if (s.len != 17)
        return false;
    for (int i = 0; i < 6; i++) {
        int hi = hex_digit(s.p[i * 3]);
        int lo = hex_digit(s.p[i * 3 + 1]);
        if (hi < 0 || lo < 0 || (i < 5 && s.p[i * 3 + 2] != ':' && s.p[i * 3 + 2] != '-'))
            return false;
        m.b[i] = (uint8_t)(hi << 4 | lo);
    }
    *ret = m;
    return true;
}

size_t th_mac_format(const struct th_mac *m, char out[TH_MAC_TEXT_LEN])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 6; i++) {
        out[i * 3] = hex[m->b[i] >> 4];
        out[i * 3 + 1] = hex[m->b[i] & 15];
        out[i * 3 + 2] = i < 5 ? ':' : '\0';
    }
    return TH_MAC_TEXT_LEN - 1;
}

bool th_subnet_parse(struct th_str s, struct th_subnet *ret)
{
    struct th_str rest = s;
    struct th_str head = th_str_split(&rest, '/');
    struct th_subnet n;
    if (!th_addr_parse(head, &n.addr))
        return false;
    unsigned width = th_addr_is_v4(&n.addr) && th_str_index(head, ':') < 0 ? 32 : 128;
    uint64_t bits = width;
    if (head.len != s.len && (!th_str_u64(rest, &bits) || bits > width))
        return false;
    n.bits = (uint8_t)(bits + 128 - width);
    *ret = n;
    return true;
}

bool th_subnet_has(const struct th_subnet *net, const struct th_addr *a)
{
    unsigned whole = net->bits / 8;
    unsigned rest = net->bits % 8;
    if (memcmp(net->addr.b, a->b, whole) != 0)
        return false;
    return rest == 0 || ((net->addr.b[whole] ^ a->b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool th_addr_is_link_local(const struct th_addr *a)
{
    if (th_addr_is_v4(a))
        return a->b[12] == 169 && a->b[13] == 254;
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool th_addr_is_private(const struct th_addr *a)
{
    if (th_addr_is_link_local(a))
        return true;
    if (!th_addr_is_v4(a))
        return (a->b[0] & 0xfe) == 0xfc;
    const uint8_t *v4 = a->b + 12;
    return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
        (v4[0] == 192 && v4[1] == 168) || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
}

bool th_addr_is_multicast(const struct th_addr *a)
{
    if (th_addr_is_v4(a))
        return (a->b[12] & 0xf0) == 0xe0 || (a->b[12] & a->b[13] & a->b[14] & a->b[15]) == 0xff;
    return a->b[0] == 0xff;
}

bool th_addr_is_loopback(const struct th_addr *a)
{
    static const uint8_t one[16] = {[15] = 1};
    return th_addr_is_v4(a) ? a->b[12] == 127 : memcmp(a->b, one, 16) == 0;
}

bool th_addr_is_any(const struct th_addr *a)
{
    static const uint8_t zero[16] = {0};
    return memcmp(a->b, zero, 16) == 0 || (th_addr_is_v4(a) && memcmp(a->b + 12, zero, 4) == 0);
}
