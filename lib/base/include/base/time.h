/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time inside is int64 nanoseconds since 1970 UTC; spans are int64 nanoseconds.
 * Nothing here reads a clock.
 */
#ifndef TH_BASE_TIME_H
#define TH_BASE_TIME_H

#include "base/str.h"

#define TH_NS_PER_US INT64_C(1000)
#define TH_NS_PER_MS INT64_C(1000000)
#define TH_NS_PER_S INT64_C(1000000000)
#define TH_NS_PER_MIN (60 * TH_NS_PER_S)
#define TH_NS_PER_HOUR (60 * TH_NS_PER_MIN)
#define TH_NS_PER_DAY (24 * TH_NS_PER_HOUR)
#define TH_TIME_UNSET INT64_MIN

/* Large enough for any output of the two functions below. */
#define TH_TIME_TEXT_LEN 40

/* "2026-11-22T19:52:41.123456Z" (microseconds). Returns the length. */
size_t th_time_rfc3339(int64_t time_ns, char out[TH_TIME_TEXT_LEN]);
/* Seconds with six decimals as Zeek writes them: "1588205199.824370". Returns the length. */
size_t th_time_epoch(int64_t time_ns, char out[TH_TIME_TEXT_LEN]);
/* Reads decimal seconds (also negative, also with an exponent) to nanoseconds, rounding half
 * away from zero. False when it is not a number or beyond the years 1678 to 2262. */
bool th_time_parse_epoch(struct th_str s, int64_t *ret_ns);
/* Reads an RFC 3339 time with Z or an offset. */
bool th_time_parse_rfc3339(struct th_str s, int64_t *ret_ns);

/* Floors time to a multiple of span, also before 1970. */
static inline int64_t th_time_floor(int64_t time_ns, int64_t span_ns)
{
    int64_t r = time_ns % span_ns;
    return time_ns - (r < 0 ? r + span_ns : r);
}

/* Sum that stays inside int64: hostile times must not overflow. */
static inline int64_t th_time_add(int64_t a_ns, int64_t b_ns)
{
    int64_t sum;
    if (!__builtin_add_overflow(a_ns, b_ns, &sum))
        return sum;
    return b_ns > 0 ? INT64_MAX : INT64_MIN + 1;
}

static inline int64_t th_time_sub(int64_t a_ns, int64_t b_ns)
{
    int64_t diff;
    if (!__builtin_sub_overflow(a_ns, b_ns, &diff))
        return diff;
    return b_ns < 0 ? INT64_MAX : INT64_MIN + 1;
}

#endif
