/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: the bulk of events. What the originator did, and what the responder met. */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"
#include "sketch/hll.h"

#define LONG_NS (10 * TH_NS_PER_MIN)
#define SHORT_NS (10 * TH_NS_PER_S)
#define SHORT_BYTES 4096u
#define DYNAMIC_PORTS 32768u /* ports from here on are one: nobody's service */
#define ICMP_ECHO 8u
#define ICMP6_ECHO 128u
#define FAILS_FOR_MANY 3u /* devices that fail at a destination until it is its fault */
#define PORTS_NOTED 6.0
#define LATERAL_NS (4 * TH_NS_PER_HOUR)
#define BIT(f) (UINT64_C(1) << (f))

struct flow {
    const struct th_ev_conn *ev;
    uint16_t port;
    bool tcp, icmp;
    bool failed, first;
    bool used;        /* both sides said something, as far as can be told: no mere knock */
    uint64_t out, in; /* payload by the originator and the responder, since the last part */
};

static void count_burst(struct th_win *w, struct th_burst *b, unsigned rate, int64_t time_ns)
{
    int32_t minute = (int32_t)(th_time_sub(time_ns, w->start_ns) / TH_NS_PER_MIN);
    b->count = b->minute == minute ? b->count + 1 : 1;
    b->minute = minute;
    w->v[rate] = TH_MAX(w->v[rate], b->count);
}

/* Connections with whom it met first in this hour. */
static void count_stranger(
    struct th_win *w, struct th_strangers *s, unsigned rate, uint64_t key, bool fresh)
{
    bool known = !fresh;
    for (unsigned i = 0; i < TH_STRANGERS && known; i++)
        known = s->key[i] != key;
    if (known)
        return;
    if (fresh)
        s->key[s->at++ % TH_STRANGERS] = key;
    w->v[rate]++;
}

static bool is_admin_port(uint16_t port)
{
    switch (port) {
    case 22:
    case 23:
    case 135:
    case 139:
    case 445:
    case 3389:
    case 5900:
    case 5901:
    case 5985:
    case 5986: return true;
    default: return false;
    }
}

/* Services at which passwords are tried one a connection. */
static bool is_login_port(uint16_t port)
{
    switch (port) {
    case 21:
    case 22:
    case 23:
    case 110:
    case 143:
    case 1433:
    case 3306:
    case 3389:
    case 5432:
    case 5900: return true;
    default: return false;
    }
}

/* Name, time and address services are called by rule; who calls says little. */
static bool is_plumbing(uint16_t port, bool tcp)
{
    if (port == 53)
        return true;
    return !tcp &&
        (port == 67 || port == 68 || port == 123 || port == 137 || port == 138 || port == 547 ||
            port == 1900 || port == 3702 || port == 5353 || port == 5355);
}

static bool state_is(const struct th_ev_conn *ev, const char *state)
{
    return th_str_is(ev->conn_state, state);
}

static bool has_failed(const struct flow *f)
{
    const struct th_ev_conn *ev = f->ev;
    if (!f->tcp || f->in > 0)
        return false;
    return state_is(ev, "S0") || state_is(ev, "REJ") || state_is(ev, "RSTOS0") ||
        state_is(ev, "SH") || (state_is(ev, "RSTR") && ev->orig_bytes == 0);
}

static struct flow look(const struct th_ev_conn *ev)
{
    struct flow f = {.ev = ev, .port = ev->id_resp_p};
    f.tcp = th_str_is(ev->proto, "tcp");
    f.icmp = th_str_starts(ev->proto, "icmp");
    bool parts = TH_HAS(ev, CONN, part);
    f.out = TH_HAS(ev, CONN, part_orig_bytes) ? ev->part_orig_bytes : ev->orig_bytes;
    f.in = TH_HAS(ev, CONN, part_resp_bytes) ? ev->part_resp_bytes : ev->resp_bytes;
    f.first = !parts || ev->part <= 1;
    f.failed = has_failed(&f);
    bool known = TH_HAS(ev, CONN, orig_bytes) && TH_HAS(ev, CONN, resp_bytes);
    f.used = !f.failed && (!known || (ev->orig_bytes > 0 && ev->resp_bytes > 0));
    return f;
}

static void count_top(struct th_act *a, const struct th_addr *addr, uint16_t port)
{
    uint64_t key;
    memcpy(&key, addr->b + 8, sizeof(key));
    bool taken;
    unsigned at = th_topk_add(a->win->top, TH_TOP_SLOTS, th_hash_pair(key, port), 1, &taken);
    if (taken)
        a->win->top_host[at] = (struct th_top_host){.addr = *addr, .port = port};
}

