/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "intake_world.h"

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    world_init(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    free(*state);
    return 0;
}

static struct sensor authorised(struct world *w, uint64_t id)
{
    struct sensor s = sensor_new(id);
    tell_sensor(w, &s, "authorised");
    return s;
}

static void assert_said(const struct world *w, uint64_t id, unsigned status, const char *text)
{
    const struct said *s = said_to(w, id);
    assert_non_null(s);
    assert_int_equal(s->status, status);
    if (!strstr(s->text, text))
        fail_msg("\"%s\" is not in %s", text, s->text);
}

static void test_a_batch_is_answered_when_it_is_synced(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_made(w, &s, 1, (struct made){.sequence = 0});
    send_made(w, &s, 2, (struct made){.sequence = 1});
    assert_null(said_to(w, 1));
    assert_int_equal(th_intake_turn(w->in, w->now), 0); /* not yet */
    assert_null(said_to(w, 1));
    assert_in_range(th_intake_timeout_ms(w->in, w->now), 1, 5);
    turn(w);
    assert_said(w, 1, 200, "{\"epoch\":7,\"next\":2}");
    assert_said(w, 2, 200, "{\"epoch\":7,\"next\":2}");
    assert_int_equal(find_controls(w, "\"sensor\"").count, 1);
}

static void test_who_is_refused(void **state)
{
    struct world *w = *state;
    struct sensor good = authorised(w, 5);
    struct sensor unknown = sensor_new(6);
    struct sensor pending = sensor_new(7);
    struct sensor forger = good;
    struct th_buf bytes TH_AUTOBUF = TH_BUF_INIT;
    tell_sensor(w, &pending, "pending");
    forger.key = unknown.key;
    send_made(w, &unknown, 1, (struct made){0});
    send_made(w, &pending, 2, (struct made){0});
    send_made(w, &forger, 3, (struct made){0});
    send_made(w, &good, 4, (struct made){.instance = 99});
    give(w, 5, th_str_c("nonsense"));
    make_envelope(w, &good, (struct made){0}, &bytes);
    bytes.p[bytes.len - 1] ^= 1;
    give(w, 6, th_buf_view(&bytes));
    TH_AUTOFREE uint8_t *big = th_xcalloc(1, 3u << 20);
    give(w, 7, th_str_n(big, 3u << 20));
    assert_said(w, 1, 401, "unknown_sensor");
    assert_said(w, 2, 403, "\"status\":\"pending\"");
    assert_said(w, 3, 401, "bad_signature");
    assert_said(w, 4, 401, "wrong_instance");
    assert_said(w, 5, 400, "malformed");
    assert_int_equal(said_to(w, 6)->status / 100, 4);
    assert_said(w, 7, 413, "bomb");
    send_next(w, &good, (struct made){0});
    tell_sensor(w, &good, "revoked");
    send_made(w, &good, 8, (struct made){.sequence = 1});
    assert_said(w, 8, 403, "\"status\":\"revoked\"");
    struct finding f = find_controls(w, "none");
    assert_int_equal(f.last_batch.envelope.sequence, 0); /* nothing of it all is in the log */
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    th_intake_status(w->in, w->now, &status);
    json_t *j = json_loadb((const char *)status.p, status.len, 0, NULL);
    const json_t *refusals = json_object_get(j, "refusals");
    assert_int_equal(json_integer_value(json_object_get(refusals, "unknown_sensor")), 1);
    assert_int_equal(json_integer_value(json_object_get(refusals, "bad_signature")), 1);
    assert_int_equal(json_integer_value(json_object_get(refusals, "revoked")), 1);
    assert_int_equal(json_integer_value(json_object_get(refusals, "bomb")), 1);
    json_decref(j);
}

