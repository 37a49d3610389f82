/* SPDX-License-Identifier: Apache-2.0 */
/* The spool, and what a power cut at any moment leaves of it. */
#include "unit.h"

#include "base/hash.h"
#include "io_record.h"
#include "link/spool.h"

#define MAX_BYTES 3000u
#define LIMIT_BYTES (64u << 10)

struct world {
    struct io_record *disk;
    struct th_io io;
    struct th_spool *s;
};

static const struct th_spool_config config = {.limit_bytes = LIMIT_BYTES, .epoch = 41};

static uint32_t events_of(uint64_t sequence)
{
    return (uint32_t)(th_mix64(sequence) % 100);
}

static struct th_spool_entry entry_of(uint64_t sequence, uint8_t storage[MAX_BYTES])
{
    size_t len = 500 + th_mix64(sequence + 3) % (MAX_BYTES - 500);
    for (size_t i = 0; i < len; i++)
        storage[i] = (uint8_t)(sequence * 31 + i * 7);
    return (struct th_spool_entry){.sequence = sequence,
        .events = events_of(sequence),
        .first_ns = (int64_t)sequence * 100,
        .last_ns = (int64_t)sequence * 100 + 50,
        .added_ns = (int64_t)sequence,
        .envelope = th_str_n(storage, len)};
}

static int add(struct th_spool *s)
{
    uint8_t storage[MAX_BYTES];
    struct th_spool_entry e = entry_of(th_spool_next(s), storage);
    return th_spool_add(s, &e);
}

static void add_synced(struct th_spool *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(add(s), 0);
        assert_int_equal(th_spool_sync(s), 0);
    }
}

static void assert_entry(struct th_spool *s, uint64_t sequence)
{
    uint8_t storage[MAX_BYTES];
    struct th_spool_entry want = entry_of(sequence, storage);
    struct th_spool_entry e;
    struct th_spool_gap g;
    assert_int_equal(th_spool_get(s, sequence, &e, &g), TH_SPOOL_ENTRY);
    assert_int_equal(e.sequence, sequence);
    assert_int_equal(e.events, want.events);
    assert_int_equal(e.first_ns, want.first_ns);
    assert_int_equal(e.last_ns, want.last_ns);
    assert_int_equal(e.added_ns, want.added_ns);
    assert_int_equal(e.envelope.len, want.envelope.len);
    assert_memory_equal(e.envelope.p, want.envelope.p, want.envelope.len);
}

/* Everything from `from` on is there, or in a gap whose events are counted right. */
static void assert_accounted(struct th_spool *s, uint64_t from)
{
    struct th_spool_entry e;
    struct th_spool_gap g;
    uint64_t at = from;
    if (at < th_spool_synced(s) && th_spool_get(s, at, &e, &g) == TH_SPOOL_GAP) {
        uint64_t events = 0;
        for (; at < g.sequence + g.batches; at++)
            events += events_of(at);
        assert_int_equal(g.sequence, from);
        assert_int_equal(g.events, events);
    }
    for (; at < th_spool_synced(s); at++)
        assert_entry(s, at);
    assert_int_equal(th_spool_get(s, at, &e, &g), TH_SPOOL_NOTHING);
}

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    w->disk = io_record_new();
    io_record_io(w->disk, &w->io);
    *state = w;
    return th_spool_open(&w->io, &config, &w->s);
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_spool_close(w->s);
    io_record_free(w->disk);
    free(w);
    return 0;
}

static void reopen(struct world *w)
{
    th_spool_close(w->s);
    w->s = NULL;
    assert_int_equal(th_spool_open(&w->io,
                         &(struct th_spool_config){.limit_bytes = LIMIT_BYTES, .epoch = 99}, &w->s),
        0);
}

