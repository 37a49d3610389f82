/* SPDX-License-Identifier: Apache-2.0 */
/* The same findings from one shard and from four, and after a restart; bounded memory. */
#include "unit.h"

#include "base/hash.h"
#include "sim.h"

#define HOUR TH_NS_PER_HOUR

/* Two days of an office with some of everything that crosses devices and windows. */
static void run(struct sim *s, int64_t from_hour, int64_t to_hour)
{
    for (int64_t h = from_hour; h < to_hour; h++) {
        int64_t t = SIM_START + h * HOUR;
        sim_advance(s, t);
        sim_office_hour(s, t, 2, 30, true);
        /* A tail of events older than what the office hour ended with, within the same hour. */
        for (unsigned i = 0; i < 40; i++) {
            int64_t at = t + i * 80 * TH_NS_PER_S;
            sim_connect(s, at, 5,
                (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443, .out = 90});
            sim_connect(
                s, at, 6, (struct sim_conn){.to = SIM_INSIDE(100 + i), .port = 445, .state = "S0"});
            sim_connect(s, at, 7,
                (struct sim_conn){
                    .to = SIM_INSIDE(8 + (unsigned)h % 5), .port = 3389, .out = 4000, .in = 3000});
            char name[64];
            snprintf(name, sizeof(name), "x%llxq.example.org",
                (unsigned long long)th_mix64(i + (uint64_t)h * 99));
            sim_dns(s, at, 9, name, 16, i % 2 ? 3 : 0);
        }
        sim_connect(s, t + 59 * TH_NS_PER_MIN, 10,
            (struct sim_conn){.to = SIM_HOST("drop.example.net"), .port = 443, .out = 1000000000});
    }
    sim_advance(s, SIM_START + to_hour * HOUR);
}

static void one_shard_or_four(void **state)
{
    (void)state;
    struct sim one;
    struct sim four;
    sim_init(&one, 1);
    sim_init(&four, 4);
    run(&one, 0, 30);
    run(&four, 0, 30);
    assert_true(one.told_n > 500);
    assert_int_equal(one.told_n, four.told_n);
    assert_true(one.windows == four.windows);
    assert_true(one.digest == four.digest);
    sim_done(&one);
    sim_done(&four);
}

static void restart_in_the_middle(void **state)
{
    (void)state;
    struct sim straight;
    struct sim stopped;
    sim_init(&straight, 1);
    sim_init(&stopped, 1);
    run(&straight, 0, 34);
    run(&stopped, 0, 11);
    sim_restart(&stopped, 4);
    run(&stopped, 11, 20);
    sim_office_hour(&stopped, SIM_START + 20 * HOUR, 2, 30, true);
    sim_restart(&stopped, 1); /* in the middle of an hour, with open windows */
    assert_true(stopped.epoch_ns == SIM_START + 20 * HOUR);
    sim_done(&stopped);

    sim_init(&stopped, 1);
    run(&stopped, 0, 26);
    sim_restart(&stopped, 1);
    run(&stopped, 26, 30);
    sim_restart(&stopped, 4);
    run(&stopped, 30, 34);
    assert_true(straight.digest == stopped.digest);
    sim_done(&straight);
    sim_done(&stopped);
}

/* Saved with half of an hour in its windows. */
static void restart_in_an_hour(void **state)
{
    (void)state;
    struct sim a;
    struct sim b;
    sim_init(&a, 1);
    sim_init(&b, 1);
    for (unsigned k = 0; k < 2; k++) {
        struct sim *s = k ? &b : &a;
        run(s, 0, 3);
        for (unsigned i = 0; i < 60; i++) {
            if (k == 1 && i == 30)
                sim_restart(s, 4);
            int64_t t = SIM_START + 3 * HOUR + i * TH_NS_PER_MIN;
            sim_connect(s, t, 5,
                (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443, .out = 90});
            sim_connect(
                s, t, 6, (struct sim_conn){.to = SIM_INSIDE(100 + i), .port = 22, .state = "REJ"});
            sim_connect(s, t, 20, (struct sim_conn){.to = SIM_INSIDE(5), .port = 5985, .in = 9});
        }
        sim_advance(s, SIM_START + 5 * HOUR);
    }
    assert_non_null(sim_find(&a, 6, TH_FEAT_SCAN_INT, SIM_START + 3 * HOUR));
    assert_true(a.digest == b.digest);
    sim_done(&a);
    sim_done(&b);
}

static void damaged_state_is_refused(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    run(&s, 0, 2);
    unsigned p = th_entity_partition(s.entity[5].id);
    TH_AUTOBUF struct th_buf part = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf org = TH_BUF_INIT;
    th_learn_save_partition(s.shard[0], p, &part);
    th_learn_save_org(s.shard[0], &org);
    assert_int_equal(th_learn_load_partition(s.shard[0], p, part.p, part.len), 0);
    assert_int_equal(th_learn_load_partition(s.shard[0], p, part.p, part.len - 1), TH_E_TRUNCATED);
    assert_int_equal(th_learn_load_org(s.shard[0], part.p, part.len), TH_E_UNKNOWN_FORMAT);
    part.p[part.len / 2] ^= 1;
    assert_int_equal(th_learn_load_partition(s.shard[0], p, part.p, part.len), TH_E_CHECKSUM);
    org.p[4] ^= 64;
    assert_int_equal(th_learn_load_org(s.shard[0], org.p, org.len), TH_E_VERSION);
    /* Another partition's devices are not ours. */
    part.p[part.len / 2] ^= 1;
    assert_int_equal(th_learn_load_partition(s.shard[0], (p + 1) % TH_PARTITIONS, part.p, part.len),
        TH_E_MALFORMED);
    sim_done(&s);
}

