/* SPDX-License-Identifier: Apache-2.0 */
/* What is normal here is not told, and nothing else is held back with it. */
#include "unit.h"

#include "make_window.h"

#define UPLOADS HEAD("uploads") "combine: any\ncomponents:\n  - feature: upload\n"
#define BEACONS HEAD("beacons") "components:\n  - feature: beacon\n"
#define BOTH UPLOADS "---\n" BEACONS
#define STORY                                                                                      \
    HEAD("story")                                                                                  \
    "combine: sequence\nwithin: 8 h\ncomponents:\n  - feature: beacon\n  - feature: upload\n"

static struct th_permit permit_of(uint64_t id, uint64_t device, const char *model)
{
    struct th_permit p = {
        .id = id, .device = device, .until_ns = INT64_MAX, .held_ns = TH_TIME_UNSET};
    snprintf(p.model, sizeof(p.model), "%s", model);
    return p;
}

static struct th_permit to(struct th_permit p, enum th_permit_peer peer, const char *name)
{
    p.peer = peer;
    if (peer == TH_PERMIT_ADDRESS)
        assert_true(th_addr_parse(th_str_c(name), &p.addr));
    else
        snprintf(p.name, sizeof(p.name), "%s", name);
    return p;
}

struct world {
    struct th_models *models;
    struct th_scorer *scorer;
    int64_t now_ns;
};

static struct world world_of(const char *yaml)
{
    struct world w = {.models = models_of(yaml), .now_ns = H0};
    w.scorer = th_scorer_new(w.models, UINT64_MAX);
    return w;
}

static void world_done(struct world *w)
{
    th_scorer_free(w->scorer);
    th_models_free(w->models);
}

/* An hour of the device with these signals; which of them were told, in `ret`. */
static void hour_of(
    struct world *w, uint64_t device, struct th_signal *v, uint32_t n, struct caught *ret)
{
    struct th_window window = window_make(device, w->now_ns, v, n);
    *ret = (struct caught){0};
    th_scorer_window(w->scorer, &window, catch_breach, ret);
    w->now_ns += HOUR;
    epoch(&w->scorer, 1, w->now_ns);
}

static unsigned told_of(
    struct world *w, uint64_t device, const char *feature, uint64_t key, const char *host)
{
    struct caught c;
    struct th_signal v[] = {with_peer(signal_make(feature, 1e9, 4), key, host, 1)};
    snprintf(v[0].peer_domain, sizeof(v[0].peer_domain), "%s",
        strchr(host, '.') ? strchr(host, '.') + 1 : "");
    hour_of(w, device, v, 1, &c);
    return c.count;
}

static void keep_permit(void *arg, const struct th_permit *p)
{
    *(struct th_permit *)arg = *p;
}

static struct th_permit reported(struct world *w)
{
    struct th_permit p = {0};
    th_permits_report(th_scorer_permits(w->scorer), keep_permit, &p);
    return p;
}

static void what_may_be(void **state)
{
    (void)state;
    struct th_permit p = permit_of(1, 0, "uploads");
    assert_false(th_permit_ok(&p)); /* it would switch the model off */
    p.port = 443;
    assert_false(th_permit_ok(&p));
    p.device = 7;
    assert_true(th_permit_ok(&p));
    p = to(permit_of(1, 0, ""), TH_PERMIT_HOST, "a.example.com");
    assert_true(th_permit_ok(&p));
    p.name[0] = 0;
    assert_false(th_permit_ok(&p));
    p = permit_of(1, 7, "Uploads");
    assert_false(th_permit_ok(&p));
    p = permit_of(1, 7, "uploads");
    memset(p.model, 'a', sizeof(p.model));
    assert_false(th_permit_ok(&p));
    p = to(permit_of(1, 7, ""), TH_PERMIT_DOMAIN, "exa\x01mple.com");
    assert_false(th_permit_ok(&p));
    p = permit_of(0, 7, "");
    assert_false(th_permit_ok(&p));
}

