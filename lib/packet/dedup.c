/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/dedup.h"

#include "base/mem.h"
#include "base/time.h"

/* Entries of one bucket, a line of the cache: a new packet takes the place of the oldest. */
#define WAYS 8u
/* Of the payload; the rest is told apart by lengths and numbers. */
#define PAYLOAD_BYTES 32u

/* Milliseconds go round after a minute: what lies longer is taken for something else, unless all 32
 * bits of the tag agree then too. */
struct seen {
    uint32_t tag; /* 0: free */
    uint16_t ms;
    uint16_t way;
};

struct bucket {
    struct seen v[WAYS];
};

struct th_dedup {
    struct th_hash_key key;
    uint64_t mask; /* of buckets */
    struct bucket *v;
    struct bucket room[]; /* one more than there are, for v to begin at a line */
};

struct th_dedup *th_dedup_new(const struct th_hash_key *key, unsigned bits)
{
    size_t buckets = ((size_t)1 << bits) / WAYS;
    struct th_dedup *d = th_xcalloc(1, sizeof(*d) + (buckets + 1) * sizeof(struct bucket));
    d->key = *key;
    d->mask = buckets - 1;
    uintptr_t past = (uintptr_t)d->room % sizeof(struct bucket);
    d->v =
        (struct bucket *)(void *)((uint8_t *)d->room + (past ? sizeof(struct bucket) - past : 0));
    return d;
}

void th_dedup_free(struct th_dedup *d)
{
    free(d);
}

/* All that stays the same on the way, without gaps between members. */
struct print {
    struct th_addr src, dst;
    uint8_t payload[PAYLOAD_BYTES];
    uint32_t frag_id, frag_offset, ip_len, payload_len, seq, ack;
    uint16_t src_port, dst_port, window;
    uint8_t proto, tcp_flags;
};
_Static_assert(sizeof(struct print) == 96, "no byte of it is without a value");

static uint64_t print_of(const struct th_dedup *d, const struct th_pkt *p)
{
    struct print f = {.src = p->src,
        .dst = p->dst,
        .frag_id = p->frag_id,
        .frag_offset = p->frag_offset,
        .ip_len = p->ip_len,
        .payload_len = p->payload_len,
        .seq = p->seq | p->icmp_rest, /* a packet has one of them */
        .ack = p->ack,
        .src_port = p->src_port,
        .dst_port = p->dst_port,
        .window = p->window,
        .proto = p->proto,
        .tcp_flags = p->tcp_flags};
    if (p->payload.len > 0)
        memcpy(f.payload, p->payload.p, TH_MIN(p->payload.len, PAYLOAD_BYTES));
    return th_hash_blocks(&d->key, &f, sizeof(f) / 16);
}

static bool is_copy_of(const struct seen *s, const struct th_pkt *pkt, uint16_t ms, uint16_t way)
{
    int apart_ms = (int16_t)(uint16_t)(ms - s->ms);
    apart_ms = apart_ms < 0 ? -apart_ms : apart_ms;
    if (s->way != way)
        return apart_ms <= TH_DEDUP_WINDOW_MS;
    return pkt->frag_id != 0 && th_addr_is_v4(&pkt->src) && apart_ms <= TH_DEDUP_SAME_WAY_MS;
}

bool th_dedup_is_copy(struct th_dedup *d, const struct th_pkt *pkt, uint16_t way, uint16_t *ret_way)
{
    uint64_t print = print_of(d, pkt);
    uint16_t ms = (uint16_t)(pkt->time_ns / TH_NS_PER_MS);
    uint32_t tag = (uint32_t)(print >> 32) | 1u;
    struct seen *v = d->v[print & d->mask].v;
    struct seen *place = v;
    for (unsigned i = 0; i < WAYS; i++) {
        struct seen *s = &v[i];
        if (s->tag == tag) {
            *ret_way = s->way;
            if (is_copy_of(s, pkt, ms, way))
                return true;
            place = s; /* sent again */
            break;
        }
        bool older = (uint16_t)(ms - s->ms) > (uint16_t)(ms - place->ms);
        if (place->tag && (!s->tag || older))
            place = s;
    }
    *place = (struct seen){.tag = tag, .ms = ms, .way = way};
    return false;
}
