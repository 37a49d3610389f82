/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP for IPv6 (RFC 8415): who asks (its DUID, and the hardware address in it), by which name
 * (RFC 4704), and which address it was given. One event a message, in the fields of DHCP: the
 * answer travels in another flow than the question.
 */
#include "analysers.h"

#include "framing.h"

#define MAX_RELAYS 8u
#define PORT_CLIENT 546
#define PORT_SERVER 547

enum { SOLICIT = 1, ADVERTISE = 2, REPLY = 7, RECONFIGURE = 10, RELAY_FORW = 12, RELAY_REPL = 13 };
enum { LEASEQUERY = 14, LEASEQUERY_REPLY = 15 }; /* RFC 5007 */
enum { CLIENT_ID = 1, IA_NA = 3, IA_TA = 4, IA_ADDR = 5, RELAY_MSG = 9, VENDOR_CLASS = 16 };
enum { CLIENT_FQDN = 39 };

static const char *const names[] = {[SOLICIT] = "SOLICIT",
    [ADVERTISE] = "ADVERTISE",
    [3] = "REQUEST",
    [4] = "CONFIRM",
    [5] = "RENEW",
    [6] = "REBIND",
    [REPLY] = "REPLY",
    [8] = "RELEASE",
    [9] = "DECLINE",
    [RECONFIGURE] = "RECONFIGURE",
    [11] = "INFORMATION-REQUEST",
    [RELAY_FORW] = "RELAY-FORW",
    [RELAY_REPL] = "RELAY-REPL",
    [LEASEQUERY] = "LEASEQUERY",
    [LEASEQUERY_REPLY] = "LEASEQUERY-REPLY"};

static bool by_server(unsigned type)
{
    return type == ADVERTISE || type == REPLY || type == RECONFIGURE || type == RELAY_REPL ||
        type == LEASEQUERY_REPLY;
}

static bool on_port(uint16_t port)
{
    return port == PORT_CLIENT || port == PORT_SERVER;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    unsigned type = th_probe_at(in, 0);
    if (in->len < 4 || !type || type > LEASEQUERY_REPLY || !on_port(in->src) || !on_port(in->dst))
        return TH_PROBE_NO;
    return by_server(type) ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* DUID-LLT and DUID-LL of Ethernet hold a hardware address. */
static void set_duid(struct th_ev_dhcp *ev, struct th_arena *a, struct th_str duid)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = TH_MIN(duid.len, 130u);
    char *p = th_arena_alloc(a, 2 * n + 1);
    struct th_cur c = th_cur_init(duid.p, duid.len);
    unsigned type = th_cur_be16(&c), hardware = th_cur_be16(&c);
    for (size_t i = 0; i < n; i++) {
        p[2 * i] = digits[(uint8_t)duid.p[i] >> 4];
        p[2 * i + 1] = digits[duid.p[i] & 15];
    }
    TH_SET_TEXT(ev, DHCP, duid, th_str_n(p, 2 * n));
    if (type == 1)
        th_cur_skip(&c, 4); /* time */
    if ((type != 1 && type != 3) || hardware != 1 || th_cur_left(&c) != 6)
        return;
    struct th_mac mac;
    memcpy(mac.b, th_cur_bytes(&c, 6).p, 6);
    TH_SET(ev, DHCP, mac, mac);
}

/* Labels as on the wire, which may end without their root. */
static void set_name(struct th_ev_dhcp *ev, struct th_arena *a, struct th_cur *c)
{
    char *name = th_arena_alloc(a, 256);
    uint32_t n = 0;
    th_cur_skip(c, 1);
    for (uint8_t len; th_cur_left(c) && (len = th_cur_u8(c)) != 0 && len < 64;) {
        struct th_str label = th_cur_bytes(c, len);
        if (c->failed || n + label.len + 1 > 256)
            return;
        if (n)
            name[n++] = '.';
        memcpy(name + n, label.p, label.len);
        n += label.len;
    }
    TH_SET_TEXT(ev, DHCP, client_fqdn, th_str_n(name, n));
}

