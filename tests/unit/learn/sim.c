/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <math.h>
#include <stdio.h>

#include "base/hash.h"

static const struct th_hash_key key = {0x1234, 0x5678};

static struct th_learn *new_learner(unsigned shard, unsigned shards)
{
    struct th_learn_config c = {.key = key};
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        if (p % shards == shard)
            c.partitions |= UINT64_C(1) << p;
    }
    return th_learn_new(&c);
}

void sim_init(struct sim *s, unsigned shards)
{
    memset(s, 0, sizeof(*s));
    s->shards = shards;
    s->random = 88172645463325252u;
    s->now_ns = SIM_START;
    s->epoch_ns = SIM_START;
    for (unsigned i = 0; i < shards; i++)
        s->shard[i] = new_learner(i, shards);
    for (unsigned i = 0; i < SIM_DEVICES; i++) {
        struct th_entity *e = &s->entity[i];
        e->id = th_mix64(i + 1);
        e->slot = i;
        e->kind = TH_ENTITY_DEVICE;
        uint8_t v4[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        e->addr = th_addr_v4(v4);
    }
}

void sim_done(struct sim *s)
{
    for (unsigned i = 0; i < s->shards; i++)
        th_learn_free(s->shard[i]);
    free(s->told);
}

double sim_uniform(struct sim *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (double)(s->random >> 11) / 9007199254740992.0;
}

double sim_exponential(struct sim *s)
{
    return -log(1 - sim_uniform(s));
}

static void keep(void *arg, const struct th_window *w)
{
    struct sim *s = arg;
    s->windows++;
    for (uint32_t i = 0; i < w->count; i++) {
        TH_ASSERT(w->signals[i].peer.host.p == w->signals[i].peer_host);
        TH_ASSERT(w->signals[i].peer.domain.p == w->signals[i].peer_domain);
        if (s->told_n == s->told_cap) {
            s->told_cap = s->told_cap ? s->told_cap * 2 : 64;
            s->told = th_xreallocarray(s->told, s->told_cap, sizeof(*s->told));
        }
        s->told[s->told_n++] =
            (struct sim_signal){.entity = w->entity, .start_ns = w->start_ns, .s = w->signals[i]};
    }
}

static int told_order(const void *a, const void *b)
{
    const struct sim_signal *x = a;
    const struct sim_signal *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->entity > y->entity) - (x->entity < y->entity);
}

/* Everything that an analyst could read, to the last bit. */
static void digest_told(struct sim *s, size_t from)
{
    for (size_t i = from; i < s->told_n; i++) {
        const struct sim_signal *t = &s->told[i];
        char text[600];
        int n = snprintf(text, sizeof(text),
            "%llx %lld %u %a %a %a %a %a %a %lld %lld %llx %s %s %u %u %s",
            (unsigned long long)t->entity, (long long)t->start_ns, t->s.feature, t->s.observed,
            t->s.expected, t->s.low, t->s.high, t->s.lgp_raw, t->s.lgp, (long long)t->s.first_ns,
            (long long)t->s.last_ns, (unsigned long long)t->s.peer.key, t->s.peer_host,
            t->s.peer_domain, t->s.peer_devices, t->s.org_devices, t->s.detail);
        s->digest = th_hash_pair(s->digest, th_siphash(&key, text, (size_t)n));
    }
}

static void close_epoch(struct sim *s, int64_t until_ns)
{
    struct th_buf blocks[TH_PARTITIONS] = {{0}};
    size_t from = s->told_n;
    for (unsigned i = 0; i < s->shards; i++)
        th_learn_close(s->shard[i], until_ns, keep, s);
    /* Each shard tells in order; together they are merged, as core does. A device's signals all
     * come from one shard, so a stable order of windows is enough. */
    if (s->shards > 1) {
        struct sim_signal *v = s->told + from;
        for (size_t i = 1; i < s->told_n - from; i++) {
            for (size_t k = i; k > 0 && told_order(&v[k - 1], &v[k]) > 0; k--) {
                struct sim_signal t = v[k];
                v[k] = v[k - 1];
                v[k - 1] = t;
            }
        }
    }
    digest_told(s, from);
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_learn_epoch_out(s->shard[p % s->shards], p, &blocks[p]);
    for (unsigned i = 0; i < s->shards; i++) {
        for (unsigned p = 0; p < TH_PARTITIONS; p++)
            TH_ASSERT(th_learn_epoch_in(s->shard[i], p, blocks[p].p, blocks[p].len) == 0);
        th_learn_epoch_done(s->shard[i], until_ns);
    }
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_buf_done(&blocks[p]);
    s->epoch_ns = until_ns;
}

