/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's spool: a journal of envelopes, signed as they enter and sent as they lie there. An
 * envelope's sequence is its record's position, its epoch the journal's: whoever adds
 * one asks for both first. Only what is synced is given out to be sent, so that the master never
 * knows of an envelope that a power cut could take back.
 *
 * What the master acknowledged goes, file by file. The spool is bounded: when it is full (or the
 * disk is) its oldest file goes, unsent, and what was in it is remembered as a gap, on the
 * disk too. Since sequences must have no hole the sender, asking for a sequence that was
 * dropped, is given the gap, makes a GAP envelope of it and goes on behind. After a restart the
 * sender begins at th_spool_first, or where the master says.
 *
 * Files: the journal's, and "gap".
 */
#ifndef TH_LINK_SPOOL_H
#define TH_LINK_SPOOL_H

#include "base/buf.h"
#include "base/io.h"

struct th_spool_config {
    uint64_t limit_bytes; /* at least 64 KiB; default 1 GiB */
    uint64_t file_bytes;  /* default: a 16th of the limit, 16 MiB at most */
    uint64_t epoch;       /* for a new spool: larger than any before, the clock in ns */
};

struct th_spool_entry {
    uint64_t sequence;
    uint32_t events;
    int64_t first_ns, last_ns; /* of its events */
    int64_t added_ns;          /* as given to th_spool_add */
    struct th_str envelope;
};

/* Envelopes from `sequence` on that are not there any more. */
struct th_spool_gap {
    uint64_t sequence, batches;
    uint64_t events;           /* in them; 0 when nobody can tell any more */
    int64_t first_ns, last_ns; /* of these events; 0 when unknown */
};

struct th_spool;
int th_spool_open(const struct th_io *io, const struct th_spool_config *config,
    struct th_spool **ret) TH_WARN_UNUSED;
void th_spool_close(struct th_spool *s);
uint64_t th_spool_epoch(const struct th_spool *s);
uint64_t th_spool_next(const struct th_spool *s);   /* sequence that the next envelope must have */
uint64_t th_spool_first(const struct th_spool *s);  /* oldest one that is still to be sent */
uint64_t th_spool_synced(const struct th_spool *s); /* below it all is on the disk */
uint64_t th_spool_bytes(const struct th_spool *s);
uint64_t th_spool_limit(const struct th_spool *s);
/* Dropped since it was opened. */
uint64_t th_spool_dropped_batches(const struct th_spool *s);
uint64_t th_spool_dropped_events(const struct th_spool *s);

/* Adds the envelope with sequence th_spool_next. Drops the oldest file as often as needed; an
 * error of the disk (-ENOSPC when nothing can be dropped any more) leaves the spool as it was:
 * the caller keeps the events and tries again, or counts them. */
int th_spool_add(struct th_spool *s, const struct th_spool_entry *e) TH_WARN_UNUSED;
/* After an error what was not synced is gone, and th_spool_next says from where on. */
int th_spool_sync(struct th_spool *s) TH_WARN_UNUSED;

enum th_spool_found { TH_SPOOL_NOTHING = 0, TH_SPOOL_ENTRY = 1, TH_SPOOL_GAP = 2 };
/* What is to be sent for `sequence`: nothing yet; the entry, valid until the next call of a spool's
 * function; or the gap that begins there, behind which sending goes on at sequence + batches.
 * Negative: the disk failed, or what it has is damaged. */
int th_spool_get(struct th_spool *s, uint64_t sequence, struct th_spool_entry *ret_entry,
    struct th_spool_gap *ret_gap) TH_WARN_UNUSED;
/* The master has all below `next`. -ERANGE: more than this spool ever gave out, so the folder was
 * put back to an older state; th_spool_renew is the way out. */
int th_spool_acknowledge(struct th_spool *s, uint64_t next) TH_WARN_UNUSED;
/* Begins anew with a larger epoch. What had not been sent is lost and counted in *ret_gap (may be
 * NULL): it was signed for the old epoch. After an error the spool can only be closed. */
int th_spool_renew(struct th_spool *s, uint64_t epoch, struct th_spool_gap *ret_gap) TH_WARN_UNUSED;

#endif
