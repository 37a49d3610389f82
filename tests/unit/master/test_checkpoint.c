/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints and power cuts: a run of saves is recorded, then cut before each change. What can be
 * loaded then is the newest that was saved for good, or the one that was being saved.
 */
#include "unit.h"

#include "base/hash.h"
#include "checkpoint.h"
#include "io_record.h"
#include "sections.h"

#define SAVES 12u
#define SEEDS 6u

/* Some kilobytes that say which one they are. */
static void make_whole(struct th_buf *whole, uint64_t number)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, number);
    for (unsigned i = 0; i < 300; i++)
        th_buf_le64(&body, th_hash_pair(number, i));
    th_buf_clear(whole);
    th_sections_begin(whole);
    th_sections_add(whole, TH_SECTION_META, &body);
    th_sections_add(whole, TH_SECTION_ORG, &body);
}

static uint64_t number_of(const struct th_buf *whole)
{
    struct th_str body;
    uint64_t number;
    assert_int_equal(th_sections_find(whole, TH_SECTION_ORG, &body), 0);
    memcpy(&number, body.p, sizeof(number));
    return number;
}

static int count_name(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
    return 0;
}

static void test_keeps_two(void **state)
{
    (void)state;
    struct io_record *disk = io_record_new();
    struct th_io io;
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    unsigned skip = 0;
    unsigned files = 0;
    io_record_io(disk, &io);
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), -ENOENT);
    for (uint64_t i = 0; i < 5; i++) {
        make_whole(&whole, i);
        assert_int_equal(th_checkpoint_save(&io, "core", &whole), 0);
    }
    assert_int_equal(th_checkpoint_save(&io, "seal", &whole), 0);
    assert_int_equal(io.list(io.arg, count_name, &files), 0);
    assert_int_equal(files, 3);
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), 0);
    assert_int_equal(number_of(&whole), 4);
    skip = 1;
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), 0);
    assert_int_equal(number_of(&whole), 3);
    io_record_free(disk);
}

static void test_passes_over_a_damaged_one(void **state)
{
    (void)state;
    struct io_record *disk = io_record_new();
    struct th_io io;
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    size_t len;
    unsigned skip = 0;
    io_record_io(disk, &io);
    for (uint64_t i = 0; i < 2; i++) {
        make_whole(&whole, i);
        assert_int_equal(th_checkpoint_save(&io, "core", &whole), 0);
    }
    uint8_t *p = io_record_content(disk, "core-0000000000000001", &len);
    assert_non_null(p);
    p[len / 2] ^= 4;
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), 0);
    assert_int_equal(skip, 1);
    assert_int_equal(number_of(&whole), 0);
    io_record_free(disk);
}

static void test_full_disk_keeps_the_old(void **state)
{
    (void)state;
    struct io_record *disk = io_record_new();
    struct th_io io;
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    unsigned skip = 0;
    io_record_io(disk, &io);
    make_whole(&whole, 1);
    assert_int_equal(th_checkpoint_save(&io, "core", &whole), 0);
    io_record_room(disk, whole.len + whole.len / 2);
    make_whole(&whole, 2);
    assert_int_equal(th_checkpoint_save(&io, "core", &whole), -ENOSPC);
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), 0);
    assert_int_equal(number_of(&whole), 1);
    io_record_free(disk);
}

static void judge_cut(const struct io_record *disk, size_t at, uint64_t seed, uint64_t saved)
{
    struct io_record *after = io_record_cut(disk, at, seed);
    struct th_io io;
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    unsigned skip = 0;
    io_record_io(after, &io);
    int r = th_checkpoint_load(&io, "core", &skip, &whole);
    if (saved > 0 || r == 0) {
        assert_int_equal(r, 0);
        uint64_t number = number_of(&whole);
        assert_true(number == saved || number == saved + 1);
    }
    /* And the next save finds nothing in its way. */
    make_whole(&whole, 1000);
    assert_int_equal(th_checkpoint_save(&io, "core", &whole), 0);
    skip = 0;
    assert_int_equal(th_checkpoint_load(&io, "core", &skip, &whole), 0);
    assert_int_equal(number_of(&whole), 1000);
    io_record_free(after);
}

static void test_power_cuts(void **state)
{
    (void)state;
    struct io_record *disk = io_record_new();
    struct th_io io;
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    size_t saved_at[SAVES + 1] = {0};
    size_t cuts = 0;
    io_record_io(disk, &io);
    for (uint64_t i = 1; i <= SAVES; i++) {
        make_whole(&whole, i);
        assert_int_equal(th_checkpoint_save(&io, "core", &whole), 0);
        saved_at[i] = io_record_changes(disk);
    }
    for (size_t at = 0; at <= io_record_changes(disk); at++) {
        uint64_t saved = 0;
        while (saved < SAVES && saved_at[saved + 1] <= at)
            saved++;
        for (uint64_t seed = 0; seed < SEEDS; seed++, cuts++)
            judge_cut(disk, at, seed, saved);
    }
    print_message("# %zu cuts\n", cuts);
    io_record_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_two),
        cmocka_unit_test(test_passes_over_a_damaged_one),
        cmocka_unit_test(test_full_disk_keeps_the_old),
        cmocka_unit_test(test_power_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
