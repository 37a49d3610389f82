/* SPDX-License-Identifier: Apache-2.0 */
/* Users as entities: their habit and what breaks it; the same by one learner and four, and after a
 * restart; bounded. Logins go through identity, as in core. */
#include "unit.h"

#include <math.h>

#include "base/err.h"
#include "base/hash.h"
#include "learn/learn.h"

#define START INT64_C(1767571200000000000) /* Monday 5 January 2026, 00:00 UTC */
#define HOUR TH_NS_PER_HOUR
#define SHARDS_MAX 4u
#define MAIL 5u

static const struct th_hash_key key = {11, 22};

struct world {
    struct th_identity *id;
    struct th_learn *shard[SHARDS_MAX];
    unsigned shards;
    int64_t epoch_ns;
    uint64_t seq;
    uint64_t asked; /* entity whose signals are kept */
    double lgp[TH_FEATURE_COUNT], observed[TH_FEATURE_COUNT];
    uint64_t source;
    uint64_t windows, digest;
};

static struct th_learn *learner(unsigned number, unsigned shards)
{
    struct th_learn_config c = {.key = key};
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        if (p % shards == number)
            c.partitions |= UINT64_C(1) << p;
    return th_learn_new(&c);
}

static void init(struct world *w, unsigned shards)
{
    *w = (struct world){.shards = shards, .epoch_ns = START};
    w->id = th_identity_new(&(struct th_identity_config){.key = key});
    for (unsigned i = 0; i < shards; i++)
        w->shard[i] = learner(i, shards);
}

static void done(struct world *w)
{
    th_identity_free(w->id);
    for (unsigned i = 0; i < w->shards; i++)
        th_learn_free(w->shard[i]);
}

/* Windows of one learner are in order; of several their sums must be the same. */
static void hear(void *arg, const struct th_window *win)
{
    struct world *w = arg;
    if (!th_entity_is_user(win->entity))
        return;
    w->windows++;
    for (uint32_t i = 0; i < win->count; i++) {
        const struct th_signal *s = &win->signals[i];
        w->digest += th_hash_pair(win->entity ^ (uint64_t)win->start_ns,
            (uint64_t)(s->lgp * 1e6) ^ (uint64_t)s->feature << 48 ^ s->peer.key);
        if (win->entity != w->asked || s->lgp <= w->lgp[s->feature])
            continue;
        w->lgp[s->feature] = s->lgp;
        w->observed[s->feature] = s->observed;
        w->source = win->source;
    }
}

static void advance(struct world *w, int64_t time_ns)
{
    while (w->epoch_ns + HOUR <= time_ns) {
        struct th_buf blocks[TH_PARTITIONS] = {0};
        w->epoch_ns += HOUR;
        for (unsigned i = 0; i < w->shards; i++)
            th_learn_close(w->shard[i], w->epoch_ns, hear, w);
        for (unsigned p = 0; p < TH_PARTITIONS; p++)
            th_learn_epoch_out(w->shard[p % w->shards], p, &blocks[p]);
        for (unsigned i = 0; i < w->shards; i++) {
            for (unsigned p = 0; p < TH_PARTITIONS; p++)
                assert_int_equal(th_learn_epoch_in(w->shard[i], p, blocks[p].p, blocks[p].len), 0);
            th_learn_epoch_done(w->shard[i], w->epoch_ns);
        }
        for (unsigned p = 0; p < TH_PARTITIONS; p++)
            th_buf_done(&blocks[p]);
    }
}

static struct th_addr host(unsigned number)
{
    uint8_t v4[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};
    return th_addr_v4(v4);
}

static uint64_t login(
    struct world *w, int64_t time_ns, unsigned from, unsigned to, const char *user, bool success)
{
    struct th_who who;
    struct th_ev_login ev = {.h = {.kind = TH_KIND_LOGIN, .time_ns = time_ns, .seq = w->seq++}};
    advance(w, time_ns);
    TH_SET(&ev, LOGIN, id_orig_h, host(from));
    TH_SET(&ev, LOGIN, id_resp_h, host(to));
    TH_SET(&ev, LOGIN, id_resp_p, 143);
    TH_SET(&ev, LOGIN, service, th_str_c("imap"));
    TH_SET(&ev, LOGIN, method, th_str_c("PLAIN"));
    TH_SET(&ev, LOGIN, user, th_str_c(user));
    TH_SET(&ev, LOGIN, success, success);
    th_identity_event(w->id, &ev.h, &who);
    for (unsigned i = 0; i < w->shards; i++)
        th_learn_event(w->shard[i], &ev.h, &who);
    return who.login.user;
}

/* Forty people at their own desks (1000 and on), who read their mail each hour from eight to five;
 * all of them come by the terminal server 900 on Fridays. */