/* Hosts tried on one port: the slots are those ports with the most failures. */
static void count_scan(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    struct th_scan_slot *slots = th_part_failed(a->part, a->win)->scan;
    struct th_scan_slot *least = &slots[0];
    for (unsigned i = 0; i < TH_SCAN_SLOTS; i++) {
        struct th_scan_slot *s = &slots[i];
        if (s->used && s->port == f->port && s->inside == peer->inside) {
            s->fails += f->failed;
            s->oks += !f->failed;
            if (f->failed)
                th_hll_add(s->hll, TH_SCAN_HLL_LOG2M, peer->key);
            return;
        }
        if (s->fails < least->fails)
            least = s;
    }
    if (!f->failed || (least->used && least->fails > 4))
        return;
    *least = (struct th_scan_slot){.port = f->port, .inside = peer->inside, .used = 1, .fails = 1};
    th_hll_add(least->hll, TH_SCAN_HLL_LOG2M, peer->key);
}

static void count_failed(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    struct th_win *w = a->win;
    w->v[TH_FEAT_CONNS_FAILED]++;
    if (th_hll_add(th_part_failed(a->part, w)->hll, TH_HLL_LOG2M, peer->key))
        th_touch_add(&a->part->touches, peer->key, TH_TOUCH_FAIL, 0);
    const struct th_org_dest *d = th_org_find(a->l->org, peer->key);
    /* It refuses many: that is its fault, not this device's search. */
    if (!d || d->failing < FAILS_FOR_MANY)
        count_scan(a, f, peer);
}

/* Most connections go to the ports of the one before. */
static bool port_is_recent(struct th_win *w, const struct flow *f)
{
    uint32_t id = 1u << 31 | (uint32_t)f->failed << 17 | (uint32_t)f->tcp << 16 | f->port;
    for (unsigned i = 0; i < TH_RECENT_PORTS; i++) {
        if (w->ports[i] == id)
            return true;
    }
    w->ports[w->port_at++ % TH_RECENT_PORTS] = id;
    return false;
}

static void note_new_port(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    uint16_t port = f->port < DYNAMIC_PORTS ? f->port : DYNAMIC_PORTS;
    uint64_t key = th_hash_pair(a->l->cfg.key.k0 ^ TH_SALT_PORT, (uint64_t)f->tcp << 16 | port);
    if (port_is_recent(a->win, f))
        return;
    th_hll_add(a->win->hll_port, TH_HLL_LOG2M,
        th_hash_pair(a->l->cfg.key.k1, (uint64_t)f->tcp << 16 | f->port));
    if (f->failed || !th_novelty_try(a, TH_NOVEL_PORT, key))
        return;
    double worth = th_org_rarity(a->l->org, key, false);
    struct th_note *n = th_note_get(a, TH_FEAT_NEW_PORT, key, 2, worth);
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_PORT, key, peer);
    snprintf(th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN, "%s port %u",
        f->tcp ? "TCP" : "UDP", f->port);
}

static void note_destination(struct th_act *a, const struct th_peer *peer)
{
    struct th_win *w = a->win;
    bool fresh =
        peer->inside ? th_novelty_touch(a, peer->key) : th_novelty_try(a, TH_NOVEL_DEST, peer->key);
    count_stranger(w, &w->strangers_out, TH_RATE(TH_FEAT_STRANGERS_OUT), peer->key, fresh);
    if (peer->inside || !fresh)
        return;
    a->win->v[TH_FEAT_NEW_DESTS]++;
    double worth = th_org_rarity(a->l->org, peer->key, false);
    struct th_note *n = th_note_get(a, TH_FEAT_NEW_DESTINATION, peer->key, 4, worth);
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_DEST, peer->key, peer);
}

/* It was administered within the last hours and now administers another, as it never did. */
static void note_lateral(struct th_act *a, const struct th_peer *peer)
{
    const struct th_dev *d = a->dev;
    if (d->admin_in_ns == 0 || d->admin_in_key == peer->key ||
        th_time_sub(a->time_ns, d->admin_in_ns) > LATERAL_NS || a->time_ns < d->admin_in_ns)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_LATERAL, peer->key, 3, (double)d->admin_in_raw);
    if (!n)
        return;
    char from[TH_ADDR_TEXT_LEN];
    char to[TH_ADDR_TEXT_LEN];
    th_addr_format(&d->admin_in_addr, from);
    th_addr_format(&peer->addr, to);
    th_note_peer(n, peer);
    n->novel = TH_NOVEL_ADMIN_PEER + 1;
    n->a = 2;
    n->b = (double)d->admin_in_raw;
    n->first_ns = d->admin_in_ns;
    snprintf(
        th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN, "from %.39s, then to %.39s", from, to);
}

