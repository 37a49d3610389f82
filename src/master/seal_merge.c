/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to merge. Files of one kind and day belong together. Of the day that is still being filled,
 * files of about one size are joined when there are enough of them, so that each row is written
 * a few times and no more; a day that is over is joined to as few as the limit of rows allows.
 */
#include "base/time.h"
#include "seal.h"

enum { ENOUGH = 8, MOST = 64 };
/* Metrics of young epochs may be told again, and then take the place of what was there. */
#define METRIC_REST_NS (2 * TH_NS_PER_DAY)
/* What comes this late is still of the day. */
#define DAY_REST_NS (2 * TH_NS_PER_HOUR)

static bool may_merge(const struct th_catalogue_file *f, int64_t now_ns, uint64_t max_rows)
{
    return f->rows < max_rows / 2 &&
        (f->kind != TH_KIND_METRIC || f->epoch_ns == 0 ||
            th_time_sub(now_ns, f->epoch_ns) > METRIC_REST_NS);
}

static int by_group_and_size(const void *a, const void *b)
{
    const struct th_catalogue_file *x = a;
    const struct th_catalogue_file *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->day_ns != y->day_ns)
        return x->day_ns < y->day_ns ? -1 : 1;
    if (x->rows != y->rows)
        return x->rows < y->rows ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool same_group(const struct th_catalogue_file *a, const struct th_catalogue_file *b)
{
    return a->kind == b->kind && a->day_ns == b->day_ns;
}

/* Of a group, smallest first: how many of the first make a good merge; 0: none. */
static size_t worth(
    const struct th_catalogue_file *files, size_t count, int64_t now_ns, uint64_t max_rows)
{
    bool over = th_time_sub(now_ns, files[0].day_ns) >= TH_NS_PER_DAY + DAY_REST_NS;
    size_t least = over ? 2 : ENOUGH;
    uint64_t rows = 0;
    size_t n = 0;
    while (n < count && n < MOST && rows + files[n].rows <= max_rows) {
        /* A file that is large beside all smaller ones waits until there is more to join it. */
        if (n >= least && files[n].rows > rows)
            break;
        /* Nor is a large one written anew for a few late rows. */
        if (n > 0 && count < ENOUGH && files[n].rows / ENOUGH > rows)
            break;
        rows += files[n++].rows;
    }
    return n >= least ? n : 0;
}

size_t th_seal_merge_choose(const struct th_catalogue_file *files, size_t count, int64_t now_ns,
    uint64_t max_rows, struct th_catalogue_file **ret)
{
    TH_AUTOFREE struct th_catalogue_file *v = th_xcalloc(count + 1, sizeof(*v));
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (may_merge(&files[i], now_ns, max_rows))
            v[n++] = files[i];
    qsort(v, n, sizeof(*v), by_group_and_size);
    size_t best = 0;
    size_t best_at = 0;
    for (size_t at = 0; at < n;) {
        size_t end = at + 1;
        while (end < n && same_group(&v[at], &v[end]))
            end++;
        size_t w = worth(v + at, end - at, now_ns, max_rows);
        if (w > best) {
            best = w;
            best_at = at;
        }
        at = end;
    }
    if (best == 0)
        return 0;
    *ret = th_xcalloc(best, sizeof(**ret));
    memcpy(*ret, v + best_at, best * sizeof(**ret));
    return best;
}
