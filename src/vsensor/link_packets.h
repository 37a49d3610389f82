/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role link's part in asked-for packets: a command of the master becomes a wish to the role keep,
 * whose parts go up one by one, with the JSON of the end as the last. There is one wish at a time:
 * the master asks for the next when one is done, so another command means that it has given the one
 * before up. Two parts are here at most, since the keep sends no more before it hears of one that
 * the master has. A wish that leads nowhere (no keep, one that is silent, a master that does not
 * take the parts) ends after a while, with a sentence about it where somebody can be told.
 *
 * Times are of a clock that only goes forward.
 */
#ifndef TH_VSENSOR_LINK_PACKETS_H
#define TH_VSENSOR_LINK_PACKETS_H

#include "link/client.h"
#include "link/packets.h"
#include "priv/edge.h"

#define TH_RELAY_PARTS 2u

struct th_relay {
    struct th_edges *edges;
    unsigned edge;                 /* of these, the keep's */
    char id[TH_LINK_MAX_WORD + 1]; /* of the command; "": there is no wish */
    uint64_t number;               /* the same, for the keep */
    struct th_buf wish;            /* its JSON */
    unsigned generation;           /* of the keep that was asked; 0: none yet */
    struct th_buf parts[TH_RELAY_PARTS];
    unsigned first, count;           /* of these, that are not at the master */
    uint32_t next;                   /* number of the first */
    struct th_buf end;               /* JSON; empty: it is not there yet */
    int64_t heard_ns;                /* from the keep, or the wish's beginning */
    int64_t moved_ns;                /* since when the first part waits */
    uint64_t wishes, sent, given_up; /* counted, for status */
};

void th_relay_init(struct th_relay *r, struct th_edges *edges, unsigned edge);
void th_relay_done(struct th_relay *r);
/* A command of type "packets". False, here and below: a part that is under way to the master is not
 * wanted any more. */
bool th_relay_command(
    struct th_relay *r, const struct th_link_command *c, int64_t now_ns) TH_WARN_UNUSED;
/* Takes what the keep says, asks it, gives up what takes too long. */
bool th_relay_turn(struct th_relay *r, int64_t now_ns) TH_WARN_UNUSED;
/* As th_link_ops has them. */
int th_relay_part(struct th_relay *r, struct th_link_part *ret);
void th_relay_part_done(struct th_relay *r, int err, int64_t now_ns);

#endif
