/* SPDX-License-Identifier: Apache-2.0 */
/* The book of turns: what was added is there after a start, also when the ring went round and where
 * the latest slot is torn; what is no book begins anew. */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "follow_book.h"

enum { RUN = 6 + 8 * 5, HEAD = 128, SLOT = 160 };

static struct th_follow_turn turn_of(uint64_t n)
{
    return (struct th_follow_turn){.log = n % 3 ? 77 : 99,
        .span = {.inode = n, .begin = n * 10, .end = n * 10 + 5, .skip_at = n & 1, .tail = ~n},
        .seq = n * 7,
        .advanced = n & 3,
        .clock_ns = (int64_t)n * 1000,
        .advanced_ns = (int64_t)n * 1000 - 1,
        .until_ns = -(int64_t)n,
        .missed_from_ns = 1,
        .missed_to_ns = 2,
        .number = (uint32_t)n,
        .saved = (uint32_t)n - 1,
        .live = n & 1,
        .flows = n & 2};
}

static void add(struct th_book *b, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        struct th_follow_turn t = turn_of(n);
        assert_int_equal(th_book_add(b, &t), 0);
    }
}

static struct th_book *open_at(int fd, uint32_t run)
{
    struct th_book *b = NULL;
    assert_int_equal(th_book_open(fd, run, &b), 0);
    return b;
}

static void check_latest(const struct th_book *b, uint64_t last, size_t count)
{
    assert_int_equal(th_book_count(b), count);
    for (size_t i = 0; i < count; i++) {
        struct th_follow_turn want = turn_of(last - count + 1 + i);
        want.serial = last - count + 1 + i;
        const struct th_follow_turn *got = th_book_turn(b, i);
        assert_int_equal(got->serial, want.serial);
        assert_int_equal(got->log, want.log);
        assert_int_equal(got->span.inode, want.span.inode);
        assert_int_equal(got->span.begin, want.span.begin);
        assert_int_equal(got->span.end, want.span.end);
        assert_int_equal(got->span.tail, want.span.tail);
        assert_int_equal(got->span.skip_at, want.span.skip_at);
        assert_int_equal(got->span.skip_after, want.span.skip_after);
        assert_int_equal(got->seq, want.seq);
        assert_int_equal(got->advanced, want.advanced);
        assert_int_equal(got->clock_ns, want.clock_ns);
        assert_int_equal(got->advanced_ns, want.advanced_ns);
        assert_int_equal(got->until_ns, want.until_ns);
        assert_int_equal(got->missed_from_ns, want.missed_from_ns);
        assert_int_equal(got->missed_to_ns, want.missed_to_ns);
        assert_int_equal(got->number, want.number);
        assert_int_equal(got->saved, want.saved);
        assert_int_equal(got->live, want.live);
        assert_int_equal(got->flows, want.flows);
    }
}

static void it_is_there_after_a_start(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        0, 1, 2, 600, TH_BOOK_TURNS - 1, TH_BOOK_TURNS, TH_BOOK_TURNS + 1, 3 * TH_BOOK_TURNS + 17};
    for (size_t i = 0; i < TH_ARRAY_LEN(lengths); i++) {
        TH_AUTOCLOSE int fd = memfd_create("book", MFD_CLOEXEC);
        struct th_book *b = open_at(fd, RUN);
        add(b, 1, lengths[i]);
        size_t count = (size_t)TH_MIN(lengths[i], (uint64_t)TH_BOOK_TURNS);
        check_latest(b, lengths[i], count);
        th_book_free(b);
        b = open_at(fd, RUN + 8);
        assert_int_equal(th_book_run(b), RUN);
        check_latest(b, lengths[i], count);
        add(b, lengths[i] + 1, lengths[i] + 3);
        check_latest(b, lengths[i] + 3, TH_MIN(count + 3, (size_t)TH_BOOK_TURNS));
        th_book_free(b);
    }
}

static void the_latest_of_a_log(void **state)
{
    (void)state;
    TH_AUTOCLOSE int fd = memfd_create("book", MFD_CLOEXEC);
    struct th_book *b TH_CLEANUP(th_book_freep) = open_at(fd, RUN);
    assert_null(th_book_last(b, 99));
    add(b, 1, 20);
    assert_int_equal(th_book_last(b, 99)->serial, 18);
    assert_int_equal(th_book_last(b, 77)->serial, 20);
    assert_null(th_book_last(b, 5));
}

static void a_torn_slot_is_none(void **state)
{
    (void)state;
    for (uint64_t hit = 1; hit <= 10; hit++) {
        TH_AUTOCLOSE int fd = memfd_create("book", MFD_CLOEXEC);
        struct th_book *b = open_at(fd, RUN);
        uint8_t byte = 0xa5;
        add(b, 1, 10);
        th_book_free(b);
        assert_int_equal(pwrite(fd, &byte, 1, HEAD + (off_t)hit * SLOT + 70), 1);
        b = open_at(fd, RUN);
        if (hit == 10)
            check_latest(b, 9, 9);
        else /* what is before the hole is of no use */
            check_latest(b, 10, (size_t)(10 - hit));
        th_book_free(b);
    }
}

static void what_is_no_book_begins_anew(void **state)
{
    (void)state;
    TH_AUTOCLOSE int fd = memfd_create("book", MFD_CLOEXEC);
    uint8_t noise[4096];
    memset(noise, 'x', sizeof(noise));
    assert_int_equal(pwrite(fd, noise, sizeof(noise), 0), sizeof(noise));
    struct th_book *b TH_CLEANUP(th_book_freep) = open_at(fd, RUN + 16);
    assert_int_equal(th_book_run(b), RUN + 16);
    assert_int_equal(th_book_count(b), 0);
    add(b, 1, 1);
    check_latest(b, 1, 1);
}

static void a_disk_that_fails_adds_nothing(void **state)
{
    (void)state;
    TH_AUTOCLOSE int fd = memfd_create("book", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct th_book *b TH_CLEANUP(th_book_freep) = open_at(fd, RUN);
    struct th_follow_turn t = turn_of(2);
    add(b, 1, 1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE), 0);
    assert_true(th_book_add(b, &t) < 0);
    check_latest(b, 1, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_there_after_a_start),
        cmocka_unit_test(the_latest_of_a_log),
        cmocka_unit_test(a_torn_slot_is_none),
        cmocka_unit_test(what_is_no_book_begins_anew),
        cmocka_unit_test(a_disk_that_fails_adds_nothing),
    };
    return cmocka_run_group_tests_name("vsensor/follow_book", tests, NULL, NULL);
}
