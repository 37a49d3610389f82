/* SPDX-License-Identifier: Apache-2.0 */
/* What single kinds of events tell about names: of devices, of addresses, of connections. */
#include "identity_i.h"

#define PORT_MDNS 5353
#define PORT_LLMNR 5355
#define PORT_NBNS 137
#define MAX_ANSWERS 64u /* of one reply; more tell nothing new */

uint64_t uid_tag(const struct th_identity *id, struct th_str uid)
{
    return th_siphash(&id->key, uid.p, uid.len) | 1;
}

/* A multicast name service: who answers with its own address says its own name. */
static void tell_own_name(
    struct th_identity *id, const struct th_ev_dns *ev, const struct th_addr *answer)
{
    if (!th_addr_eq(answer, &ev->id_orig_h) && !th_addr_eq(answer, &ev->id_resp_h))
        return;
    uint32_t slot = device_by_addr(id, answer, NULL, ev->h.time_ns, false);
    struct th_str name = ev->query;
    if (th_str_ends(name, ".local"))
        name.len -= 6;
    if (slot != NONE)
        device_name(device_at(id, slot), name, HOST_MULTICAST);
}

/* What an outside address is called; NULL when newer word of it came before. */
static struct name_entry *newest_name(
    struct th_identity *id, const struct th_addr *a, int64_t time_ns)
{
    return names_put_newer(&id->names, addr_tag(id, a), time_ns);
}

void tell_dns(struct th_identity *id, const struct th_event *h)
{
    const struct th_ev_dns *ev = (const struct th_ev_dns *)h;
    if (!ev->query.len || !TH_HAS(ev, DNS, answers))
        return;
    bool own =
        ev->id_resp_p == PORT_MDNS || ev->id_resp_p == PORT_LLMNR || ev->id_resp_p == PORT_NBNS;
    /* CNAMEs stand among the answers; each address is filed under the name that was asked for. */
    for (uint32_t i = 0; i < ev->answers.n && i < MAX_ANSWERS; i++) {
        struct th_str s = ev->answers.v[i];
        struct th_addr a;
        if (!s.len || !((s.p[0] >= '0' && s.p[0] <= '9') || th_str_index(s, ':') >= 0) ||
            !th_addr_parse(s, &a) || !addr_is_host(&a))
            continue;
        if (own) {
            tell_own_name(id, ev, &a);
        } else if (!th_identity_is_inside(id, &a)) {
            struct name_entry *e = newest_name(id, &a, h->time_ns);
            if (!e)
                continue;
            name_set(id, e, ev->query);
            e->rank = NAME_DNS;
        } else if (th_identity_is_inside(id, &ev->id_resp_h)) {
            /* Only an inside server's word counts for an inside address (DNS rebinding). */
            uint32_t slot = device_by_addr(id, &a, NULL, h->time_ns, false);
            if (slot != NONE)
                device_name(device_at(id, slot), ev->query, HOST_DNS);
        }
    }
}

/* "host:port" or "[v6]:port" to its parts; the port only when it is a number. */
static struct th_str split_port(struct th_str s, uint16_t *port)
{
    uint64_t v;
    struct th_str host = s;
    if (s.len && s.p[0] == '[') {
        int64_t end = th_str_index(s, ']');
        if (end < 0)
            return (struct th_str){0};
        host = th_str_n(s.p + 1, (size_t)end - 1);
        s = th_str_n(s.p + end + 1, s.len - (size_t)end - 1);
        if (s.len > 1 && s.p[0] == ':' && th_str_u64(th_str_n(s.p + 1, s.len - 1), &v) && v < 65536)
            *port = (uint16_t)v;
        return host;
    }
    int64_t colon = th_str_index(s, ':');
    if (colon < 0)
        return host;
    host.len = (uint32_t)colon;
    if (th_str_u64(th_str_n(s.p + colon + 1, s.len - (size_t)colon - 1), &v) && v < 65536)
        *port = (uint16_t)v;
    return host;
}

