/* SPDX-License-Identifier: Apache-2.0 */
/* What servers do of their own accord: queries, replication, monitoring, night jobs. */
#include "apps.h"
#include "base/mem.h"

#include <stdio.h>

static struct lab_task *every(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t period_ns)
{
    int64_t first = s->opt.start_ns + (int64_t)(lab_unit(&d->self.rng) * (double)period_ns);
    struct lab_task *t = lab_task_add(d, fn, first);
    t->period_ns = period_ns;
    return t;
}

/* Each night at an hour of its own. */
static struct lab_task *nightly(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, double hour)
{
    int64_t at = th_time_floor(s->opt.start_ns, TH_NS_PER_DAY) + (int64_t)(hour * 3600e9);
    if (at < s->opt.start_ns)
        at += TH_NS_PER_DAY;
    return lab_task_add(d, fn, at);
}

static void next_night(struct lab_actor *a, struct lab_task *t)
{
    t->next_ns = th_time_floor(t->next_ns, TH_NS_PER_MIN) + TH_NS_PER_DAY +
        lab_exp_ns(&a->rng, 20 * TH_NS_PER_S) % (30 * TH_NS_PER_S);
    t->next_ns -= t->next_ns % TH_NS_PER_MIN / 2;
}

static void backup(struct lab_actor *a, struct lab_task *t)
{
    uint64_t size = lab_bytes(&a->rng, (double)t->down, 0.25, 1000000, UINT64_C(400000000000));
    int64_t len = (int64_t)(size / 60) * 1000; /* 60 MB a second */
    struct lab_flow *f = lab_open_to(a, t->next_ns, LAB_TCP, t->peer, t->port);
    f->service = t->port == 22 ? "ssh" : NULL;
    f->up = size / 400;
    f->down = size;
    f->dur_ns = len + TH_NS_PER_S;
    lab_submit(a, f);
    next_night(a, t);
}

static void backup_cloud(struct lab_actor *a, struct lab_task *t)
{
    uint64_t size = lab_bytes(&a->rng, (double)t->up, 0.25, 1000000, UINT64_C(90000000000));
    struct lab_web w = {
        .tls = a->dev->app, .up = size, .down = size / 900, .dur_ns = (int64_t)(size / 20) * 1000};
    lab_tls_to(a, t->next_ns, a->sim->world->backup_cloud, &w);
    next_night(a, t);
}

static void db_query(struct lab_actor *a, struct lab_task *t)
{
    uint64_t rows = lab_bytes(&a->rng, 9000, 1.2, 300, 60000000);
    lab_talk_to(a, t->next_ns, LAB_TCP, t->peer, 5432, "postgresql",
        lab_exp_ns(&a->rng, 40 * TH_NS_PER_S), rows / 12 + 300, rows);
    /* Intranet users make it busy by day. */
    int64_t hour = t->next_ns % TH_NS_PER_DAY / TH_NS_PER_HOUR;
    t->next_ns +=
        TH_NS_PER_S + lab_exp_ns(&a->rng, hour >= 7 && hour < 19 ? t->period_ns : 6 * t->period_ns);
}

static void replicate(struct lab_actor *a, struct lab_task *t)
{
    struct lab_flow *f = lab_open_to(a, t->next_ns, LAB_TCP, t->peer, 49667);
    f->service = "dce_rpc";
    f->up = 2800;
    f->down = lab_bytes(&a->rng, 5000, 1, 900, 9000000);
    f->dur_ns = 13 * TH_NS_PER_S;
    lab_rpc(a, f, t->next_ns + TH_NS_PER_MS, "49667", "drsuapi", "DRSBind");
    lab_rpc(a, f, t->next_ns + 4 * TH_NS_PER_MS, "49667", "drsuapi", "DRSGetNCChanges");
    lab_submit(a, f);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.1);
}

static void ping(struct lab_actor *a, int64_t ts, const struct lab_device *to)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_ICMP, to, 0);
    f->sport = 8;
    f->up = f->down = 3 * 56;
    f->pkts[0] = f->pkts[1] = 3;
    f->dur_ns = 2 * TH_NS_PER_S + lab_exp_ns(&a->rng, TH_NS_PER_MS);
    lab_submit(a, f);
}

