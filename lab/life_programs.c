/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that people have beside the usual ones: a long tail of makers, each with a host of its
 * own and, more often than not, a hello of its own, which changes with its versions. Somebody
 * installs one every few weeks, mostly one that few others have, and is rid of every third within
 * days. So new software that speaks to a new and rare place is part of every working day; a lab
 * without it would teach that it is a sign of an attack.
 *
 * How often is an assumption, not a measurement: WORKDAYS from one to the next.
 */
#include "base/mem.h"
#include "life.h"
#include "roles.h"

#include <stdio.h>

#define PROGRAMS 500u
#define POPULARITY 0.9  /* exponent of Zipf's law, over programs */
#define STACKS 160u     /* hellos that libraries and their versions make, among programs */
#define WORKDAYS 20     /* from one that somebody installs to the next */
#define PHONE_DAYS 8    /* the same on a telephone */
#define VERSION_DAYS 60 /* from one changed hello to the next */
#define LAG_DAYS 6      /* until a version has reached all devices */
#define HELLOS 4u

enum form { FORM_TLS, FORM_HTTP, FORM_OWN };

struct lab_program {
    uint32_t no;
    enum form form;
    struct lab_host *host, *files;       /* what it speaks to, and where it is fetched from */
    const struct lab_tls *hello[HELLOS]; /* by version; a telephone's apps have the system's */
    int64_t until_ns[HELLOS];            /* when the next version replaces it */
    uint16_t port;
    bool polls;
    int64_t period_ns; /* of its calls; of presence, unless it polls */
    double jitter;
    uint64_t up, down;
    struct th_str agent;
};

struct lab_programs {
    struct lab_program program[PROGRAMS];
    struct lab_tls stack[STACKS];
};

static struct lab_host *host_of(
    struct lab_sim *s, struct lab_rng *r, const char *at, const char *domain)
{
    char name[2 * LAB_NAME_LEN];
    snprintf(name, sizeof name, "%s.%s", at, domain);
    return lab_world_host(s->world, r, name);
}

static struct th_str agent_of(struct lab_sim *s, struct lab_rng *r)
{
    char word[LAB_NAME_LEN], text[2 * LAB_NAME_LEN];
    lab_name_word(r, word);
    int n = snprintf(text, sizeof text, "%s/%u.%u", word, 1 + lab_below(r, 9), lab_below(r, 30));
    return th_arena_str(&s->life->mem, th_str_n(text, (size_t)n));
}

static void draw_hellos(
    struct lab_sim *s, struct lab_programs *all, struct lab_program *p, struct lab_rng *r)
{
    static const enum lab_tls_id common[] = {
        LAB_TLS_APP, LAB_TLS_GO, LAB_TLS_OPENSSL, LAB_TLS_JAVA, LAB_TLS_SYSTEM};
    int64_t at = s->opt.start_ns;
    bool own = lab_chance(r, 0.6);
    for (unsigned i = 0; i < HELLOS; i++) {
        p->hello[i] = own ? &all->stack[lab_zipf(r, STACKS, 0.5)]
                          : &s->tls[common[lab_below(r, TH_ARRAY_LEN(common))]];
        at += lab_exp_ns(r, VERSION_DAYS * TH_NS_PER_DAY);
        p->until_ns[i] = own ? at : INT64_MAX; /* libraries of everybody change with the system */
    }
}

static void draw_program(
    struct lab_sim *s, struct lab_programs *all, uint32_t no, struct lab_rng *r)
{
    static const uint16_t ports[] = {8443, 4443, 5222, 9443, 7070, 8883, 10443, 3478};
    struct lab_program *p = &all->program[no];
    char domain[LAB_NAME_LEN];
    double u = lab_unit(r);
    lab_name_domain(r, domain);
    *p = (struct lab_program){.no = no,
        .form = u < 0.86 ? FORM_TLS
            : u < 0.94   ? FORM_HTTP
                         : FORM_OWN};
    p->host = host_of(s, r, lab_chance(r, 0.5) ? "api" : "sync", domain);
    p->files = lab_chance(r, 0.5) ? host_of(s, r, "download", domain) : p->host;
    p->port = p->form == FORM_OWN ? (uint16_t)lab_range(r, 1400, 29000)
        : p->form == FORM_HTTP    ? 80
        : lab_chance(r, 0.12)     ? ports[lab_below(r, TH_ARRAY_LEN(ports))]
                                  : 0;
    p->polls = lab_chance(r, 0.35);
    lab_draw_beat(r, &p->period_ns, &p->jitter);
    if (!p->polls)
        p->period_ns = (int64_t)lab_lognormal(r, 150, 1) * TH_NS_PER_MIN + TH_NS_PER_MIN;
    p->up = lab_bytes(r, 1500, 1.2, 150, 2000000);
    p->down = lab_bytes(r, 6000, 1.5, 150, 40000000);
    p->agent = agent_of(s, r);
    draw_hellos(s, all, p, r);
}

static struct lab_programs *draw_all(struct lab_sim *s)
{
    struct lab_programs *all = th_arena_alloc(&s->life->mem, sizeof *all);
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_PROGRAMS, UINT32_MAX);
    for (uint32_t i = 0; i < STACKS; i++)
        lab_software_variant(
            &s->tls[lab_below(&r, LAB_TLS_IMPLANT)], &r, &s->life->mem, &all->stack[i]);
    for (uint32_t i = 0; i < PROGRAMS; i++)
        draw_program(s, all, i, &r);
    return all;
}

