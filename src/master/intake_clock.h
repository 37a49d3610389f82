/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor's clock, judged from its envelopes: when they were sent by its clock, and when they came
 * by ours. The difference is the clock's error and the time in the spool together, and the two
 * are told apart like this: what comes before it was sent has a clock ahead of ours. What comes
 * late has lain in the spool, unless it is late by the same amount for half a minute: a spool
 * that is being emptied gets nearer to now all the time. Differences up to 2 s are left alone.
 */
#ifndef TH_MASTER_INTAKE_CLOCK_H
#define TH_MASTER_INTAKE_CLOCK_H

#include <stdint.h>

#define TH_CLOCK_TOLERANCE_NS INT64_C(2000000000)
#define TH_CLOCK_SAMPLES 16u

struct th_clock {
    int64_t late_ns[TH_CLOCK_SAMPLES], mono_ns[TH_CLOCK_SAMPLES]; /* a ring */
    uint64_t count;
};

/* What is to be added to the sensor's times; `known` is what was found before. */
int64_t th_clock_offset(
    struct th_clock *c, int64_t known_ns, int64_t sent_ns, int64_t received_ns, int64_t mono_ns);

#endif
