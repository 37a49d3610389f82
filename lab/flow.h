/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows: what applications make, and what comes out as events or as packets. A flow
 * is one connection with its byte counts and outcome, and the records that analysers
 * would see in it (a DNS query, a TLS handshake, a file opened). It owns all of its
 * text and goes back to its pool when its last event has been written.
 *
 * Times are absolute event time; dur_ns is from first to last packet.
 */
#ifndef TH_LAB_FLOW_H
#define TH_LAB_FLOW_H

#include "base/id.h"
#include "event/event.h"

#define LAB_UID_LEN (TH_ID_TEXT_LEN - 1) /* not terminated */

/* How a connection ended, by Zeek's names. */
enum lab_state {
    LAB_SF,   /* complete */
    LAB_S0,   /* no answer */
    LAB_REJ,  /* refused */
    LAB_RSTO, /* established, ended by a reset of the originator */
    LAB_RSTR, /* the same of the responder */
    LAB_S1,   /* established, no end seen */
    LAB_STATE_COUNT
};

enum lab_proto { LAB_NO_CONN = 0, LAB_ICMP = 1, LAB_TCP = 6, LAB_UDP = 17 };

/* A record inside a flow. ev is a whole event of its kind; whoever adds it sets ev->time_ns and
 * the fields, the queue fills in ts, uid and the four address fields where the kind has them. */
struct lab_rec {
    struct lab_rec *next;
    struct th_event *ev;
    int64_t ts;  /* when it began; ev->time_ns is when it was complete */
    uint32_t no; /* order in the flow */
};

struct lab_chunk;
struct lab_tls;

struct lab_flow {
    uint64_t id; /* stream of its actor and number therein */
    int64_t ts, dur_ns;
    struct th_addr src, dst;
    struct th_mac src_mac, dst_mac;
    uint16_t sport, dport; /* ICMP: type and code */
    uint8_t proto;         /* enum lab_proto; LAB_NO_CONN: records only (ARP) */
    uint8_t state;         /* enum lab_state */
    bool local_src, local_dst;
    const char *service; /* static, as Zeek names it; NULL: none */
    uint64_t up, down;   /* payload bytes of originator and responder */
    uint64_t pkts[2];    /* set by lab_flow_shape, as are the IP bytes */
    uint64_t ip_bytes[2];
    const struct lab_tls *tls; /* software of the client, for its hello; NULL: no TLS */
    uint32_t hello, flight;    /* bytes of the client's and the server's first messages */
    struct lab_rec *recs, **rec_tail;
    uint32_t rec_count;
    uint32_t refs; /* items still in the queue */
    uint32_t parts;
    uint64_t part_up, part_down; /* told in parts so far */
    struct lab_chunk *chunks;
    char uid[LAB_UID_LEN];
};

/* Memory of flows, kept for the next ones. */
struct lab_pool;
struct lab_pool *lab_pool_new(void);
void lab_pool_free(struct lab_pool *p);
/* Bytes held, in use or kept. */
size_t lab_pool_bytes(const struct lab_pool *p);

struct lab_flow *lab_flow_new(struct lab_pool *p, uint64_t seed, uint64_t id);
void lab_flow_free(struct lab_pool *p, struct lab_flow *f);
/* Gives one reference back; the last one frees. */
void lab_flow_unref(struct lab_pool *p, struct lab_flow *f);
/* Zeroed memory that lives as long as the flow. */
void *lab_flow_alloc(struct lab_pool *p, struct lab_flow *f, size_t len_bytes);
struct th_str lab_flow_text(struct lab_pool *p, struct lab_flow *f, struct th_str s);
/* A zeroed event of a kind, begun at ts, complete at time_ns. */
void *lab_flow_rec(
    struct lab_pool *p, struct lab_flow *f, enum th_kind kind, int64_t ts, int64_t time_ns);
/* Id of a file of this flow: "F" first, LAB_UID_LEN characters. */
struct th_str lab_flow_fuid(struct lab_pool *p, struct lab_flow *f, uint64_t seed, unsigned no);

/* Payload is cut into segments of LAB_MSS bytes; what a connection carries past jumbo_after bytes
 * in one direction (0: never) comes in segments of LAB_JUMBO, as captures made behind receive
 * offload show it. */
#define LAB_MSS 1448u
#define LAB_JUMBO (44u * LAB_MSS)
/* Sets pkts and ip_bytes as the packets of lab_plan add up. */
void lab_flow_shape(struct lab_flow *f, uint64_t jumbo_after);

/* The application's messages of an established connection: three that open it (a TLS hello, the
 * server's flight, the client's end of the handshake; empty for others), then rounds of one message
 * each way. */
#define LAB_HEAD_MESSAGES 4u /* the fourth is always empty, so that even ones are the client's */
#define LAB_TLS_FINISH 126u
struct lab_message {
    uint64_t bytes;
    unsigned dir; /* 0: of the originator */
};
struct lab_plan {
    uint64_t head[3];
    uint64_t up, down; /* of all rounds */
    uint32_t rounds;
};
void lab_plan_of(const struct lab_flow *f, struct lab_plan *p);
uint32_t lab_plan_count(const struct lab_plan *p);
struct lab_message lab_plan_message(const struct lab_plan *p, uint32_t i);
/* Length of the segment (UDP: datagram) that begins at `at` and belongs to what ends at `end`; both
 * count from the begin of its direction. */
uint32_t lab_segment_len(uint64_t at, uint64_t end, uint64_t jumbo_after, bool udp);

const char *lab_state_name(enum lab_state s);
/* The conn record of the whole flow, without identity fields. */
void lab_flow_conn(const struct lab_flow *f, struct th_ev_conn *ev);

#endif
