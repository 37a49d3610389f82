/* SPDX-License-Identifier: Apache-2.0 */
/* Who works as what, and what people of a role do that others do not. */
#include "roles.h"
#include "base/mem.h"
#include "life.h"

#define ALL_ONE                                                                                    \
    {                                                                                              \
        1, 1, 1, 1, 1, 1, 1, 1, 1                                                                  \
    }

static const struct role {
    const char *name;
    double share;                 /* of the people; administrators are chosen already */
    double rate[LAB_HABIT_COUNT]; /* browse, video, saas, meeting, mail, print, intranet, files,
                                     administration */
    double shift_h;               /* comes later */
    uint8_t away;                 /* percent of days that a laptop is elsewhere */
    int8_t folder;                /* on the file server; -1: anybody's */
} roles[LAB_ROLE_COUNT] = {
    [LAB_STAFF] = {"staff", 0, ALL_ONE, 0, 22, -1},
    [LAB_CLERK] = {"clerk", 0.39, {1, 0.8, 1, 0.8, 1.2, 1.4, 1.3, 1.2, 1}, -0.2, 15, 3},
    [LAB_DEVELOPER] = {"developer", 0.22, {1.2, 1.2, 0.7, 1, 0.6, 0.1, 0.6, 0.3, 1}, 0.9, 30, 4},
    [LAB_FINANCE] = {"finance", 0.12, {0.7, 0.3, 0.9, 0.7, 1.3, 2.2, 1, 1.8, 1}, -0.3, 10, 1},
    [LAB_SALES] = {"sales", 0.18, {1.1, 0.7, 1.7, 2, 1.6, 0.8, 0.6, 0.7, 1}, 0.2, 42, 2},
    [LAB_SUPPORT] = {"support", 0.09, {0.9, 0.5, 1.4, 0.5, 1, 0.4, 2.5, 0.6, 1}, -0.5, 8, 3},
    [LAB_ADMINISTRATOR] = {"administrator", 0, {1, 0.6, 0.8, 0.8, 0.9, 0.1, 1, 0.6, 2.5}, 0, 20, 4},
    [LAB_KIOSK] = {"kiosk", 0, {0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, 3},
    [LAB_PRODUCTION] = {"production", 0, {0.4, 0.2, 0.5, 0.3, 0.5, 0.6, 0.4, 2, 0}, -1.8, 0, 0},
};

const char *lab_role_name(enum lab_role r)
{
    return roles[r].name;
}

enum lab_role lab_role_of(const struct lab_sim *s, const struct lab_device *d)
{
    return d->person < 0 ? LAB_STAFF : (enum lab_role)s->person[d->person].role;
}

double lab_role_rate(const struct lab_sim *s, const struct lab_device *d, enum lab_habit h)
{
    return roles[lab_role_of(s, d)].rate[h];
}

unsigned lab_role_away(const struct lab_sim *s, const struct lab_device *d)
{
    return roles[lab_role_of(s, d)].away;
}

static enum lab_role draw_role(struct lab_rng *r)
{
    double u = lab_unit(r);
    for (unsigned k = LAB_CLERK; k < LAB_KIOSK; k++) {
        if (u < roles[k].share)
            return (enum lab_role)k;
        u -= roles[k].share;
    }
    return LAB_CLERK;
}

void lab_role_take(struct lab_person *p, enum lab_role role)
{
    p->role = (uint8_t)role;
    p->shift_ns += (int64_t)(roles[role].shift_h * (double)TH_NS_PER_HOUR);
    if (roles[role].folder >= 0)
        p->share = (uint8_t)roles[role].folder;
    if (role == LAB_KIOSK)
        p->activity = 1;
}

void lab_roles_assign(struct lab_sim *s)
{
    uint32_t workstations = 0;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        if (d->person < 0 || s->person[d->person].role != LAB_STAFF)
            continue;
        struct lab_person *p = &s->person[d->person];
        struct lab_rng r = lab_life_rng(s, LAB_LIFE_ROLES, (uint64_t)d->person);
        /* A person's first device is the computer he works at. */
        bool kiosk = d->kind == LAB_WORKSTATION && workstations++ % 25 == 8 && !p->admin;
        lab_role_take(p, p->admin ? LAB_ADMINISTRATOR : kiosk ? LAB_KIOSK : draw_role(&r));
    }
}

