/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching without any cleverness: random events in memory, random conditions that know
 * their own text, and what is true of an event by going through its fields one by one. It shares
 * nothing with lib/query but the schema.
 */
#ifndef TH_TESTS_NAIVE_H
#define TH_TESTS_NAIVE_H

#include "base/arena.h"
#include "base/buf.h"
#include "event/event.h"

struct rng {
    uint64_t state;
};
unsigned rng_below(struct rng *r, unsigned n);

/* An event of random kind with random values, of the arena. */
struct naive_event {
    union th_any_event ev;
    struct th_str entity, peer; /* empty: none */
};
void naive_event_make(struct rng *r, struct th_arena *arena, struct naive_event *ret);
/* The first event time that naive_event_make gives, and how long a time they cover. */
#define NAIVE_BEGIN_NS (INT64_C(1767312000) * TH_NS_PER_S)
#define NAIVE_SPAN_NS (100 * TH_NS_PER_S)

enum truth { NOTHING, FALSE_OF_IT, TRUE_OF_IT };
struct naive; /* a condition, in the arena */
struct naive *naive_make(struct rng *r, struct th_arena *arena, unsigned depth);
void naive_text(const struct naive *n, struct rng *r, struct th_buf *out);
enum truth naive_truth(const struct naive *n, const struct naive_event *e);

#endif
