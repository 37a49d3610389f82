/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"

#include <math.h>

/* Where whole numbers stay whole in a double. */
#define MAX_WHOLE 9007199254740992.0

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"k", 1000}, {"K", 1000}, {"kB", 1000},
    {"KB", 1000}, {"M", 1000000}, {"MB", 1000000}, {"G", 1000000000}, {"GB", 1000000000},
    {"T", INT64_C(1000000000000)}, {"TB", INT64_C(1000000000000)}, {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20}, {"GiB", INT64_C(1) << 30}, {"TiB", INT64_C(1) << 40}};
static const struct unit spans[] = {{"", TH_NS_PER_S}, {"ns", 1}, {"us", TH_NS_PER_US},
    {"ms", TH_NS_PER_MS}, {"s", TH_NS_PER_S}, {"min", TH_NS_PER_MIN}, {"m", TH_NS_PER_MIN},
    {"h", TH_NS_PER_HOUR}, {"d", TH_NS_PER_DAY}};

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* "1.5GB": the number's text, and its unit's factor. */
static bool cut_unit(
    struct th_str s, const struct unit *units, size_t count, struct th_str *number, int64_t *factor)
{
    uint32_t n = 0;
    while (n < s.len && in_number(s.p[n]))
        n++;
    struct th_str unit = th_str_n(s.p + n, s.len - n);
    *number = th_str_n(s.p, n);
    for (size_t i = 0; i < count && n > 0; i++) {
        *factor = units[i].factor;
        if (th_str_is(unit, units[i].name))
            return true;
    }
    return false;
}

/* number * factor as a whole number; rounds when `round`, else a fraction that stays is no. */
static bool scaled(struct th_str number, int64_t factor, bool round, int64_t *ret)
{
    int64_t whole;
    double v;
    if (th_str_i64(number, &whole))
        return !__builtin_mul_overflow(whole, factor, ret);
    if (!th_str_double(number, &v))
        return false;
    v *= (double)factor;
    if (!(fabs(v) < (round ? 9e18 : MAX_WHOLE)) || (!round && v != floor(v)))
        return false;
    *ret = (int64_t)floor(v + 0.5);
    return true;
}

static bool read_number(struct th_str s, int64_t *ret)
{
    struct th_str number;
    int64_t factor;
    return cut_unit(s, sizes, TH_ARRAY_LEN(sizes), &number, &factor) &&
        scaled(number, factor, false, ret);
}

static bool read_real(struct th_str s, double *ret)
{
    struct th_str number;
    int64_t factor;
    if (!cut_unit(s, sizes, TH_ARRAY_LEN(sizes), &number, &factor) || !th_str_double(number, ret))
        return false;
    *ret *= (double)factor;
    return isfinite(*ret);
}

static bool read_span(struct th_str s, int64_t *ret)
{
    struct th_str number;
    int64_t factor;
    return cut_unit(s, spans, TH_ARRAY_LEN(spans), &number, &factor) &&
        scaled(number, factor, true, ret);
}

/* RFC 3339; a day alone is its midnight; without zone it is UTC; or seconds since 1970. */
static bool read_instant(struct th_str s, int64_t *ret)
{
    char text[TH_TIME_TEXT_LEN];
    const char *rest = s.len == 10 ? "T00:00:00Z" : s.len == 16 ? ":00Z" : "Z";
    if (th_time_parse_rfc3339(s, ret))
        return true;
    if (s.len >= 10 && s.len < 32 && s.p[4] == '-' && s.p[7] == '-') {
        int n = snprintf(text, sizeof(text), "%.*s%s", (int)s.len, s.p, rest);
        return n > 0 && (size_t)n < sizeof(text) &&
            th_time_parse_rfc3339(th_str_n(text, (size_t)n), ret);
    }
    for (uint32_t i = 0; i < s.len; i++)
        if (!in_number(s.p[i]))
            return false;
    return th_time_parse_epoch(s, ret);
}

static bool read_flag(struct th_str s, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true}, {"T", true}, {"yes", true}, {"false", false}, {"F", false}, {"no", false}};
    for (size_t i = 0; i < TH_ARRAY_LEN(words); i++) {
        *ret = words[i].value;
        if (th_str_ieq(s, th_str_c(words[i].word)))
            return true;
    }
    return false;
}

