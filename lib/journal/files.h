/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a journal: their names and heads, and the head of a record. Shared by writer,
 * reader and th_journal_extent; nothing here keeps a file open.
 */
#ifndef TH_JOURNAL_FILES_H
#define TH_JOURNAL_FILES_H

#include "journal/journal.h"

#define TH_JOURNAL_NAME_BYTES 32u
#define TH_JOURNAL_HEAD_BYTES 28u   /* of a file */
#define TH_JOURNAL_RECORD_BYTES 28u /* head of a record */

struct th_journal_files {
    uint64_t *first; /* position that each file begins with, ascending */
    size_t count;
};
void th_journal_files_done(struct th_journal_files *f);
/* Names of the folder that are a journal's; others are left alone. */
int th_journal_files_list(const struct th_io *io, struct th_journal_files *ret) TH_WARN_UNUSED;
/* Index of the file that `position` lies in or would come in; SIZE_MAX: before all of them. */
size_t th_journal_files_find(const struct th_journal_files *f, uint64_t position);

void th_journal_file_name(uint64_t first, char ret[TH_JOURNAL_NAME_BYTES]);
void th_journal_file_head_put(struct th_buf *out, uint64_t epoch, uint64_t first);
/* Opens the file that begins with `first` and checks its head: a file number, or negative. */
int th_journal_file_open(const struct th_io *io, uint64_t first, enum th_io_open how,
    uint64_t *ret_epoch) TH_WARN_UNUSED;

struct th_journal_record_head {
    uint32_t len_bytes;
    uint8_t type;
    uint64_t position;
    int64_t time_ns;
    uint32_t crc;
};
void th_journal_record_put(
    struct th_buf *out, uint64_t position, uint8_t type, int64_t time_ns, struct th_str body);
/* TH_E_LIMIT or TH_E_MALFORMED when it cannot be the head of the record at `position`. */
int th_journal_record_head_get(const uint8_t head[TH_JOURNAL_RECORD_BYTES], uint64_t position,
    struct th_journal_record_head *ret) TH_WARN_UNUSED;
/* 0, or TH_E_CHECKSUM. */
int th_journal_record_check(const uint8_t head[TH_JOURNAL_RECORD_BYTES],
    const struct th_journal_record_head *h, const uint8_t *body) TH_WARN_UNUSED;

/* Where the whole records of a file end. */
struct th_journal_tail {
    uint64_t next;      /* position behind the last whole record */
    uint64_t end_bytes; /* length up to there */
    uint64_t len_bytes; /* of the file */
};
int th_journal_tail_find(
    const struct th_io *io, int file, uint64_t first, struct th_journal_tail *ret) TH_WARN_UNUSED;

#endif
