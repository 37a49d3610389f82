/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that an operator may replace while the daemon runs, a key and its certificate above all.
 * Their bytes, one file after the other, go to a role as one memory file that nobody can change.
 * The parent looks every 5 s, and at once when it is told to (SIGHUP), whether they are others than
 * before, and hands the newest over; what is in them it does not know. Once the role has said that
 * the newest is good, it takes the place of the one before. Until then a role that starts gets
 * both, the newest first, and takes the first that is of use to it: so a bad file never ends what
 * worked.
 */
#ifndef TH_COMMON_RENEWAL_H
#define TH_COMMON_RENEWAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct th_renewal;
/* Reads the files, which have to be there now. tag and names must outlive it; folder stays the
 * caller's, and open. Says on stderr what is wrong. */
int th_renewal_new(const char *tag, int folder, const char *const *names, size_t count,
    struct th_renewal **ret) TH_WARN_UNUSED;
void th_renewal_free(struct th_renewal *r);
TH_DEFINE_CLEANUP(struct th_renewal, th_renewal_free)
const char *th_renewal_tag(const struct th_renewal *r);
/* True: there is something newer than at the last look. A change is believed once two looks have
 * found the same; with at_once it is, and what is there is read in any case. now_ns is monotonic.
 */
bool th_renewal_look(struct th_renewal *r, int64_t now_ns, bool at_once);
/* What a role gets when it starts: 1 or 2 descriptors, in the order in which it tries them. They
 * stay ours. */
size_t th_renewal_given(const struct th_renewal *r, int ret[2]);
struct th_renewal_news {
    uint64_t number;    /* grows */
    int fd;             /* ours; -1: they cannot be read */
    const char *reason; /* then why */
};
/* False: nothing is newer than what was good. */
bool th_renewal_news(const struct th_renewal *r, struct th_renewal_news *ret);
/* The role has taken the news of this number over. */
void th_renewal_good(struct th_renewal *r, uint64_t number);

#endif
