/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>

#include "bodies.h"
#include "io_record.h"

struct world {
    struct io_record *disk;
    struct th_io io;
    struct th_journal *j;
};

static const struct th_journal_config small = {.file_bytes = 4000, .epoch = 77};

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    w->disk = io_record_new();
    io_record_io(w->disk, &w->io);
    *state = w;
    return th_journal_open(&w->io, &small, &w->j);
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_journal_close(w->j);
    io_record_free(w->disk);
    free(w);
    return 0;
}

static void add(struct world *w, unsigned count)
{
    while (count--)
        assert_int_equal(add_body(w->j), 0);
}

static void reopen(struct world *w)
{
    th_journal_close(w->j);
    w->j = NULL;
    assert_int_equal(th_journal_open(&w->io, &(struct th_journal_config){.epoch = 1}, &w->j), 0);
}

static void test_new_is_empty(void **state)
{
    struct world *w = *state;
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    uint64_t a;
    uint64_t b;
    assert_int_equal(th_journal_first(w->j), 0);
    assert_int_equal(th_journal_next(w->j), 0);
    assert_int_equal(th_journal_epoch(w->j), 77);
    assert_true(th_journal_at_file_begin(w->j));
    assert_int_equal(th_journal_oldest_file(w->j, &a, &b), -ENOENT);
    assert_int_equal(th_journal_seek(r, 0), 0);
    assert_int_equal(th_journal_read(r, 0, &rec), 0);
    assert_int_equal(th_journal_seek(r, 1), -ENOENT);
    th_journal_reader_free(r);
}

static void test_what_goes_in_comes_out(void **state)
{
    struct world *w = *state;
    io_record_chunk(w->disk, 333); /* short reads and writes */
    add(w, 60);
    assert_int_equal(th_journal_synced(w->j) < 60, true);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_int_equal(th_journal_synced(w->j), 60);
    for (uint64_t from = 0; from <= 60; from++)
        assert_records(&w->io, from, 60);
    reopen(w);
    assert_int_equal(th_journal_epoch(w->j), 77);
    assert_int_equal(th_journal_next(w->j), 60);
    assert_int_equal(th_journal_synced(w->j), 60);
    add(w, 1);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_records(&w->io, 0, 61);
}

static void test_a_reader_follows_the_writer(void **state)
{
    struct world *w = *state;
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    assert_int_equal(th_journal_seek(r, 0), 0);
    for (uint64_t p = 0; p < 50; p++) {
        uint64_t synced = th_journal_synced(w->j);
        add(w, 1);
        /* Even when it stands in the file already it is not to be seen. */
        assert_int_equal(th_journal_read(r, synced, &rec), 0);
        assert_int_equal(th_journal_sync(w->j), 0);
        assert_int_equal(th_journal_read(r, th_journal_synced(w->j), &rec), 1);
        assert_record(&rec, p);
    }
    th_journal_reader_free(r);
}

/* What it read ahead of the synced end was written anew later. */
static void test_a_reader_does_not_believe_what_was_not_synced(void **state)
{
    struct world *w = *state;
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    assert_int_equal(th_journal_add(w->j, 1, 1, th_str_c("first"), NULL), 0);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_int_equal(th_journal_add(w->j, 1, 2, th_str_c("never synced"), NULL), 0);
    assert_int_equal(th_journal_seek(r, 0), 0);
    assert_int_equal(th_journal_read(r, 1, &rec), 1);
    io_record_fail(w->disk, IO_RECORD_SYNC, 0, -EIO);
    assert_int_equal(th_journal_sync(w->j), -EIO);
    assert_int_equal(th_journal_next(w->j), 1);
    assert_int_equal(th_journal_add(w->j, 1, 3, th_str_c("second"), NULL), 0);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_int_equal(th_journal_read(r, 2, &rec), 1);
    assert_view_is(rec.body, "second");
    th_journal_reader_free(r);
}

