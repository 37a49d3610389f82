/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence that adds up: each thing fires, its benign twin does not. */
#include "unit.h"

#include <math.h>

#include "sim.h"

#define DAY INT64_C(86400000000000)
#define HOUR TH_NS_PER_HOUR

/* Known for three days: a rhythm that is as old as what is known of a device counts for less. */
static void known_before(struct sim *s, unsigned device)
{
    sim_connect(s, SIM_START - 3 * DAY, device,
        (struct sim_conn){.to = SIM_HOST("www.stonegarden.net"), .port = 443, .out = 90});
}

/* Eleven minutes in which one host fetches a page every two seconds; its raw worth. */
static double eleven_minutes(bool known)
{
    struct sim s;
    sim_init(&s, 1);
    if (known)
        known_before(&s, 5);
    for (unsigned i = 0; i < 330; i++)
        sim_connect(&s, SIM_START + SIM_NS(i * 2.0 + 0.01 * (i % 7)), 5,
            (struct sim_conn){.to = SIM_ADDRESS(7), .port = 80, .out = 80, .in = 300});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_BEACON_FAST, 0);
    assert_non_null(b);
    assert_true(b->has_peer && b->peer.port == 80);
    assert_non_null(strstr(b->detail, "every 2 s"));
    double raw = b->lgp_raw;
    for (size_t i = 0; i < s.told_n && known; i++) /* ranks first */
        assert_true(s.told[i].start_ns < SIM_START || s.told[i].s.lgp <= b->lgp);
    sim_done(&s);
    return raw;
}

static void short_capture_with_a_beacon(void **state)
{
    (void)state;
    double sudden = eleven_minutes(true);
    double capture = eleven_minutes(false);
    assert_true(sudden > 8);
    assert_true(capture > 0.35 * sudden && capture < 0.5 * sudden);
}

static double beacon_raw(double period, double jitter, double loss, unsigned beats, bool poisson)
{
    struct sim s;
    sim_init(&s, 1);
    double t = 0;
    known_before(&s, 5);
    for (unsigned i = 0; i < beats; i++) {
        t += poisson ? period * sim_exponential(&s)
                     : period * (1 + jitter * (2 * sim_uniform(&s) - 1));
        if (sim_uniform(&s) >= loss)
            sim_connect(&s, SIM_START + SIM_NS(t), 5,
                (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443, .out = 90});
    }
    sim_advance(&s, s.now_ns + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_BEACON_FAST, 0);
    double raw = b ? b->lgp_raw : 0;
    sim_done(&s);
    return raw;
}

static void beacons_of_twenty_beats(void **state)
{
    (void)state;
    double least = 99;
    for (unsigned k = 0; k < 4; k++) {
        double period = 20 * pow(3, k);
        least = fmin(least, beacon_raw(period, 0, 0, 20, false));
        least = fmin(least, beacon_raw(period, 0.1, 0, 20, false));
        least = fmin(least, beacon_raw(period, 0.2, 0.1, 20, false));
    }
    assert_true(least > 3);
    assert_true(beacon_raw(60, 0, 0, 200, true) < 0.5); /* Poisson arrivals */
}

/* 300 s with jitter 0.9 and 20 % loss: the fast scorer is blind, the slow one sees it in a day. */
static void slow_beacon_within_a_day(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    double t = 0;
    known_before(&s, 5);
    while (t < 86400) {
        if (sim_uniform(&s) >= 0.2)
            sim_connect(&s, SIM_START + SIM_NS(t), 5,
                (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443, .out = 90});
        t += 300 * (1 + 0.9 * (2 * sim_uniform(&s) - 1));
    }
    sim_advance(&s, SIM_START + DAY);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_BEACON_SLOW, SIM_START + 20 * HOUR);
    assert_non_null(b);
    assert_true(b->lgp_raw > 6);
    assert_non_null(strstr(b->peer_domain, "example.com"));
    sim_done(&s);
}

