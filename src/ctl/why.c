/* SPDX-License-Identifier: Apache-2.0 */
#include "why.h"

#include <jansson.h>
#include <math.h>

#include "report.h"
#include "words.h"

enum { MAX_SIGNALS = 12, MAX_NEARLY = 10, SIGNAL_INDENT = 12, ITEM_INDENT = 4, PART_INDENT = 6 };

/* ---- values: what is missing or of another type is empty ---- */

static struct th_str str(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) ? th_str_n(json_string_value(v), json_string_length(v)) : th_str_c("");
}

static bool is(const json_t *o, const char *key, const char *word)
{
    return th_str_is(str(o, key), word);
}

static double num(const json_t *o, const char *key)
{
    double v = json_number_value(json_object_get(o, key));
    return isfinite(v) ? v : 0;
}

static int64_t when(const json_t *o, const char *key)
{
    int64_t ns;
    return th_time_parse_rfc3339(str(o, key), &ns) ? ns : TH_TIME_UNSET;
}

/* ---- pieces of lines; all of them are cleaned when the line is put ---- */

static void bold(struct th_buf *out, bool colour, const char *text)
{
    th_buf_printf(out, "%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

static void put_line(struct th_buf *out, struct th_buf *line, const char *lead, size_t indent)
{
    th_buf_puts(out, lead);
    words_wrapped(out, th_buf_view(line), indent);
    th_buf_clear(line);
}

static void add_count(struct th_buf *line, double n, const char *one, const char *many)
{
    words_count(line, n);
    th_buf_puts(line, n == 1 ? one : many);
}

/* "laptop-7 (10.0.1.7, 02:00:00:00:00:07, d3k7q...)" */
static void add_device(struct th_buf *line, const json_t *device)
{
    static const char *const keys[] = {"hostname", "ip", "mac", "id"};
    unsigned n = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(keys); i++) {
        struct th_str v = str(device, keys[i]);
        if (v.len == 0)
            continue;
        th_buf_puts(line, n == 0 ? "" : n == 1 ? " (" : ", ");
        th_buf_str(line, v);
        n++;
    }
    th_buf_puts(line, n > 1 ? ")" : "");
}

/* A device as above, or "user anna (u3k7q...)". */
static void add_whom(struct th_buf *line, const json_t *why)
{
    const json_t *user = json_object_get(why, "user");
    if (!json_is_object(user)) {
        add_device(line, json_object_get(why, "device"));
        return;
    }
    th_buf_puts(line, "user ");
    th_buf_str(line, str(user, "name"));
    th_buf_puts(line, " (");
    th_buf_str(line, str(user, "id"));
    th_buf_puts(line, ")");
}

/* "one in 1,200" */
static void add_rarity(struct th_buf *line, double p)
{
    th_buf_puts(line, "one in ");
    words_short(line, p > 0 ? fmin(1 / p, 1e15) : 1e15);
}

static void put_similar(struct th_buf *out, const json_t *why, const char *head)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    size_t i;
    const json_t *device;
    const json_t *list = json_object_get(why, "similar");
    if (json_array_size(list) == 0)
        return;
    th_buf_puts(out, head);
    json_array_foreach(list, i, device)
    {
        add_device(&line, device);
        put_line(out, &line, "  ", ITEM_INDENT);
    }
}

/* ---- what was seen ---- */

static void put_signal(struct th_buf *out, const json_t *s)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf rarity = TH_BUF_INIT;
    double p = num(s, "p");
    words_short(&rarity, p > 0 ? fmin(1 / p, 1e15) : 1e15);
    th_buf_printf(out, "%*.*s  ", SIGNAL_INDENT - 2, (int)rarity.len, (const char *)rarity.p);
    th_buf_str(&line, str(s, "feature"));
    th_buf_puts(&line, ": ");
    th_buf_str(&line, str(s, "sentence"));
    put_line(out, &line, "", SIGNAL_INDENT);
}

static void put_signals(struct th_buf *out, bool colour, const json_t *window)
{
    const json_t *list = json_object_get(window, "signals");
    size_t n = json_array_size(list);
    th_buf_puts(out, "\n");
    bold(out, colour, n ? "What was seen, rarest first" : "Nothing was seen that is worth a look");
    if (n)
        th_buf_puts(out, "one in ... device-hours\n");
    for (size_t i = 0; i < n && i < MAX_SIGNALS; i++)
        put_signal(out, json_array_get(list, i));
    if (n > MAX_SIGNALS)
        th_buf_printf(out, "  and %zu more, less rare; --json has them all\n", n - MAX_SIGNALS);
}

/* ---- what the models made of it ---- */

static void add_score(struct th_buf *line, const char *before, double score)
{
    th_buf_printf(line, "%s%.1f", before, score);
}

static void add_told(struct th_buf *line, const json_t *m)
{
    add_score(line, "told with score ", num(m, "score"));
    th_buf_puts(line,
        json_is_true(json_object_get(m, "alert")) ? ": an alert"
                                                  : "; below the threshold, no alert by itself");
}

