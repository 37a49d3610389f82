/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer's way to the link role: events go in, in any order within `lateness`; they leave
 * as numbered frames, which are kept until link has them on its disk. Its memory is bounded;
 * whoever may not wait (live capture) loses whole frames when it is full, and the loss is told in
 * their place.
 */
#ifndef TH_VSENSOR_OUTLET_H
#define TH_VSENSOR_OUTLET_H

#include "event/event.h"
#include "messages.h"
#include "priv/edge.h"

struct th_outlet_config {
    struct th_edges *edges;
    unsigned edge;           /* link */
    enum th_sensor_msg type; /* FRAME or REPLAY */
    uint32_t run;            /* of this producer: told apart from other runs by it */
    uint32_t number;         /* of the last frame that this run gave before; 0: none */
    size_t max_bytes;        /* of frames that wait */
    bool may_lose;           /* past that, frames are lost; else the producer looks at _full */
};

struct th_outlet_counts {
    uint64_t frames, events;           /* put on their way */
    uint64_t lost_frames, lost_events; /* for which there was no room */
    uint64_t oversize_events;          /* one alone past what a batch takes */
    size_t waiting_bytes;
    uint64_t saved; /* number below or at which all is on link's disk */
    uint64_t last;  /* number that was given last */
};

struct th_outlet;
struct th_outlet *th_outlet_new(const struct th_outlet_config *config);
void th_outlet_free(struct th_outlet *o);
/* Copies the event in. Those between two flushes are put in order. */
int th_outlet_put(struct th_outlet *o, const struct th_event *ev) TH_WARN_UNUSED;
/* Makes frames of all that is held; the source brings nothing older than complete_until_ns any
 * more. Without events a frame of none says that, when `always`. */
int th_outlet_flush(struct th_outlet *o, int64_t complete_until_ns, bool always) TH_WARN_UNUSED;
/* The next frame has the number after this one, unless that was given already. */
void th_outlet_skip(struct th_outlet *o, uint32_t number);
/* Something that would have become events was missed in this time: it is told as a loss of no
 * number, in its place. */
void th_outlet_missed(struct th_outlet *o, int64_t first_ns, int64_t last_ns);
/* True while there is no room: a producer that can wait does. */
bool th_outlet_full(const struct th_outlet *o);
/* Sends what link can take; a new connection gets anew what was not saved. */
void th_outlet_turn(struct th_outlet *o);
/* A SAVED message's id. */
void th_outlet_saved(struct th_outlet *o, uint64_t number);
void th_outlet_counts(const struct th_outlet *o, struct th_outlet_counts *ret);

#endif