void sim_advance(struct sim *s, int64_t time_ns)
{
    while (time_ns >= s->epoch_ns + TH_NS_PER_HOUR)
        close_epoch(s, s->epoch_ns + TH_NS_PER_HOUR);
    s->now_ns = TH_MAX(s->now_ns, time_ns);
}

void sim_restart(struct sim *s, unsigned shards)
{
    struct th_buf parts[TH_PARTITIONS] = {{0}};
    struct th_buf org = {0};
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_learn_save_partition(s->shard[p % s->shards], p, &parts[p]);
    th_learn_save_org(s->shard[0], &org);
    for (unsigned i = 0; i < s->shards; i++)
        th_learn_free(s->shard[i]);
    s->shards = shards;
    for (unsigned i = 0; i < shards; i++) {
        s->shard[i] = new_learner(i, shards);
        TH_ASSERT(th_learn_load_org(s->shard[i], org.p, org.len) == 0);
    }
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        TH_ASSERT(th_learn_load_partition(s->shard[p % shards], p, parts[p].p, parts[p].len) == 0);
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_buf_done(&parts[p]);
    th_buf_done(&org);
}

/* The last two labels: good enough for the names of the tests. */
static struct th_str domain_of(const char *host)
{
    const char *end = host + strlen(host);
    unsigned dots = 0;
    const char *p = end;
    while (p > host && !(p[-1] == '.' && ++dots == 2))
        p--;
    return th_str_c(p);
}

static struct th_addr outside(uint32_t number)
{
    uint8_t v4[4] = {(uint8_t)(198 + (number >> 24)), (uint8_t)(number >> 16),
        (uint8_t)(number >> 8), (uint8_t)number};
    return th_addr_v4(v4);
}

static struct th_peer make_peer(struct sim *s, struct sim_peer to, uint16_t port)
{
    struct th_peer p = {.port = port,
        .has_addr = true,
        .slot = UINT32_MAX,
        .host = {.p = "", .len = 0},
        .domain = {.p = "", .len = 0}};
    if (to.device >= 0) {
        const struct th_entity *e = &s->entity[to.device];
        p.inside = true;
        p.addr = e->addr;
        p.slot = e->slot;
        p.key = th_mix64(e->id ^ key.k0);
    } else if (to.host) {
        p.host = th_str_c(to.host);
        p.domain = domain_of(to.host);
        p.key = th_siphash(&key, p.domain.p, p.domain.len) | 1;
        p.addr = outside((uint32_t)p.key & 0xffffff);
    } else {
        p.addr = outside(to.number);
        p.key = th_siphash(&key, p.addr.b, sizeof(p.addr.b)) | 1;
    }
    return p;
}

void sim_event(struct sim *s, struct th_event *ev, unsigned from, struct sim_peer to, uint16_t port)
{
    sim_advance(s, ev->time_ns);
    ev->seq = s->seq++;
    struct th_who who = {.resp_peer = make_peer(s, to, port)};
    if (from < SIM_OUTSIDE) {
        who.orig = &s->entity[from];
        who.orig_peer = make_peer(s, SIM_INSIDE(from), 0);
    } else {
        who.orig_peer = make_peer(s, SIM_ADDRESS(from - SIM_OUTSIDE), 0);
    }
    if (to.device >= 0)
        who.resp = &s->entity[to.device];
    for (unsigned i = 0; i < s->shards; i++)
        th_learn_event(s->shard[i], ev, &who);
}

