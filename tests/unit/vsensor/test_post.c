/* SPDX-License-Identifier: Apache-2.0 */
/* Frames into the spool, envelopes out of it: each once, and a gap for whatever is missing. */
#include "unit.h"

#include "event/batch.h"
#include "io_record.h"
#include "link/envelope.h"
#include "messages.h"
#include "post.h"
#include "sample_events.h"

enum { RUN = 8, OTHER_RUN = 16, SECOND_WORKER = 25 };
static const uint64_t limit_bytes = 128u << 10;

struct world {
    struct io_record *disk;
    struct th_io io;
    struct th_own own;
    uint8_t public_key[TH_SIGN_PUBLIC_BYTES];
    struct th_post *post;
    unsigned workers;
    bool collector, follower;
    int64_t live_lag_ns;
    int64_t wall_ns;
    struct th_arena memory;
    struct sample_office office;
};

static void open_post(struct world *w)
{
    const struct th_post_config config = {.limit_bytes = limit_bytes,
        .own = &w->own,
        .workers = w->workers,
        .collector = w->collector,
        .live_lag_ns = w->live_lag_ns,
        .follower = w->follower};
    assert_int_equal(th_post_open(&w->io, &config, w->wall_ns, &w->post), 0);
}

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    w->disk = io_record_new();
    io_record_io(w->disk, &w->io);
    w->workers = 1;
    w->wall_ns = 1700 * TH_NS_PER_S;
    w->office = (struct sample_office){.state = 3, .now_ns = 1600 * TH_NS_PER_S};
    w->own = (struct th_own){.sensor = 0xa1, .instance = 0xb2};
    th_sign_key_init(&w->own.key, (const uint8_t[TH_SIGN_SEED_BYTES]){5});
    th_sign_key_public(&w->own.key, w->public_key);
    open_post(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_post_close(w->post);
    io_record_free(w->disk);
    th_arena_done(&w->memory);
    free(w);
    return 0;
}

static void reopen(struct world *w)
{
    th_post_close(w->post);
    open_post(w);
}

/* A frame of this run and number with so many events. */
static struct th_buf frame_of(struct world *w, uint32_t run, uint32_t number, uint32_t events)
{
    struct th_buf out = TH_BUF_INIT;
    struct th_batch_writer *b = th_batch_writer_new();
    struct th_batch_head head = {.input = run, .run = number};
    for (uint32_t i = 0; i < events; i++)
        assert_int_equal(th_batch_add(b, sample_office_next(&w->memory, &w->office)), 0);
    head.complete_until_ns = w->office.now_ns;
    assert_int_equal(th_batch_finish(b, &head, &out), 0);
    th_batch_writer_free(b);
    return out;
}

static int post_frame(struct world *w, uint32_t run, uint32_t number, uint32_t events, bool replay)
{
    struct th_buf frame TH_AUTOBUF = frame_of(w, run, number, events);
    w->wall_ns += TH_NS_PER_S;
    int r = th_post_frame(w->post, replay, th_buf_view(&frame), w->wall_ns);
    assert_int_equal(th_post_sync(w->post), 0);
    return r;
}

/* What goes out for the sequence, checked as a master does. */
static struct th_envelope sent(struct world *w, uint64_t sequence, uint64_t next)
{
    struct th_str data;
    uint64_t got_next;
    struct th_envelope e;
    assert_int_equal(th_post_get(w->post, sequence, &data, &got_next), 1);
    assert_int_equal(got_next, next);
    assert_int_equal(th_envelope_get((const uint8_t *)data.p, data.len, &e), 0);
    assert_int_equal(th_envelope_verify((const uint8_t *)data.p, data.len, w->public_key), 0);
    assert_int_equal(e.sequence, sequence);
    assert_int_equal(e.instance, w->own.instance);
    assert_int_equal(e.sensor, w->own.sensor);
    assert_int_equal(e.epoch, th_spool_epoch(th_post_spool(w->post)));
    return e;
}

static struct th_envelope_gap gap_of(const struct th_envelope *e)
{
    struct th_envelope_gap gap;
    assert_int_equal(e->kind, TH_ENVELOPE_GAP);
    assert_int_equal(th_envelope_gap_get(e->payload, &gap), 0);
    return gap;
}

