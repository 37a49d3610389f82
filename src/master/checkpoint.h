/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: whole files of sections (sections.h) in a folder, put in place by one rename,
 * numbered, the last two kept. After a power cut at any moment the newest that is whole is what was
 * saved last, or what was being saved.
 */
#ifndef TH_MASTER_CHECKPOINT_H
#define TH_MASTER_CHECKPOINT_H

#include "base/buf.h"
#include "base/io.h"

/* Puts `whole` in place as PREFIX-NUMBER, with the next number; older ones but one go. */
int th_checkpoint_save(
    const struct th_io *io, const char *prefix, const struct th_buf *whole) TH_WARN_UNUSED;
/* Reads the newest whole one of those behind the first *skip; *skip then counts the damaged ones on
 * the way, too. -ENOENT when there is none. */
int th_checkpoint_load(
    const struct th_io *io, const char *prefix, unsigned *skip, struct th_buf *ret) TH_WARN_UNUSED;

#endif
