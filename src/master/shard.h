/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shard of core: identity over all events, learning and scoring for the
 * partitions it owns. Time moves in epochs (event-time hours). At the end of one the
 * shard closes its windows, tells its breaches, and writes what its partitions
 * contribute to the organisation's knowledge; it goes on when it has taken over the
 * contributions of all partitions, in partition order. What it concludes therefore
 * does not depend on how many shards there are.
 */
#ifndef TH_MASTER_SHARD_H
#define TH_MASTER_SHARD_H

#include "identity/identity.h"
#include "learn/learn.h"
#include "measures.h"
#include "model/group.h"
#include "model/model.h"
#include "why.h"

struct th_shard_config {
    struct th_hash_key key;
    uint64_t partitions; /* bit p: partition p is ours */
    const struct th_subnet *local;
    size_t local_count;
    const struct th_models *models;
    const struct th_oui *oui; /* NULL: makers of MACs are not known */
    bool measure;             /* keep what charts want of closed hours */
    struct th_without without;
};

struct th_shard {
    struct th_identity *identity;
    struct th_learn *learn;
    struct th_scorer *scorer;
    uint64_t partitions;
    /* breaches of the epoch being closed, or of the look being taken, by (time, id) */
    struct th_breach *breaches;
    size_t breach_count, breach_cap;
    struct th_groups *groups; /* what was rare in the epoch being closed */
    bool measure;
    struct th_measures measures; /* of the epoch being closed */
    struct th_why *why;          /* NULL, or what somebody asked, the caller's */
};

void th_shard_init(struct th_shard *s, const struct th_shard_config *config);
void th_shard_done(struct th_shard *s);
void th_shard_event(struct th_shard *s, const struct th_event *ev);
/* Closes windows up to until_ns; fills s->breaches. */
void th_shard_close(struct th_shard *s, int64_t until_ns);
/* What would be told if all hours ended now, of those with news since the last look; fills
 * s->breaches, changes nothing else. Returns how many windows it looked at. */
size_t th_shard_look(struct th_shard *s);
/* Forgets an entity and all that is about it; the same call in every process of a crew. */
void th_shard_forget(struct th_shard *s, uint64_t entity);
/* Appends what partition p contributes, as one length-prefixed block. */
void th_shard_contribute(struct th_shard *s, unsigned partition, struct th_buf *out);
/* Takes over the blocks of all partitions, 0 to 63, as th_shard_contribute wrote them. */
int th_shard_take_over(
    struct th_shard *s, const uint8_t *blocks, size_t len_bytes, int64_t epoch_ns) TH_WARN_UNUSED;
/* Puts together which of s->breaches are part of a group event; and, in every shard once the blocks
 * were taken over, what becomes of them. */
void th_shard_discounts(const struct th_shard *s, struct th_buf *out);
int th_shard_discount(struct th_shard *s, struct th_str discounts) TH_WARN_UNUSED;
/* Makes the peer views of a breach point into its own evidence again (after a copy). */
void th_breach_rebase(struct th_breach *b);
int th_breach_cmp(const void *a, const void *b);

#endif
