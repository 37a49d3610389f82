/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdlib.h>

int64_t lab_span_parse(const char *s)
{
    double sum = 0;
    while (*s) {
        char *end;
        double v = strtod(s, &end);
        if (end == s || v < 0)
            return -1;
        switch (*end) {
        case 'd': v *= 86400; break;
        case 'h': v *= 3600; break;
        case 'm': v *= 60; break;
        case 's':
        case '\0': break;
        default: return -1;
        }
        sum += v;
        s = *end ? end + 1 : end;
    }
    return sum > 1e9 ? -1 : (int64_t)(sum * 1e9);
}

bool lab_time_parse(const char *text, int64_t from_ns, int64_t *ret_ns)
{
    if (*text != '+')
        return th_time_parse_rfc3339(th_str_c(text), ret_ns);
    int64_t span = lab_span_parse(text + 1);
    if (span < 0)
        return false;
    *ret_ns = from_ns + span;
    return true;
}

int64_t lab_week_of(int64_t t)
{
    /* 1970-01-01 was a Thursday. */
    return th_time_floor(t + 3 * TH_NS_PER_DAY, 7 * TH_NS_PER_DAY) - 3 * TH_NS_PER_DAY;
}
