/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/seal.h"
#include "make_window.h"
#include "model/group.h"

#define MODELS                                                                                     \
    HEAD("c2")                                                                                     \
    "components: [{feature: new-destination}]\n---\n"                                              \
    "id: volume\nname: V\ndescription: D\ntechnique: T1041\ntactic: exfiltration\n"                \
    "components: [{feature: bytes-in}]\n---\n"                                                     \
    "id: scan\nname: S\ndescription: D\ntechnique: T1046\ntactic: discovery\n"                     \
    "components: [{feature: bytes-in}]\n"

enum { C2, VOLUME, SCAN };
#define UPDATE 7u
#define OTHER 8u
#define CLIENTS 40u

struct world {
    struct th_models *models;
    struct th_groups *groups;
};

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    w->models = models_of(MODELS);
    w->groups = th_groups_new(w->models);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_groups_free(w->groups);
    th_models_free(w->models);
    free(w);
    return 0;
}

static struct th_signal to_host(const char *feature, double lgp, uint64_t key, const char *domain)
{
    struct th_signal s = with_peer(signal_make(feature, 1, lgp), key, domain, 1);
    snprintf(s.peer_domain, sizeof(s.peer_domain), "%s", domain);
    return s;
}

static void give(
    struct th_groups *g, uint64_t entity, enum th_habit habit, struct th_signal *v, uint32_t n)
{
    struct th_window w = window_make(entity, H0, v, n);
    w.habit = habit;
    th_groups_window(g, &w);
}

/* A client: it fetches much, of what is new where `new_to` is not 0. */
static void fetch(struct th_groups *g, uint64_t entity, double bytes, uint64_t new_to)
{
    struct th_signal v[2] = {signal_make("bytes-in", bytes, 3)};
    if (new_to)
        v[1] = to_host("new-destination", 2.5, new_to, new_to == UPDATE ? "up.date" : "other.host");
    give(g, entity, TH_HABIT_CLIENT, v, new_to ? 2 : 1);
}

static void rest(struct th_groups *g, uint64_t first, uint64_t last)
{
    for (uint64_t e = first; e <= last; e++)
        give(g, e, TH_HABIT_CLIENT, NULL, 0);
}

/* The first `n` of the clients fetch from one new host. */
static void patch_day(struct th_groups *g, uint64_t n)
{
    th_groups_begin(g, H0 + HOUR);
    for (uint64_t e = 1; e <= n; e++)
        fetch(g, e, 1e9 + (double)e, UPDATE);
    rest(g, n + 1, CLIENTS);
}

static struct th_breach breach(unsigned model, uint64_t entity, struct th_signal s, double score)
{
    struct th_breach b = {.id = entity * 100 + model,
        .model = model,
        .entity = entity,
        .start_ns = H0,
        .end_ns = H0 + HOUR,
        .score = score,
        .evidence = {s},
        .evidence_count = 1};
    return b;
}

static bool claims(struct th_groups *g, struct th_breach b)
{
    for (uint32_t i = 0; i < b.evidence_count; i++) {
        b.evidence[i].peer.host = th_str_c(b.evidence[i].peer_host);
        b.evidence[i].peer.domain = th_str_c(b.evidence[i].peer_domain);
    }
    bool is = th_groups_claim(g, &b);
    assert_int_equal(is, b.group_event != 0);
    return is;
}

struct told {
    unsigned count;
    struct th_group_event e[8];
    char json[8][8192];
};

static void note(void *arg, const struct th_group_event *e)
{
    struct told *t = arg;
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_identity *id = th_identity_new(&(struct th_identity_config){0});
    assert_true(t->count < TH_ARRAY_LEN(t->e));
    th_group_event_json(e, 30, id, &line);
    snprintf(t->json[t->count], sizeof(t->json[0]), "%.*s", (int)line.len, (const char *)line.p);
    t->e[t->count++] = *e;
    th_identity_free(id);
}

static struct told tell(struct th_groups *g)
{
    struct told t = {0};
    th_groups_report(g, note, &t);
    return t;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_message("# %s\n", text);
    assert_non_null(strstr(text, part));
}

