/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <math.h>

#include "base/json.h"

/* ---- counting ---- */

static struct trial_model *model_of(struct trial *t, struct th_str id, struct th_str name)
{
    for (size_t i = 0; i < t->model_count; i++)
        if (th_str_eq(t->models[i].id, id))
            return &t->models[i];
    t->models = th_xreallocarray(t->models, t->model_count + 1, sizeof(*t->models));
    struct trial_model *m = &t->models[t->model_count++];
    *m = (struct trial_model){.id = id, .name = name};
    m->per_day = th_xcalloc(t->day_count + 1, sizeof(*m->per_day));
    return m;
}

static void set_span(struct trial *t, const struct trial_span *wish)
{
    const struct find_summary *s = &t->findings->summary;
    t->span = *wish;
    if (s->start_ns != TH_TIME_UNSET) {
        if (wish->from_ns == TH_TIME_UNSET || wish->from_ns < s->start_ns)
            t->span.from_ns = s->start_ns;
        if (wish->to_ns == TH_TIME_UNSET || wish->to_ns > s->end_ns + 1)
            t->span.to_ns = s->end_ns + 1;
    }
    bool empty = t->span.from_ns == TH_TIME_UNSET || t->span.to_ns == TH_TIME_UNSET ||
        t->span.from_ns >= t->span.to_ns;
    double days =
        empty ? 0 : (double)th_time_sub(t->span.to_ns, t->span.from_ns) / (double)TH_NS_PER_DAY;
    t->days = TH_MAX(days, 1.0);
    if (empty)
        return;
    t->first_day_ns = th_time_floor(t->span.from_ns, TH_NS_PER_DAY);
    int64_t count = th_time_sub(t->span.to_ns - 1, t->first_day_ns) / TH_NS_PER_DAY + 1;
    t->day_count = (size_t)TH_MIN(count, (int64_t)TRIAL_MAX_DAYS);
}

static bool counts(const struct trial *t, const struct find_breach *b)
{
    return t->day_count > 0 && b->time_ns >= t->span.from_ns && b->time_ns < t->span.to_ns;
}

static void count(struct trial *t, const struct find_breach *b)
{
    struct trial_model *m = model_of(t, b->model, b->name);
    size_t day = (size_t)((b->time_ns - t->first_day_ns) / TH_NS_PER_DAY);
    m->breaches++;
    m->alerts += b->score >= t->findings->summary.threshold;
    m->best = TH_MAX(m->best, b->score);
    if (day < t->day_count)
        m->per_day[day]++;
}

static int by_model_and_device(const void *a, const void *b)
{
    const struct find_breach *x = *(const struct find_breach *const *)a;
    const struct find_breach *y = *(const struct find_breach *const *)b;
    int c = th_str_cmp(x->model, y->model);
    return c ? c : th_str_cmp(x->device.id, y->device.id);
}

static void count_devices(struct trial *t, const struct find_breach **v, size_t n)
{
    if (n)
        qsort(v, n, sizeof(v[0]), by_model_and_device);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || by_model_and_device(&v[i - 1], &v[i]) != 0)
            model_of(t, v[i]->model, v[i]->name)->devices++;
}

