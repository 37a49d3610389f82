/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "event/batch.h"
#include "event/run.h"
#include "sample_events.h"

struct seen {
    uint64_t seq[64];
    size_t count;
    int fail_at;
};

static int note(void *arg, const struct th_event *ev)
{
    struct seen *s = arg;
    if (s->fail_at && s->count == (size_t)s->fail_at)
        return -ENOSPC;
    s->seq[s->count++] = ev->seq;
    return 0;
}

static struct th_ev_dns lookup(int64_t time_ns, uint64_t seq)
{
    return (struct th_ev_dns){.h = {.kind = TH_KIND_DNS, .time_ns = time_ns, .seq = seq}};
}

static void test_sorter_orders_within_its_bounds(void **state)
{
    (void)state;
    static const int64_t times[] = {30, 10, 20, 10, 5, 40};
    static const uint64_t want[] = {1, 2, 0, 4, 3, 5}; /* runs of three */
    struct seen seen = {0};
    struct th_sink sink = {.put = note, .arg = &seen};
    struct th_sorter *s = th_sorter_new(3, 0, &sink);
    for (size_t i = 0; i < TH_ARRAY_LEN(times); i++) {
        struct th_ev_dns ev = lookup(times[i], i);
        assert_int_equal(th_sorter_full(s), i == 3);
        assert_int_equal(th_sorter_put(s, &ev.h), 0);
    }
    assert_int_equal(seen.count, 3);
    assert_int_equal(th_sorter_flush(s), 0);
    assert_int_equal(seen.count, TH_ARRAY_LEN(want));
    assert_memory_equal(seen.seq, want, sizeof(want));
    th_sorter_free(s);
}

struct order {
    struct th_event last;
    size_t count;
    uint64_t seqs; /* their sum */
    bool broken;
};

static int check_order(void *arg, const struct th_event *ev)
{
    struct order *o = arg;
    o->broken |= o->count > 0 && th_event_cmp(&o->last, ev) >= 0;
    o->last = *ev;
    o->count++;
    o->seqs += ev->seq;
    return 0;
}

/* Many of one time: kinds and numbers decide. */
static void test_sorter_orders_equal_times(void **state)
{
    (void)state;
    const uint64_t n = 1000;
    struct order o = {0};
    struct th_sink sink = {.put = check_order, .arg = &o};
    struct th_sorter *s = th_sorter_new(0, 0, &sink);
    for (uint64_t i = 0; i < n; i++) {
        struct th_ev_dns dns = lookup((int64_t)(i * 7919 % 10), i * 389 % n);
        struct th_ev_conn conn = {.h = dns.h};
        conn.h.kind = TH_KIND_CONN;
        assert_int_equal(th_sorter_put(s, i % 3 ? &dns.h : &conn.h), 0);
    }
    assert_int_equal(th_sorter_flush(s), 0);
    assert_false(o.broken);
    assert_int_equal(o.count, n);
    assert_int_equal(o.seqs, n * (n - 1) / 2);
    th_sorter_free(s);
}

static void test_sorter_passes_errors_on(void **state)
{
    (void)state;
    struct seen seen = {.fail_at = 1};
    struct th_sink sink = {.put = note, .arg = &seen};
    struct th_sorter *s = th_sorter_new(2, 0, &sink);
    struct th_ev_dns ev = lookup(1, 1);
    assert_int_equal(th_sorter_put(s, &ev.h), 0);
    assert_int_equal(th_sorter_put(s, &ev.h), 0);
    assert_int_equal(th_sorter_put(s, &ev.h), -ENOSPC);
    th_sorter_free(s);
}

static void test_nothing_is_no_run(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct th_sink sink = {.put = note, .arg = &seen};
    struct th_sorter *s = th_sorter_new(2, 0, &sink);
    assert_int_equal(th_sorter_flush(s), 0); /* the C library's qsort must not see a null array */
    assert_int_equal(seen.count, 0);
    th_sorter_free(s);
}

static void test_copies_own_their_bytes(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena made = TH_ARENA_INIT;
    TH_AUTOARENA struct th_arena copies = TH_ARENA_INIT;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        if (!th_kind_get(k))
            continue;
        const struct th_event *ev = sample_full(&made, k, 7, false);
        struct th_event *copy = th_event_copy(&copies, ev);
        assert_non_null(copy);
        th_arena_done(&made); /* under ASan, a borrowed byte would show */
        ev = sample_full(&made, k, 7, false);
        assert_true(sample_same(ev, copy));
    }
}

static int append(void *arg, struct th_str bytes)
{
    th_buf_str(arg, bytes);
    return 0;
}

struct frames {
    unsigned count, runs, inputs;
    uint64_t events;
    bool ordered;
};

/* Reads a spool back: events of a run must be in order over its frames. */
static struct frames read_spool(struct th_str spool)
{
    struct frames f = {.ordered = true};
    struct th_batch_reader *reader = th_batch_reader_new();
    struct th_batch_head head, before = {.run = UINT32_MAX};
    struct th_event last = {0};
    const uint8_t *p = (const uint8_t *)spool.p;
    for (size_t at = 0; at < spool.len;) {
        enum th_frame_type type;
        uint32_t payload;
        struct th_event *ev;
        assert_int_equal(th_frame_head(p + at, &type, &payload), 0);
        size_t len = TH_FRAME_HEAD_BYTES + payload;
        assert_int_equal(th_batch_open(reader, p + at, len, &head), 0);
        if (head.run != before.run) {
            f.runs++;
            f.inputs += before.run == UINT32_MAX || head.input != before.input;
            last.time_ns = INT64_MIN;
        }
        before = head;
        for (; th_batch_next(reader, &ev) > 0; f.events++) {
            f.ordered &= last.time_ns == INT64_MIN || th_event_cmp(&last, ev) <= 0;
            last = *ev;
        }
        f.count++;
        at += len;
    }
    th_batch_reader_free(reader);
    return f;
}

static void test_runs_are_in_order(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf spool = TH_BUF_INIT;
    struct th_byte_sink out = {.write = append, .arg = &spool};
    struct th_run_writer *w = th_run_writer_new(&out);
    const unsigned per_input = TH_RUN_MAX_EVENTS + 10;
    for (uint32_t input = 4; input < 6; input++) {
        assert_int_equal(th_run_writer_input(w, input), 0);
        for (unsigned i = 0; i < per_input; i++) { /* jitters by up to 100 */
            struct th_ev_dns ev = lookup((int64_t)i * 10 + (i * 7919u) % 1000, i);
            assert_int_equal(th_run_writer_put(w, &ev.h), 0);
        }
    }
    assert_int_equal(th_run_writer_flush(w), 0);
    assert_int_equal(th_run_writer_oversize(w), 0);
    th_run_writer_free(w);
    struct frames f = read_spool(th_buf_view(&spool));
    assert_true(f.ordered);
    assert_int_equal(f.events, 2 * per_input);
    assert_int_equal(f.runs, 8); /* four of each input: these are full by bytes */
    assert_int_equal(f.inputs, 2);
    assert_true(f.count > 2 * TH_RUN_MAX_EVENTS / TH_BATCH_MAX_EVENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorter_orders_within_its_bounds),
        cmocka_unit_test(test_sorter_orders_equal_times),
        cmocka_unit_test(test_sorter_passes_errors_on),
        cmocka_unit_test(test_nothing_is_no_run),
        cmocka_unit_test(test_copies_own_their_bytes),
        cmocka_unit_test(test_runs_are_in_order),
    };
    return cmocka_run_group_tests_name("event/run", tests, NULL, NULL);
}
