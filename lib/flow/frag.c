/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP fragments (RFC 791 3.2, RFC 8200 4.5) put together, so that a datagram reaches its flow whole
 * and all its packets are counted there. The first copy of a byte wins; RFC 5722 forbids
 * overlaps in IPv6, and such a datagram is dropped. What stays incomplete is still counted
 * when its first fragment named the ports.
 */
#include "flow_priv.h"

enum { BUCKETS = 1024, DATAGRAM_MAX = 65535, PIECE_COST = 64 };

struct frag_piece {
    struct frag_piece *next;
    uint32_t offset;
    uint32_t len;     /* bytes it stands for */
    uint32_t cap_len; /* bytes of data[]: fewer when the capture cut it */
    uint8_t data[];
};

struct datagram {
    struct datagram *next;                /* in its bucket */
    struct datagram *lru_prev, *lru_next; /* by time of the first fragment */
    struct th_pkt pkt;                    /* of the first fragment that came; later the one at 0 */
    int64_t since_ns;
    struct frag_piece *pieces;         /* by offset, without overlaps */
    struct frag_piece *last;           /* of them; most come in order */
    uint32_t piece_count, have, total; /* bytes; total 0: the last fragment did not come */
    uint32_t bucket;
    struct th_count count;
};

struct th_frags {
    struct th_hash_key key;
    struct datagram *buckets[BUCKETS];
    struct datagram *oldest, *newest;
    uint32_t datagrams;
    uint32_t bytes;
    uint8_t whole[DATAGRAM_MAX + 1];
};

struct th_frags *th_frags_new(const struct th_hash_key *key)
{
    struct th_frags *frags = th_xcalloc(1, sizeof(*frags));
    frags->key = *key;
    return frags;
}

static void free_datagram(struct th_frags *frags, struct datagram *d)
{
    struct datagram **link = &frags->buckets[d->bucket];
    while (*link != d)
        link = &(*link)->next;
    *link = d->next;
    if (d->lru_prev)
        d->lru_prev->lru_next = d->lru_next;
    else
        frags->oldest = d->lru_next;
    if (d->lru_next)
        d->lru_next->lru_prev = d->lru_prev;
    else
        frags->newest = d->lru_prev;
    for (struct frag_piece *x = d->pieces; x;) {
        struct frag_piece *next = x->next;
        frags->bytes -= x->cap_len + PIECE_COST;
        free(x);
        x = next;
    }
    frags->datagrams--;
    free(d);
}

void th_frags_free(struct th_frags *frags)
{
    if (!frags)
        return;
    while (frags->oldest)
        free_datagram(frags, frags->oldest);
    free(frags);
}

static bool same(const struct th_pkt *a, const struct th_pkt *b)
{
    return a->frag_id == b->frag_id && a->proto == b->proto && a->vlan == b->vlan &&
        th_addr_eq(&a->src, &b->src) && th_addr_eq(&a->dst, &b->dst);
}

static struct datagram *find_or_add(struct th_flows *t, const struct th_pkt *pkt)
{
    struct th_frags *frags = t->frags;
    struct {
        uint8_t addr[32];
        uint32_t id;
        uint16_t vlan, proto;
        uint64_t zero; /* whole blocks */
    } key = {.id = pkt->frag_id, .vlan = pkt->vlan, .proto = pkt->proto};
    memcpy(key.addr, pkt->src.b, 16);
    memcpy(key.addr + 16, pkt->dst.b, 16);
    uint32_t bucket = (uint32_t)th_hash_blocks(&frags->key, &key, sizeof(key) / 16) % BUCKETS;
    for (struct datagram *d = frags->buckets[bucket]; d; d = d->next) {
        if (same(&d->pkt, pkt))
            return d;
    }
    struct datagram *d = th_xcalloc(1, sizeof(*d));
    d->pkt = *pkt;
    d->since_ns = t->now_ns;
    d->bucket = bucket;
    d->next = frags->buckets[bucket];
    frags->buckets[bucket] = d;
    d->lru_prev = frags->newest;
    if (frags->newest)
        frags->newest->lru_next = d;
    else
        frags->oldest = d;
    frags->newest = d;
    frags->datagrams++;
    return d;
}

static void put_piece(struct th_frags *frags, struct datagram *d, struct frag_piece **link,
    uint32_t offset, struct th_str data, uint32_t len)
{
    uint32_t cap_len = TH_MIN(data.len, len);
    struct frag_piece *x = th_xmalloc(sizeof(*x) + cap_len);
    x->offset = offset;
    x->len = len;
    x->cap_len = cap_len;
    memcpy(x->data, data.p, cap_len);
    x->next = *link;
    *link = x;
    if (!x->next)
        d->last = x;
    d->have += len;
    d->piece_count++;
    frags->bytes += cap_len + PIECE_COST;
}

