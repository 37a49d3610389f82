/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "words.h"

enum {
    INDENT = 5,
    MAX_ALERTS = 40,  /* told in full */
    MAX_QUIET = 10,   /* told in a line */
    MAX_EVIDENCE = 5, /* sentences of an incident */
    MAX_ERRORS = 20,
    MAX_STORY = 1200, /* bytes of an incident's story */
    MAX_PHASE = 420   /* and of one phase in it */
};

struct text {
    struct th_buf *out;
    bool colour;
};

static void style(struct text *t, const char *code)
{
    if (t->colour)
        th_buf_printf(t->out, "\033[%sm", code);
}

static void put(struct text *t, const char *s)
{
    th_buf_puts(t->out, s);
}

static void put_wrapped_buf(struct text *t, struct th_buf *b, size_t indent)
{
    words_wrapped(t->out, th_buf_view(b), indent);
    th_buf_clear(b);
}

/* ---- incidents ---- */

static const char *score_colour(double score)
{
    return score >= 75 ? "1;31" : score >= 50 ? "1;33" : "36";
}

static void put_devices(struct text *t, const struct find_incident *in)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    for (uint32_t i = 0; i < in->device_count && i < 6; i++) {
        const struct find_device *d = &in->devices[i];
        th_buf_puts(&line, i ? ", " : "");
        words_clean(&line, find_device_label(d));
        if (d->hostname.len && d->ip.len) {
            th_buf_puts(&line, " (");
            words_clean(&line, d->ip);
            th_buf_puts(&line, ")");
        }
    }
    if (in->device_count > 6)
        th_buf_printf(&line, " and %u more", in->device_count - 6);
    if (line.len) {
        th_buf_printf(t->out, "%*s", INDENT, "");
        put_wrapped_buf(t, &line, INDENT);
    }
}