/* The same poll, to a host that all devices poll: damped. */
static void popular_poller_is_damped(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned d = 2; d < 42; d++)
        known_before(&s, d);
    for (unsigned m = 0; m < 360; m++) {
        for (unsigned d = 2; d < 42; d++)
            sim_connect(&s, SIM_START + m * TH_NS_PER_MIN + SIM_NS(d), d,
                (struct sim_conn){.to = SIM_HOST("av.vendor.com"), .port = 443, .out = 90});
        sim_connect(&s, SIM_START + m * TH_NS_PER_MIN + SIM_NS(50), 2,
            (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443, .out = 90});
    }
    sim_advance(&s, SIM_START + 6 * HOUR);
    const struct th_signal *all = sim_find(&s, 3, TH_FEAT_BEACON_FAST, SIM_START + 3 * HOUR);
    const struct th_signal *one = sim_find(&s, 2, TH_FEAT_BEACON_FAST, SIM_START + 3 * HOUR);
    assert_non_null(one);
    assert_string_equal(one->peer_domain, "example.com");
    assert_true(one->lgp_raw > 9);
    assert_true(!all || all->lgp_raw < 2);
    assert_int_equal(one->peer_devices, 1);
    assert_int_equal(one->org_devices, 40);
    sim_done(&s);
}

static void horizontal_scan(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 100; i++)
        sim_connect(&s, SIM_START + SIM_NS(i * 0.5), 5,
            (struct sim_conn){
                .to = SIM_INSIDE(100 + i), .port = 445, .state = i % 20 ? "S0" : "SF"});
    for (unsigned i = 0; i < 100; i++) /* a busy client with an odd failure */
        sim_connect(&s, SIM_START + SIM_NS(60 + i), 6,
            (struct sim_conn){
                .to = SIM_INSIDE(100 + i % 10), .port = 445, .state = i % 20 ? "SF" : "S0"});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_SCAN_INT, 0);
    assert_non_null(b);
    assert_true(b->lgp_raw > 10 && b->observed > 60 && b->observed < 140);
    assert_non_null(strstr(b->detail, "port 445"));
    assert_null(sim_find(&s, 6, TH_FEAT_SCAN_INT, 0));
    assert_null(sim_find(&s, 5, TH_FEAT_SCAN_EXT, 0));
    sim_done(&s);
}

static void vertical_scan(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 200; i++)
        sim_connect(&s, SIM_START + SIM_NS(i * 0.1), 5,
            (struct sim_conn){.to = SIM_INSIDE(9), .port = (uint16_t)(1 + i), .state = "REJ"});
    for (unsigned i = 0; i < 200; i++)
        sim_connect(&s, SIM_START + SIM_NS(i + 30), 6,
            (struct sim_conn){.to = SIM_INSIDE(9), .port = 80, .state = "REJ"});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_SCAN_PORTS, 0);
    assert_non_null(b);
    assert_true(b->lgp_raw > 6 && b->observed > 50);
    assert_int_equal(b->peer.slot, 9);
    assert_null(sim_find(&s, 6, TH_FEAT_SCAN_PORTS, 0));
    sim_done(&s);
}

static void arp(struct sim *s, int64_t t, unsigned from, uint32_t target, bool reply)
{
    struct th_ev_arp ev = {.h = {.kind = TH_KIND_ARP, .time_ns = t}};
    uint8_t v4[4] = {10, 0, (uint8_t)(target >> 8), (uint8_t)target};
    TH_SET(&ev, ARP, operation, th_str_c(reply ? "reply" : "request"));
    TH_SET(&ev, ARP, orig_h, reply ? th_addr_v4(v4) : s->entity[from].addr);
    TH_SET(&ev, ARP, resp_h, reply ? s->entity[from].addr : th_addr_v4(v4));
    if (reply)
        sim_event(s, &ev.h, target, SIM_INSIDE(from), 0);
    else
        sim_event(s, &ev.h, from, SIM_ADDRESS(target), 0);
}

static void arp_sweep(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 519; i++)
        arp(&s, SIM_START + SIM_NS(i * 0.1), 5, 1000 + i, false);
    for (unsigned i = 0; i < 20; i++) { /* a server that looks its clients up */
        arp(&s, SIM_START + SIM_NS(i + 60), 6, 100 + i, false);
        arp(&s, SIM_START + SIM_NS(i + 60.1), 6, 100 + i, true);
    }
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_SWEEP, 0);
    assert_non_null(b);
    assert_true(b->lgp_raw > 10 && b->observed > 350 && b->observed < 700);
    assert_true(b->last_ns - b->first_ns < TH_NS_PER_MIN);
    assert_null(sim_find(&s, 6, TH_FEAT_SWEEP, 0));
    sim_done(&s);
}