static void test_trimming(void **state)
{
    struct world *w = *state;
    uint64_t first;
    uint64_t end;
    uint64_t gone;
    add(w, 60);
    assert_int_equal(th_journal_sync(w->j), 0);
    uint64_t bytes = th_journal_bytes(w->j);
    assert_int_equal(th_journal_oldest_file(w->j, &first, &end), 0);
    assert_int_equal(first, 0);
    assert_int_equal(th_journal_file_of(w->j, end), end);
    assert_int_equal(th_journal_file_of(w->j, end - 1), 0);
    assert_int_equal(th_journal_trim(w->j, end - 1, &gone), 0);
    assert_int_equal(gone, 0);
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    assert_int_equal(th_journal_seek(r, end - 1), 0);
    assert_int_equal(th_journal_trim(w->j, end, &gone), 0);
    assert_int_equal(gone, end);
    assert_int_equal(th_journal_first(w->j), end);
    assert_true(th_journal_bytes(w->j) < bytes);
    assert_int_equal(th_journal_read(r, 60, &rec), 1); /* from the file that is gone */
    assert_int_equal(th_journal_read(r, 60, &rec), 1);
    assert_int_equal(th_journal_seek(r, end - 1), -ENOENT);
    assert_records(&w->io, end, 60);
    assert_int_equal(th_journal_trim(w->j, 60, NULL), 0); /* the last file stays */
    assert_int_equal(th_journal_first(w->j), th_journal_file_of(w->j, 59));
    assert_int_equal(th_journal_seek(r, th_journal_first(w->j)), 0);
    assert_int_equal(th_journal_oldest_file(w->j, &first, &end), -ENOENT);
    reopen(w);
    assert_int_equal(th_journal_next(w->j), 60);
    th_journal_reader_free(r);
}

/* A reader that fell behind is told so, and not that the log is damaged. */
static void test_trimmed_below_a_reader(void **state)
{
    struct world *w = *state;
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    add(w, 60);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_int_equal(th_journal_seek(r, 0), 0);
    assert_int_equal(th_journal_trim(w->j, 60, NULL), 0);
    int got;
    while ((got = th_journal_read(r, 60, &rec)) == 1)
        ;
    assert_int_equal(got, -ENOENT);
    th_journal_reader_free(r);
}

static void test_a_summary_can_lead_each_file(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 100; i++) {
        bool begins = th_journal_at_file_begin(w->j);
        uint64_t position = th_journal_next(w->j);
        add(w, 1);
        assert_int_equal(th_journal_file_of(w->j, position) == position, begins);
    }
}

static void test_limits(void **state)
{
    struct world *w = *state;
    TH_AUTOFREE uint8_t *big = th_xcalloc(1, TH_JOURNAL_MAX_RECORD + 1);
    struct th_str body = th_str_n(big, TH_JOURNAL_MAX_RECORD + 1);
    assert_int_equal(th_journal_add(w->j, 1, 0, body, NULL), TH_E_LIMIT);
    body.len--;
    assert_int_equal(th_journal_add(w->j, 1, 0, body, NULL), 0);
    add(w, 1);
    assert_int_equal(th_journal_sync(w->j), 0);
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    assert_int_equal(th_journal_seek(r, 0), 0);
    assert_int_equal(th_journal_read(r, 2, &rec), 1);
    assert_int_equal(rec.body.len, TH_JOURNAL_MAX_RECORD);
    assert_int_equal(th_journal_read(r, 2, &rec), 1);
    assert_record(&rec, 1);
    th_journal_reader_free(r);
}

static void test_a_full_disk(void **state)
{
    struct world *w = *state;
    io_record_chunk(w->disk, 100);
    io_record_room(w->disk, 10000);
    int r;
    while ((r = add_body(w->j)) == 0)
        ;
    assert_int_equal(r, -ENOSPC);
    uint64_t next = th_journal_next(w->j);
    assert_int_equal(add_body(w->j), -ENOSPC);
    assert_int_equal(th_journal_next(w->j), next);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_records(&w->io, 0, next);
    io_record_room(w->disk, 20000);
    add(w, 3);
    assert_int_equal(th_journal_sync(w->j), 0);
    reopen(w);
    assert_records(&w->io, 0, next + 3);
}

static void test_a_journal_that_cannot_cut_back_is_broken(void **state)
{
    struct world *w = *state;
    add(w, 2);
    assert_int_equal(th_journal_sync(w->j), 0);
    add(w, 1);
    io_record_fail(w->disk, IO_RECORD_SYNC, 0, -EIO);
    io_record_fail(w->disk, IO_RECORD_TRUNCATE, 0, -EROFS);
    assert_int_equal(th_journal_sync(w->j), -EIO);
    assert_int_equal(add_body(w->j), -EROFS);
    assert_int_equal(th_journal_sync(w->j), -EROFS);
    reopen(w);
    assert_true(th_journal_next(w->j) >= 2);
    assert_records(&w->io, 0, th_journal_next(w->j));
}

