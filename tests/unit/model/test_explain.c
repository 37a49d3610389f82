/* SPDX-License-Identifier: Apache-2.0 */
/* Why was it not told? Each reason once; and whatever the hour, what is explained is what happens.
 */
#include "unit.h"

#include <dirent.h>
#include <math.h>

#include "make_window.h"
#include "model/explain.h"

#define UPLOAD HEAD("a") "components:\n  - {feature: upload, at-least: 100, rarity: 2}\n"
#define TWO                                                                                        \
    HEAD("a")                                                                                      \
    "combine: all\ncomponents:\n"                                                                  \
    "  - {feature: beacon, rarity: 2}\n"                                                           \
    "  - {feature: upload, at-least: 100, rarity: 2}\n"
#define STORY                                                                                      \
    HEAD("a")                                                                                      \
    "combine: sequence\nwithin: 6 h\ncomponents:\n"                                                \
    "  - {feature: beacon, rarity: 2}\n  - {feature: upload, rarity: 2}\n"

struct world {
    struct th_models *models;
    struct th_scorer *scorer;
    struct th_explanation e;
};

static struct world world_of(const char *yaml)
{
    struct world w = {.models = models_of(yaml)};
    w.scorer = th_scorer_new(w.models, UINT64_MAX);
    return w;
}

static void world_done(struct world *w)
{
    th_explanation_done(&w->e);
    th_scorer_free(w->scorer);
    th_models_free(w->models);
}

/* The only verdict on these signals in the hour at start_ns. */
static const struct th_verdict *verdict_at(
    struct world *w, int64_t start_ns, struct th_signal *v, uint32_t n)
{
    struct th_window window = window_make(7, start_ns, v, n);
    th_explanation_done(&w->e);
    th_scorer_explain(w->scorer, &window, &w->e);
    assert_int_equal(w->e.verdict_count, 1);
    return &w->e.verdicts[0];
}

/* The scorer sees the hour, and an epoch ends. */
static unsigned told_at(struct world *w, int64_t start_ns, struct th_signal *v, uint32_t n)
{
    struct caught c = {0};
    struct th_window window = window_make(7, start_ns, v, n);
    th_scorer_window(w->scorer, &window, catch_breach, &c);
    epoch(&w->scorer, 1, start_ns + HOUR);
    return c.count;
}

/* The reason of the first component, of the signals as they are. */
static enum th_refusal reason_of(const char *yaml, struct th_signal *v, uint32_t n)
{
    struct world w = world_of(yaml);
    const struct th_verdict *x = verdict_at(&w, H0, v, n);
    assert_int_equal(x->outcome, TH_OUTCOME_NEARLY);
    enum th_refusal r = x->asked[0].refusal;
    if (r != TH_REFUSED_FEATURE)
        assert_int_equal(w.e.signals[x->asked[0].signal].feature, x->asked[0].feature);
    world_done(&w);
    return r;
}

static void what_is_told(void **state)
{
    (void)state;
    struct world w = world_of(UPLOAD);
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 5, "a.example", 1)};
    const struct th_verdict *x = verdict_at(&w, H0, v, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_TOLD);
    assert_string_equal(x->peer, "a.example");
    assert_true(x->breach != 0 && x->score > 0);
    assert_int_equal(w.e.signal_count, 1);
    assert_string_equal(w.e.signals[0].peer.host.p, "a.example");
    assert_true(w.e.signals[0].peer.host.p == w.e.signals[0].peer_host); /* its own */
    world_done(&w);
}

static void nothing_to_look_at(void **state)
{
    (void)state;
    struct world w =
        world_of(UPLOAD "---\n" HEAD("b") "components:\n  - feature: beacon\n"
                                          "  - {feature: bytes-out, role: supporting}\n");
    struct th_signal v[] = {signal_make("bytes-out", 1e9, 4)};
    struct th_window window = window_make(7, H0, v, 1);
    th_scorer_explain(w.scorer, &window, &w.e);
    assert_int_equal(w.e.verdict_count, 0); /* what supports is not enough */
    assert_int_equal(w.e.other_count, 2);
    assert_true(w.e.others[0] == 0 && w.e.others[1] == 1);
    world_done(&w);
}

