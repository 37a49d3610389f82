/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/pair.h"

#include "base/mem.h"
#include "pair_priv.h"

#define NONE UINT32_MAX

static const uint32_t default_max_flows = 1u << 18;
static const int64_t default_hold_ns = TH_NS_PER_MIN;
/* A told connection is remembered for so long after its last part. */
static const int64_t remember_ns = 35 * TH_NS_PER_MIN;
/* Longer silence than this begins another connection of the same ends: Zeek's time-outs. */
static const int64_t tcp_gap_ns = 5 * TH_NS_PER_MIN;
static const int64_t other_gap_ns = TH_NS_PER_MIN;

enum { ICMP_ECHO = 8, ICMP_ECHO_REPLY = 0, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129 };

/* Both lists are in order of due_ns, because each gives all its members the same time. */
struct list {
    uint32_t first, last;
};

struct th_pairs {
    struct th_pairs_config config;
    const struct th_sink *sink;
    struct th_pair_flow *flows;
    uint32_t room, used; /* of flows: allocated, ever used */
    uint32_t free;       /* list by next_in_bucket */
    uint32_t *buckets;
    uint32_t mask;
    struct list waiting, told;
    int64_t now_ns;
    struct th_pairs_counts counts;
};

/* ---- table ---- */

static uint32_t *bucket_of(struct th_pairs *p, const struct th_pair_key *key)
{
    return &p->buckets[th_siphash(&p->config.key, key, sizeof(*key)) & p->mask];
}

static struct th_pair_flow *find(struct th_pairs *p, const struct th_pair_key *key)
{
    for (uint32_t i = *bucket_of(p, key); i != NONE; i = p->flows[i].next_in_bucket)
        if (memcmp(&p->flows[i].key, key, sizeof(*key)) == 0)
            return &p->flows[i];
    return NULL;
}

static void leave(struct th_pairs *p, struct list *l, struct th_pair_flow *f)
{
    if (f->prev == NONE)
        l->first = f->next;
    else
        p->flows[f->prev].next = f->next;
    if (f->next == NONE)
        l->last = f->prev;
    else
        p->flows[f->next].prev = f->prev;
}

static void join(struct th_pairs *p, struct list *l, struct th_pair_flow *f)
{
    uint32_t i = (uint32_t)(f - p->flows);
    f->prev = l->last;
    f->next = NONE;
    if (l->last == NONE)
        l->first = i;
    else
        p->flows[l->last].next = i;
    l->last = i;
}

/* One that was told leaves the table. */
static void forget(struct th_pairs *p, struct th_pair_flow *f)
{
    uint32_t i = (uint32_t)(f - p->flows);
    uint32_t *at = bucket_of(p, &f->key);
    while (*at != i)
        at = &p->flows[*at].next_in_bucket;
    *at = f->next_in_bucket;
    leave(p, &p->told, f);
    f->next_in_bucket = p->free;
    p->free = i;
    p->counts.flows_now--;
}

static int tell(struct th_pairs *p, struct th_pair_flow *f)
{
    struct th_pair_text text;
    struct th_ev_conn ev;
    leave(p, &p->waiting, f);
    th_pair_decide(f);
    th_pair_conn(f, &text, &ev);
    f->waiting = false;
    f->told = true;
    f->due_ns = th_time_add(p->now_ns, remember_ns);
    join(p, &p->told, f);
    ev.h.seq = p->counts.conns++;
    return th_sink_put(p->sink, &ev.h);
}

static int make_room(struct th_pairs *p)
{
    int r = 0;
    if (p->free != NONE || p->used < p->config.max_flows)
        return 0;
    if (p->told.first == NONE) {
        r = tell(p, &p->flows[p->waiting.first]);
        p->counts.evicted++;
    }
    forget(p, &p->flows[p->told.first]);
    p->counts.forgotten++;
    return r;
}

/* Room was made. */
static struct th_pair_flow *add(struct th_pairs *p, const struct th_pair_key *key)
{
    uint32_t i = p->free;
    if (i == NONE && p->used == p->room) {
        p->room = TH_MIN(TH_MAX(p->room * 2, 64u), p->config.max_flows);
        p->flows = th_xreallocarray(p->flows, p->room, sizeof(*p->flows));
    }
    if (i == NONE)
        i = p->used++;
    else
        p->free = p->flows[i].next_in_bucket;
    struct th_pair_flow *f = &p->flows[i];
    uint32_t *at = bucket_of(p, key);
    *f = (struct th_pair_flow){.key = *key, .next_in_bucket = *at, .orig = -1};
    *at = i;
    p->counts.flows_now++;
    return f;
}

