/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a follower has told others and they have not taken for good yet: each message is kept
 * until its DONE, and sent again to each new generation of its edge. Over an edge one is under way
 * at a time, so that what is told later is never overtaken by what is told again. A checkpoint is
 * saved only when all that was told before it was cut is done, so nothing of it can be lost.
 */
#ifndef TH_MASTER_OUTBOX_H
#define TH_MASTER_OUTBOX_H

#include "base/buf.h"
#include "priv/edge.h"

struct th_outbox;
struct th_outbox *th_outbox_new(void);
void th_outbox_free(struct th_outbox *o);
/* Copies the body. join: it may go in one message with the one before it, of the same type. */
void th_outbox_add(
    struct th_outbox *o, unsigned edge, uint16_t type, struct th_str body, bool join);
/* A DONE came over this edge, with its body {position u64, err i32}: an error has it sent again
 * a second later. False when it answers nothing that waits. */
bool th_outbox_done(
    struct th_outbox *o, unsigned edge, uint64_t id, struct th_str body, int64_t now_ns);
/* Sends what was not sent over the edges as they are now. */
void th_outbox_pump(struct th_outbox *o, struct th_edges *e, int64_t now_ns);
/* A point between what was added before and what comes later: whether all before is done. */
uint64_t th_outbox_mark(const struct th_outbox *o);
bool th_outbox_past(const struct th_outbox *o, uint64_t mark);
bool th_outbox_empty(const struct th_outbox *o);
size_t th_outbox_bytes(const struct th_outbox *o);
/* Answers that were errors, and the last of them. */
uint64_t th_outbox_refused(const struct th_outbox *o, int *ret_err);

#endif