static void frames_go_in_once_and_come_out_signed(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    assert_int_equal(post_frame(w, RUN, 2, 20, false), 1);
    assert_int_equal(post_frame(w, RUN, 2, 20, false), 0);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 0);
    struct th_envelope e = sent(w, 0, 1);
    assert_int_equal(e.events, 10);
    assert_int_equal(e.flags, 0);
    assert_int_equal(sent(w, 1, 2).events, 20);
    struct th_str none;
    uint64_t next;
    assert_int_equal(th_post_get(w->post, 2, &none, &next), 0);
}

static void a_restart_knows_what_is_in_the_spool(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, true), 1);
    assert_int_equal(post_frame(w, RUN, 2, 10, true), 1);
    assert_int_equal(th_post_acknowledge(w->post, 2), 0);
    reopen(w);
    assert_int_equal(post_frame(w, RUN, 2, 10, true), 0);
    assert_int_equal(post_frame(w, RUN, 3, 10, true), 1);
    assert_int_equal(sent(w, 2, 3).flags, TH_ENVELOPE_REPLAY);
}

static void an_enrolment_makes_envelopes_out_anew(void **state)
{
    struct world *w = *state;
    w->own.sensor = w->own.instance = 0;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    w->own.sensor = 0xc3;
    w->own.instance = 0xd4;
    assert_int_equal(sent(w, 0, 1).events, 10);
}

static void another_run_of_capture_tells_the_pause(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t last_ns = w->wall_ns;
    w->wall_ns += 60 * TH_NS_PER_S;
    assert_int_equal(post_frame(w, OTHER_RUN, 1, 10, false), 1);
    struct th_envelope e = sent(w, 1, 2);
    struct th_envelope_gap gap = gap_of(&e);
    assert_int_equal(gap.batches, 1);
    assert_int_equal(gap.events, 0);
    assert_int_equal(gap.first_ns, last_ns - TH_SENSOR_BEHIND_MS * TH_NS_PER_MS);
    assert_int_equal(gap.last_ns, w->wall_ns);
    assert_int_equal(sent(w, 2, 3).kind, TH_ENVELOPE_EVENTS);
    /* recorded input is not watching anything */
    assert_int_equal(post_frame(w, 11, 1, 10, true), 1);
    assert_int_equal(sent(w, 3, 4).kind, TH_ENVELOPE_EVENTS);
}

/* The last frame of the run before waited for this role: what capture read meanwhile and never gave
 * lies before the frame came, and in the pause all the same; also after a restart. What a collector
 * says is complete is no hint. */
static void a_pause_begins_where_capture_had_read_to(void **state)
{
    struct world *w = *state;
    th_post_close(w->post);
    w->live_lag_ns = 20 * TH_NS_PER_S;
    open_post(w);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t read_ns = w->office.now_ns + w->live_lag_ns;
    assert_true(read_ns < w->wall_ns - TH_NS_PER_S);
    reopen(w);
    w->wall_ns += 60 * TH_NS_PER_S;
    assert_int_equal(post_frame(w, OTHER_RUN, 1, 10, false), 1);
    struct th_envelope e = sent(w, 1, 2);
    assert_int_equal(gap_of(&e).first_ns, read_ns - TH_SENSOR_BEHIND_MS * TH_NS_PER_MS);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_COLLECTOR, 1, 10, false), 1);
    int64_t came_ns = w->wall_ns;
    assert_int_equal(post_frame(w, OTHER_RUN + TH_SENSOR_COLLECTOR, 1, 10, false), 1);
    e = sent(w, 4, 5);
    assert_int_equal(gap_of(&e).first_ns, came_ns - TH_SENSOR_BEHIND_MS * TH_NS_PER_MS);
}

/* Complete is what both have passed; nobody pauses when the other begins. */
static void two_workers_are_one_sensor(void **state)
{
    struct world *w = *state;
    th_post_close(w->post);
    w->workers = 2;
    open_post(w);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t first_ns = w->office.now_ns;
    assert_true(sent(w, 0, 1).complete_until_ns == TH_TIME_UNSET);
    assert_int_equal(post_frame(w, SECOND_WORKER, 1, 10, false), 1);
    int64_t second_ns = w->office.now_ns;
    assert_true(second_ns > first_ns);
    assert_true(sent(w, 1, 2).complete_until_ns == first_ns);
    reopen(w);
    assert_int_equal(post_frame(w, RUN, 2, 10, false), 1);
    assert_true(sent(w, 2, 3).complete_until_ns == second_ns);
    struct th_post_counts c;
    th_post_counts(w->post, &c);
    assert_int_equal(c.gaps, 0);
    assert_int_equal(post_frame(w, SECOND_WORKER + 8, 1, 10, false), 1);
    th_post_counts(w->post, &c);
    assert_int_equal(c.gaps, 1);
}

