/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_lag.h"

#include "base/mem.h"

static const int64_t bucket_ns = 30 * TH_NS_PER_MIN;
static const int64_t max_ns = TH_NS_PER_HOUR;
static const int64_t unknown_ns = 5 * TH_NS_PER_MIN;

void th_follow_lag_note(struct th_follow_lag *l, int64_t now_ns, int64_t lag_ns)
{
    int64_t age_ns = th_time_sub(now_ns, l->since_ns);
    if (l->since_ns == 0 || age_ns >= bucket_ns) {
        l->before_ns = l->since_ns != 0 && age_ns < 2 * bucket_ns ? l->lag_ns : 0;
        l->known |= l->since_ns != 0;
        l->lag_ns = 0;
        l->since_ns = now_ns;
    }
    l->lag_ns = TH_MAX(l->lag_ns, TH_MIN(lag_ns, max_ns));
}

int64_t th_follow_lag_ns(const struct th_follow_lag *l)
{
    int64_t lag_ns = TH_MAX(l->lag_ns, l->before_ns);
    return l->known ? lag_ns : TH_MAX(lag_ns, unknown_ns);
}
