/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "charts.h"
#include "crypto/hash.h"
#include "report.h"
#include "report_css.h"
#include "words.h"

enum {
    MAX_ALERTS = 200,
    MAX_QUIET = 500,
    MAX_MODELS = 12,
    MAX_ROWS = 300,
    MAX_SHOWN_DEVICES = 6,
    MAX_PHASE = 400
};

static void put(struct th_buf *out, const char *s)
{
    th_buf_puts(out, s);
}

/* ---- head ---- */

/* Base 64 (RFC 4648, 4). */
static void put_base64(struct th_buf *out, const uint8_t *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        v |= i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0;
        v |= i + 2 < len ? p[i + 2] : 0;
        th_buf_u8(out, (uint8_t)digits[v >> 18]);
        th_buf_u8(out, (uint8_t)digits[v >> 12 & 63]);
        th_buf_u8(out, i + 1 < len ? (uint8_t)digits[v >> 6 & 63] : '=');
        th_buf_u8(out, i + 2 < len ? (uint8_t)digits[v & 63] : '=');
    }
}

/* Nothing is allowed but the one style sheet, by its hash: whatever a name in the findings could
 * smuggle past the escaping would not run, load or look like ours. */
static void put_head(struct th_buf *out)
{
    uint8_t digest[TH_SHA256_LEN];
    th_sha256(report_css, sizeof(report_css) - 1, digest);
    put(out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "base-uri 'none'; form-action 'none'; style-src 'sha256-");
    put_base64(out, digest, sizeof(digest));
    put(out,
        "'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" "
        "content=\"noindex\">\n<title>Thymus report</title>\n<style>");
    put(out, report_css);
    put(out, "</style></head>\n<body>\n");
}

static void put_mark(struct th_buf *out)
{
    put(out,
        "<svg class=\"logo\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">"
        "<path d=\"M15 4C9 5 5 11 5 17c0 6 4 11 10 11z\"/>"
        "<path d=\"M17 4c6 1 10 7 10 13 0 6-4 11-10 11z\"/></svg>");
}

static void figure(struct th_buf *out, const char *name, struct th_buf *value, const char *note)
{
    th_buf_printf(out, "<div><dt>%s</dt><dd><b>", name);
    th_buf_str(out, th_buf_view(value));
    th_buf_printf(out, "</b> <span>%s</span></dd></div>", note);
    th_buf_clear(value);
}

static void put_figures(struct th_buf *out, const struct find_summary *s)
{
    TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
    char note[96];
    put(out, "<dl class=\"figures\">");
    words_count(&v, s->alerts);
    snprintf(
        note, sizeof(note), "%.2g a day of %.4g allowed", s->achieved_per_day, s->budget_per_day);
    figure(out, "Alerts", &v, note);
    words_count(&v, s->incidents);
    snprintf(note, sizeof(note), "out of %.0f %s", s->breaches,
        s->breaches == 1 ? "breach" : "breaches");
    figure(out, "Incidents", &v, note);
    th_buf_printf(&v, "%.0f", s->threshold);
    figure(out, "Threshold", &v, "score of an alert, 0 to 100");
    words_count(&v, s->devices);
    TH_AUTOBUF struct th_buf hours = TH_BUF_INIT;
    words_count(&hours, s->device_hours);
    snprintf(note, sizeof(note), "%.*s device-hours", (int)hours.len, (const char *)hours.p);
    figure(out, "Devices", &v, note);
    words_count(&v, s->events);
    snprintf(note, sizeof(note), "in %.0f %s", s->inputs, s->inputs == 1 ? "file" : "files");
    figure(out, "Events", &v, note);
    put(out, "</dl>\n");
}

