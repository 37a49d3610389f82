/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software that reports home on its own: what a beacon has to hide among. Periods and
 * jitters come from the same place as those of injected beacons.
 */
#include "apps.h"
#include "base/mem.h"
#include "life.h"

#include <stdio.h>

void lab_app_poll(struct lab_actor *a, struct lab_task *t)
{
    uint64_t up = lab_bytes(&a->rng, (double)t->up, 0.12, 60, 1u << 24);
    uint64_t down = lab_bytes(&a->rng, (double)t->down, 0.2, 60, 1u << 26);
    if (t->port == 80) {
        char uri[LAB_NAME_LEN];
        int n = snprintf(uri, sizeof uri, "/v%u/ping?id=%08x", 1 + t->n % 3,
            (unsigned)(t->host->key ^ a->stream));
        struct lab_request q = {.uri = th_str_n(uri, (size_t)n),
            .user_agent = th_str_c("UpdateAgent/4.2"),
            .mime = th_str_c("application/json"),
            .down = down,
            .status = lab_chance(&a->rng, 0.3) ? 304 : 200,
            .dur_ns = lab_exp_ns(&a->rng, 300 * TH_NS_PER_MS)};
        if (q.status == 304)
            q.down = 0;
        lab_http(a, t->next_ns, t->host, &q);
    } else {
        const struct lab_tls *soft = t->n & 1 ? a->dev->app : a->dev->system;
        struct lab_web w = {.tls = soft,
            .up = up,
            .down = down,
            .port = t->port,
            .dur_ns = lab_exp_ns(&a->rng, 600 * TH_NS_PER_MS)};
        lab_tls_to(a, t->next_ns, t->host, &w);
    }
    if (t->fact)
        lab_fact_did(t->fact, a->dev, t->next_ns, t->next_ns);
    t->next_ns += lab_beat_gap(&a->rng, t->period_ns, t->jitter);
}

/* A connection kept for hours: push messages, websockets, long polls. */
void lab_app_push(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = 2 * TH_NS_PER_MIN + (int64_t)lab_lognormal(&a->rng, (double)t->period_ns, 0.9);
    len = TH_MIN(len, 20 * TH_NS_PER_HOUR);
    struct lab_device *d = a->dev;
    if (!d->always_on && lab_rhythm_on(a->sim, d, t->next_ns))
        len = TH_MIN(len, TH_MAX(d->on_until_ns - t->next_ns, TH_NS_PER_MIN));
    uint64_t beats = (uint64_t)(len / (50 * TH_NS_PER_S)) + 1;
    struct lab_web w = {.tls = t->n & 1 ? d->app : d->system,
        .up = beats * (40 + t->up % 200),
        .down = beats * (60 + t->down % 900),
        .port = t->port,
        .dur_ns = len};
    int64_t end = lab_tls_to(a, t->next_ns, t->host, &w);
    t->next_ns = TH_MAX(end, t->next_ns) + TH_NS_PER_S + lab_exp_ns(&a->rng, 20 * TH_NS_PER_S);
}

void lab_app_ntp(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_device *dc = lab_dns_server(a);
    if (a->dev->person >= 0 && a->dev->os == LAB_OS_WINDOWS) {
        lab_talk_to(a, t->next_ns, LAB_UDP, dc, 123, "ntp", 0, 68, 68);
    } else {
        const struct lab_host *h = a->sim->world->ntp[lab_below(&a->rng, 4)];
        int64_t ts = lab_lookup(a, t->next_ns, h);
        struct lab_flow *f = lab_open(a, ts, LAB_UDP, &h->v4[0], 123);
        f->service = "ntp";
        f->up = f->down = 48;
        f->dur_ns = lab_rtt(a, h->key);
        lab_submit(a, f);
    }
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.02);
}

