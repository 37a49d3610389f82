/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the learner takes events and closes hours, and what a device costs in
 * memory: synthetic devices that each make connections and look-ups to destinations
 * of a few habits and a long tail. Only the learner is measured: events are made
 * before the clock starts.
 *
 *   bench_learn BUILD [DEVICES [EVENTS [HOURS]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "learn/learn.h"

/* What an event will be: written into one that stays in the cache, as a decoder does. */
struct item {
    uint64_t to;
    uint32_t device;
    uint32_t bits; /* of chance */
};

static const struct th_hash_key key = {1, 2};
static uint64_t windows;
static uint64_t signals;

static void count_window(void *arg, const struct th_window *w)
{
    (void)arg;
    windows++;
    signals += w->count;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *x)
{
    *x = th_mix64(*x + 0x9e3779b97f4a7c15u);
    return *x;
}

static struct th_peer make_peer(uint64_t number)
{
    struct th_peer p = {.key = th_mix64(number + 99) | 1, .has_addr = true, .slot = UINT32_MAX};
    memcpy(p.addr.b, "\x20\x01\x0d\xb8", 4);
    memcpy(p.addr.b + 8, &number, 8);
    p.host = p.domain = (struct th_str){.p = "", .len = 0};
    return p;
}

static void make_item(struct item *it, const struct th_entity *devices, uint32_t n, uint64_t *x)
{
    uint64_t r = next_random(x);
    it->device = (uint32_t)(r % n);
    it->bits = (uint32_t)(r >> 32);
    /* Nineteen of twenty go where the device always goes, the others into the long tail of all. */
    uint64_t bits = next_random(x);
    it->to = bits % 20 ? (devices[it->device].id + (bits >> 36 & 15)) % 50000
                       : 50000 + (bits >> 36) % 1000000;
}

/* Reused from event to event. */
static struct {
    struct th_ev_conn conn;
    struct th_ev_dns dns;
    struct th_who who;
    char name[32];
} now;

static const struct th_event *fill(
    const struct item *it, struct th_entity *devices, int64_t time_ns)
{
    now.who.orig = &devices[it->device];
    now.who.resp_peer = make_peer(it->to);
    uint32_t r = it->bits;
    if (r >> 28 < 5) {
        now.dns.query.p = now.name;
        now.name[4] = (char)('0' + it->to % 10);
        now.name[5] = (char)('0' + it->to / 10 % 10);
        now.name[6] = (char)('0' + it->to / 100 % 10);
        now.dns.rcode = r & 31 ? 0 : 3;
        now.dns.h.time_ns = time_ns;
        return &now.dns.h;
    }
    now.conn.conn_state = th_str_c(r & 15 ? "SF" : "S0");
    now.conn.id_resp_p = (uint16_t)(r >> 4 & 7 ? 443 : 80);
    now.conn.orig_bytes = r >> 7 & 4095;
    now.conn.resp_bytes = r & 15 ? r >> 7 & 65535 : 0;
    now.conn.ts = now.conn.h.time_ns = time_ns;
    return &now.conn.h;
}

static void prepare(void)
{
    strcpy(now.name, "host000.example.com");
    now.dns.h.kind = TH_KIND_DNS;
    static const struct th_str answer = {.p = "192.0.2.1", .len = 9};
    TH_SET(&now.dns, DNS, query, th_str_c(now.name));
    TH_SET(&now.dns, DNS, rcode, 0);
    TH_SET(&now.dns, DNS, answers, (struct th_strs){.v = &answer, .n = 1});
    now.dns.id_resp_p = 53;
    now.conn.h.kind = TH_KIND_CONN;
    TH_SET(&now.conn, CONN, proto, th_str_c("tcp"));
    TH_SET(&now.conn, CONN, conn_state, th_str_c("SF"));
    TH_SET(&now.conn, CONN, orig_bytes, 0);
    TH_SET(&now.conn, CONN, resp_bytes, 0);
}

static void exchange(struct th_learn *l, int64_t time_ns)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        th_buf_clear(&b);
        th_learn_epoch_out(l, p, &b);
        if (th_learn_epoch_in(l, p, b.p, b.len) < 0)
            abort();
    }
    th_learn_epoch_done(l, time_ns);
}

static void print(
    const char *name, const char *of, double value, const char *unit, double budget, bool higher)
{
    printf("{\"name\": \"%s%s\", \"value\": %.4g, \"unit\": \"%s\"", name, of, value, unit);
    if (budget > 0)
        printf(", \"budget\": %g, \"better\": \"%s\"", budget, higher ? "higher" : "lower");
    printf("}\n");
}

static uint32_t number(int argc, char **argv, int at, uint32_t standard)
{
    uint64_t v = standard;
    TH_ASSERT(argc <= at || th_str_u64(th_str_c(argv[at]), &v));
    TH_ASSERT(v > 0 && v <= UINT32_MAX);
    return (uint32_t)v;
}

static void measure(uint32_t n, uint32_t events, unsigned hours)
{
    windows = signals = 0;
    struct th_entity *devices = th_xcalloc(n, sizeof(*devices));
    for (uint32_t i = 0; i < n; i++) {
        devices[i].id = th_mix64(i + 1);
        devices[i].slot = i;
        devices[i].kind = TH_ENTITY_DEVICE;
    }
    uint64_t x = 42;
    prepare();
    struct item *items = th_xcalloc(events, sizeof(*items));
    for (uint32_t i = 0; i < events; i++)
        make_item(&items[i], devices, n, &x);
    struct th_learn_config config = {.key = key, .partitions = UINT64_MAX};
    struct th_learn *l = th_learn_new(&config);
    double events_s = 0;
    double close_s = 0;
    double epoch_s = 0;
    for (unsigned h = 0; h < hours; h++) {
        int64_t start = (int64_t)(490000 + h) * TH_NS_PER_HOUR;
        double t0 = seconds();
        for (uint32_t i = 0; i < events; i++) {
            int64_t t = start + (int64_t)((double)i / events * 3.6e12);
            th_learn_event(l, fill(&items[i], devices, t), &now.who);
        }
        double t1 = seconds();
        th_learn_close(l, start + TH_NS_PER_HOUR, count_window, NULL);
        double t2 = seconds();
        exchange(l, start + TH_NS_PER_HOUR);
        events_s += t1 - t0;
        close_s += t2 - t1;
        epoch_s += seconds() - t2;
    }
    struct th_learn_stats s;
    th_learn_stats_get(l, &s);
    double total = events_s + close_s + epoch_s;
    char of[64];
    snprintf(of, sizeof(of), ", %u devices", n);
    print("learner, events a second", of, (double)events * hours / total, "1/s", 1e6, true);
    print("learner, without closing hours", of, (double)events * hours / events_s, "1/s", 0, true);
    print("learner, closing a device-hour", of, close_s * 1e6 / (double)windows, "us", 0, false);
    print("learner, epoch", of, epoch_s * 1e3 / hours, "ms", 50, false);
    print("learner, state of a device", of, (double)s.memory_bytes / (double)s.devices, "B", 4608,
        false);
    print("learner, signals an hour", of, (double)signals / (double)windows, "", 0, false);
    th_learn_free(l);
    free(items);
    free(devices);
}

/* bench_learn BUILD [DEVICES [EVENTS_AN_HOUR [HOURS]]]; without them a site and a large one. */
int main(int argc, char **argv)
{
    if (argc > 2) {
        measure(number(argc, argv, 2, 0), number(argc, argv, 3, 1000000), number(argc, argv, 4, 4));
        return 0;
    }
    measure(2000, 1000000, 4);
    measure(100000, 2000000, 3);
    return 0;
}