static int strongest_first(const void *a, const void *b)
{
    const struct find_breach *x = *(const struct find_breach *const *)a;
    const struct find_breach *y = *(const struct find_breach *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return th_str_cmp(x->id, y->id);
}

static void find_strongest(struct trial *t, const struct find_breach **v, size_t n)
{
    if (n)
        qsort(v, n, sizeof(v[0]), strongest_first);
    t->strongest = th_xcalloc(TRIAL_STRONGEST, sizeof(*t->strongest));
    for (size_t i = 0; i < n && t->strongest_count < TRIAL_STRONGEST; i++)
        if (model_of(t, v[i]->model, v[i]->name)->on_trial)
            t->strongest[t->strongest_count++] = v[i];
}

static int louder_first(const void *a, const void *b)
{
    const struct trial_model *x = a;
    const struct trial_model *y = b;
    if (x->breaches != y->breaches)
        return x->breaches > y->breaches ? -1 : 1;
    return th_str_cmp(x->id, y->id);
}

struct trial *trial_new(const struct findings *f, const struct trial_span *span)
{
    struct trial *t = th_xcalloc(1, sizeof(*t));
    const struct find_breach **v TH_AUTOFREE = th_xcalloc(f->breach_count + 1, sizeof(*v));
    size_t n = 0;
    t->findings = f;
    set_span(t, span);
    for (size_t i = 0; i < f->trial_count; i++)
        model_of(t, f->trials[i].model, f->trials[i].name)->on_trial = true;
    t->trial_count = t->model_count;
    for (size_t i = 0; i < f->breach_count; i++)
        if (counts(t, &f->breaches[i])) {
            count(t, &f->breaches[i]);
            v[n++] = &f->breaches[i];
        }
    count_devices(t, v, n);
    find_strongest(t, v, n);
    if (t->model_count > t->trial_count)
        qsort(t->models + t->trial_count, t->model_count - t->trial_count, sizeof(*t->models),
            louder_first);
    return t;
}

void trial_free(struct trial *t)
{
    for (size_t i = 0; i < t->model_count; i++)
        free(t->models[i].per_day);
    free(t->models);
    free(t->strongest);
    free(t);
}

/* ---- as JSON ---- */

static void put_double(struct th_json *j, const char *key, double v, double per_one)
{
    th_json_key(j, key);
    th_json_double(j, round(fmin(v, 1e15) * per_one) / per_one);
}

static void put_count(struct th_json *j, const char *key, size_t v)
{
    th_json_key(j, key);
    th_json_u64(j, v);
}

static void put_str(struct th_json *j, const char *key, struct th_str s)
{
    th_json_key(j, key);
    if (s.len)
        th_json_str(j, s);
    else
        th_json_null(j);
}

static void put_model(struct th_json *j, const struct trial *t, const struct trial_model *m)
{
    th_json_open(j);
    put_str(j, "model", m->id);
    put_str(j, "name", m->name);
    th_json_key(j, "on_trial");
    th_json_bool(j, m->on_trial);
    put_count(j, "breaches", m->breaches);
    put_double(j, "breaches_per_day", (double)m->breaches / t->days, 100);
    put_count(j, "devices", m->devices);
    put_count(j, "alerts", m->alerts);
    put_double(j, "alerts_per_day", (double)m->alerts / t->days, 100);
    put_double(j, "best_score", m->best, 10);
    th_json_key(j, "per_day");
    th_json_open_list(j);
    for (size_t i = 0; i < t->day_count; i++)
        th_json_u64(j, m->per_day[i]);
    th_json_close_list(j);
    th_json_close(j);
}

static void put_breach(struct th_json *j, const struct trial *t, const struct find_breach *b)
{
    th_json_open(j);
    th_json_key(j, "time");
    th_json_time(j, b->time_ns);
    put_str(j, "model", b->model);
    put_double(j, "score", b->score, 10);
    th_json_key(j, "alert");
    th_json_bool(j, b->score >= t->findings->summary.threshold);
    put_str(j, "device", find_device_label(&b->device));
    put_str(j, "ip", b->device.ip);
    put_str(j, "peer", b->peer);
    put_str(j, "detail", b->evidence_count ? b->evidence[0].sentence : th_str_c(""));
    th_json_close(j);
}

void trial_json(const struct trial *t, struct th_buf *out)
{
    const struct find_summary *s = &t->findings->summary;
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    if (t->day_count) {
        th_json_key(&j, "from");
        th_json_time(&j, t->span.from_ns);
        th_json_key(&j, "to");
        th_json_time(&j, t->span.to_ns);
        th_json_key(&j, "first_day");
        th_json_time(&j, t->first_day_ns);
    }
    put_double(&j, "events", s->events, 1);
    put_double(&j, "devices", s->devices, 1);
    put_double(&j, "budget_per_day", s->budget_per_day, 100);
    put_double(&j, "threshold", s->threshold, 10);
    put_count(&j, "breaches_left_out", t->findings->breaches_left_out);
    put_count(&j, "unread", t->findings->error_count);
    th_json_key(&j, "models");
    th_json_open_list(&j);
    for (size_t i = 0; i < t->model_count; i++)
        put_model(&j, t, &t->models[i]);
    th_json_close_list(&j);
    th_json_key(&j, "strongest");
    th_json_open_list(&j);
    for (size_t i = 0; i < t->strongest_count; i++)
        put_breach(&j, t, t->strongest[i]);
    th_json_close_list(&j);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}