/* Reputation lookups by name: a hash in labels under the vendor's zone. */
void lab_app_antivirus(struct lab_actor *a, struct lab_task *t)
{
    char name[200], h1[64], h2[64];
    struct th_str zone = a->sim->world->avcloud->name;
    unsigned n = 1 + lab_below(&a->rng, 4);
    for (unsigned i = 0; i < n; i++) {
        lab_name_random(&a->rng, "abcdefghijklmnopqrstuvwxyz234567", 26, h1);
        lab_name_hex(&a->rng, 8, h2);
        int len = snprintf(name, sizeof name, "%s.%s.%.*s", h1, h2, (int)zone.len, zone.p);
        static const struct th_str ok[] = {{"127.0.0.16", 10}};
        static const int64_t ttl[] = {300 * TH_NS_PER_S};
        struct th_strs answer = {.v = ok, .n = 1};
        bool known = lab_chance(&a->rng, 0.7);
        lab_query(a, t->next_ns + i * 30 * TH_NS_PER_MS, th_str_n(name, (size_t)len), LAB_DNS_A,
            known ? 0 : 3, known ? &answer : NULL, ttl);
    }
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

/* What every network has: something that was switched off and is still asked for, by name ... */
void lab_app_stale_name(struct lab_actor *a, struct lab_task *t)
{
    char name[128];
    int n = snprintf(name, sizeof name, "%s-%02u.%s", t->n & 1 ? "oldfs" : "prn-legacy", t->n % 9,
        lab_own_domain(a));
    lab_query(a, t->next_ns, th_str_n(name, (size_t)n), LAB_DNS_A, 3, NULL, NULL);
    t->next_ns += TH_NS_PER_S + lab_jitter_ns(&a->rng, t->period_ns, 0.2);
}

/* ... or by address. */
void lab_app_stale_peer(struct lab_actor *a, struct lab_task *t)
{
    struct th_addr to = lab_own_net(a, 10 + t->n % 3, 230 + t->n % 20);
    struct lab_flow *f = lab_open(a, t->next_ns, LAB_TCP, &to, t->port);
    f->local_dst = true;
    f->state = LAB_S0;
    f->pkts[0] = 3;
    f->dur_ns = 3 * TH_NS_PER_S + lab_exp_ns(&a->rng, 8 * TH_NS_PER_MS);
    lab_submit(a, f);
    t->next_ns += 4 * TH_NS_PER_S + lab_jitter_ns(&a->rng, t->period_ns, 0.1);
}

/* Updates: a look once in a while, the download on patch day (second Tuesday) and now and then. */
void lab_app_update(struct lab_actor *a, struct lab_task *t)
{
    int64_t day = th_time_floor(t->next_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    bool patch_day = (day + 3) % 28 < 3 && (day + 3) % 7 != 0;
    struct lab_world *w = a->sim->world;
    struct lab_web look = {.tls = a->dev->system,
        .up = 3000,
        .down = 8000,
        .dur_ns = lab_exp_ns(&a->rng, 3 * TH_NS_PER_S)};
    lab_tls_to(a, t->next_ns, w->vendors[a->dev->os], &look);
    if (lab_chance(&a->rng, patch_day ? 0.7 : 0.06)) {
        char uri[LAB_NAME_LEN], hex[48];
        lab_name_hex(&a->rng, 40, hex);
        snprintf(uri, sizeof uri, "/filestreaming/files/%s", hex);
        uint64_t size = lab_bytes(&a->rng, patch_day ? 3e8 : 3e7, 0.9, 200000, 2000000000);
        struct lab_request q = {.uri = th_str_c(uri),
            .user_agent = th_str_c("Delivery-Optimization/10.1"),
            .mime = th_str_c("application/vnd.ms-cab-compressed"),
            .down = size,
            .dur_ns = (int64_t)(size / 9) * 1000 / 1000 * 1000};
        lab_http(a, t->next_ns + 5 * TH_NS_PER_S, w->update, &q);
    }
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.3);
}

void lab_give_poller(struct lab_sim *s, struct lab_device *d, struct lab_host *h)
{
    struct lab_rng *r = &d->self.rng;
    struct lab_task *t = lab_task_add(d, lab_app_poll, 0);
    lab_draw_beat(r, &t->period_ns, &t->jitter);
    t->host = h;
    t->n = (uint8_t)lab_below(r, 4);
    t->port = (uint16_t)(lab_chance(r, 0.12) ? 80 : 0);
    t->up = lab_bytes(r, 700, 0.7, 120, 20000);
    t->down = lab_bytes(r, 900, 0.9, 100, 60000);
    t->next_ns = s->opt.start_ns + (int64_t)(lab_unit(r) * (double)t->period_ns);
    lab_fact_of_poller(s, t);
}

static void give_stale(struct lab_sim *s, struct lab_device *d)
{
    static const uint16_t ports[] = {445, 9100, 389, 8080};
    struct lab_rng *r = &d->self.rng;
    for (int i = 0; i < 2; i++) {
        if (!lab_chance(r, i ? 0.06 : 0.12))
            continue;
        struct lab_task *t = lab_task_add(d, i ? lab_app_stale_peer : lab_app_stale_name,
            s->opt.start_ns + lab_exp_ns(r, 10 * TH_NS_PER_MIN));
        t->period_ns = (int64_t)lab_lognormal(r, 12, 0.9) * TH_NS_PER_MIN + TH_NS_PER_MIN;
        t->n = (uint8_t)lab_below(r, 250);
        t->port = ports[lab_below(r, 4)];
    }
}

void lab_give_pollers(struct lab_sim *s, struct lab_device *d)
{
    struct lab_rng *r = &d->self.rng;
    struct lab_world *w = s->world;
    bool person = d->person >= 0 && d->kind != LAB_VOIP;
    unsigned common = person ? 2 + lab_below(r, 4) : lab_below(r, 2);
    unsigned rare = (lab_chance(r, 0.5) ? 1u : 0u) + (lab_chance(r, 0.15) ? 1u : 0u);
    for (unsigned i = 0; i < common; i++)
        lab_give_poller(s, d, w->vendors[lab_zipf(r, w->vendor_count, 0.9)]);
    for (unsigned i = 0; i < rare; i++)
        lab_give_poller(s, d, w->rare[lab_below(r, w->rare_count)]);
    if (person && d->os != LAB_OS_PHONE)
        give_stale(s, d);
    if (!person)
        return;
    unsigned push = 1 + lab_below(r, 3);
    for (unsigned i = 0; i < push; i++) {
        struct lab_task *t =
            lab_task_add(d, lab_app_push, s->opt.start_ns + lab_exp_ns(r, TH_NS_PER_HOUR));
        t->host = i == 0 ? w->push : w->saas[lab_zipf(r, w->saas_count, 0.8)];
        t->port = (uint16_t)(i == 0 && d->kind == LAB_PHONE ? 5223 : 0);
        t->period_ns = (i == 0 ? 3 : 1) * TH_NS_PER_HOUR;
        t->n = (uint8_t)i;
        t->up = lab_below(r, 200);
        t->down = lab_below(r, 900);
    }
}
