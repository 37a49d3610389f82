/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, for the programs alone: nothing below them reads one. */
#ifndef TH_COMMON_CLOCK_H
#define TH_COMMON_CLOCK_H

#include <time.h>

#include "base/time.h"

/* ns of CLOCK_REALTIME (since 1970, UTC) or CLOCK_MONOTONIC. */
static inline int64_t th_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * TH_NS_PER_S + t.tv_nsec;
}

#endif
