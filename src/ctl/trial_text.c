/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"
#include "trial.h"
#include "words.h"

enum { MAX_BUILT_IN = 40, MAX_DAYS_TOLD = 31 };

static void bold(struct th_buf *out, bool colour, const char *text)
{
    th_buf_printf(out, "%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

static void put_span(const struct trial *t, struct th_buf *out)
{
    const struct find_summary *s = &t->findings->summary;
    if (t->day_count == 0) {
        th_buf_puts(out, "No events lie in the time that was asked for.\n");
        return;
    }
    words_time(out, t->span.from_ns, true);
    th_buf_puts(out, " to ");
    words_time(out, t->span.to_ns - 1, true);
    th_buf_puts(out, " UTC: ");
    words_count(out, s->devices);
    th_buf_puts(out, s->devices == 1 ? " device, " : " devices, ");
    words_count(out, s->events);
    th_buf_puts(out, s->events == 1 ? " event read.\n" : " events read.\n");
    th_buf_puts(out, "A budget of ");
    words_short(out, s->budget_per_day);
    th_buf_printf(out, " alerts a day sets the threshold to %.1f;\n", s->threshold);
    th_buf_puts(out, words_calibration(s->calibration));
    th_buf_puts(out, ".\n");
}

static void put_head(struct th_buf *out)
{
    th_buf_printf(
        out, "  %-40s %8s %7s %7s %6s %5s\n", "", "breaches", "a day", "devices", "alerts", "best");
}

static void put_row(const struct trial *t, const struct trial_model *m, struct th_buf *out)
{
    TH_AUTOBUF struct th_buf id = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf rate = TH_BUF_INIT;
    words_clean(&id, m->id);
    words_short(&rate, (double)m->breaches / t->days);
    th_buf_printf(out, "  %-40.*s %8zu %7.*s %7zu %6zu", (int)id.len, (const char *)id.p,
        m->breaches, (int)rate.len, (const char *)rate.p, m->devices, m->alerts);
    if (m->breaches)
        th_buf_printf(out, " %5.1f", m->best);
    th_buf_puts(out, "\n");
}

/* "by day: 5 Jan 3, 6 Jan 0" */
static void put_days(const struct trial *t, const struct trial_model *m, struct th_buf *out)
{
    if (t->day_count < 2 || t->day_count > MAX_DAYS_TOLD || m->breaches == 0)
        return;
    th_buf_puts(out, "    by day from ");
    TH_AUTOBUF struct th_buf day = TH_BUF_INIT;
    words_time(&day, t->first_day_ns, false); /* "Mon 5 Jan 00:00" */
    th_buf_put(out, day.p, day.len > 6 ? day.len - 6 : day.len);
    th_buf_puts(out, " on:");
    for (size_t i = 0; i < t->day_count; i++)
        th_buf_printf(out, " %u", m->per_day[i]);
    th_buf_puts(out, "\n");
}

static void put_strongest(const struct trial *t, struct th_buf *out)
{
    for (size_t i = 0; i < t->strongest_count; i++) {
        const struct find_breach *b = t->strongest[i];
        bool alert = b->score >= t->findings->summary.threshold;
        th_buf_printf(out, "%3.0f  ", b->score);
        words_time(out, b->time_ns, false);
        th_buf_puts(out, "  ");
        words_clean(out, find_device_label(&b->device));
        if (b->device.hostname.len && b->device.ip.len) {
            th_buf_puts(out, " (");
            words_clean(out, b->device.ip);
            th_buf_puts(out, ")");
        }
        if (b->peer.len) {
            th_buf_puts(out, " > ");
            words_clean(out, b->peer);
        }
        th_buf_puts(out, alert ? "  alert\n     " : "\n     ");
        words_clean(out, b->model);
        if (b->evidence_count) {
            th_buf_puts(out, ": ");
            words_clean(out, b->evidence[0].sentence);
        }
        th_buf_puts(out, "\n");
    }
}

void trial_text(const struct trial *t, bool colour, struct th_buf *out)
{
    put_span(t, out);
    th_buf_puts(out, "\n");
    bold(out, colour, "On trial");
    put_head(out);
    for (size_t i = 0; i < t->trial_count; i++) {
        put_row(t, &t->models[i], out);
        put_days(t, &t->models[i], out);
    }
    th_buf_puts(out, "\n");
    if (t->strongest_count) {
        bold(out, colour, "The strongest of what they would have told");
        th_buf_puts(out, "\n");
        put_strongest(t, out);
        th_buf_puts(out, "\n");
    }
    bold(out, colour, "Beside them, the models that are there");
    if (t->model_count == t->trial_count)
        th_buf_puts(out, "  told nothing\n");
    else
        put_head(out);
    for (size_t i = t->trial_count; i < t->model_count && i - t->trial_count < MAX_BUILT_IN; i++)
        put_row(t, &t->models[i], out);
    if (t->findings->breaches_left_out)
        th_buf_printf(out, "\nThe %zu weakest breaches of all models are not counted.\n",
            t->findings->breaches_left_out);
    report_unread(t->findings, out);
}