static void add_throttled(struct th_buf *line, const json_t *m)
{
    th_buf_puts(line, "held back by its throttle: told ");
    words_time(line, when(m, "told"), false);
    add_score(line, " with score ", num(m, "told_score"));
    add_score(line, ", now ", num(m, "score"));
    add_score(line, "; told again from ", num(m, "again_score"));
    th_buf_puts(line, " on, or after ");
    words_time(line, when(m, "again"), false);
}

static void add_permitted(struct th_buf *line, const json_t *m)
{
    th_buf_puts(line, "held back by permit ");
    th_buf_str(line, str(m, "permit"));
    add_score(line, "; without it, score ", num(m, "score"));
}

static void add_under_way(struct th_buf *line, const json_t *m)
{
    th_buf_printf(line, "under way, %.0f of %zu seen since ", num(m, "seen"),
        json_array_size(json_object_get(m, "components")));
    words_time(line, when(m, "first"), false);
    th_buf_puts(line, "; must be complete by ");
    words_time(line, when(m, "until"), false);
}

static void add_nearly(struct th_buf *line, const json_t *m)
{
    th_buf_str(line, str(m, "name"));
    if (is(m, "combine", "any"))
        th_buf_puts(line, ", by one of these");
    else if (is(m, "combine", "sequence"))
        th_buf_puts(line, ", one after the other");
}

static void add_inactive(struct th_buf *line, const json_t *m)
{
    (void)m;
    th_buf_puts(line, "does not look at this hour of the week");
}

static const struct {
    const char *outcome;
    void (*add)(struct th_buf *line, const json_t *m);
} outcomes[] = {
    {"told", add_told},
    {"throttled", add_throttled},
    {"permitted", add_permitted},
    {"under-way", add_under_way},
    {"nearly", add_nearly},
    {"inactive", add_inactive},
};

/* Why a component does not hold, for reasons that are a sentence by themselves. */
static const struct {
    const char *reason, *text;
} reasons[] = {
    {"no-signal", "no signal of it in this hour"},
    {"filter", "left out by the model's conditions (filter)"},
    {"exclusion", "left out by the model's exclusions"},
    {"permit", "covered by a permit"},
    {"other-peer", "about another peer than the others"},
    {"not-its-turn", "its turn has not come"},
    {"too-early", "over before what it is to follow"},
    {"too-late", "later after the first than the model allows"},
};

static void add_reason(struct th_buf *line, const json_t *c)
{
    if (is(c, "reason", "none")) {
        th_buf_puts(line, "there");
    } else if (is(c, "reason", "too-little")) {
        th_buf_puts(line, "observed ");
        words_amount(line, num(c, "observed"), str(c, "unit"));
        th_buf_puts(line, ", asks for at least ");
        words_amount(line, num(c, "at_least"), str(c, "unit"));
    } else if (is(c, "reason", "not-rare")) {
        th_buf_puts(line, "as rare as ");
        add_rarity(line, num(c, "p"));
        th_buf_puts(line, ", asks for ");
        add_rarity(line, num(c, "asked_p"));
    } else {
        for (size_t i = 0; i < TH_ARRAY_LEN(reasons); i++)
            if (is(c, "reason", reasons[i].reason))
                th_buf_puts(line, reasons[i].text);
    }
}

/* "beacon (c2.example.net): " */
static void add_subject(struct th_buf *line, const json_t *o, const char *key)
{
    struct th_str peer = str(o, "peer");
    th_buf_str(line, str(o, key));
    if (peer.len) {
        th_buf_puts(line, " (");
        th_buf_str(line, peer);
        th_buf_puts(line, ")");
    }
    th_buf_puts(line, ": ");
}

static void put_component(struct th_buf *out, const json_t *c)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    add_subject(&line, c, "feature");
    add_reason(&line, c);
    put_line(out, &line, "    ", PART_INDENT);
}

/* Where one is enough, those that there is no signal of tell nothing. */
static void put_components(struct th_buf *out, const json_t *m)
{
    size_t i;
    const json_t *c;
    bool any = is(m, "combine", "any");
    json_array_foreach(json_object_get(m, "components"), i, c)
    {
        if (json_is_true(json_object_get(c, "required")) && !(any && is(c, "reason", "no-signal")))
            put_component(out, c);
    }
}

static void put_model(struct th_buf *out, const json_t *m)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    add_subject(&line, m, "model");
    for (size_t i = 0; i < TH_ARRAY_LEN(outcomes); i++)
        if (is(m, "outcome", outcomes[i].outcome))
            outcomes[i].add(&line, m);
    put_line(out, &line, "  ", ITEM_INDENT);
    put_components(out, m);
}

