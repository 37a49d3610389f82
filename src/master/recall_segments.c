/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/time.h"
#include "recall.h"
#include "store/segment_read.h"

/* A segment may go between the list and its opening, when it was merged: then the list is of
 * yesterday. */
enum { TRIES = 5 };
/* In memory at once, about 500 bytes each. */
#define SPAN_ROWS 200000u
/* Shorter ones are not tried when memory does not suffice. */
#define SHORTEST_SPAN_NS TH_NS_PER_S
/* What core tells of itself is not learned again. */
#define WANTED_KINDS (UINT64_MAX & ~(UINT64_C(1) << TH_KIND_METRIC))

/* ---- what there is ---- */

void recall_held_done(struct recall_held *h)
{
    for (size_t i = 0; h->fds && i < h->count; i++)
        if (h->fds[i] >= 0)
            close(h->fds[i]);
    free(h->fds);
    free(h->files);
    *h = RECALL_HELD_INIT;
}

static int by_kind_and_time(const void *a, const void *b)
{
    const struct th_catalogue_file *x = a;
    const struct th_catalogue_file *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int list(const struct recall *r, struct recall_held *h)
{
    char path[64];
    struct th_catalogue *c = NULL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/catalogue.db", r->segments_fd);
    int err = th_catalogue_open_to_read(path, &c);
    if (err < 0)
        return err;
    /* Where the log goes on and the list must be of one moment. */
    h->position = th_catalogue_position(c, "seal");
    err = th_catalogue_list(c, WANTED_KINDS, INT64_MIN, r->until_ns, &h->files, &h->count);
    if (err == 0 && th_catalogue_position(c, "seal") != h->position)
        err = -EAGAIN;
    h->strange = th_catalogue_strange(c);
    th_catalogue_close(c);
    if (err == 0 && h->count)
        qsort(h->files, h->count, sizeof(*h->files), by_kind_and_time);
    return err;
}

/* All of them, or the first error that is not that of one file alone. */
static int open_all(const struct recall *r, struct recall_held *h, bool last_try)
{
    h->fds = th_xcalloc(h->count + 1, sizeof(*h->fds));
    for (size_t i = 0; i < h->count; i++)
        h->fds[i] = -EBADF;
    for (size_t i = 0; i < h->count; i++) {
        int fd = openat(r->segments_fd, h->files[i].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        h->fds[i] = fd < 0 ? -errno : fd;
        if (h->fds[i] == -EMFILE || h->fds[i] == -ENFILE)
            return -EMFILE;
        if (h->fds[i] == -ENOENT && !last_try)
            return -EAGAIN;
    }
    return 0;
}

int recall_hold(const struct recall *r, struct recall_held *ret)
{
    int err = -EAGAIN;
    for (int i = 1; err == -EAGAIN && i <= TRIES; i++) {
        recall_held_done(ret);
        err = list(r, ret);
        if (err == 0)
            err = open_all(r, ret, i == TRIES);
    }
    return err;
}

/* ---- reading ---- */

struct segments {
    struct recall *r;
    struct th_sink sink;
    struct th_segment_read_stats stats;
    uint64_t unread;
    char first[2 * TH_CATALOGUE_NAME_BYTES]; /* of those: its name and what is wrong */
};

static const char *why(int err)
{
    switch (err) {
    case -ENOENT: return "the file is missing";
    case TH_E_MALFORMED: return "it is no segment of its kind of event";
    case TH_E_DATABASE: return "the file is damaged";
    case -ENOMEM: return "it needs more memory than it may use";
    default: return th_strerror(err);
    }
}

/* A span that does not fit into memory is read in halves. */
static int read_span(
    struct segments *s, unsigned kind, const char *path, int64_t from_ns, int64_t to_ns)
{
    int err = th_segment_read(s->r->duck, kind, path, from_ns, to_ns, &s->sink, &s->stats);
    if (err != -ENOMEM || s->r->write_err < 0 || th_time_sub(to_ns, from_ns) <= SHORTEST_SPAN_NS)
        return err;
    int64_t middle_ns = from_ns / 2 + to_ns / 2;
    err = read_span(s, kind, path, from_ns, middle_ns);
    return err < 0 ? err : read_span(s, kind, path, middle_ns, to_ns);
}

/* All of a file up to the end that is wanted, whatever the catalogue says of its times: that only
 * divides the work. */
static int read_file(struct segments *s, const struct th_catalogue_file *f, int fd)
{
    char path[32];
    int64_t parts = 1 + (int64_t)TH_MIN(f->rows / SPAN_ROWS, 63u);
    int64_t span_ns = TH_MAX(th_time_sub(f->last_ns, f->first_ns), 0);
    int64_t from_ns = INT64_MIN;
    int err = fd < 0 ? fd : 0;
    /* By its descriptor: it may have no name any more. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (int64_t i = 1; err == 0 && i <= parts && from_ns < s->r->until_ns; i++) {
        int64_t to_ns = i < parts ? th_time_add(f->first_ns, span_ns / parts * i) : INT64_MAX;
        to_ns = TH_MIN(TH_MAX(to_ns, from_ns), s->r->until_ns);
        err = read_span(s, f->kind, path, from_ns, to_ns);
        from_ns = to_ns;
    }
    return err;
}

static void not_read(struct segments *s, const struct th_catalogue_file *f, int err)
{
    if (s->unread++ == 0)
        snprintf(s->first, sizeof(s->first), "%s: %s", f->name, why(err));
}

static void say_all(struct segments *s, const struct recall_held *h)
{
    if (s->unread)
        th_buf_printf(recall_problem(s->r),
            "%" PRIu64 " of %zu segments could not be read, or not to their end (%s%s)", s->unread,
            h->count, s->unread > 1 ? "the first is " : "", s->first);
    if (h->strange)
        th_buf_printf(recall_problem(s->r),
            "%" PRIu64 " segments hold events of kinds that this version does not know: a newer "
            "one wrote them",
            h->strange);
    if (s->stats.unfit)
        th_buf_printf(recall_problem(s->r),
            "%" PRIu64 " values were none of their field and left out", s->stats.unfit);
    if (s->stats.too_large)
        th_buf_printf(
            recall_problem(s->r), "%" PRIu64 " events were too large", s->stats.too_large);
}

int recall_segments(struct recall *r, const struct recall_held *h)
{
    struct segments s = {.r = r, .sink = {.put = recall_put, .arg = r}};
    for (size_t i = 0; i < h->count; i++) {
        int err = read_file(&s, &h->files[i], h->fds[i]);
        if (r->write_err < 0)
            return r->write_err;
        if (err < 0)
            not_read(&s, &h->files[i], err);
        r->info.bytes += h->files[i].bytes;
        recall_tell(r, false);
    }
    say_all(&s, h);
    return 0;
}
