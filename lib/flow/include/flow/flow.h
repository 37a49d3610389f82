/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table: packets in, connections out. It keeps state by 5-tuple (and VLAN),
 * follows TCP, puts streams in order within limits, accounts bytes, times out, and
 * cuts long connections into parts. Who listens gets ordered data, gaps and ends; it
 * may hang its own state on `app`. All memory is bounded: at the cap a flow is ended
 * early and counted, and its record says so; connections that are over or were never answered and
 * flows of one packet go first, then who was idle longest.
 *
 * Direction 0 is originator to responder, 1 the way back.
 */
#ifndef TH_FLOW_FLOW_H
#define TH_FLOW_FLOW_H

#include "base/hash.h"
#include "base/id.h"
#include "event/community_id.h"
#include "packet/decode.h"

#define TH_UID_LEN TH_ID_TEXT_LEN /* 'C' first */

enum th_flow_end {
    TH_FLOW_END_CLOSED,  /* both sides are done */
    TH_FLOW_END_TIMEOUT, /* nothing for the time-out of its state */
    TH_FLOW_END_FLUSH,   /* the input ended */
    TH_FLOW_END_EVICTED  /* the memory cap needed room */
};

/* What was not followed to its end because memory was short; bits of th_flow.cut. */
enum { TH_CUT_FLOW = 1, TH_CUT_STREAM = 2, TH_CUT_ANALYSIS = 4 };

struct th_flow {
    /* The order is that of use: a packet of a known flow touches the first lines only. */
    struct th_addr addr[2]; /* [0] originator, [1] responder */
    uint16_t port[2];       /* ICMP: type, and code or the counterpart type of a request */
    uint16_t vlan, inner_vlan;
    uint16_t tunnel; /* what its first packet came in: an index of packet/tunnels.h; 0: nothing */
    uint8_t proto;
    uint8_t cut; /* TH_CUT_*; the listener may add to it */
    bool has_mac;
    bool skip_data[2]; /* set by the listener: no more data of this direction wanted; the rest is
                          only counted */
    uint32_t parts;    /* interim records made so far */
    struct th_mac mac[2];
    int64_t first_ns, last_ns;
    uint64_t pkts[2];
    uint64_t ip_bytes[2];
    uint64_t wire_bytes[2];
    uint64_t payload_bytes[2]; /* TCP: by sequence numbers, each byte once, gaps included */
    uint64_t missed_bytes;
    void *app; /* the listener's */
    char uid[TH_UID_LEN];
    /* what follows is lib/flow's own: struct th_flow_priv in flow_priv.h */
};

struct th_flow_ops {
    /* A datagram was put together from fragments. True: it was a tunnel's, what is inside was
     * taken, and no flow is made of it. NULL: never. */
    bool (*whole)(void *arg, const struct th_pkt *pkt);
    /* The first packet of a flow was accepted. */
    void (*begin)(void *arg, struct th_flow *f);
    /* TCP: the next bytes in order. Others: one datagram (may be shorter than it was: wire_len
     * is its real length). time_ns is the time of the packet that made them available. */
    void (*data)(void *arg, struct th_flow *f, int dir, int64_t time_ns, const uint8_t *p,
        size_t len, size_t wire_len);
    /* TCP: this many bytes are missing here and will not come. */
    void (*gap)(void *arg, struct th_flow *f, int dir, int64_t time_ns, uint64_t len_bytes);
    /* TCP: this direction sent its FIN and all data before it was delivered. Once; data of a sender
     * who goes on behind it all the same still comes. */
    void (*fin)(void *arg, struct th_flow *f, int dir, int64_t time_ns);
    /* A part of a long connection is due: f->parts counts it already. */
    void (*part)(void *arg, struct th_flow *f, int64_t time_ns);
    /* The flow goes: make its record, free what hangs on app. */
    void (*end)(void *arg, struct th_flow *f, enum th_flow_end why);
    /* Something is wrong; name is static. f may be NULL. */
    void (*weird)(void *arg, struct th_flow *f, int64_t time_ns, const char *name);
};

struct th_flow_config {
    struct th_hash_key key;             /* table hash and uids: same key and input, same uids */
    uint32_t max_flows;                 /* default 1,000,000 */
    uint64_t max_reassembly_bytes;      /* in all, default 128 MiB */
    uint32_t max_reassembly_flow_bytes; /* out of order, one direction; default 1 MiB */
    int64_t part_interval_ns;           /* interim records; default 5 minutes, below 0 none */
    /* time-outs; 0 takes Zeek's defaults: TCP 5 min, attempt 5 s, closing 5 s, UDP 1 min, ICMP 1
     * min */
    int64_t tcp_idle_ns, tcp_attempt_ns, tcp_close_ns, udp_idle_ns, icmp_idle_ns;
    bool ignore_vlan; /* leave the VLAN ids out of the key: the two ways are tagged differently */
};

struct th_flow_stats {
    uint64_t packets, flows, evicted, reassembly_dropped_bytes, retransmitted_bytes, fragments,
        fragments_dropped;
    uint64_t reassembly_given_up; /* holes that a limit, not time or the receiver, closed */
    uint32_t flows_now;
    uint64_t table_bytes; /* that flows take up; what they once took is kept for the next, but for
                             what few of them have */
    uint64_t reassembly_bytes_now, fragment_bytes_now;
};

/* Of one flow, with its part of the index. */
size_t th_flow_cost_bytes(void);

struct th_flows;
struct th_flows *th_flows_new(
    const struct th_flow_config *config, const struct th_flow_ops *ops, void *arg);
void th_flows_free(struct th_flows *t); /* without ending the flows: call th_flows_flush first */
/* One decoded packet of kind IP. Time-outs run on packet time. */
void th_flows_packet(struct th_flows *t, const struct th_pkt *pkt);
/* The same in steps, so that of several packets the memory of their flows is fetched while others
 * are worked on: tag of each (it asks for the table's slot), fetch of each, then take of each. What
 * fetch gives may be of another flow, or an ended one by then: good for fetching alone. */
uint32_t th_flows_tag(const struct th_flows *t, const struct th_pkt *pkt);
const struct th_flow *th_flows_fetch(const struct th_flows *t, uint32_t tag); /* or NULL */
void th_flows_take(struct th_flows *t, const struct th_pkt *pkt, uint32_t tag);
/* Lets time pass without a packet. */
void th_flows_advance(struct th_flows *t, int64_t now_ns);
/* How long the record of a flow may come after its last packet at most. */
int64_t th_flows_longest_idle_ns(const struct th_flow_config *config);
/* Ends every flow, oldest first. */
void th_flows_flush(struct th_flows *t);
const struct th_flow_stats *th_flows_stats(const struct th_flows *t);

/* The conn event of a flow as it stands: all fields that lib/flow knows (not service, not
 * local_*; community_id is empty where it follows from the others). Strings point into f or into
 * the storage given. */
struct th_conn_text {
    char history[32];
    char community_id[TH_COMMUNITY_ID_LEN];
    char proto[4]; /* the number of a protocol without a name */
    char cut[24];
};
void th_flow_conn(const struct th_flow *f, struct th_conn_text *text, struct th_ev_conn *ret);

#endif