static void put_top(struct th_buf *out, const struct findings *f)
{
    const struct find_summary *s = &f->summary;
    put(out, "<header class=\"top\"><p class=\"brand\">");
    put_mark(out);
    put(out, "Thymus <span>network report</span></p>\n<h1>");
    if (s->events == 0)
        put(out, "The input holds no events");
    else if (s->alerts == 0)
        put(out, "Nothing stood out");
    else
        th_buf_printf(out, "%.0f %s", s->alerts, s->alerts == 1 ? "alert" : "alerts");
    if (s->events > 0) {
        put(out, " in ");
        words_hours(out, s->hours);
        put(out, " of ");
        words_count(out, s->devices);
        put(out, s->devices == 1 ? " device" : " devices");
    }
    put(out, "</h1>\n");
    if (s->start_ns != TH_TIME_UNSET) {
        put(out, "<p class=\"period\">");
        words_time(out, s->start_ns, true);
        put(out, " to ");
        words_time(out, s->end_ns, true);
        put(out, " UTC</p>\n");
    }
    if (s->unread > 0) {
        th_buf_printf(out,
            "<p class=\"warn\"><a href=\"#input\">%.0f of the inputs</a> could not be "
            "read, or not wholly.</p>\n",
            s->unread);
    }
    put_figures(out, s);
    put(out, "</header>\n");
}

/* ---- an incident ---- */

/* The breaches of one model in an incident. */
struct told_model {
    const struct find_breach *best, *first;
    unsigned count;
};

static int strongest(const void *a, const void *b)
{
    const struct told_model *x = a;
    const struct told_model *y = b;
    if (x->best->score != y->best->score)
        return x->best->score > y->best->score ? -1 : 1;
    return x->first->time_ns < y->first->time_ns ? -1 : x->first->time_ns > y->first->time_ns;
}

static unsigned models_of(const struct find_incident *in, struct told_model told[MAX_MODELS])
{
    unsigned n = 0;
    for (uint32_t i = 0; i < in->breach_count; i++) {
        const struct find_breach *b = in->breaches[i];
        unsigned k = 0;
        while (k < n && !th_str_eq(told[k].best->model, b->model))
            k++;
        if (k == MAX_MODELS)
            continue;
        if (k == n)
            told[n++] = (struct told_model){.best = b, .first = b};
        told[k].count++;
        if (b->score > told[k].best->score)
            told[k].best = b;
    }
    qsort(told, n, sizeof(*told), strongest);
    return n;
}

/* How rare: "1 in 25,000" device-hours. */
static void put_rarity(struct th_buf *out, double p)
{
    if (!(p > 0) || p > 0.05) /* not rare at all */
        return;
    double n = 1 / p;
    double unit = pow(10, floor(log10(n)) - 1);
    put(out, " <span class=\"rare\">1 in ");
    if (n < 1e9)
        words_count(out, round(n / unit) * unit);
    else
        th_buf_printf(out, "10<sup>%.0f</sup>", floor(log10(n)));
    put(out, "</span>");
}

static void put_evidence(struct th_buf *out, const struct find_evidence *e, double score)
{
    put(out, "<li><p>");
    words_html(out, e->sentence.len ? e->sentence : e->feature);
    put_rarity(out, e->p);
    put(out, "</p>");
    if (chart_evidence(e, score, out)) {
        TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
        put(out, "<p class=\"scale\"><b>");
        words_amount(&v, e->observed, e->unit);
        words_html(out, th_buf_view(&v));
        put(out, "</b>, usually ");
        th_buf_clear(&v);
        if (e->low > 0 && e->low < e->high) {
            words_amount(&v, e->low, e->unit);
            th_buf_puts(&v, " to ");
        } else {
            th_buf_puts(&v, "at most ");
        }
        words_amount(&v, fmax(e->high, e->expected), e->unit);
        words_html(out, th_buf_view(&v));
        put(out, "</p>");
    }
    put(out, "</li>");
}

static void put_model(struct th_buf *out, const struct told_model *m)
{
    const struct find_breach *b = m->best;
    put(out, "<section class=\"model\"><h4>");
    words_html(out, b->name);
    th_buf_printf(out, " <span class=\"num s%u\">%.0f</span></h4><p class=\"meta\">",
        chart_severity(b->score), b->score);
    words_html(out, find_device_label(&b->device));
    if (b->peer.len) {
        put(out, " to ");
        words_html(out, b->peer);
    }
    put(out, ", ");
    words_time(out, m->first->start_ns, false);
    if (m->count > 1)
        th_buf_printf(out, " and %u more", m->count - 1);
    if (b->tactic.len || b->technique.len) {
        put(out, " <span class=\"attack\">");
        words_tactic(out, b->tactic);
        put(out, " ");
        words_html(out, b->technique);
        put(out, "</span>");
    }
    put(out, "</p><ul class=\"evidence\">");
    for (uint32_t i = 0; i < b->evidence_count && i < 4; i++)
        put_evidence(out, &b->evidence[i], b->score);
    put(out, "</ul></section>");
}