static void test_only_what_is_synced_is_sent(void **state)
{
    struct world *w = *state;
    struct th_spool_entry e;
    struct th_spool_gap g;
    assert_int_equal(add(w->s), 0);
    assert_int_equal(th_spool_get(w->s, 0, &e, &g), TH_SPOOL_NOTHING);
    assert_int_equal(th_spool_acknowledge(w->s, 1), -ERANGE);
    assert_int_equal(th_spool_sync(w->s), 0);
    assert_entry(w->s, 0);
    add_synced(w->s, 5);
    assert_entry(w->s, 3); /* in any order */
    assert_entry(w->s, 1);
    assert_accounted(w->s, 0);
}

static void test_acknowledged_files_go(void **state)
{
    struct world *w = *state;
    add_synced(w->s, 20);
    uint64_t bytes = th_spool_bytes(w->s);
    assert_int_equal(th_spool_acknowledge(w->s, 15), 0);
    assert_true(th_spool_bytes(w->s) < bytes / 2);
    assert_int_equal(th_spool_first(w->s), 15);
    assert_int_equal(th_spool_dropped_batches(w->s), 0);
    assert_accounted(w->s, 15);
    reopen(w);
    assert_int_equal(th_spool_epoch(w->s), 41);
    assert_int_equal(th_spool_next(w->s), 20);
    assert_true(th_spool_first(w->s) <= 15); /* sent again, and known there */
    assert_int_equal(th_spool_acknowledge(w->s, 15), 0);
    assert_accounted(w->s, 15);
}

static void test_a_full_spool_drops_its_oldest(void **state)
{
    struct world *w = *state;
    struct th_spool_entry e;
    struct th_spool_gap g;
    add_synced(w->s, 200);
    assert_true(th_spool_bytes(w->s) <= LIMIT_BYTES);
    assert_int_equal(th_spool_first(w->s), 0);
    assert_int_equal(th_spool_get(w->s, 0, &e, &g), TH_SPOOL_GAP);
    assert_int_equal(g.sequence, 0);
    assert_true(g.batches > 150 && g.batches < 200);
    assert_int_equal(g.batches, th_spool_dropped_batches(w->s));
    assert_int_equal(g.events, th_spool_dropped_events(w->s));
    assert_int_equal(g.first_ns, 100); /* the very first one has no events */
    assert_int_equal(g.last_ns, (int64_t)(g.batches - 1) * 100 + 50);
    assert_accounted(w->s, 0);
    uint64_t end = g.sequence + g.batches;
    reopen(w);
    assert_int_equal(th_spool_get(w->s, 0, &e, &g), TH_SPOOL_GAP);
    assert_int_equal(g.batches, end);
    assert_accounted(w->s, 0);
    /* It grows while the gap is on its way: the rest is a gap of its own. */
    add_synced(w->s, 50);
    assert_int_equal(th_spool_acknowledge(w->s, end), 0);
    assert_accounted(w->s, end);
    assert_int_equal(th_spool_get(w->s, end, &e, &g), TH_SPOOL_GAP);
    assert_int_equal(th_spool_acknowledge(w->s, g.sequence + g.batches), 0);
    reopen(w);
    assert_accounted(w->s, g.sequence + g.batches);
}

static void test_a_full_disk_drops_too(void **state)
{
    struct world *w = *state;
    io_record_room(w->disk, 24000); /* less than the limit */
    add_synced(w->s, 60);
    assert_true(th_spool_dropped_batches(w->s) > 30);
    assert_accounted(w->s, 0);
    io_record_room(w->disk, 10);
    assert_int_equal(th_spool_sync(w->s), 0);
    while (th_spool_dropped_batches(w->s) < th_spool_next(w->s) - 1 && add(w->s) == 0)
        ;
    uint64_t next = th_spool_next(w->s);
    assert_int_equal(add(w->s), -ENOSPC);
    assert_int_equal(th_spool_next(w->s), next);
    io_record_room(w->disk, 64000);
    assert_int_equal(add(w->s), 0);
    assert_int_equal(th_spool_sync(w->s), 0);
    assert_entry(w->s, next);
}