static void too_little_or_too_ordinary(void **state)
{
    (void)state;
    struct th_signal v[] = {signal_make("upload", 99, 4)};
    assert_int_equal(reason_of(UPLOAD, v, 1), TH_REFUSED_OBSERVED);
    v[0] = signal_make("upload", 100, 1.9);
    assert_int_equal(reason_of(UPLOAD, v, 1), TH_REFUSED_RARITY);
    /* The signal that comes nearest is the one that is spoken of. */
    struct th_signal both[] = {signal_make("upload", 9, 9), signal_make("upload", 100, 1)};
    struct world w = world_of(UPLOAD);
    const struct th_verdict *x = verdict_at(&w, H0, both, 2);
    assert_int_equal(x->asked[0].refusal, TH_REFUSED_RARITY);
    assert_int_equal(x->asked[0].signal, 1);
    assert_true(x->asked[0].at_least == 100 && x->asked[0].rarity == 2);
    world_done(&w);
}

static void conditions(void **state)
{
    (void)state;
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 5, "a.example", 1)};
    assert_int_equal(reason_of(HEAD("a") "components:\n  - feature: upload\n"
                                         "    filter: {peer.host: '*.org'}\n",
                         v, 1),
        TH_REFUSED_FILTER);
    assert_int_equal(
        reason_of(
            HEAD("a") "filter: {peer.inside: true}\ncomponents:\n  - feature: upload\n", v, 1),
        TH_REFUSED_FILTER);
    assert_int_equal(
        reason_of(
            HEAD("a") "exclusions: [{peer.port: 443}]\ncomponents:\n  - feature: upload\n", v, 1),
        TH_REFUSED_EXCLUDED);
}

static void one_of_two(void **state)
{
    (void)state;
    struct world w = world_of(TWO);
    struct th_signal v[] = {with_peer(signal_make("beacon", 60, 4), 5, "a.example", 1)};
    const struct th_verdict *x = verdict_at(&w, H0, v, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_NEARLY);
    assert_int_equal(x->asked_count, 2);
    assert_int_equal(x->asked[0].refusal, TH_REFUSED_NOT);
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_FEATURE);
    assert_true(x->asked[1].signal == TH_NO_SIGNAL);
    assert_true(x->closeness == 0.5);
    world_done(&w);
}

static void about_another_peer(void **state)
{
    (void)state;
    struct world w = world_of(TWO);
    struct th_signal v[] = {with_peer(signal_make("beacon", 60, 4), 5, "a.example", 1),
        with_peer(signal_make("upload", 1e9, 4), 6, "b.example", 1)};
    const struct th_verdict *x = verdict_at(&w, H0, v, 2);
    assert_int_equal(x->outcome, TH_OUTCOME_NEARLY);
    assert_int_equal(x->asked[0].refusal, TH_REFUSED_NOT);
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_PEER);
    assert_int_equal(x->asked[1].signal, 1);
    world_done(&w);
}

static void held_back_by_its_throttle(void **state)
{
    (void)state;
    struct world w = world_of("throttle: {hours: 24, rise: 5}\n" UPLOAD);
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 5, "a.example", 1)};
    double score = verdict_at(&w, H0, v, 1)->score;
    assert_int_equal(told_at(&w, H0, v, 1), 1);
    const struct th_verdict *x = verdict_at(&w, H0 + HOUR, v, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_THROTTLED);
    assert_true(x->told_score == score && x->again_score == score + 5);
    assert_int_equal(x->told_ns, H0 + HOUR / 2);
    assert_int_equal(x->again_ns, H0 + HOUR / 2 + 24 * HOUR);
    assert_int_equal(verdict_at(&w, H0 + 25 * HOUR, v, 1)->outcome, TH_OUTCOME_TOLD);
    world_done(&w);
}

static void held_back_by_a_permit(void **state)
{
    (void)state;
    struct world w = world_of(UPLOAD);
    struct th_permit p = {.id = 9, .device = 7, .until_ns = INT64_MAX, .held_ns = TH_TIME_UNSET};
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 5, "a.example", 1)};
    th_permits_add(th_scorer_permits(w.scorer), &p);
    const struct th_verdict *x = verdict_at(&w, H0, v, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_PERMITTED);
    assert_true(x->permit == 9 && x->score > 0);
    world_done(&w);
    /* Of a model that would not hold without it either, it is the component's reason. */
    w = world_of(TWO);
    th_permits_add(th_scorer_permits(w.scorer), &p);
    x = verdict_at(&w, H0, v, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_NEARLY);
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_PERMIT);
    world_done(&w);
}

