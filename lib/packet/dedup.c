/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/dedup.h"

#include "base/mem.h"
#include "base/time.h"

/* Entries of one bucket: a new packet takes the place of the oldest. */
#define WAYS 4u
/* Of the payload; the rest is told apart by lengths and numbers. */
#define PAYLOAD_BYTES 64u

struct seen {
    int64_t time_ns;
    uint32_t tag; /* 0: free */
    uint32_t way;
};

struct th_dedup {
    struct th_hash_key key;
    uint64_t mask; /* of buckets */
    struct seen v[];
};

struct th_dedup *th_dedup_new(const struct th_hash_key *key, unsigned bits)
{
    size_t entries = (size_t)1 << bits;
    struct th_dedup *d = th_xcalloc(1, sizeof(*d) + entries * sizeof(struct seen));
    d->key = *key;
    d->mask = entries / WAYS - 1;
    return d;
}

void th_dedup_free(struct th_dedup *d)
{
    free(d);
}

/* All that stays the same on the way, without gaps between members. */
struct print {
    struct th_addr src, dst;
    uint64_t payload;
    uint32_t frag_id, frag_offset, ip_len, payload_len, seq, ack;
    uint16_t src_port, dst_port, window;
    uint8_t proto, tcp_flags;
};
_Static_assert(sizeof(struct print) == 72, "no byte of it is without a value");

static uint64_t print_of(const struct th_dedup *d, const struct th_pkt *p)
{
    const struct print f = {.src = p->src,
        .dst = p->dst,
        .payload = th_siphash(&d->key, p->payload.p, TH_MIN((size_t)p->payload.len, PAYLOAD_BYTES)),
        .frag_id = p->frag_id,
        .frag_offset = p->frag_offset,
        .ip_len = p->ip_len,
        .payload_len = p->payload_len,
        .seq = p->seq,
        .ack = p->ack,
        .src_port = p->src_port,
        .dst_port = p->dst_port,
        .window = p->window,
        .proto = p->proto,
        .tcp_flags = p->tcp_flags};
    return th_siphash(&d->key, &f, sizeof(f));
}

static bool is_copy_of(const struct seen *s, const struct th_pkt *pkt, uint32_t way)
{
    int64_t apart_ns = th_time_sub(pkt->time_ns, s->time_ns);
    apart_ns = apart_ns < 0 ? -apart_ns : apart_ns;
    if (s->way != way)
        return apart_ns <= TH_DEDUP_WINDOW_NS;
    return pkt->frag_id != 0 && th_addr_is_v4(&pkt->src) && apart_ns <= TH_DEDUP_SAME_WAY_NS;
}

bool th_dedup_is_copy(struct th_dedup *d, const struct th_pkt *pkt, uint32_t way)
{
    uint64_t print = print_of(d, pkt);
    uint32_t tag = (uint32_t)(print >> 32) | 1u;
    struct seen *bucket = &d->v[(print & d->mask) * WAYS];
    struct seen *place = bucket;
    for (unsigned i = 0; i < WAYS; i++) {
        struct seen *s = &bucket[i];
        if (s->tag == tag) {
            if (is_copy_of(s, pkt, way))
                return true;
            place = s; /* sent again */
            break;
        }
        if (s->time_ns < place->time_ns)
            place = s;
    }
    *place = (struct seen){.time_ns = pkt->time_ns, .tag = tag, .way = way};
    return false;
}
