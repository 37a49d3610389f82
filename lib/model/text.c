/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"

void text_plain(struct th_buf *out, struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        th_buf_u8(out, (uint8_t)(s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?'));
}

/* Three digits, no more than are true: "2.1", "14", "0.03". */
static void put_short(struct th_buf *out, double v)
{
    if (v >= 100 || v == floor(v))
        th_buf_printf(out, "%.0f", v);
    else
        th_buf_printf(out, v >= 10 ? "%.3g" : "%.2g", v);
}

static void put_bytes(struct th_buf *out, double v)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    unsigned u = 0;
    while (v >= 999.5 && u + 1 < TH_ARRAY_LEN(units)) {
        v /= 1000;
        u++;
    }
    if (u == 0)
        v = v < 1 ? v : floor(v + 0.5);
    put_short(out, v);
    th_buf_printf(out, " %s", units[u]);
}

static void put_span(struct th_buf *out, double s)
{
    static const struct {
        double s;
        const char *one, *many;
    } units[] = {{86400, "day", "days"}, {3600, "hour", "hours"}, {60, "minute", "minutes"},
        {0, "second", "seconds"}};
    unsigned u = 0;
    while (s < units[u].s)
        u++;
    double v = units[u].s > 0 ? s / units[u].s : s;
    TH_AUTOBUF struct th_buf number = TH_BUF_INIT;
    put_short(&number, v);
    th_buf_str(out, th_buf_view(&number));
    th_buf_printf(out, " %s", th_str_is(th_buf_view(&number), "1") ? units[u].one : units[u].many);
}

/* 12,345 */
static void put_grouped(struct th_buf *out, double v)
{
    char digits[40];
    int n = snprintf(digits, sizeof(digits), "%.0f", v);
    for (int i = 0; i < n; i++) {
        th_buf_u8(out, (uint8_t)digits[i]);
        if (i + 1 < n && (n - 1 - i) % 3 == 0)
            th_buf_u8(out, ',');
    }
}

/* "connections" to "connection" when there is one of them. */
static void put_unit(struct th_buf *out, const char *unit, bool one)
{
    size_t n = strlen(unit);
    if (one && n > 3 && strcmp(unit + n - 3, "ses") == 0)
        n -= 2;
    else if (one && n > 3 && strcmp(unit + n - 3, "ies") == 0)
        n -= 3;
    else if (one && n > 1 && unit[n - 1] == 's')
        n -= 1;
    th_buf_put(out, unit, n);
    if (one && strlen(unit) - n == 3)
        th_buf_u8(out, 'y');
}

void text_amount(struct th_buf *out, double v, const char *unit)
{
    if (!isfinite(v) || v < 0)
        v = 0;
    v = fmin(v, 1e18);
    if (strcmp(unit, "B") == 0) {
        put_bytes(out, v);
        return;
    }
    if (strcmp(unit, "s") == 0) {
        put_span(out, v);
        return;
    }
    size_t at = out->len;
    if (v >= 10)
        put_grouped(out, floor(v + 0.5));
    else
        put_short(out, v);
    bool one = out->len == at + 1 && out->p[at] == '1';
    if (unit[0]) {
        th_buf_u8(out, ' ');
        put_unit(out, unit, one);
    }
}

void text_time(struct th_buf *out, int64_t time_ns)
{
    char text[TH_TIME_TEXT_LEN];
    th_time_rfc3339(time_ns, text);
    th_buf_put(out, text, 10);
    th_buf_u8(out, ' ');
    th_buf_put(out, text + 11, 5);
}

void text_device(struct th_buf *out, const struct th_identity *id, uint64_t entity)
{
    const struct th_entity *e = th_identity_find(id, entity);
    const struct th_net_user *u = th_identity_user(id, entity);
    char text[TH_ADDR_TEXT_LEN];
    if (u) {
        th_buf_printf(out, "user %s", u->name);
        return;
    }
    if (!e) {
        char name[TH_ENTITY_TEXT_LEN];
        th_entity_text(entity, name);
        th_buf_puts(out, name);
        return;
    }
    size_t n = th_addr_format(&e->addr, text);
    if (e->hostname[0]) {
        th_buf_puts(out, e->hostname);
        th_buf_puts(out, " (");
    }
    th_buf_put(out, text, n);
    if (e->hostname[0])
        th_buf_puts(out, ")");
}

void text_peer(struct th_buf *out, const struct th_peer *p)
{
    char text[TH_ADDR_TEXT_LEN];
    if (p->host.len) {
        text_plain(out, p->host);
    } else if (p->domain.len) {
        text_plain(out, p->domain);
    } else if (p->has_addr) {
        th_buf_put(out, text, th_addr_format(&p->addr, text));
    } else {
        th_buf_puts(out, "an unknown host");
    }
}
