/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <string.h>

void th_pool_done(struct th_pool *p)
{
    for (uint32_t i = 0; i < p->chunk_count; i++)
        free(p->chunks[i]);
    free(p->chunks);
    *p = (struct th_pool){.free = TH_POOL_NONE};
}

/* A free record keeps its first 8 bytes: an id that was set to none stays none. */
static uint8_t *link_of(const struct th_pool *p, uint32_t i)
{
    return (uint8_t *)th_pool_at(p, i) + 8;
}

uint32_t th_pool_take(struct th_pool *p)
{
    uint32_t i = p->free;
    if (i != TH_POOL_NONE) {
        memcpy(&p->free, link_of(p, i), sizeof(p->free));
    } else {
        i = p->used++;
        if (i >> TH_POOL_LOG2_CHUNK == p->chunk_count) {
            /* The list of chunks grows by doubling, the records never move. */
            if ((p->chunk_count & (p->chunk_count - 1)) == 0)
                p->chunks = th_xreallocarray(
                    p->chunks, p->chunk_count ? 2 * (size_t)p->chunk_count : 1, sizeof(*p->chunks));
            p->chunks[p->chunk_count++] = th_xmalloc((size_t)p->record_bytes << TH_POOL_LOG2_CHUNK);
        }
    }
    p->live++;
    memset(th_pool_at(p, i), 0, p->record_bytes);
    return i;
}

void th_pool_give(struct th_pool *p, uint32_t i)
{
    memcpy(link_of(p, i), &p->free, sizeof(p->free));
    p->free = i;
    p->live--;
}

void *th_pool_need(struct th_pool *p, uint32_t *number)
{
    if (*number == TH_POOL_NONE)
        *number = th_pool_take(p);
    return th_pool_at(p, *number);
}

void th_pool_drop(struct th_pool *p, uint32_t *number)
{
    if (*number != TH_POOL_NONE)
        th_pool_give(p, *number);
    *number = TH_POOL_NONE;
}