static void test_a_replayed_batch_changes_nothing(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    struct th_buf bytes TH_AUTOBUF = TH_BUF_INIT;
    make_envelope(w, &s, (struct made){0}, &bytes);
    give(w, 1, th_buf_view(&bytes));
    give(w, 2, th_buf_view(&bytes)); /* while the first one is not synced */
    assert_null(said_to(w, 2));
    turn(w);
    assert_said(w, 2, 200, "\"next\":1");
    uint64_t end = th_intake_synced(w->in);
    give(w, 3, th_buf_view(&bytes));
    assert_said(w, 3, 200, "\"next\":1");
    turn(w);
    assert_int_equal(th_intake_synced(w->in), end);
    assert_int_equal(th_log_sensor_find(th_intake_state(w->in), 5)->batches, 1);
    s.epoch = 6; /* of an older spool */
    send_made(w, &s, 4, (struct made){.sequence = 9});
    assert_said(w, 4, 409, "{\"epoch\":7,\"next\":1}");
}

static void test_batches_out_of_order_wait_for_their_turn(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    static const uint64_t order[] = {3, 1, 2, 0};
    for (size_t i = 0; i < TH_ARRAY_LEN(order); i++)
        send_made(w, &s, 10 + order[i], (struct made){.sequence = order[i]});
    turn(w);
    for (uint64_t i = 0; i < 4; i++)
        assert_said(w, 10 + i, 200, "\"next\":4");
    /* One that never comes: the others are asked for again after 5 s. */
    send_made(w, &s, 20, (struct made){.sequence = 6});
    wait_s(w, 4);
    assert_null(said_to(w, 20));
    wait_s(w, 2);
    assert_said(w, 20, 409, "{\"epoch\":7,\"next\":4}");
    for (uint64_t i = 0; i < 9; i++) /* 8 of a sensor are held */
        send_made(w, &s, 30 + i, (struct made){.sequence = 5 + i});
    assert_null(said_to(w, 37));
    assert_said(w, 38, 409, "\"next\":4");
    send_made(w, &s, 40, (struct made){.sequence = 5}); /* again: the later one counts */
    assert_said(w, 30, 409, "\"next\":4");
    send_made(w, &s, 41, (struct made){.sequence = 4});
    turn(w);
    assert_said(w, 40, 200, "\"next\":13");
    assert_said(w, 37, 200, "\"next\":13");
}

static void test_a_new_spool_begins_at_zero(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    send_next(w, &s, (struct made){0});
    s.epoch = 9;
    send_made(w, &s, 1, (struct made){.sequence = 1}); /* ahead of its first one */
    send_made(w, &s, 2, (struct made){.sequence = 0});
    turn(w);
    assert_said(w, 1, 200, "{\"epoch\":9,\"next\":2}");
    s.epoch = 10;
    send_made(w, &s, 3, (struct made){.sequence = 4});
    wait_s(w, 6);
    assert_said(w, 3, 409, "{\"epoch\":10,\"next\":0}");
}

static void test_a_gap_stands_for_what_was_dropped(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    send_made(w, &s, 1, (struct made){.sequence = 1, .gap_batches = 10});
    turn(w);
    assert_said(w, 1, 200, "\"next\":11");
    struct finding f = find_controls(w, "source_gap");
    assert_int_equal(f.count, 1);
    assert_non_null(strstr(f.last, "\"batches\":10"));
    assert_non_null(strstr(f.last, "\"sequence\":1"));
    assert_non_null(strstr(f.last, "\"name\":\""));
    /* One that begins before what is known already counts for the rest. */
    send_made(w, &s, 2, (struct made){.sequence = 5, .gap_batches = 10});
    turn(w);
    assert_said(w, 2, 200, "\"next\":15");
    assert_non_null(strstr(find_controls(w, "source_gap").last, "\"batches\":4"));
    restart(w);
    const struct th_log_sensor *n = th_log_sensor_find(th_intake_state(w->in), 5);
    assert_int_equal(n->next, 15);
    assert_int_equal(n->gaps, 2);
    assert_int_equal(n->lost_batches, 14);
}

static void test_a_restart_knows_all(void **state)
{
    struct world *w = *state;
    struct th_buf before TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf after TH_AUTOBUF = TH_BUF_INIT;
    w->config.file_bytes = 3000; /* many files: the summary carries it */
    restart(w);
    struct sensor a = authorised(w, 5);
    struct sensor b = authorised(w, 900);
    for (unsigned i = 0; i < 30; i++) {
        send_next(w, &a, (struct made){0});
        if (i % 3 == 0)
            send_next(w, &b, (struct made){0});
        wait_s(w, 11);
        th_buf_clear(&before);
        th_buf_clear(&after);
        th_log_summary_put(&before, th_intake_state(w->in));
        restart(w);
        th_log_summary_put(&after, th_intake_state(w->in));
        assert_true(th_str_eq(th_buf_view(&before), th_buf_view(&after)));
    }
    send_made(w, &a, 1, (struct made){.sequence = 29});
    assert_said(w, 1, 200, "\"next\":30"); /* a duplicate of long ago */
}

