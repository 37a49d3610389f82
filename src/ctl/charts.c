/* SPDX-License-Identifier: Apache-2.0 */
#include "charts.h"

#include <math.h>

#include "words.h"

enum { MAX_ROWS = 18, MAX_MARKS = 4000, MAX_BARS = 168 };

unsigned chart_severity(double score)
{
    return score >= 75 ? 4 : score >= 50 ? 3 : score >= 25 ? 2 : 1;
}

static void begin(struct th_buf *out, const char *id, double w, double h, const char *title)
{
    th_buf_printf(out,
        "<svg class=\"chart %s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-t "
        "%s-d\">"
        "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">",
        id, w, h, id, id, id, title, id);
}

static void text(struct th_buf *out, double x, double y, const char *class, const char *s)
{
    th_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>", x, y, class, s);
}

static void line(struct th_buf *out, double x1, double y1, double x2, double y2, const char *class)
{
    th_buf_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>", x1,
        y1, x2, y2, class);
}

static void rect(struct th_buf *out, double x, double y, double w, double h, const char *class)
{
    th_buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"", x,
        y, fmax(w, 0), fmax(h, 0), class);
}

/* ---- the time axis ---- */

struct time_axis {
    int64_t from, to;
    double x, width;
};

static double at_time(const struct time_axis *a, int64_t t)
{
    double span = (double)th_time_sub(a->to, a->from);
    double part = span > 0 ? (double)th_time_sub(t, a->from) / span : 0.5;
    return a->x + a->width * fmin(fmax(part, 0), 1);
}

/* Hours between ticks so that there are at most `most`. */
static int64_t tick_hours(const struct time_axis *a, unsigned most)
{
    static const int64_t steps[] = {1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 2160};
    double hours = (double)th_time_sub(a->to, a->from) / (double)TH_NS_PER_HOUR;
    for (size_t i = 0; i < TH_ARRAY_LEN(steps); i++)
        if (hours / (double)steps[i] <= most)
            return steps[i];
    return (int64_t)(hours / most) + 1;
}

static void put_time_ticks(
    struct th_buf *out, const struct time_axis *a, double top, double bottom, unsigned most)
{
    int64_t step = tick_hours(a, most) * TH_NS_PER_HOUR;
    int64_t t = th_time_floor(a->from, step);
    for (unsigned n = 0; n <= most + 2 && t <= a->to; n++, t = th_time_add(t, step)) {
        if (t < a->from)
            continue;
        TH_AUTOBUF struct th_buf label = TH_BUF_INIT;
        bool midnight = th_time_floor(t, TH_NS_PER_DAY) == t;
        words_time(&label, t, false);
        th_buf_u8(&label, 0);
        /* "Mon 5 Jan 09:00": the day at midnight, the hour else. */
        char *space = strrchr((char *)label.p, ' ');
        const char *shown = space && !midnight ? space + 1 : (const char *)label.p;
        if (space && midnight)
            *space = 0;
        line(out, at_time(a, t), top, at_time(a, t), bottom, midnight ? "grid day" : "grid");
        text(out, at_time(a, t), bottom + 16, "tick mid", shown);
    }
}

