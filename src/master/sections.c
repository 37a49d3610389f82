/* SPDX-License-Identifier: Apache-2.0 */
#include "sections.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/hash.h"

static const char magic[8] = {'T', 'H', 'Y', 'M', 'C', 'O', 'R', 'E'};
enum { FILE_VERSION = 1 };
static const size_t max_file_bytes = (size_t)4 << 30;

void th_sections_begin(struct th_buf *out)
{
    out->limit = max_file_bytes;
    th_buf_put(out, magic, sizeof(magic));
    th_buf_le32(out, FILE_VERSION);
}

void th_sections_add(struct th_buf *out, enum th_section tag, const struct th_buf *body)
{
    th_buf_le32(out, tag);
    th_buf_le64(out, body->len);
    th_buf_le32(out, th_crc32c(0, body->p, body->len));
    th_buf_put(out, body->p, body->len);
}

int th_sections_read(int fd, struct th_buf *ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    size_t len = (size_t)st.st_size;
    ret->limit = max_file_bytes;
    uint8_t *p = len ? th_buf_reserve(ret, len) : NULL;
    if (len && !p)
        return TH_E_LIMIT;
    while (ret->len < len) {
        ssize_t n = pread(fd, p + ret->len, len - ret->len, (off_t)ret->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return TH_E_TRUNCATED;
        th_buf_commit(ret, (size_t)n);
    }
    return 0;
}

int th_sections_write(int fd, const struct th_buf *whole)
{
    if (whole->overflow)
        return TH_E_LIMIT;
    for (size_t at = 0; at < whole->len;) {
        ssize_t n = pwrite(fd, whole->p + at, whole->len - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int open_whole(const struct th_buf *whole, struct th_cur *ret)
{
    *ret = th_cur_init(whole->p, whole->len);
    struct th_str head = th_cur_bytes(ret, sizeof(magic));
    uint32_t version = th_cur_le32(ret);
    if (ret->failed || memcmp(head.p, magic, sizeof(magic)) != 0)
        return TH_E_UNKNOWN_FORMAT;
    return version == FILE_VERSION ? 0 : TH_E_VERSION;
}

struct section {
    uint32_t tag, crc;
    struct th_cur body;
};

static bool next_section(struct th_cur *c, struct section *ret)
{
    ret->tag = th_cur_le32(c);
    uint64_t len = th_cur_le64(c);
    ret->crc = th_cur_le32(c);
    ret->body = th_cur_sub(c, len);
    return !c->failed;
}

static bool is_undamaged(const struct section *s)
{
    return th_crc32c(0, s->body.p, th_cur_left(&s->body)) == s->crc;
}

int th_sections_check(const struct th_buf *whole)
{
    struct th_cur c;
    struct section s;
    int r = open_whole(whole, &c);
    while (r == 0 && th_cur_left(&c) > 0) {
        if (!next_section(&c, &s))
            r = TH_E_TRUNCATED;
        else if (!is_undamaged(&s))
            r = TH_E_CHECKSUM;
    }
    return r;
}

int th_sections_find(const struct th_buf *whole, enum th_section tag, struct th_str *ret)
{
    struct th_cur c;
    struct section s;
    int r = open_whole(whole, &c);
    if (r < 0)
        return r;
    while (th_cur_left(&c) > 0) {
        if (!next_section(&c, &s))
            return TH_E_TRUNCATED;
        if (s.tag != tag)
            continue;
        if (!is_undamaged(&s))
            return TH_E_CHECKSUM;
        *ret = th_str_n(s.body.p, th_cur_left(&s.body));
        return 0;
    }
    return -ENOENT;
}