static void test_a_new_file_that_fails_can_be_tried_again(void **state)
{
    struct world *w = *state;
    for (int call = IO_RECORD_WRITE; call < IO_RECORD_CALLS; call++) {
        if (call == IO_RECORD_TRUNCATE || call == IO_RECORD_REMOVE)
            continue;
        while (!th_journal_at_file_begin(w->j))
            add(w, 1);
        assert_int_equal(th_journal_sync(w->j), 0);
        io_record_fail(w->disk, (enum io_record_call)call, 0, -EIO);
        assert_int_equal(add_body(w->j), -EIO);
        add(w, 2);
    }
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_records(&w->io, 0, th_journal_next(w->j));
    reopen(w);
    assert_records(&w->io, 0, th_journal_next(w->j));
}

static void damage(struct world *w, const char *name, size_t at)
{
    size_t len;
    uint8_t *p = io_record_content(w->disk, name, &len);
    assert_non_null(p);
    assert_true(at < len);
    p[at] ^= 1;
}

static void test_damage_is_found(void **state)
{
    struct world *w = *state;
    struct th_journal_reader *r = th_journal_reader_new(&w->io);
    struct th_journal_record rec;
    add(w, 60);
    assert_int_equal(th_journal_sync(w->j), 0);
    damage(w, "0000000000000000.j", 28 + 30); /* body of record 0 or head of record 1 */
    assert_int_equal(th_journal_seek(r, 0), 0);
    int got = th_journal_read(r, 60, &rec);
    while (got == 1)
        got = th_journal_read(r, 60, &rec);
    assert_true(got == TH_E_CHECKSUM || got == TH_E_MALFORMED || got == TH_E_LIMIT);
    damage(w, "0000000000000000.j", 9); /* the file's head */
    assert_int_equal(th_journal_seek(r, 0), TH_E_CHECKSUM);
    th_journal_close(w->j);
    w->j = NULL;
    assert_int_equal(th_journal_open(&w->io, &small, &w->j), TH_E_CHECKSUM);
    th_journal_reader_free(r);
}

static void test_foreign_names_are_left_alone(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"00.j", "000000000000000G.j", "0000000000000000.J",
        "0000000000000000.j.new", "0000000000000000xj", "x"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        assert_int_equal(th_io_replace(&w->io, names[i], "?", 1), 0);
    add(w, 3);
    assert_int_equal(th_journal_sync(w->j), 0);
    reopen(w);
    assert_records(&w->io, 0, 3);
}

static void test_extent(void **state)
{
    struct world *w = *state;
    struct io_record *empty = io_record_new();
    struct th_io io;
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    io_record_io(empty, &io);
    assert_int_equal(th_journal_extent(&io, &first, &next, &epoch), -ENOENT);
    io_record_free(empty);
    add(w, 60);
    assert_int_equal(th_journal_sync(w->j), 0);
    assert_int_equal(th_journal_trim(w->j, 30, NULL), 0);
    assert_int_equal(th_journal_extent(&w->io, &first, &next, &epoch), 0);
    assert_int_equal(first, th_journal_first(w->j));
    assert_int_equal(next, 60);
    assert_int_equal(epoch, 77);
}

/* The same over a real folder. */
static void test_a_real_folder(void **state)
{
    (void)state;
    char dir[] = "/tmp/thymus-journal-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    struct th_io io;
    struct th_journal *j;
    th_io_folder(&io, &fd);
    assert_int_equal(th_journal_open(&io, &small, &j), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(add_body(j), 0);
    assert_int_equal(th_journal_sync(j), 0);
    th_journal_close(j);
    assert_int_equal(th_journal_open(&io, &small, &j), 0);
    assert_records(&io, 0, 60);
    assert_int_equal(th_journal_trim(j, 60, NULL), 0);
    assert_records(&io, th_journal_first(j), 60);
    th_journal_close(j);
    close(fd);
    TH_AUTOFREE char *line = th_xasprintf("rm -rf %s", dir);
    assert_int_equal(system(line), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_new_is_empty),
        T(test_what_goes_in_comes_out),
        T(test_a_reader_follows_the_writer),
        T(test_a_reader_does_not_believe_what_was_not_synced),
        T(test_trimming),
        T(test_trimmed_below_a_reader),
        T(test_a_summary_can_lead_each_file),
        T(test_limits),
        T(test_a_full_disk),
        T(test_a_journal_that_cannot_cut_back_is_broken),
        T(test_a_new_file_that_fails_can_be_tried_again),
        T(test_damage_is_found),
        T(test_foreign_names_are_left_alone),
        T(test_extent),
        T(test_a_real_folder),
    };
    return cmocka_run_group_tests_name("journal/journal", tests, NULL, NULL);
}
