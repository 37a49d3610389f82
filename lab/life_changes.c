/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes: patch day, a roll-out, a holiday, a merger, a new service, a new server. Each is a task
 * of each device concerned, due at a time that was drawn before the office begins.
 */
#include "base/mem.h"
#include "life.h"
#include "roles.h"

#include <stdio.h>

static bool is_pc(const struct lab_device *d)
{
    return d->person >= 0 && d->kind != LAB_VOIP && d->kind != LAB_PHONE;
}

/* What was to happen before the office begins has happened when it does. */
static struct lab_task *add(struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t at)
{
    return lab_task_add(d, fn, TH_MAX(at, s->opt.start_ns + TH_NS_PER_MIN));
}

/* Nobody is there: when somebody is. */
static bool put_off(struct lab_actor *a, struct lab_task *t)
{
    if (lab_rhythm_busy(a->sim, a->dev, t->next_ns) > 0)
        return false;
    t->next_ns = lab_rhythm_next(a, t->next_ns, 10 * TH_NS_PER_MIN);
    return true;
}

static void done(struct lab_task *t)
{
    t->next_ns = INT64_MAX;
}

/* ---- patch day ---- */

/* Updates in some pieces, a restart, and the logon after it. */
static void patch(struct lab_actor *a, struct lab_task *t)
{
    struct lab_world *w = a->sim->world;
    unsigned n = 3 + lab_below(&a->rng, 5);
    int64_t ts = t->next_ns;
    struct lab_web look = {.tls = a->dev->system,
        .up = 9000,
        .down = 60000,
        .dur_ns = lab_exp_ns(&a->rng, 3 * TH_NS_PER_S)};
    lab_tls_to(a, ts, w->vendors[a->dev->os], &look);
    for (unsigned i = 0; i < n; i++) {
        char uri[LAB_NAME_LEN], hex[48];
        lab_name_hex(&a->rng, 40, hex);
        snprintf(uri, sizeof uri, "/filestreaming/files/%s", hex);
        uint64_t size = lab_bytes(&a->rng, 1.2e8, 0.8, 4000000, 1200000000);
        struct lab_request q = {.uri = th_str_c(uri),
            .user_agent = th_str_c("Delivery-Optimization/10.1"),
            .mime = th_str_c("application/vnd.ms-cab-compressed"),
            .down = size,
            .dur_ns = (int64_t)(size / 9) * 1000};
        ts = lab_http(a, ts + TH_NS_PER_S, w->update, &q);
    }
    ts += 4 * TH_NS_PER_MIN + lab_exp_ns(&a->rng, 6 * TH_NS_PER_MIN);
    if (a->dev->person >= 0)
        lab_windows_logon(a, ts);
    lab_fact_did(t->fact, a->dev, t->next_ns, ts);
    done(t);
}

/* Groups one after the other, each within two hours: those who know first, servers at night. */
static int64_t patch_window(const struct lab_sim *s, const struct lab_device *d, int64_t at)
{
    if (d->person < 0)
        return th_time_floor(at, TH_NS_PER_DAY) + 22 * TH_NS_PER_HOUR;
    switch (lab_role_of(s, d)) {
    case LAB_ADMINISTRATOR: return at;
    case LAB_DEVELOPER:
    case LAB_SUPPORT: return at + 3 * TH_NS_PER_HOUR;
    default: return at + TH_NS_PER_DAY;
    }
}

static struct lab_fact *group_fact(struct lab_sim *s, struct lab_fact **of, const char *group)
{
    if (!*of) {
        *of = lab_fact_new(s, LAB_LIFE_PATCH, "updates fetched within two hours, and restarts");
        (*of)->group = group;
        (*of)->host = s->world->update;
    }
    return *of;
}

static void plan_patch(struct lab_sim *s, int64_t at, uint64_t nth)
{
    struct lab_fact *fact[LAB_ROLE_COUNT] = {0}, *servers = NULL;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        int64_t from = patch_window(s, d, at);
        if (d->os != LAB_OS_WINDOWS || from < s->opt.start_ns || !lab_joined(d, from))
            continue;
        struct lab_rng r = lab_life_rng(s, LAB_LIFE_PATCH, nth << 16 ^ i);
        enum lab_role role = lab_role_of(s, d);
        struct lab_task *t =
            lab_task_add(d, patch, from + (int64_t)(lab_unit(&r) * 2.0 * (double)TH_NS_PER_HOUR));
        t->fact = d->person < 0 ? group_fact(s, &servers, "server")
                                : group_fact(s, &fact[role], lab_role_name(role));
    }
}

/* ---- a roll-out ---- */

