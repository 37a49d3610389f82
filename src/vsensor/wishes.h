/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wishes for kept packets that the link role passes on (messages.h), a few at a time: each is
 * searched for in steps, its parts go out as fast as link says that it has passed them on.
 */
#ifndef TH_VSENSOR_WISHES_H
#define TH_VSENSOR_WISHES_H

#include "base/io.h"
#include "keep/ring.h"
#include "priv/edge.h"

#define TH_WISHES_MAX 4u

struct th_wishes_config {
    struct th_edges *edges;
    unsigned edge; /* link */
    const struct th_io *folder;
    const uint8_t *key; /* of TH_KEEP_KEY_BYTES; both outlive it */
    int log;            /* packets_log.h */
};

struct th_wishes_counts {
    uint64_t asked, given, refused, packets, bytes;
};

struct th_wishes;
struct th_wishes *th_wishes_new(const struct th_wishes_config *config);
void th_wishes_free(struct th_wishes *w);
/* Takes what link says. */
void th_wishes_hear(struct th_wishes *w, int64_t now_ns);
/* Does a piece of the work of each; true: there is more to do at once. */
bool th_wishes_turn(struct th_wishes *w, int64_t now_ns);
void th_wishes_counts(const struct th_wishes *w, struct th_wishes_counts *ret);

#endif
