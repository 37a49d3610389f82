/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope. A resource is held in a variable with a cleanup
 * attribute and leaves the scope only through TH_TAKE, so that a function has
 * one way out. Allocation failure is not survivable in a role that must keep
 * its state consistent: th_xmalloc and friends end the process, its parent
 * restarts it. Sizes that come from outside are bounded before they get here.
 */
#ifndef TH_BASE_MEM_H
#define TH_BASE_MEM_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *th_xmalloc(size_t len_bytes) __attribute__((malloc, returns_nonnull));
void *th_xcalloc(size_t count, size_t len_bytes) __attribute__((malloc, returns_nonnull));
void *th_xrealloc(void *p, size_t len_bytes) __attribute__((returns_nonnull));
/* Like reallocarray(3): multiplication is checked. */
void *th_xreallocarray(void *p, size_t count, size_t len_bytes) __attribute__((returns_nonnull));
/* For megabytes that are used as a whole: whole huge pages, of which len_bytes is a multiple, so
 * that the kernel hands them out in one piece each. free() gives it back. */
#define TH_HUGE_BYTES ((size_t)2 << 20)
void *th_xhuge(size_t len_bytes) __attribute__((malloc, returns_nonnull));
char *th_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* printf into fresh memory; the caller frees it. */
char *th_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

static inline void th_freep(void *pp)
{
    void **p = pp;
    free(*p);
    *p = NULL;
}

static inline void th_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static inline void th_fclosep(FILE **f)
{
    if (*f)
        fclose(*f);
    *f = NULL;
}

#define TH_CLEANUP(fn) __attribute__((cleanup(fn)))
#define TH_AUTOFREE TH_CLEANUP(th_freep)
#define TH_AUTOCLOSE TH_CLEANUP(th_closep)
#define TH_AUTOFCLOSE TH_CLEANUP(th_fclosep)

/* Defines a cleanup function for `type *` variables out of a `_free` function. */
#define TH_DEFINE_CLEANUP(type, free_fn)                                                           \
    static inline void free_fn##p(type **p)                                                        \
    {                                                                                              \
        free_fn(*p);                                                                               \
        *p = NULL;                                                                                 \
    }

/* Moves a pointer out of a variable: its cleanup then does nothing. */
#define TH_TAKE(p)                                                                                 \
    ({                                                                                             \
        __typeof__(p) th_taken_ = (p);                                                             \
        (p) = NULL;                                                                                \
        th_taken_;                                                                                 \
    })
#define TH_TAKE_FD(fd)                                                                             \
    ({                                                                                             \
        int th_taken_ = (fd);                                                                      \
        (fd) = -1;                                                                                 \
        th_taken_;                                                                                 \
    })

#define TH_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TH_MIN(a, b) ((a) < (b) ? (a) : (b))
#define TH_MAX(a, b) ((a) > (b) ? (a) : (b))

/* An assertion that stays on in production: for bugs, never for input. */
#define TH_ASSERT(cond)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            th_assert_failed(#cond, __FILE__, __LINE__);                                           \
    } while (0)
void th_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn, cold));

#endif