/* Seconds, as the status says. */
static double lag_of(struct world *w, enum th_follower which)
{
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    th_intake_status(w->in, w->now, &status);
    json_t *j = json_loadb((const char *)status.p, status.len, 0, NULL);
    const json_t *followers = json_object_get(json_object_get(j, "log"), "followers");
    double lag_s = json_number_value(json_object_get(json_array_get(followers, which), "lag_s"));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(followers, which), "name")),
        th_follower_names[which]);
    json_decref(j);
    return lag_s;
}

/* Under a steady load nobody has ever all of the log: what counts is how old what it lacks is. */
static void test_lag(void **state)
{
    struct world *w = *state;
    th_intake_up(w->in, TH_FOLLOWER_CORE, w->now);
    th_intake_up(w->in, TH_FOLLOWER_SEAL, w->now);
    th_intake_applied(w->in, TH_FOLLOWER_CORE, th_intake_synced(w->in), w->now);
    th_intake_applied(w->in, TH_FOLLOWER_SEAL, th_intake_synced(w->in), w->now);
    for (unsigned i = 0; i < 30; i++) {
        uint64_t before = th_intake_synced(w->in);
        control(w, i, "{\"type\":\"settings\",\"followers\":[]}");
        turn(w);
        assert_true(th_intake_synced(w->in) > before);
        th_intake_applied(w->in, TH_FOLLOWER_CORE, before, w->now);
        assert_true(lag_of(w, TH_FOLLOWER_CORE) < 3);
        wait_s(w, 1);
    }
    assert_true(lag_of(w, TH_FOLLOWER_CORE) >= 1);
    assert_true(lag_of(w, TH_FOLLOWER_SEAL) >= 29);
    th_intake_applied(w->in, TH_FOLLOWER_CORE, th_intake_synced(w->in), w->now);
    assert_true(lag_of(w, TH_FOLLOWER_CORE) == 0);
}

static void test_controls_are_done_when_applied(void **state)
{
    struct world *w = *state;
    th_intake_up(w->in, TH_FOLLOWER_STATE, w->now);
    th_intake_up(w->in, TH_FOLLOWER_CORE, w->now);
    th_intake_up(w->in, TH_FOLLOWER_SEAL, w->now); /* up, but not at work yet */
    th_intake_applied(w->in, TH_FOLLOWER_STATE, 0, w->now);
    th_intake_applied(w->in, TH_FOLLOWER_CORE, 0, w->now);
    control(w, 1, "{\"type\":\"news\"}");
    control(w, 2, "{\"type\":\"settings\"}");
    control(w, 3, "{\"type\":\"settings\",\"followers\":[]}");
    turn(w);
    assert_null(said_to(w, 1));
    assert_int_equal(said_to(w, 3)->err, 0);
    uint64_t end = th_intake_synced(w->in);
    assert_int_equal(said_to(w, 3)->position, end - 1);
    assert_int_equal(w->heads[TH_FOLLOWER_STATE], end);
    th_intake_applied(w->in, TH_FOLLOWER_STATE, end - 1, w->now);
    assert_int_equal(said_to(w, 2)->err, 0);
    assert_null(said_to(w, 1));
    th_intake_applied(w->in, TH_FOLLOWER_CORE, end, w->now);
    assert_int_equal(said_to(w, 1)->err, 0);
    /* Nobody waits for ever, nor for one who is gone. */
    control(w, 4, "{\"type\":\"ack\",\"followers\":[\"store\"]}");
    wait_s(w, 11);
    assert_int_equal(said_to(w, 4)->err, -ETIMEDOUT);
    assert_true(said_to(w, 4)->position >= end);
    control(w, 5, "{\"type\":\"news\"}");
    th_intake_down(w->in, TH_FOLLOWER_CORE, w->now);
    th_intake_down(w->in, TH_FOLLOWER_STATE, w->now);
    turn(w);
    assert_int_equal(said_to(w, 5)->err, 0);
    assert_null(strstr(find_controls(w, "news").last, "followers"));
}

