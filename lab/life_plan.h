/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an office's life is wanted: "--life LIST". Habits are there all the time,
 * changes happen at a time. Nothing is on unless it was asked for.
 *
 * LIST is names with commas: NAME, or NAME@TIME for a change (repeated: several times), where TIME
 * is "+16d9h" after the Monday of the first week or RFC 3339; "habits", "changes" and "all" stand
 * for all of their kind at the usual times.
 */
#ifndef TH_LAB_LIFE_PLAN_H
#define TH_LAB_LIFE_PLAN_H

#include "base/time.h"

enum lab_life_kind {
    LAB_LIFE_ROLES, /* the habits */
    LAB_LIFE_POLLERS,
    LAB_LIFE_CHURN,
    LAB_LIFE_DOCKS,
    LAB_LIFE_UPLOADS,
    LAB_LIFE_SESSIONS,
    LAB_LIFE_LOGINS,
    LAB_LIFE_PATCH, /* the changes */
    LAB_LIFE_ROLLOUT,
    LAB_LIFE_HOLIDAY,
    LAB_LIFE_MERGER,
    LAB_LIFE_NEWAPP,
    LAB_LIFE_SERVER,
    LAB_LIFE_PROGRAMS, /* a habit; last, for each draws chance by its number */
    LAB_LIFE_COUNT
};

#define LAB_LIFE_TIMES 12u
struct lab_life_plan {
    uint32_t wanted; /* bits of enum lab_life_kind */
    uint32_t told;   /* of those, whose times were given: they stand for the usual ones */
    struct {
        int64_t at_ns[LAB_LIFE_TIMES];
        uint8_t n;
    } when[LAB_LIFE_COUNT]; /* of changes */
};

static inline bool lab_life_wants(const struct lab_life_plan *p, enum lab_life_kind k)
{
    return p->wanted >> k & 1;
}

struct lab_life_info {
    const char *name, *help;
    const char *when[4]; /* the usual times after the first Monday; empty: a habit */
};
/* NULL past the last. */
const struct lab_life_info *lab_life_info(unsigned n);
/* 0, or -EINVAL with a message. */
int lab_life_parse(
    const char *list, int64_t start_ns, struct lab_life_plan *ret, char *message, size_t size);

#endif
