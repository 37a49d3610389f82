/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>

#include "base/time.h"
#include "base/utf8.h"

static void before_value(struct th_json *j)
{
    if (j->comma)
        th_buf_u8(j->out, ',');
    j->comma = true;
}

void th_json_open(struct th_json *j)
{
    before_value(j);
    th_buf_u8(j->out, '{');
    j->comma = false;
}

void th_json_close(struct th_json *j)
{
    th_buf_u8(j->out, '}');
    j->comma = true;
}

void th_json_open_list(struct th_json *j)
{
    before_value(j);
    th_buf_u8(j->out, '[');
    j->comma = false;
}

void th_json_close_list(struct th_json *j)
{
    th_buf_u8(j->out, ']');
    j->comma = true;
}

void th_json_key(struct th_json *j, const char *key)
{
    size_t n = strlen(key);
    before_value(j);
    uint8_t *p = th_buf_reserve(j->out, n + 3);
    if (p) {
        p[0] = '"';
        memcpy(p + 1, key, n);
        p[n + 1] = '"';
        p[n + 2] = ':';
        th_buf_commit(j->out, n + 3);
    }
    j->comma = false;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void escape(struct th_buf *out, uint8_t c)
{
    switch (c) {
    case '"': th_buf_puts(out, "\\\""); break;
    case '\\': th_buf_puts(out, "\\\\"); break;
    case '\n': th_buf_puts(out, "\\n"); break;
    case '\r': th_buf_puts(out, "\\r"); break;
    case '\t': th_buf_puts(out, "\\t"); break;
    default: th_buf_printf(out, c < 0x80 ? "\\u%04x" : "\\\\x%02x", c);
    }
}

void th_json_str(struct th_json *j, struct th_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    before_value(j);
    th_buf_u8(j->out, '"');
    for (size_t i = 0; i < s.len;) {
        size_t run = i;
        while (run < s.len && is_plain(p[run]))
            run++;
        th_buf_put(j->out, p + i, run - i);
        i = run;
        if (i == s.len)
            break;
        size_t n = p[i] >= 0x80 ? th_utf8_len(p + i, s.len - i) : 0;
        if (n)
            th_buf_put(j->out, p + i, n);
        else
            escape(j->out, p[i]);
        i += n ? n : 1;
    }
    th_buf_u8(j->out, '"');
}

void th_json_u64(struct th_json *j, uint64_t v)
{
    char tmp[20];
    size_t at = sizeof(tmp);
    before_value(j);
    do {
        tmp[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    th_buf_put(j->out, tmp + at, sizeof(tmp) - at);
}

void th_json_i64(struct th_json *j, int64_t v)
{
    if (v >= 0) {
        th_json_u64(j, (uint64_t)v);
        return;
    }
    before_value(j);
    th_buf_u8(j->out, '-');
    j->comma = false;
    th_json_u64(j, 0 - (uint64_t)v);
}

void th_json_double(struct th_json *j, double v)
{
    char tmp[32];
    if (!isfinite(v)) {
        th_json_null(j);
        return;
    }
    before_value(j);
    for (int digits = 6; digits <= 17; digits += digits < 15 ? 9 : 2) {
        snprintf(tmp, sizeof(tmp), "%.*g", digits, v);
        if (strtod(tmp, NULL) == v)
            break;
    }
    th_buf_puts(j->out, tmp);
}

void th_json_bool(struct th_json *j, bool v)
{
    before_value(j);
    th_buf_puts(j->out, v ? "true" : "false");
}

void th_json_null(struct th_json *j)
{
    before_value(j);
    th_buf_puts(j->out, "null");
}

void th_json_seconds(struct th_json *j, int64_t span_ns)
{
    char tmp[TH_TIME_TEXT_LEN];
    size_t n = th_time_epoch(span_ns, tmp);
    before_value(j);
    th_buf_put(j->out, tmp, n);
}

void th_json_time(struct th_json *j, int64_t time_ns)
{
    char tmp[TH_TIME_TEXT_LEN];
    th_json_str(j, th_str_n(tmp, th_time_rfc3339(time_ns, tmp)));
}

void th_json_addr(struct th_json *j, const struct th_addr *a)
{
    char tmp[TH_ADDR_TEXT_LEN];
    th_json_str(j, th_str_n(tmp, th_addr_format(a, tmp)));
}
