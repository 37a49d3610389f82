/* SPDX-License-Identifier: Apache-2.0 */
/* When does a model hold? Each case is a model, a window, and how many breaches it makes. */
#include "unit.h"

#include "make_window.h"

static struct caught run(const char *yaml, struct th_signal *signals, uint32_t count)
{
    struct th_models *m = models_of(yaml);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct caught c = {0};
    struct th_window w = window_make(7, H0, signals, count);
    th_scorer_window(s, &w, catch_breach, &c);
    th_scorer_free(s);
    th_models_free(m);
    return c;
}

static void all_wants_one_peer(void **state)
{
    (void)state;
    static const char yaml[] = HEAD("a") "combine: all\ncomponents:\n"
                                         "  - {feature: new-destination, rarity: 2}\n"
                                         "  - {feature: new-client-fingerprint, rarity: 2}\n";
    struct th_signal same[] = {with_peer(signal_make("new-destination", 1, 3), 5, "a.example", 1),
        with_peer(signal_make("new-client-fingerprint", 1, 4), 5, "a.example", 1)};
    struct caught c = run(yaml, same, 2);
    assert_int_equal(c.count, 1);
    assert_true(c.b[0].has_peer && c.b[0].peer.key == 5);
    assert_int_equal(c.b[0].evidence_count, 2);
    assert_true(c.b[0].evidence[0].lgp == 4); /* rarest first */
    assert_int_equal(run(yaml, same, 1).count, 0);
    same[1].lgp = same[1].lgp_raw = 1.9;
    assert_int_equal(run(yaml, same, 2).count, 0);
}

/* Two strange things at two places are not one: unless the model says that they are. */
static void different_peers(void **state)
{
    (void)state;
    static const char components[] = "components:\n"
                                     "  - {feature: upload, rarity: 2}\n"
                                     "  - {feature: faulty-certificate, rarity: 2}\n";
    char any[600];
    char same[600];
    snprintf(any, sizeof(any), HEAD("a") "combine: all\npeers: any\n%s", components);
    snprintf(same, sizeof(same), HEAD("a") "combine: all\npeers: same\n%s", components);
    struct th_signal v[] = {with_peer(signal_make("upload", 1, 3), 5, "a.example", 1),
        with_peer(signal_make("faulty-certificate", 1, 4), 6, "b.example", 1)};
    assert_int_equal(run(same, v, 2).count, 0);
    struct caught c = run(any, v, 2);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.b[0].evidence_count, 2);
    v[1].has_peer = false; /* what is about nobody goes with any */
    assert_int_equal(run(same, v, 2).count, 1);
}

static void any_tells_each_peer(void **state)
{
    (void)state;
    static const char yaml[] =
        HEAD("a") "combine: any\ncomponents:\n"
                  "  - {feature: beacon, at-least: 10, filter: {peer.inside: false}}\n"
                  "  - {feature: upload}\n";
    struct th_signal v[] = {with_peer(signal_make("beacon", 10, 3), 5, "a.example", 1),
        with_peer(signal_make("beacon", 12, 4), 6, "b.example", 1),
        with_peer(signal_make("beacon", 9, 9), 7, "c.example", 1)};
    struct caught c = run(yaml, v, 3);
    assert_int_equal(c.count, 2);
    assert_true(c.b[0].peer.key == 6 && c.b[1].peer.key == 5);
    v[0].peer.inside = v[1].peer.inside = true;
    assert_int_equal(run(yaml, v, 3).count, 0);
}

static void supporting_raises_but_is_not_needed(void **state)
{
    (void)state;
    static const char yaml[] = HEAD("a") "components:\n  - {feature: upload}\n"
                                         "  - {feature: bytes-out, role: supporting}\n";
    struct th_signal v[] = {signal_make("upload", 1e9, 3), signal_make("bytes-out", 1e9, 3)};
    struct caught alone = run(yaml, v, 1);
    struct caught both = run(yaml, v, 2);
    assert_int_equal(alone.count, 1);
    assert_int_equal(both.count, 1);
    /* Harmonic mean: one of two equal weights at 1e-3 and none at 1: 0.5 + 500 -> 2.7; both: 3. */
    assert_float_equal(alone.b[0].lgp, 2.699, 0.001);
    assert_float_equal(both.b[0].lgp, 3, 1e-9);
    assert_int_equal(run(yaml, v + 1, 1).count, 0);
    /* However rare the supporter, the two are no rarer than what it supports. */
    v[1] = signal_make("bytes-out", 1e9, 7);
    assert_float_equal(run(yaml, v, 2).b[0].lgp, 3, 1e-9);
}

/* A name that only the client says is not what everybody knows. */
static void well_known_peers(void **state)
{
    (void)state;
    const char *yaml =
        HEAD("a") "components:\n  - feature: beacon\n    filter: {peer.well-known: false}\n";
    struct th_signal v[] = {with_peer(signal_make("beacon", 5, 3), 5, "www.mozilla.org", 2)};
    snprintf(v[0].peer_domain, sizeof(v[0].peer_domain), "mozilla.org");
    assert_int_equal(run(yaml, v, 1).count, 1);
    v[0].peer.vouched = true;
    assert_int_equal(run(yaml, v, 1).count, 0);
    snprintf(v[0].peer_domain, sizeof(v[0].peer_domain), "ozilla.org");
    assert_int_equal(run(yaml, v, 1).count, 1);
}

