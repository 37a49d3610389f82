/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reading role (capture, import) tells its parent while it works: records of
 * one size through a pipe, tag "progress", each written at once. The parent shows
 * them; the counts are never more than information.
 */
#ifndef TH_PRIV_PROGRESS_H
#define TH_PRIV_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TH_PROGRESS_TEXT_LEN 224
#define TH_PROGRESS_BYTES 256u /* below PIPE_BUF: records do not mix */

struct th_progress {
    uint32_t input;                  /* index in the handed-over list */
    bool done;                       /* nothing more about this input; status and text count */
    uint8_t status;                  /* enum th_source_status */
    uint64_t bytes;                  /* of this input so far, after decompression */
    uint64_t events;                 /* of all inputs so far */
    char text[TH_PROGRESS_TEXT_LEN]; /* for a person, when done: what is wrong, or "" */
};

/* Writes a record; a parent that has gone is no error. */
void th_progress_put(int fd, const struct th_progress *p);
/* Reads one: 1, 0 at the end, -EAGAIN, or another negative error. Text comes out as printable
 * ASCII and UTF-8 only. */
int th_progress_get(int fd, struct th_progress *ret) TH_WARN_UNUSED;

#endif
