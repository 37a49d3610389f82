/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analysis engine of one capture worker: frames in, events out. It owns the
 * flow table and the analysers, one file per protocol (analyser.h), which it tries
 * by content and keeps while they find what they expect. The sink gets each event
 * complete; seq and source are the sink's to set.
 */
#ifndef TH_PROTO_ENGINE_H
#define TH_PROTO_ENGINE_H

#include "flow/flow.h"

struct th_engine_config {
    struct th_flow_config flow;
    uint64_t max_hash_bytes;       /* files up to this size are hashed; default 10 MiB */
    const struct th_subnet *local; /* for local_orig and local_resp; none: private addresses */
    size_t local_count;
};

struct th_engine_stats {
    uint64_t frames, wire_bytes, bad_frames, other_frames, events;
    uint64_t copies; /* packets that were seen before, another way (packet/dedup.h) */
    uint64_t weirds_suppressed;
};

struct th_engine;
struct th_engine *th_engine_new(const struct th_engine_config *config, const struct th_sink *sink);
void th_engine_free(struct th_engine *e);
/* Which of several wires the next frames come from, counted from 0: a packet that is seen on two of
 * them is counted once. */
void th_engine_wire(struct th_engine *e, uint16_t wire);
/* One frame. 0, a negative error of the sink, or TH_E_UNSUPPORTED_LINKTYPE. */
int th_engine_frame(struct th_engine *e, uint32_t linktype, int64_t time_ns, const uint8_t *frame,
    uint32_t cap_len, uint32_t wire_len);
/* Lets time pass without a frame: what waited long enough ends. 0 or an error of the sink. */
int th_engine_advance(struct th_engine *e, int64_t now_ns);
/* Events may still come that are this much older than the latest frame or advance, none older: the
 * longest time-out, after which a flow's record carries the time of its last packet. */
int64_t th_engine_lateness_ns(const struct th_engine *e);
/* Ends all flows and writes what is pending. 0 or an error of the sink. */
int th_engine_flush(struct th_engine *e);
const struct th_engine_stats *th_engine_stats(const struct th_engine *e);
const struct th_flow_stats *th_engine_flow_stats(const struct th_engine *e);

#endif