/* Fills what is not there yet; true when some of it was. */
static bool add_piece(
    struct th_frags *frags, struct datagram *d, uint32_t offset, struct th_str data, uint32_t len)
{
    bool overlap = false;
    struct frag_piece **link = &d->pieces;
    if (d->last && d->last->offset + d->last->len <= offset)
        link = &d->last->next;
    while (len) {
        struct frag_piece *x = *link;
        if (x && x->offset + x->len <= offset) {
            link = &x->next;
            continue;
        }
        bool inside = x && x->offset <= offset;
        uint32_t n = len;
        if (inside)
            n = TH_MIN(x->offset + x->len - offset, len);
        else if (x)
            n = TH_MIN(x->offset - offset, len);
        if (inside) {
            overlap = true;
        } else {
            put_piece(frags, d, link, offset, data, n);
            link = &(*link)->next;
        }
        uint32_t have = TH_MIN(n, data.len);
        data = th_str_n(data.p + have, data.len - have);
        offset += n;
        len -= n;
    }
    return overlap;
}

/* Copies the pieces together as far as they were captured. */
static struct th_str merge(struct th_frags *frags, const struct datagram *d)
{
    uint32_t n = 0;
    for (const struct frag_piece *x = d->pieces; x && x->offset == n; x = x->next) {
        memcpy(frags->whole + n, x->data, x->cap_len);
        n += x->cap_len;
        if (x->cap_len < x->len)
            break;
    }
    return th_str_n(frags->whole, n);
}

/* To its flow: whole, or as much as is there. Without its first fragment it has no ports: lost. */
static void hand_over(struct th_flows *t, struct datagram *d, int64_t time_ns)
{
    struct th_frags *frags = t->frags;
    if (!d->pieces || d->pieces->offset != 0) {
        t->stats.fragments_dropped += d->count.pkts;
        free_datagram(frags, d);
        return;
    }
    struct th_pkt pkt = d->pkt;
    struct th_count count = d->count;
    struct th_str whole = merge(frags, d);
    pkt.fragment = pkt.more_fragments = false;
    pkt.time_ns = time_ns;
    th_decode_transport(&pkt, whole, d->total ? d->total : whole.len);
    free_datagram(frags, d);
    if (!t->ops.whole || !t->ops.whole(t->arg, &pkt))
        th_flow_input(t, &pkt, th_table_tag(t, &pkt), &count);
}

static void drop(struct th_flows *t, struct datagram *d, int64_t time_ns, const char *weird)
{
    th_flow_weird(t, NULL, time_ns, weird);
    t->stats.fragments_dropped += d->count.pkts;
    free_datagram(t->frags, d);
}

static void keep_limits(struct th_flows *t)
{
    struct th_frags *frags = t->frags;
    while (frags->datagrams > TH_FRAG_MAX_DATAGRAMS || frags->bytes > TH_FRAG_MAX_BYTES) {
        th_flow_weird(t, NULL, t->now_ns, "fragments_given_up");
        hand_over(t, frags->oldest, t->now_ns);
    }
}

void th_frag_packet(struct th_flows *t, const struct th_pkt *pkt)
{
    t->stats.fragments++;
    struct datagram *d = find_or_add(t, pkt);
    d->count.pkts++;
    d->count.ip_bytes += pkt->ip_len;
    d->count.wire_bytes += pkt->wire_len;
    uint32_t end = pkt->frag_offset + pkt->payload_len;
    if (end > DATAGRAM_MAX || (pkt->more_fragments && pkt->payload_len == 0) ||
        (d->total && end > d->total)) {
        drop(t, d, pkt->time_ns, "fragment_size_inconsistency");
        return;
    }
    if (!pkt->more_fragments)
        d->total = end;
    if (pkt->frag_offset == 0) {
        d->pkt = *pkt; /* its link addresses and time to live stand for the whole */
        d->pkt.payload = d->pkt.l3 = (struct th_str){0};
    }
    bool overlap = add_piece(t->frags, d, pkt->frag_offset, pkt->payload, pkt->payload_len);
    if (overlap && !th_addr_is_v4(&pkt->src)) {
        drop(t, d, pkt->time_ns, "fragment_overlap");
        return;
    }
    if (overlap)
        th_flow_weird(t, NULL, pkt->time_ns, "fragment_overlap");
    if (d->piece_count > TH_FRAG_MAX_PIECES)
        drop(t, d, pkt->time_ns, "excessively_small_fragment");
    else if (d->total && d->have >= d->total)
        hand_over(t, d, pkt->time_ns);
    else
        keep_limits(t);
    t->stats.fragment_bytes_now = t->frags->bytes;
}

void th_frag_sweep(struct th_flows *t)
{
    struct th_frags *frags = t->frags;
    while (frags->oldest && th_time_add(frags->oldest->since_ns, TH_FRAG_TIMEOUT_NS) <= t->now_ns)
        hand_over(t, frags->oldest, t->now_ns);
    t->stats.fragment_bytes_now = frags->bytes;
}

void th_frag_flush(struct th_flows *t)
{
    while (t->frags->oldest)
        hand_over(t, t->frags->oldest, t->now_ns);
}