/* The version that a device has reached at t. */
static const struct lab_tls *hello_at(
    const struct lab_actor *a, const struct lab_program *p, int64_t t)
{
    const struct lab_device *d = a->dev;
    int64_t lag = (int64_t)(lab_chance_hash(a->sim->opt.seed, d->no, p->no) % (LAG_DAYS * 24)) *
        TH_NS_PER_HOUR;
    unsigned i = 0;
    if (d->os == LAB_OS_PHONE)
        return d->system;
    while (i + 1 < HELLOS && t - lag >= p->until_ns[i])
        i++;
    return p->hello[i];
}

static int64_t own_protocol(
    struct lab_actor *a, int64_t ts, const struct lab_program *p, uint64_t up, uint64_t down)
{
    ts = lab_lookup(a, ts, p->host);
    struct lab_flow *f = lab_open(a, ts, LAB_TCP, &p->host->v4[0], p->port);
    f->up = up;
    f->down = down;
    f->dur_ns = 100 * TH_NS_PER_MS + lab_exp_ns(&a->rng, 3 * TH_NS_PER_S);
    ts += f->dur_ns;
    lab_submit(a, f);
    return ts;
}

static int64_t call(struct lab_actor *a, int64_t ts, const struct lab_program *p)
{
    uint64_t up = lab_bytes(&a->rng, (double)p->up, p->polls ? 0.12 : 0.7, 60, 1u << 26);
    uint64_t down = lab_bytes(&a->rng, (double)p->down, p->polls ? 0.2 : 0.9, 60, 1u << 28);
    int64_t dur_ns = lab_exp_ns(&a->rng, p->polls ? 600 * TH_NS_PER_MS : 8 * TH_NS_PER_S);
    if (p->form == FORM_OWN)
        return own_protocol(a, ts, p, up, down);
    if (p->form == FORM_HTTP) {
        struct lab_request q = {.uri = th_str_c("/api/v1/status"),
            .user_agent = p->agent,
            .mime = th_str_c("application/json"),
            .down = down,
            .dur_ns = dur_ns};
        return lab_http(a, ts, p->host, &q);
    }
    struct lab_web w = {
        .tls = hello_at(a, p, ts), .port = p->port, .up = up, .down = down, .dur_ns = dur_ns};
    return lab_tls_to(a, ts, p->host, &w);
}

/* Fetched by the browser, or from a store; then it greets its maker some times. */
static int64_t install(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_program *p = t->program;
    int64_t ts = t->next_ns;
    if (a->dev->os != LAB_OS_PHONE) {
        uint64_t size = lab_bytes(&a->rng, 3e7, 1, 800000, 900000000);
        struct lab_web w = {
            .tls = a->dev->browser, .up = 2500, .down = size, .dur_ns = (int64_t)(size / 9) * 1000};
        ts = lab_tls_to(a, ts, p->files, &w);
    }
    ts += 20 * TH_NS_PER_S + lab_exp_ns(&a->rng, TH_NS_PER_MIN);
    for (unsigned i = 1 + lab_below(&a->rng, 4); i > 0; i--)
        ts = call(a, ts, p) + lab_exp_ns(&a->rng, 4 * TH_NS_PER_S);
    return ts;
}

/* t->n: is there; t->up: calls until it is removed, 0: it stays. */
static void run(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_program *p = t->program;
    int64_t end = t->n ? call(a, t->next_ns, p) : install(a, t);
    t->n = 1;
    if (t->fact)
        lab_fact_did(t->fact, a->dev, t->next_ns, end);
    if (t->up && --t->up == 0)
        t->next_ns = INT64_MAX;
    else if (p->polls)
        t->next_ns = end + lab_beat_gap(&a->rng, p->period_ns, p->jitter);
    else
        t->next_ns = lab_rhythm_next(a, end, p->period_ns);
}

static struct lab_task *give(struct lab_device *d, const struct lab_program *p, int64_t at)
{
    struct lab_task *t = lab_task_add(d, run, at);
    t->program = p;
    return t;
}

/* When somebody who is there on this day installs something. */
static bool installs(struct lab_actor *planner, int64_t day_ns, int64_t *ret_ns)
{
    bool phone = planner->dev->os == LAB_OS_PHONE;
    if (!lab_chance(&planner->rng, 1.0 / (phone ? PHONE_DAYS : WORKDAYS)))
        return false;
    *ret_ns = lab_rhythm_next(planner, day_ns, 3 * TH_NS_PER_HOUR);
    return *ret_ns < day_ns + TH_NS_PER_DAY;
}

void lab_life_programs(struct lab_sim *s, struct lab_device *d)
{
    if (!s->life->programs)
        s->life->programs = draw_all(s);
    const struct lab_program *all = s->life->programs->program;
    struct lab_actor planner = d->self; /* the same device, by a chance of its own */
    planner.rng = lab_life_rng(s, LAB_LIFE_PROGRAMS, d->no);
    struct lab_rng *r = &planner.rng;
    for (unsigned i = 3 + lab_below(r, 7); i > 0; i--) {
        const struct lab_program *p = &all[lab_zipf(r, PROGRAMS, POPULARITY)];
        give(d, p, s->opt.start_ns + lab_exp_ns(r, 6 * TH_NS_PER_HOUR))->n = 1;
    }
    for (int64_t at, day = s->opt.start_ns; day < s->opt.end_ns; day += TH_NS_PER_DAY) {
        if (!installs(&planner, day, &at))
            continue;
        struct lab_task *t = give(d, &all[lab_zipf(r, PROGRAMS, POPULARITY)], at);
        t->up = lab_chance(r, 0.33) ? 3 + lab_below(r, 60) : 0;
        t->fact = lab_fact_new(s, LAB_LIFE_PROGRAMS, "a program that was not there before");
        t->fact->host = t->program->host;
    }
}
