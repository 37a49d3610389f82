/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of flows in, connections out. A record mostly tells of one direction, of some minutes;
 * here the two directions of a 5-tuple become one `conn`, and what is told of it later becomes its
 * next parts, so that a connection of a day that is reported each minute is one connection and not
 * 1,440. Who began it is told by flags, then by time, then by ports.
 *
 * A direction is told by one point: what another says of the same time is a copy and counted. A
 * router that counts a packet where it comes in and where it goes out, two routers on a way, and
 * both ends of a connection in a cloud do not make the traffic more than it was.
 *
 * Time is that of the caller, who lets it pass: a connection is given to the sink hold_ns after the
 * first record of a part. Memory is bounded: at the limit what waited longest goes early and is
 * counted. The same calls give the same events.
 */
#ifndef TH_FLOWLOG_PAIR_H
#define TH_FLOWLOG_PAIR_H

#include "base/err.h"
#include "base/hash.h"
#include "event/event.h"
#include "flowlog/record.h"

struct th_pairs_config {
    struct th_hash_key key; /* of the table and of uids: same key and records, same uids */
    uint32_t max_flows;     /* default 262,144 */
    int64_t hold_ns;        /* how long the other direction is waited for; default 1 minute */
};

struct th_pairs_counts {
    uint64_t records, copies;
    uint64_t conns;     /* events given to the sink */
    uint64_t evicted;   /* of these, early: the table was full */
    uint64_t forgotten; /* told ones that were dropped for room: what follows of them is new */
    uint32_t flows_now;
};

struct th_pairs;
/* The sink is borrowed. */
struct th_pairs *th_pairs_new(const struct th_pairs_config *config, const struct th_sink *sink);
void th_pairs_free(struct th_pairs *p); /* drops what was not flushed */
/* The time is now_ns; what is due goes out. Time does not go back. These three: 0, or what the sink
 * said. */
int th_pairs_advance(struct th_pairs *p, int64_t now_ns) TH_WARN_UNUSED;
int th_pairs_put(struct th_pairs *p, const struct th_flow_record *r) TH_WARN_UNUSED;
/* Gives out all that waits. */
int th_pairs_flush(struct th_pairs *p) TH_WARN_UNUSED;
void th_pairs_counts(const struct th_pairs *p, struct th_pairs_counts *ret);

/* Of two ports the one that looks like a client's: 0 the first, 1 the second, -1 nobody can say. */
int th_port_of_client(uint16_t a, uint16_t b);

#endif
