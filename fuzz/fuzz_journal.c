/* SPDX-License-Identifier: Apache-2.0 */
/* A journal of any bytes: a reader over the file as it is, and over the bytes behind a good head;
 * then a writer that opens what it finds, goes on, and must read back what it wrote. */
#include "base/hash.h"
#include "io_record.h"
#include "journal/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touched;

static void read_all(const struct th_io *io, uint64_t from, uint64_t end)
{
    struct th_journal_reader *r = th_journal_reader_new(io);
    struct th_journal_record rec;
    if (th_journal_seek(r, from) == 0)
        while (th_journal_read(r, end, &rec) == 1)
            touched += th_siphash(&(struct th_hash_key){0}, rec.body.p, rec.body.len);
    th_journal_reader_free(r);
}

static void go_on(const struct th_io *io)
{
    struct th_journal *j = NULL;
    struct th_journal_reader *r;
    struct th_journal_record rec;
    uint64_t position;
    if (th_journal_open(io, &(struct th_journal_config){.epoch = 3}, &j) < 0)
        return;
    int err = th_journal_add(j, 9, 1, th_str_c("behind it"), &position);
    TH_ASSERT(err == 0 && th_journal_sync(j) == 0);
    r = th_journal_reader_new(io);
    err = th_journal_seek(r, position);
    TH_ASSERT(err == 0);
    err = th_journal_read(r, th_journal_synced(j), &rec);
    TH_ASSERT(err == 1 && rec.type == 9 && th_str_is(rec.body, "behind it"));
    th_journal_reader_free(r);
    th_journal_close(j);
}

static void try_file(const uint8_t *head, size_t head_len, const uint8_t *data, size_t size)
{
    struct io_record *disk = io_record_new();
    struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
    struct th_io io;
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    io_record_io(disk, &io);
    th_buf_put(&file, head, head_len);
    th_buf_put(&file, data, size);
    int err = th_io_replace(&io, "0000000000000000.j", file.p, file.len);
    TH_ASSERT(err == 0);
    read_all(&io, 0, UINT64_MAX);
    read_all(&io, 3, UINT64_MAX);
    if (th_journal_extent(&io, &first, &next, &epoch) == 0)
        read_all(&io, first, next);
    go_on(&io);
    io_record_free(disk);
}

/* Lengths and types out of the data, checksums right: the search gets behind them. */
static void try_records(const uint8_t *head, const uint8_t *data, size_t size)
{
    struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
    uint64_t position = 0;
    for (size_t at = 0; at + 2 <= size;) {
        size_t len = TH_MIN((size_t)data[at], size - at - 2);
        size_t begin = file.len;
        th_buf_le32(&file, (uint32_t)len);
        th_buf_u8(&file, data[at + 1]);
        th_buf_put(&file, (uint8_t[3]){0}, 3);
        th_buf_le64(&file, data[at + 1] == 0xff ? 77 : position++);
        th_buf_le64(&file, 5);
        uint32_t crc = th_crc32c(0, file.p + begin, 24);
        th_buf_le32(&file, th_crc32c(crc, data + at + 2, len));
        th_buf_put(&file, data + at + 2, len);
        at += 2 + len;
    }
    try_file(head, 28, file.p, file.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_buf head TH_AUTOBUF = TH_BUF_INIT;
    th_buf_puts(&head, "TJNL");
    th_buf_le16(&head, 1);
    th_buf_le16(&head, 0);
    th_buf_le64(&head, 7);
    th_buf_le64(&head, 0);
    th_buf_le32(&head, th_crc32c(0, head.p, 24));
    try_file(NULL, 0, data, size);
    try_file(head.p, head.len, data, size);
    try_records(head.p, data, size);
    return 0;
}