static void not_at_this_hour(void **state)
{
    (void)state;
    struct world w =
        world_of(HEAD("a") "active: {from: 0, to: 6}\ncomponents:\n  - feature: upload\n");
    struct th_signal v[] = {signal_make("upload", 1e9, 4)};
    assert_int_equal(verdict_at(&w, H0, v, 1)->outcome, TH_OUTCOME_INACTIVE); /* at 23 */
    assert_int_equal(verdict_at(&w, H0 + HOUR, v, 1)->outcome, TH_OUTCOME_TOLD);
    world_done(&w);
}

static void how_far_a_sequence_is(void **state)
{
    (void)state;
    struct world w = world_of(STORY);
    struct th_signal beacon[] = {signal_make("beacon", 60, 4)};
    struct th_signal upload[] = {signal_make("upload", 1e9, 4)};
    const struct th_verdict *x = verdict_at(&w, H0, upload, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_NEARLY);
    assert_int_equal(x->asked[0].refusal, TH_REFUSED_FEATURE);
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_TURN);
    x = verdict_at(&w, H0, beacon, 1);
    assert_int_equal(x->outcome, TH_OUTCOME_UNDER_WAY);
    assert_true(x->stage == 1 && x->first_ns == H0 && x->until_ns == H0 + 6 * HOUR);
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_FEATURE);
    assert_int_equal(told_at(&w, H0, beacon, 1), 0);
    upload[0].lgp = upload[0].lgp_raw = 1;
    x = verdict_at(&w, H0 + HOUR, upload, 1);
    assert_int_equal(x->asked[0].refusal, TH_REFUSED_NOT);
    assert_true(x->asked[0].signal == TH_NO_SIGNAL); /* of the hour before */
    assert_int_equal(x->asked[1].refusal, TH_REFUSED_RARITY);
    upload[0].lgp = upload[0].lgp_raw = 4;
    assert_int_equal(verdict_at(&w, H0 + HOUR, upload, 1)->outcome, TH_OUTCOME_TOLD);
    assert_int_equal(verdict_at(&w, H0 + 6 * HOUR, upload, 1)->asked[1].refusal, TH_REFUSED_WITHIN);
    assert_int_equal(verdict_at(&w, H0 - HOUR, upload, 1)->asked[1].refusal, TH_REFUSED_ORDER);
    world_done(&w);
}

static void nearest_first(void **state)
{
    (void)state;
    struct world w =
        world_of(HEAD("a") "components:\n  - {feature: upload, at-least: 100}\n---\n" HEAD(
            "b") "components:\n  - feature: upload\n---\n" HEAD("c") "components:\n"
                                                                     "  - {feature: upload, "
                                                                     "rarity: 9}\n");
    struct th_signal v[] = {signal_make("upload", 50, 4)};
    struct th_window window = window_make(7, H0, v, 1);
    th_scorer_explain(w.scorer, &window, &w.e);
    assert_int_equal(w.e.verdict_count, 3);
    assert_int_equal(w.e.verdicts[0].model, 1);
    assert_int_equal(w.e.verdicts[1].model, 2);
    assert_int_equal(w.e.verdicts[2].model, 0);
    world_done(&w);
}

/* A name that an attacker chose stands in it as JSON has it, and as long as there is room. */
static void as_json(void **state)
{
    (void)state;
    struct world w = world_of(UPLOAD);
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 4), 5, "\"<a>", 1)};
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    verdict_at(&w, H0, v, 1);
    th_json_open(&j);
    th_explanation_json(&w.e, w.models, 0, &j);
    th_json_close(&j);
    th_buf_u8(&out, 0);
    const char *text = (const char *)out.p;
    assert_non_null(strstr(text, "\"events\":100,\"learned_hours\":100,\"threshold\":0,"));
    assert_non_null(strstr(text, "\"model\":\"a\",\"name\":\"N of a\",\"outcome\":\"told\""));
    assert_non_null(strstr(text, "\"alert\":true,\"peer\":\"\\\"\\u003ca\\u003e\""));
    assert_non_null(strstr(text, "\"raw_p\":0.0001"));
    assert_non_null(strstr(text, "\"other_models\":[]"));
    world_done(&w);
}

/* ---- what is explained is what happens ---- */

