/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP for IPv4 (RFC 2131, options of RFC 2132 and RFC 4702). One event for each transaction, made
 * a short while after its last message, as relays and servers repeat themselves.
 */
#include "dhcp.h"

#include "analysers.h"
#include "base/buf.h"

#define MAX_TRANSACTIONS 512u
#define LINGER_NS (2 * TH_NS_PER_S)
#define LONGEST_NS (30 * TH_NS_PER_S)
#define MAX_TYPES 8u
#define MAX_UIDS 4u
#define TEXT_MAX 255u
#define MIN_BYTES 240u /* fixed part and magic cookie */

struct text {
    uint8_t len;
    char p[TEXT_MAX];
};

struct transaction {
    struct transaction *next;
    uint32_t xid;
    uint8_t chaddr[16];
    int64_t first_ns, last_ns;
    uint16_t client_port, server_port;
    bool has_ports, has_mac;
    struct th_addr client, server, requested, assigned;
    bool has_lease;
    uint32_t lease_s;
    uint8_t types[MAX_TYPES], type_count;
    char uid[MAX_UIDS][TH_UID_LEN];
    uint8_t uid_count;
    struct text host_name, fqdn, domain, client_message, server_message, vendor_class, params;
};

struct th_dhcp_table {
    struct transaction *first, **last; /* oldest last message first */
    uint32_t count;
};

struct th_dhcp_table *th_dhcp_table_new(void)
{
    struct th_dhcp_table *t = th_xcalloc(1, sizeof(*t));
    t->last = &t->first;
    return t;
}

void th_dhcp_table_free(struct th_dhcp_table *t)
{
    while (t && t->first) {
        struct transaction *next = t->first->next;
        free(t->first);
        t->first = next;
    }
    free(t);
}

enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

static const char *const type_names[] = {[1] = "DISCOVER",
    "OFFER",
    "REQUEST",
    "DECLINE",
    "ACK",
    "NAK",
    "RELEASE",
    "INFORM",
    "FORCERENEW",
    "LEASEQUERY",
    "LEASEUNASSIGNED",
    "LEASEUNKNOWN",
    "LEASEACTIVE"};

static struct th_str text_of(const struct text *t)
{
    return th_str_n(t->p, t->len);
}

static void set_text(struct text *t, struct th_str s)
{
    t->len = (uint8_t)TH_MIN(s.len, TEXT_MAX);
    if (t->len)
        memcpy(t->p, s.p, t->len);
    while (t->len && t->p[t->len - 1] == '\0') /* some clients count a C string's end */
        t->len--;
}

static void set_names(struct th_ev_dhcp *ev, const struct transaction *x)
{
    TH_SET_TEXT(ev, DHCP, host_name, text_of(&x->host_name));
    TH_SET_TEXT(ev, DHCP, client_fqdn, text_of(&x->fqdn));
    TH_SET_TEXT(ev, DHCP, domain, text_of(&x->domain));
    TH_SET_TEXT(ev, DHCP, client_message, text_of(&x->client_message));
    TH_SET_TEXT(ev, DHCP, server_message, text_of(&x->server_message));
    TH_SET_TEXT(ev, DHCP, vendor_class, text_of(&x->vendor_class));
}

static struct th_str param_text(struct th_arena *a, const struct text *params)
{
    TH_AUTOBUF struct th_buf b = {.limit = 5 * TEXT_MAX};
    for (unsigned i = 0; i < params->len; i++)
        th_buf_printf(&b, i ? ",%u" : "%u", (uint8_t)params->p[i]);
    return th_arena_str(a, th_buf_view(&b));
}

static void set_addrs(struct th_ev_dhcp *ev, const struct transaction *x)
{
    static const struct th_addr none = {{0}};
    if (!th_addr_eq(&x->client, &none))
        TH_SET(ev, DHCP, client_addr, x->client);
    if (!th_addr_eq(&x->server, &none))
        TH_SET(ev, DHCP, server_addr, x->server);
    if (!th_addr_eq(&x->requested, &none))
        TH_SET(ev, DHCP, requested_addr, x->requested);
    if (!th_addr_eq(&x->assigned, &none))
        TH_SET(ev, DHCP, assigned_addr, x->assigned);
}

