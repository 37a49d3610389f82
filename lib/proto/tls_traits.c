/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_traits.h"

#define DOT_PORT 853 /* RFC 7858, RFC 9250 */

/* RFC 6125 6.4.3: a star stands for the first label. */
static bool name_fits(struct th_str pattern, struct th_str name)
{
    if (!th_str_starts(pattern, "*."))
        return th_str_ieq(pattern, name);
    int64_t dot = th_str_index(name, '.');
    return dot > 0 &&
        th_str_ieq(th_str_n(pattern.p + 1, pattern.len - 1),
            th_str_n(name.p + dot, name.len - (size_t)dot));
}

static bool has_name(const struct th_x509 *x, struct th_str name)
{
    for (uint32_t i = 0; i < x->dns.n; i++)
        if (name_fits(x->dns.v[i], name))
            return true;
    struct th_str rest = x->subject; /* old ones have it there only */
    while (!x->dns.n && rest.len) {
        struct th_str part = th_str_split(&rest, ',');
        if (th_str_starts(part, "CN=") && name_fits(th_str_n(part.p + 3, part.len - 3), name))
            return true;
    }
    return false;
}

unsigned th_cert_faults(const struct th_x509 *x, struct th_str sni, int64_t time_ns)
{
    unsigned faults = th_str_eq(x->subject, x->issuer) ? TH_CERT_SELF_SIGNED : 0;
    if (x->has_validity && time_ns > x->not_after_ns)
        faults |= TH_CERT_EXPIRED;
    if (x->has_validity && time_ns < x->not_before_ns)
        faults |= TH_CERT_NOT_YET_VALID;
    if (sni.len && !has_name(x, sni))
        faults |= TH_CERT_OTHER_NAME;
    return faults;
}

struct th_strs th_cert_fault_names(struct th_arena *a, unsigned faults)
{
    static const char *const names[] = {"self_signed", "expired", "not_yet_valid", "other_name"};
    struct th_str *v = th_arena_alloc(a, sizeof(*v) * TH_ARRAY_LEN(names));
    uint32_t n = 0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(names); i++)
        if (faults >> i & 1)
            v[n++] = th_str_c(names[i]);
    return (struct th_strs){.v = v, .n = n};
}

/* Public resolvers as browsers and systems have them; with a dot ahead all names below, too. */
static bool is_resolver_name(struct th_str sni)
{
#define NAME(s)                                                                                    \
    {                                                                                              \
        .p = (s), .len = sizeof(s) - 1                                                             \
    }
    static const struct th_str names[] = {NAME("dns.google"), NAME(".dns.google"),
        NAME(".cloudflare-dns.com"), NAME("one.one.one.one"), NAME(".cloudflare-gateway.com"),
        NAME(".quad9.net"), NAME("doh.opendns.com"), NAME("doh.umbrella.com"),
        NAME("doh.familyshield.opendns.com"), NAME(".dns.nextdns.io"), NAME(".dns1.nextdns.io"),
        NAME("doh.cleanbrowsing.org"), NAME(".adguard-dns.com"), NAME("dns.adguard.com"),
        NAME("dns-family.adguard.com"), NAME("doh.dns.sb"), NAME("dns.alidns.com"), NAME("doh.pub"),
        NAME("dns.pub"), NAME("doh.360.cn"), NAME("dns0.eu"), NAME(".dns0.eu"),
        NAME(".dns.mullvad.net"), NAME("doh.mullvad.net"), NAME(".controld.com"),
        NAME("doh.xfinity.com"), NAME("doh.libredns.gr"), NAME("dns.switch.ch"),
        NAME("doh.applied-privacy.net"), NAME("odvr.nic.cz"), NAME("ordns.he.net"),
        NAME("public.dns.iij.jp"), NAME(".tiar.app"), NAME("dns.twnic.tw"), NAME("doh.ffmuc.net"),
        NAME("doh.dns.apple.com"), NAME("dns.njal.la"), NAME("anycast.uncensoreddns.org")};
#undef NAME
    for (size_t i = 0; sni.len && i < TH_ARRAY_LEN(names); i++) {
        struct th_str name = names[i];
        bool below = name.p[0] == '.';
        struct th_str bare = th_str_n(name.p + below, name.len - below);
        bool ends = below && sni.len > name.len &&
            th_str_ieq(th_str_n(sni.p + sni.len - name.len, name.len), name);
        if (ends || th_str_ieq(sni, bare))
            return true;
    }
    return false;
}

static bool is_resolver_address(const struct th_addr *a)
{
    static const uint8_t v4[][4] = {{1, 1, 1, 1}, {1, 0, 0, 1}, {1, 1, 1, 2}, {1, 1, 1, 3},
        {8, 8, 8, 8}, {8, 8, 4, 4}, {9, 9, 9, 9}, {9, 9, 9, 10}, {9, 9, 9, 11},
        {149, 112, 112, 112}, {208, 67, 222, 222}, {208, 67, 220, 220}, {94, 140, 14, 14},
        {94, 140, 15, 15}};
    for (size_t i = 0; i < TH_ARRAY_LEN(v4); i++) {
        struct th_addr known = th_addr_v4(v4[i]);
        if (th_addr_eq(a, &known))
            return true;
    }
    return false;
}

enum th_service th_tls_resolver(const struct th_conn *c, const struct th_tls_session *s)
{
    struct th_str alpn = th_tls_text_view(&s->alpn), sni = th_tls_text_view(&s->sni);
    bool quic = s->transport == 'q', on_port = c->flow->port[!c->client] == DOT_PORT;
    if (!s->have_client)
        return TH_SVC_NONE;
    if (quic && (on_port || th_str_starts(alpn, "doq")))
        return TH_SVC_DOQ;
    if (on_port || th_str_is(alpn, "dot"))
        return TH_SVC_DOT;
    bool known =
        is_resolver_name(sni) || (!sni.len && is_resolver_address(&c->flow->addr[!c->client]));
    return known ? TH_SVC_DOH : TH_SVC_NONE;
}