/* ---- records ---- */

/* An answered ping is one connection, as everywhere here: the reply goes the way back. */
static bool is_echo_reply(struct th_flow_record *r)
{
    if (r->proto == TH_IP_ICMP && r->src_port == ICMP_ECHO_REPLY && r->dst_port == 0)
        r->src_port = ICMP_ECHO;
    else if (r->proto == TH_IP_ICMP6 && r->src_port == ICMP6_ECHO_REPLY)
        r->src_port = ICMP6_ECHO;
    else
        return false;
    return true;
}

static bool is_icmp(uint8_t proto)
{
    return proto == TH_IP_ICMP || proto == TH_IP_ICMP6;
}

/* Index of the record's sender in the key. */
static int make_key(const struct th_flow_record *r, struct th_pair_key *ret)
{
    int order = memcmp(r->src.b, r->dst.b, 16);
    /* Type and code are no ends: they keep their order. */
    if (order == 0 && !is_icmp(r->proto))
        order = r->src_port < r->dst_port ? -1 : 1;
    int from = order > 0;
    bool swap = from && !is_icmp(r->proto);
    memset(ret, 0, sizeof(*ret));
    ret->addr[from] = r->src;
    ret->addr[!from] = r->dst;
    ret->port[0] = swap ? r->dst_port : r->src_port;
    ret->port[1] = swap ? r->src_port : r->dst_port;
    ret->proto = r->proto;
    return from;
}

static bool is_copy(const struct th_pair_side *s, const struct th_flow_record *r)
{
    return s->point != 0 && s->point != r->point &&
        (r->first_ns < s->told_until_ns || r->last_ns <= s->told_until_ns);
}

/* The same ends, but it is not what was told before. */
static bool begins_anew(const struct th_pair_flow *f, int from, const struct th_flow_record *r)
{
    int64_t gap_ns = r->proto == TH_IP_TCP ? tcp_gap_ns : other_gap_ns;
    const struct th_pair_side *s = &f->side[from];
    if (th_time_sub(r->first_ns, f->last_ns) > gap_ns)
        return true;
    return r->proto == TH_IP_TCP && r->has_flags && (r->flags[0] & TH_TCP_SYN) &&
        ((s->flags | s->all_flags) & TH_TCP_SYN) && r->first_ns >= s->told_until_ns;
}

static void name(struct th_pairs *p, struct th_pair_flow *f, const struct th_flow_record *r)
{
    struct {
        struct th_pair_key key;
        uint32_t zero;
        int64_t first_ns;
    } id = {.key = f->key, .first_ns = r->first_ns};
    _Static_assert(sizeof(id) == 56 && sizeof(struct th_pair_key) == 40, "no padding is hashed");
    id.zero = 0;
    th_id_text('C', th_siphash(&p->config.key, &id, sizeof(id)), f->uid);
    f->begin_ns = r->first_ns;
    f->last_ns = r->last_ns;
    f->told_by_len = (uint8_t)TH_MIN(r->told_by.len, TH_PAIR_TOLD_BY_BYTES);
    if (f->told_by_len)
        memcpy(f->told_by, r->told_by.p, f->told_by_len);
}

/* Who tells of a direction stays known: other points' copies go on coming. */
static void renew(struct th_pair_flow *f)
{
    for (int i = 0; i < 2; i++)
        f->side[i] = (struct th_pair_side){
            .point = f->side[i].point, .told_until_ns = f->side[i].told_until_ns};
    f->parts = 0;
    f->sampling = 0;
    f->goes_on = f->rejected = f->has_flags = false;
}

static void count(struct th_pair_side *s, const struct th_flow_record *r, int way)
{
    s->first_ns = s->pending ? TH_MIN(s->first_ns, r->first_ns) : r->first_ns;
    s->last_ns = s->pending ? TH_MAX(s->last_ns, r->last_ns) : r->last_ns;
    s->told_until_ns = s->point == r->point ? TH_MAX(s->told_until_ns, r->last_ns) : r->last_ns;
    s->point = r->point;
    s->pending = true;
    s->flags |= r->flags[way];
    if (__builtin_add_overflow(s->bytes, r->bytes[way], &s->bytes))
        s->bytes = UINT64_MAX;
    if (__builtin_add_overflow(s->pkts, r->pkts[way], &s->pkts))
        s->pkts = UINT64_MAX;
}