/* Work on source code: fetch, push, look at reviews. */
static void code(struct lab_actor *a, struct lab_task *t)
{
    bool fetch = lab_chance(&a->rng, 0.75);
    struct lab_web w = {.tls = &a->sim->tls[LAB_TLS_OPENSSL],
        .up = lab_bytes(&a->rng, fetch ? 3000 : 60000, fetch ? 0.3 : 1.4, 900, 90000000),
        .down = lab_bytes(&a->rng, fetch ? 90000 : 3000, fetch ? 1.8 : 0.4, 900, 900000000),
        .dur_ns = TH_NS_PER_S + lab_exp_ns(&a->rng, 6 * TH_NS_PER_S)};
    lab_tls_to(a, t->next_ns, a->sim->world->code, &w);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

/* What a program is built of, fetched when it changes: many files at once. */
static void packages(struct lab_actor *a, struct lab_task *t)
{
    struct lab_world *w = a->sim->world;
    unsigned n = 2 + lab_below(&a->rng, 18);
    int64_t ts = t->next_ns;
    for (unsigned i = 0; i < n; i++) {
        struct lab_web web = {
            .tls = &a->sim->tls[lab_chance(&a->rng, 0.5) ? LAB_TLS_GO : LAB_TLS_JAVA],
            .up = 1800,
            .down = lab_bytes(&a->rng, 200000, 1.7, 1000, 400000000),
            .dur_ns = lab_exp_ns(&a->rng, 4 * TH_NS_PER_S)};
        struct lab_host *h = lab_chance(&a->rng, 0.6) ? w->mirror : w->rare[lab_below(&a->rng, 40)];
        lab_tls_to(a, ts, h, &web);
        ts += 50 * TH_NS_PER_MS + lab_exp_ns(&a->rng, 2 * TH_NS_PER_S);
    }
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

static void shell(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = lab_exp_ns(&a->rng, 20 * TH_NS_PER_MIN);
    uint64_t seconds = (uint64_t)(len / TH_NS_PER_S);
    lab_ssh(a, t->next_ns, a->sim->by_kind[LAB_BUILD], len, 60 * seconds, 400 * seconds,
        lab_chance(&a->rng, 0.97));
    t->next_ns = lab_rhythm_next(a, t->next_ns + len, t->period_ns);
}

/* Reports from the database; thrice as many in the days of a month's end. */
static void reports(struct lab_actor *a, struct lab_task *t)
{
    uint64_t rows = lab_bytes(&a->rng, 400000, 1.3, 2000, 400000000);
    lab_talk_to(a, t->next_ns, LAB_TCP, a->sim->by_kind[LAB_DB], 5432, "postgresql",
        lab_exp_ns(&a->rng, 2 * TH_NS_PER_MIN), 4000, rows);
    bool month_end = t->next_ns / TH_NS_PER_DAY % 30 < 3;
    t->next_ns = lab_rhythm_next(a, t->next_ns, month_end ? t->period_ns / 3 : t->period_ns);
}

/* One service of the trade: a bank, customers' data, tickets. */
static void trade(struct lab_actor *a, struct lab_task *t)
{
    struct lab_web w = {.tls = a->dev->browser,
        .up = lab_bytes(&a->rng, (double)t->up, 0.9, 400, 80000000),
        .down = lab_bytes(&a->rng, (double)t->down, 1.1, 400, 40000000),
        .dur_ns = TH_NS_PER_S + lab_exp_ns(&a->rng, 40 * TH_NS_PER_S)};
    lab_tls_to(a, t->next_ns, t->host, &w);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

/* A kiosk shows one page of the intranet, over and over. */
static void show(struct lab_actor *a, struct lab_task *t)
{
    lab_tls_inside(a, t->next_ns, a->sim->by_kind[LAB_WEB], 443, a->dev->browser, 900,
        lab_bytes(&a->rng, 26000, 0.3, 4000, 400000), lab_exp_ns(&a->rng, 5 * TH_NS_PER_S));
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

/* Help for somebody at his computer, from an administrator's. */
static void help_desk(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *to = lab_any(a, LAB_WORKSTATION);
    const struct lab_person *p = &a->sim->person[a->dev->person];
    int64_t len = TH_NS_PER_MIN + lab_exp_ns(&a->rng, 8 * TH_NS_PER_MIN);
    if (to && to != a->dev && to->was_on)
        lab_rdp(a, lab_lookup(a, t->next_ns, &to->as_host), to, len, p->user,
            lab_chance(&a->rng, 0.95));
    t->next_ns = lab_rhythm_next(a, t->next_ns + len, t->period_ns);
}

/* Configuration by script: a shell on each Linux server in turn. */
static void configure(struct lab_actor *a, struct lab_task *t)
{
    static const enum lab_kind kinds[] = {LAB_WEB, LAB_DB, LAB_BACKUP, LAB_BUILD, LAB_MONITOR};
    int64_t ts = t->next_ns;
    for (size_t k = 0; k < TH_ARRAY_LEN(kinds); k++)
        for (uint32_t i = 0; i < a->sim->kind_count[kinds[k]]; i++) {
            int64_t len = TH_NS_PER_S + lab_exp_ns(&a->rng, 9 * TH_NS_PER_S);
            lab_ssh(a, ts, lab_nth(a->sim, kinds[k], i), len, 9000, 14000, true);
            ts += 200 * TH_NS_PER_MS + lab_exp_ns(&a->rng, 3 * TH_NS_PER_S);
        }
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

static struct lab_task *give(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t mean_ns)
{
    struct lab_task *t = lab_task_add(d, fn, lab_rhythm_next(&d->self, s->opt.start_ns, mean_ns));
    t->period_ns = mean_ns;
    return t;
}

static void give_trade(struct lab_sim *s, struct lab_device *d, struct lab_host *h, int64_t mean_ns,
    uint64_t up, uint64_t down)
{
    struct lab_task *t = give(s, d, trade, mean_ns);
    t->host = h;
    t->up = up;
    t->down = down;
}

void lab_give_role(struct lab_sim *s, struct lab_device *d)
{
    struct lab_world *w = s->world;
    if (d->kind == LAB_PHONE)
        return;
    switch (lab_role_of(s, d)) {
    case LAB_DEVELOPER:
        give(s, d, code, 18 * TH_NS_PER_MIN);
        give(s, d, packages, 3 * TH_NS_PER_HOUR);
        give(s, d, shell, 80 * TH_NS_PER_MIN);
        break;
    case LAB_FINANCE:
        give(s, d, reports, 35 * TH_NS_PER_MIN);
        give_trade(s, d, w->rare[40], 2 * TH_NS_PER_HOUR, 4000, 30000);
        break;
    case LAB_SALES:
        give_trade(s, d, w->saas[5], 5 * TH_NS_PER_MIN, 3000, 24000);
        give_trade(s, d, w->saas[4], 12 * TH_NS_PER_HOUR, 20000000, 9000); /* slides */
        break;
    case LAB_SUPPORT: give_trade(s, d, w->saas[6], 4 * TH_NS_PER_MIN, 2500, 18000); break;
    case LAB_ADMINISTRATOR:
        give(s, d, help_desk, 70 * TH_NS_PER_MIN);
        give(s, d, configure, 5 * TH_NS_PER_HOUR);
        break;
    case LAB_KIOSK: give(s, d, show, 2 * TH_NS_PER_MIN); break;
    default: break;
    }
}