static void office(struct world *w, unsigned from_day, unsigned to_day)
{
    for (unsigned d = from_day; d < to_day; d++) {
        for (unsigned h = 8; d % 7 < 5 && h < 17; h++) {
            int64_t t = START + (int64_t)(d * 24 + h) * HOUR;
            for (unsigned u = 0; u < 40; u++) {
                char name[16];
                snprintf(name, sizeof(name), "user%u", u);
                login(w, t + u * TH_NS_PER_S, 1000 + u, MAIL, name, true);
                if (d % 7 == 4 && h == 9)
                    login(w, t + (60 + u) * TH_NS_PER_S, 900, MAIL, name, true);
            }
        }
    }
}

/* Looks at a user from now on. */
static void ask(struct world *w, uint64_t user)
{
    memset(w->lgp, 0, sizeof(w->lgp));
    w->asked = user;
    w->source = 0;
}

static uint64_t device(struct world *w, unsigned number)
{
    struct th_addr a = host(number);
    return th_identity_holder(w->id, &a);
}

static void strange_sources_and_targets(void **state)
{
    (void)state;
    struct world w;
    init(&w, 1);
    office(&w, 0, 26);
    int64_t t = START + (int64_t)(28 * 24 + 10) * HOUR; /* a Monday */
    advance(&w, t);
    ask(&w, login(&w, t, 1003, MAIL, "user3", true));
    advance(&w, t + HOUR);
    for (unsigned f = TH_FEAT_USER_NEW_SOURCE; f <= TH_FEAT_USER_SPRAY; f++)
        assert_true(w.lgp[f] < 1); /* as ever */
    /* At the colleague's desk, and from there to hosts that nobody logs in to. */
    t += HOUR;
    for (unsigned i = 0; i < 6; i++)
        login(&w, t + i, 1004, 700 + i, "user3", true);
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_NEW_SOURCE] > 1.5);
    assert_true(w.lgp[TH_FEAT_USER_NEW_TARGET] > 1.5);
    assert_true(w.lgp[TH_FEAT_USER_TARGETS] > 2);
    assert_true(fabs(w.observed[TH_FEAT_USER_TARGETS] - 6) <= 1); /* an estimate */
    assert_true(w.source == device(&w, 1004));
    /* Who was never at the terminal server is less strange there than at a desk. */
    double desk = w.lgp[TH_FEAT_USER_NEW_SOURCE];
    t += HOUR;
    for (unsigned d = 0; d < 20; d++)
        login(&w, t + d * HOUR, 2000, MAIL, "new1", true);
    t += 30 * HOUR;
    ask(&w, login(&w, t, 900, MAIL, "new1", true));
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_NEW_SOURCE] < desk - 0.5);
    done(&w);
}

static void hours_of_a_user(void **state)
{
    (void)state;
    struct world w;
    init(&w, 1);
    office(&w, 0, 26);
    int64_t t = START + (int64_t)(28 * 24 + 3) * HOUR;
    ask(&w, login(&w, t, 1003, MAIL, "user3", true));
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_HOUR] > 1);
    t += 6 * HOUR;
    ask(&w, login(&w, t, 1003, MAIL, "user3", true));
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_HOUR] < 0.5);
    done(&w);
}

static void failures_from_several(void **state)
{
    (void)state;
    struct world w;
    init(&w, 1);
    office(&w, 0, 12);
    int64_t t = START + (int64_t)(14 * 24 + 10) * HOUR;
    for (unsigned i = 0; i < 7; i++)
        ask(&w, login(&w, t + i, 1010 + i, MAIL, "user3", false));
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_SPRAY] > 2);
    assert_true(w.observed[TH_FEAT_USER_SPRAY] == 7);
    /* An account that nobody was let in as leaves nothing behind. */
    struct th_learn_stats before;
    struct th_learn_stats after;
    th_learn_stats_get(w.shard[0], &before);
    t += HOUR;
    for (unsigned i = 0; i < 14; i++)
        ask(&w, login(&w, t + i, 1010 + i % 7, MAIL, "backup", false));
    advance(&w, t + HOUR);
    assert_true(w.lgp[TH_FEAT_USER_SPRAY] > 2);
    th_learn_stats_get(w.shard[0], &after);
    assert_true(before.users == 40 && after.users == 40);
    done(&w);
}

static void one_shard_or_four(void **state)
{
    (void)state;
    struct world one;
    struct world four;
    init(&one, 1);
    init(&four, 4);
    office(&one, 0, 6);
    office(&four, 0, 6);
    advance(&one, START + 6 * TH_NS_PER_DAY);
    advance(&four, START + 6 * TH_NS_PER_DAY);
    assert_true(one.windows == 40 * 9 * 5);
    assert_true(one.windows == four.windows);
    assert_true(one.digest == four.digest && one.digest != 0);
    done(&one);
    done(&four);
}

