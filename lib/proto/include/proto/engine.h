/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analysis engine of one capture worker: frames in, events out. It owns the
 * flow table and the analysers, one file per protocol (analyser.h), which it tries
 * by content and keeps while they find what they expect. The sink gets each event
 * complete and numbered from 0; its source is for the sink's reader to know. Memory stays within
 * `memory_bytes`, whatever comes: half of it is for flows, a quarter each for data out of order and
 * for what analysers keep; what finds no room is given up, counted, and told in its `conn` record.
 */
#ifndef TH_PROTO_ENGINE_H
#define TH_PROTO_ENGINE_H

#include "flow/flow.h"

/* Less than this is refused by who asks for settings; below it the engine takes this. */
#define TH_ENGINE_MEMORY_MIN_BYTES (UINT64_C(64) << 20)

struct th_frame {
    int64_t time_ns;
    const uint8_t *data;
    uint32_t cap_len, wire_len, linktype;
};

struct th_engine_config {
    struct th_flow_config flow;    /* limits that are set here hold beside memory_bytes */
    uint64_t memory_bytes;         /* default 1 GiB */
    uint64_t max_analyser_bytes;   /* the same for what analysers keep */
    uint64_t max_hash_bytes;       /* files up to this size are hashed; default 10 MiB */
    const struct th_subnet *local; /* for local_orig and local_resp; none: private addresses */
    size_t local_count;
    /* Every frame that could be read, before anything is made of it: as it came, and what is in its
     * tunnels (the same when it is in none). Both point into the frame. NULL: nobody wants them. */
    void (*seen)(void *arg, const struct th_frame *frame, const struct th_pkt *outer,
        const struct th_pkt *inner);
    void *seen_arg;
    const struct th_subnet *exclude; /* packets with an end in one of them are left out */
    size_t exclude_count;
};

struct th_engine_stats {
    uint64_t frames, wire_bytes, bad_frames, other_frames, events;
    uint64_t copies; /* packets that were seen before, another way (packet/dedup.h) */
    uint64_t weirds_suppressed;
    uint64_t analyses_given_up; /* to stay within the analysers' memory */
    uint64_t excluded;          /* packets that were left out: an end is in an excluded network */
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
/* The same for up to TH_ENGINE_FRAMES at once, in order: the memory that one needs is fetched while
 * another is worked on. TH_E_UNSUPPORTED_LINKTYPE: of some; the others were taken. */
#define TH_ENGINE_FRAMES 8u
int th_engine_frames(struct th_engine *e, const struct th_frame *v, unsigned n);
/* Something about the frames of now that whoever gives them found; name is static. */
void th_engine_weird(struct th_engine *e, int64_t time_ns, const char *name);
/* Lets time pass without a frame: what waited long enough ends. 0 or an error of the sink. */
int th_engine_advance(struct th_engine *e, int64_t now_ns);
/* Events may still come that are this much older than the latest frame or advance, none older: the
 * longest time-out, after which a flow's record carries the time of its last packet. */
int64_t th_engine_lateness_ns(const struct th_flow_config *config);
/* Ends all flows and writes what is pending. 0 or an error of the sink. */
int th_engine_flush(struct th_engine *e);
const struct th_engine_stats *th_engine_stats(const struct th_engine *e);
const struct th_flow_stats *th_engine_flow_stats(const struct th_engine *e);
/* What is taken up of memory_bytes. */
uint64_t th_engine_memory_bytes(const struct th_engine *e);

#endif
