/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is thrown away at once: a batch's strings, a record's lists.
 * Pointers stay valid until th_arena_reset or th_arena_done.
 */
#ifndef TH_BASE_ARENA_H
#define TH_BASE_ARENA_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/str.h"

struct th_arena_chunk;

struct th_arena {
    struct th_arena_chunk *head;
    size_t used_bytes;  /* in all chunks */
    size_t limit_bytes; /* 0: none */
    bool keep;          /* set by its owner: a reset keeps all chunks and not one */
    struct th_arena_chunk *spare;
};

#define TH_ARENA_INIT ((struct th_arena){0})

void th_arena_done(struct th_arena *a);
/* Empties it, keeping one chunk, or all, for the next round. */
void th_arena_reset(struct th_arena *a);
/* Aligned to 8 bytes, not zeroed; NULL only when the limit is reached. */
void *th_arena_alloc(struct th_arena *a, size_t len_bytes);
/* A copy of s; an empty view when the limit is reached. */
struct th_str th_arena_str(struct th_arena *a, struct th_str s);
/* printf into the arena; an empty view when the limit is reached. */
struct th_str th_arena_printf(struct th_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define TH_AUTOARENA TH_CLEANUP(th_arena_done)

#endif
