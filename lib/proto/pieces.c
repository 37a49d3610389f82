/* SPDX-License-Identifier: Apache-2.0 */
#include "pieces.h"

#include "base/mem.h"

#define FIRST_CAP 2048u

static void grow(struct th_pieces *m, uint32_t need)
{
    uint32_t cap = TH_MAX(m->cap, FIRST_CAP);
    while (cap < need)
        cap *= 2;
    if (cap != m->cap)
        m->p = th_xrealloc(m->p, cap);
    m->cap = cap;
}

/* Copies what of [from, to) is not there yet. */
static void fill(struct th_pieces *m, uint32_t from, uint32_t to, const uint8_t *data)
{
    uint32_t at = from;
    for (uint32_t i = 0; i < m->count && at < to; i++) {
        if (m->have[i].to <= at)
            continue;
        uint32_t stop = TH_MIN(m->have[i].from, to);
        if (stop > at)
            memcpy(m->p + at, data + (at - from), stop - at);
        at = TH_MAX(at, m->have[i].to);
    }
    if (at < to)
        memcpy(m->p + at, data + (at - from), to - at);
}

bool th_pieces_put(struct th_pieces *m, uint64_t offset, const void *data, size_t len, size_t limit)
{
    TH_ASSERT(limit <= INT32_MAX);
    if (!len || offset > limit || len > limit - offset)
        return !len;
    uint32_t from = (uint32_t)offset, to = from + (uint32_t)len;
    uint32_t first = 0;
    while (first < m->count && m->have[first].to < from)
        first++;
    uint32_t after = first;
    while (after < m->count && m->have[after].from <= to)
        after++;
    if (after == first && m->count == TH_PIECES_MAX)
        return false;
    grow(m, to);
    fill(m, from, to, data);
    if (after > first) {
        from = TH_MIN(from, m->have[first].from);
        to = TH_MAX(to, m->have[after - 1].to);
    }
    memmove(&m->have[first + 1], &m->have[after], (m->count - after) * sizeof(m->have[0]));
    m->have[first].from = from;
    m->have[first].to = to;
    m->count = m->count + 1 - (after - first);
    return true;
}

void th_pieces_done(struct th_pieces *m)
{
    free(m->p);
    *m = (struct th_pieces){0};
}
