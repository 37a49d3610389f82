/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that speak to the outside: beacons, exfiltration, tunnels, generated names, mining. */
#include "base/mem.h"
#include "inject.h"

#include <stdio.h>

/* A host that about this share of the devices polls already. */
static struct lab_host *host_by_popularity(struct lab_inject *i, double share)
{
    struct lab_sim *s = i->actor.sim;
    struct lab_host *best = NULL;
    double best_gap = 1e9;
    for (uint32_t k = 0; k < s->world->rare_count + s->world->vendor_count; k++) {
        struct lab_host *h = k < s->world->rare_count ? s->world->rare[k]
                                                      : s->world->vendors[k - s->world->rare_count];
        uint32_t users = 0;
        for (uint32_t d = 0; d < s->dev_count; d++)
            for (uint32_t t = 0; t < s->dev[d].task_count; t++)
                if (s->dev[d].tasks[t].host == h && &s->dev[d] != i->actor.dev) {
                    users++;
                    break;
                }
        double gap = share * (double)s->dev_count - (double)users;
        gap = gap < 0 ? -gap : gap;
        if (users && gap < best_gap) {
            best_gap = gap;
            best = h;
        }
    }
    return best;
}

static void beacon_begin(struct lab_inject *i)
{
    double share = lab_param_num(i, "popularity", 0);
    i->host = share > 0 ? host_by_popularity(i, share) : lab_inject_host(i, "cdn");
    i->period_ns = lab_param_span(i, "period", "60");
    i->jitter = lab_param_num(i, "jitter", 0.1);
    if (lab_param_is(i, "period", "any"))
        lab_draw_beat(&i->actor.rng, &i->period_ns, &i->jitter);
    i->loss = lab_param_num(i, "loss", 0);
    i->port = (uint16_t)lab_param_num(i, "port", lab_param_is(i, "proto", "http") ? 80 : 443);
    i->bytes = lab_param_bytes(i, "up", "420");
    i->end_ns = TH_MAX(i->end_ns, i->start_ns + 1);
    snprintf(i->note, sizeof i->note, "beacon every %.0f s, jitter %.2f, loss %.2f",
        (double)i->period_ns / 1e9, i->jitter, i->loss);
}

static void beacon_http(struct lab_inject *i, int64_t ts, uint64_t down)
{
    char uri[64];
    int n = snprintf(uri, sizeof uri, "/jquery-3.3.1.slim.min.js?id=%06x",
        (unsigned)(i->actor.stream * 7919 & 0xffffff));
    struct lab_request q = {.uri = th_str_n(uri, (size_t)n),
        .port = i->port,
        .user_agent =
            th_str_c("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"),
        .mime = th_str_c("application/javascript"),
        .down = down};
    lab_http(&i->actor, ts, i->host, &q);
}

static void beacon_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    uint64_t down = lab_chance(&a->rng, 0.04) ? lab_bytes(&a->rng, 20000, 1, 600, 2000000)
                                              : lab_bytes(&a->rng, 310, 0.05, 200, 900);
    if (!lab_chance(&a->rng, i->loss)) {
        if (i->port == 80) {
            beacon_http(i, i->next_ns, down);
        } else {
            bool own = !lab_param_is(i, "software", "browser");
            struct lab_web w = {.tls = own ? &a->sim->tls[LAB_TLS_IMPLANT] : a->dev->browser,
                .port = i->port,
                .up = lab_bytes(&a->rng, (double)i->bytes, 0.05, 100, 1u << 20),
                .down = down,
                .dur_ns = lab_exp_ns(&a->rng, 200 * TH_NS_PER_MS)};
            lab_tls_to(a, i->next_ns, i->host, &w);
        }
        lab_inject_did(i, i->next_ns);
    }
    i->next_ns += lab_beat_gap(&a->rng, i->period_ns, i->jitter);
}

const struct lab_inject_kind lab_kind_beacon = {"beacon", "T1071.001",
    "period=60|any jitter=0.1 loss=0 popularity=0 proto=https|http port= up=420 "
    "software=implant|browser",
    "24h", beacon_begin, beacon_act};