static void test_one_event_for_all(void **state)
{
    struct world *w = *state;
    patch_day(w->groups, 20);
    th_groups_judge(w->groups);
    struct told t = tell(w->groups);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.e[0].device_count, 20);
    assert_int_equal(t.e[0].active, CLIENTS);
    assert_int_equal(t.e[0].feature_count, 2);
    assert_true(t.e[0].discounted);
    assert_int_equal(t.e[0].start_ns, H0);
    assert_has(t.json[0], "\"kind\":\"group-event\"");
    assert_has(t.json[0], "\"group\":\"client\"");
    assert_has(t.json[0],
        "20 of 40 clients received more from outside than usual; 20 have up.date in common");
    assert_has(
        t.json[0], "\"shared\":[{\"kind\":\"destination\",\"text\":\"up.date\",\"devices\":20}]");
    assert_has(t.json[0], "\"alert\":false");
}

static void test_few_are_no_group(void **state)
{
    struct world *w = *state;
    static const uint64_t few[] = {0, 1, 4, 6};
    for (size_t i = 0; i < TH_ARRAY_LEN(few); i++) {
        patch_day(w->groups, few[i]);
        th_groups_judge(w->groups);
        assert_int_equal(tell(w->groups).count, 0);
        assert_false(claims(w->groups, breach(VOLUME, 1, signal_make("bytes-in", 1e9, 3), 40)));
    }
}

/* Devices that are new have nothing that they could leave; servers are a group of their own. */
static void test_groups_are_apart(void **state)
{
    struct world *w = *state;
    struct th_signal v[1] = {signal_make("bytes-in", 1e9, 3)};
    th_groups_begin(w->groups, H0 + HOUR);
    for (uint64_t e = 1; e <= 20; e++)
        give(w->groups, e, TH_HABIT_NEW, v, 1);
    th_groups_judge(w->groups);
    assert_int_equal(tell(w->groups).count, 0);
    th_groups_begin(w->groups, H0 + HOUR);
    for (uint64_t e = 1; e <= 12; e++)
        give(w->groups, e, TH_HABIT_SERVER, v, 1);
    for (uint64_t e = 21; e <= 24; e++)
        give(w->groups, e, TH_HABIT_CLIENT, v, 1);
    rest(w->groups, 25, 60);
    th_groups_judge(w->groups);
    struct told t = tell(w->groups);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.e[0].group, TH_HABIT_SERVER);
    assert_false(claims(w->groups, breach(VOLUME, 22, v[0], 40)));
    assert_true(claims(w->groups, breach(VOLUME, 2, v[0], 40)));
}

static void test_members_are_discounted(void **state)
{
    struct world *w = *state;
    patch_day(w->groups, 20);
    th_groups_judge(w->groups);
    struct th_signal much = signal_make("bytes-in", 1e9, 3);
    struct th_signal update = to_host("new-destination", 2.5, UPDATE, "up.date");
    struct th_breach both = breach(C2, 4, update, 35);
    both.evidence[both.evidence_count++] = much;
    assert_true(claims(w->groups, breach(VOLUME, 2, much, 28)));
    assert_true(claims(w->groups, breach(C2, 3, update, 31)));
    assert_true(claims(w->groups, both));
    struct told t = tell(w->groups);
    assert_int_equal(t.e[0].breach_count, 3);
    assert_true(t.e[0].score == 35);
    assert_true(th_group_event_alerts(&t.e[0], 30));
    assert_has(t.json[0], "\"alert\":true");
    assert_has(
        t.json[0], "\"breaches\":[\"00000000000000c9\",\"000000000000012c\",\"0000000000000190\"]");
}