void sim_connect(struct sim *s, int64_t time_ns, unsigned from, struct sim_conn c)
{
    struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN, .time_ns = time_ns}};
    TH_SET(&ev, CONN, ts, time_ns - SIM_NS(c.seconds));
    TH_SET(&ev, CONN, id_resp_p, c.port);
    TH_SET(&ev, CONN, id_resp_h, make_peer(s, c.to, 0).addr);
    TH_SET(&ev, CONN, proto, th_str_c(c.proto ? c.proto : "tcp"));
    TH_SET(&ev, CONN, conn_state, th_str_c(c.state ? c.state : "SF"));
    TH_SET(&ev, CONN, duration, SIM_NS(c.seconds));
    TH_SET(&ev, CONN, orig_bytes, c.out);
    TH_SET(&ev, CONN, resp_bytes, c.in);
    sim_event(s, &ev.h, from, c.to, c.port);
}

void sim_dns(
    struct sim *s, int64_t time_ns, unsigned from, const char *name, unsigned qtype, unsigned rcode)
{
    struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = time_ns}};
    struct th_str answer = th_str_c("192.0.2.1");
    TH_SET(&ev, DNS, ts, time_ns);
    TH_SET(&ev, DNS, id_resp_p, 53);
    TH_SET(&ev, DNS, query, th_str_c(name));
    TH_SET(&ev, DNS, qtype, qtype);
    TH_SET(&ev, DNS, rcode, rcode);
    if (rcode == 0)
        TH_SET(&ev, DNS, answers, (struct th_strs){.v = &answer, .n = 1});
    sim_event(s, &ev.h, from, SIM_INSIDE(0), 53);
}

const struct th_signal *sim_find(
    const struct sim *s, unsigned device, enum th_feature feature, int64_t since_ns)
{
    const struct th_signal *best = NULL;
    for (size_t i = 0; i < s->told_n; i++) {
        const struct sim_signal *t = &s->told[i];
        if (t->entity == s->entity[device].id && t->s.feature == feature &&
            t->start_ns >= since_ns && (!best || t->s.lgp > best->lgp))
            best = &t->s;
    }
    return best;
}

static const char *const usual[] = {"www.searchpage.com", "mail.bluebridge.com",
    "cdn.stonegarden.net", "update.softwaremaker.com", "api.weatherline.org",
    "files.greenoffice.net", "news.dailytribune.com", "maps.openroad.org", "video.streamhill.com",
    "shop.northmarket.com"};

void sim_office_hour(struct sim *s, int64_t start_ns, unsigned from, unsigned to, bool office)
{
    int64_t hour = start_ns / TH_NS_PER_HOUR % 24;
    int64_t weekday = (start_ns / TH_NS_PER_DAY + 3) % 7;
    bool quiet = office && (hour < 7 || hour > 18 || weekday >= 5);
    for (int64_t minute = 0; minute < 60; minute++) {
        for (unsigned d = from; d < to; d++) {
            if (sim_uniform(s) > (quiet ? 0.02 : 0.4))
                continue;
            int64_t t = start_ns + minute * TH_NS_PER_MIN +
                SIM_NS(sim_uniform(s) * 60 / (to - from)) +
                (int64_t)(d - from) * TH_NS_PER_MIN / (to - from);
            const char *host = usual[(unsigned)(sim_uniform(s) * sim_uniform(s) * 10)];
            sim_dns(s, t, d, host, 1, 0);
            sim_connect(s, t, d,
                (struct sim_conn){.to = SIM_HOST(host),
                    .port = 443,
                    .out = (uint64_t)(500 * exp(sim_exponential(s))),
                    .in = (uint64_t)(5000 * exp(2 * sim_uniform(s))),
                    .seconds = sim_exponential(s)});
            if (sim_uniform(s) < 0.2)
                sim_connect(s, t, d,
                    (struct sim_conn){.to = SIM_INSIDE(1), .port = 445, .out = 3000, .in = 20000});
            if (sim_uniform(s) < 0.02)
                sim_dns(s, t, d, "wpad.bluebridgeoffice.com", 1, 3);
        }
    }
}
