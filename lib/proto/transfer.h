/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow that carries one file, by a protocol of its own, because another flow said so (expect.h).
 * The states of such analysers begin with this.
 */
#ifndef TH_PROTO_TRANSFER_H
#define TH_PROTO_TRANSFER_H

#include "expect.h"
#include "files.h"

struct th_transfer {
    struct th_expected announced;
    struct th_file *file; /* NULL until its first bytes */
    int dir;              /* who sends it */
    bool finished;        /* all of it has come */
};

/* Begins the file with these bytes, unless it has begun. */
void th_transfer_begin(
    struct th_conn *c, struct th_transfer *t, enum th_service source, const struct th_chunk *ch);
/* `held` and `end` of such an analyser. */
size_t th_transfer_held(const void *state);
void th_transfer_end(struct th_conn *c, void *state, int64_t time_ns);

#endif