/* What hides in a patch day. */
static void test_what_is_more_stays(void **state)
{
    struct world *w = *state;
    patch_day(w->groups, 20);
    th_groups_judge(w->groups);
    struct th_signal much = signal_make("bytes-in", 1e9, 3);
    struct th_signal update = to_host("new-destination", 2.5, UPDATE, "up.date");
    struct th_breach b = breach(C2, 2, update, 35);
    b.evidence[b.evidence_count++] = to_host("new-destination", 1.4, OTHER, "other.host");
    assert_false(claims(w->groups, b)); /* another destination beside it */
    b = breach(C2, 2, update, 35);
    b.evidence[b.evidence_count++] = to_host("upload", 1.5, UPDATE, "up.date");
    assert_false(claims(w->groups, b)); /* another feature, though to the same */
    b.evidence[1].lgp = 0.5;
    assert_true(claims(w->groups, b)); /* nothing that somebody would look at */
    assert_false(
        claims(w->groups, breach(C2, 2, to_host("new-destination", 4, OTHER, "other.host"), 35)));
    assert_false(claims(w->groups, breach(C2, 2, to_host("beacon", 4, UPDATE, "up.date"), 35)));
    assert_false(claims(w->groups, breach(SCAN, 2, much, 35)));    /* by its tactic */
    assert_false(claims(w->groups, breach(VOLUME, 30, much, 35))); /* is none of them */
    much.observed = 2e10;
    assert_false(claims(w->groups, breach(VOLUME, 2, much, 35))); /* twenty times as much */
    b = breach(C2, 2, update, 35);
    b.late_hours = 1;
    assert_false(claims(w->groups, b));
    b = breach(C2, 2, update, 35);
    b.evidence[0].first_ns = H0 - HOUR;
    assert_false(claims(w->groups, b)); /* a sequence */
    b = breach(C2, 2, update, 35);
    b.end_ns += HOUR;
    assert_false(claims(w->groups, b));
    assert_int_equal(tell(w->groups).e[0].breach_count, 1);
}

/* Who fetches as much, but has nothing to do with what the others share. */
static void test_who_does_not_share(void **state)
{
    struct world *w = *state;
    patch_day(w->groups, 19);
    fetch(w->groups, 50, 1e9, OTHER);
    th_groups_judge(w->groups);
    struct th_signal much = signal_make("bytes-in", 1e9, 3);
    assert_true(claims(w->groups, breach(VOLUME, 1, much, 35)));
    assert_false(claims(w->groups, breach(VOLUME, 50, much, 35)));
}

/* Each to another destination: no event for what is new, one for the amount. */
static void test_nothing_shared(void **state)
{
    struct world *w = *state;
    th_groups_begin(w->groups, H0 + HOUR);
    for (uint64_t e = 1; e <= 20; e++)
        fetch(w->groups, e, 1e9, 100 + e);
    rest(w->groups, 21, CLIENTS);
    th_groups_judge(w->groups);
    struct told t = tell(w->groups);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.e[0].feature_count, 1);
    assert_int_equal(t.e[0].shared_count, 0);
    assert_true(claims(w->groups, breach(VOLUME, 1, signal_make("bytes-in", 1e9, 3), 35)));
    assert_false(
        claims(w->groups, breach(C2, 1, to_host("new-destination", 2.5, 101, "other.host"), 35)));
}

/* The same fetch, and half of them search as well: nothing is discounted, and it is told when the
 * devices have breaches of their own. */
static void test_infection(void **state)
{
    struct world *w = *state;
    th_groups_begin(w->groups, H0 + HOUR);
    for (uint64_t e = 1; e <= 20; e++) {
        struct th_signal v[] = {signal_make("bytes-in", 1e9, 3),
            to_host("new-destination", 2.5, UPDATE, "worm.host"),
            signal_make("scan-internal", 40, 4)};
        give(w->groups, e, TH_HABIT_CLIENT, v, e <= 12 ? 3 : 2);
    }
    rest(w->groups, 21, CLIENTS);
    th_groups_judge(w->groups);
    assert_int_equal(tell(w->groups).count, 0);
    for (uint64_t e = 1; e <= 5; e++)
        assert_false(claims(w->groups, breach(SCAN, e, signal_make("scan-internal", 40, 4), 50)));
    struct told t = tell(w->groups);
    assert_int_equal(t.count, 1);
    assert_false(t.e[0].discounted);
    assert_true(t.e[0].score == 50);
    assert_false(th_group_event_alerts(&t.e[0], 30)); /* its devices' incidents are */
    assert_has(t.json[0], "12 of 40 clients tried hosts inside without success");
    assert_false(claims(w->groups, breach(VOLUME, 2, signal_make("bytes-in", 1e9, 3), 28)));
}

/* A few that search do not make an infection of everybody's update. */
static void test_few_search_on_a_patch_day(void **state)
{
    struct world *w = *state;
    th_groups_begin(w->groups, H0 + HOUR);
    for (uint64_t e = 1; e <= 80; e++) {
        struct th_signal v[] = {signal_make("bytes-in", 1e9, 3),
            to_host("new-destination", 2.5, UPDATE, "up.date"),
            signal_make("scan-internal", 40, 4)};
        give(w->groups, e, TH_HABIT_CLIENT, v, e <= 30 ? 3 : 2);
    }
    th_groups_judge(w->groups);
    assert_true(claims(w->groups, breach(VOLUME, 60, signal_make("bytes-in", 1e9, 3), 28)));
    assert_true(claims(w->groups, breach(VOLUME, 3, signal_make("bytes-in", 1e9, 3), 28)));
    assert_false(claims(w->groups, breach(SCAN, 3, signal_make("scan-internal", 40, 4), 50)));
}