static void put_devices(struct th_buf *out, const struct find_incident *in)
{
    put(out, "<ul class=\"devices\">");
    for (uint32_t i = 0; i < in->device_count && i < MAX_SHOWN_DEVICES; i++) {
        const struct find_device *d = &in->devices[i];
        const struct th_str more[] = {
            d->hostname.len ? d->ip : (struct th_str){0}, d->mac, d->user};
        put(out, "<li><b>");
        words_html(out, find_device_label(d));
        put(out, "</b>");
        for (size_t k = 0; k < TH_ARRAY_LEN(more); k++) {
            if (!more[k].len)
                continue;
            put(out, " <span>");
            words_html(out, more[k]);
            put(out, "</span>");
        }
        put(out, "</li>");
    }
    if (in->device_count > MAX_SHOWN_DEVICES)
        th_buf_printf(out, "<li>and %u more</li>", in->device_count - MAX_SHOWN_DEVICES);
    put(out, "</ul>");
}

static void put_breaches(struct th_buf *out, const struct find_incident *in)
{
    th_buf_printf(out,
        "<details><summary>All %u %s</summary><div class=\"scroll\" role=\"region\" tabindex=\"0\" "
        "aria-label=\"Breaches of this incident\"><table><thead><tr><th "
        "scope=\"col\">Hour</th><th scope=\"col\">Model</th><th scope=\"col\">Device</th><th "
        "scope=\"col\">Peer</th><th scope=\"col\">Technique</th><th scope=\"col\" "
        "class=\"n\">Score</th></tr></thead><tbody>",
        in->breach_count, in->breach_count == 1 ? "breach" : "breaches");
    for (uint32_t i = 0; i < in->breach_count && i < MAX_ROWS; i++) {
        const struct find_breach *b = in->breaches[i];
        put(out, "<tr><td>");
        words_time(out, b->start_ns != TH_TIME_UNSET ? b->start_ns : b->time_ns, false);
        const struct th_str cells[] = {
            b->name, find_device_label(&b->device), b->peer, b->technique};
        for (size_t k = 0; k < TH_ARRAY_LEN(cells); k++) {
            put(out, "</td><td>");
            words_html(out, cells[k]);
        }
        th_buf_printf(out, "</td><td class=\"n\">%.0f</td></tr>", b->score);
    }
    put(out, "</tbody></table></div></details>");
}

static void put_phases(struct th_buf *out, struct th_str story, uint32_t most, bool *ret_cut)
{
    struct words_phase ph;
    *ret_cut = false;
    while (words_phase(&story, &ph)) {
        bool cut = false;
        put(out, "<p>");
        if (ph.label.len) {
            put(out, "<b>");
            words_html(out, ph.label);
            put(out, "</b> ");
        }
        words_html(out, words_beginning(ph.text, most, &cut));
        put(out, cut ? " \xe2\x80\xa6</p>" : "</p>");
        *ret_cut |= cut;
    }
}

/* The beginning of each phase, and the whole below it when that is more. */
static void put_story(struct th_buf *out, struct th_str story)
{
    bool cut;
    if (story.len == 0)
        return;
    put(out, "<div class=\"story\">");
    put_phases(out, story, MAX_PHASE, &cut);
    put(out, "</div>");
    if (!cut)
        return;
    put(out, "<details><summary>The whole story</summary><div class=\"whole\">");
    put_phases(out, story, UINT32_MAX, &cut);
    put(out, "</div></details>");
}

static void put_incident(struct th_buf *out, const struct find_incident *in, unsigned number)
{
    struct told_model told[MAX_MODELS];
    unsigned models = models_of(in, told);
    th_buf_printf(out,
        "<article class=\"incident\" id=\"alert-%u\"><header><p class=\"score s%u\"><span "
        "class=\"hidden\">Score </span>%.0f</p><div><h3>",
        number, chart_severity(in->score), in->score);
    words_html(out, in->title);
    put(out, "</h3><p class=\"meta\">");
    words_span(out, in->start_ns, in->end_ns);
    put(out, " UTC</p>");
    put_devices(out, in);
    put(out, "</div></header>");
    put_story(out, in->summary);
    if (models) {
        put(out, "<div class=\"models\">");
        for (unsigned i = 0; i < models; i++)
            put_model(out, &told[i]);
        put(out, "</div>");
        put_breaches(out, in);
    }
    put(out, "</article>\n");
}