/* The monitoring server asks everything with a fixed address, one after the other. */
static void monitor(struct lab_actor *a, struct lab_task *t)
{
    struct lab_sim *s = a->sim;
    int64_t at = t->next_ns;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *d = &s->dev[i];
        if (!d->fixed || d == a->dev || d->kind == LAB_VOIP || !lab_joined(d, t->next_ns))
            continue;
        at += lab_exp_ns(&a->rng, 120 * TH_NS_PER_MS);
        if ((d->no + (uint64_t)t->next_ns / 11) % 4 == 0)
            ping(a, at, d);
        if (lab_is_server((enum lab_kind)d->kind) && (d->no + (uint64_t)t->next_ns / 7) % 3 == 0)
            lab_talk_to(a, at, LAB_TCP, d, d->os == LAB_OS_WINDOWS ? 5985 : 9100, NULL,
                60 * TH_NS_PER_MS, 300, 9000 + d->no % 50 * 100);
        else
            lab_talk_to(a, at, LAB_UDP, d, 161, "snmp", 0, 86, 140);
    }
    t->next_ns += t->period_ns;
}

static void fetch_code(struct lab_actor *a, struct lab_task *t)
{
    struct lab_world *w = a->sim->world;
    struct lab_web web = {.tls = a->dev->app,
        .up = 2600,
        .down = lab_bytes(&a->rng, 400000, 1.6, 3000, 900000000),
        .dur_ns = lab_exp_ns(&a->rng, 8 * TH_NS_PER_S)};
    lab_tls_to(a, t->next_ns, w->code, &web);
    unsigned n = lab_below(&a->rng, 14);
    for (unsigned i = 0; i < n; i++) {
        struct lab_host *h = lab_chance(&a->rng, 0.7) ? w->mirror : w->rare[(a->dev->no + i) % 40];
        web.down = lab_bytes(&a->rng, 90000, 1.5, 1000, 90000000);
        lab_tls_to(a, t->next_ns + TH_NS_PER_S + lab_exp_ns(&a->rng, 20 * TH_NS_PER_S), h, &web);
    }
    int64_t hour = t->next_ns % TH_NS_PER_DAY / TH_NS_PER_HOUR;
    t->next_ns += TH_NS_PER_MIN +
        lab_exp_ns(&a->rng, hour >= 8 && hour < 19 ? t->period_ns : 8 * t->period_ns);
}

/* Mail comes in through the web server's mail gateway; each sender is looked up in a block list. */
static void mail_in(struct lab_actor *a, struct lab_task *t)
{
    char name[128], from[160];
    struct th_str zone = a->sim->world->dnsbl->name;
    struct th_addr peer = lab_world_addr(&a->rng, 1000 + lab_zipf(&a->rng, 900, 0.8));
    const uint8_t *b = peer.b + 12;
    int n = snprintf(
        name, sizeof name, "%u.%u.%u.%u.%.*s", b[3], b[2], b[1], b[0], (int)zone.len, zone.p);
    char reverse[48], mx[LAB_NAME_LEN];
    int rn = snprintf(reverse, sizeof reverse, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
    lab_name_domain(&a->rng, mx);
    struct th_str one[] = {th_str_c(mx)};
    static const int64_t day[] = {TH_NS_PER_DAY};
    struct th_strs ptr = {.v = one, .n = 1};
    bool has = lab_chance(&a->rng, 0.9);
    lab_query(a, t->next_ns + 10 * TH_NS_PER_MS, th_str_n(reverse, (size_t)rn), LAB_DNS_PTR,
        has ? 0 : 3, has ? &ptr : NULL, day);
    bool listed = lab_chance(&a->rng, 0.06);
    static const struct th_str hit[] = {{"127.0.0.4", 9}};
    static const int64_t ttl[] = {60 * TH_NS_PER_S};
    struct th_strs v = {.v = hit, .n = 1};
    lab_query(a, t->next_ns + 40 * TH_NS_PER_MS, th_str_n(name, (size_t)n), LAB_DNS_A,
        listed ? 0 : 3, listed ? &v : NULL, ttl);
    struct lab_flow *f = lab_open(a, t->next_ns, LAB_TCP, &peer, 25);
    struct th_addr self = f->src;
    f->src = peer; /* from outside to us */
    f->dst = self;
    f->dst_mac = f->src_mac;
    f->src_mac = a->sim->gateway_mac;
    f->local_src = false;
    f->local_dst = true;
    f->service = "smtp,ssl";
    f->up = listed ? 200 : lab_bytes(&a->rng, 24000, 1.4, 1500, 25000000);
    f->down = 2600;
    f->dur_ns = TH_NS_PER_S + lab_exp_ns(&a->rng, 3 * TH_NS_PER_S);
    struct th_ev_smtp *e = LAB_REC(a, f, SMTP, f->ts + 60 * TH_NS_PER_MS, f->ts + f->dur_ns);
    struct th_str domain = a->sim->world->sites[lab_zipf(&a->rng, 900, 0.7)].main->name;
    int m =
        snprintf(from, sizeof from, "mx%u.%.*s", lab_below(&a->rng, 4), (int)domain.len, domain.p);
    TH_SET(e, SMTP, trans_depth, 1);
    TH_SET(e, SMTP, helo, LAB_TEXT(a, f, th_str_n(from, (size_t)m)));
    TH_SET(e, SMTP, last_reply,
        th_str_c(listed ? "554 5.7.1 rejected" : "220 2.0.0 Ready to start TLS"));
    TH_SET(e, SMTP, tls, !listed);
    lab_submit(a, f);
    int64_t hour = t->next_ns % TH_NS_PER_DAY / TH_NS_PER_HOUR;
    t->next_ns +=
        TH_NS_PER_S + lab_exp_ns(&a->rng, hour >= 7 && hour < 19 ? t->period_ns : 5 * t->period_ns);
}

/* A permitted scan of everything, each night of Saturday. */
static void audit_scan(struct lab_actor *a, struct lab_task *t)
{
    static const uint16_t ports[] = {
        22, 23, 80, 135, 139, 443, 445, 1433, 3306, 3389, 5432, 5900, 8080};
    struct lab_sim *s = a->sim;
    int64_t at = t->next_ns;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        for (size_t k = 0; lab_joined(&s->dev[i], at) && k < TH_ARRAY_LEN(ports); k++) {
            struct lab_flow *f = lab_open_to(a, at, LAB_TCP, &s->dev[i], ports[k]);
            bool open = lab_is_server((enum lab_kind)s->dev[i].kind) && (k * 7 + i) % 5 == 0;
            f->state = !s->dev[i].fixed ? LAB_S0 : open ? LAB_RSTO : LAB_REJ;
            f->dur_ns = f->state == LAB_S0 ? 0 : 2 * TH_NS_PER_MS;
            lab_submit(a, f);
            at += 20 * TH_NS_PER_MS + lab_exp_ns(&a->rng, 60 * TH_NS_PER_MS);
        }
    }
    t->next_ns += 7 * TH_NS_PER_DAY;
}