static void only_what_it_names(void **state)
{
    (void)state;
    struct world w = world_of(BOTH);
    struct th_permit p =
        to(permit_of(1, 7, "uploads"), TH_PERMIT_DOMAIN, "Example.COM"); /* case plays no part */
    th_permits_add(th_scorer_permits(w.scorer), &p);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 0);
    assert_int_equal(told_of(&w, 7, "upload", 2, "a.example.org"), 1); /* another peer */
    assert_int_equal(told_of(&w, 8, "upload", 1, "a.example.com"), 1); /* another device */
    assert_int_equal(told_of(&w, 7, "beacon", 1, "a.example.com"), 1); /* another model */
    world_done(&w);
}

static void by_host_address_and_port(void **state)
{
    (void)state;
    struct world w = world_of(UPLOADS);
    struct th_permits *all = th_scorer_permits(w.scorer);
    struct th_permit p = to(permit_of(1, 0, ""), TH_PERMIT_HOST, "a.example.com");
    th_permits_add(all, &p);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 0);
    assert_int_equal(told_of(&w, 7, "upload", 2, "b.example.com"), 1);
    p.id = 2;
    p.port = 22;
    p.device = 9;
    snprintf(p.name, sizeof(p.name), "c.example.com");
    th_permits_add(all, &p);
    assert_int_equal(told_of(&w, 9, "upload", 3, "c.example.com"), 1); /* port 443 */
    p = to(permit_of(3, 0, ""), TH_PERMIT_ADDRESS, "192.0.2.1");
    th_permits_add(all, &p);
    for (unsigned i = 1; i <= 2; i++) {
        struct caught c;
        struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 10 + i, "", 1)};
        assert_true(th_addr_parse(th_str_c(i == 1 ? "192.0.2.1" : "192.0.2.2"), &v[0].peer.addr));
        v[0].peer.has_addr = true;
        hour_of(&w, 11, v, 1, &c);
        assert_int_equal(c.count, i - 1);
    }
    world_done(&w);
}

/* A permitted scanner: the tactic covers models that there will be, too. */
static void a_device_and_a_tactic(void **state)
{
    (void)state;
    struct world w = world_of(
        UPLOADS "---\nid: scan\nname: S\ndescription: D\ntechnique: T1046\ntactic: discovery\n"
                "components:\n  - feature: scan-internal\n");
    struct th_permit p = permit_of(1, 7, "");
    snprintf(p.tactic, sizeof(p.tactic), "discovery");
    th_permits_add(th_scorer_permits(w.scorer), &p);
    struct caught c;
    struct th_signal v[] = {signal_make("scan-internal", 100, 4), /* about no single peer */
        with_peer(signal_make("upload", 1e9, 4), 5, "x.example.com", 1)};
    hour_of(&w, 7, v, 2, &c);
    assert_int_equal(c.count, 1);
    assert_string_equal(th_models_info(w.models, c.b[0].model)->id, "uploads");
    world_done(&w);
}

/* Eight permitted peers, each rarer, do not stand before a ninth. */
static void another_peer_in_the_same_hour(void **state)
{
    (void)state;
    struct world w = world_of(UPLOADS);
    struct th_permit p = to(permit_of(1, 7, ""), TH_PERMIT_DOMAIN, "backup.test");
    struct th_signal v[11];
    struct caught c;
    th_permits_add(th_scorer_permits(w.scorer), &p);
    for (uint64_t i = 0; i < 10; i++) {
        v[i] = with_peer(signal_make("upload", 1e9, 6), 1 + i, "nas.backup.test", 1);
        snprintf(v[i].peer_domain, sizeof(v[i].peer_domain), "backup.test");
    }
    v[10] = with_peer(signal_make("upload", 1e6, 2), 99, "evil.example.net", 1);
    hour_of(&w, 7, v, 11, &c);
    assert_int_equal(c.count, 1);
    assert_true(c.b[0].has_peer && c.b[0].peer.key == 99);
    assert_int_equal(c.b[0].evidence_count, 1);
    world_done(&w);
}

