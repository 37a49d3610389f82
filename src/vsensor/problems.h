/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sensor's roles say is wrong with them, for the report to the master. A role says many of
 * them only while it happens, for a second; here each stays for a minute, so that the master hears
 * of it once, and not at every time. Times are of a clock that only goes forward.
 */
#ifndef TH_VSENSOR_PROBLEMS_H
#define TH_VSENSOR_PROBLEMS_H

#include "base/time.h"
#include "link/problems.h"

#define TH_PROBLEMS_STAY_NS TH_NS_PER_MIN

struct th_problems {
    int64_t said_ns[TH_SENSOR_PROBLEMS]; /* last; 0: never */
};

/* Takes a role's status (priv/edge.h); what is none says nothing. now_ns > 0. */
void th_problems_hear(struct th_problems *p, struct th_str status, int64_t now_ns);
/* Those of the last minute. */
uint32_t th_problems_now(const struct th_problems *p, int64_t now_ns);

#endif
