/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder in memory behind struct th_io that remembers every change made to it, in order. From
 * the record it makes the folder that a disk could hold when the power went before any of the
 * changes: of what was not synced by then each 512-byte sector of a write, each truncation
 * and each name is there or not, independently of the others, as the seed says. Seed 0 is the
 * disk that kept nothing unsynced, seed 1 the one that kept all.
 */
#ifndef TH_TESTS_IO_RECORD_H
#define TH_TESTS_IO_RECORD_H

#include "base/io.h"

struct io_record;
struct io_record *io_record_new(void);
void io_record_free(struct io_record *r);
void io_record_io(struct io_record *r, struct th_io *ret);

/* Changes so far: a cut before change `at` is one for 0 <= at <= io_record_changes. */
size_t io_record_changes(const struct io_record *r);
/* The folder after a power cut, as one of its own: nothing open, all on the disk. */
struct io_record *io_record_cut(const struct io_record *r, size_t at, uint64_t seed);

/* The disk has this much room in all; a write past it is short, then -ENOSPC. */
void io_record_room(struct io_record *r, uint64_t bytes);
/* A write takes at most this many bytes at a time; 0: all. */
void io_record_chunk(struct io_record *r, size_t bytes);
/* After `calls` more calls of the kind, one fails. */
enum io_record_call {
    IO_RECORD_WRITE,
    IO_RECORD_SYNC,
    IO_RECORD_SYNC_FOLDER,
    IO_RECORD_TRUNCATE,
    IO_RECORD_RENAME,
    IO_RECORD_REMOVE,
    IO_RECORD_CALLS
};
void io_record_fail(struct io_record *r, enum io_record_call call, unsigned calls, int err);
/* Content of a file, for tests that damage it; NULL when there is none. Not recorded. */
uint8_t *io_record_content(struct io_record *r, const char *name, size_t *ret_len_bytes);

#endif
