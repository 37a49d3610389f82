/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the learner keeps of a user: as of devices (state.h), fixed-size records without pointers,
 * saved as they lie in memory.
 *
 *   user    its habits: lasts
 *   window  one hour of it
 *
 * A user that nobody was let in as has no habits: its record lives as long as its window.
 */
#ifndef TH_LEARN_USER_H
#define TH_LEARN_USER_H

#include "state.h"

#define TH_USER_RATES ((unsigned)TH_FEAT_USER_TARGETS - (unsigned)TH_FEAT_USER_LOGINS + 1)
/* Where it logged in from, and to. */
enum th_user_side { TH_USER_SOURCE, TH_USER_TARGET, TH_USER_SIDES };
#define TH_USER_SOURCE_BUCKETS 8u
#define TH_USER_TARGET_BUCKETS 24u

struct th_usr {
    uint64_t id;
    int64_t first_ns;
    int64_t closed_ns; /* end of the latest closed window */
    uint32_t wins;     /* chained */
    uint16_t period;
    uint8_t known; /* was let in once */
    uint8_t pad;
    float hours;  /* active hours learned */
    float weight; /* the same, forgetting */
    struct th_moments rates[TH_USER_RATES];
    struct th_novelty novel[TH_USER_SIDES];
    uint8_t gated[TH_USER_RATES];     /* windows in a row that the gate held back */
    uint8_t hour_days[TH_WEEK_SLOTS]; /* days on which it logged in at that hour */
    struct th_seen_slot sources[TH_USER_SOURCE_BUCKETS * TH_SEEN_WAYS];
    struct th_seen_slot targets[TH_USER_TARGET_BUCKETS * TH_SEEN_WAYS];
};
_Static_assert(sizeof(struct th_usr) <= 1024, "small, for there are many");

#define TH_USER_NOTES 3u /* of new ones of a side in an hour */
#define TH_USER_HOST_LEN 64u
#define TH_USER_HLL_LOG2M 8u /* a handful is counted exactly nineteen times in twenty */

/* The other end of a login. */
struct th_usr_end {
    uint64_t peer_key;
    uint64_t device; /* id of an inside one, or 0 */
    struct th_addr addr;
    uint32_t slot;
    uint16_t port;
    uint8_t inside, has_addr;
    char host[TH_USER_HOST_LEN];
};

/* A source or target that is new for the user. */
struct th_usr_note {
    uint64_t key;  /* in the organisation's table */
    uint64_t from; /* device that the first login of them came from, or 0 */
    int64_t first_ns, last_ns;
    uint32_t logins;
    uint32_t pad;
    struct th_usr_end end;
};

struct th_usr_win {
    uint32_t user;
    uint32_t next; /* of the same user */
    int64_t start_ns;
    int64_t first_ns, last_ns;
    int64_t failed_first_ns, failed_last_ns;
    uint64_t events;
    uint64_t source; /* of what was let in; 0 none or not ours */
    uint32_t logins, refused;
    uint32_t looked;                                    /* as a device's window has it */
    uint8_t tried[TH_USER_SIDES], fresh[TH_USER_SIDES]; /* any; any that was new */
    uint8_t note_count[TH_USER_SIDES];
    uint8_t several;  /* sources */
    uint8_t examples; /* in failed */
    uint8_t pad[2];
    uint16_t touches; /* contributions to popularity, bounded */
    uint8_t hll_source[1u << TH_USER_HLL_LOG2M];
    uint8_t hll_failed[1u << TH_USER_HLL_LOG2M]; /* devices from which it was refused */
    uint8_t hll_target[1u << TH_USER_HLL_LOG2M];
    struct th_usr_note notes[TH_USER_SIDES][TH_USER_NOTES];
    struct th_addr failed[TH_USER_NOTES]; /* some of them */
};

#endif