/* Every shard notes what is its own, in any order. */
static void test_shards_play_no_part(void **state)
{
    struct world *w = *state;
    struct th_groups *part[2] = {th_groups_new(w->models), th_groups_new(w->models)};
    struct th_groups *lead = th_groups_new(w->models);
    patch_day(w->groups, 20);
    for (unsigned i = 0; i < 2; i++)
        th_groups_begin(part[i], H0 + HOUR);
    for (uint64_t e = CLIENTS; e > 0; e--) {
        if (e <= 20)
            fetch(part[e % 2], e, 1e9 + (double)e, UPDATE);
        else
            rest(part[e % 2], e, e);
    }
    th_groups_begin(lead, H0 + HOUR);
    for (unsigned i = 0; i < 2; i++) {
        TH_AUTOBUF struct th_buf notes = TH_BUF_INIT;
        th_groups_out(part[i], &notes);
        assert_int_equal(th_groups_in(lead, th_buf_view(&notes)), 0);
        assert_true(th_groups_in(lead, th_str_n((char *)notes.p, notes.len - 1)) < 0);
        memset(
            notes.p + notes.len - TH_GROUP_TEXT_LEN, 'x', TH_GROUP_TEXT_LEN); /* without an end */
        memset(notes.p + notes.len - TH_GROUP_TEXT_LEN - 8, 'x', 8);          /* of no feature */
        assert_true(th_groups_in(lead, th_buf_view(&notes)) < 0);
        th_groups_free(part[i]);
    }
    th_groups_judge(w->groups);
    th_groups_judge(lead);
    struct told one = tell(w->groups);
    struct told two = tell(lead);
    assert_int_equal(two.count, 1);
    assert_string_equal(one.json[0], two.json[0]);
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_groups_save(w->groups, &a);
    th_groups_save(lead, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
    th_groups_free(lead);
}

/* What a fifth does every day at this time is no event after some days; it is one at another time.
 */
static void test_what_is_usual(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf saved = TH_BUF_INIT;
    unsigned days = 0;
    for (unsigned told = 1; told > 0 && days < 40; days++) {
        patch_day(w->groups, 16);
        th_groups_judge(w->groups);
        struct told t = tell(w->groups);
        told = t.count > 0 && t.e[0].feature_count > 1;
        for (unsigned quiet = 0; quiet < 8; quiet++) {
            th_groups_begin(w->groups, H0 + (8 + quiet) * HOUR);
            th_groups_judge(w->groups);
        }
    }
    print_message("# usual after %u days\n", days);
    assert_in_range(days, 3, 30);
    /* As it is after a restart. */
    th_groups_save(w->groups, &saved);
    struct th_groups *again = th_groups_new(w->models);
    assert_int_equal(th_groups_load(again, saved.p, saved.len), 0);
    patch_day(again, 16);
    patch_day(w->groups, 16);
    th_groups_judge(again);
    th_groups_judge(w->groups);
    struct told a = tell(again);
    struct told b = tell(w->groups);
    assert_int_equal(a.count, b.count);
    for (unsigned i = 0; i < a.count; i++)
        assert_string_equal(a.json[i], b.json[i]);
    saved.p[saved.len / 2] ^= 1;
    assert_true(th_groups_load(again, saved.p, saved.len) < 0);
    th_groups_free(again);
}

/* A late window, and one of an hour of before, leave nothing. */
static void test_late_windows(void **state)
{
    struct world *w = *state;
    th_groups_begin(w->groups, H0 + 2 * HOUR);
    for (uint64_t e = 1; e <= 20; e++)
        fetch(w->groups, e, 1e9, UPDATE);
    th_groups_judge(w->groups);
    assert_int_equal(tell(w->groups).count, 0);
    assert_false(claims(w->groups, breach(VOLUME, 2, signal_make("bytes-in", 1e9, 3), 28)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_event_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_are_no_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_members_are_discounted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_more_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_does_not_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_infection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_search_on_a_patch_day, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shards_play_no_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_usual, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_windows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
