/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_log.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/time.h"
#include "flowlog/lines.h"

enum {
    MAX_FILES = 16,
    TAIL_BYTES = 64,
    READ_BYTES = 4 << 20,
    MAX_LINE = TH_FLOWLOG_MAX_LINE_BYTES
};
/* A program may write to a renamed file until it is told to open the new one. */
static const int64_t linger_ns = 3 * TH_NS_PER_S;

struct file {
    int fd;
    uint64_t inode;
    int64_t modified_ns; /* when it came */
    int64_t added_ns;
};

struct th_follow_log {
    struct file files[MAX_FILES]; /* the first is read */
    size_t count;
    bool there;
    uint64_t position; /* in the first */
    uint64_t tail;     /* of the bytes before it */
    bool skip;
    bool at_end;
    bool rest; /* the beginning of a line was left where the first ended */
    struct th_follow_counts counts;
    uint8_t *buffer;
};

static const struct th_hash_key no_key = {0};

struct th_follow_log *th_follow_log_new(void)
{
    struct th_follow_log *l = th_xcalloc(1, sizeof(*l));
    l->buffer = th_xmalloc(READ_BYTES);
    return l;
}

void th_follow_log_free(struct th_follow_log *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        th_closep(&l->files[i].fd);
    free(l->buffer);
    free(l);
}

bool th_follow_log_is_there(const struct th_follow_log *l)
{
    return l->there;
}

bool th_follow_log_at_end(const struct th_follow_log *l)
{
    return l->at_end;
}

void th_follow_log_counts(const struct th_follow_log *l, struct th_follow_counts *ret)
{
    *ret = l->counts;
}

/* ---- files ---- */

/* Of the bytes before an offset. */
static uint64_t tail_of(int fd, uint64_t end)
{
    uint8_t bytes[TAIL_BYTES];
    size_t len = (size_t)TH_MIN(end, (uint64_t)TAIL_BYTES);
    if (pread(fd, bytes, len, (off_t)(end - len)) != (ssize_t)len)
        return 0;
    return th_siphash(&no_key, bytes, len) | 1;
}

static void move_to(struct th_follow_log *l, uint64_t position, bool skip)
{
    l->position = position;
    l->tail = l->count ? tail_of(l->files[0].fd, position) : 0;
    l->skip = skip;
    l->at_end = false;
}

static void drop_first(struct th_follow_log *l)
{
    th_closep(&l->files[0].fd);
    memmove(l->files, l->files + 1, --l->count * sizeof(l->files[0]));
    move_to(l, 0, false);
}

void th_follow_log_add(struct th_follow_log *l, int fd, int64_t now_ns)
{
    struct stat st;
    l->there = fd >= 0;
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0 || l->count == MAX_FILES) {
        close(fd);
        l->there = false;
        return;
    }
    if (l->count > 0 && l->files[l->count - 1].inode == st.st_ino) {
        close(fd); /* it came again */
        return;
    }
    l->files[l->count++] = (struct file){.fd = fd,
        .inode = st.st_ino,
        .added_ns = now_ns,
        .modified_ns = th_time_add(st.st_mtim.tv_sec * TH_NS_PER_S, st.st_mtim.tv_nsec)};
    if (l->count == 1)
        move_to(l, 0, false);
}

static bool fits(const struct file *f, const struct th_follow_span *span)
{
    struct stat st;
    return f->inode == span->inode && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= span->end &&
        tail_of(f->fd, span->end) == span->tail;
}

static struct file *find(struct th_follow_log *l, const struct th_follow_span *span)
{
    for (size_t i = 0; i < l->count; i++)
        if (fits(&l->files[i], span))
            return &l->files[i];
    return NULL;
}

void th_follow_log_to_end(struct th_follow_log *l)
{
    struct stat st;
    while (l->count > 1)
        drop_first(l);
    if (l->count == 0 || fstat(l->files[0].fd, &st) < 0 || st.st_size == 0)
        return;
    /* A line that is half there was half missed. */
    uint8_t last = 0;
    bool whole = pread(l->files[0].fd, &last, 1, st.st_size - 1) == 1 && last == '\n';
    move_to(l, (uint64_t)st.st_size, !whole);
}