/* Both began anew a minute after the last frame: a minute was not watched, not two. */
static void pauses_at_the_same_time_are_one(void **state)
{
    struct world *w = *state;
    struct th_post_counts c;
    th_post_close(w->post);
    w->workers = 2;
    open_post(w);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t last_ns = w->wall_ns;
    assert_int_equal(post_frame(w, SECOND_WORKER, 1, 10, false), 1);
    w->wall_ns += 60 * TH_NS_PER_S;
    assert_int_equal(post_frame(w, SECOND_WORKER + 8, 1, 10, false), 1);
    assert_int_equal(post_frame(w, RUN + 8, 1, 10, false), 1);
    th_post_counts(w->post, &c);
    int64_t behind_ns = TH_SENSOR_BEHIND_MS * TH_NS_PER_MS;
    assert_int_equal(c.gaps, 2);
    assert_int_equal(c.unwatched_ns, w->wall_ns - last_ns + behind_ns);
    int64_t again_ns = w->wall_ns;
    w->wall_ns += 30 * TH_NS_PER_S;
    assert_int_equal(post_frame(w, RUN + 16, 1, 10, false), 1);
    uint64_t before_ns = c.unwatched_ns;
    th_post_counts(w->post, &c);
    assert_int_equal(c.unwatched_ns - before_ns, w->wall_ns - again_ns);
}

/* What routers tell comes late: the sensor is complete no earlier, whoever else has passed it. */
static void a_collector_is_waited_for(void **state)
{
    struct world *w = *state;
    th_post_close(w->post);
    w->collector = true;
    open_post(w);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t first_ns = w->office.now_ns;
    assert_true(sent(w, 0, 1).complete_until_ns == TH_TIME_UNSET);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_COLLECTOR, 1, 10, false), 1);
    assert_true(sent(w, 1, 2).complete_until_ns == first_ns);
    w->workers = 0; /* no interface is watched any more */
    reopen(w);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_COLLECTOR, 2, 10, false), 1);
    assert_true(sent(w, 2, 3).complete_until_ns == w->office.now_ns);
}

/* So does what a log tells; its run goes on when its role was started again. */
static void a_follower_is_waited_for(void **state)
{
    struct world *w = *state;
    struct th_post_counts c;
    th_post_close(w->post);
    w->follower = true;
    open_post(w);
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    int64_t first_ns = w->office.now_ns;
    assert_true(sent(w, 0, 1).complete_until_ns == TH_TIME_UNSET);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_FOLLOWER, 7, 10, false), 1);
    assert_true(sent(w, 1, 2).complete_until_ns == first_ns);
    reopen(w);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_FOLLOWER, 7, 10, false), 0);
    assert_int_equal(post_frame(w, RUN + TH_SENSOR_FOLLOWER, 8, 10, false), 1);
    th_post_counts(w->post, &c);
    assert_int_equal(c.known, 1);
    assert_int_equal(c.gaps, 0);
}

static void what_capture_lost_is_told(void **state)
{
    struct world *w = *state;
    struct th_buf body TH_AUTOBUF = TH_BUF_INIT;
    th_buf_le32(&body, RUN);
    th_buf_le32(&body, 0);
    th_buf_le64(&body, 4000);
    th_buf_le64(&body, 5);
    th_buf_le64(&body, 9);
    assert_int_equal(th_post_lost(w->post, th_buf_view(&body), w->wall_ns), 1);
    assert_int_equal(th_post_sync(w->post), 0);
    struct th_envelope e = sent(w, 0, 1);
    assert_int_equal(gap_of(&e).events, 4000);
    assert_int_equal(th_post_lost(w->post, th_str_n(body.p, body.len - 1), w->wall_ns), 0);
    struct th_post_counts c;
    th_post_counts(w->post, &c);
    assert_int_equal(c.malformed, 1);
    assert_int_equal(c.lost_events, 4000);
}

static void bytes_that_are_no_frame_are_counted(void **state)
{
    struct world *w = *state;
    struct th_post_counts c;
    struct th_buf frame TH_AUTOBUF = frame_of(w, RUN, 1, 10);
    frame.p[frame.len - 1] ^= 1;
    assert_int_equal(th_post_frame(w->post, false, th_buf_view(&frame), w->wall_ns), 0);
    assert_int_equal(th_post_frame(w->post, false, th_str_c("TEVF"), w->wall_ns), 0);
    th_post_counts(w->post, &c);
    assert_int_equal(c.malformed, 2);
    assert_int_equal(th_spool_next(th_post_spool(w->post)), 0);
}

