/* SPDX-License-Identifier: Apache-2.0 */
/* The memory between capture and keep: what goes in comes out, also when either side dies; what
 * cannot be is refused. */
#include "unit.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "keep/lane.h"

struct world {
    int fd, bell;
    struct th_lane_writer *capture;
    struct th_lane_reader *keep;
};

static void setup_world(struct world *w)
{
    w->fd = th_lane_make();
    w->bell = eventfd(0, EFD_NONBLOCK);
    assert_true(w->fd >= 0 && w->bell >= 0);
    assert_int_equal(th_lane_writer_new(w->fd, w->bell, &w->capture), 0);
    assert_int_equal(th_lane_reader_new(w->fd, &w->keep), 0);
}

static void teardown_world(struct world *w)
{
    th_lane_writer_free(w->capture);
    th_lane_reader_free(w->keep);
    close(w->fd);
    close(w->bell);
}

static void put(struct world *w, int64_t n, uint32_t len)
{
    static const uint8_t frame[TH_KEEP_MAX_FRAME];
    const struct th_keep_record r = {
        .time_ns = n, .len = len, .wire_len = len + 1, .linktype = 1, .frame = frame};
    th_lane_put(w->capture, &r);
}

/* Takes all that is there; its records are numbered on from *next. */
static unsigned take_all(struct world *w, int64_t *next)
{
    struct th_keep_record rec;
    struct th_str records;
    unsigned blocks = 0;
    for (; th_lane_take(w->keep, &records) == 1; blocks++) {
        struct th_cur c = th_cur_init(records.p, records.len);
        while (th_keep_record_next(&c, &rec)) {
            assert_int_equal(rec.time_ns, (*next)++);
            assert_int_equal(rec.wire_len, rec.len + 1);
        }
        assert_false(c.failed);
        th_lane_give_back(w->keep);
    }
    return blocks;
}

static void test_in_and_out(void **state)
{
    (void)state;
    struct world w = {0};
    int64_t next = 0, n = 0;
    uint64_t rung;
    setup_world(&w);
    for (unsigned round = 0; round < 5 * TH_LANE_BLOCKS; round++) {
        for (unsigned i = 0; i < 1 + round * 150; i++)
            put(&w, n++, 60 + i % 1400);
        th_lane_flush(w.capture);
        take_all(&w, &next);
        assert_int_equal(next, n);
    }
    assert_int_equal(read(w.bell, &rung, sizeof(rung)), sizeof(rung));
    th_lane_flush(w.capture); /* of nothing */
    assert_int_equal(take_all(&w, &next), 0);
    assert_true(read(w.bell, &rung, sizeof(rung)) < 0);
    struct th_lane_counts c;
    th_lane_counts(w.keep, &c);
    assert_int_equal(c.packets, n);
    assert_int_equal(c.dropped, 0);
    teardown_world(&w);
}

/* Keep is away: capture goes on, counts what finds no room, and what is there stays. */
static void test_full(void **state)
{
    (void)state;
    struct world w = {0};
    struct th_lane_counts c;
    int64_t next = 0;
    setup_world(&w);
    for (int64_t n = 0; n < 40000; n++)
        put(&w, n, 1500);
    th_lane_counts(w.keep, &c);
    assert_true(c.dropped > 10000);
    assert_int_equal(c.packets + c.dropped, 40000);
    take_all(&w, &next);
    assert_int_equal(next, c.packets);
    put(&w, next, 1500); /* there is room again */
    th_lane_flush(w.capture);
    assert_int_equal(take_all(&w, &next), 1);
    put(&w, next, TH_KEEP_MAX_FRAME + 1); /* no link has such */
    th_lane_flush(w.capture);
    assert_int_equal(take_all(&w, &next), 0);
    teardown_world(&w);
}

/* Neither free is called on the way: so it is after kill -9. */
static void test_deaths(void **state)
{
    (void)state;
    struct world w = {0};
    struct th_str records;
    int64_t next = 0, n = 0;
    setup_world(&w);
    struct th_lane_writer *dead = w.capture, *third = NULL;
    struct th_lane_reader *gone = w.keep;
    while (n < 3000)
        put(&w, n++, 1000); /* the last ones in a block that is not handed over */
    assert_int_equal(th_lane_take(w.keep, &records), 1); /* and not given back */
    assert_int_equal(th_lane_writer_new(w.fd, w.bell, &w.capture), 0);
    assert_int_equal(th_lane_reader_new(w.fd, &w.keep), 0);
    while (n < 5000)
        put(&w, n++, 1000);
    th_lane_flush(w.capture);
    take_all(&w, &next);
    assert_int_equal(next, 5000);
    assert_int_equal(th_lane_writer_new(w.fd, w.bell, &third), 0); /* finds nothing to hand over */
    assert_int_equal(take_all(&w, &next), 0);
    th_lane_writer_free(third);
    th_lane_writer_free(dead);
    th_lane_reader_free(gone);
    teardown_world(&w);
}

/* A capture that an outsider has: numbers of its own in the memory. */
static void test_lies(void **state)
{
    (void)state;
    struct world w = {0};
    struct th_str records;
    setup_world(&w);
    assert_true(ftruncate(w.fd, 4096) < 0); /* keep would die reading what is not there */
    uint64_t *handed_over = mmap(NULL, 3u << 20, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
    assert_ptr_not_equal(handed_over, MAP_FAILED);
    *handed_over = UINT64_MAX - 5;
    assert_int_equal(th_lane_take(w.keep, &records), 0);
    *handed_over += 1; /* from where it begins anew */
    assert_int_equal(th_lane_take(w.keep, &records), 1);
    assert_true(records.len <= TH_KEEP_MAX_BLOCK);
    th_lane_give_back(w.keep);
    *handed_over = 1000; /* behind what keep had */
    assert_int_equal(th_lane_take(w.keep, &records), 0);
    munmap(handed_over, 3u << 20);
    teardown_world(&w);
}

/* A length that is more than a block has. */
static void test_long_block(void **state)
{
    (void)state;
    struct world w = {0};
    struct th_str records;
    setup_world(&w);
    put(&w, 0, 60);
    th_lane_flush(w.capture);
    uint8_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    const uint32_t much = UINT32_MAX;
    memcpy(memory + 4096, &much, sizeof(much)); /* of the first block */
    assert_int_equal(th_lane_take(w.keep, &records), 1);
    assert_int_equal(records.len, TH_KEEP_MAX_BLOCK);
    munmap(memory, 8192);
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_deaths),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_long_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