bool th_follow_log_resume(
    struct th_follow_log *l, const struct th_follow_span *span, int64_t since_ns)
{
    const struct file *f = find(l, span);
    if (!f) {
        while (l->count > 1 && l->files[0].modified_ns < since_ns)
            drop_first(l);
        move_to(l, 0, false);
        return false;
    }
    while (l->files[0].inode != span->inode)
        drop_first(l);
    move_to(l, span->end, span->skip_after);
    return true;
}

/* ---- lines ---- */

/* The lines of some bytes of the log. ret_used: up to where they were read; what is left is the
 * beginning of a line. */
static int cut(struct th_follow_log *l, const uint8_t *p, size_t len, bool *skip,
    const struct th_follow_reader *to, size_t *ret_used)
{
    size_t at = 0;
    int r = 0;
    while (r == 0 && at < len) {
        const uint8_t *end = memchr(p + at, '\n', len - at);
        size_t line = end ? (size_t)(end - p) - at : len - at;
        if (!end && !*skip && line <= MAX_LINE)
            break;
        if (!*skip && line > MAX_LINE) {
            l->counts.lines++;
            l->counts.long_lines++;
            r = to->line(to->arg, th_str_n("", 0), true);
        } else if (!*skip) {
            l->counts.lines++;
            r = to->line(to->arg, th_str_n((const char *)p + at, line), false);
        }
        *skip = !end;
        at += line + (end ? 1 : 0);
    }
    *ret_used = at;
    return r;
}

int th_follow_log_again(
    struct th_follow_log *l, const struct th_follow_span *span, const struct th_follow_reader *to)
{
    const struct file *f = find(l, span);
    const struct th_follow_counts before = l->counts;
    uint64_t at = span->begin;
    bool skip = span->skip_at;
    int r = f ? 0 : -ENOENT;
    while (r == 0 && at < span->end) {
        size_t len = (size_t)TH_MIN(span->end - at, (uint64_t)READ_BYTES), used = 0;
        ssize_t n = pread(f->fd, l->buffer, len, (off_t)at);
        r = n < 0 ? -errno : cut(l, l->buffer, (size_t)n, &skip, to, &used);
        if (r == 0 && used == 0)
            r = -ENOENT;
        at += used;
    }
    l->counts = before; /* it was counted when it was read first */
    return r;
}

/* Whether the file is not what it was when it was read so far. */
static bool is_emptied(const struct th_follow_log *l)
{
    struct stat st;
    if (fstat(l->files[0].fd, &st) < 0)
        return false;
    return (uint64_t)st.st_size < l->position || tail_of(l->files[0].fd, l->position) != l->tail;
}

/* Reads on in the first file. 1: something, 0: nothing. */
static int read_first(
    struct th_follow_log *l, const struct th_follow_reader *to, struct th_follow_span *ret)
{
    size_t used = 0;
    ssize_t n = pread(l->files[0].fd, l->buffer, READ_BYTES, (off_t)l->position);
    if (n < 0) {
        l->there = false; /* as far as anybody can tell */
        n = 0;
    }
    ret->begin = l->position;
    ret->skip_at = l->skip;
    int r = cut(l, l->buffer, (size_t)n, &l->skip, to, &used);
    l->position += used;
    l->counts.bytes += used;
    l->at_end = n < READ_BYTES && l->count == 1;
    if (used > 0)
        l->tail = tail_of(l->files[0].fd, l->position);
    if (r == 0 && n < READ_BYTES)
        l->rest = (size_t)n > used && !l->skip;
    return r < 0 ? r : used > 0;
}

int th_follow_log_read(struct th_follow_log *l, const struct th_follow_reader *to, int64_t now_ns,
    struct th_follow_span *ret_span)
{
    struct th_follow_span span = {0};
    int r = 0;
    l->at_end = true;
    if (l->count > 0) {
        span.inode = l->files[0].inode;
        if (is_emptied(l)) {
            l->counts.emptied++;
            move_to(l, 0, false);
        }
        r = read_first(l, to, &span);
        span.end = l->position;
        span.skip_after = l->skip;
        span.tail = l->tail;
    }
    if (r == 0 && l->count > 1 && now_ns - l->files[1].added_ns >= linger_ns) {
        l->counts.torn += l->rest;
        l->counts.files++;
        drop_first(l);
    }
    *ret_span = span;
    return r;
}