/* ---- sections ---- */

static void put_alerts(struct th_buf *out, const struct findings *f)
{
    unsigned n = 0;
    put(out, "<section aria-labelledby=\"alerts\"><h2 id=\"alerts\">Alerts</h2>\n");
    for (size_t i = 0; i < f->incident_count; i++)
        if (f->incidents[i].alert && n++ < MAX_ALERTS)
            put_incident(out, &f->incidents[i], n);
    if (n == 0)
        put(out,
            "<p class=\"calm\">No incident reached the threshold of the alert budget. What came "
            "nearest is listed below.</p>\n");
    if (n > MAX_ALERTS)
        th_buf_printf(out, "<p>And %u more, which --json lists.</p>\n", n - MAX_ALERTS);
    put(out, "</section>\n");
}

static void put_groups(struct th_buf *out, const struct findings *f)
{
    if (f->group_count == 0)
        return;
    put(out,
        "<section aria-labelledby=\"groups\"><h2 id=\"groups\">Group events</h2>\n"
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"groups\">"
        "<table><thead><tr><th scope=\"col\" class=\"n\">Score</th><th scope=\"col\">What a whole "
        "group did</th><th scope=\"col\" class=\"n\">Breaches that are part of it</th><th "
        "scope=\"col\">When, UTC</th></tr></thead><tbody>");
    for (size_t i = 0; i < f->group_count && i < MAX_QUIET; i++) {
        const struct find_group *g = &f->groups[i];
        th_buf_printf(out, "<tr><td class=\"n\"><span class=\"num s%u\">%.0f</span></td><td>",
            chart_severity(g->score), g->score);
        put(out, g->alert ? "Alert: " : "");
        words_html(out, g->sentence);
        th_buf_printf(out, "</td><td class=\"n\">%u</td><td class=\"when\">", g->breach_count);
        words_span(out, g->start_ns, g->end_ns);
        put(out, "</td></tr>");
    }
    put(out, "</tbody></table></div>");
    if (f->group_count > MAX_QUIET)
        th_buf_printf(out, "<p>And %zu more.</p>", f->group_count - MAX_QUIET);
    put(out, "</section>\n");
}

static void put_quiet(struct th_buf *out, const struct findings *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->incident_count; i++) {
        const struct find_incident *in = &f->incidents[i];
        if (in->alert || n++ >= MAX_QUIET)
            continue;
        if (n == 1)
            put(out,
                "<section aria-labelledby=\"quiet\"><h2 id=\"quiet\">Below the alert budget</h2>\n"
                "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"quiet\">"
                "<table><thead><tr><th scope=\"col\" class=\"n\">Score</th><th "
                "scope=\"col\">Incident</th><th scope=\"col\">When, UTC</th></tr></thead><tbody>");
        th_buf_printf(out, "<tr><td class=\"n\"><span class=\"num s%u\">%.0f</span></td><td>",
            chart_severity(in->score), in->score);
        words_html(out, in->title);
        put(out, "</td><td class=\"when\">");
        words_span(out, in->start_ns, in->end_ns);
        put(out, "</td></tr>");
    }
    if (n > 0)
        put(out, "</tbody></table></div>");
    if (n > MAX_QUIET)
        th_buf_printf(out, "<p>And %zu more.</p>", n - MAX_QUIET);
    if (n > 0)
        put(out, "</section>\n");
}

static void put_timeline(struct th_buf *out, const struct findings *f)
{
    if (f->breach_count == 0)
        return;
    put(out,
        "<section aria-labelledby=\"when\"><h2 id=\"when\">When and where</h2>\n"
        "<figure><div class=\"scroll\" role=\"region\" tabindex=\"0\" "
        "aria-label=\"Timeline of breaches\">");
    chart_timeline(f, out);
    put(out,
        "</div><figcaption>Each dot is a breach of a model by a device within an hour, larger and "
        "warmer the rarer it is; hollow below the threshold. Bands are alerts.");
    if (f->breaches_left_out)
        th_buf_printf(out, " %zu weak breaches are left out.", f->breaches_left_out);
    put(out, "</figcaption></figure></section>\n");
}

