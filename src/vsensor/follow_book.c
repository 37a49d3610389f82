/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_book.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/hash.h"

enum { HEAD_BYTES = 128, SLOT_BYTES = 160 };
static const char magic[8] = "THFOLLW1";

struct th_book {
    int fd;
    uint32_t run;
    uint64_t first, last; /* serials; last 0: there is none */
    struct th_follow_turn turns[TH_BOOK_TURNS];
};

/* ---- bytes ---- */

static int write_all(int fd, const uint8_t *p, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, at);
        if (n < 0 && errno != EINTR)
            return -errno;
        n = TH_MAX(n, 0);
        p += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

/* Behind the bytes zeros, and at the end of the slot its check sum. */
static int put_slot(int fd, const struct th_buf *b, size_t len, off_t at)
{
    uint8_t slot[SLOT_BYTES] = {0};
    TH_ASSERT(b->len + 4 <= len && len <= sizeof(slot));
    memcpy(slot, b->p, b->len);
    uint32_t crc = th_crc32c(0, slot, len - 4);
    for (int i = 0; i < 4; i++)
        slot[len - 4 + (size_t)i] = (uint8_t)(crc >> 8 * i);
    int r = write_all(fd, slot, len, at);
    return r < 0 ? r : fdatasync(fd) < 0 ? -errno : 0;
}

static bool get_slot(int fd, uint8_t *slot, size_t len, off_t at)
{
    if (pread(fd, slot, len, at) != (ssize_t)len)
        return false;
    struct th_cur c = th_cur_init(slot + len - 4, 4);
    return th_cur_le32(&c) == th_crc32c(0, slot, len - 4);
}

static void put_turn(struct th_buf *b, uint32_t run, const struct th_follow_turn *t)
{
    th_buf_le32(b, run);
    th_buf_le32(b, t->number);
    th_buf_le32(b, t->saved);
    th_buf_le32(b,
        (uint32_t)t->live | (uint32_t)t->flows << 1 | (uint32_t)t->span.skip_at << 2 |
            (uint32_t)t->span.skip_after << 3);
    const uint64_t words[] = {t->serial, t->log, t->span.inode, t->span.begin, t->span.end,
        t->span.tail, t->seq, t->advanced, (uint64_t)t->clock_ns, (uint64_t)t->advanced_ns,
        (uint64_t)t->until_ns, (uint64_t)t->missed_from_ns, (uint64_t)t->missed_to_ns};
    for (size_t i = 0; i < TH_ARRAY_LEN(words); i++)
        th_buf_le64(b, words[i]);
}

static bool get_turn(const uint8_t *slot, uint32_t run, struct th_follow_turn *ret)
{
    struct th_cur c = th_cur_init(slot, SLOT_BYTES);
    if (th_cur_le32(&c) != run)
        return false;
    struct th_follow_turn t = {.number = th_cur_le32(&c), .saved = th_cur_le32(&c)};
    uint32_t flags = th_cur_le32(&c);
    t.live = flags & 1;
    t.flows = flags >> 1 & 1;
    t.span.skip_at = flags >> 2 & 1;
    t.span.skip_after = flags >> 3 & 1;
    t.serial = th_cur_le64(&c);
    t.log = th_cur_le64(&c);
    t.span.inode = th_cur_le64(&c);
    t.span.begin = th_cur_le64(&c);
    t.span.end = th_cur_le64(&c);
    t.span.tail = th_cur_le64(&c);
    t.seq = th_cur_le64(&c);
    t.advanced = th_cur_le64(&c);
    t.clock_ns = (int64_t)th_cur_le64(&c);
    t.advanced_ns = (int64_t)th_cur_le64(&c);
    t.until_ns = (int64_t)th_cur_le64(&c);
    t.missed_from_ns = (int64_t)th_cur_le64(&c);
    t.missed_to_ns = (int64_t)th_cur_le64(&c);
    *ret = t;
    return !c.failed && t.serial > 0 && t.span.begin <= t.span.end;
}

/* ---- the book ---- */

static off_t place_of(uint64_t serial)
{
    return HEAD_BYTES + (off_t)(serial % TH_BOOK_TURNS) * SLOT_BYTES;
}

static void read_turns(struct th_book *b)
{
    uint8_t slot[SLOT_BYTES];
    for (uint64_t i = 0; i < TH_BOOK_TURNS; i++) {
        struct th_follow_turn t;
        if (get_slot(b->fd, slot, SLOT_BYTES, place_of(i)) && get_turn(slot, b->run, &t) &&
            t.serial % TH_BOOK_TURNS == i) {
            b->turns[i] = t;
            b->last = TH_MAX(b->last, t.serial);
        }
    }
    b->first = b->last;
    while (b->first > 1 && b->last - b->first + 1 < TH_BOOK_TURNS &&
        b->turns[(b->first - 1) % TH_BOOK_TURNS].serial == b->first - 1)
        b->first--;
}

static int begin(struct th_book *b)
{
    TH_AUTOBUF struct th_buf head = TH_BUF_INIT;
    th_buf_put(&head, magic, sizeof(magic));
    th_buf_le32(&head, b->run);
    if (ftruncate(b->fd, 0) < 0)
        return -errno;
    return put_slot(b->fd, &head, HEAD_BYTES, 0);
}

int th_book_open(int fd, uint32_t run, struct th_book **ret)
{
    uint8_t head[HEAD_BYTES];
    TH_CLEANUP(th_book_freep) struct th_book *b = th_xcalloc(1, sizeof(*b));
    b->fd = fd;
    b->run = run;
    if (get_slot(fd, head, HEAD_BYTES, 0) && memcmp(head, magic, sizeof(magic)) == 0) {
        struct th_cur c = th_cur_init(head + sizeof(magic), 4);
        b->run = th_cur_le32(&c);
        read_turns(b);
    } else {
        int r = begin(b);
        if (r < 0)
            return r;
    }
    *ret = TH_TAKE(b);
    return 0;
}

void th_book_free(struct th_book *b)
{
    free(b);
}

uint32_t th_book_run(const struct th_book *b)
{
    return b->run;
}

size_t th_book_count(const struct th_book *b)
{
    return b->last ? (size_t)(b->last - b->first + 1) : 0;
}

const struct th_follow_turn *th_book_turn(const struct th_book *b, size_t i)
{
    TH_ASSERT(i < th_book_count(b));
    return &b->turns[(b->first + i) % TH_BOOK_TURNS];
}

const struct th_follow_turn *th_book_last(const struct th_book *b, uint64_t log)
{
    for (size_t i = th_book_count(b); i-- > 0;)
        if (th_book_turn(b, i)->log == log)
            return th_book_turn(b, i);
    return NULL;
}

int th_book_add(struct th_book *b, const struct th_follow_turn *turn)
{
    TH_AUTOBUF struct th_buf slot = TH_BUF_INIT;
    struct th_follow_turn t = *turn;
    t.serial = b->last + 1;
    put_turn(&slot, b->run, &t);
    int r = put_slot(b->fd, &slot, SLOT_BYTES, place_of(t.serial));
    if (r < 0)
        return r;
    b->turns[t.serial % TH_BOOK_TURNS] = t;
    b->last = t.serial;
    if (b->last == 1 || b->last - b->first + 1 > TH_BOOK_TURNS)
        b->first = b->last == 1 ? 1 : b->last - TH_BOOK_TURNS + 1;
    return 0;
}