static void set_addr(struct th_ev_dhcp *ev, struct th_cur *c, bool given)
{
    struct th_str bytes = th_cur_bytes(c, 16);
    th_cur_skip(c, 4);
    uint32_t lifetime_s = th_cur_be32(c);
    if (c->failed)
        return;
    struct th_addr a;
    memcpy(a.b, bytes.p, 16);
    if (!given) {
        TH_SET(ev, DHCP, requested_addr, a);
        return;
    }
    TH_SET(ev, DHCP, assigned_addr, a);
    TH_SET(ev, DHCP, lease_time, (int64_t)lifetime_s * TH_NS_PER_S);
}

/* The addresses inside of an identity association. */
static void association(struct th_ev_dhcp *ev, struct th_cur *c, unsigned code, bool given)
{
    th_cur_skip(c, code == IA_NA ? 12 : 4);
    while (th_cur_left(c) >= 4) {
        unsigned inner = th_cur_be16(c);
        struct th_cur value = th_cur_sub(c, th_cur_be16(c));
        if (inner == IA_ADDR)
            set_addr(ev, &value, given);
    }
}

static void vendor_class(struct th_ev_dhcp *ev, struct th_cur *v)
{
    th_cur_skip(v, 4);
    struct th_str text = th_cur_bytes(v, th_cur_be16(v));
    if (!v->failed)
        TH_SET_TEXT(ev, DHCP, vendor_class, text);
}

/* Options; that of a relay's message holds the next message, returned in *ret_inner. */
static void options(struct th_ev_dhcp *ev, struct th_arena *a, struct th_cur *c, bool server,
    struct th_cur *ret_inner)
{
    while (th_cur_left(c) >= 4) {
        unsigned code = th_cur_be16(c);
        struct th_cur v = th_cur_sub(c, th_cur_be16(c));
        switch (code) {
        case CLIENT_ID: set_duid(ev, a, th_cur_bytes(&v, th_cur_left(&v))); break;
        case IA_NA:
        case IA_TA: association(ev, &v, code, server); break;
        case RELAY_MSG: *ret_inner = v; break;
        case VENDOR_CLASS: vendor_class(ev, &v); break;
        case CLIENT_FQDN: set_name(ev, a, &v); break;
        default: break;
        }
    }
}

static void set_ends(struct th_ev_dhcp *ev, const struct th_flow *f, int client, bool direct)
{
    TH_SET(ev, DHCP, client_port, f->port[client]);
    TH_SET(ev, DHCP, server_port, f->port[!client]);
    if (direct)
        TH_SET(ev, DHCP, client_addr, f->addr[client]);
    if (!th_addr_is_multicast(&f->addr[!client]))
        TH_SET(ev, DHCP, server_addr, f->addr[!client]);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct th_ev_dhcp ev = {.h.kind = TH_KIND_DHCP};
    struct th_cur m = th_cur_init(ch->p, ch->len);
    unsigned type = th_cur_u8(&m);
    bool direct = true;
    (void)state;
    for (unsigned i = 0; i < MAX_RELAYS && (type == RELAY_FORW || type == RELAY_REPL); i++) {
        struct th_cur inner = th_cur_init(NULL, 0);
        th_cur_skip(&m, 1 + 16 + 16); /* hops, link, peer */
        options(&ev, &c->pr->scratch, &m, type == RELAY_REPL, &inner);
        m = inner;
        type = th_cur_u8(&m);
        direct = false;
    }
    bool relayed = type == RELAY_FORW || type == RELAY_REPL; /* still */
    if (m.failed || !type || relayed || type > LEASEQUERY_REPLY)
        return c->service_count ? TH_GO_ON : TH_BAIL;
    th_cur_skip(&m, 3); /* transaction */
    th_conn_service(c, TH_SVC_DHCP6);
    struct th_str uid = th_str_n(c->flow->uid, TH_UID_LEN - 1), kind = th_str_c(names[type]);
    struct th_cur none = th_cur_init(NULL, 0);
    bool server = by_server(type);
    TH_SET(&ev, DHCP, ts, ch->time_ns);
    TH_SET(&ev, DHCP, uids, (struct th_strs){&uid, 1});
    TH_SET(&ev, DHCP, msg_types, (struct th_strs){&kind, 1});
    set_ends(&ev, c->flow, server ? !ch->dir : ch->dir, direct);
    options(&ev, &c->pr->scratch, &m, server, &none);
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
    return TH_GO_ON;
}

const struct th_analyser th_dhcp6_analyser = {
    .service = TH_SVC_DHCP6,
    .udp = true,
    .state_bytes = 1,
    .probe = probe,
    .data = data,
};
