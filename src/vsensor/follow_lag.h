/* SPDX-License-Identifier: Apache-2.0 */
/* How long after their time events are told, at most, as it was seen in the last half hour to hour;
 * an hour at most. Until so long was watched it is taken for five minutes at least. */
#ifndef TH_VSENSOR_FOLLOW_LAG_H
#define TH_VSENSOR_FOLLOW_LAG_H

#include <stdbool.h>

#include "base/time.h"

struct th_follow_lag {
    int64_t since_ns;          /* beginning of the half hour; 0: not begun */
    int64_t lag_ns, before_ns; /* in this half hour, and in the one before */
    bool known;
};

void th_follow_lag_note(struct th_follow_lag *l, int64_t now_ns, int64_t lag_ns);
int64_t th_follow_lag_ns(const struct th_follow_lag *l);

#endif