static void take(
    struct th_pairs *p, struct th_pair_flow *f, int from, const struct th_flow_record *r)
{
    count(&f->side[from], r, 0);
    if (r->both && (r->pkts[1] || r->bytes[1]))
        count(&f->side[!from], r, 1);
    f->begin_ns = f->parts == 0 ? TH_MIN(f->begin_ns, r->first_ns) : f->begin_ns;
    f->last_ns = TH_MAX(f->last_ns, r->last_ns);
    f->has_flags |= r->has_flags;
    f->goes_on = r->goes_on;
    f->rejected |= r->rejected;
    f->sampling = TH_MAX(f->sampling, r->sampling);
    f->vlan = r->vlan ? r->vlan : f->vlan;
    if (f->waiting)
        return;
    if (f->told)
        leave(p, &p->told, f);
    f->told = false;
    f->waiting = true;
    f->due_ns = th_time_add(p->now_ns, p->config.hold_ns);
    join(p, &p->waiting, f);
}

int th_pairs_put(struct th_pairs *p, const struct th_flow_record *record)
{
    struct th_flow_record r = *record;
    struct th_pair_key key;
    bool reply = is_echo_reply(&r);
    int from = make_key(&r, &key);
    int err = 0;
    r.point |= r.point == 0; /* 0 stands for none */
    p->counts.records++;
    struct th_pair_flow *f = find(p, &key);
    if (f && is_copy(&f->side[from], &r)) {
        p->counts.copies++;
        return 0;
    }
    if (f && begins_anew(f, from, &r)) {
        if (f->waiting)
            err = tell(p, f);
        renew(f);
        name(p, f, &r);
    } else if (!f) {
        err = make_room(p);
        f = add(p, &key);
        name(p, f, &r);
    }
    if (r.src_began || reply || (is_icmp(r.proto) && f->orig < 0)) {
        f->orig = (int8_t)(reply ? !from : from);
        f->orig_is_sure = true;
    }
    take(p, f, from, &r);
    return err;
}

/* ---- time ---- */

int th_pairs_advance(struct th_pairs *p, int64_t now_ns)
{
    int r = 0;
    p->now_ns = TH_MAX(p->now_ns, now_ns);
    while (r == 0 && p->waiting.first != NONE && p->flows[p->waiting.first].due_ns <= p->now_ns)
        r = tell(p, &p->flows[p->waiting.first]);
    while (p->told.first != NONE && p->flows[p->told.first].due_ns <= p->now_ns)
        forget(p, &p->flows[p->told.first]);
    return r;
}

int th_pairs_flush(struct th_pairs *p)
{
    int r = 0;
    while (r == 0 && p->waiting.first != NONE)
        r = tell(p, &p->flows[p->waiting.first]);
    return r;
}

void th_pairs_counts(const struct th_pairs *p, struct th_pairs_counts *ret)
{
    *ret = p->counts;
}

struct th_pairs *th_pairs_new(const struct th_pairs_config *config, const struct th_sink *sink)
{
    struct th_pairs *p = th_xcalloc(1, sizeof(*p));
    uint32_t buckets = 1;
    p->config = *config;
    if (p->config.max_flows == 0)
        p->config.max_flows = default_max_flows;
    if (p->config.hold_ns == 0)
        p->config.hold_ns = default_hold_ns;
    p->sink = sink;
    while (buckets < p->config.max_flows)
        buckets *= 2;
    p->mask = buckets - 1;
    p->buckets = th_xreallocarray(NULL, buckets, sizeof(*p->buckets));
    memset(p->buckets, 0xff, buckets * sizeof(*p->buckets));
    p->free = NONE;
    p->waiting = p->told = (struct list){NONE, NONE};
    p->now_ns = INT64_MIN;
    return p;
}

void th_pairs_free(struct th_pairs *p)
{
    if (!p)
        return;
    free(p->flows);
    free(p->buckets);
    free(p);
}