void query_net_ends(const struct th_subnet *net, struct th_addr *low, struct th_addr *high)
{
    *low = *high = net->addr;
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = net->bits > i * 8 ? net->bits - i * 8 : 0;
        uint8_t mask = (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);
        low->b[i] &= mask;
        high->b[i] |= (uint8_t)~mask;
    }
}

/* "10.1." to the network 10.1.0.0/16. */
static bool read_open_v4(struct th_str s, struct th_subnet *net)
{
    uint8_t b[4] = {0};
    unsigned count = 0;
    while (s.len && count < 3) {
        uint64_t v;
        struct th_str part = th_str_split(&s, '.');
        if (part.len == 0 || part.len > 3 || !th_str_u64(part, &v) || v > 255)
            return false;
        b[count++] = (uint8_t)v;
    }
    *net = (struct th_subnet){.addr = th_addr_v4(b), .bits = (uint8_t)(96 + count * 8)};
    return count > 0 && s.len == 0;
}

bool query_read_net(struct th_str text, bool open, struct th_addr *low, struct th_addr *high)
{
    struct th_subnet net;
    if (th_str_index(text, '%') >= 0)
        return false;
    if (open ? !th_str_ends(text, ".") || !read_open_v4(text, &net) : !th_subnet_parse(text, &net))
        return false;
    query_net_ends(&net, low, high);
    return true;
}

bool query_read_mac(struct th_str text, bool open, struct th_mac *low, struct th_mac *high)
{
    char whole[TH_MAC_TEXT_LEN];
    if (!open) {
        bool is = th_mac_parse(text, low);
        *high = *low;
        return is;
    }
    if (text.len == 0 || text.len % 3 != 0 || text.len >= 17)
        return false;
    memcpy(whole, "00:00:00:00:00:00", sizeof(whole));
    memcpy(whole, text.p, text.len);
    if (!th_mac_parse(th_str_n(whole, 17), low))
        return false;
    memset(whole, 'f', 17);
    for (unsigned i = 2; i < 17; i += 3)
        whole[i] = ':';
    memcpy(whole, text.p, text.len);
    return th_mac_parse(th_str_n(whole, 17), high);
}

void query_read_value(struct th_query_value *v, unsigned wanted)
{
    bool open = v->star_count == 1 && v->star[0] == v->text.len;
    bool plain = v->star_count == 0;
    struct th_str s = v->text;
    unsigned is = wanted & TH_QUERY_TEXT;
    if (plain && wanted & TH_QUERY_NUMBER && read_number(s, &v->number))
        is |= TH_QUERY_NUMBER;
    if (plain && wanted & TH_QUERY_REAL && read_real(s, &v->real))
        is |= TH_QUERY_REAL;
    if (plain && wanted & TH_QUERY_SPAN && read_span(s, &v->span_ns))
        is |= TH_QUERY_SPAN;
    if (plain && wanted & TH_QUERY_INSTANT && read_instant(s, &v->instant_ns))
        is |= TH_QUERY_INSTANT;
    if (plain && wanted & TH_QUERY_FLAG && read_flag(s, &v->flag))
        is |= TH_QUERY_FLAG;
    if ((plain || open) && wanted & TH_QUERY_NET &&
        query_read_net(s, open, &v->net_low, &v->net_high))
        is |= TH_QUERY_NET;
    if ((plain || open) && wanted & TH_QUERY_HARDWARE &&
        query_read_mac(s, open, &v->mac_low, &v->mac_high))
        is |= TH_QUERY_HARDWARE;
    v->types = is;
}

const char *query_type_text(enum th_query_type type)
{
    switch (type) {
    case TH_QUERY_TEXT: return "a text";
    case TH_QUERY_NUMBER: return "a whole number such as 443 or 10MB";
    case TH_QUERY_REAL: return "a number such as 0.5";
    case TH_QUERY_SPAN: return "a span of time such as 5s, 2min or 1h";
    case TH_QUERY_INSTANT: return "a time such as 2026-01-31T14:00:00Z";
    case TH_QUERY_FLAG: return "true or false";
    case TH_QUERY_NET: return "an address or a network such as 10.1.0.0/16";
    case TH_QUERY_HARDWARE: return "a MAC address such as 00:16:3e:01:02:03";
    }
    return "a value";
}
