/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <inttypes.h>

#include "base/cursor.h"
#include "base/hash.h"

#define MAGIC "TJNL"
#define VERSION 1u
#define CRC_AT 24u /* in the head of a file and of a record */

_Static_assert(TH_JOURNAL_HEAD_BYTES == CRC_AT + 4, "the checksum ends a file's head");
_Static_assert(TH_JOURNAL_RECORD_BYTES == CRC_AT + 4, "the checksum ends a record's head");

void th_journal_files_done(struct th_journal_files *f)
{
    free(f->first);
    *f = (struct th_journal_files){0};
}

/* 16 lower-case hexadecimal digits and ".j", nothing else. */
static bool parse_name(const char *name, uint64_t *ret_first)
{
    uint64_t v = 0;
    if (strlen(name) != 18 || strcmp(name + 16, ".j") != 0)
        return false;
    for (size_t i = 0; i < 16; i++) {
        char c = name[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *ret_first = v;
    return true;
}

static int add_name(void *arg, const char *name)
{
    struct th_journal_files *f = arg;
    uint64_t first;
    if (!parse_name(name, &first))
        return 0;
    f->first = th_xreallocarray(f->first, f->count + 1, sizeof(*f->first));
    f->first[f->count++] = first;
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int th_journal_files_list(const struct th_io *io, struct th_journal_files *ret)
{
    struct th_journal_files f = {0};
    int r = io->list(io->arg, add_name, &f);
    if (r < 0) {
        th_journal_files_done(&f);
        return r;
    }
    if (f.count)
        qsort(f.first, f.count, sizeof(*f.first), compare);
    *ret = f;
    return 0;
}

size_t th_journal_files_find(const struct th_journal_files *f, uint64_t position)
{
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (f->first[mid] <= position)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? low - 1 : SIZE_MAX;
}

void th_journal_file_name(uint64_t first, char ret[TH_JOURNAL_NAME_BYTES])
{
    snprintf(ret, TH_JOURNAL_NAME_BYTES, "%016" PRIx64 ".j", first);
}

void th_journal_file_head_put(struct th_buf *out, uint64_t epoch, uint64_t first)
{
    size_t begin = out->len;
    th_buf_puts(out, MAGIC);
    th_buf_le16(out, VERSION);
    th_buf_le16(out, 0);
    th_buf_le64(out, epoch);
    th_buf_le64(out, first);
    th_buf_le32(out, th_crc32c(0, out->p + begin, CRC_AT));
}

static int head_get(const uint8_t head[TH_JOURNAL_HEAD_BYTES], uint64_t first, uint64_t *ret_epoch)
{
    struct th_cur c = th_cur_init(head, TH_JOURNAL_HEAD_BYTES);
    if (!th_str_is(th_cur_bytes(&c, 4), MAGIC))
        return TH_E_UNKNOWN_FORMAT;
    uint16_t version = th_cur_le16(&c);
    uint16_t zero = th_cur_le16(&c);
    uint64_t epoch = th_cur_le64(&c);
    uint64_t begins = th_cur_le64(&c);
    if (th_cur_le32(&c) != th_crc32c(0, head, CRC_AT))
        return TH_E_CHECKSUM;
    if (version != VERSION)
        return TH_E_VERSION;
    if (zero != 0 || begins != first)
        return TH_E_MALFORMED;
    *ret_epoch = epoch;
    return 0;
}

int th_journal_file_open(
    const struct th_io *io, uint64_t first, enum th_io_open how, uint64_t *ret_epoch)
{
    char name[TH_JOURNAL_NAME_BYTES];
    uint8_t head[TH_JOURNAL_HEAD_BYTES];
    th_journal_file_name(first, name);
    int file = io->open(io->arg, name, how);
    if (file < 0)
        return file;
    int r = th_io_read_all(io, file, head, sizeof(head), 0);
    if (r == 0)
        r = head_get(head, first, ret_epoch);
    if (r == 0)
        return file;
    io->close(io->arg, file);
    return r;
}

void th_journal_record_put(
    struct th_buf *out, uint64_t position, uint8_t type, int64_t time_ns, struct th_str body)
{
    size_t begin = out->len;
    th_buf_le32(out, body.len);
    th_buf_u8(out, type);
    th_buf_put(out, (uint8_t[3]){0}, 3);
    th_buf_le64(out, position);
    th_buf_le64(out, (uint64_t)time_ns);
    uint32_t crc = th_crc32c(0, out->p + begin, CRC_AT);
    th_buf_le32(out, th_crc32c(crc, body.p, body.len));
    th_buf_str(out, body);
}

int th_journal_record_head_get(const uint8_t head[TH_JOURNAL_RECORD_BYTES], uint64_t position,
    struct th_journal_record_head *ret)
{
    struct th_cur c = th_cur_init(head, TH_JOURNAL_RECORD_BYTES);
    struct th_journal_record_head h = {.len_bytes = th_cur_le32(&c), .type = th_cur_u8(&c)};
    uint32_t zero = th_cur_u8(&c);
    zero |= th_cur_le16(&c);
    h.position = th_cur_le64(&c);
    h.time_ns = (int64_t)th_cur_le64(&c);
    h.crc = th_cur_le32(&c);
    if (h.len_bytes > TH_JOURNAL_MAX_RECORD)
        return TH_E_LIMIT;
    if (zero != 0 || h.position != position)
        return TH_E_MALFORMED;
    *ret = h;
    return 0;
}

int th_journal_record_check(const uint8_t head[TH_JOURNAL_RECORD_BYTES],
    const struct th_journal_record_head *h, const uint8_t *body)
{
    uint32_t crc = th_crc32c(0, head, CRC_AT);
    return th_crc32c(crc, body, h->len_bytes) == h->crc ? 0 : TH_E_CHECKSUM;
}

/* 1: a whole record stands there; 0: none does; negative: the disk failed. */
static int whole_record(const struct th_io *io, int file, const struct th_journal_tail *t,
    struct th_buf *body, uint32_t *ret_len)
{
    uint8_t head[TH_JOURNAL_RECORD_BYTES];
    struct th_journal_record_head h;
    if (t->len_bytes - t->end_bytes < sizeof(head))
        return 0;
    int r = th_io_read_all(io, file, head, sizeof(head), t->end_bytes);
    if (r < 0)
        return r;
    if (th_journal_record_head_get(head, t->next, &h) < 0 ||
        t->len_bytes - t->end_bytes - sizeof(head) < h.len_bytes)
        return 0;
    th_buf_clear(body);
    uint8_t *p = th_buf_reserve(body, h.len_bytes + 1); /* of no bytes too */
    TH_ASSERT(p);
    r = th_io_read_all(io, file, p, h.len_bytes, t->end_bytes + sizeof(head));
    if (r < 0)
        return r;
    *ret_len = h.len_bytes;
    return th_journal_record_check(head, &h, p) == 0;
}

int th_journal_tail_find(
    const struct th_io *io, int file, uint64_t first, struct th_journal_tail *ret)
{
    struct th_buf body TH_AUTOBUF = TH_BUF_INIT;
    int64_t size = io->size(io->arg, file);
    if (size < 0)
        return (int)size;
    struct th_journal_tail t = {
        .next = first, .end_bytes = TH_JOURNAL_HEAD_BYTES, .len_bytes = (uint64_t)size};
    uint32_t len = 0;
    int r;
    while ((r = whole_record(io, file, &t, &body, &len)) == 1) {
        t.end_bytes += TH_JOURNAL_RECORD_BYTES + len;
        t.next++;
    }
    if (r < 0)
        return r;
    *ret = t;
    return 0;
}

int th_journal_extent(
    const struct th_io *io, uint64_t *ret_first, uint64_t *ret_next, uint64_t *ret_epoch)
{
    struct th_journal_files f;
    struct th_journal_tail tail = {0};
    uint64_t epoch = 0;
    int r = th_journal_files_list(io, &f);
    if (r < 0)
        return r;
    uint64_t first = f.count ? f.first[0] : 0;
    uint64_t last = f.count ? f.first[f.count - 1] : 0;
    bool empty = f.count == 0;
    th_journal_files_done(&f);
    if (empty)
        return -ENOENT;
    int file = th_journal_file_open(io, last, TH_IO_READ, &epoch);
    if (file < 0)
        return file;
    r = th_journal_tail_find(io, file, last, &tail);
    io->close(io->arg, file);
    if (r < 0)
        return r;
    *ret_first = first;
    *ret_next = tail.next;
    *ret_epoch = epoch;
    return 0;
}