static void emit(struct th_proto *pr, const struct transaction *x)
{
    struct th_ev_dhcp ev = {.h.kind = TH_KIND_DHCP};
    struct th_str uids[MAX_UIDS], types[MAX_TYPES];
    th_arena_reset(&pr->scratch);
    for (unsigned i = 0; i < x->uid_count; i++)
        uids[i] = th_str_n(x->uid[i], TH_UID_LEN - 1);
    for (unsigned i = 0; i < x->type_count; i++)
        types[i] = th_str_c(type_names[x->types[i]]);
    TH_SET(&ev, DHCP, ts, x->first_ns);
    TH_SET(&ev, DHCP, uids, (struct th_strs){uids, x->uid_count});
    set_addrs(&ev, x);
    TH_SET(&ev, DHCP, client_port, x->client_port);
    TH_SET(&ev, DHCP, server_port, x->server_port);
    if (x->has_mac) {
        struct th_mac mac;
        memcpy(mac.b, x->chaddr, 6);
        TH_SET(&ev, DHCP, mac, mac);
    }
    set_names(&ev, x);
    if (x->has_lease)
        TH_SET(&ev, DHCP, lease_time, (int64_t)x->lease_s * TH_NS_PER_S);
    TH_SET(&ev, DHCP, msg_types, (struct th_strs){types, x->type_count});
    TH_SET(&ev, DHCP, duration, x->last_ns - x->first_ns);
    TH_SET_TEXT(&ev, DHCP, param_list, param_text(&pr->scratch, &x->params));
    th_proto_emit(pr, &ev.h, x->last_ns);
}

static void emit_at(struct th_proto *pr, struct transaction **at)
{
    struct th_dhcp_table *t = pr->dhcp;
    struct transaction *x = *at;
    TH_ASSERT(x);
    *at = x->next;
    if (t->last == &x->next)
        t->last = at;
    t->count--;
    emit(pr, x);
    free(x);
}

void th_dhcp_advance(struct th_proto *pr, int64_t now_ns)
{
    struct th_dhcp_table *t = pr->dhcp;
    while (t->first && now_ns - t->first->last_ns > LINGER_NS)
        emit_at(pr, &t->first);
}

void th_dhcp_flush(struct th_proto *pr)
{
    while (pr->dhcp->first)
        emit_at(pr, &pr->dhcp->first);
}

static struct transaction *find(
    struct th_proto *pr, uint32_t xid, const uint8_t chaddr[16], int64_t time_ns)
{
    struct th_dhcp_table *t = pr->dhcp;
    struct transaction *x = NULL;
    for (struct transaction **at = &t->first; *at; at = &(*at)->next) {
        if ((*at)->xid != xid || memcmp((*at)->chaddr, chaddr, 16) != 0)
            continue;
        if (time_ns - (*at)->first_ns > LONGEST_NS || (*at)->type_count == MAX_TYPES) {
            emit_at(pr, at);
            break;
        }
        x = *at;
        *at = x->next;
        if (t->last == &x->next)
            t->last = at;
        break;
    }
    if (!x) {
        if (t->count == MAX_TRANSACTIONS)
            emit_at(pr, &t->first);
        x = th_xcalloc(1, sizeof(*x));
        x->xid = xid;
        x->first_ns = time_ns;
        memcpy(x->chaddr, chaddr, 16);
        t->count++;
    }
    x->last_ns = TH_MAX(time_ns, x->first_ns);
    x->next = NULL;
    *t->last = x;
    t->last = &x->next;
    return x;
}

static void addr_option(struct th_cur *c, struct th_addr *ret)
{
    struct th_str s = th_cur_bytes(c, 4);
    if (!c->failed)
        *ret = th_addr_v4((const uint8_t *)s.p);
}

/* RFC 4702: flags, two codes, then the name as text or (E bit) as on the wire. */
static void fqdn_option(struct th_cur *c, struct text *ret)
{
    unsigned flags = th_cur_u8(c);
    th_cur_skip(c, 2);
    if (!(flags & 4)) {
        set_text(ret, th_cur_bytes(c, th_cur_left(c)));
        return;
    }
    char name[TEXT_MAX];
    uint32_t n = 0;
    for (uint8_t len; (len = th_cur_u8(c)) != 0 && len < 64;) {
        struct th_str label = th_cur_bytes(c, len);
        if (n + label.len + 1 > sizeof(name))
            break;
        if (n)
            name[n++] = '.';
        memcpy(name + n, label.p, label.len);
        n += label.len;
    }
    set_text(ret, th_str_n(name, n));
}

