/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table's inside. Flows live in chunks that are never given back, so that an index
 * names one for its life; a hash of 8-byte slots (tag and index) finds them; one list
 * for each class of time-out, idle longest first, ends them. TCP keeps its state in the
 * flow and allocates only while data is out of order; what few flows ever need is allocated, too.
 */
#ifndef TH_FLOW_FLOW_PRIV_H
#define TH_FLOW_FLOW_PRIV_H

#include "base/mem.h"
#include "flow/flow.h"

/* A direction's data out of order: so many pieces at most, whatever their size. */
#define TH_REASM_MAX_SEGMENTS 1024u
/* What a piece costs beside its bytes, for the limits. */
#define TH_REASM_SEGMENT_COST 64u
/* What a flow that has any costs, for the limit of all. */
#define TH_REASM_HOLES_COST 80u
/* A hole that nobody fills or acknowledges for so long is given up. */
#define TH_REASM_HOLE_NS (10 * TH_NS_PER_S)
/* A jump of sequence numbers past this is an outage or a lie: followed only when the other side
 * acknowledges it or a second segment confirms it, and not counted as payload. */
#define TH_TCP_MAX_JUMP INT32_C(0x1000000)
/* Fragments that wait for the rest of their datagram: datagrams, bytes, pieces of one, time. */
#define TH_FRAG_MAX_DATAGRAMS 4096u
#define TH_FRAG_MAX_BYTES (16u << 20)
#define TH_FRAG_MAX_PIECES 1024u
#define TH_FRAG_TIMEOUT_NS (30 * TH_NS_PER_S)
/* A flow moves in its list only when this share of its time-out (at least a sweep's interval) has
 * passed since the last time: moving touches its neighbours. An idle flow's end is told late by
 * no more than that, once more of it when the cap was met, and a sweep. */
#define TH_FLOW_TOUCH_SHARE 32
#define TH_FLOW_SWEEP_NS TH_NS_PER_S
/* Flows that are of little weight (over, one-sided, of one packet) go first at the cap, as long as
 * they are more than this share of all: else each new connection would be the next to go. */
#define TH_FLOW_SLIGHT_SHARE 8
#define TH_FLOW_HISTORY_MAX 26u
#define TH_FLOW_NONE UINT32_MAX

enum {
    TH_IPPROTO_ICMP = 1,
    TH_IPPROTO_TCP = 6,
    TH_IPPROTO_UDP = 17,
    TH_IPPROTO_ICMP6 = 58,
    TH_IPPROTO_SCTP = 132
};

enum { TH_TCP_FIN = 1, TH_TCP_SYN = 2, TH_TCP_RST = 4, TH_TCP_PSH = 8, TH_TCP_ACK = 16 };

enum th_flow_class {
    TH_CLASS_TCP,
    TH_CLASS_ATTEMPT, /* one side only has spoken */
    TH_CLASS_CLOSING,
    TH_CLASS_UDP,
    TH_CLASS_ICMP,
    TH_CLASS_UDP_ONCE, /* one packet only so far */
    TH_CLASS_ICMP_ONCE,
    TH_CLASS_COUNT
};

/* State of one end, named as Zeek's endpoints, from which conn_state follows. */
enum th_tcp_state {
    TH_TCP_INACTIVE,
    TH_TCP_SYN_SENT,
    TH_TCP_SYN_ACK_SENT,
    TH_TCP_PARTIAL, /* spoke without a SYN that was seen */
    TH_TCP_ESTABLISHED,
    TH_TCP_CLOSED,
    TH_TCP_RESET
};

struct th_segment {
    struct th_segment *next;
    uint32_t seq;
    uint32_t len;      /* bytes of data[] */
    uint32_t wire_len; /* bytes it stands for */
    uint8_t data[];
};

/* Data of one direction that is out of order, sorted, without overlaps. */
struct th_pending {
    struct th_segment *head, *tail;
    uint32_t count;
    uint32_t cost_bytes;
};

/* Of a flow with such data, in the list of all of them. */
struct th_holes {
    struct th_flow_priv *prev, *next;
    int64_t since_ns;
    struct th_pending dir[2]; /* one at least has a head */
};
_Static_assert(sizeof(struct th_holes) <= TH_REASM_HOLES_COST, "what the limit counts");

struct th_tcp_end {
    uint32_t next_seq; /* the next byte to deliver */
    uint32_t isn;
    uint32_t ack;     /* highest acknowledgement that this end sent */
    uint32_t fin_seq; /* sequence number of its FIN */
    uint32_t rst_seq; /* of its last RST */
    uint8_t state;    /* enum th_tcp_state */
    bool has_seq, has_ack, has_syn, has_fin, fin_told;
};

/* What most flows never need: of long ones, and of those with trouble. */
struct th_rare {
    uint64_t part_payload[2]; /* payload_bytes when the current part began */
    struct {
        uint32_t rexmits, gaps, zero_windows; /* for the history */
        uint32_t jump_seq;                    /* end of the last segment that was too far ahead */
    } end[2];
};

struct th_flow_priv {
    _Alignas(64) struct th_flow f;
    int64_t seen_ns;  /* the table's clock at its last packet */
    int64_t touch_ns; /* and when it last moved in its list */
    int64_t part_ns;  /* when its current part began */
    uint32_t index, tag;
    uint32_t prev, next; /* in the list of its class */
    uint8_t class;       /* enum th_flow_class */
    bool ending;
    uint8_t history_len;
    uint8_t once; /* bit set: letters recorded once per direction (enum th_once) */
    char history[TH_FLOW_HISTORY_MAX];
    struct th_tcp_end end[2];
    struct th_holes *holes; /* NULL: nothing is out of order */
    struct th_rare *rare;   /* NULL: all zero */
};
_Static_assert(sizeof(struct th_flow_priv) <= 320, "five lines of the cache");