static void test_controls_that_are_refused(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "[]", "{}", "{\"type\":\"\"}", "{\"type\":\"tick\"}",
        "{\"type\":\"epoch\",\"hour_ns\":0}", "{\"type\":\"quarantine\",\"position\":1}",
        "{\"type\":\"source_gap\"}", "{\"type\":\"sensor\",\"id\":\"5\",\"status\":\"pending\"}",
        "{\"type\":\"sensor\",\"id\":\"0000000000000005\",\"status\":\"pending\"}",
        "{\"type\":\"sensor\",\"id\":\"0000000000000005\",\"status\":\"pending\",\"key\":\"x\"}",
        "{\"type\":\"settings\",\"followers\":[\"nobody\"]}",
        "{\"type\":\"settings\",\"followers\":5}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        control(w, i + 1, bad[i]);
        assert_non_null(said_to(w, i + 1));
        assert_true(said_to(w, i + 1)->err < 0);
    }
    turn(w);
    assert_int_equal(th_intake_synced(w->in), 0);
}

static void test_ticks_and_silent_sources(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    wait_s(w, 55);
    assert_int_equal(find_controls(w, "\"tick\"").count, 5);
    assert_int_equal(find_controls(w, "source_down").count, 0);
    wait_s(w, 20);
    assert_int_equal(find_controls(w, "source_down").count, 1);
    wait_s(w, 30);
    assert_int_equal(find_controls(w, "source_down").count, 1);
    send_next(w, &s, (struct made){0});
    assert_int_equal(find_controls(w, "source_up").count, 1);
    send_next(w, &s, (struct made){0});
    assert_int_equal(find_controls(w, "source_up").count, 1);
}

/* hour + minutes of the day that the tests begin on */
static int64_t at(int hour, int minute)
{
    return th_time_floor(BEGIN_NS, TH_NS_PER_DAY) + hour * TH_NS_PER_HOUR + minute * TH_NS_PER_MIN;
}

static void test_hours_close_with_the_slowest_source(void **state)
{
    struct world *w = *state;
    struct sensor a = authorised(w, 5);
    struct sensor b = authorised(w, 6);
    w->now.wall_ns = at(20, 0);
    send_next(w, &a, (struct made){.at_ns = at(10, 20), .complete_ns = at(10, 30), .replay = true});
    send_next(w, &b, (struct made){.at_ns = at(10, 25), .complete_ns = at(10, 30), .replay = true});
    assert_int_equal(find_controls(w, "\"epoch\"").count, 0);
    send_next(w, &a, (struct made){.at_ns = at(11, 20), .complete_ns = at(11, 30), .replay = true});
    assert_int_equal(find_controls(w, "hour_ns").count, 0);
    send_next(w, &b, (struct made){.at_ns = at(11, 5), .complete_ns = at(11, 10), .replay = true});
    turn(w);
    struct finding f = find_controls(w, "hour_ns");
    assert_int_equal(f.count, 1);
    TH_AUTOFREE char *eleven = th_xasprintf("\"hour_ns\":%" PRId64, at(11, 0));
    assert_non_null(strstr(f.last, eleven));
    /* b falls silent: a alone goes on, and an empty night is one control. */
    for (int i = 0; i < 8; i++) {
        wait_s(w, 10);
        send_next(w, &a,
            (struct made){.at_ns = at(11, 40 + i), .complete_ns = at(11, 40 + i), .replay = true});
    }
    assert_int_equal(find_controls(w, "source_down").count, 1);
    send_next(w, &a, (struct made){.at_ns = at(16, 5), .complete_ns = at(16, 6), .replay = true});
    turn(w);
    f = find_controls(w, "hour_ns");
    assert_int_equal(f.count, 2);
    TH_AUTOFREE char *sixteen = th_xasprintf("\"hour_ns\":%" PRId64, at(16, 0));
    assert_non_null(strstr(f.last, sixteen));
    /* b comes back with what is old: late, and it holds nobody back. */
    send_next(w, &b, (struct made){.at_ns = at(12, 0), .complete_ns = at(12, 10), .replay = true});
    send_next(w, &a, (struct made){.at_ns = at(17, 5), .complete_ns = at(17, 6), .replay = true});
    turn(w);
    assert_int_equal(find_controls(w, "hour_ns").count, 3);
}

