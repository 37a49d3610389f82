/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets on the disk: a folder of files (file.h) that are written one after the other and removed
 * from the oldest on, when they hold more than a number of bytes, or are older than so many hours.
 * Blocks of records go in; search.h finds packets in them again, also from another process while
 * this one writes.
 *
 * Every file has a key of its own, sealed by a data key, which the file "keys" of the folder holds,
 * sealed by the sensor's key. Whoever removes a file has removed its packets.
 *
 * The writer may be killed at any moment: what was written is there, a block that was being written
 * is none. When the disk is full the oldest file goes; when there is none to go the block is
 * refused, and may be brought again.
 */
#ifndef TH_KEEP_RING_H
#define TH_KEEP_RING_H

#include "base/io.h"
#include "base/str.h"

#define TH_KEEP_KEY_BYTES 32u
#define TH_KEEP_MIN_BYTES (UINT64_C(64) << 20)

struct th_keep_config {
    uint64_t bytes;         /* of all files */
    int64_t span_ns;        /* no packet stays longer; 0: none goes for its age */
    uint64_t reserve_bytes; /* left free on the disk, for others */
};

struct th_keep_counts {
    uint64_t packets, bytes, blocks; /* written; bytes as they lie on the disk */
    uint64_t malformed;              /* blocks that were not records to their end */
    uint64_t removed_size, removed_age, removed_full; /* files; the last for want of room */
    uint64_t removed_bytes;
    uint64_t damaged; /* files and blocks that could not be read at the start */
    int error;        /* of the last write; 0: it went well */
    /* of now */
    uint64_t kept_bytes, files;
    int64_t oldest_ns; /* first packet; INT64_MAX: there is none */
};

struct th_keep;
/* Takes over what a run before left. now_ns is wall time, as everywhere here. TH_E_SIGNATURE: the
 * folder is of another key. */
int th_keep_open(const struct th_io *io, const uint8_t key[TH_KEEP_KEY_BYTES],
    const struct th_keep_config *config, int64_t now_ns, struct th_keep **ret) TH_WARN_UNUSED;
/* Closes its file, so that it is found without being gone through. */
void th_keep_close(struct th_keep *k);
/* Writes records (records.h), at most TH_KEEP_MAX_BLOCK bytes; what is none of them is left out and
 * counted. Negative: nothing of them is there; to be tried again later, or left. */
int th_keep_put(struct th_keep *k, struct th_str records, int64_t now_ns) TH_WARN_UNUSED;
/* Makes what was written last; to be called once in a while, and not for each block. */
int th_keep_sync(struct th_keep *k) TH_WARN_UNUSED;
/* Removes what is too old, or in the way of others. */
void th_keep_tick(struct th_keep *k, int64_t now_ns);
void th_keep_counts(const struct th_keep *k, struct th_keep_counts *ret);

#endif