/* The new browser is there: its hello and its user agent are others than the old one's. */
static void install(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *d = a->dev;
    d->browser = &a->sim->tls[LAB_TLS_BROWSER_NEXT];
    d->ua_first = (uint16_t)(d->ua_first + 6);
    d->ua_major = (uint16_t)(d->ua_major + 6);
    lab_user_agent((enum lab_os)d->os, LAB_TLS_BROWSER_NEXT, d->ua_major, d->ua, sizeof d->ua);
    struct lab_web w = {.tls = &a->sim->tls[LAB_TLS_AGENT],
        .up = 4000,
        .down = 90000000,
        .dur_ns = 20 * TH_NS_PER_S};
    int64_t end = lab_tls_to(a, t->next_ns, t->host, &w);
    lab_fact_did(t->fact, d, t->next_ns, end);
    done(t);
}

/* The agent reports home; it has a hello of its own. */
static void report(struct lab_actor *a, struct lab_task *t)
{
    struct lab_web w = {.tls = &a->sim->tls[LAB_TLS_AGENT],
        .up = lab_bytes(&a->rng, 1400, 0.2, 300, 90000),
        .down = lab_bytes(&a->rng, 500, 0.2, 200, 20000),
        .dur_ns = lab_exp_ns(&a->rng, 500 * TH_NS_PER_MS)};
    lab_tls_to(a, t->next_ns, t->host, &w);
    t->next_ns += lab_beat_gap(&a->rng, t->period_ns, t->jitter);
}

static struct lab_host *change_host(struct lab_sim *s, struct lab_rng *r, const char *prefix)
{
    char domain[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    lab_name_domain(r, domain);
    snprintf(name, sizeof name, "%s.%s", prefix, domain);
    return lab_world_host(s->world, r, name);
}

static void plan_rollout(struct lab_sim *s, int64_t at, uint64_t nth)
{
    static const enum lab_role groups[] = {LAB_CLERK, LAB_SALES, LAB_DEVELOPER, LAB_FINANCE};
    bool roles = lab_life_has(s, LAB_LIFE_ROLES);
    enum lab_role group = roles ? groups[nth % TH_ARRAY_LEN(groups)] : LAB_STAFF;
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_ROLLOUT, UINT32_MAX - nth);
    struct lab_host *h = change_host(s, &r, "agents");
    struct lab_fact *f =
        lab_fact_new(s, LAB_LIFE_ROLLOUT, "a new browser, and an agent with a hello of its own");
    int64_t period;
    double jitter;
    lab_draw_beat(&r, &period, &jitter);
    f->host = h;
    f->group = lab_role_name(group);
    f->period_ns = period;
    f->jitter = jitter;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        if (!is_pc(d) || d->merged || d->os != LAB_OS_WINDOWS || lab_role_of(s, d) != group)
            continue;
        int64_t when = at + (int64_t)(lab_unit(&r) * 30.0 * (double)TH_NS_PER_HOUR);
        struct lab_task *t = add(s, d, install, when);
        t->host = h;
        t->fact = f;
        t = add(s, d, report, when + 5 * TH_NS_PER_MIN);
        t->host = h;
        t->period_ns = period;
        t->jitter = jitter;
    }
}

/* ---- a new service, a new server ---- */

static void use_service(struct lab_actor *a, struct lab_task *t)
{
    if (put_off(a, t))
        return;
    lab_fact_did(t->fact, a->dev, t->next_ns, t->next_ns);
    lab_app_saas(a, t);
}

/* More and more people: a few try it in the first two days, then the share grows along an S over
 * three weeks, up to two thirds. */
static void plan_newapp(struct lab_sim *s, int64_t at, uint64_t nth)
{
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_NEWAPP, UINT32_MAX - nth);
    struct lab_fact *f =
        lab_fact_new(s, LAB_LIFE_NEWAPP, "a new service, used by more devices every day");
    f->host = change_host(s, &r, "app");
    for (uint32_t i = 0; i < s->dev_count; i++) {
        double third = (lab_unit(&r) + lab_unit(&r) + lab_unit(&r)) / 3.0;
        bool takes = lab_chance(&r, 0.67), first = lab_chance(&r, 0.08);
        int64_t mean = 5 * TH_NS_PER_MIN + (int64_t)(lab_unit(&r) * 20.0 * (double)TH_NS_PER_MIN);
        if (!takes || !is_pc(&s->dev[i]) || s->dev[i].merged ||
            lab_role_of(s, &s->dev[i]) == LAB_KIOSK)
            continue;
        struct lab_task *t = lab_task_add(&s->dev[i], use_service,
            at + (int64_t)((first ? third / 8 : third) * 21.0 * (double)TH_NS_PER_DAY));
        t->host = (struct lab_host *)(uintptr_t)f->host;
        t->period_ns = mean;
        t->fact = f;
    }
}

