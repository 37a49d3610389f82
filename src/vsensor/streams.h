/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures that come over the network and have no end (PCAP-over-IP), as the capture role reads
 * them: role stream hands their bytes over (messages.h), each is read by itself, and each packet
 * goes to whoever made this. One that is damaged is read up to the damage; then role stream is told
 * to close it.
 *
 * A packet's time is its sender's, within bounds: what claims to be of the future is of now, what
 * is older than TH_STREAM_MAX_BEHIND_MS, too; both are counted. So no sender's clock can move that
 * of others, and none is left out for its clock.
 */
#ifndef TH_VSENSOR_STREAMS_H
#define TH_VSENSOR_STREAMS_H

#include "endpoint.h"
#include "packet/capture.h"
#include "priv/ipc.h"

#define TH_STREAM_MAX_BEHIND_MS (60 * 60 * 1000)
#define TH_STREAM_MAX_AHEAD_MS 1000
/* What a sender holds back in its buffers is waited for so long before an hour is called complete.
 */
#define TH_STREAM_BEHIND_MS (60 * 1000)

struct th_streams_counts {
    uint64_t packets, retimed;
    uint64_t unreadable; /* of link types that are not read */
    uint64_t broken;     /* streams that were damaged */
    unsigned now;        /* streams */
};

struct th_streams_ops {
    /* slot: below TH_STREAMS_MAX, of the stream; retimed: its time is not what it said. 0,
     * TH_E_UNSUPPORTED_LINKTYPE, or an error that ends all. */
    int (*packet)(void *arg, unsigned slot, const struct th_record *record, bool retimed);
    /* No more of the stream is wanted. */
    void (*stop)(void *arg, uint64_t id, const char *why);
};

struct th_streams;
struct th_streams *th_streams_new(const struct th_streams_ops *ops, void *arg);
void th_streams_free(struct th_streams *s);
/* Takes a message of role stream. now_ns: wall clock. 0, or what ops->packet had. */
int th_streams_take(
    struct th_streams *s, const struct th_ipc_message *m, int64_t now_ns) TH_WARN_UNUSED;
/* The role is gone, and all its streams with it. */
void th_streams_drop(struct th_streams *s);
const struct th_streams_counts *th_streams_counts(const struct th_streams *s);

#endif