/* Puts those of which `nearly` is true, or the others; returns how many were left out. */
static size_t put_some(struct th_buf *out, const json_t *models, bool nearly, size_t most)
{
    size_t i;
    size_t n = 0;
    const json_t *m;
    json_array_foreach(models, i, m)
    {
        if (is(m, "outcome", "nearly") != nearly)
            continue;
        if (n++ < most)
            put_model(out, m);
    }
    return n > most ? n - most : 0;
}

static size_t count_nearly(const json_t *models)
{
    size_t i;
    size_t n = 0;
    const json_t *m;
    json_array_foreach(models, i, m) n += is(m, "outcome", "nearly");
    return n;
}

static void put_models(struct th_buf *out, bool colour, const json_t *window)
{
    const json_t *models = json_object_get(window, "models");
    size_t nearly = count_nearly(models);
    size_t others = json_array_size(json_object_get(window, "other_models"));
    th_buf_puts(out, "\n");
    bold(out, colour, "What the models made of it");
    put_some(out, models, false, SIZE_MAX);
    if (nearly == json_array_size(models))
        th_buf_puts(out, "  none of them holds\n");
    if (nearly) {
        th_buf_puts(out, "\n");
        bold(out, colour, "What others lack, those that come nearest first");
        size_t more = put_some(out, models, true, MAX_NEARLY);
        if (more)
            th_buf_printf(out, "  and %zu more; --json has them all\n", more);
    }
    if (others)
        th_buf_printf(out, "\n%zu %s for what was not seen in this hour.\n", others,
            others == 1 ? "other model looks" : "other models look");
}

/* ---- the whole ---- */

static void put_head(struct th_buf *out, bool colour, const json_t *why)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    th_buf_puts(out, colour ? "\033[1m" : "");
    add_whom(&line, why);
    put_line(out, &line, "", 0);
    th_buf_puts(out, colour ? "\033[0m" : "");
}

static void put_hour(struct th_buf *out, const json_t *why, const json_t *window)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    words_time(&line, when(why, "start"), true);
    th_buf_puts(&line, " UTC, one hour: ");
    add_count(&line, num(window, "events"), " event; ", " events; ");
    add_count(&line, floor(num(window, "learned_hours")), " active hour", " active hours");
    th_buf_puts(&line,
        json_is_object(json_object_get(why, "user"))
            ? " learned of the user before. A budget of "
            : " learned of the device before. A budget of ");
    words_short(&line, num(why, "budget_per_day"));
    th_buf_printf(&line, " alerts a day set the threshold to %.1f then.", num(window, "threshold"));
    put_line(out, &line, "", 0);
}

static void put_not_active(struct th_buf *out, const json_t *why, const json_t *activity)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    double hours = num(activity, "hours");
    th_buf_puts(&line, "It was not active in the hour from ");
    words_time(&line, when(why, "start"), true);
    th_buf_puts(&line, " UTC on");
    if (hours > 0) {
        th_buf_puts(&line, ": it was in ");
        add_count(&line, hours, " hour, from ", " hours, from ");
        words_time(&line, when(activity, "first"), true);
        th_buf_puts(&line, " to ");
        words_time(&line, when(activity, "last"), true);
    } else {
        th_buf_puts(&line, ", nor in any other of this input");
    }
    th_buf_puts(&line, ".");
    put_line(out, &line, "", 0);
}

static void put_nobody(struct th_buf *out, const json_t *why)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    th_buf_puts(&line, "No device of this input is \"");
    th_buf_str(&line, str(why, "asked"));
    th_buf_puts(&line, "\": no address, MAC, host name or id of one.");
    put_line(out, &line, "", 0);
    put_similar(out, why, "\nDevices with a name like it:\n");
}

static bool is_active(const json_t *why)
{
    return json_is_object(json_object_get(json_object_get(why, "activity"), "window"));
}

bool why_text(const struct findings *f, bool colour, struct th_buf *out)
{
    json_t *why = json_loadb(f->why.p, f->why.len, JSON_ALLOW_NUL, NULL);
    const json_t *activity = json_object_get(why, "activity");
    const json_t *window = json_object_get(activity, "window");
    bool active = is_active(why);
    if (!json_is_object(json_object_get(why, "device")) &&
        !json_is_object(json_object_get(why, "user"))) {
        put_nobody(out, why);
    } else {
        put_head(out, colour, why);
        if (active)
            put_hour(out, why, window);
        else
            put_not_active(out, why, activity);
        put_similar(out, why, "It may mean as well:\n");
    }
    if (active) {
        put_signals(out, colour, window);
        put_models(out, colour, window);
    }
    report_unread(f, out);
    json_decref(why);
    return active;
}

bool why_json(const struct findings *f, struct th_buf *out)
{
    json_t *why = json_loadb(f->why.p, f->why.len, JSON_ALLOW_NUL, NULL);
    bool active = is_active(why);
    th_buf_str(out, f->why);
    th_buf_puts(out, "\n");
    json_decref(why);
    return active;
}