static void use_server(struct lab_actor *a, struct lab_task *t)
{
    if (put_off(a, t))
        return;
    unsigned n = 1 + lab_below(&a->rng, 5);
    int64_t ts = t->next_ns;
    lab_fact_did(t->fact, a->dev, ts, ts);
    for (unsigned i = 0; i < n; i++) {
        ts = lab_tls_inside(a, ts, t->peer, 443, a->dev->browser,
            lab_bytes(&a->rng, 2500, 0.8, 300, 4000000),
            lab_bytes(&a->rng, 60000, 1.1, 800, 20000000), lab_exp_ns(&a->rng, 9 * TH_NS_PER_S));
        ts += lab_exp_ns(&a->rng, 6 * TH_NS_PER_S);
    }
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

static void plan_server(struct lab_sim *s, struct lab_device *server)
{
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_SERVER, server->no);
    struct lab_fact *f = lab_fact_new(s, LAB_LIFE_SERVER, "a new inside server, for everybody");
    f->server = server;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        int64_t first = lab_exp_ns(&r, 8 * TH_NS_PER_HOUR);
        if (!is_pc(d) || d->merged || lab_role_of(s, d) == LAB_KIOSK)
            continue;
        struct lab_task *t = add(s, d, use_server, server->joins_ns + TH_NS_PER_HOUR + first);
        t->peer = server;
        t->period_ns = 50 * TH_NS_PER_MIN;
        t->fact = f;
    }
}

/* ---- a holiday, a merger: they are in the office already; here is what is told of them ---- */

static void tell_holiday(struct lab_sim *s, int64_t at)
{
    struct lab_fact *f = lab_fact_new(s, LAB_LIFE_HOLIDAY, "a public holiday");
    int64_t day = th_time_floor(at, TH_NS_PER_DAY);
    bool seen = day >= s->opt.start_ns && day < s->opt.end_ns;
    for (uint32_t i = 0; seen && i < s->dev_count; i++)
        if (s->dev[i].person >= 0)
            lab_fact_did(f, &s->dev[i], day, day + TH_NS_PER_DAY);
}

static void join(struct lab_actor *a, struct lab_task *t)
{
    lab_fact_did(t->fact, a->dev, t->next_ns, t->next_ns);
    done(t);
}

static void reach_over(struct lab_actor *a, struct lab_task *t)
{
    if (put_off(a, t))
        return;
    struct lab_device *fs = a->sim->by_kind[LAB_FILE];
    struct lab_flow *f = lab_smb(a, t->next_ns, fs, "Public", lab_exp_ns(&a->rng, TH_NS_PER_MIN),
        4000, lab_bytes(&a->rng, 300000, 1.4, 3000, 300000000));
    lab_ntlm(a, f, t->next_ns + 8 * TH_NS_PER_MS, fs, a->sim->person[a->dev->person].user,
        lab_chance(&a->rng, 0.9));
    lab_submit(a, f);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

static void plan_merger(struct lab_sim *s)
{
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_MERGER, UINT32_MAX);
    struct lab_fact *f = lab_fact_new(s, LAB_LIFE_MERGER, "the network of %s joins, domain %s",
        s->merged->netbios, s->merged->domain);
    f->server = s->merged->by_kind[LAB_DC];
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        if (!d->merged)
            continue;
        add(s, d, join, d->joins_ns + TH_NS_PER_S)->fact = f;
        if (d->person < 0 || !lab_chance(&r, 0.4))
            continue;
        /* From the second day on some work on our file server too. */
        struct lab_task *t =
            add(s, d, reach_over, d->joins_ns + TH_NS_PER_DAY + lab_exp_ns(&r, 3 * TH_NS_PER_DAY));
        t->period_ns = 2 * TH_NS_PER_HOUR;
    }
}

void lab_life_changes(struct lab_sim *s)
{
    const struct lab_life_plan *l = &s->opt.life;
    /* Known as rare once the usual pollers have chosen theirs. */
    lab_world_add_rare(s->world, s->life->host, s->life->host_count);
    for (unsigned i = 0; i < l->when[LAB_LIFE_PATCH].n; i++)
        plan_patch(s, l->when[LAB_LIFE_PATCH].at_ns[i], i);
    for (unsigned i = 0; i < l->when[LAB_LIFE_ROLLOUT].n; i++)
        plan_rollout(s, l->when[LAB_LIFE_ROLLOUT].at_ns[i], i);
    for (unsigned i = 0; i < l->when[LAB_LIFE_HOLIDAY].n; i++)
        tell_holiday(s, l->when[LAB_LIFE_HOLIDAY].at_ns[i]);
    for (unsigned i = 0; i < l->when[LAB_LIFE_NEWAPP].n; i++)
        plan_newapp(s, l->when[LAB_LIFE_NEWAPP].at_ns[i], i);
    for (uint32_t i = 0; i < s->dev_count; i++)
        if (s->dev[i].kind == LAB_WEB && !s->dev[i].merged && s->dev[i].joins_ns != INT64_MIN)
            plan_server(s, &s->dev[i]);
    if (s->merged)
        plan_merger(s);
}