static void exfiltration_begin(struct lab_inject *i)
{
    bool used = lab_param_is(i, "service", "used");
    i->host = used ? i->actor.sim->world->saas[0] : lab_inject_host(i, "upload");
    i->port = 443;
    i->bytes = lab_param_bytes(i, "bytes", "2G");
    int64_t len = TH_MAX(i->end_ns - i->start_ns, TH_NS_PER_MIN);
    i->count = (uint32_t)TH_MIN(TH_MAX(i->bytes / 100000000, 4u), 200u); /* pieces */
    i->period_ns = len / i->count;
    snprintf(i->note, sizeof i->note, "%.2f GB sent to %s service within %.1f h",
        (double)i->bytes / 1e9, used ? "a used" : "a new", (double)len / 3.6e12);
}

static void exfiltration_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    uint64_t part = i->bytes / i->count;
    struct lab_web w = {.tls = a->dev->app,
        .port = i->port,
        .up = (uint64_t)((double)part * (0.9 + 0.2 * lab_unit(&a->rng))),
        .down = part / 700,
        .dur_ns = TH_MIN((int64_t)(part / 9) * 1000, i->period_ns * 8 / 10) + TH_NS_PER_S};
    if (i->step + 1 == i->count) /* the sum is exact */
        w.up = i->bytes > i->done ? i->bytes - i->done : 1000;
    i->done += w.up;
    int64_t end = lab_tls_to(a, i->next_ns, i->host, &w);
    lab_inject_did(i, i->next_ns);
    i->last_ns = end;
    i->next_ns += lab_jitter_ns(&a->rng, i->period_ns, 0.1);
    if (++i->step >= i->count)
        i->end_ns = i->next_ns;
    else if (i->next_ns >= i->end_ns)
        i->end_ns = i->next_ns + 1; /* jitter must not lose the last piece */
}

const struct lab_inject_kind lab_kind_exfiltration = {"exfiltration", "T1041",
    "bytes=2G hours=8h service=new|used", "8h", exfiltration_begin, exfiltration_act};

static void tunnel_begin(struct lab_inject *i)
{
    i->host = lab_inject_host(i, "t");
    i->bytes = lab_param_bytes(i, "rate", "200");
    i->port = 53;
    i->period_ns = (int64_t)(110e9 / (double)TH_MAX(i->bytes, 1u));
    snprintf(i->note, sizeof i->note, "DNS tunnel of %llu bytes/s under %.*s",
        (unsigned long long)i->bytes, (int)i->host->name.len, i->host->name.p);
}

static void tunnel_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    char name[256], l1[64], l2[64];
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz012345";
    lab_name_random(&a->rng, base32, 63, l1);
    lab_name_random(&a->rng, base32, 40 + lab_below(&a->rng, 20), l2);
    int n =
        snprintf(name, sizeof name, "%s.%s.%.*s", l1, l2, (int)i->host->name.len, i->host->name.p);
    char text[90];
    lab_name_random(&a->rng, base32, 80, text);
    struct th_str answer[] = {th_str_n(text, 80)};
    static const int64_t ttl[] = {0};
    struct th_strs v = {.v = answer, .n = 1};
    lab_query(a, i->next_ns, th_str_n(name, (size_t)n), LAB_DNS_TXT, 0, &v, ttl);
    lab_inject_did(i, i->next_ns);
    i->next_ns += TH_MAX(lab_jitter_ns(&a->rng, i->period_ns, 0.3), TH_NS_PER_MS);
}

const struct lab_inject_kind lab_kind_tunnel = {
    "dns-tunnel", "T1071.004", "rate=200 (bytes/s)", "2h", tunnel_begin, tunnel_act};

static size_t dga_name(struct lab_inject *i, char out[LAB_NAME_LEN])
{
    static const char *const ends[] = {"com", "net", "org", "info", "biz", "ru", "top"};
    struct lab_rng *r = &i->actor.rng;
    char label[LAB_NAME_LEN];
    if (lab_param_is(i, "family", "hex")) {
        lab_name_hex(r, 16 + lab_below(r, 16), label);
    } else if (lab_param_is(i, "family", "words")) {
        char a[LAB_NAME_LEN], b[LAB_NAME_LEN];
        lab_name_word(r, a);
        lab_name_word(r, b);
        snprintf(label, sizeof label, "%.40s%.40s", a, b);
    } else if (lab_param_is(i, "family", "syllables")) {
        lab_name_syllables(r, 4 + lab_below(r, 3), label);
    } else {
        lab_name_random(r, "abcdefghijklmnopqrstuvwxyz", 11 + lab_below(r, 9), label);
    }
    return (size_t)snprintf(
        out, LAB_NAME_LEN, "%.60s.%s", label, ends[lab_below(r, (uint32_t)TH_ARRAY_LEN(ends))]);
}