static void prior_keeps_distributions_only(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    run(&s, 0, 12);
    TH_AUTOBUF struct th_buf prior = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf org = TH_BUF_INIT;
    th_learn_save_prior(s.shard[0], &prior);
    th_learn_save_org(s.shard[0], &org);
    struct th_learn_stats before;
    th_learn_stats_get(s.shard[0], &before);
    assert_true(before.pooled_device_hours > 200 && before.prior_device_hours == 0);
    sim_done(&s);
    sim_init(&s, 1);
    assert_int_equal(th_learn_load_prior(s.shard[0], prior.p, prior.len), 0);
    struct th_learn_stats after;
    th_learn_stats_get(s.shard[0], &after);
    assert_true(after.prior_device_hours == before.pooled_device_hours);
    assert_true(after.pooled_device_hours == before.pooled_device_hours);
    /* No destination is known of before. */
    sim_connect(
        &s, SIM_START, 5, (struct sim_conn){.to = SIM_HOST("www.searchpage.com"), .port = 443});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *n = sim_find(&s, 5, TH_FEAT_NEW_DESTINATION, 0);
    assert_true(!n || n->peer_devices == 0);
    assert_int_equal(th_learn_load_prior(s.shard[0], org.p, org.len), TH_E_UNKNOWN_FORMAT);
    sim_done(&s);
}

/* What a rhythm beside is worth, with or without a device of the same partition that touches two
 * million hosts in the middle of it. */
static double raw_beside(bool flooded)
{
    struct sim s;
    sim_init(&s, 1);
    unsigned twin = 6;
    while (th_entity_partition(s.entity[twin].id) != th_entity_partition(s.entity[5].id))
        twin++;
    for (unsigned i = 0; i < 30; i++)
        sim_connect(&s, SIM_START + i * TH_NS_PER_MIN, twin,
            (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443});
    for (uint32_t i = 0; i < (flooded ? 2000000 : 1); i++)
        sim_connect(&s, SIM_START + 31 * TH_NS_PER_MIN + (int64_t)i * 10000, 5,
            (struct sim_conn){.to = SIM_ADDRESS(i), .port = 443, .in = 1});
    struct th_learn_stats st;
    th_learn_stats_get(s.shard[0], &st);
    assert_true(st.memory_bytes < 8u << 20);
    assert_true(!flooded || st.evicted_pairs > 1900000);
    for (unsigned i = 52; i < 59; i++)
        sim_connect(&s, SIM_START + i * TH_NS_PER_MIN, twin,
            (struct sim_conn){.to = SIM_HOST("c2.example.com"), .port = 443});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *b = sim_find(&s, twin, TH_FEAT_BEACON_FAST, 0);
    assert_non_null(b);
    assert_true(b->observed > 36);
    double raw = b->lgp_raw;
    const struct th_signal *n = sim_find(&s, 5, TH_FEAT_PEERS_EXT, 0);
    assert_true(!flooded || (n && n->observed > 1e6));
    sim_done(&s);
    return raw;
}

/* The state of the flooder's partition stays bounded, and what the others of it learned stays. */
static void hostile_peers_are_bounded(void **state)
{
    (void)state;
    double alone = raw_beside(false);
    assert_true(alone > 2.5);
    assert_float_equal(raw_beside(true), alone, 1e-6);
}

static void count_looked(void *arg, const struct th_window *w)
{
    unsigned *n = arg;
    TH_ASSERT(w->measure_count == 0);
    ++*n;
}

/* However often one looks, the hour ends as if nobody had; and only news are looked at. */
static void looking_changes_nothing(void **state)
{
    (void)state;
    struct sim seen;
    struct sim unseen;
    unsigned told = 0;
    size_t looked = 0;
    sim_init(&seen, 1);
    sim_init(&unseen, 1);
    for (int64_t h = 0; h < 60; h++) {
        sim_office_hour(&seen, SIM_START + h * TH_NS_PER_HOUR, 0, 20, true);
        sim_office_hour(&unseen, SIM_START + h * TH_NS_PER_HOUR, 0, 20, true);
        looked += th_learn_look(seen.shard[0], count_looked, &told);
        assert_int_equal(th_learn_look(seen.shard[0], count_looked, &told), 0);
    }
    sim_advance(&seen, SIM_START + 60 * TH_NS_PER_HOUR);
    sim_advance(&unseen, SIM_START + 60 * TH_NS_PER_HOUR);
    assert_true(looked > 100 && told > 100);
    assert_true(seen.digest == unseen.digest);
    assert_int_equal(seen.told_n, unseen.told_n);
    sim_done(&seen);
    sim_done(&unseen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(one_shard_or_four), cmocka_unit_test(restart_in_the_middle),
        cmocka_unit_test(restart_in_an_hour), cmocka_unit_test(damaged_state_is_refused),
        cmocka_unit_test(prior_keeps_distributions_only),
        cmocka_unit_test(hostile_peers_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