static void give_backup(struct lab_sim *s, struct lab_device *d)
{
    double hour = 0.5;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        struct lab_device *p = &s->dev[i];
        if (!lab_is_server((enum lab_kind)p->kind) || p == d || p->kind == LAB_SCANNER)
            continue;
        struct lab_task *t = nightly(s, d, backup, hour);
        hour += 0.4 - 0.35 * (hour > 5);
        while (!lab_joined(p, t->next_ns))
            t->next_ns += TH_NS_PER_DAY;
        t->peer = p;
        t->port = p->os == LAB_OS_WINDOWS ? 10006 : 22;
        t->down =
            p->kind == LAB_FILE ? UINT64_C(60000000000) : UINT64_C(4000000000) + p->no * 99999999u;
    }
    nightly(s, d, backup_cloud, 5.2)->up = UINT64_C(12000000000);
}

void lab_give_servers(struct lab_sim *s, struct lab_device *d)
{
    struct lab_task *t;
    every(s, d, lab_app_update, 9 * TH_NS_PER_HOUR);
    switch ((enum lab_kind)d->kind) {
    case LAB_DC:
        if (s->kind_count[LAB_DC] > 1) {
            t = every(s, d, replicate, 15 * TH_NS_PER_MIN);
            t->peer = d == s->by_kind[LAB_DC] ? lab_nth(s, LAB_DC, 1) : s->by_kind[LAB_DC];
        }
        break;
    case LAB_WEB:
        every(s, d, db_query, 20 * TH_NS_PER_S)->peer = s->by_kind[LAB_DB];
        if (d == s->by_kind[LAB_WEB])
            every(s, d, mail_in, 75 * TH_NS_PER_S * 60 / TH_MAX(s->opt.devices, 1u));
        break;
    case LAB_BACKUP: give_backup(s, d); break;
    case LAB_BUILD: every(s, d, fetch_code, 12 * TH_NS_PER_MIN); break;
    case LAB_MONITOR: every(s, d, monitor, 5 * TH_NS_PER_MIN); break;
    case LAB_SCANNER: nightly(s, d, audit_scan, 22.0 + 24 * 5); break;
    default: break;
    }
}
