/* SPDX-License-Identifier: Apache-2.0 */
/* A source_gap control as search finds it: an event that says from when to when a sensor has
 * nothing to tell. */
#ifndef TH_MASTER_GAP_H
#define TH_MASTER_GAP_H

#include "event/event.h"
#include "store/log.h"

#define TH_GAP_NAME "sensor_gap"

struct th_gap {
    struct th_ev_weird ev; /* its texts point into what follows, and into the control */
    char addl[160];
};
/* False when the control is none. The control must outlive ret, which must not be moved. */
bool th_gap_read(const struct th_control *c, struct th_gap *ret);

#endif
