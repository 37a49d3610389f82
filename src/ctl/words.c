/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <math.h>

#include "base/cursor.h"

/* ---- text ---- */

/* The next code point, by RFC 3629; 0xfffd for what is none. */
static uint32_t next_char(struct th_cur *c)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint8_t b = th_cur_u8(c);
    unsigned more = b < 0x80 ? 0 : (b & 0xe0) == 0xc0 ? 1 : (b & 0xf0) == 0xe0 ? 2 : 3;
    if (b < 0x80)
        return b;
    if (b < 0xc2 || b > 0xf4)
        return 0xfffd;
    uint32_t v = b & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++) {
        if ((th_cur_peek(c, 0) & 0xc0) != 0x80)
            return 0xfffd;
        v = v << 6 | (th_cur_u8(c) & 0x3f);
    }
    return v < least[more] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000) ? 0xfffd : v;
}

/* Steers a terminal or a reader's eye: controls, zero width, direction, line separators. */
static bool is_steering(uint32_t v)
{
    return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0xad || v == 0x61c ||
        (v >= 0x200b && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) ||
        (v >= 0x2060 && v <= 0x206f) || v == 0xfeff || v == 0xfffd || v >= 0xe0000 ||
        (v >= 0xe000 && v < 0xf900);
}

static void put_char(struct th_buf *out, uint32_t v)
{
    if (v < 0x80) {
        th_buf_u8(out, (uint8_t)v);
    } else if (v < 0x800) {
        th_buf_u8(out, (uint8_t)(0xc0 | v >> 6));
        th_buf_u8(out, (uint8_t)(0x80 | (v & 0x3f)));
    } else {
        if (v < 0x10000) {
            th_buf_u8(out, (uint8_t)(0xe0 | v >> 12));
        } else {
            th_buf_u8(out, (uint8_t)(0xf0 | v >> 18));
            th_buf_u8(out, (uint8_t)(0x80 | (v >> 12 & 0x3f)));
        }
        th_buf_u8(out, (uint8_t)(0x80 | (v >> 6 & 0x3f)));
        th_buf_u8(out, (uint8_t)(0x80 | (v & 0x3f)));
    }
}

void words_clean(struct th_buf *out, struct th_str s)
{
    struct th_cur c = th_cur_init(s.p, s.len);
    while (th_cur_left(&c) > 0) {
        uint32_t v = next_char(&c);
        put_char(out, is_steering(v) ? '?' : v);
    }
}

/* Columns a piece of cleaned UTF-8 takes, one a code point. */
static size_t columns(struct th_str s)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s.len; i++)
        n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
    return n;
}

void words_wrapped(struct th_buf *out, struct th_str s, size_t indent)
{
    enum { WIDTH = 80 };
    TH_AUTOBUF struct th_buf clean = TH_BUF_INIT;
    words_clean(&clean, s);
    struct th_str rest = th_buf_view(&clean);
    size_t at = indent;
    while (rest.len) {
        struct th_str word = th_str_split(&rest, ' ');
        size_t w = columns(word);
        if (w == 0)
            continue;
        if (at > indent && at + 1 + w > WIDTH) {
            th_buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            th_buf_puts(out, " ");
            at++;
        }
        th_buf_str(out, word);
        at += w;
    }
    th_buf_puts(out, "\n");
}

void words_html(struct th_buf *out, struct th_str s)
{
    TH_AUTOBUF struct th_buf clean = TH_BUF_INIT;
    words_clean(&clean, s);
    for (size_t i = 0; i < clean.len; i++) {
        switch (clean.p[i]) {
        case '&': th_buf_puts(out, "&amp;"); break;
        case '<': th_buf_puts(out, "&lt;"); break;
        case '>': th_buf_puts(out, "&gt;"); break;
        case '"': th_buf_puts(out, "&quot;"); break;
        case '\'': th_buf_puts(out, "&#39;"); break;
        default: th_buf_u8(out, clean.p[i]);
        }
    }
}

void words_tactic(struct th_buf *out, struct th_str tactic)
{
    for (uint32_t i = 0; i < tactic.len; i++) {
        char c = tactic.p[i] == '-' ? ' ' : tactic.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ';
        c = letter ? c : '?';
        th_buf_u8(out, (uint8_t)(i == 0 && c >= 'a' ? c & ~0x20 : c));
    }
}

/* ---- numbers ---- */

void words_count(struct th_buf *out, double v)
{
    char digits[48];
    int n = snprintf(digits, sizeof(digits), "%.0f", fmin(fmax(v, 0), 1e18));
    for (int i = 0; i < n; i++) {
        th_buf_u8(out, (uint8_t)digits[i]);
        if (i + 1 < n && (n - 1 - i) % 3 == 0)
            th_buf_u8(out, ',');
    }
}

void words_short(struct th_buf *out, double v)
{
    if (fabs(v) >= 1000)
        words_count(out, v);
    else if (fabs(v) >= 100 || v == floor(v))
        th_buf_printf(out, "%.0f", v);
    else
        th_buf_printf(out, fabs(v) >= 10 ? "%.3g" : "%.2g", v);
}

struct scale {
    double size;
    const char *name;
};

static void put_scaled(struct th_buf *out, double v, const struct scale *scales, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && v < scales[i].size)
        i++;
    words_short(out, v / scales[i].size);
    th_buf_printf(out, " %s", scales[i].name);
}