static void test_a_replay_that_ended_closes_its_last_hour(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    w->now.wall_ns = at(20, 0);
    send_next(w, &s, (struct made){.at_ns = at(9, 20), .complete_ns = at(9, 21), .replay = true});
    send_next(w, &s, (struct made){.at_ns = at(10, 20), .complete_ns = INT64_MAX, .replay = true});
    turn(w);
    struct finding f = find_controls(w, "hour_ns");
    TH_AUTOFREE char *eleven = th_xasprintf("\"hour_ns\":%" PRId64, at(11, 0));
    assert_non_null(strstr(f.last, eleven));
}

static void test_a_clock_a_day_ahead(void **state)
{
    struct world *w = *state;
    struct sensor good = authorised(w, 5);
    struct sensor ahead = authorised(w, 6);
    int64_t day = TH_NS_PER_DAY;
    send_next(w, &good, (struct made){0});
    send_next(w, &ahead,
        (struct made){.at_ns = w->now.wall_ns + day,
            .complete_ns = w->now.wall_ns + day,
            .sent_ns = w->now.wall_ns + day});
    struct finding f = find_controls(w, "none");
    assert_in_range(-f.last_batch.batch.clock_offset_ns, day - TH_NS_PER_S, day + TH_NS_PER_S);
    assert_int_equal(f.last_batch.batch.flags, 0);
    /* Recorded events of tomorrow: nothing can be corrected, and no hour closes for them. */
    send_next(w, &ahead,
        (struct made){
            .at_ns = w->now.wall_ns + day, .complete_ns = w->now.wall_ns + day, .replay = true});
    f = find_controls(w, "none");
    assert_int_equal(f.last_batch.batch.clock_offset_ns, 0);
    assert_int_equal(f.last_batch.batch.flags, TH_RECORD_CLOCK_AHEAD);
    assert_true(th_log_sensor_find(th_intake_state(w->in), 6)->watermark_ns <= w->now.wall_ns);
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    th_intake_status(w->in, w->now, &status);
    th_buf_u8(&status, 0);
    assert_non_null(strstr((const char *)status.p, "\"clock_ahead\""));
}

static void test_no_room(void **state)
{
    struct world *w = *state;
    w->config.reserve_bytes = 100000;
    restart(w);
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    io_record_room(w->disk, 100000);
    wait_s(w, 1);
    send_made(w, &s, 1, (struct made){.sequence = 1});
    assert_said(w, 1, 503, "\"retry_after_s\"");
    control(w, 2, "{\"type\":\"settings\"}"); /* controls still have the reserve */
    turn(w);
    assert_int_equal(said_to(w, 2)->err, 0);
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    th_intake_status(w->in, w->now, &status);
    th_buf_u8(&status, 0);
    assert_non_null(strstr((const char *)status.p, "\"log_full\""));
    io_record_room(w->disk, UINT64_MAX);
    wait_s(w, 1);
    send_next(w, &s, (struct made){0});
}

static void test_a_full_disk_keeps_nothing_by_halves(void **state)
{
    struct world *w = *state;
    w->config.reserve_bytes = 1;
    restart(w);
    struct sensor s = authorised(w, 5);
    io_record_fail(w->disk, IO_RECORD_WRITE, 0, -ENOSPC);
    send_made(w, &s, 1, (struct made){.sequence = 0});
    assert_said(w, 1, 503, "full");
    send_next(w, &s, (struct made){0});
    restart(w);
    assert_int_equal(th_log_sensor_find(th_intake_state(w->in), 5)->next, 1);
}

static void test_a_failed_sync_is_answered_and_starts_anew(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    send_made(w, &s, 1, (struct made){.sequence = 1});
    control(w, 2, "{\"type\":\"settings\"}");
    io_record_fail(w->disk, IO_RECORD_SYNC, 0, -EIO);
    pass(w, 5 * TH_NS_PER_MS);
    assert_int_equal(th_intake_turn(w->in, w->now), -EIO);
    assert_said(w, 1, 503, "disk");
    assert_int_equal(said_to(w, 2)->err, -EIO);
    restart(w);
    assert_int_equal(th_log_sensor_find(th_intake_state(w->in), 5)->next, 1);
    send_next(w, &s, (struct made){0});
}

