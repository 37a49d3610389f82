/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system as whoever must survive a power cut sees it: a folder, files in it, and
 * the calls that make bytes and names last. Journal, spool and checkpoints use it
 * and nothing else, so that a test can put a recorder in between, cut it after any call,
 * and start again from what would have been on the disk: writes that were not synced dropped, torn
 * or reordered, names that were not synced missing.
 *
 * Names are single components inside the folder (no '/'). All calls return 0 or more, or -errno.
 */
#ifndef TH_BASE_IO_H
#define TH_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum th_io_open {
    TH_IO_READ = 0,   /* must exist */
    TH_IO_WRITE = 1,  /* read and write; must exist */
    TH_IO_CREATE = 2, /* read and write; made new, -EEXIST when it is there */
    /* The same for much that is written once: past the page cache where the file system can.
     * Places, lengths and memory of all writes are multiples of 4,096. */
    TH_IO_CREATE_DIRECT = 3
};

struct th_io {
    int (*open)(void *arg, const char *name, enum th_io_open how); /* a file number >= 0 */
    int (*close)(void *arg, int file);
    int64_t (*pread)(void *arg, int file, void *to, size_t len_bytes, uint64_t at);
    int64_t (*pwrite)(void *arg, int file, const void *from, size_t len_bytes, uint64_t at);
    int64_t (*size)(void *arg, int file);
    int (*truncate)(void *arg, int file, uint64_t len_bytes);
    int (*sync)(void *arg, int file); /* the file's bytes and length last */
    int (*sync_folder)(void *arg);    /* the folder's names last */
    int (*rename)(void *arg, const char *from, const char *to); /* replaces `to` */
    int (*remove)(void *arg, const char *name);
    /* Calls fn for each name, in no order; fn's non-zero result ends it and is returned. */
    int (*list)(void *arg, int (*fn)(void *fn_arg, const char *name), void *fn_arg);
    int64_t (*free_bytes)(void *arg); /* room left on its disk */
    void *arg;
};

/* The real thing, over an open folder descriptor that stays the caller's and must outlive it. */
void th_io_folder(struct th_io *ret, const int *folder_fd);

/* pread and pwrite until all is done; a short file is TH_E_TRUNCATED. */
int th_io_read_all(
    const struct th_io *io, int file, void *to, size_t len_bytes, uint64_t at) TH_WARN_UNUSED;
int th_io_write_all(const struct th_io *io, int file, const void *from, size_t len_bytes,
    uint64_t at) TH_WARN_UNUSED;
/* Puts a whole small file in place: written aside (NAME.new), synced, renamed, folder synced. */
int th_io_replace(
    const struct th_io *io, const char *name, const void *data, size_t len_bytes) TH_WARN_UNUSED;

#endif
