/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include "sections.h"

enum { KEPT = 2, NAME_BYTES = 64, MAX_NUMBERS = 64 };
#define MAX_BYTES ((int64_t)4 << 30)

/* Numbers of the files with the prefix, newest first; of very many, the newest. */
struct numbers {
    const char *prefix;
    uint64_t v[MAX_NUMBERS];
    unsigned count;
};

static bool parse(const char *prefix, const char *name, uint64_t *ret)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 || name[len] != '-' || strlen(name) != len + 17)
        return false;
    *ret = 0;
    for (const char *c = name + len + 1; *c; c++) {
        const char *digit = strchr("0123456789abcdef", *c);
        if (!digit)
            return false;
        *ret = *ret << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return true;
}

static int note(void *arg, const char *name)
{
    struct numbers *n = arg;
    uint64_t number;
    if (!parse(n->prefix, name, &number))
        return 0;
    unsigned at = n->count;
    while (at > 0 && n->v[at - 1] < number)
        at--;
    if (at == MAX_NUMBERS)
        return 0;
    unsigned tail = TH_MIN(n->count, MAX_NUMBERS - 1u) - at;
    memmove(n->v + at + 1, n->v + at, tail * sizeof(n->v[0]));
    n->v[at] = number;
    n->count = TH_MIN(n->count + 1u, (unsigned)MAX_NUMBERS);
    return 0;
}

static void format(char name[NAME_BYTES], const char *prefix, uint64_t number)
{
    snprintf(name, NAME_BYTES, "%s-%016llx", prefix, (unsigned long long)number);
}

int th_checkpoint_save(const struct th_io *io, const char *prefix, const struct th_buf *whole)
{
    struct numbers n = {.prefix = prefix};
    char name[NAME_BYTES];
    if (whole->overflow)
        return TH_E_LIMIT;
    int r = io->list(io->arg, note, &n);
    if (r < 0)
        return r;
    format(name, prefix, n.count ? n.v[0] + 1 : 0);
    r = th_io_replace(io, name, whole->p, whole->len);
    /* The new one is there for good: with the one before it that makes two. */
    for (unsigned i = KEPT - 1; r == 0 && i < n.count; i++) {
        format(name, prefix, n.v[i]);
        io->remove(io->arg, name);
    }
    return r;
}

static int read_file(const struct th_io *io, const char *name, struct th_buf *ret)
{
    int file = io->open(io->arg, name, TH_IO_READ);
    if (file < 0)
        return file;
    int64_t size = io->size(io->arg, file);
    int r = size < 0 ? (int)size : size > MAX_BYTES ? TH_E_LIMIT : 0;
    th_buf_clear(ret);
    ret->limit = (size_t)MAX_BYTES;
    uint8_t *p = r == 0 ? th_buf_reserve(ret, (size_t)size + 1) : NULL;
    if (r == 0 && !p)
        r = TH_E_LIMIT;
    if (r == 0)
        r = th_io_read_all(io, file, p, (size_t)size, 0);
    if (r == 0)
        th_buf_commit(ret, (size_t)size);
    io->close(io->arg, file);
    return r;
}

int th_checkpoint_load(
    const struct th_io *io, const char *prefix, unsigned *skip, struct th_buf *ret)
{
    struct numbers n = {.prefix = prefix};
    char name[NAME_BYTES];
    int r = io->list(io->arg, note, &n);
    for (; r == 0 && *skip < n.count; ++*skip) {
        format(name, prefix, n.v[*skip]);
        if (read_file(io, name, ret) == 0 && th_sections_check(ret) == 0)
            return 0;
    }
    return r < 0 ? r : -ENOENT;
}