static void test_a_folder_put_back_begins_a_new_epoch(void **state)
{
    struct world *w = *state;
    struct th_spool_gap lost;
    add_synced(w->s, 8);
    assert_int_equal(th_spool_acknowledge(w->s, 5), 0);
    assert_int_equal(th_spool_acknowledge(w->s, 900), -ERANGE);
    assert_int_equal(th_spool_renew(w->s, 42, &lost), 0);
    assert_int_equal(lost.batches, 3);
    assert_int_equal(lost.events, events_of(5) + events_of(6) + events_of(7));
    assert_int_equal(th_spool_epoch(w->s), 42);
    assert_int_equal(th_spool_next(w->s), 0);
    add_synced(w->s, 3);
    assert_accounted(w->s, 0);
    reopen(w);
    assert_int_equal(th_spool_epoch(w->s), 42);
    assert_accounted(w->s, 0);
}

/* ---- power ---- */

#define STEPS 220u

struct promise {
    size_t changes;
    uint64_t synced, acknowledged;
};

static struct promise promise_of(const struct world *w)
{
    return (struct promise){.changes = io_record_changes(w->disk),
        .synced = th_spool_synced(w->s),
        .acknowledged = th_spool_first(w->s)};
}

static void step(struct world *w, unsigned i)
{
    struct th_spool_entry e;
    struct th_spool_gap g;
    uint64_t draw = th_mix64(i + 1) % 10;
    if (draw < 6) {
        assert_int_equal(add(w->s), 0);
    } else if (draw < 9 || i < STEPS / 2) { /* the master is away for the first half */
        assert_int_equal(th_spool_sync(w->s), 0);
    } else if (th_spool_get(w->s, th_spool_first(w->s), &e, &g) == TH_SPOOL_GAP) {
        assert_int_equal(th_spool_acknowledge(w->s, g.sequence + g.batches), 0);
    } else {
        uint64_t next = TH_MIN(th_spool_first(w->s) + 3, th_spool_synced(w->s));
        assert_int_equal(th_spool_acknowledge(w->s, next), 0);
    }
}

static void judge(const struct world *w, const struct promise *p, size_t at, uint64_t seed)
{
    struct world after = {.disk = io_record_cut(w->disk, at, seed)};
    io_record_io(after.disk, &after.io);
    assert_int_equal(th_spool_open(&after.io, &config, &after.s), 0);
    assert_int_equal(th_spool_epoch(after.s), 41);
    assert_true(th_spool_synced(after.s) >= p->synced);
    /* The master says what it has: from there on all is there, or counted. */
    uint64_t from = TH_MAX(p->acknowledged, th_spool_first(after.s));
    assert_int_equal(th_spool_acknowledge(after.s, from), 0);
    assert_true(from <= TH_MAX(p[0].acknowledged, p[1].acknowledged));
    assert_accounted(after.s, from);
    add_synced(after.s, 1);
    assert_entry(after.s, th_spool_next(after.s) - 1);
    th_spool_close(after.s);
    io_record_free(after.disk);
}

static void test_every_cut(void **state)
{
    struct world *w = *state;
    struct promise *promises = th_xcalloc(STEPS + 2, sizeof(*promises));
    promises[0] = promise_of(w);
    for (unsigned i = 0; i < STEPS; i++) {
        step(w, i);
        promises[i + 1] = promise_of(w);
    }
    promises[STEPS + 1] = promises[STEPS];
    assert_true(th_spool_dropped_batches(w->s) > 10);
    unsigned at_promise = 0;
    for (size_t at = promises[0].changes; at <= io_record_changes(w->disk); at++) {
        while (at_promise < STEPS && promises[at_promise + 1].changes <= at)
            at_promise++;
        for (uint64_t seed = 0; seed < 4; seed++)
            judge(w, &promises[at_promise], at, seed < 2 ? seed : seed + at * 8);
    }
    free(promises);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_only_what_is_synced_is_sent),
        T(test_acknowledged_files_go),
        T(test_a_full_spool_drops_its_oldest),
        T(test_a_full_disk_drops_too),
        T(test_a_folder_put_back_begins_a_new_epoch),
        T(test_every_cut),
    };
    return cmocka_run_group_tests_name("link/spool", tests, NULL, NULL);
}