void words_amount(struct th_buf *out, double v, struct th_str unit)
{
    static const struct scale bytes[] = {
        {1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}};
    static const struct scale spans[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    if (th_str_is(unit, "B")) {
        put_scaled(out, v, bytes, TH_ARRAY_LEN(bytes));
    } else if (th_str_is(unit, "s")) {
        put_scaled(out, v, spans, TH_ARRAY_LEN(spans));
    } else {
        words_short(out, v);
        if (unit.len)
            th_buf_u8(out, ' ');
        words_clean(out, unit);
    }
}

/* ---- times ---- */

struct day_time {
    unsigned year, month, day, weekday, hour, minute;
};

static unsigned two_digits(const char *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* By way of the RFC 3339 text, "2026-01-05T09:00:00...": the C library's calendar opens the time
 * zone's file, which a role may not. */
static bool broken_down(int64_t time_ns, struct day_time *ret)
{
    char text[TH_TIME_TEXT_LEN];
    if (time_ns == TH_TIME_UNSET || th_time_rfc3339(time_ns, text) < sizeof("2026-01-05T09:00"))
        return false;
    int64_t day = th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    *ret = (struct day_time){.year = two_digits(text) * 100 + two_digits(text + 2),
        .month = two_digits(text + 5),
        .day = two_digits(text + 8),
        .weekday = (unsigned)(((day + 4) % 7 + 7) % 7), /* 1970 began on a Thursday */
        .hour = two_digits(text + 11),
        .minute = two_digits(text + 14)};
    return true;
}

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void words_time(struct th_buf *out, int64_t time_ns, bool year)
{
    struct day_time t;
    if (!broken_down(time_ns, &t)) {
        th_buf_puts(out, "unknown time");
        return;
    }
    th_buf_printf(out, "%s %u %s ", days[t.weekday], t.day, months[(t.month + 11) % 12]);
    if (year)
        th_buf_printf(out, "%u ", t.year);
    th_buf_printf(out, "%02u:%02u", t.hour, t.minute);
}

void words_span(struct th_buf *out, int64_t start_ns, int64_t end_ns)
{
    struct day_time a, b;
    words_time(out, start_ns, false);
    if (!broken_down(start_ns, &a) || !broken_down(end_ns, &b))
        return;
    th_buf_puts(out, " to ");
    if (a.day == b.day && a.month == b.month && a.year == b.year)
        th_buf_printf(out, "%02u:%02u", b.hour, b.minute);
    else
        words_time(out, end_ns, false);
}

void words_hours(struct th_buf *out, double hours)
{
    if (hours < 1.5)
        th_buf_printf(out, "%.0f %s", hours * 60, round(hours * 60) == 1 ? "minute" : "minutes");
    else if (hours < 72)
        th_buf_printf(out, "%.0f hours", hours);
    else
        th_buf_printf(out, "%.0f days", hours / 24);
}

const char *words_calibration(struct th_str c)
{
    if (th_str_is(c, "own"))
        return "scores rest on what was learned in this network";
    if (th_str_is(c, "mixed"))
        return "scores rest on the built-in prior and on what was learned in this network";
    if (th_str_is(c, "prior"))
        return "scores rest on the built-in prior: too little of this network is known yet";
    return "how the scores were calibrated is not known";
}

/* ---- stories ---- */

/* Length of the phase's name when the text begins with one and a colon; else 0. */
static uint32_t phase_name(struct th_str s)
{
    static const char *const names[] = {"Reconnaissance", "Resource development", "Initial access",
        "Execution", "Persistence", "Privilege escalation", "Defense evasion", "Credential access",
        "Discovery", "Lateral movement", "Collection", "Command and control", "Exfiltration",
        "Impact"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);
        if (th_str_starts(s, names[i]) && s.len > n + 1 && s.p[n] == ':' && s.p[n + 1] == ' ')
            return (uint32_t)n;
    }
    return 0;
}

static struct th_str from(struct th_str s, uint32_t at)
{
    return th_str_n(s.p + at, s.len - at);
}

/* Where the sentence that begins at `at` ends: behind its full stop, or at the text's end. */
static uint32_t sentence_end(struct th_str s, uint32_t at)
{
    for (uint32_t i = at; i + 1 < s.len; i++)
        if (s.p[i] == '.' && s.p[i + 1] == ' ')
            return i + 1;
    return s.len;
}

bool words_phase(struct th_str *story, struct words_phase *ret)
{
    struct th_str s = th_str_trim(*story);
    if (s.len == 0)
        return false;
    uint32_t name = phase_name(s);
    ret->label = th_str_n(s.p, name);
    if (name)
        s = from(s, name + 2);
    uint32_t end = sentence_end(s, 0);
    while (end + 1 < s.len && !phase_name(from(s, end + 1)))
        end = sentence_end(s, end + 1);
    ret->text = th_str_n(s.p, end);
    *story = from(s, end);
    return true;
}

struct th_str words_beginning(struct th_str text, uint32_t most, bool *ret_cut)
{
    uint32_t end = sentence_end(text, 0);
    while (end < text.len) {
        uint32_t next = sentence_end(text, end + 1);
        if (next > most)
            break;
        end = next;
    }
    *ret_cut = end < text.len;
    return th_str_n(text.p, end);
}