static void filters(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        bool passes;
    } cases[] = {
        {"{peer.host: ['*.example.com', 'x']}", true},
        {"{peer.host: '*.EXAMPLE.com'}", true},
        {"{peer.host: 'example.com'}", false},
        {"{not: {peer.host: 'c2.*'}}", false},
        {"{peer.port: 443}", true},
        {"{peer.port: [22, 80]}", false},
        {"{peer.devices: {at-most: 2}}", true},
        {"{peer.share: {at-most: 0.01}}", false},
        {"{peer.share: {at-least: 0.02, at-most: 0.02}}", true},
        {"{peer.known: true}", true},
        {"{peer.named: false}", false},
        {"{peer.well-known: false}", true},
        {"{peer.well-known: true}", false},
        {"{observed: {at-least: 5}}", true},
        {"{observed: {at-least: 5.5}}", false},
        {"{device.learned-hours: {at-least: 101}}", false},
        {"{detail: '*needle*'}", true},
        {"{any: [{peer.port: 1}, {all: [{peer.port: 443}, {peer.inside: false}]}]}", true},
        {"{all: [{peer.port: 443}, {peer.inside: true}]}", false},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        char yaml[600];
        struct th_signal v[] = {with_peer(signal_make("beacon", 5, 3), 5, "c2.example.com", 2)};
        snprintf(v[0].detail, sizeof(v[0].detail), "hay needle hay");
        snprintf(yaml, sizeof(yaml), HEAD("a") "components:\n  - feature: beacon\n    filter: %s\n",
            cases[i].filter);
        if (run(yaml, v, 1).count != cases[i].passes)
            fail_msg("%s", cases[i].filter);
        snprintf(yaml, sizeof(yaml),
            HEAD("a") "components:\n  - feature: beacon\nexclusions:\n  - {peer.port: 9}\n  - %s\n",
            cases[i].filter);
        if (run(yaml, v, 1).count != !cases[i].passes)
            fail_msg("excluded by %s", cases[i].filter);
    }
}

static void active_times(void **state)
{
    (void)state;
    static const struct {
        const char *active;
        bool fires; /* Tuesday 23:00 UTC */
    } cases[] = {
        {"{days: [tue]}", true},
        {"{days: [mon, wed]}", false},
        {"{from: 9, to: 17}", false},
        {"{from: 22, to: 6}", true},
        {"{from: 23, to: 24}", true},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        char yaml[400];
        struct th_signal v[] = {signal_make("upload", 5, 3)};
        snprintf(yaml, sizeof(yaml), HEAD("a") "active: %s\ncomponents:\n  - feature: upload\n",
            cases[i].active);
        if (run(yaml, v, 1).count != cases[i].fires)
            fail_msg("%s", cases[i].active);
    }
}

/* First a program, two hours later a beacon; in the wrong order, or too late, it is no story. */
static unsigned sequence_run(const char *first, const char *second, int hours_between)
{
    static const char yaml[] = HEAD("a") "combine: sequence\nwithin: 4 h\ncomponents:\n"
                                         "  - feature: executable-download\n  - feature: beacon\n";
    struct th_models *m = models_of(yaml);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct th_scorer *back = th_scorer_new(m, UINT64_MAX);
    struct caught c = {0};
    struct th_signal a[] = {with_peer(signal_make(first, 1, 3), 5, "a.example", 1)};
    struct th_signal b[] = {with_peer(signal_make(second, 1, 3), 6, "b.example", 1)};
    struct th_window w = window_make(7, H0, a, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    assert_int_equal(c.count, 0);
    epoch(&s, 1, H0 + HOUR);
    TH_AUTOBUF struct th_buf state = TH_BUF_INIT; /* a chain under way survives a restart */
    th_scorer_save(s, &state);
    assert_int_equal(th_scorer_load(back, state.p, state.len), 0);
    w = window_make(7, H0 + hours_between * HOUR, b, 1);
    th_scorer_window(back, &w, catch_breach, &c);
    if (c.count) {
        assert_int_equal(c.b[0].evidence_count, 2);
        assert_true(c.b[0].peer.key == 6);
        assert_true(c.b[0].start_ns == H0);
        assert_view_is(c.b[0].peer.host, "b.example");
    }
    th_scorer_free(s);
    th_scorer_free(back);
    th_models_free(m);
    return c.count;
}

static void sequences(void **state)
{
    (void)state;
    assert_int_equal(sequence_run("executable-download", "beacon", 2), 1);
    assert_int_equal(sequence_run("beacon", "executable-download", 2), 0);
    assert_int_equal(sequence_run("executable-download", "beacon", 6), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_wants_one_peer),
        cmocka_unit_test(different_peers),
        cmocka_unit_test(any_tells_each_peer),
        cmocka_unit_test(supporting_raises_but_is_not_needed),
        cmocka_unit_test(filters),
        cmocka_unit_test(well_known_peers),
        cmocka_unit_test(active_times),
        cmocka_unit_test(sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