static void note_admin(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    uint64_t key = th_hash_pair(peer->key, TH_SALT_ADMIN);
    a->win->v[TH_FEAT_ADMIN_CONNS]++;
    a->win->tried |= BIT(TH_FEAT_LATERAL);
    if (!f->used || !th_novelty_try(a, TH_NOVEL_ADMIN_PEER, key))
        return;
    note_lateral(a, peer);
    struct th_note *n =
        th_note_get(a, TH_FEAT_NEW_ADMIN_PEER, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_ADMIN_PEER, key, peer);
    snprintf(th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN, "port %u", f->port);
}

/* Distinct ports tried at one host, out of a 32-bit linear count. */
static void count_ports(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    struct th_pair *p = th_pair_get(a, peer->key, TH_PAIR_HOST);
    uint32_t bit = 1u << (th_hash_pair(a->l->cfg.key.k0, f->port) >> 59);
    if (p->beat.port_bits & bit && p->beat.port_bits != UINT32_MAX)
        return;
    p->beat.port_bits |= bit;
    int zeros = 32 - __builtin_popcount(p->beat.port_bits);
    double ports = 32 * log(32.0 / (zeros > 0 ? zeros : 0.5));
    if (ports < PORTS_NOTED)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_SCAN_PORTS, peer->key, 3, ports);
    if (!n)
        return;
    bool before = n->flags != 0;
    th_note_peer(n, peer);
    n->a = fmax(n->a, ports);
    n->b += 1;
    char text[8];
    snprintf(text, sizeof(text), "%u", f->port);
    if (!before || n->examples < 10)
        th_note_example(a->part, n, "ports ", th_str_c(text));
}

static void note_long(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    if (f->ev->duration < LONG_NS)
        return;
    double seconds = (double)f->ev->duration / (double)TH_NS_PER_S;
    struct th_note *n = th_note_get(a, TH_FEAT_LONG_CONN, peer->key, 3,
        log10(seconds) + th_org_rarity(a->l->org, peer->key, true));
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = fmax(n->a, seconds);
    n->first_ns = TH_MIN(n->first_ns, th_time_sub(f->ev->h.time_ns, f->ev->duration));
}

static void note_mining_port(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    static const uint16_t ports[] = {
        3032, 3333, 3357, 5555, 5588, 7777, 8333, 9999, 14433, 14444, 45560, 45700};
    bool known = false;
    for (size_t i = 0; i < TH_ARRAY_LEN(ports); i++)
        known = known || ports[i] == f->port;
    if (!known || !f->tcp || f->failed)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_MINING, peer->key, 2, 1);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a += 1;
    n->b = fmax(n->b, 1);
    snprintf(
        th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN, "port %u is a mining pool's", f->port);
}

static void conn_out(struct th_act *a, const struct flow *f, const struct th_who *who)
{
    const struct th_peer *peer = &who->resp_peer;
    struct th_win *w = a->win;
    bool inside = peer->inside;
    w->v[inside ? TH_FEAT_BYTES_OUT_INT : TH_FEAT_BYTES_OUT_EXT] += f->out;
    w->v[inside ? TH_FEAT_BYTES_IN_INT : TH_FEAT_BYTES_IN_EXT] += f->in;
    if (!inside) {
        w->tried |= BIT(TH_FEAT_UPLOAD) | BIT(TH_FEAT_STAGING);
        th_beacon_upload(a, peer, f->out, f->in);
    }
    bool plumbing = is_plumbing(f->port, f->tcp);
    if (!plumbing)
        note_long(a, f, peer);
    if (!f->first)
        return;
    w->tried |= BIT(inside ? TH_FEAT_BEACON_INT : TH_FEAT_BEACON_FAST) | BIT(TH_FEAT_BEACON_SLOW) |
        BIT(TH_FEAT_SCAN_INT) | BIT(TH_FEAT_SCAN_EXT) | BIT(TH_FEAT_SCAN_PORTS) |
        BIT(TH_FEAT_LONG_CONN) | BIT(TH_FEAT_MINING) | BIT(TH_FEAT_ACTIVE_HOUR);
    w->v[inside ? TH_FEAT_CONNS_OUT_INT : TH_FEAT_CONNS_OUT_EXT]++;
    count_burst(w, &w->burst_out, TH_RATE(TH_FEAT_BURST_OUT), a->time_ns);
    th_hll_add(inside ? w->hll_int : w->hll_ext, TH_HLL_LOG2M, peer->key);
    if (peer->has_addr)
        count_top(a, &peer->addr, f->port);
    if (f->failed)
        count_failed(a, f, peer);
    else if (f->tcp && w->failed != TH_POOL_NONE)
        count_scan(a, f, peer);
    if (f->tcp && (f->failed || (f->out == 0 && f->in == 0)))
        count_ports(a, f, peer);
    if (!plumbing) {
        note_new_port(a, f, peer);
        th_beacon_beat(a, peer, f->ev->ts);
    }
    if (!f->failed)
        note_destination(a, peer);
    if (inside && f->tcp && is_admin_port(f->port))
        note_admin(a, f, peer);
    if (!inside)
        note_mining_port(a, f, peer);
}

