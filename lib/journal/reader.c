/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader. It reads ahead, but believes of what it has read only records that were synced
 * when it read them: what lies behind may be half written, or be written anew.
 */
#include "files.h"

#define READ_AHEAD_BYTES (256u << 10)
#define WALK_AHEAD_BYTES (4u << 10) /* of heads alone */
#define WALKING UINT64_MAX          /* for `end`: looking for a position, not reading */

struct th_journal_reader {
    const struct th_io *io;
    int file; /* -1: none */
    uint64_t position;
    uint64_t at_bytes; /* in the file: where the record at `position` begins */
    struct th_buf data;
    uint64_t data_at_bytes; /* where in the file `data` begins */
    uint64_t data_end;      /* position below which `data` may be believed */
};

struct th_journal_reader *th_journal_reader_new(const struct th_io *io)
{
    struct th_journal_reader *r = th_xcalloc(1, sizeof(*r));
    r->io = io;
    r->file = -1;
    return r;
}

static void close_file(struct th_journal_reader *r)
{
    if (r->file >= 0)
        r->io->close(r->io->arg, r->file);
    r->file = -1;
    th_buf_clear(&r->data);
}

void th_journal_reader_free(struct th_journal_reader *r)
{
    if (!r)
        return;
    close_file(r);
    th_buf_done(&r->data);
    free(r);
}

uint64_t th_journal_reader_position(const struct th_journal_reader *r)
{
    return r->position;
}

static int open_at(struct th_journal_reader *r, uint64_t first)
{
    uint64_t epoch;
    int file = th_journal_file_open(r->io, first, TH_IO_READ, &epoch);
    if (file < 0)
        return file;
    close_file(r);
    r->file = file;
    r->position = first;
    r->at_bytes = TH_JOURNAL_HEAD_BYTES;
    return 0;
}

/* Fills data from at_bytes on with at least need bytes, or as many as there are. */
static int fill(struct th_journal_reader *r, size_t need, size_t ahead)
{
    size_t want = TH_MAX(need, ahead);
    th_buf_clear(&r->data);
    r->data_at_bytes = r->at_bytes;
    uint8_t *p = th_buf_reserve(&r->data, want);
    TH_ASSERT(p);
    while (r->data.len < need) {
        int64_t n = r->io->pread(r->io->arg, r->file, r->data.p + r->data.len, want - r->data.len,
            r->at_bytes + r->data.len);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        if (n == 0)
            return 0;
        th_buf_commit(&r->data, (size_t)n);
    }
    return 0;
}

/* How many bytes of the record at `position` are at hand after trying to have `need`. */
static int have(struct th_journal_reader *r, size_t need, uint64_t end, size_t *ret_have)
{
    uint64_t skip = r->at_bytes - r->data_at_bytes;
    bool believed = r->data.len > 0 && r->position < r->data_end && skip <= r->data.len;
    if (!believed || r->data.len - skip < need) {
        int err = fill(r, need, end == WALKING ? WALK_AHEAD_BYTES : READ_AHEAD_BYTES);
        if (err < 0)
            return err;
        r->data_end = end;
        skip = 0;
    }
    *ret_have = r->data.len - (size_t)skip;
    return 0;
}

static const uint8_t *here(const struct th_journal_reader *r)
{
    return r->data.p + (r->at_bytes - r->data_at_bytes);
}

/* Position `position` is not in the file that it should be in: trimmed, or lost? */
static int missing(const struct th_journal_reader *r)
{
    struct th_journal_files f;
    int err = th_journal_files_list(r->io, &f);
    if (err < 0)
        return err;
    bool trimmed = f.count > 0 && f.first[0] > r->position;
    th_journal_files_done(&f);
    return trimmed ? -ENOENT : TH_E_TRUNCATED;
}

/* 1 and the record's head; 0: the file ends here; negative. */
static int read_head(struct th_journal_reader *r, uint64_t end, struct th_journal_record_head *ret)
{
    size_t n;
    int err = have(r, TH_JOURNAL_RECORD_BYTES, end, &n);
    if (err < 0)
        return err;
    if (n == 0)
        return 0;
    if (n < TH_JOURNAL_RECORD_BYTES)
        return TH_E_TRUNCATED;
    err = th_journal_record_head_get(here(r), r->position, ret);
    return err < 0 ? err : 1;
}

int th_journal_read(struct th_journal_reader *r, uint64_t end, struct th_journal_record *ret)
{
    struct th_journal_record_head h;
    size_t n;
    if (r->position >= end)
        return 0;
    if (r->file < 0)
        return -ENOENT;
    int got = read_head(r, end, &h);
    if (got == 0) { /* the file ended; the next one is named by the position */
        int err = open_at(r, r->position);
        if (err < 0)
            return err == -ENOENT ? missing(r) : err;
        got = read_head(r, end, &h);
    }
    if (got <= 0)
        return got < 0 ? got : TH_E_TRUNCATED;
    size_t len = TH_JOURNAL_RECORD_BYTES + (size_t)h.len_bytes;
    int err = have(r, len, end, &n);
    if (err < 0)
        return err;
    if (n < len)
        return TH_E_TRUNCATED;
    const uint8_t *body = here(r) + TH_JOURNAL_RECORD_BYTES;
    err = th_journal_record_check(here(r), &h, body);
    if (err < 0)
        return err;
    *ret = (struct th_journal_record){.position = h.position,
        .time_ns = h.time_ns,
        .type = h.type,
        .body = th_str_n(body, h.len_bytes)};
    r->at_bytes += len;
    r->position++;
    return 1;
}

/* Goes from the begin of the file to the position, by the heads alone. */
static int walk(struct th_journal_reader *r, uint64_t position)
{
    while (r->position < position) {
        struct th_journal_record_head h;
        size_t n;
        int err = have(r, TH_JOURNAL_RECORD_BYTES, WALKING, &n);
        if (err < 0)
            return err;
        if (n < TH_JOURNAL_RECORD_BYTES)
            return -ENOENT;
        err = th_journal_record_head_get(here(r), r->position, &h);
        if (err < 0)
            return err;
        r->at_bytes += TH_JOURNAL_RECORD_BYTES + h.len_bytes;
        r->position++;
    }
    th_buf_clear(&r->data); /* it was read without knowing what is synced */
    int64_t size = r->io->size(r->io->arg, r->file);
    if (size < 0)
        return (int)size;
    return r->at_bytes <= (uint64_t)size ? 0 : -ENOENT;
}

int th_journal_seek(struct th_journal_reader *r, uint64_t position)
{
    struct th_journal_files f;
    int err = th_journal_files_list(r->io, &f);
    if (err < 0)
        return err;
    size_t i = th_journal_files_find(&f, position);
    uint64_t first = i == SIZE_MAX ? 0 : f.first[i];
    bool is_last = i + 1 == f.count;
    th_journal_files_done(&f);
    if (i == SIZE_MAX)
        return -ENOENT;
    err = open_at(r, first);
    if (err == 0)
        err = walk(r, position);
    if (err < 0)
        close_file(r);
    /* Behind the last record there may be anything; in an older file all must be whole. */
    if (err == TH_E_MALFORMED || err == TH_E_LIMIT)
        return is_last ? -ENOENT : TH_E_MALFORMED;
    return err == -ENOENT && !is_last ? TH_E_TRUNCATED : err;
}
