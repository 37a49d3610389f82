/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses are 16 bytes; IPv4 is mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so
 * that IPv6 is equal everywhere. MAC addresses are 6 bytes.
 */
#ifndef TH_BASE_ADDR_H
#define TH_BASE_ADDR_H

#include "base/str.h"

struct th_addr {
    uint8_t b[16];
};

struct th_mac {
    uint8_t b[6];
};

struct th_subnet {
    struct th_addr addr;
    uint8_t bits; /* of 128; an IPv4 /24 has 120 */
};

#define TH_ADDR_TEXT_LEN 48
#define TH_MAC_TEXT_LEN 18

struct th_addr th_addr_v4(const uint8_t b[4]);
struct th_addr th_addr_v6(const uint8_t b[16]);
/* Text to address, IPv4 or IPv6, whole string (a "%zone" suffix is ignored). */
bool th_addr_parse(struct th_str s, struct th_addr *ret);
/* Address to text (RFC 5952; IPv4 dotted). Returns the length. */
size_t th_addr_format(const struct th_addr *a, char out[TH_ADDR_TEXT_LEN]);
bool th_mac_parse(struct th_str s, struct th_mac *ret);
size_t th_mac_format(const struct th_mac *m, char out[TH_MAC_TEXT_LEN]);
/* "10.0.0.0/8", "fd00::/8", or an address alone. */
bool th_subnet_parse(struct th_str s, struct th_subnet *ret);
bool th_subnet_has(const struct th_subnet *net, const struct th_addr *a);

static inline bool th_addr_eq(const struct th_addr *a, const struct th_addr *b)
{
    return memcmp(a->b, b->b, 16) == 0;
}

static inline bool th_addr_is_v4(const struct th_addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->b, mapped, 12) == 0;
}

/* RFC 1918, RFC 6598, RFC 3927, ULA and link-local IPv6: addresses of an inside by themselves. */
bool th_addr_is_private(const struct th_addr *a);
/* Multicast, or the IPv4 limited broadcast. */
bool th_addr_is_multicast(const struct th_addr *a);
bool th_addr_is_link_local(const struct th_addr *a);
bool th_addr_is_loopback(const struct th_addr *a);
/* All zero: "::" or 0.0.0.0. */
bool th_addr_is_any(const struct th_addr *a);

#endif
