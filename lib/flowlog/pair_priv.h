/* SPDX-License-Identifier: Apache-2.0 */
/* A connection as the pairing keeps it (pair.c), and what becomes of it (pair_conn.c). */
#ifndef TH_FLOWLOG_PAIR_PRIV_H
#define TH_FLOWLOG_PAIR_PRIV_H

#include "base/id.h"
#include "event/community_id.h"
#include "flowlog/pair.h"

#define TH_PAIR_TOLD_BY_BYTES 64u

/* The lesser end first: both directions have the same key. No padding: it is hashed. */
struct th_pair_key {
    struct th_addr addr[2];
    uint16_t port[2];
    uint32_t proto;
};

/* What one of the two ends sent. */
struct th_pair_side {
    uint64_t point;        /* that tells of it; 0: none yet */
    int64_t told_until_ns; /* by it */
    bool pending;          /* the rest is of the part that waits */
    int64_t first_ns, last_ns;
    uint64_t bytes, pkts;
    uint8_t flags;
    uint8_t all_flags; /* of the connection */
    uint64_t all_bytes, all_pkts;
};

struct th_pair_flow {
    struct th_pair_key key;
    uint32_t next_in_bucket;
    uint32_t next, prev; /* in its list */
    int64_t due_ns;      /* to be told, or forgotten */
    bool waiting, told;  /* which list it is in: a part is to be told; all was */
    bool has_flags, goes_on, rejected;
    bool orig_is_sure;
    int8_t orig; /* index of the end that began it; -1: not decided yet */
    uint16_t vlan;
    uint32_t sampling, parts;
    int64_t begin_ns, last_ns; /* of the connection */
    struct th_pair_side side[2];
    uint8_t told_by_len;
    char told_by[TH_PAIR_TOLD_BY_BYTES];
    char uid[TH_ID_TEXT_LEN];
};

/* Decides who began it, out of what is pending. */
void th_pair_decide(struct th_pair_flow *f);
/* The conn event of the part that waits, which is then counted into the connection. */
struct th_pair_text {
    char proto[4];
    char community_id[TH_COMMUNITY_ID_LEN];
};
void th_pair_conn(struct th_pair_flow *f, struct th_pair_text *text, struct th_ev_conn *ret);

/* Zeek's word for a connection as far as the flags of all its packets can say it. */
const char *th_flow_tcp_state(uint8_t orig, uint8_t resp, bool answered);
/* About how much payload so many IP bytes are. */
uint64_t th_flow_payload(bool v4, uint8_t proto, uint64_t bytes, uint64_t pkts);

#endif
