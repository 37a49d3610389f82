/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets of a block that fit a wish, copied out of it and in order of time; and their merging
 * with those of other blocks.
 */
#ifndef TH_KEEP_MATCH_H
#define TH_KEEP_MATCH_H

#include "base/buf.h"
#include "keep/records.h"
#include "link/packets.h"

/* Those of one block. */
struct keep_matches {
    struct th_keep_record *v;
    size_t count, next;
    uint8_t *frames; /* what they point into */
};

bool keep_fits(const struct th_packets_request *want, const struct th_keep_record *r);
/* Of records out of a block; what is none of them ends it, and is told by false. */
bool keep_match(
    const struct th_packets_request *want, struct th_str records, struct keep_matches *ret);
void keep_matches_done(struct keep_matches *m);
/* Order by time, then by content, so that the same packets always come in the same order. */
int keep_record_cmp(const struct th_keep_record *a, const struct th_keep_record *b);

#endif
