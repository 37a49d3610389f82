/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of one size without pointers, found by number, in chunks that never
 * move. A number that was given back is used again.
 */
#ifndef TH_LEARN_POOL_H
#define TH_LEARN_POOL_H

#include <stdint.h>

#include "base/mem.h"

#define TH_POOL_NONE UINT32_MAX
#define TH_POOL_LOG2_CHUNK 1u

struct th_pool {
    uint8_t **chunks; /* of 2^TH_POOL_LOG2_CHUNK records */
    uint32_t chunk_count;
    uint32_t used; /* numbers ever given out */
    uint32_t free; /* first of the list of free ones, chained inside them */
    uint32_t live;
    uint32_t record_bytes;
};

static inline void th_pool_init(struct th_pool *p, uint32_t record_bytes)
{
    *p = (struct th_pool){.record_bytes = record_bytes, .free = TH_POOL_NONE};
}
void th_pool_done(struct th_pool *p);

static inline void *th_pool_at(const struct th_pool *p, uint32_t i)
{
    return p->chunks[i >> TH_POOL_LOG2_CHUNK] +
        (size_t)(i & ((1u << TH_POOL_LOG2_CHUNK) - 1)) * p->record_bytes;
}
/* A zeroed record. */
uint32_t th_pool_take(struct th_pool *p);
void th_pool_give(struct th_pool *p, uint32_t i);
/* For a record that few need, whose number stands in another's, TH_POOL_NONE until then: finds or
 * makes it, looks at it (`none` where there is none), or gives it back. */
void *th_pool_need(struct th_pool *p, uint32_t *number);
static inline const void *th_pool_look(const struct th_pool *p, uint32_t number, const void *none)
{
    return number == TH_POOL_NONE ? none : th_pool_at(p, number);
}
void th_pool_drop(struct th_pool *p, uint32_t *number);
/* Everything is free again; memory is kept. */
static inline void th_pool_clear(struct th_pool *p)
{
    p->used = p->live = 0;
    p->free = TH_POOL_NONE;
}
static inline uint64_t th_pool_bytes(const struct th_pool *p)
{
    return ((uint64_t)p->chunk_count << TH_POOL_LOG2_CHUNK) * p->record_bytes;
}

#endif
