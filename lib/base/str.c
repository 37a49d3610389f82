/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>

bool th_bytes_ieq(const char *a, const char *b, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (th_lower(a[i]) != th_lower(b[i]))
            return false;
    return true;
}

bool th_str_starts(struct th_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

bool th_str_ends(struct th_str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && memcmp(s.p + s.len - n, suffix, n) == 0;
}

bool th_str_has(struct th_str s, const char *word)
{
    return s.len > 0 && memmem(s.p, s.len, word, strlen(word)) != NULL;
}

int th_str_cmp(struct th_str a, struct th_str b)
{
    uint32_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

int64_t th_str_index(struct th_str s, char c)
{
    const char *at = s.len ? memchr(s.p, c, s.len) : NULL;
    return at ? at - s.p : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct th_str th_str_trim(struct th_str s)
{
    while (s.len && is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

struct th_str th_str_split(struct th_str *rest, char sep)
{
    struct th_str head = *rest;
    int64_t at = th_str_index(*rest, sep);
    if (at < 0) {
        *rest = (struct th_str){.p = rest->p + rest->len, .len = 0};
        return head;
    }
    head.len = (uint32_t)at;
    rest->p += at + 1;
    rest->len -= (uint32_t)at + 1;
    return head;
}

bool th_str_u64(struct th_str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.len == 0)
        return false;
    for (uint32_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *ret = v;
    return true;
}

bool th_str_i64(struct th_str s, int64_t *ret)
{
    bool neg = s.len && s.p[0] == '-';
    uint64_t v = 0;
    if (neg) {
        s.p++;
        s.len--;
    }
    if (!th_str_u64(s, &v) || v > (uint64_t)INT64_MAX)
        return false;
    *ret = neg ? -(int64_t)v : (int64_t)v;
    return true;
}

bool th_str_double(struct th_str s, double *ret)
{
    char tmp[64];
    char *end = NULL;
    if (s.len == 0 || s.len >= sizeof(tmp) || is_space(s.p[0]))
        return false;
    memcpy(tmp, s.p, s.len);
    tmp[s.len] = '\0';
    double v = strtod(tmp, &end);
    if (end != tmp + s.len || !isfinite(v))
        return false;
    *ret = v;
    return true;
}
