/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>

struct th_arena_chunk {
    struct th_arena_chunk *next;
    size_t cap;
    size_t len;
    _Alignas(16) char data[];
};

static const size_t first_chunk_bytes = 16 * 1024;
static const size_t largest_step_bytes = 1024 * 1024; /* then huge pages */

static void free_chain(struct th_arena_chunk *c)
{
    while (c) {
        struct th_arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void th_arena_done(struct th_arena *a)
{
    free_chain(TH_TAKE(a->head));
    free_chain(TH_TAKE(a->spare));
    a->used_bytes = 0;
}

static void keep_all(struct th_arena *a)
{
    while (a->head) {
        struct th_arena_chunk *c = a->head;
        a->head = c->next;
        c->next = a->spare;
        a->spare = c;
    }
    a->used_bytes = 0;
}

void th_arena_reset(struct th_arena *a)
{
    struct th_arena_chunk *keep = a->head;
    if (a->keep) {
        keep_all(a);
        return;
    }
    if (!keep)
        return;
    a->head = keep->next;
    th_arena_done(a);
    keep->next = NULL;
    keep->len = 0;
    a->head = keep;
}

static struct th_arena_chunk *new_chunk(size_t cap)
{
    struct th_arena_chunk *c = NULL;
    if (cap > largest_step_bytes && cap <= TH_HUGE_BYTES - sizeof(*c)) {
        cap = TH_HUGE_BYTES - sizeof(*c);
        c = th_xhuge(TH_HUGE_BYTES);
    } else {
        c = th_xmalloc(sizeof(*c) + cap);
    }
    c->cap = cap;
    return c;
}

/* Begins a chunk with room for n bytes: the first spare one that has it; the smaller ones before it
 * go, so that no number of rounds piles them up. */
static void next_chunk(struct th_arena *a, size_t n)
{
    struct th_arena_chunk *c = a->spare;
    while (c && c->cap < n) {
        a->spare = c->next;
        free(c);
        c = a->spare;
    }
    if (c) {
        a->spare = c->next;
    } else {
        size_t cap = a->head ? a->head->cap * 2 : first_chunk_bytes;
        c = new_chunk(TH_MAX(TH_MIN(cap, TH_HUGE_BYTES - sizeof(*c)), n));
    }
    c->len = 0;
    c->next = a->head;
    a->head = c;
}

void *th_arena_alloc(struct th_arena *a, size_t len_bytes)
{
    size_t n = (len_bytes + 7) & ~(size_t)7;
    if (n < len_bytes ||
        (a->limit_bytes && n > a->limit_bytes - TH_MIN(a->used_bytes, a->limit_bytes)))
        return NULL;
    if (!a->head || a->head->cap - a->head->len < n)
        next_chunk(a, n);
    void *p = a->head->data + a->head->len;
    a->head->len += n;
    a->used_bytes += n;
    return p;
}

struct th_str th_arena_str(struct th_arena *a, struct th_str s)
{
    char *p = s.len ? th_arena_alloc(a, s.len) : NULL;
    if (!p)
        return (struct th_str){.p = "", .len = 0};
    memcpy(p, s.p, s.len);
    return (struct th_str){.p = p, .len = s.len};
}

struct th_str th_arena_printf(struct th_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n >= 0 ? th_arena_alloc(a, (size_t)n + 1) : NULL;
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? (struct th_str){.p = p, .len = (uint32_t)n} : (struct th_str){.p = "", .len = 0};
}
