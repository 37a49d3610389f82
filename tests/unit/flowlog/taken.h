/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that keeps copies of what it gets. */
#ifndef TH_TESTS_TAKEN_H
#define TH_TESTS_TAKEN_H

#include "unit.h"

#include "event/run.h"

struct taken {
    struct th_arena memory;
    struct th_event *v[64];
    size_t count;
    struct th_sink sink;
};

static int take(void *arg, const struct th_event *ev)
{
    struct taken *t = arg;
    if (t->count < TH_ARRAY_LEN(t->v))
        t->v[t->count] = th_event_copy(&t->memory, ev);
    t->count++;
    return 0;
}

static inline void taken_init(struct taken *t)
{
    memset(t, 0, sizeof(*t));
    t->sink = (struct th_sink){.put = take, .arg = t};
}

static inline void taken_done(struct taken *t)
{
    th_arena_done(&t->memory);
}

static inline const struct th_ev_conn *taken_conn(const struct taken *t, size_t i)
{
    assert_true(i < t->count && t->v[i]->kind == TH_KIND_CONN);
    return (const struct th_ev_conn *)t->v[i];
}

#endif