static void ends_with_event_time(void **state)
{
    (void)state;
    struct world w = world_of(UPLOADS);
    struct th_permit p = permit_of(1, 7, "uploads");
    p.until_ns = H0 + 2 * HOUR;
    th_permits_add(th_scorer_permits(w.scorer), &p);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 0);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 0);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 1);
    w.now_ns = H0; /* late: of a time when it held */
    assert_int_equal(told_of(&w, 7, "upload", 2, "b.example.com"), 0);
    /* evidence that goes past the end */
    th_permits_end(th_scorer_permits(w.scorer), 1);
    p.until_ns = w.now_ns + HOUR / 4;
    th_permits_add(th_scorer_permits(w.scorer), &p);
    assert_int_equal(told_of(&w, 7, "upload", 3, "c.example.com"), 1);
    world_done(&w);
}

/* So many hours of others that a score does not rise for what the organisation learns meanwhile. */
static void quiet_hours(struct world *w, unsigned hours)
{
    for (uint64_t i = 0; i < hours; i++) {
        struct caught c = {0};
        struct th_window window = window_make(1000 + i, w->now_ns, NULL, 0);
        th_scorer_window(w->scorer, &window, catch_breach, &c);
    }
    epoch(&w->scorer, 1, w->now_ns);
}

/* Counted as often as it would have been told, and told at once when somebody ended it. */
static void counts_and_ends(void **state)
{
    (void)state;
    struct world w = world_of(UPLOADS);
    struct th_permit p = permit_of(1, 7, "uploads");
    th_permits_add(th_scorer_permits(w.scorer), &p);
    quiet_hours(&w, 20000);
    assert_int_equal(reported(&w).id, 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 0);
    p = reported(&w);
    assert_int_equal(p.id, 1);
    assert_int_equal(p.held, 5); /* the 1st hour, and the 3rd, 6th, 12th and 24th: it goes on */
    assert_true(p.held_ns == H0 + 23 * HOUR + HOUR / 2);
    assert_int_equal(reported(&w).id, 0);
    th_permits_end(th_scorer_permits(w.scorer), 1);
    assert_int_equal(told_of(&w, 7, "upload", 1, "a.example.com"), 1);
    world_done(&w);
}

static void a_look_holds_back_and_counts_nothing(void **state)
{
    (void)state;
    struct world w = world_of(UPLOADS);
    struct th_permit p = permit_of(1, 7, "uploads");
    struct caught c = {0};
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 1, "a.example.com", 1)};
    struct th_window window = window_make(7, H0, v, 1);
    th_scorer_look(w.scorer, &window, catch_breach, &c);
    assert_int_equal(c.count, 1);
    th_permits_add(th_scorer_permits(w.scorer), &p);
    th_scorer_look(w.scorer, &window, catch_breach, &c);
    assert_int_equal(c.count, 1);
    epoch(&w.scorer, 1, H0 + HOUR);
    assert_int_equal(reported(&w).id, 0);
    world_done(&w);
}

static void a_sequence(void **state)
{
    (void)state;
    for (unsigned permitted = 0; permitted < 2; permitted++) {
        struct world w = world_of(STORY);
        struct th_permit p = to(permit_of(1, 7, "story"), TH_PERMIT_HOST, "a.example.com");
        if (permitted)
            th_permits_add(th_scorer_permits(w.scorer), &p);
        assert_int_equal(told_of(&w, 7, "beacon", 1, "b.example.com"), 0);
        assert_int_equal(told_of(&w, 7, "upload", 2, "a.example.com"), !permitted);
        assert_int_equal(reported(&w).held, permitted);
        if (permitted) /* what it held back did not use the story up */
            assert_int_equal(told_of(&w, 7, "upload", 3, "c.example.com"), 1);
        world_done(&w);
    }
}