static struct th_models *library_of_models(void)
{
    struct th_models *m = th_models_new();
    struct dirent *d;
    DIR *dir = opendir(MODELS_DIR);
    assert_non_null(dir);
    while ((d = readdir(dir))) {
        char path[512];
        static char yaml[1 << 16];
        struct th_model_error err;
        if (!strstr(d->d_name, ".yaml"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", MODELS_DIR, d->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t n = fread(yaml, 1, sizeof(yaml), f);
        fclose(f);
        assert_int_equal(th_models_add(m, yaml, n, &err), 0);
    }
    closedir(dir);
    return m;
}

static uint64_t random_of(uint64_t *seed, uint64_t below)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return th_mix64(*seed) % below;
}

static uint32_t random_signals(uint64_t *seed, struct th_signal v[TH_WINDOW_MAX_SIGNALS])
{
    uint32_t n = (uint32_t)random_of(seed, TH_WINDOW_MAX_SIGNALS);
    for (uint32_t i = 0; i < n; i++) {
        const char *feature = th_feature_get((unsigned)random_of(seed, TH_FEATURE_COUNT))->name;
        v[i] = signal_make(
            feature, pow(10, (double)random_of(seed, 10)), (double)random_of(seed, 60) / 10);
        if (random_of(seed, 3) > 0)
            v[i] = with_peer(v[i], 1 + random_of(seed, 4), "host.example", 1);
        v[i].peer.inside = random_of(seed, 2);
    }
    return n;
}

/* Those said to be told are those that are told, each once. */
static void compare(const struct th_explanation *e, const struct caught *c, unsigned models)
{
    unsigned told = 0;
    for (uint32_t i = 0; i < e->verdict_count; i++) {
        const struct th_verdict *v = &e->verdicts[i];
        if (v->outcome != TH_OUTCOME_TOLD)
            continue;
        unsigned same = 0;
        for (unsigned k = 0; k < c->count; k++)
            same += c->b[k].id == v->breach && c->b[k].score == v->score;
        assert_int_equal(same, 1);
        told++;
    }
    assert_int_equal(told, c->count);
    uint64_t spoken_of[16] = {0};
    for (uint32_t i = 0; i < e->verdict_count; i++)
        spoken_of[e->verdicts[i].model / 64] |= UINT64_C(1) << e->verdicts[i].model % 64;
    unsigned count = e->other_count;
    for (unsigned i = 0; i < TH_ARRAY_LEN(spoken_of); i++)
        count += (unsigned)__builtin_popcountll(spoken_of[i]);
    assert_int_equal(count, models); /* of each model one thing is said */
}

static void explained_is_what_happens(void **state)
{
    (void)state;
    struct th_models *m = library_of_models();
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct th_permit p = {.id = 9, .device = 3, .until_ns = INT64_MAX, .held_ns = TH_TIME_UNSET};
    uint64_t seed = 1;
    unsigned all = 0;
    th_permits_add(th_scorer_permits(s), &p);
    for (unsigned i = 0; i < 1500; i++) {
        struct th_signal v[TH_WINDOW_MAX_SIGNALS];
        struct caught c = {0};
        struct th_explanation e;
        TH_AUTOBUF struct th_buf before = TH_BUF_INIT;
        TH_AUTOBUF struct th_buf after = TH_BUF_INIT;
        uint32_t n = random_signals(&seed, v);
        struct th_window w = window_make(1 + i % 5, H0 + i / 5 * HOUR, v, n);
        th_scorer_save(s, &before);
        th_scorer_explain(s, &w, &e);
        th_scorer_save(s, &after);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.p, after.p, before.len); /* it leaves no trace */
        th_scorer_window(s, &w, catch_breach, &c);
        compare(&e, &c, th_models_count(m));
        all += c.count;
        th_explanation_done(&e);
        if (i % 5 == 4)
            epoch(&s, 1, w.end_ns);
    }
    assert_true(all > 100);
    th_scorer_free(s);
    th_models_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told),
        cmocka_unit_test(nothing_to_look_at),
        cmocka_unit_test(too_little_or_too_ordinary),
        cmocka_unit_test(conditions),
        cmocka_unit_test(one_of_two),
        cmocka_unit_test(about_another_peer),
        cmocka_unit_test(held_back_by_its_throttle),
        cmocka_unit_test(held_back_by_a_permit),
        cmocka_unit_test(not_at_this_hour),
        cmocka_unit_test(how_far_a_sequence_is),
        cmocka_unit_test(nearest_first),
        cmocka_unit_test(as_json),
        cmocka_unit_test(explained_is_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
