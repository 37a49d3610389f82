/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Habits that are rare and benign: much sent to a cloud, connections of days, passwords that are
 * wrong, and software that reports home to hosts of all popularities.
 */
#include "base/mem.h"
#include "life.h"
#include "roles.h"

#include <stdio.h>

/* Hosts that this share of the devices polls, some for each share: what beacons are held against.
 */
static const double shares[] = {0.01, 0.01, 0.01, 0.03, 0.03, 0.03, 0.1, 0.1, 0.1};
#define OWN_HOST_SHARE 0.12  /* devices that poll a host nobody else knows */
#define ELSEWHERE_SHARE 0.03 /* of uploads, to a place that few use */

static struct lab_host *new_host(struct lab_sim *s, struct lab_rng *r, const char *prefix)
{
    char domain[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    lab_name_domain(r, domain);
    snprintf(name, sizeof name, "%s.%s", prefix, domain);
    return lab_world_host(s->world, r, name);
}

void lab_fact_of_poller(struct lab_sim *s, struct lab_task *t)
{
    if (!lab_life_has(s, LAB_LIFE_POLLERS))
        return;
    t->fact = lab_fact_new(s, LAB_LIFE_POLLERS, "software that reports home");
    t->fact->host = t->host;
    t->fact->period_ns = t->period_ns;
    t->fact->jitter = t->jitter;
}

static void poll_hosts(struct lab_sim *s)
{
    struct lab_life *l = s->life;
    struct lab_rng r = lab_life_rng(s, LAB_LIFE_POLLERS, UINT32_MAX);
    l->host_count = (uint32_t)TH_ARRAY_LEN(shares);
    l->host = th_arena_alloc(&l->mem, l->host_count * sizeof(struct lab_host *));
    for (uint32_t i = 0; i < l->host_count; i++)
        l->host[i] = new_host(s, &r, "agent");
}

static void give_pollers(struct lab_sim *s, struct lab_device *d)
{
    struct lab_rng *r = &d->self.rng;
    if (!s->life->host)
        poll_hosts(s);
    for (uint32_t i = 0; i < s->life->host_count; i++)
        if (lab_chance(r, shares[i]))
            lab_give_poller(s, d, s->life->host[i]);
    if (lab_chance(r, OWN_HOST_SHARE))
        lab_give_poller(s, d, new_host(s, r, "device-api"));
}

/* A folder, a recording, a backup of one's own to the cloud; now and then to a customer's place. */
static void upload(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_world *world = a->sim->world;
    bool elsewhere = lab_chance(&a->rng, ELSEWHERE_SHARE);
    const struct lab_host *to =
        elsewhere ? world->rare[lab_below(&a->rng, world->rare_count)] : t->host;
    uint64_t size = lab_bytes(&a->rng, 1.2e9, 1.1, 100000000, UINT64_C(20000000000));
    int64_t len = (int64_t)(size / (uint64_t)lab_range(&a->rng, 3, 12)) * 1000;
    struct lab_web w = {.tls = a->dev->app, .up = size, .down = size / 600, .dur_ns = len};
    int64_t end = lab_tls_to(a, t->next_ns, to, &w);
    if (size >= 500000000) {
        struct lab_fact *f = lab_fact_new(
            a->sim, LAB_LIFE_UPLOADS, "%.2f GB synchronised to the cloud", (double)size / 1e9);
        f->host = to;
        lab_fact_did(f, a->dev, t->next_ns, end);
    }
    t->next_ns = lab_rhythm_next(a, end, t->period_ns);
}

static int64_t some_days(struct lab_rng *r)
{
    return TH_NS_PER_DAY + lab_exp_ns(r, 2 * TH_NS_PER_DAY) % (6 * TH_NS_PER_DAY);
}

/* A shell that somebody leaves open on a machine that is never switched off. */
static void long_shell(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = some_days(&a->rng);
    uint64_t minutes = (uint64_t)(len / TH_NS_PER_MIN);
    struct lab_device *to = a->sim->by_kind[LAB_BUILD];
    struct lab_fact *f = lab_fact_new(
        a->sim, LAB_LIFE_SESSIONS, "a shell open for %.1f days", (double)len / 86400e9);
    f->server = to;
    lab_ssh(a, t->next_ns, to, len, minutes * 220, minutes * 400, true);
    lab_fact_did(f, a->dev, t->next_ns, t->next_ns + len);
    t->next_ns = lab_rhythm_next(a, t->next_ns + len, t->period_ns);
}

/* A server's link to a service: one connection after another, each of days. */
static void long_link(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = some_days(&a->rng);
    uint64_t minutes = (uint64_t)(len / TH_NS_PER_MIN);
    struct lab_fact *f =
        lab_fact_new(a->sim, LAB_LIFE_SESSIONS, "a link held for %.1f days", (double)len / 86400e9);
    struct lab_web w = {
        .tls = a->dev->app, .up = minutes * t->up, .down = minutes * t->down, .dur_ns = len};
    f->host = t->host;
    int64_t end = lab_tls_to(a, t->next_ns, t->host, &w);
    lab_fact_did(f, a->dev, t->next_ns, end);
    t->next_ns = end + TH_NS_PER_S + lab_exp_ns(&a->rng, TH_NS_PER_MIN);
}

static void wrong_password(struct lab_actor *a, int64_t ts, const char *error)
{
    char client[128], service[128];
    const char *domain = lab_own_domain(a);
    int n = snprintf(client, sizeof client, "%s/%s", a->sim->person[a->dev->person].user, domain);
    int m = snprintf(service, sizeof service, "krbtgt/%s", domain);
    lab_kerberos(a, ts, lab_dns_server(a), "AS",
        th_str_n(client, TH_MIN((size_t)n, sizeof client - 1)),
        th_str_n(service, TH_MIN((size_t)m, sizeof service - 1)), error);
}

/* Somebody does not know his password: he tries some, and now and then is locked out. */
static void forgotten(struct lab_actor *a, struct lab_task *t)
{
    unsigned n = 2 + lab_below(&a->rng, 5);
    int64_t ts = t->next_ns;
    for (unsigned i = 0; i < n; i++) {
        wrong_password(a, ts, i < 4 ? "KDC_ERR_PREAUTH_FAILED" : "KDC_ERR_CLIENT_REVOKED");
        ts += 4 * TH_NS_PER_S + lab_exp_ns(&a->rng, 12 * TH_NS_PER_S);
    }
    if (n > 4) /* the help desk unlocks it */
        ts += 8 * TH_NS_PER_MIN + lab_exp_ns(&a->rng, 15 * TH_NS_PER_MIN);
    wrong_password(a, ts, NULL);
    struct lab_fact *f = lab_fact_new(a->sim, LAB_LIFE_LOGINS, "a password forgotten, %u tries", n);
    f->server = lab_dns_server(a);
    lab_fact_did(f, a->dev, t->next_ns, ts);
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

/* A service that was not told of a new password tries the old one, until somebody tells it. */
static void old_password(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *fs = a->sim->by_kind[LAB_FILE];
    if (!t->up) { /* it begins: so many times */
        t->up = 20 + lab_below(&a->rng, 120);
        t->fact = lab_fact_new(a->sim, LAB_LIFE_LOGINS, "a service with an old password");
        t->fact->server = fs;
    }
    struct lab_flow *f = lab_smb(a, t->next_ns, fs, "IPC$", 5 * TH_NS_PER_MS, 0, 0);
    lab_ntlm(a, f, t->next_ns + 2 * TH_NS_PER_MS, fs, "svc-inventory", false);
    lab_submit(a, f);
    lab_fact_did(t->fact, a->dev, t->next_ns, t->next_ns);
    t->next_ns += --t->up ? 10 * TH_NS_PER_MIN + lab_exp_ns(&a->rng, 4 * TH_NS_PER_S)
                          : 3 * TH_NS_PER_DAY + lab_exp_ns(&a->rng, 6 * TH_NS_PER_DAY);
}

static struct lab_task *human(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t mean_ns)
{
    struct lab_task *t = lab_task_add(d, fn, lab_rhythm_next(&d->self, s->opt.start_ns, mean_ns));
    t->period_ns = mean_ns;
    return t;
}

static struct lab_task *machine(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t within_ns)
{
    return lab_task_add(
        d, fn, s->opt.start_ns + (int64_t)(lab_unit(&d->self.rng) * (double)within_ns));
}

static void give_sessions(struct lab_sim *s, struct lab_device *d, bool pc)
{
    struct lab_rng *r = &d->self.rng;
    if (pc && d->always_on && !d->merged && lab_chance(r, 0.15))
        human(s, d, long_shell, 12 * TH_NS_PER_HOUR);
    if (d->kind == LAB_WEB || d->kind == LAB_MONITOR || d->kind == LAB_PBX) {
        struct lab_task *t = machine(s, d, long_link, TH_NS_PER_DAY);
        t->host = d->kind == LAB_PBX ? s->world->sip : s->world->saas[d->no % 6];
        t->up = 900;
        t->down = 1400;
    }
}

void lab_life_habits(struct lab_sim *s, struct lab_device *d)
{
    bool pc = d->person >= 0 && d->kind != LAB_VOIP && d->kind != LAB_PHONE &&
        lab_role_of(s, d) != LAB_KIOSK;
    if (lab_life_has(s, LAB_LIFE_POLLERS))
        give_pollers(s, d);
    if (lab_life_has(s, LAB_LIFE_PROGRAMS) && (pc || d->kind == LAB_PHONE))
        lab_life_programs(s, d);
    if (lab_life_has(s, LAB_LIFE_UPLOADS) && pc)
        human(s, d, upload, 45 * TH_NS_PER_HOUR)->host =
            s->world->saas[lab_zipf(&d->self.rng, s->world->saas_count, 0.6)];
    if (lab_life_has(s, LAB_LIFE_SESSIONS))
        give_sessions(s, d, pc);
    if (lab_life_has(s, LAB_LIFE_LOGINS) && pc && d->os == LAB_OS_WINDOWS)
        human(s, d, forgotten, 70 * TH_NS_PER_HOUR);
    if (lab_life_has(s, LAB_LIFE_LOGINS) && d->kind == LAB_MONITOR)
        machine(s, d, old_password, 6 * TH_NS_PER_DAY);
}
