/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper of role state that computes password hashes: a process forked before state is locked
 * or has read a byte, with one socket to state and nothing else. It takes its orders one after the
 * other, so that however many wait, two cores and 64 MiB are the most that they cost.
 */
#ifndef TH_MASTER_STATE_HASH_H
#define TH_MASTER_STATE_HASH_H

#include "priv/ipc.h"
#include "priv/spawn.h"
#include "state.h"

/* Forks it; it closes what state inherited. The connection to it; NULL: failed. */
struct th_ipc *th_state_hash_start(const struct th_inherited *in, unsigned uid, unsigned gid);
int th_state_hash_send(
    struct th_ipc *helper, uint64_t job, const struct th_state_hash *h) TH_WARN_UNUSED;
/* 1 and an answer (*ret_hash: "" for none); 0: nothing yet; negative: the helper is gone. */
int th_state_hash_receive(struct th_ipc *helper, uint64_t *ret_job, bool *ret_matches,
    char ret_hash[TH_PASSWORD_HASH_LEN]) TH_WARN_UNUSED;

#endif
