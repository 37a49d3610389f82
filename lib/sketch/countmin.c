/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/countmin.h"

#include "base/mem.h"

struct th_countmin {
    struct th_hash_key key;
    unsigned log2_width, depth;
    uint32_t cells[]; /* depth rows of 2^log2_width */
};

static size_t cell_count(const struct th_countmin *c)
{
    return (size_t)c->depth << c->log2_width;
}

struct th_countmin *th_countmin_new(
    const struct th_hash_key *key, unsigned log2_width, unsigned depth)
{
    TH_ASSERT(log2_width <= TH_COUNTMIN_MAX_LOG2_WIDTH);
    TH_ASSERT(depth >= 1 && depth <= TH_COUNTMIN_MAX_DEPTH);
    size_t cells = (size_t)depth << log2_width;
    struct th_countmin *c = th_xcalloc(1, sizeof(*c) + cells * sizeof(c->cells[0]));
    c->key = *key;
    c->log2_width = log2_width;
    c->depth = depth;
    return c;
}

void th_countmin_free(struct th_countmin *c)
{
    free(c);
}

/* Index of the item's cell in each row: two halves of one keyed hash, combined (Kirsch,
 * Mitzenmacher, 2006). */
static void locate(const struct th_countmin *c, uint64_t item, size_t at[TH_COUNTMIN_MAX_DEPTH])
{
    uint64_t h = th_siphash(&c->key, &item, sizeof(item));
    uint64_t step = (h >> 32) | 1;
    for (unsigned d = 0; d < c->depth; d++) {
        uint64_t column = th_mix64(h + d * step) & ((UINT64_C(1) << c->log2_width) - 1);
        at[d] = ((size_t)d << c->log2_width) + (size_t)column;
    }
}

static uint32_t lowest(const struct th_countmin *c, const size_t at[TH_COUNTMIN_MAX_DEPTH])
{
    uint32_t min = UINT32_MAX;
    for (unsigned d = 0; d < c->depth; d++)
        min = TH_MIN(min, c->cells[at[d]]);
    return min;
}

uint32_t th_countmin_add(struct th_countmin *c, uint64_t item, uint32_t n)
{
    size_t at[TH_COUNTMIN_MAX_DEPTH];
    locate(c, item, at);
    uint32_t to;
    if (__builtin_add_overflow(lowest(c, at), n, &to))
        to = UINT32_MAX;
    /* Conservative: only cells below the new estimate are raised. */
    for (unsigned d = 0; d < c->depth; d++) {
        if (c->cells[at[d]] < to)
            c->cells[at[d]] = to;
    }
    return to;
}

uint32_t th_countmin_get(const struct th_countmin *c, uint64_t item)
{
    size_t at[TH_COUNTMIN_MAX_DEPTH];
    locate(c, item, at);
    return lowest(c, at);
}

void th_countmin_merge(struct th_countmin *dst, const struct th_countmin *src)
{
    TH_ASSERT(dst->log2_width == src->log2_width && dst->depth == src->depth);
    for (size_t i = 0; i < cell_count(dst); i++) {
        if (__builtin_add_overflow(dst->cells[i], src->cells[i], &dst->cells[i]))
            dst->cells[i] = UINT32_MAX;
    }
}

void th_countmin_halve(struct th_countmin *c)
{
    for (size_t i = 0; i < cell_count(c); i++)
        c->cells[i] /= 2;
}
