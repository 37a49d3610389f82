/* SPDX-License-Identifier: Apache-2.0 */
/* An office run in memory: its events as JSON lines, with what was injected. */
#ifndef TH_TEST_LAB_OFFICE_H
#define TH_TEST_LAB_OFFICE_H

#include "inject.h"

struct office_event {
    uint64_t hash; /* of its JSON text */
    int64_t time_ns, ts;
    uint64_t kind; /* as wide as the rest: compared as memory */
};

struct office {
    struct lab_options opt;
    const char *inject[16]; /* NULL-terminated */
    bool story;
    bool light;                                         /* no hashes: times and kinds only */
    void (*each)(void *arg, const struct th_event *ev); /* may be NULL */
    void *arg;
    /* out */
    struct lab_sim *sim; /* until office_done */
    struct office_event *v;
    size_t n, cap;
    uint64_t counts[TH_KIND_COUNT];
};

/* Two working hours of 30 devices unless opt says otherwise. */
struct office office_init(uint64_t seed);
void office_run(struct office *o);
/* The same with packets. */
struct lab_pcap;
void office_run_with(struct office *o, struct lab_pcap *p);
void office_done(struct office *o);
#define OFFICE_MONDAY INT64_C(1772409600000000000)

#endif