static void option(struct transaction *x, unsigned code, struct th_cur c, bool from_client)
{
    struct th_cur *v = &c;
    switch (code) {
    case 12:
        if (from_client)
            set_text(&x->host_name, th_cur_bytes(v, th_cur_left(v)));
        return;
    case 15: set_text(&x->domain, th_cur_bytes(v, th_cur_left(v))); return;
    case 50: addr_option(v, &x->requested); return;
    case 51:
        if (!from_client) {
            x->lease_s = th_cur_be32(v);
            x->has_lease = !c.failed;
        }
        return;
    case 53: {
        uint8_t type = th_cur_u8(v);
        if (type && type < TH_ARRAY_LEN(type_names) && x->type_count < MAX_TYPES)
            x->types[x->type_count++] = type;
        return;
    }
    case 54: addr_option(v, &x->server); return;
    case 55: set_text(&x->params, th_cur_bytes(v, th_cur_left(v))); return;
    case 56:
        set_text(
            from_client ? &x->client_message : &x->server_message, th_cur_bytes(v, th_cur_left(v)));
        return;
    case 60:
        if (from_client)
            set_text(&x->vendor_class, th_cur_bytes(v, th_cur_left(v)));
        return;
    case 81:
        if (from_client)
            fqdn_option(v, &x->fqdn);
        return;
    default: return;
    }
}

/* Returns option 52: which of the two fixed fields hold options too (RFC 2132 9.3). */
static unsigned options(struct transaction *x, struct th_cur *c, bool from_client)
{
    unsigned overload = 0;
    while (th_cur_left(c)) {
        unsigned code = th_cur_u8(c);
        if (code == 0)
            continue;
        if (code == 255)
            break;
        struct th_cur value = th_cur_sub(c, th_cur_u8(c));
        if (c->failed)
            break;
        if (code == 52)
            overload = th_cur_u8(&value);
        else
            option(x, code, value, from_client);
    }
    return overload;
}

static void add_uid(struct transaction *x, const char *uid)
{
    for (unsigned i = 0; i < x->uid_count; i++)
        if (memcmp(x->uid[i], uid, TH_UID_LEN) == 0)
            return;
    if (x->uid_count < MAX_UIDS)
        memcpy(x->uid[x->uid_count++], uid, TH_UID_LEN);
}

static void addresses(struct transaction *x, const struct th_flow *f, const struct th_chunk *ch,
    bool from_client, struct th_addr ciaddr, struct th_addr yiaddr)
{
    static const struct th_addr any4 = {{[10] = 0xff, [11] = 0xff}};
    if (!x->has_ports) {
        x->client_port = f->port[from_client ? ch->dir : !ch->dir];
        x->server_port = f->port[from_client ? !ch->dir : ch->dir];
        x->has_ports = true;
    }
    if (!th_addr_eq(&ciaddr, &any4))
        x->client = ciaddr;
    else if (from_client && !th_addr_eq(&f->addr[ch->dir], &any4) && f->port[ch->dir] == 68)
        x->client = f->addr[ch->dir];
    if (!from_client && !th_addr_eq(&yiaddr, &any4))
        x->assigned = yiaddr;
}

static bool looks_right(const uint8_t *p, size_t len)
{
    static const uint8_t cookie[4] = {0x63, 0x82, 0x53, 0x63};
    return len >= MIN_BYTES && (p[0] == 1 || p[0] == 2) && p[2] <= 16 &&
        memcmp(p + 236, cookie, 4) == 0;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (!looks_right(in->p, in->len))
        return TH_PROBE_NO;
    return in->p[0] == 1 ? TH_PROBE_CLIENT : TH_PROBE_SERVER;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    (void)state;
    if (!looks_right(ch->p, ch->len))
        return TH_GO_ON;
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    bool from_client = th_cur_u8(&cur) == 1;
    bool ethernet = th_cur_u8(&cur) == 1 && th_cur_peek(&cur, 0) == 6;
    th_cur_skip(&cur, 2);
    uint32_t xid = th_cur_be32(&cur);
    th_cur_skip(&cur, 4);
    struct th_addr ciaddr = {{0}}, yiaddr = {{0}};
    addr_option(&cur, &ciaddr);
    addr_option(&cur, &yiaddr);
    th_cur_skip(&cur, 8);
    struct th_str chaddr = th_cur_bytes(&cur, 16);
    struct th_cur sname = th_cur_sub(&cur, 64), file = th_cur_sub(&cur, 128);
    th_cur_skip(&cur, 4);
    th_conn_service(c, TH_SVC_DHCP);
    struct transaction *x = find(c->pr, xid, (const uint8_t *)chaddr.p, ch->time_ns);
    x->has_mac = ethernet;
    add_uid(x, c->flow->uid);
    addresses(x, c->flow, ch, from_client, ciaddr, yiaddr);
    unsigned overload = options(x, &cur, from_client);
    if (overload & OVERLOAD_FILE)
        options(x, &file, from_client);
    if (overload & OVERLOAD_SNAME)
        options(x, &sname, from_client);
    return TH_GO_ON;
}

const struct th_analyser th_dhcp_analyser = {
    .service = TH_SVC_DHCP,
    .udp = true,
    .probe = probe,
    .data = data,
};
