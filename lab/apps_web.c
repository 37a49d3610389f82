/* SPDX-License-Identifier: Apache-2.0 */
/* People at browsers. */
#include "apps.h"
#include "base/mem.h"

#include <stdio.h>

static struct lab_site *pick_site(struct lab_actor *a)
{
    struct lab_world *w = a->sim->world;
    if (a->dev->person < 0 || lab_chance(&a->rng, 0.2))
        return &w->sites[lab_zipf(&a->rng, w->site_count, lab_chance(&a->rng, 0.4) ? 0.3 : 0.85)];
    const struct lab_person *p = &a->sim->person[a->dev->person];
    return &w->sites[p->site[lab_zipf(&a->rng, LAB_HABIT_SITES, 0.7)]];
}

/* A part of a page under a label that was never seen before. */
static void fetch_shard(struct lab_actor *a, int64_t ts, const struct lab_host *net)
{
    char label[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    struct lab_host h;
    lab_name_cdn_label(&a->rng, label);
    int n = snprintf(name, sizeof name, "%s.%.*s", label, (int)net->name.len, net->name.p);
    lab_world_shard(net, &a->rng, th_str_n(name, (size_t)n), &h);
    struct lab_web w = {.tls = a->dev->browser,
        .up = lab_bytes(&a->rng, 900, 0.6, 300, 20000),
        .down = lab_bytes(&a->rng, 24000, 1.4, 500, 4000000),
        .dur_ns = lab_exp_ns(&a->rng, 8 * TH_NS_PER_S)};
    lab_tls_to(a, ts, &h, &w);
}

static void fetch(struct lab_actor *a, int64_t ts, const struct lab_host *h, double up, double down)
{
    struct lab_web w = {.tls = a->dev->browser,
        .up = lab_bytes(&a->rng, up, 0.8, 250, 400000),
        .down = lab_bytes(&a->rng, down, 1.3, 400, 30000000)};
    /* Keep-alive: browsers drop idle connections after 5 s, 60 s, or a few minutes. */
    uint32_t u = lab_below(&a->rng, 100);
    w.dur_ns = u < 40 ? lab_exp_ns(&a->rng, TH_NS_PER_S)
        : u < 70      ? 5 * TH_NS_PER_S + lab_exp_ns(&a->rng, 6 * TH_NS_PER_S)
        : u < 92      ? 60 * TH_NS_PER_S + lab_exp_ns(&a->rng, 10 * TH_NS_PER_S)
                      : 240 * TH_NS_PER_S;
    lab_tls_to(a, ts, h, &w);
}

static void plain_page(struct lab_actor *a, int64_t ts, const struct lab_host *h)
{
    char word[LAB_NAME_LEN], uri[LAB_NAME_LEN + 1];
    lab_name_word(&a->rng, word);
    snprintf(uri, sizeof uri, "/%s", word);
    struct lab_request q = {.uri = th_str_c(uri),
        .user_agent = th_str_c(a->dev->ua),
        .mime = th_str_c("text/html"),
        .down = lab_bytes(&a->rng, 9000, 1.0, 200, 900000),
        .dur_ns = lab_exp_ns(&a->rng, 3 * TH_NS_PER_S)};
    lab_http(a, ts, h, &q);
}

static int64_t page(struct lab_actor *a, int64_t ts)
{
    struct lab_site *s = pick_site(a);
    if (s->plain)
        plain_page(a, ts, s->main);
    else
        fetch(a, ts, s->main, 1700, 38000);
    ts += 120 * TH_NS_PER_MS;
    for (unsigned i = 0; i < s->parts; i++)
        if (lab_chance(&a->rng, 0.42))
            fetch(a, ts + lab_exp_ns(&a->rng, 400 * TH_NS_PER_MS), s->part[i], 1100, 14000);
    if (s->shard && lab_chance(&a->rng, 0.5))
        fetch_shard(a, ts + lab_exp_ns(&a->rng, 600 * TH_NS_PER_MS), s->shard);
    return ts;
}

/* A new version each four weeks, which reaches each device on a day of its own. */
static void update_browser(struct lab_actor *a, int64_t ts)
{
    struct lab_device *d = a->dev;
    uint64_t age =
        (uint64_t)(ts - a->sim->opt.start_ns) + d->self.stream % 28 * (uint64_t)TH_NS_PER_DAY;
    uint16_t major = (uint16_t)(d->ua_first + age / (28 * (uint64_t)TH_NS_PER_DAY));
    if (major == d->ua_major)
        return;
    d->ua_major = major;
    lab_user_agent((enum lab_os)d->os, (enum lab_tls_id)(d->browser - a->sim->tls), major, d->ua,
        sizeof d->ua);
}

void lab_app_browse(struct lab_actor *a, struct lab_task *t)
{
    int64_t ts = t->next_ns;
    update_browser(a, ts);
    if (lab_chance(&a->rng, 0.12))
        fetch(a, ts, a->sim->world->search, 2200, 30000);
    if (lab_chance(&a->rng, 0.006)) { /* a name mistyped */
        char typo[LAB_NAME_LEN];
        lab_name_domain(&a->rng, typo);
        typo[lab_below(&a->rng, 3)] = 'x';
        lab_query(a, ts, th_str_c(typo), LAB_DNS_A, 3, NULL, NULL);
    }
    unsigned pages = 1 + lab_below(&a->rng, 5);
    for (unsigned i = 0; i < pages; i++)
        ts = page(a, ts + lab_exp_ns(&a->rng, 18 * TH_NS_PER_S));
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

/* A browser looks at its start for resolvers that answer what does not exist: three names of random
 * letters. Benign, and in form what generated names look like. */
void lab_app_browser_start(struct lab_actor *a, struct lab_task *t)
{
    char name[24];
    for (int i = 0; i < 3; i++) {
        lab_name_random(&a->rng, "abcdefghijklmnopqrstuvwxyz", 7 + lab_below(&a->rng, 9), name);
        lab_query(a, t->next_ns + i * TH_NS_PER_MS, th_str_c(name), LAB_DNS_A, 3, NULL, NULL);
    }
    t->next_ns = lab_rhythm_next(a, t->next_ns, 9 * TH_NS_PER_HOUR);
}

/* Work in a cloud application: short calls while somebody works. */
void lab_app_saas(struct lab_actor *a, struct lab_task *t)
{
    struct lab_web w = {.tls = lab_chance(&a->rng, 0.6) ? a->dev->browser : a->dev->app,
        .up = lab_bytes(&a->rng, 4200, 1.0, 400, 9000000),
        .down = lab_bytes(&a->rng, 16000, 1.3, 400, 40000000),
        .dur_ns = 2 * TH_NS_PER_S + lab_exp_ns(&a->rng, 70 * TH_NS_PER_S)};
    if (lab_chance(&a->rng, 0.01)) /* somebody uploads a document */
        w.up = lab_bytes(&a->rng, 3e6, 1.2, 100000, 120000000);
    lab_tls_to(a, t->next_ns, t->host, &w);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

void lab_app_video(struct lab_actor *a, struct lab_task *t)
{
    int64_t ts = t->next_ns, len = 60 * TH_NS_PER_S + lab_exp_ns(&a->rng, 6 * TH_NS_PER_MIN);
    fetch(a, ts, a->sim->world->video, 3000, 90000);
    struct lab_world *w = a->sim->world;
    char label[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    struct lab_host h;
    struct lab_host *net = w->cdn[w->cdn_count - 1];
    lab_name_cdn_label(&a->rng, label);
    int n = snprintf(name, sizeof name, "%s.%.*s", label, (int)net->name.len, net->name.p);
    lab_world_shard(net, &a->rng, th_str_n(name, (size_t)n), &h);
    struct lab_web web = {.tls = a->dev->browser,
        .up = (uint64_t)(len / TH_NS_PER_S) * 900,
        .down = (uint64_t)(len / TH_NS_PER_S) * (150000 + lab_below(&a->rng, 400000)),
        .dur_ns = len};
    lab_tls_to(a, ts + TH_NS_PER_S, &h, &web);
    t->next_ns = lab_rhythm_next(a, ts + len, t->period_ns);
}

/* A video call: signalling over TLS and media over UDP, both ways. */
void lab_app_meeting(struct lab_actor *a, struct lab_task *t)
{
    int64_t ts = t->next_ns;
    int64_t len = (lab_chance(&a->rng, 0.5) ? 28 : 55) * TH_NS_PER_MIN +
        lab_exp_ns(&a->rng, 4 * TH_NS_PER_MIN);
    struct lab_host *h = a->sim->world->meet;
    struct lab_web w = {.tls = a->dev->app, .up = 90000, .down = 240000, .dur_ns = len};
    int64_t at = lab_lookup(a, ts, h) + 300 * TH_NS_PER_MS;
    lab_tls_to(a, at, h, &w);
    struct lab_flow *f = lab_open(a, at + 2 * TH_NS_PER_S, LAB_UDP, &h->v4[0], 3478);
    uint64_t seconds = (uint64_t)(len / TH_NS_PER_S);
    f->up = seconds * (30000 + lab_below(&a->rng, 120000));
    f->down = seconds * (60000 + lab_below(&a->rng, 250000));
    f->dur_ns = len - 10 * TH_NS_PER_S;
    f->service = "stun";
    lab_submit(a, f);
    t->next_ns = lab_rhythm_next(a, ts + len, t->period_ns);
}

void lab_app_check_cert(struct lab_actor *a, struct lab_task *t)
{
    struct lab_host *h = a->sim->world->ocsp[lab_below(&a->rng, 4)];
    char uri[80];
    bool crl = lab_chance(&a->rng, 0.15);
    uri[0] = '/';
    lab_name_random(&a->rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        crl ? 12 : 64, uri + 1);
    struct lab_request q = {.uri = th_str_c(uri),
        .user_agent = th_str_c(
            a->dev->os == LAB_OS_MACOS ? "com.apple.trustd/3.0" : "Microsoft-CryptoAPI/10.0"),
        .mime = th_str_c(crl ? "application/pkix-crl" : "application/ocsp-response"),
        .down = crl ? lab_bytes(&a->rng, 30000, 1, 600, 900000) : 471 + lab_below(&a->rng, 1400),
        .dur_ns = lab_exp_ns(&a->rng, 20 * TH_NS_PER_S)};
    lab_http(a, t->next_ns, h, &q);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}