static void save_all(struct world *w, uint64_t position)
{
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
        th_intake_saved(w->in, (enum th_follower)f, position);
}

static uint64_t log_first(const struct world *w)
{
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    assert_int_equal(th_journal_extent(&w->io, &first, &next, &epoch), 0);
    return first;
}

static void test_trimming(void **state)
{
    struct world *w = *state;
    w->config.file_bytes = 3000;
    w->config.keep_ns = 600 * TH_NS_PER_S;
    restart(w);
    struct sensor s = authorised(w, 5);
    for (unsigned i = 0; i < 40; i++) {
        send_next(w, &s, (struct made){0});
        wait_s(w, 5);
    }
    save_all(w, th_intake_synced(w->in));
    wait_s(w, 61);
    assert_int_equal(log_first(w), 0); /* not old enough */
    th_intake_saved(w->in, TH_FOLLOWER_SEAL, 3);
    wait_s(w, 700);
    assert_int_equal(log_first(w), 0); /* one is behind */
    save_all(w, th_intake_synced(w->in));
    wait_s(w, 180);
    uint64_t first = log_first(w);
    assert_true(first > 20 && first < th_intake_synced(w->in));
    restart(w);
    assert_int_equal(th_log_sensor_find(th_intake_state(w->in), 5)->next, 40);
}

static void test_a_log_at_its_limit_trims_early(void **state)
{
    struct world *w = *state;
    w->config.log_bytes = 40000;
    w->config.file_bytes = 3000;
    restart(w);
    struct sensor s = authorised(w, 5);
    unsigned i = 0;
    do {
        send_made(w, &s, ++i, (struct made){.sequence = s.next});
        wait_s(w, 1);
        s.next += said_to(w, i)->status == 200;
    } while (said_to(w, i)->status == 200 && i < 200);
    assert_said(w, i, 503, "full");
    save_all(w, th_intake_synced(w->in));
    wait_s(w, 5);
    assert_true(log_first(w) > 0);
    send_next(w, &s, (struct made){0});
}

/* A follower that dies whenever it reads `poison`, reporting only now and then how far it is. */
static void live(struct world *w, uint64_t *saved, uint64_t poison)
{
    const enum th_follower f = TH_FOLLOWER_CORE;
    th_intake_up(w->in, f, w->now);
    assert_true(w->heads[f] > 0); /* before, it does not begin, and tells nothing */
    th_intake_saved(w->in, f, *saved);
    th_intake_applied(w->in, f, *saved, w->now);
    bool skip = false;
    for (size_t i = 0; i < w->aside_count; i++)
        skip |= w->aside[i] == poison;
    uint64_t done = *saved;
    while (done < w->heads[f]) {
        uint64_t to = w->heads[f];
        if (!skip && done <= poison && poison < to)
            break; /* dies; what it had done before was not told */
        done = to;
        th_intake_applied(w->in, f, done, w->now);
    }
    bool died = done < w->heads[f];
    if (died)
        th_intake_down(w->in, f, w->now);
    else
        *saved = done;
    turn(w);
}

static void test_one_that_dies_at_the_very_first_record_is_led_too(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    uint64_t saved = 0;
    for (unsigned i = 0; i < 50; i++)
        send_next(w, &s, (struct made){0});
    for (unsigned i = 0; i < 5; i++)
        live(w, &saved, 0);
    assert_int_equal(w->aside_count, 0); /* it is no batch */
}

static void test_a_batch_that_kills_is_set_aside(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    for (unsigned i = 0; i < 50; i++)
        send_next(w, &s, (struct made){0});
    uint64_t saved = 0;
    uint64_t poison = 23;
    unsigned lives = 0;
    while (saved < th_intake_synced(w->in) && lives++ < 12)
        live(w, &saved, poison);
    assert_in_range(lives, 4, 7);
    assert_int_equal(w->aside_count, 1);
    assert_int_equal(w->aside[0], poison);
    struct finding f = find_controls(w, "quarantine");
    assert_int_equal(f.count, 1);
    assert_non_null(strstr(f.last, "\"position\":23"));
    restart(w);
    th_intake_up(w->in, TH_FOLLOWER_SEAL, w->now);
    assert_int_equal(w->aside_count, 1); /* who comes later is told as well */
}