static void put_usual(struct th_buf *out, const struct findings *f)
{
    put(out,
        "<section aria-labelledby=\"usual\"><h2 id=\"usual\">How usual it was</h2>\n"
        "<div class=\"pair\">");
    if (f->breach_count) {
        put(out, "<figure>");
        chart_scores(f, out);
        put(out, "<figcaption>Breaches by score</figcaption></figure>");
    }
    if (f->summary.hour_count >= 2) {
        put(out, "<figure>");
        chart_hours(f, out);
        put(out, "<figcaption>Events an hour</figcaption></figure>");
    }
    put(out, "</div></section>\n");
}

static void fact(struct th_buf *out, const char *name, struct th_buf *value)
{
    th_buf_printf(out, "<dt>%s</dt><dd>", name);
    words_html(out, th_buf_view(value));
    put(out, "</dd>");
    th_buf_clear(value);
}

static void put_facts(struct th_buf *out, const struct find_summary *s)
{
    TH_AUTOBUF struct th_buf v = TH_BUF_INIT;
    put(out, "<dl class=\"facts\">");
    if (s->packets > 0) {
        words_count(&v, s->packets);
        fact(out, "Packets", &v);
    }
    for (uint32_t i = 0; i < s->kind_count; i++) {
        th_buf_puts(&v, i ? ", " : "");
        words_clean(&v, s->kinds[i].name);
        th_buf_puts(&v, " ");
        words_count(&v, s->kinds[i].count);
    }
    if (s->kind_count)
        fact(out, "Events by kind", &v);
    if (s->late_events > 0) {
        words_count(&v, s->late_events);
        th_buf_puts(&v, ", used all the same");
        fact(out, "Late events", &v);
    }
    for (uint32_t i = 0; i < s->network_count; i++) {
        th_buf_puts(&v, i ? ", " : "");
        words_clean(&v, s->networks[i]);
    }
    if (s->network_count)
        fact(out, "Inside", &v);
    th_buf_puts(&v, words_calibration(s->calibration));
    th_buf_puts(&v, " (");
    words_count(&v, s->pooled_device_hours);
    th_buf_puts(&v, " device-hours)");
    fact(out, "Calibration", &v);
    words_count(&v, s->models);
    fact(out, "Models", &v);
    put(out, "</dl>\n");
}

static void put_errors(struct th_buf *out, const struct findings *f)
{
    if (f->error_count == 0)
        return;
    put(out,
        "<h3 class=\"plain\">Not, or not wholly, read</h3><div class=\"scroll\" role=\"region\" "
        "tabindex=\"0\" aria-label=\"Inputs that were not read\"><table><thead><tr><th "
        "scope=\"col\">Input</th><th scope=\"col\">Status</th><th "
        "scope=\"col\">Why</th></tr></thead><tbody>");
    for (size_t i = 0; i < f->error_count; i++) {
        put(out, "<tr><td class=\"path\">");
        words_html(out, f->errors[i].input);
        put(out, "</td><td>");
        words_html(out, f->errors[i].status);
        put(out, "</td><td>");
        words_html(out, f->errors[i].message);
        put(out, "</td></tr>");
    }
    put(out, "</tbody></table></div>\n");
}

void report_html(const struct findings *f, struct th_buf *out)
{
    put_head(out);
    put_top(out, f);
    put(out, "<main>\n");
    put_timeline(out, f);
    put_alerts(out, f);
    put_groups(out, f);
    put_quiet(out, f);
    put_usual(out, f);
    put(out, "<section aria-labelledby=\"input\"><h2 id=\"input\">Input and method</h2>\n");
    put_facts(out, &f->summary);
    put_errors(out, f);
    put(out,
        "<p class=\"method\">A score has one meaning everywhere: 50 is what is seen in one of "
        "10,000 device-hours of this organisation, and each 12.5 points more are ten times as "
        "rare. "
        "The alert budget sets the threshold. All times are UTC.</p></section>\n</main>\n"
        "<footer><p>Thymus ");
    words_html(out, f->summary.version);
    put(out, "</p></footer>\n</body></html>\n");
}
