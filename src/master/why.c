/* SPDX-License-Identifier: Apache-2.0 */
#include "why.h"

bool th_why_parse(struct th_str text, struct th_why *ret)
{
    uint32_t at = text.len;
    int64_t time_ns;
    while (at > 0 && text.p[at - 1] != '@')
        at--;
    /* A device without a name, or a name without an end. */
    if (at < 2 || at - 1 > TH_WHY_MAX_NAME || memchr(text.p, '\0', at) ||
        !th_time_parse_rfc3339(th_str_n(text.p + at, text.len - at), &time_ns))
        return false;
    *ret = (struct th_why){.hour_ns = th_time_floor(time_ns, TH_NS_PER_HOUR)};
    memcpy(ret->device, text.p, at - 1);
    return true;
}

void th_why_done(struct th_why *why)
{
    th_explanation_done(&why->explanation);
    th_buf_done(&why->active);
}

void th_why_window(struct th_why *why, const struct th_scorer *s, const struct th_window *w)
{
    if (w->entity != why->entity)
        return;
    th_buf_put(&why->active, &w->start_ns, sizeof(w->start_ns));
    if (w->start_ns != why->hour_ns)
        return;
    th_explanation_done(&why->explanation);
    th_scorer_explain(s, w, &why->explanation);
    why->explained = why->news = true;
}

struct activity {
    int64_t first_ns, last_ns;
    uint64_t hours;
};

static int earlier(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* An hour that was closed again for late events is one. */
static struct activity activity_of(const struct th_why *why)
{
    struct activity a = {.first_ns = TH_TIME_UNSET, .last_ns = TH_TIME_UNSET};
    size_t n = why->active.len / sizeof(int64_t);
    TH_AUTOFREE int64_t *v = th_xcalloc(n + 1, sizeof(*v));
    if (n == 0)
        return a;
    memcpy(v, why->active.p, n * sizeof(*v));
    qsort(v, n, sizeof(*v), earlier);
    a.first_ns = v[0];
    a.last_ns = v[n - 1];
    for (size_t i = 0; i < n; i++)
        a.hours += i == 0 || v[i] != v[i - 1];
    return a;
}

static void put_time(struct th_json *j, const char *key, int64_t time_ns)
{
    th_json_key(j, key);
    if (time_ns == TH_TIME_UNSET)
        th_json_null(j);
    else
        th_json_time(j, time_ns);
}

void th_why_json(const struct th_why *why, const struct th_models *m, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    struct activity a = activity_of(why);
    th_json_open(&j);
    th_json_key(&j, "hours");
    th_json_u64(&j, a.hours);
    put_time(&j, "first", a.first_ns);
    put_time(&j, "last", a.last_ns);
    th_json_key(&j, "window");
    if (why->explained) {
        th_json_open(&j);
        th_explanation_json(&why->explanation, m, why->threshold, &j);
        th_json_close(&j);
    } else {
        th_json_null(&j);
    }
    th_json_close(&j);
}
