/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

static void *or_die(void *p, const char *what)
{
    if (!p)
        th_assert_failed(what, "allocation", 0);
    return p;
}

void *th_xmalloc(size_t len_bytes)
{
    return or_die(malloc(len_bytes ? len_bytes : 1), "malloc");
}

void *th_xcalloc(size_t count, size_t len_bytes)
{
    return or_die(calloc(count ? count : 1, len_bytes ? len_bytes : 1), "calloc");
}

void *th_xrealloc(void *p, size_t len_bytes)
{
    return or_die(realloc(p, len_bytes ? len_bytes : 1), "realloc");
}

void *th_xreallocarray(void *p, size_t count, size_t len_bytes)
{
    return or_die(reallocarray(p, count ? count : 1, len_bytes ? len_bytes : 1), "reallocarray");
}

void *th_xhuge(size_t len_bytes)
{
    void *p = or_die(aligned_alloc(TH_HUGE_BYTES, len_bytes), "aligned_alloc");
    /* A kernel without huge pages hands out small ones. */
    (void)madvise(p, len_bytes, MADV_HUGEPAGE);
    return p;
}

char *th_xstrdup(const char *s)
{
    return or_die(strdup(s), "strdup");
}

char *th_xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return or_die(n < 0 ? NULL : s, "vasprintf");
}

void th_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr,
        "{\"level\":\"error\",\"msg\":\"assertion failed\",\"cond\":\"%s\",\"at\":\"%s:%d\"}\n",
        cond, file, line);
    abort();
}