static int best_breach(const void *a, const void *b)
{
    const struct find_breach *x = *(struct find_breach *const *)a;
    const struct find_breach *y = *(struct find_breach *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* The first evidence of each model, strongest breach first: others repeat it for other hours. */
static void put_evidence(struct text *t, const struct find_incident *in)
{
    struct th_str told[MAX_EVIDENCE];
    unsigned n = 0;
    TH_AUTOFREE struct find_breach **order = th_xcalloc(in->breach_count + 1, sizeof(*order));
    memcpy(order, in->breaches, in->breach_count * sizeof(*order));
    qsort(order, in->breach_count, sizeof(*order), best_breach);
    for (uint32_t i = 0; i < in->breach_count && n < MAX_EVIDENCE; i++) {
        const struct find_breach *b = order[i];
        bool known = b->evidence_count == 0;
        for (unsigned k = 0; k < n; k++)
            known |= th_str_eq(told[k], b->model);
        if (known)
            continue;
        told[n++] = b->model;
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        words_time(&line, b->start_ns, false);
        th_buf_puts(&line, "  ");
        words_clean(&line, b->evidence[0].sentence);
        th_buf_printf(t->out, "%*s- ", INDENT, "");
        put_wrapped_buf(t, &line, INDENT + 2);
    }
}

/* The story, phase by phase, each by its first sentences; false when it has no phases. */
static bool put_story(struct text *t, struct th_str story)
{
    struct words_phase ph;
    size_t room = MAX_STORY;
    bool cut = false;
    bool phases = false;
    while (words_phase(&story, &ph)) {
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        bool part = false;
        phases |= ph.label.len > 0;
        if (room == 0) {
            cut = true;
            break;
        }
        ph.text = words_beginning(ph.text, (uint32_t)TH_MIN(room, (size_t)MAX_PHASE), &part);
        room -= TH_MIN(room, (size_t)ph.text.len);
        cut |= part;
        th_buf_printf(t->out, "%*s", INDENT, "");
        words_clean(&line, ph.label);
        th_buf_puts(&line, ph.label.len ? ": " : "");
        words_clean(&line, ph.text);
        put_wrapped_buf(t, &line, INDENT);
    }
    if (cut)
        th_buf_printf(t->out, "%*s(more in --html and --json)\n", INDENT, "");
    return phases;
}

static void put_incident(struct text *t, const struct find_incident *in)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    style(t, score_colour(in->score));
    th_buf_printf(t->out, "%3.0f", in->score);
    style(t, "0");
    put(t, "  ");
    style(t, "1");
    words_wrapped(t->out, in->title, INDENT);
    style(t, "0");
    style(t, "2");
    words_span(&line, in->start_ns, in->end_ns);
    th_buf_printf(t->out, "%*s", INDENT, "");
    put_wrapped_buf(t, &line, INDENT);
    put_devices(t, in);
    style(t, "0");
    if (in->summary.len)
        put(t, "\n");
    if (!put_story(t, in->summary)) { /* phases hold the evidence already */
        put(t, in->breach_count ? "\n" : "");
        put_evidence(t, in);
    }
    put(t, "\n");
}

static void put_groups(struct text *t, const struct findings *f)
{
    for (size_t i = 0; i < f->group_count && i < MAX_QUIET; i++) {
        const struct find_group *g = &f->groups[i];
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        if (i == 0) {
            style(t, "1");
            put(t, "Group events\n\n");
            style(t, "0");
        }
        th_buf_printf(t->out, "%3.0f  ", g->score);
        words_span(&line, g->start_ns, g->end_ns);
        th_buf_puts(&line, g->alert ? ", alert: " : ": ");
        words_clean(&line, g->sentence);
        if (g->breach_count)
            th_buf_printf(&line, "; %u %s part of it", g->breach_count,
                g->breach_count == 1 ? "breach is" : "breaches are");
        put_wrapped_buf(t, &line, INDENT);
    }
    if (f->group_count > MAX_QUIET)
        th_buf_printf(t->out, "     and %zu more\n", f->group_count - MAX_QUIET);
    if (f->group_count)
        put(t, "\n");
}

static void put_quiet(struct text *t, const struct findings *f)
{
    size_t shown = 0;
    size_t all = 0;
    for (size_t i = 0; i < f->incident_count; i++) {
        const struct find_incident *in = &f->incidents[i];
        if (in->alert || all++ >= MAX_QUIET)
            continue;
        if (shown++ == 0) {
            style(t, "1");
            put(t, "Below the alert budget\n\n");
            style(t, "0");
        }
        th_buf_printf(t->out, "%3.0f  ", in->score);
        words_wrapped(t->out, in->title, INDENT);
    }
    if (all > shown)
        th_buf_printf(t->out, "     and %zu more\n", all - shown);
    if (shown)
        put(t, "\n");
}

/* ---- summary ---- */

static void row(struct text *t, const char *name, struct th_buf *value)
{
    style(t, "2");
    th_buf_printf(t->out, "  %-13s", name);
    style(t, "0");
    put_wrapped_buf(t, value, 15);
}

static void put_input_rows(struct text *t, const struct find_summary *s)
{
    TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
    if (s->start_ns != TH_TIME_UNSET) {
        words_time(&v, s->start_ns, true);
        th_buf_puts(&v, " to ");
        words_time(&v, s->end_ns, true);
        th_buf_puts(&v, " UTC, ");
        words_hours(&v, s->hours);
        row(t, "Period", &v);
    }
    words_count(&v, s->inputs);
    th_buf_puts(&v, s->inputs == 1 ? " file, " : " files, ");
    words_count(&v, s->events);
    th_buf_puts(&v, " events");
    if (s->packets > 0) {
        th_buf_puts(&v, ", ");
        words_count(&v, s->packets);
        th_buf_puts(&v, " packets");
    }
    if (s->late_events > 0) {
        th_buf_puts(&v, "; ");
        words_count(&v, s->late_events);
        th_buf_puts(&v, " events were late and were used all the same");
    }
    row(t, "Input", &v);
    words_count(&v, s->devices);
    th_buf_puts(&v, " devices, ");
    words_count(&v, s->device_hours);
    th_buf_puts(&v, " device-hours");
    for (uint32_t i = 0; i < s->network_count; i++) {
        th_buf_puts(&v, i ? ", " : ", inside: ");
        words_clean(&v, s->networks[i]);
    }
    row(t, "Network", &v);
}

static void put_summary(struct text *t, const struct findings *f)
{
    const struct find_summary *s = &f->summary;
    TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
    style(t, "1");
    put(t, "Summary\n\n");
    style(t, "0");
    put_input_rows(t, s);
    words_count(&v, s->breaches);
    th_buf_puts(&v, s->breaches == 1 ? " breach in " : " breaches in ");
    words_count(&v, s->incidents);
    th_buf_puts(&v, s->incidents == 1 ? " incident" : " incidents");
    row(t, "Findings", &v);
    words_count(&v, s->alerts);
    th_buf_puts(&v, ", ");
    words_short(&v, s->achieved_per_day);
    th_buf_puts(&v, " a day; the budget is ");
    words_short(&v, s->budget_per_day);
    th_buf_printf(&v, " a day, which sets the threshold to %.1f", s->threshold);
    row(t, "Alerts", &v);
    th_buf_puts(&v, words_calibration(s->calibration));
    th_buf_puts(&v, " (");
    words_count(&v, s->pooled_device_hours);
    th_buf_puts(&v, " device-hours)");
    row(t, "Calibration", &v);
    if (f->error_count)
        put(t, "\n");
}

static void put_errors(struct text *t, const struct findings *f)
{
    if (f->error_count == 0)
        return;
    style(t, "1;33");
    th_buf_printf(t->out, "Not, or not wholly, read: %zu\n\n", f->error_count);
    style(t, "0");
    for (size_t i = 0; i < f->error_count && i < MAX_ERRORS; i++) {
        TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
        words_clean(&v, f->errors[i].input);
        th_buf_puts(&v, ": ");
        words_clean(&v, f->errors[i].message.len ? f->errors[i].message : f->errors[i].status);
        put(t, "  ");
        put_wrapped_buf(t, &v, 4);
    }
    if (f->error_count > MAX_ERRORS)
        th_buf_printf(t->out, "  and %zu more\n", f->error_count - MAX_ERRORS);
}

void report_unread(const struct findings *f, struct th_buf *out)
{
    for (size_t i = 0; i < f->error_count && i < MAX_ERRORS; i++) {
        th_buf_puts(out, i ? "  " : "\nNot, or not wholly, read:\n  ");
        words_clean(out, f->errors[i].input);
        th_buf_puts(out, ": ");
        words_clean(out, f->errors[i].message.len ? f->errors[i].message : f->errors[i].status);
        th_buf_puts(out, "\n");
    }
    if (f->error_count > MAX_ERRORS)
        th_buf_printf(out, "  and %zu more\n", f->error_count - MAX_ERRORS);
}

/* ---- the whole ---- */

static void put_headline(struct text *t, const struct findings *f)
{
    const struct find_summary *s = &f->summary;
    TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
    style(t, "1");
    if (s->events == 0) {
        th_buf_puts(&v, "Nothing could be analysed: the input holds no events.");
    } else {
        if (s->alerts == 0)
            th_buf_puts(&v, "Nothing stood out");
        else
            th_buf_printf(&v, "%.0f %s", s->alerts, s->alerts == 1 ? "alert" : "alerts");
        th_buf_puts(&v, " in ");
        words_hours(&v, s->hours);
        th_buf_puts(&v, " of ");
        words_count(&v, s->devices);
        th_buf_puts(&v, s->devices == 1 ? " device." : " devices.");
    }
    put_wrapped_buf(t, &v, 0);
    style(t, "0");
    put(t, "\n");
}

void report_text(const struct findings *f, bool colour, struct th_buf *out)
{
    struct text t = {.out = out, .colour = colour};
    size_t alerts = 0;
    put_headline(&t, f);
    for (size_t i = 0; i < f->incident_count; i++)
        if (f->incidents[i].alert && alerts++ < MAX_ALERTS)
            put_incident(&t, &f->incidents[i]);
    if (alerts > MAX_ALERTS)
        th_buf_printf(out, "     and %zu more alerts; --html or --json has them all\n\n",
            alerts - MAX_ALERTS);
    put_groups(&t, f);
    put_quiet(&t, f);
    put_summary(&t, f);
    put_errors(&t, f);
}