/* The host that a request through a proxy names (RFC 9112 3.2.2, 3.2.3); empty for others. */
static struct th_str proxied_host(const struct th_ev_http *ev, uint16_t *port)
{
    if (th_str_is(ev->method, "CONNECT")) {
        *port = 443;
        return split_port(ev->uri.len ? ev->uri : ev->host, port);
    }
    struct th_str u = ev->uri;
    bool tls = th_str_starts(u, "https://");
    if (!tls && !th_str_starts(u, "http://"))
        return (struct th_str){0};
    u = th_str_n(u.p + (tls ? 8 : 7), u.len - (tls ? 8 : 7));
    uint32_t n = 0;
    while (n < u.len && u.p[n] != '/' && u.p[n] != '?' && u.p[n] != '#')
        n++;
    u.len = n;
    int64_t at = th_str_index(u, '@');
    if (at >= 0)
        u = th_str_n(u.p + at + 1, u.len - (size_t)at - 1);
    *port = tls ? 443 : 80;
    return split_port(u, port);
}

void tell_http(struct th_identity *id, const struct th_event *h)
{
    const struct th_ev_http *ev = (const struct th_ev_http *)h;
    uint16_t port = 0;
    struct th_addr literal;
    struct th_str host = proxied_host(ev, &port);
    bool proxied = host.len != 0;
    /* Many servers are sent an absolute URI that names themselves: no proxy then. */
    if (proxied && th_addr_parse(host, &literal) && th_addr_eq(&literal, &ev->id_resp_h))
        proxied = false;
    if (!proxied)
        host = split_port(ev->host, &port);
    struct name_entry *e = &id->scratch;
    if (ev->uid.len)
        e = names_put(&id->uids, uid_tag(id, ev->uid), h->time_ns);
    else
        *e = (struct name_entry){0};
    /* A request with a bare address for a host names nothing. */
    if (!host.len || (!proxied && th_addr_parse(host, &literal)))
        return;
    name_set(id, e, host);
    e->proxied = proxied;
    e->port = proxied ? port : 0;
}

void tell_ssl(struct th_identity *id, const struct th_event *h)
{
    const struct th_ev_ssl *ev = (const struct th_ev_ssl *)h;
    struct th_addr literal;
    id->scratch = (struct name_entry){0};
    if (!ev->server_name.len || th_addr_parse(ev->server_name, &literal))
        return;
    struct name_entry *e =
        ev->uid.len ? names_put(&id->uids, uid_tag(id, ev->uid), h->time_ns) : &id->scratch;
    if (e->proxied)
        return; /* TLS inside a CONNECT: the proxy was told where it goes */
    name_set(id, e, ev->server_name);
    if (th_identity_is_inside(id, &ev->id_resp_h) || !addr_is_host(&ev->id_resp_h))
        return;
    struct name_entry *by_addr = newest_name(id, &ev->id_resp_h, h->time_ns);
    if (by_addr && by_addr->rank <= NAME_SNI) {
        name_set(id, by_addr, ev->server_name);
        by_addr->rank = NAME_SNI;
    }
}

static void tell_kerberos(const struct th_ev_kerberos *ev, struct device *orig)
{
    struct th_str rest = ev->client;
    struct th_str who = th_str_split(&rest, '/');
    struct th_str realm_less = th_str_split(&who, '@');
    if (!realm_less.len)
        return;
    if (realm_less.p[realm_less.len - 1] == '$')
        device_name(orig, realm_less, HOST_KERBEROS);
    else if (!th_str_ieq(realm_less, th_str_c("host")))
        device_user(orig, realm_less);
}

static void tell_ntlm(const struct th_ev_ntlm *ev, struct device *orig, struct device *resp)
{
    device_name(orig, ev->hostname, HOST_NTLM);
    if (ev->username.len && ev->username.p[ev->username.len - 1] != '$')
        device_user(orig, ev->username);
    device_name(resp,
        ev->server_dns_computer_name.len ? ev->server_dns_computer_name
                                         : ev->server_nb_computer_name,
        HOST_NTLM);
}

void tell_accounts(
    struct th_identity *id, const struct th_event *ev, struct device *orig, struct device *resp)
{
    if (is_late(id, ev->time_ns))
        return;
    switch (ev->kind) {
    case TH_KIND_KERBEROS: tell_kerberos((const struct th_ev_kerberos *)ev, orig); break;
    case TH_KIND_NTLM: tell_ntlm((const struct th_ev_ntlm *)ev, orig, resp); break;
    case TH_KIND_RDP:
        device_name(orig, ((const struct th_ev_rdp *)ev)->client_name, HOST_NTLM);
        break;
    default: break;
    }
}
