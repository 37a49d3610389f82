/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events made by rule, for tests, the batch fixture and the benchmark. Two sorts: a
 * full one of any kind, every field set to a value that follows from (kind, field, n);
 * and an office's traffic, a seeded mix of conn, dns and ssl with the repetition that
 * real logs have.
 */
#ifndef TH_TESTS_SAMPLE_EVENTS_H
#define TH_TESTS_SAMPLE_EVENTS_H

#include "base/arena.h"
#include "event/event.h"

/* Event n of this kind, every second field set when `sparse`. Memory is the arena's. */
struct th_event *sample_full(struct th_arena *a, unsigned kind, uint64_t n, bool sparse);

struct sample_office {
    uint64_t state;
    uint64_t seq;
    int64_t now_ns;
    uint64_t last_uid;
};

/* The next event of an office of 200 devices; valid as long as the arena. */
struct th_event *sample_office_next(struct th_arena *a, struct sample_office *o);

/* True when both have the same kind, time, seq, fields set and values. */
bool sample_same(const struct th_event *a, const struct th_event *b);

#endif