static void test_random_kills_set_nothing_aside(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    uint64_t applied = 0;
    for (unsigned i = 0; i < 100; i++) {
        send_next(w, &s, (struct made){0});
        th_intake_up(w->in, TH_FOLLOWER_CORE, w->now);
        th_intake_applied(w->in, TH_FOLLOWER_CORE, 0, w->now); /* from its checkpoint */
        if (i % 2)
            th_intake_applied(w->in, TH_FOLLOWER_CORE, applied++, w->now);
        th_intake_down(w->in, TH_FOLLOWER_CORE, w->now);
        turn(w);
    }
    assert_int_equal(find_controls(w, "quarantine").count, 0);
}

static void test_a_follower_may_refuse_a_batch(void **state)
{
    struct world *w = *state;
    struct sensor s = authorised(w, 5);
    send_next(w, &s, (struct made){0});
    uint64_t batch = th_intake_synced(w->in) - 1;
    th_intake_up(w->in, TH_FOLLOWER_SEAL, w->now);
    th_intake_refused(w->in, TH_FOLLOWER_SEAL, 0, th_str_c("no batch"), w->now);
    th_intake_refused(w->in, TH_FOLLOWER_SEAL, 999, th_str_c("not there"), w->now);
    assert_int_equal(w->aside_count, 0);
    th_intake_refused(w->in, TH_FOLLOWER_SEAL, batch, th_str_n("\xff bad", 5), w->now);
    th_intake_refused(w->in, TH_FOLLOWER_SEAL, batch, th_str_c("again"), w->now);
    turn(w);
    assert_int_equal(w->aside_count, 1);
    assert_int_equal(w->aside[0], batch);
    assert_int_equal(find_controls(w, "quarantine").count, 1);
}

static void test_status_is_json_of_bounded_size(void **state)
{
    struct world *w = *state;
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    for (uint64_t i = 1; i <= 300; i++)
        (void)authorised(w, i);
    wait_s(w, 1);
    th_intake_status(w->in, w->now, &status);
    assert_true(status.len <= 64u << 10);
    json_t *j = json_loadb((const char *)status.p, status.len, 0, NULL);
    assert_non_null(j);
    size_t shown = json_array_size(json_object_get(j, "sources"));
    assert_int_equal(
        shown + (size_t)json_integer_value(json_object_get(j, "sources_left_out")), 300);
    assert_true(shown > 50);
    assert_int_equal(json_array_size(json_object_get(json_object_get(j, "log"), "followers")), 4);
    json_decref(j);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_batch_is_answered_when_it_is_synced),
        T(test_who_is_refused),
        T(test_a_replayed_batch_changes_nothing),
        T(test_batches_out_of_order_wait_for_their_turn),
        T(test_a_new_spool_begins_at_zero),
        T(test_a_gap_stands_for_what_was_dropped),
        T(test_a_restart_knows_all),
        T(test_lag),
        T(test_controls_are_done_when_applied),
        T(test_controls_that_are_refused),
        T(test_ticks_and_silent_sources),
        T(test_hours_close_with_the_slowest_source),
        T(test_a_replay_that_ended_closes_its_last_hour),
        T(test_a_clock_a_day_ahead),
        T(test_no_room),
        T(test_a_full_disk_keeps_nothing_by_halves),
        T(test_a_failed_sync_is_answered_and_starts_anew),
        T(test_trimming),
        T(test_a_log_at_its_limit_trims_early),
        T(test_one_that_dies_at_the_very_first_record_is_led_too),
        T(test_a_batch_that_kills_is_set_aside),
        T(test_random_kills_set_nothing_aside),
        T(test_a_follower_may_refuse_a_batch),
        T(test_status_is_json_of_bounded_size),
    };
    return cmocka_run_group_tests_name("master/intake", tests, NULL, NULL);
}
