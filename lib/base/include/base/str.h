/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view of bytes: not owned, not terminated, any content. Hostile text stays
 * a view until a writer escapes it.
 */
#ifndef TH_BASE_STR_H
#define TH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct th_str {
    const char *p;
    uint32_t len;
};

/* From a string literal or a terminated string shorter than 4 GiB. */
static inline struct th_str th_str_c(const char *s)
{
    return (struct th_str){.p = s, .len = (uint32_t)strlen(s)};
}

static inline struct th_str th_str_n(const void *p, size_t len)
{
    return (struct th_str){.p = p, .len = (uint32_t)len};
}

static inline bool th_str_eq(struct th_str a, struct th_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool th_str_is(struct th_str a, const char *s)
{
    return th_str_eq(a, th_str_c(s));
}

bool th_bytes_ieq(const char *a, const char *b, uint32_t len);
/* ASCII case only; locale plays no part. */
static inline bool th_str_ieq(struct th_str a, struct th_str b)
{
    return a.len == b.len && th_bytes_ieq(a.p, b.p, a.len);
}

bool th_str_starts(struct th_str s, const char *prefix);
bool th_str_ends(struct th_str s, const char *suffix);
/* Is the word, which is not empty, in it? */
bool th_str_has(struct th_str s, const char *word);
int th_str_cmp(struct th_str a, struct th_str b);
/* Index of byte c, or -1. */
int64_t th_str_index(struct th_str s, char c);
/* Without leading and trailing spaces, tabs, CR and LF. */
struct th_str th_str_trim(struct th_str s);
/* Cuts *rest at the first separator: returns the part before, leaves the part after. */
struct th_str th_str_split(struct th_str *rest, char sep);
/* Whole string as a number; false when empty, out of range or followed by anything. */
bool th_str_u64(struct th_str s, uint64_t *ret);
bool th_str_i64(struct th_str s, int64_t *ret);
bool th_str_double(struct th_str s, double *ret);

static inline char th_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
