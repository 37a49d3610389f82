/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal: records in the order in which they came, in numbered files of a folder. The master's
 * log and the sensor's spool are journals. There is one writer; readers, in other
 * processes too, follow it by position.
 *
 * A position is the number of a record, from 0, for ever increasing. A file is named by the
 * position of its first record (16 hexadecimal digits and ".j"). File head: magic "TJNL", version
 * u16, zero u16, epoch u64 (of the journal: made once, when the folder was empty), first position
 * u64, CRC-32C u32. Record: length u32, type u8, zero 3 bytes, position u64, time_ns i64, CRC-32C
 * u32 over all before it and the body, body. Little-endian. What stands behind the last whole
 * record of the last file was never acknowledged: the writer cuts it off when it opens.
 *
 * Bytes are on the disk when th_journal_sync has returned 0, and not before. Records past
 * TH_JOURNAL_MAX_RECORD are refused.
 */
#ifndef TH_JOURNAL_JOURNAL_H
#define TH_JOURNAL_JOURNAL_H

#include "base/buf.h"
#include "base/io.h"

#define TH_JOURNAL_MAX_RECORD (9u << 20)

struct th_journal_config {
    uint64_t file_bytes; /* a new file is begun past this size; default 64 MiB */
    uint64_t epoch;      /* given to a journal that is made new */
};

struct th_journal_record {
    uint64_t position;
    int64_t time_ns; /* as the writer gave it */
    uint8_t type;    /* the user's */
    struct th_str body;
};

/* ---- writer ---- */
struct th_journal;
/* Opens or makes the journal; finds its end, cuts off what is torn. The io must outlive it. */
int th_journal_open(const struct th_io *io, const struct th_journal_config *config,
    struct th_journal **ret) TH_WARN_UNUSED;
void th_journal_close(struct th_journal *j); /* without a sync */
uint64_t th_journal_epoch(const struct th_journal *j);
uint64_t th_journal_first(const struct th_journal *j); /* oldest record still there */
uint64_t th_journal_next(const struct th_journal *j);  /* position that the next record gets */
uint64_t th_journal_bytes(const struct th_journal *j); /* on the disk, all files */
/* True when the next record begins a new file: who keeps a summary at the front of each file adds
 * it now. */
bool th_journal_at_file_begin(const struct th_journal *j);
/* Adds a record; ret_position may be NULL. After an error of the disk (-ENOSPC, -EIO, ...)
 * nothing of the record is in the journal and the call may be tried again. */
int th_journal_add(struct th_journal *j, uint8_t type, int64_t time_ns, struct th_str body,
    uint64_t *ret_position) TH_WARN_UNUSED;
/* When the disk fails to sync, the records that were not synced are taken out again (next goes back
 * to synced), since nobody can tell what became of them: they may be added anew. Once even that
 * fails every call returns the error, until the journal is opened again. */
int th_journal_sync(struct th_journal *j) TH_WARN_UNUSED;
/* Position below which all is synced. */
uint64_t th_journal_synced(const struct th_journal *j);
/* Removes whole files whose records all lie before `before`; never the last file. Returns how many
 * records went in *ret_records (may be NULL). */
int th_journal_trim(struct th_journal *j, uint64_t before, uint64_t *ret_records) TH_WARN_UNUSED;
/* First record of the oldest file and of the one behind it: what dropping the oldest would cost.
 * -ENOENT when there is one file only. */
int th_journal_oldest_file(
    const struct th_journal *j, uint64_t *ret_first, uint64_t *ret_end) TH_WARN_UNUSED;
/* Position that the file with this record begins with: where its summary stands. */
uint64_t th_journal_file_of(const struct th_journal *j, uint64_t position);

/* ---- reader ---- */
struct th_journal_reader;
struct th_journal_reader *th_journal_reader_new(const struct th_io *io);
void th_journal_reader_free(struct th_journal_reader *r);
/* The next record to be read will be `position`, which may be the one that is written next.
 * -ENOENT: it was trimmed, or lies further ahead than that. */
int th_journal_seek(struct th_journal_reader *r, uint64_t position) TH_WARN_UNUSED;
/* 1 and the record at the reader's position (its body valid until the next call); 0 when position
 * `end` is reached (the writer's synced position: a reader never reads past it). Damage below
 * `end` is TH_E_CHECKSUM, TH_E_MALFORMED, TH_E_LIMIT or TH_E_TRUNCATED; -ENOENT: it was trimmed
 * meanwhile. */
int th_journal_read(
    struct th_journal_reader *r, uint64_t end, struct th_journal_record *ret) TH_WARN_UNUSED;
uint64_t th_journal_reader_position(const struct th_journal_reader *r);
/* Without a writer (snapshot, tools, tests): first and next position and epoch of what is there.
 * -ENOENT: there is no journal. */
int th_journal_extent(const struct th_io *io, uint64_t *ret_first, uint64_t *ret_next,
    uint64_t *ret_epoch) TH_WARN_UNUSED;

#endif