static void a_refused_batch_becomes_a_gap(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    assert_int_equal(post_frame(w, RUN, 2, 30, false), 1);
    th_post_refuse(w->post, 1);
    assert_int_equal(sent(w, 0, 1).kind, TH_ENVELOPE_EVENTS);
    struct th_envelope e = sent(w, 1, 2);
    assert_int_equal(gap_of(&e).events, 30);
    assert_int_equal(th_post_acknowledge(w->post, 3), -ERANGE);
}

/* The master is away for longer than the spool holds: every event is sent or counted. */
static void a_full_spool_tells_what_it_dropped(void **state)
{
    struct world *w = *state;
    uint64_t events = 0, found = 0, dropped = 0;
    for (uint32_t n = 1; n <= 120; n++) {
        assert_int_equal(post_frame(w, RUN, n, 40 + n, false), 1);
        events += 40 + n;
    }
    assert_true(th_spool_dropped_batches(th_post_spool(w->post)) > 0);
    for (uint64_t at = 0; at < 120;) {
        struct th_str data;
        struct th_envelope e;
        uint64_t next;
        assert_int_equal(th_post_get(w->post, at, &data, &next), 1);
        assert_int_equal(th_envelope_get((const uint8_t *)data.p, data.len, &e), 0);
        if (e.kind == TH_ENVELOPE_GAP)
            dropped += gap_of(&e).events;
        found += e.events;
        at = next;
    }
    assert_true(dropped > 0);
    assert_int_equal(found + dropped, events);
}

static void a_full_disk_keeps_nothing_half(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    io_record_room(w->disk, 1);
    struct th_buf frame TH_AUTOBUF = frame_of(w, RUN, 2, 500);
    assert_true(th_post_frame(w->post, false, th_buf_view(&frame), w->wall_ns) < 0);
    io_record_room(w->disk, 64u << 20);
    assert_int_equal(th_post_frame(w->post, false, th_buf_view(&frame), w->wall_ns), 1);
    assert_int_equal(th_post_sync(w->post), 0);
    assert_int_equal(sent(w, 1, 2).events, 500);
}

static void a_spool_begun_anew_tells_what_it_had(void **state)
{
    struct world *w = *state;
    assert_int_equal(post_frame(w, RUN, 1, 10, false), 1);
    assert_int_equal(post_frame(w, RUN, 2, 20, false), 1);
    assert_int_equal(th_post_acknowledge(w->post, 1), 0);
    uint64_t epoch = th_spool_epoch(th_post_spool(w->post)) + 100;
    assert_int_equal(th_post_renew(w->post, epoch, w->wall_ns), 0);
    struct th_envelope e = sent(w, 0, 1);
    assert_int_equal(e.epoch, epoch);
    assert_int_equal(gap_of(&e).events, 20);
}

static void the_key_stays_and_so_do_the_ids(void **state)
{
    struct world *w = *state;
    struct th_own first, again;
    size_t len;
    assert_int_equal(th_own_open(&w->io, &first), 0);
    assert_int_equal(first.sensor, 0);
    assert_int_equal(th_own_enrolled(&w->io, &first, 0xe5, 0xf6), 0);
    assert_int_equal(th_own_open(&w->io, &again), 0);
    assert_memory_equal(&again, &first, sizeof(again));
    assert_int_equal(again.instance, 0xf6);
    /* A damaged key is not made anew in silence: the sensor would be another one. */
    io_record_content(w->disk, "key", &len)[30] ^= 1;
    assert_int_equal(th_own_open(&w->io, &again), TH_E_CHECKSUM);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(frames_go_in_once_and_come_out_signed),
        CASE(a_restart_knows_what_is_in_the_spool),
        CASE(an_enrolment_makes_envelopes_out_anew),
        CASE(another_run_of_capture_tells_the_pause),
        CASE(a_pause_begins_where_capture_had_read_to),
        CASE(two_workers_are_one_sensor),
        CASE(pauses_at_the_same_time_are_one),
        CASE(a_collector_is_waited_for),
        CASE(a_follower_is_waited_for),
        CASE(what_capture_lost_is_told),
        CASE(bytes_that_are_no_frame_are_counted),
        CASE(a_refused_batch_becomes_a_gap),
        CASE(a_full_spool_tells_what_it_dropped),
        CASE(a_full_disk_keeps_nothing_half),
        CASE(a_spool_begun_anew_tells_what_it_had),
        CASE(the_key_stays_and_so_do_the_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
