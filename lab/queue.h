/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calendar: flows go in in any order, events come out by (time, flow, record).
 * Slices of a minute on a ring; memory is what is open at a time, however long the run.
 */
#ifndef TH_LAB_QUEUE_H
#define TH_LAB_QUEUE_H

#include "flow.h"

#define LAB_SLICE_NS TH_NS_PER_MIN

/* Who wants flows as wholes: the packet writer. It takes a reference of what it keeps. */
struct lab_flow_sink {
    int (*put)(void *arg, struct lab_flow *f);
    void *arg;
};

struct lab_queue_config {
    int64_t start_ns;           /* whole minute; nothing begins before */
    int64_t end_ns;             /* nothing later is written */
    int64_t part_ns;            /* interim records of long connections; 0 none */
    uint64_t jumbo_after;       /* see lab_flow_shape */
    struct th_sink events;      /* put may be NULL: no events wanted */
    struct lab_flow_sink flows; /* put may be NULL */
};

struct lab_queue;
struct lab_queue *lab_queue_new(const struct lab_queue_config *config, struct lab_pool *pool);
void lab_queue_free(struct lab_queue *q);
/* Takes the flow over. Its ts is not before the last drain. */
void lab_queue_put(struct lab_queue *q, struct lab_flow *f);
/* Writes everything before until_ns (a whole minute). 0 or the sink's error. */
int lab_queue_drain(struct lab_queue *q, int64_t until_ns);
uint64_t lab_queue_events(const struct lab_queue *q);
uint64_t lab_queue_flows(const struct lab_queue *q);
/* While an event is being written: the flow that it is of. */
uint64_t lab_queue_flow_id(const struct lab_queue *q);

#endif
