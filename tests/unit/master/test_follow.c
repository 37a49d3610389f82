/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "follow.h"
#include "live_log.h"
#include "store/log.h"

struct fixture {
    struct io_record *disk;
    struct live_log log;
    struct th_follow *f;
};

static int set_up(void **state)
{
    struct fixture *x = th_xcalloc(1, sizeof(*x));
    struct th_journal_config config = {.epoch = 3};
    x->log.disk = io_record_new();
    io_record_io(x->log.disk, &x->log.io);
    assert_int_equal(th_journal_open(&x->log.io, &config, &x->log.journal), 0);
    x->f = th_follow_new(&x->log.io);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    th_follow_free(x->f);
    live_log_done(&x->log);
    free(x);
    return 0;
}

/* Three events of a second each, the first at `at`. */
static void put_batch(
    struct fixture *x, uint64_t sequence, int64_t at, int64_t offset_ns, bool damage)
{
    struct th_ev_weird ev[3];
    struct th_event *v[3];
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    for (unsigned i = 0; i < 3; i++) {
        ev[i] = (struct th_ev_weird){
            .h = {.kind = TH_KIND_WEIRD, .time_ns = at + i * TH_NS_PER_S, .seq = i}};
        TH_SET(&ev[i], WEIRD, ts, ev[i].h.time_ns);
        TH_SET(&ev[i], WEIRD, name, th_str_c("x"));
        v[i] = &ev[i].h;
    }
    live_log_body(&body, 1, sequence, offset_ns, v, 3);
    if (damage)
        body.p[body.len - 1] ^= 1;
    live_log_record(&x->log, TH_RECORD_BATCH, at, th_buf_view(&body));
}

static void test_gives_events_as_they_are_known(void **state)
{
    struct fixture *x = *state;
    struct th_follow_record rec;
    const struct th_event *ev;
    put_batch(x, 9, 1000 * TH_NS_PER_S, -100 * TH_NS_PER_S, false);
    live_log_control(&x->log, 5, "{\"at_ns\": 5, \"type\": \"tick\", \"wall_ns\": 5}");
    assert_int_equal(th_journal_sync(x->log.journal), 0);
    assert_int_equal(th_follow_seek(x->f, 0), 0);
    assert_int_equal(th_follow_next(x->f, 2, &rec), 1);
    assert_int_equal(rec.what, TH_FOLLOW_BATCH);
    assert_int_equal(rec.sequence, 9);
    assert_int_equal(rec.complete_until_ns, 902 * TH_NS_PER_S);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(th_follow_event(x->f, &ev), 1);
        assert_int_equal(ev->time_ns, (900 + i) * TH_NS_PER_S);
        assert_int_equal(((const struct th_ev_weird *)ev)->ts, ev->time_ns);
        assert_int_equal(ev->source, rec.sensor);
        assert_int_equal(ev->seq, 9 << 20 | i);
    }
    assert_int_equal(th_follow_event(x->f, &ev), 0);
    assert_int_equal(th_follow_next(x->f, 2, &rec), 1);
    assert_int_equal(rec.what, TH_FOLLOW_CONTROL);
    assert_int_equal(th_follow_next(x->f, 2, &rec), 0);
    /* More is written; who waits at the end goes on. */
    put_batch(x, 10, 2000 * TH_NS_PER_S, 0, false);
    assert_int_equal(th_journal_sync(x->log.journal), 0);
    assert_int_equal(th_follow_next(x->f, 3, &rec), 1);
    assert_int_equal(rec.position, 2);
    assert_int_equal(th_follow_next(x->f, 3, &rec), 0);
    assert_int_equal(th_follow_seek(x->f, 3), 0);
    assert_int_equal(th_follow_next(x->f, 3, &rec), 0);
}

static void test_skips_what_is_damaged(void **state)
{
    struct fixture *x = *state;
    struct th_follow_record rec;
    const struct th_event *ev;
    uint64_t position;
    int err;
    struct th_follow_stats stats;
    put_batch(x, 0, TH_NS_PER_S, 0, false);
    put_batch(x, 1, TH_NS_PER_S, 0, true);
    live_log_record(&x->log, TH_RECORD_BATCH, 1, th_str_c("short"));
    put_batch(x, 2, TH_NS_PER_S, 0, false);
    assert_int_equal(th_journal_sync(x->log.journal), 0);
    assert_int_equal(th_follow_seek(x->f, 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(th_follow_next(x->f, 4, &rec), 1);
        while (th_follow_event(x->f, &ev) > 0)
            continue;
    }
    th_follow_stats_get(x->f, &stats);
    assert_int_equal(stats.events, 6);
    assert_int_equal(stats.damaged, 2);
    assert_int_equal(th_follow_damage(x->f, &position, &err), 1);
    assert_int_equal(position, 1);
    assert_true(err < 0);
    assert_int_equal(th_follow_damage(x->f, &position, &err), 1);
    assert_int_equal(position, 2);
    assert_int_equal(th_follow_damage(x->f, &position, &err), 0);
}

static void test_a_later_quarantine_counts(void **state)
{
    struct fixture *x = *state;
    struct th_follow_record rec;
    const struct th_event *ev;
    struct th_follow_stats stats;
    put_batch(x, 0, TH_NS_PER_S, 0, false);
    put_batch(x, 1, TH_NS_PER_S, 0, false);
    live_log_control(
        &x->log, 5, "{\"at_ns\": 5, \"type\": \"quarantine\", \"position\": 1, \"reason\": \"x\"}");
    assert_int_equal(th_journal_sync(x->log.journal), 0);
    assert_int_equal(th_follow_seek(x->f, 0), 0);
    assert_int_equal(th_follow_scan(x->f, 3), 0);
    while (th_follow_next(x->f, 3, &rec) > 0)
        while (th_follow_event(x->f, &ev) > 0)
            continue;
    th_follow_stats_get(x->f, &stats);
    assert_int_equal(stats.events, 3);
    assert_int_equal(stats.quarantined, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gives_events_as_they_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_skips_what_is_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_quarantine_counts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
