/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <math.h>
#include <stdio.h>

/* Days since 1970-01-01 of a civil date; the algorithm of H. Hinnant, "chrono-compatible
 * low-level date algorithms". */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

size_t th_time_rfc3339(int64_t time_ns, char out[TH_TIME_TEXT_LEN])
{
    int64_t day = th_time_floor(time_ns, TH_NS_PER_DAY);
    int64_t us = (time_ns - day) / TH_NS_PER_US;
    int64_t s = us / 1000000;
    int64_t y;
    unsigned m, d;
    civil_from_days(day / TH_NS_PER_DAY, &y, &m, &d);
    int n = snprintf(out, TH_TIME_TEXT_LEN, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", (int)y, m, d,
        (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60), (int)(us % 1000000));
    return (size_t)n;
}

size_t th_time_epoch(int64_t time_ns, char out[TH_TIME_TEXT_LEN])
{
    uint64_t mag = time_ns < 0 ? 0 - (uint64_t)time_ns : (uint64_t)time_ns;
    uint64_t us = mag / 1000;
    char digits[TH_TIME_TEXT_LEN];
    size_t n = 0;
    for (int i = 0; i < 6; i++, us /= 10)
        digits[n++] = (char)('0' + us % 10);
    digits[n++] = '.';
    do {
        digits[n++] = (char)('0' + us % 10);
        us /= 10;
    } while (us);
    if (time_ns < 0)
        digits[n++] = '-';
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    out[n] = '\0';
    return n;
}

bool th_time_parse_epoch(struct th_str s, int64_t *ret_ns)
{
    struct th_str rest = s;
    bool neg = rest.len && rest.p[0] == '-';
    if (neg) {
        rest.p++;
        rest.len--;
    }
    struct th_str whole = th_str_split(&rest, '.');
    uint64_t sec;
    int64_t v;
    if (!th_str_u64(whole, &sec) || sec > INT64_MAX / TH_NS_PER_S - 1) {
        double d;
        if (!th_str_double(s, &d) || fabs(d) > 9.2e9)
            return false;
        *ret_ns = llround(d * 1e9);
        return true;
    }
    v = (int64_t)sec * TH_NS_PER_S;
    int64_t unit = TH_NS_PER_S / 10;
    for (uint32_t i = 0; i < rest.len; i++, unit /= 10) {
        unsigned digit = (unsigned)(unsigned char)rest.p[i] - '0';
        if (digit > 9) {
            double d;
            if (!th_str_double(s, &d) || fabs(d) > 9.2e9)
                return false;
            *ret_ns = llround(d * 1e9);
            return true;
        }
        v += (int64_t)digit * unit;
        if (i == 9 && digit >= 5)
            v++;
    }
    *ret_ns = neg ? -v : v;
    return true;
}

static bool digits(struct th_str s, size_t at, size_t n, unsigned *ret)
{
    uint64_t v;
    if (s.len < at + n || !th_str_u64(th_str_n(s.p + at, n), &v))
        return false;
    *ret = (unsigned)v;
    return true;
}

bool th_time_parse_rfc3339(struct th_str s, int64_t *ret_ns)
{
    unsigned y, mo, d, h, mi, sec, oh = 0, om = 0;
    if (!digits(s, 0, 4, &y) || !digits(s, 5, 2, &mo) || !digits(s, 8, 2, &d) ||
        !digits(s, 11, 2, &h) || !digits(s, 14, 2, &mi) || !digits(s, 17, 2, &sec) ||
        s.p[4] != '-' || s.p[7] != '-' || s.p[13] != ':' || s.p[16] != ':' || mo < 1 || mo > 12 ||
        d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60 || y < 1700 || y > 2200)
        return false;
    int64_t ns = 0;
    size_t at = 19;
    if (at < s.len && s.p[at] == '.') {
        int64_t unit = TH_NS_PER_S / 10;
        for (at++; at < s.len && s.p[at] >= '0' && s.p[at] <= '9'; at++, unit /= 10)
            ns += (s.p[at] - '0') * unit;
    }
    int sign = 0;
    if (at < s.len && (s.p[at] == '+' || s.p[at] == '-')) {
        sign = s.p[at] == '+' ? 1 : -1;
        if (!digits(s, at + 1, 2, &oh) || !digits(s, at + 4, 2, &om) || s.p[at + 3] != ':')
            return false;
        at += 6;
    } else if (at < s.len && (s.p[at] == 'Z' || s.p[at] == 'z')) {
        at++;
    } else {
        return false;
    }
    if (at != s.len)
        return false;
    int64_t t = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec -
        sign * (int64_t)(oh * 3600 + om * 60);
    *ret_ns = t * TH_NS_PER_S + ns;
    return true;
}
