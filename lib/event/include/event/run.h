/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a producer that is nearly in order to runs that are in order. The sorter
 * copies events until it is full, then gives them out sorted (th_event_cmp) and starts
 * the next run. The run writer puts sorted runs into batch frames: what a spool
 * is made of (batch.h).
 */
#ifndef TH_EVENT_RUN_H
#define TH_EVENT_RUN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

#define TH_RUN_MAX_EVENTS 100000u
#define TH_RUN_MAX_BYTES (8u << 20)

/* A copy of the event with all its strings and lists in the arena; NULL at the arena's limit. */
struct th_event *th_event_copy(struct th_arena *a, const struct th_event *ev);

struct th_sorter;
/* max_events and max_bytes bound what is held; 0 takes the limits above. */
struct th_sorter *th_sorter_new(size_t max_events, size_t max_bytes, const struct th_sink *out);
void th_sorter_free(struct th_sorter *s); /* drops what was not flushed */
/* True when it holds what it may. */
bool th_sorter_full(const struct th_sorter *s);
/* Copies the event in; when it was full, what was held goes out first. 0 or an error of out. */
int th_sorter_put(struct th_sorter *s, const struct th_event *ev) TH_WARN_UNUSED;
/* Gives out all that is held, in order. The next event begins a new run. */
int th_sorter_flush(struct th_sorter *s) TH_WARN_UNUSED;

/* Where bytes go: 0, or a negative error that ends the producer's work. */
struct th_byte_sink {
    int (*write)(void *arg, struct th_str bytes);
    void *arg;
};

struct th_run_writer;
struct th_run_writer *th_run_writer_new(const struct th_byte_sink *out);
void th_run_writer_free(struct th_run_writer *w); /* drops what was not flushed */
/* The input that the next events come from. Ends the run before when it is another. */
int th_run_writer_input(struct th_run_writer *w, uint32_t input) TH_WARN_UNUSED;
int th_run_writer_put(struct th_run_writer *w, const struct th_event *ev) TH_WARN_UNUSED;
/* Ends the run: all events are in out. */
int th_run_writer_flush(struct th_run_writer *w) TH_WARN_UNUSED;
/* Events left out because one alone is more than a frame may hold. */
uint64_t th_run_writer_oversize(const struct th_run_writer *w);

#endif