static void many_and_forgotten(void **state)
{
    (void)state;
    struct th_permits *all = th_permits_new();
    for (uint64_t i = 1; i <= TH_PERMITS_MAX + 1; i++) {
        struct th_permit p = permit_of(i, i, "");
        p.until_ns = i == 500 ? 1 : INT64_MAX;
        th_permits_add(all, &p);
        th_permits_add(all, &p); /* told twice */
        assert_int_equal(th_permits_count(all), TH_MIN(i, TH_PERMITS_MAX));
    }
    th_permits_count_held(all, 500, 1, 5); /* the one that ended soonest has gone */
    th_permits_count_held(all, 501, 3, 5);
    struct th_permit p = {0};
    th_permits_report(all, keep_permit, &p);
    assert_int_equal(p.id, 501);
    th_permits_forget(all, 501);
    th_permits_end(all, 501);
    assert_int_equal(th_permits_count(all), TH_PERMITS_MAX - 1);
    th_permits_free(all);
}

static void state_comes_back(void **state)
{
    (void)state;
    struct th_permits *all = th_permits_new();
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    struct th_permit v[] = {permit_of(1, 7, "uploads"),
        to(permit_of(2, 0, ""), TH_PERMIT_HOST, "a.example.com"),
        to(permit_of(3, 9, ""), TH_PERMIT_ADDRESS, "2001:db8::1")};
    v[2].port = 22;
    v[2].until_ns = H0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(v); i++)
        th_permits_add(all, &v[i]);
    th_permits_count_held(all, 2, 5, H0 + 1);
    th_permits_save(all, &a);
    struct th_permits *again = th_permits_new();
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    assert_int_equal(th_permits_load(again, a.p, a.len), 0);
    th_permits_save(again, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
    for (size_t len = 0; len < a.len; len++) {
        struct th_permits *cut = th_permits_new();
        assert_true(th_permits_load(cut, a.p, len) < 0);
        th_permits_free(cut);
    }
    th_permits_free(again);
    th_permits_free(all);
}

/* Each shard counts its own; after an epoch all know all. */
static void shards_agree(void **state)
{
    (void)state;
    struct th_models *m = models_of(UPLOADS);
    struct th_scorer *s[3];
    struct th_permit p = to(permit_of(1, 0, ""), TH_PERMIT_HOST, "a.example.com");
    for (unsigned i = 0; i < 3; i++) {
        s[i] = th_scorer_new(m, UINT64_MAX);
        th_permits_add(th_scorer_permits(s[i]), &p);
    }
    for (uint64_t e = 1; e <= 30; e++) {
        struct caught c = {0};
        struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 1, "a.example.com", 1)};
        struct th_window w = window_make(e, H0, v, 1);
        th_scorer_window(s[th_entity_partition(e) % 3], &w, catch_breach, &c);
        assert_int_equal(c.count, 0);
    }
    epoch(s, 3, H0 + HOUR);
    for (unsigned i = 0; i < 3; i++) {
        struct th_permit told = {0};
        th_permits_report(th_scorer_permits(s[i]), keep_permit, &told);
        assert_int_equal(told.held, 30);
        th_scorer_free(s[i]);
    }
    th_models_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be),
        cmocka_unit_test(only_what_it_names),
        cmocka_unit_test(by_host_address_and_port),
        cmocka_unit_test(a_device_and_a_tactic),
        cmocka_unit_test(another_peer_in_the_same_hour),
        cmocka_unit_test(ends_with_event_time),
        cmocka_unit_test(counts_and_ends),
        cmocka_unit_test(a_look_holds_back_and_counts_nothing),
        cmocka_unit_test(a_sequence),
        cmocka_unit_test(many_and_forgotten),
        cmocka_unit_test(state_comes_back),
        cmocka_unit_test(shards_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