static void note_admin_in(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    uint64_t key = th_hash_pair(peer->key, TH_SALT_ADMIN_BY);
    bool fresh = th_novelty_try(a, TH_NOVEL_ADMIN_CLIENT, key);
    double raw = fresh ? -log10(th_novelty_p(a->dev, TH_NOVEL_ADMIN_CLIENT)) : 0;
    struct th_dev *d = a->dev;
    bool stale = th_time_sub(a->time_ns, d->admin_in_ns) > LATERAL_NS;
    /* What comes late does not take the place of what is newer. */
    if (a->time_ns >= d->admin_in_ns && (fresh || stale || d->admin_in_key == peer->key)) {
        d->admin_in_raw = stale || fresh ? (float)raw : d->admin_in_raw;
        d->admin_in_ns = a->time_ns;
        d->admin_in_key = peer->key;
        d->admin_in_addr = peer->addr;
    }
    if (!fresh)
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_NEW_ADMIN_CLIENT, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_ADMIN_CLIENT, key, peer);
    snprintf(th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN, "port %u", f->port);
}

static void note_client(struct th_act *a, const struct flow *f, const struct th_peer *peer)
{
    struct th_win *w = a->win;
    struct th_called *c = th_part_called(a->part, w);
    uint64_t key = th_hash_pair(peer->key, TH_SALT_CLIENT);
    count_burst(w, &c->burst, TH_RATE(TH_FEAT_BURST_IN), a->time_ns);
    th_hll_add(c->hll, TH_HLL_LOG2M, peer->key);
    th_topk_add(c->top, TH_TOP_SLOTS, key, 1, NULL);
    if (f->failed || is_plumbing(f->port, f->tcp))
        return;
    w->tried |= BIT(TH_FEAT_NEW_CLIENT);
    bool fresh = th_novelty_client(a, key);
    count_stranger(w, &c->strangers, TH_RATE(TH_FEAT_STRANGERS_IN), key, fresh);
    if (!fresh)
        return;
    w->v[TH_RATE(TH_FEAT_NEW_CLIENTS)]++;
    struct th_note *n =
        th_note_get(a, TH_FEAT_NEW_CLIENT, key, 4, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_CLIENT, key, peer);
}

static void conn_in(struct th_act *a, const struct flow *f, const struct th_who *who)
{
    struct th_win *w = a->win;
    struct th_peer peer = who->orig_peer;
    bool inside = peer.inside;
    w->v[inside ? TH_FEAT_BYTES_OUT_INT : TH_FEAT_BYTES_OUT_EXT] += f->in;
    w->v[inside ? TH_FEAT_BYTES_IN_INT : TH_FEAT_BYTES_IN_EXT] += f->out;
    peer.port = f->port;
    if (!inside && f->in > 0) {
        w->tried |= BIT(TH_FEAT_UPLOAD) | BIT(TH_FEAT_STAGING);
        th_beacon_upload(a, &peer, f->in, f->out);
    }
    if (!f->first)
        return;
    w->v[inside ? TH_FEAT_CONNS_IN_INT : TH_FEAT_CONNS_IN_EXT]++;
    note_client(a, f, &peer);
    if (inside && f->tcp && f->used && is_admin_port(f->port))
        note_admin_in(a, f, &peer);
}

static void echo(struct th_act *orig, const struct flow *f)
{
    uint16_t type = f->ev->id_orig_p;
    if (!f->first || (type != ICMP_ECHO && type != ICMP6_ECHO))
        return;
    th_learn_probe(orig, &f->ev->id_resp_h);
    if (f->in > 0 || f->ev->resp_pkts > 0)
        th_learn_alive(orig, &f->ev->id_resp_h);
}

void th_learn_conn(
    struct th_act *orig, struct th_act *resp, const struct th_ev_conn *ev, const struct th_who *w)
{
    struct flow f = look(ev);
    if (f.icmp) {
        if (orig)
            echo(orig, &f);
        return;
    }
    if (th_addr_is_multicast(&ev->id_resp_h))
        return;
    if (orig)
        conn_out(orig, &f, w);
    if (resp)
        conn_in(resp, &f, w);
    bool brief = ev->duration < SHORT_NS && f.in < SHORT_BYTES;
    if (f.tcp && f.first && is_login_port(f.port) && brief && !f.failed && f.in > 0)
        th_learn_login(orig, resp, w, f.port, 0, 0.5);
}