static void dns_tunnel(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 300; i++) {
        char name[256];
        char label[61] = {0};
        for (unsigned k = 0; k < 60; k++)
            label[k] = "abcdefghijklmnopqrstuvwxyz012345"[(unsigned)(sim_uniform(&s) * 32)];
        snprintf(name, sizeof(name), "%s.t.example.com", label);
        sim_dns(&s, SIM_START + SIM_NS(i * 0.2), 5, name, 10, 0);
        snprintf(name, sizeof(name), "img%u.cdn.stonegarden.net", i % 30);
        sim_dns(&s, SIM_START + SIM_NS(i * 0.2), 6, name, 1, 0);
    }
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_DNS_TUNNEL, 0);
    assert_non_null(b);
    assert_true(b->lgp_raw > 3 && b->observed > 5000);
    assert_string_equal(b->peer_domain, "example.com");
    const struct th_signal *twin = sim_find(&s, 6, TH_FEAT_DNS_TUNNEL, 0);
    assert_true(!twin || twin->lgp_raw < 1.5);
    sim_done(&s);
}

static void generated_names(void **state)
{
    (void)state;
    static const char *const generated[] = {
        "xkqzvbtwpl.com", "qjwhrnzxpk.net", "vbzmqtxkjw.org", "pzxqkvwjhb.info", "wqkzjxvbpm.com"};
    static const char *const mistyped[] = {
        "gogle.com", "streamhil.com", "northmarkt.com", "bluebrigde.com", "weatherlin.org"};
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 5; i++) {
        sim_dns(&s, SIM_START + SIM_NS(i * 3), 5, generated[i], 1, 3);
        sim_dns(&s, SIM_START + SIM_NS(i * 3), 6, mistyped[i], 1, 3);
    }
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_DGA, 0);
    assert_non_null(b);
    assert_true(b->lgp_raw > 5);
    assert_non_null(strstr(b->detail, "xkqzvbtwpl.com"));
    const struct th_signal *twin = sim_find(&s, 6, TH_FEAT_DGA, 0);
    assert_true(!twin || twin->lgp_raw < 2);
    sim_done(&s);
}

/* Device 0 resolves for all: it asks outside what the others ask it. */
static void forwarded(struct sim *s, int64_t t, const char *name, unsigned qtype, unsigned rcode)
{
    struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = t}};
    TH_SET(&ev, DNS, id_resp_p, 53);
    TH_SET(&ev, DNS, query, th_str_c(name));
    TH_SET(&ev, DNS, qtype, qtype);
    TH_SET(&ev, DNS, rcode, rcode);
    sim_event(s, &ev.h, 0, SIM_ADDRESS(53), 53);
}

static void a_resolver_asks_for_others(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 300; i++) {
        char name[3][64];
        char label[41] = {0};
        for (unsigned k = 0; k < 40; k++)
            label[k] = "abcdefghijklmnopqrstuvwxyz012345"[(unsigned)(sim_uniform(&s) * 32)];
        snprintf(name[0], sizeof(name[0]), "%s.example.com", label);
        snprintf(name[1], sizeof(name[1]), "%.12s.net", label);
        snprintf(name[2], sizeof(name[2]), "%s.example.org", label);
        sim_dns(&s, SIM_START + SIM_NS(i * 5), 5, name[0], 16, 0);
        forwarded(&s, SIM_START + SIM_NS(i * 5 + 0.01), name[0], 16, 0);
        sim_dns(&s, SIM_START + SIM_NS(i * 5 + 1), 5, name[1], 1, 3);
        forwarded(&s, SIM_START + SIM_NS(i * 5 + 1.01), name[1], 1, 3);
        if (i % 2 == 0) /* and for itself */
            forwarded(&s, SIM_START + SIM_NS(i * 5 + 2), name[2], 16, 0);
    }
    sim_advance(&s, SIM_START + HOUR);
    assert_non_null(sim_find(&s, 5, TH_FEAT_DNS_TUNNEL, 0));
    assert_non_null(sim_find(&s, 5, TH_FEAT_DGA, 0));
    assert_null(sim_find(&s, 0, TH_FEAT_DGA, 0));
    const struct th_signal *own = sim_find(&s, 0, TH_FEAT_DNS_TUNNEL, 0);
    assert_non_null(own);
    assert_string_equal(own->peer_domain, "example.org");
    sim_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_capture_with_a_beacon),
        cmocka_unit_test(beacons_of_twenty_beats), cmocka_unit_test(slow_beacon_within_a_day),
        cmocka_unit_test(popular_poller_is_damped), cmocka_unit_test(horizontal_scan),
        cmocka_unit_test(vertical_scan), cmocka_unit_test(arp_sweep), cmocka_unit_test(dns_tunnel),
        cmocka_unit_test(generated_names), cmocka_unit_test(a_resolver_asks_for_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
