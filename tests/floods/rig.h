/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floods and bombs against the engine, each in a process of its own so that its memory can be
 * measured. A flood sends frames; between them the rig sends the packets of one ordinary HTTP
 * conversation, spread over the whole flood, which has to be recorded as if nothing else had been
 * there. All events go through the batch writer that a sensor uses. Time is a microsecond a frame.
 */
#ifndef TH_TESTS_FLOODS_RIG_H
#define TH_TESTS_FLOODS_RIG_H

#include "base/buf.h"
#include "event/batch.h"
#include "proto/engine.h"

#define MIB (UINT64_C(1) << 20)

struct rig {
    struct th_engine *engine;
    struct th_batch_writer *batch;
    struct th_buf frame, out;
    int64_t now_ns;
    uint64_t frames, total; /* sent; that the flood will send */
    unsigned step;          /* of the conversation */
    uint64_t peak_bytes;    /* of the engine's own account */
    uint64_t limit_bytes;
    uint64_t events, cut;            /* conn records that say that they are not whole */
    unsigned conn_right, http_right; /* of the conversation */
    char said[160];                  /* its conn record, when that was not right */
    uint64_t weirds;
    char wanted[40]; /* a name of weird that has to come, or "" */
    bool got_wanted;
};

/* What is left in the end: the engine's counters. */
struct flood_end {
    struct th_flow_stats flow;
    struct th_engine_stats engine;
    uint64_t cut, frames;
};

struct flood {
    const char *name;
    uint64_t memory_bytes; /* 0: the default */
    uint64_t bound_bytes;  /* of the process at its peak */
    uint64_t frames;       /* a sanitizer's build sends a sixteenth */
    const char *weird;     /* that has to be told; NULL: any */
    void (*run)(struct rig *r, const void *how);
    const void *how;
    /* NULL, or what is wrong; not asked of a sanitizer's build. */
    const char *(*check)(const struct flood_end *end);
};

extern const struct flood packet_floods[], stream_floods[];
extern const unsigned packet_flood_count, stream_flood_count;

/* ---- frames: begun, filled, sent ---- */

struct ends {
    uint32_t src, dst; /* IPv4 */
    uint16_t src_port, dst_port;
};

/* len is what follows the transport header. */
void rig_tcp(struct rig *r, const struct ends *x, uint32_t seq, uint32_t ack, uint8_t flags,
    const void *p, size_t len);
void rig_udp(struct rig *r, const struct ends *x, const void *p, size_t len);
/* offset in bytes; more: others follow. */
void rig_fragment(struct rig *r, const struct ends *x, uint16_t id, unsigned offset, bool more,
    const void *p, size_t len);
/* The flood may send more. */
static inline bool rig_goes_on(const struct rig *r)
{
    return r->frames < r->total;
}
/* Whatever stands in r->frame. */
void rig_send(struct rig *r);

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A connection that is open: bytes of either side, cut into segments, with their acknowledgements.
 */
struct stream {
    struct ends ends;
    uint32_t seq[2];
};
void stream_open(struct rig *r, struct stream *s, uint32_t number, uint16_t port);
void stream_say(struct rig *r, struct stream *s, int dir, const void *p, size_t len);

/* The nth of many different numbers, the same each time. */
static inline uint32_t mixed(uint32_t n)
{
    n = (n ^ n >> 16) * 0x7feb352du;
    n = (n ^ n >> 15) * 0x846ca68bu;
    return n ^ n >> 16;
}

#endif