/* What one packet adds; a datagram out of fragments adds that of all of them. */
struct th_count {
    uint64_t pkts, ip_bytes, wire_bytes;
};

struct th_slot {
    uint32_t tag;
    uint32_t index; /* TH_FLOW_NONE: free */
};

struct th_list {
    uint32_t head, tail, count;
};

struct th_frags;

struct th_flows {
    struct th_flow_config config;
    int64_t timeout_ns[TH_CLASS_COUNT];
    int64_t touch_ns[TH_CLASS_COUNT];
    struct th_flow_ops ops;
    void *arg;
    struct th_flow_stats stats;
    int64_t now_ns; /* highest packet time so far */
    int64_t sweep_ns;
    struct th_slot *slots;
    uint32_t slot_mask;
    struct th_flow_priv **chunks;
    uint32_t chunk_count;
    uint32_t free_head; /* chained by `next` */
    struct th_list lists[TH_CLASS_COUNT];
    struct th_flow_priv *hole_head, *hole_tail;
    struct th_frags *frags;
};

static inline struct th_flow_priv *th_flow_priv(const struct th_flow *f)
{
    return (struct th_flow_priv *)(uintptr_t)f;
}

/* Flows come in chunks of 256. */
#define TH_FLOW_CHUNK_BITS 8
#define TH_FLOW_CHUNK (1u << TH_FLOW_CHUNK_BITS)

static inline struct th_flow_priv *th_table_at(const struct th_flows *t, uint32_t index)
{
    return &t->chunks[index >> TH_FLOW_CHUNK_BITS][index & (TH_FLOW_CHUNK - 1)];
}

/* All lines that a packet, or a flow's end, will touch at once. */
static inline void th_flow_prefetch(const struct th_flow_priv *p)
{
    for (size_t at = 0; at < sizeof(*p); at += 64)
        __builtin_prefetch((const char *)p + at, 1);
}

static inline bool th_is_icmp(uint8_t proto)
{
    return proto == TH_IPPROTO_ICMP || proto == TH_IPPROTO_ICMP6;
}

static inline void th_flow_weird(
    struct th_flows *t, struct th_flow_priv *p, int64_t time_ns, const char *name)
{
    if (t->ops.weird)
        t->ops.weird(t->arg, p ? &p->f : NULL, time_ns, name);
}

/* What waits in a direction; NULL: nothing. */
static inline struct th_pending *th_pending(const struct th_flow_priv *p, int dir)
{
    return p->holes && p->holes->dir[dir].head ? &p->holes->dir[dir] : NULL;
}

/* table.c */
struct th_flow_priv *th_table_find(
    struct th_flows *t, const struct th_pkt *pkt, uint32_t tag, int *ret_dir);
uint32_t th_table_tag(const struct th_flows *t, const struct th_pkt *pkt);
struct th_flow_priv *th_table_add(struct th_flows *t, uint32_t tag); /* zeroed, no list yet */
void th_table_remove(struct th_flows *t, struct th_flow_priv *p);
struct th_rare *th_flow_rare(struct th_flows *t, struct th_flow_priv *p);
void th_flow_rare_free(struct th_flows *t, struct th_flow_priv *p);
void th_list_append(struct th_flows *t, struct th_flow_priv *p, enum th_flow_class class);
void th_list_remove(struct th_flows *t, struct th_flow_priv *p);

/* flow.c */
void th_flow_input(
    struct th_flows *t, const struct th_pkt *pkt, uint32_t tag, const struct th_count *count);

/* tcp.c */
void th_tcp_packet(struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt);
enum th_flow_class th_tcp_class(const struct th_flow_priv *p);
/* This SYN begins another connection between the same ports. */
bool th_tcp_is_reuse(const struct th_flow_priv *p, int dir, const struct th_pkt *pkt);
/* The sender of a flow's first packet is its responder. */
bool th_flow_is_reversed(const struct th_pkt *pkt);

/* history.c */
void th_history_put(struct th_flow_priv *p, int dir, char letter);
/* Letters that count: written at the 1st, 10th, 100th ... occurrence. */
void th_history_count(struct th_flow_priv *p, int dir, char letter, uint32_t *counter);
/* Letters written once a direction. */
enum th_once { TH_ONCE_ACK, TH_ONCE_DATA, TH_ONCE_INCONSISTENT, TH_ONCE_MULTI };
static inline void th_history_once(struct th_flow_priv *p, int dir, enum th_once what)
{
    unsigned bit = 1u << ((unsigned)what * 2 + (unsigned)dir);
    if (__builtin_expect(p->once & bit, bit))
        return;
    p->once = (uint8_t)(p->once | bit);
    th_history_put(p, dir, "adiq"[what]);
}

/* reassembly.c */
void th_reasm_data(
    struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt, uint32_t seq);
/* The other side acknowledged data of direction dir: holes below are given up. */
void th_reasm_acked(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns);
void th_reasm_fin(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns);
/* Delivers what is pending, with gaps, in both directions. */
void th_reasm_flush(struct th_flows *t, struct th_flow_priv *p, int64_t time_ns);
void th_reasm_sweep(struct th_flows *t);
void th_reasm_free(struct th_flows *t, struct th_flow_priv *p);

/* frag.c */
struct th_frags *th_frags_new(const struct th_hash_key *key);
void th_frags_free(struct th_frags *frags);
void th_frag_packet(struct th_flows *t, const struct th_pkt *pkt);
void th_frag_sweep(struct th_flows *t);
void th_frag_flush(struct th_flows *t);

/* uid.c */
void th_flow_uid(const struct th_hash_key *key, const struct th_pkt *pkt, char out[TH_UID_LEN]);

#endif