/* Saves everything and goes on from what was saved. */
static void restart(struct world *w, unsigned shards)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_learn *next[SHARDS_MAX];
    struct th_identity *id = th_identity_new(&(struct th_identity_config){.key = key});
    th_identity_save(w->id, &b);
    assert_int_equal(th_identity_load(id, b.p, b.len), 0);
    for (unsigned i = 0; i < shards; i++)
        next[i] = learner(i, shards);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        th_buf_clear(&b);
        th_learn_save_partition(w->shard[p % w->shards], p, &b);
        assert_int_equal(th_learn_load_partition(next[p % shards], p, b.p, b.len), 0);
    }
    th_buf_clear(&b);
    th_learn_save_org(w->shard[0], &b);
    for (unsigned i = 0; i < shards; i++)
        assert_int_equal(th_learn_load_org(next[i], b.p, b.len), 0);
    for (unsigned i = 0; i < w->shards; i++)
        th_learn_free(w->shard[i]);
    th_identity_free(w->id);
    w->id = id;
    w->shards = shards;
    memcpy(w->shard, next, sizeof(next[0]) * shards);
}

static void restart_in_an_hour(void **state)
{
    (void)state;
    struct world straight;
    struct world stopped;
    int64_t t = START + (int64_t)(7 * 24 + 10) * HOUR;
    init(&straight, 1);
    init(&stopped, 1);
    office(&straight, 0, 5);
    office(&stopped, 0, 5);
    for (unsigned i = 0; i < 6; i++) {
        login(&straight, t + i, 1004, 700 + i, "user3", i % 2);
        login(&stopped, t + i, 1004, 700 + i, "user3", i % 2);
        if (i == 2)
            restart(&stopped, 4);
        if (i == 4)
            restart(&stopped, 1);
    }
    advance(&straight, t + 3 * HOUR);
    advance(&stopped, t + 3 * HOUR);
    assert_true(straight.digest == stopped.digest);
    assert_true(straight.windows == stopped.windows);
    done(&straight);
    done(&stopped);
}

static void made_up_names_are_bounded(void **state)
{
    (void)state;
    struct world w;
    struct th_learn_stats before;
    struct th_learn_stats stats;
    init(&w, 1);
    office(&w, 0, 2);
    int64_t t = START + 60 * HOUR;
    advance(&w, t);
    th_learn_stats_get(w.shard[0], &before);
    for (unsigned i = 0; i < 500000; i++) {
        char name[24];
        snprintf(name, sizeof(name), "made%u", i);
        /* From two devices, or they are not even heard of. */
        login(&w, t + i, 1001, MAIL, name, false);
        login(&w, t + i, 1002, MAIL, name, false);
    }
    th_learn_stats_get(w.shard[0], &stats);
    assert_true(stats.refused_users > 400000);
    assert_true(stats.memory_bytes < before.memory_bytes + (16 << 20));
    assert_true(stats.users == 40 && stats.evicted_users == 0);
    advance(&w, t + HOUR);
    th_learn_stats_get(w.shard[0], &stats);
    assert_true(stats.users == 40);
    done(&w);
}

static void forgotten_after_long_and_at_wish(void **state)
{
    (void)state;
    struct world w;
    struct th_learn_stats stats;
    init(&w, 1);
    office(&w, 0, 2);
    uint64_t user = login(&w, START + 60 * HOUR, 1003, MAIL, "user3", true);
    th_learn_forget(w.shard[0], user);
    th_learn_stats_get(w.shard[0], &stats);
    assert_true(stats.users == 39);
    advance(&w, START + 40 * TH_NS_PER_DAY);
    th_learn_stats_get(w.shard[0], &stats);
    assert_true(stats.users == 0);
    done(&w);
}

static void damaged_state_is_refused(void **state)
{
    (void)state;
    struct world w;
    init(&w, 1);
    office(&w, 0, 2);
    uint64_t user = login(&w, START + 60 * HOUR, 1003, MAIL, "user3", true);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_learn *l = learner(0, 1);
    th_learn_save_partition(w.shard[0], th_entity_partition(user), &b);
    /* Of another partition the records do not belong there. */
    assert_int_equal(
        th_learn_load_partition(l, (th_entity_partition(user) + 1) % TH_PARTITIONS, b.p, b.len),
        TH_E_MALFORMED);
    assert_int_equal(th_learn_load_partition(l, th_entity_partition(user), b.p, b.len), 0);
    for (size_t cut = 0; cut < b.len; cut += 97)
        assert_true(th_learn_load_partition(l, th_entity_partition(user), b.p, cut) < 0);
    th_learn_free(l);
    done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strange_sources_and_targets),
        cmocka_unit_test(hours_of_a_user), cmocka_unit_test(failures_from_several),
        cmocka_unit_test(one_shard_or_four), cmocka_unit_test(restart_in_an_hour),
        cmocka_unit_test(made_up_names_are_bounded),
        cmocka_unit_test(forgotten_after_long_and_at_wish),
        cmocka_unit_test(damaged_state_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
