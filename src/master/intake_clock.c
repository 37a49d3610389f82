/* SPDX-License-Identifier: Apache-2.0 */
#include "intake_clock.h"

#include "base/mem.h"
#include "base/time.h"

#define STEADY_SAMPLES 8u
#define STEADY_NS (30 * TH_NS_PER_S)

/* Late by the same amount for long enough; the amount is the least. */
static bool steady(const struct th_clock *c, int64_t now_mono_ns, int64_t *ret_least_ns)
{
    uint64_t n = TH_MIN(c->count, (uint64_t)TH_CLOCK_SAMPLES);
    int64_t least = INT64_MAX;
    int64_t most = INT64_MIN;
    int64_t oldest = now_mono_ns;
    for (uint64_t i = 0; i < n; i++) {
        least = TH_MIN(least, c->late_ns[i]);
        most = TH_MAX(most, c->late_ns[i]);
        oldest = TH_MIN(oldest, c->mono_ns[i]);
    }
    *ret_least_ns = least;
    return n >= STEADY_SAMPLES && now_mono_ns - oldest >= STEADY_NS &&
        th_time_sub(most, least) <= TH_CLOCK_TOLERANCE_NS;
}

/* A ring of the last samples, but not closer together than makes half a minute of them. */
static void remember(struct th_clock *c, int64_t late_ns, int64_t mono_ns)
{
    const int64_t apart_ns = STEADY_NS / (int64_t)(TH_CLOCK_SAMPLES - 2);
    uint64_t newest = (c->count + TH_CLOCK_SAMPLES - 1) % TH_CLOCK_SAMPLES;
    if (c->count && mono_ns - c->mono_ns[newest] < apart_ns) {
        /* Between two samples the least late one counts. */
        c->late_ns[newest] = TH_MIN(c->late_ns[newest], late_ns);
        return;
    }
    uint64_t at = c->count++ % TH_CLOCK_SAMPLES;
    c->late_ns[at] = late_ns;
    c->mono_ns[at] = mono_ns;
}

int64_t th_clock_offset(
    struct th_clock *c, int64_t known_ns, int64_t sent_ns, int64_t received_ns, int64_t mono_ns)
{
    int64_t late = th_time_sub(received_ns, sent_ns);
    int64_t least;
    remember(c, late, mono_ns);
    if (late >= -TH_CLOCK_TOLERANCE_NS && late <= TH_CLOCK_TOLERANCE_NS)
        return 0;
    if (late < th_time_sub(known_ns, TH_CLOCK_TOLERANCE_NS))
        return TH_MIN(
            late, 0); /* ahead of us; or less behind than it seemed, and nobody can tell */
    if (late <= th_time_add(known_ns, TH_CLOCK_TOLERANCE_NS))
        return known_ns;
    return steady(c, mono_ns, &least) ? least : known_ns;
}