static void dga_begin(struct lab_inject *i)
{
    double rate = lab_param_num(i, "rate", 60);
    i->period_ns = (int64_t)(3600e9 / TH_MAX(rate, 0.01));
    i->port = 53;
    snprintf(i->note, sizeof i->note, "asks for %.0f generated names an hour", rate);
}

static void dga_act(struct lab_inject *i)
{
    char name[LAB_NAME_LEN];
    size_t n = dga_name(i, name);
    lab_query(&i->actor, i->next_ns, th_str_n(name, n), LAB_DNS_A, 3, NULL, NULL);
    lab_inject_did(i, i->next_ns);
    i->next_ns += TH_NS_PER_S / 10 + lab_exp_ns(&i->actor.rng, i->period_ns);
}

const struct lab_inject_kind lab_kind_dga = {"dga", "T1568.002",
    "rate=60 (names an hour) family=letters|hex|words|syllables", "6h", dga_begin, dga_act};

static void mining_begin(struct lab_inject *i)
{
    char prefix[64];
    const char *given = lab_param(i, "prefix", prefix);
    i->host = lab_inject_host(i, given ? given : "pool");
    i->port = (uint16_t)lab_param_num(i, "port", 3333);
    snprintf(i->note, sizeof i->note, "mines for a pool on port %u", i->port);
}

static void mining_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    int64_t len = TH_NS_PER_HOUR + lab_exp_ns(&a->rng, 3 * TH_NS_PER_HOUR);
    uint64_t shares = (uint64_t)(len / (25 * TH_NS_PER_S));
    if (lab_param_is(i, "tls", "yes")) {
        struct lab_web w = {.tls = &a->sim->tls[LAB_TLS_IMPLANT],
            .port = i->port,
            .up = 300 + shares * 215,
            .down = 600 + shares * 290,
            .dur_ns = len};
        lab_inject_did(i, i->next_ns);
        i->last_ns = lab_tls_to(a, i->next_ns, i->host, &w);
        i->next_ns = TH_MAX(i->last_ns, i->next_ns) + 5 * TH_NS_PER_S;
        return;
    }
    int64_t ts = lab_lookup(a, i->next_ns, i->host) + TH_NS_PER_MS;
    struct lab_flow *f = lab_open(a, ts, LAB_TCP, &i->host->v4[0], i->port);
    f->up = 300 + shares * 190;
    f->down = 600 + shares * 260;
    f->dur_ns = len;
    lab_submit(a, f);
    lab_inject_did(i, ts);
    i->last_ns = ts + len;
    i->next_ns = ts + len + 5 * TH_NS_PER_S;
}

const struct lab_inject_kind lab_kind_mining = {
    "mining", "T1496", "port=3333 tls=no|yes prefix=pool", "12h", mining_begin, mining_act};

static void download_begin(struct lab_inject *i)
{
    i->host = lab_inject_host(i, "files");
    i->port = 80;
    i->bytes = lab_param_bytes(i, "bytes", "900k");
    snprintf(i->note, sizeof i->note, "downloads a program");
}

static void download_act(struct lab_inject *i)
{
    char hex[65];
    lab_name_hex(&i->actor.rng, 64, hex);
    struct lab_request q = {.uri = th_str_c("/w/update_kb50341.exe"),
        .user_agent = th_str_c("WindowsPowerShell/5.1.19041.4648"),
        .mime = th_str_c("application/x-dosexec"),
        .filename = th_str_c("update_kb50341.exe"),
        .sha256 = th_str_n(hex, 64),
        .down = i->bytes,
        .dur_ns = (int64_t)(i->bytes / 4) * 1000};
    lab_http(&i->actor, i->next_ns, i->host, &q);
    lab_inject_did(i, i->next_ns);
    i->next_ns = i->end_ns = i->next_ns + TH_NS_PER_S;
}

const struct lab_inject_kind lab_kind_download = {
    "download", "T1105", "bytes=900k", "1m", download_begin, download_act};