/* The span of all that is to be drawn, whole hours. */
static struct time_axis axis_of(const struct findings *f, double x, double width)
{
    struct time_axis a = {
        .from = f->summary.start_ns, .to = f->summary.end_ns, .x = x, .width = width};
    for (size_t i = 0; i < f->breach_count; i++) {
        const struct find_breach *b = &f->breaches[i];
        if (b->time_ns == TH_TIME_UNSET)
            continue;
        a.from = a.from == TH_TIME_UNSET ? b->time_ns : TH_MIN(a.from, b->time_ns);
        a.to = a.to == TH_TIME_UNSET ? b->time_ns : TH_MAX(a.to, b->time_ns);
    }
    if (a.from == TH_TIME_UNSET || a.to == TH_TIME_UNSET)
        a.from = a.to = 0;
    a.from = th_time_floor(a.from, TH_NS_PER_HOUR);
    a.to = th_time_add(th_time_floor(a.to, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
    return a;
}

/* ---- timeline ---- */

struct device_row {
    const struct find_device *device;
    double best;
    unsigned breaches;
};

static int by_id(const void *a, const void *b)
{
    const struct device_row *x = a;
    const struct device_row *y = b;
    return th_str_cmp(x->device->id, y->device->id);
}

static int by_best(const void *a, const void *b)
{
    const struct device_row *x = a;
    const struct device_row *y = b;
    if (x->best != y->best)
        return x->best > y->best ? -1 : 1;
    return th_str_cmp(x->device->id, y->device->id);
}

/* Devices with breaches, strongest first; the caller frees *ret. */
static size_t device_rows(const struct findings *f, struct device_row **ret)
{
    struct device_row *rows = th_xcalloc(f->breach_count + 1, sizeof(*rows));
    size_t n = 0;
    for (size_t i = 0; i < f->breach_count; i++)
        rows[i] = (struct device_row){&f->breaches[i].device, f->breaches[i].score, 1};
    qsort(rows, f->breach_count, sizeof(*rows), by_id);
    for (size_t i = 0; i < f->breach_count; i++) {
        if (n == 0 || !th_str_eq(rows[n - 1].device->id, rows[i].device->id)) {
            rows[n++] = rows[i];
            continue;
        }
        rows[n - 1].best = fmax(rows[n - 1].best, rows[i].best);
        rows[n - 1].breaches++;
    }
    qsort(rows, n, sizeof(*rows), by_best);
    *ret = rows;
    return n;
}

static const double row_height = 24;
static const double label_width = 190;
static const double timeline_width = 1000;

/* At most `most` characters of a device's name, escaped. */
static void put_label(struct th_buf *out, const struct find_device *d, uint32_t most)
{
    struct th_str s = find_device_label(d);
    if (s.len > most) {
        words_html(out, th_str_n(s.p, most - 1));
        th_buf_puts(out, "\xe2\x80\xa6");
    } else {
        words_html(out, s);
    }
}

/* Where an alert touches a device: from its first to its last breach there. */
static void put_band(struct th_buf *out, const struct find_incident *in, const struct time_axis *a,
    const struct device_row *row, double y)
{
    int64_t from = INT64_MAX;
    int64_t to = INT64_MIN;
    for (uint32_t i = 0; i < in->breach_count; i++) {
        const struct find_breach *b = in->breaches[i];
        if (!th_str_eq(b->device.id, row->device->id))
            continue;
        from = TH_MIN(from, b->time_ns);
        to = TH_MAX(to, b->time_ns);
    }
    if (from > to)
        return;
    char class[16];
    double x = at_time(a, from) - 9;
    snprintf(class, sizeof(class), "band s%u", chart_severity(in->score));
    rect(out, x, y - 9, at_time(a, to) + 9 - x, 18, class);
    th_buf_puts(out, " rx=\"9\"/>");
}

static void put_row(struct th_buf *out, const struct findings *f, const struct time_axis *a,
    const struct device_row *row, double y)
{
    line(out, label_width, y, timeline_width, y, "row");
    th_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"name\">", label_width - 12, y + 4);
    put_label(out, row->device, 26);
    th_buf_puts(out, "</text>");
    for (size_t i = 0; i < f->incident_count; i++)
        if (f->incidents[i].alert)
            put_band(out, &f->incidents[i], a, row, y);
}

static void put_marks(struct th_buf *out, const struct findings *f, const struct time_axis *a,
    const struct device_row *row, double y)
{
    unsigned n = 0;
    for (size_t i = 0; i < f->breach_count && n < MAX_MARKS; i++) {
        const struct find_breach *b = &f->breaches[i];
        if (!th_str_eq(b->device.id, row->device->id))
            continue;
        n++;
        th_buf_printf(out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"mark s%u%s\"><title>",
            at_time(a, b->time_ns), y, 2.5 + 4.5 * fmin(fmax(b->score, 0), 100) / 100,
            chart_severity(b->score), b->score < f->summary.threshold ? " below" : "");
        words_time(out, b->start_ns != TH_TIME_UNSET ? b->start_ns : b->time_ns, false);
        th_buf_puts(out, ": ");
        words_html(out, b->name);
        th_buf_printf(out, ", score %.0f</title></circle>", b->score);
    }
}

void chart_timeline(const struct findings *f, struct th_buf *out)
{
    TH_AUTOFREE struct device_row *rows = NULL;
    size_t all = device_rows(f, &rows);
    size_t n = TH_MIN(all, (size_t)MAX_ROWS);
    if (n == 0)
        return;
    struct time_axis a = axis_of(f, label_width + 10, timeline_width - label_width - 40);
    double bottom = 12 + row_height * (double)n;
    begin(out, "timeline", timeline_width, bottom + 28, "Breaches by device over time");
    th_buf_printf(out, "%zu devices with breaches, %zu shown, strongest first.", all, n);
    for (size_t i = 0; i < TH_MIN(n, (size_t)5); i++) {
        th_buf_puts(out, " ");
        words_html(out, find_device_label(rows[i].device));
        th_buf_printf(out, ": %u, best score %.0f.", rows[i].breaches, rows[i].best);
    }
    th_buf_puts(out, "</desc>");
    put_time_ticks(out, &a, 4, bottom, 12);
    for (size_t i = 0; i < n; i++)
        put_row(out, f, &a, &rows[i], 12 + row_height * ((double)i + 0.5));
    for (size_t i = 0; i < n; i++)
        put_marks(out, f, &a, &rows[i], 12 + row_height * ((double)i + 0.5));
    th_buf_puts(out, "</svg>");
}

/* ---- bars ---- */

static const double bars_width = 480;
static const double bars_height = 200;
static const double bars_left = 46;
static const double bars_top = 18; /* room for the threshold's label */
static const double bars_bottom = 168;

/* A round number at or above v: 1, 2 or 5 times a power of ten. */
static double round_up(double v)
{
    double unit = pow(10, floor(log10(fmax(v, 1))));
    double m = v / unit;
    return unit * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

static void put_value_axis(struct th_buf *out, double top_value)
{
    for (int i = 0; i <= 2; i++) {
        double y = bars_bottom - (bars_bottom - bars_top) * i / 2;
        TH_AUTOBUF struct th_buf label = TH_BUF_INIT;
        double v = top_value * i / 2;
        if (v >= 1e6)
            th_buf_printf(&label, "%gM", v / 1e6);
        else if (v >= 1e4)
            th_buf_printf(&label, "%gk", v / 1e3);
        else
            words_short(&label, v);
        th_buf_u8(&label, 0);
        line(out, bars_left, y, bars_width - 20, y, i == 0 ? "base" : "grid");
        text(out, bars_left - 8, y + 4, "tick end", (const char *)label.p);
    }
}

void chart_scores(const struct findings *f, struct th_buf *out)
{
    enum { BINS = 20 };
    double bins[BINS] = {0};
    double most = 1;
    for (size_t i = 0; i < f->breach_count; i++) {
        double s = fmin(fmax(f->breaches[i].score, 0), 99.9);
        most = fmax(most, ++bins[(int)(s / 5)]);
    }
    double top = round_up(most);
    double width = bars_width - bars_left - 24;
    double each = width / BINS;
    begin(out, "scores", bars_width, bars_height, "How many breaches have which score");
    th_buf_printf(out,
        "%zu breaches in steps of 5 points; the threshold of the alert budget is %.1f.",
        f->breach_count, f->summary.threshold);
    th_buf_puts(out, "</desc>");
    put_value_axis(out, top);
    for (int i = 0; i < BINS; i++) {
        char class[16];
        double h = (bars_bottom - bars_top) * bins[i] / top;
        if (bins[i] == 0)
            continue;
        snprintf(class, sizeof(class), "bar s%u", chart_severity(i * 5.0));
        rect(out, bars_left + i * each + 1.5, bars_bottom - h, each - 3, h, class);
        th_buf_printf(
            out, "><title>score %d to %d: %.0f</title></rect>", i * 5, i * 5 + 5, bins[i]);
    }
    for (int i = 0; i <= 4; i++) {
        char label[8];
        snprintf(label, sizeof(label), "%d", i * 25);
        text(out, bars_left + width * i / 4, bars_bottom + 18, "tick mid", label);
    }
    double x = bars_left + width * fmin(fmax(f->summary.threshold, 0), 100) / 100;
    line(out, x, bars_top - 8, x, bars_bottom, "threshold");
    text(out, x + (x > bars_width - 90 ? -5 : 5), bars_top,
        x > bars_width - 90 ? "note end" : "note", "threshold");
    th_buf_puts(out, "</svg>");
}

void chart_hours(const struct findings *f, struct th_buf *out)
{
    const struct find_summary *s = &f->summary;
    double bars[MAX_BARS] = {0};
    double most = 1;
    if (s->hour_count < 2)
        return;
    struct time_axis a = {.from = s->hours_list[0].time_ns,
        .to = th_time_add(s->hours_list[s->hour_count - 1].time_ns, TH_NS_PER_HOUR),
        .x = bars_left,
        .width = bars_width - bars_left - 24};
    double hours = fmax((double)th_time_sub(a.to, a.from) / (double)TH_NS_PER_HOUR, 1);
    unsigned count = (unsigned)fmin(hours, MAX_BARS);
    for (uint32_t i = 0; i < s->hour_count; i++) {
        double part = (double)th_time_sub(s->hours_list[i].time_ns, a.from) /
            fmax((double)th_time_sub(a.to, a.from), 1);
        unsigned bar = (unsigned)(fmin(fmax(part, 0), 0.999999) * count);
        bars[bar] += fmax(s->hours_list[i].count, 0) * count / hours;
        most = fmax(most, bars[bar]);
    }
    double top = round_up(most);
    begin(out, "hours", bars_width, bars_height, "Events an hour");
    th_buf_printf(out, "At most about %.0f events an hour.</desc>", most);
    put_value_axis(out, top);
    double each = a.width / count;
    double gap = each > 4 ? 1 : 0.2;
    for (unsigned i = 0; i < count; i++) {
        double h = (bars_bottom - bars_top) * bars[i] / top;
        rect(out, bars_left + i * each + gap / 2, bars_bottom - h, each - gap, h, "bar flow");
        th_buf_puts(out, "/>");
    }
    put_time_ticks(out, &a, bars_bottom, bars_bottom + 2, 6);
    th_buf_puts(out, "</svg>");
}

/* ---- evidence ---- */

bool chart_evidence(const struct find_evidence *e, double score, struct th_buf *out)
{
    const double left = 8;
    const double width = 304;
    double usual_high = fmax(e->high, e->expected);
    if (!(usual_high > 0) || !(e->observed > usual_high))
        return false;
    /* Below a tenth of the smallest amount shown there is "none". */
    double least = fmin(usual_high, e->observed);
    if (e->expected > 0)
        least = fmin(least, e->expected);
    double from = floor(log10(least)) - 1;
    double to = fmax(ceil(log10(fmax(e->observed, usual_high))), from + 1);
#define AT(v) (left + width * fmin(fmax((log10(fmax(v, 1e-300)) - from) / (to - from), 0), 1))
    th_buf_puts(out, "<svg class=\"range\" viewBox=\"0 0 320 26\" aria-hidden=\"true\">");
    line(out, left, 13, left + width, 13, "axis");
    int decades = (int)(to - from);
    for (int d = 0; d <= decades; d += decades / 16 + 1)
        line(out, left + width * d / decades, 10, left + width * d / decades, 16, "axis");
    double low = e->low > 0 ? AT(e->low) : left;
    rect(out, low, 8, fmax(AT(usual_high) - low, 2), 10, "usual");
    th_buf_puts(out, " rx=\"3\"/>");
    if (e->expected > 0)
        line(out, AT(e->expected), 5, AT(e->expected), 21, "expected");
    th_buf_printf(out, "<circle cx=\"%.1f\" cy=\"13\" r=\"6\" class=\"mark s%u\"/></svg>",
        AT(e->observed), chart_severity(score));
#undef AT
    return true;
}
