/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts: a run of adds, syncs, trims and a small file put in place, recorded, then cut before
 * each of its changes; what the disk could hold then is opened again. What was synced must be
 * there, each record once; of the rest a whole beginning or nothing.
 */
#include "unit.h"

#include "bodies.h"
#include "io_record.h"

#define STEPS 160u
#define SEEDS 4u

/* What had been promised when so many changes were made. */
struct promise {
    size_t changes;
    uint64_t synced, trimmed, version;
};

struct run {
    struct io_record *disk;
    struct th_io io;
    struct th_journal *j;
    struct promise *promises;
    size_t count;
    uint64_t version; /* of the small file that is being replaced */
    uint64_t trimmed;
};

static void promise(struct run *run)
{
    run->promises = th_xreallocarray(run->promises, run->count + 1, sizeof(*run->promises));
    run->promises[run->count++] = (struct promise){.changes = io_record_changes(run->disk),
        .synced = th_journal_synced(run->j),
        .trimmed = run->trimmed,
        .version = run->version};
}

static void step(struct run *run, uint64_t draw)
{
    switch (draw % 8) {
    case 0:
    case 1: assert_int_equal(th_journal_sync(run->j), 0); break;
    case 2:
        if (draw % 24 == 2) {
            run->trimmed = th_journal_next(run->j) / 2;
            promise(run); /* from now on it may go */
            assert_int_equal(th_journal_trim(run->j, run->trimmed, NULL), 0);
        }
        break;
    case 3: {
        uint64_t version = run->version + 1;
        assert_int_equal(th_io_replace(&run->io, "small", &version, sizeof(version)), 0);
        run->version = version;
        break;
    }
    default: assert_int_equal(add_body(run->j), 0);
    }
    promise(run);
}

static void record(struct run *run, uint64_t seed)
{
    struct th_journal_config config = {.file_bytes = 6000, .epoch = 5};
    *run = (struct run){.disk = io_record_new()};
    io_record_io(run->disk, &run->io);
    assert_int_equal(th_journal_open(&run->io, &config, &run->j), 0);
    promise(run);
    for (unsigned i = 0; i < STEPS; i++)
        step(run, th_hash_pair(seed, i));
    assert_int_equal(th_journal_sync(run->j), 0);
    promise(run);
}

static void judge_small_file(const struct th_io *io, uint64_t at_least, uint64_t at_most)
{
    uint64_t version = 0;
    int file = io->open(io->arg, "small", TH_IO_READ);
    if (file == -ENOENT) {
        assert_int_equal(at_least, 0);
        return;
    }
    assert_true(file >= 0);
    assert_int_equal(io->size(io->arg, file), sizeof(version));
    assert_int_equal(th_io_read_all(io, file, &version, sizeof(version), 0), 0);
    assert_in_range(version, at_least, at_most);
    io->close(io->arg, file);
}

static void judge(const struct run *run, size_t at, uint64_t seed)
{
    struct th_journal_config config = {.file_bytes = 6000, .epoch = 6};
    const struct promise *kept = &run->promises[0]; /* the last one before the cut */
    const struct promise *later = kept;             /* and the first one behind it */
    bool made = kept->changes <= at;
    for (size_t i = 0; i < run->count && run->promises[i].changes <= at; i++) {
        kept = &run->promises[i];
        later = &run->promises[TH_MIN(i + 1, run->count - 1)];
    }
    struct io_record *disk = io_record_cut(run->disk, at, seed);
    struct th_io io;
    struct th_journal *j;
    io_record_io(disk, &io);
    assert_int_equal(th_journal_open(&io, &config, &j), 0);
    if (made) {
        assert_int_equal(th_journal_epoch(j), 5);
        assert_true(th_journal_next(j) >= kept->synced);
        assert_true(th_journal_first(j) <= TH_MAX(kept->trimmed, later->trimmed));
        judge_small_file(&io, kept->version, later->version);
    }
    uint64_t next = th_journal_next(j);
    assert_records(&io, th_journal_first(j), next);
    assert_int_equal(add_body(j), 0);
    assert_int_equal(add_body(j), 0);
    assert_int_equal(th_journal_sync(j), 0);
    th_journal_close(j);
    /* A second cut, right after, takes nothing of it. */
    struct io_record *again = io_record_cut(disk, io_record_changes(disk), 0);
    io_record_io(again, &io);
    assert_int_equal(th_journal_open(&io, &config, &j), 0);
    assert_int_equal(th_journal_next(j), next + 2);
    assert_records(&io, th_journal_first(j), next + 2);
    th_journal_close(j);
    io_record_free(again);
    io_record_free(disk);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct run run;
        record(&run, seed);
        for (size_t at = 0; at <= io_record_changes(run.disk); at++)
            for (uint64_t of = 0; of < SEEDS; of++)
                judge(&run, at, of < 2 ? of : of + seed * 1000 + at * 10);
        th_journal_close(run.j);
        io_record_free(run.disk);
        free(run.promises);
    }
}

/* The recorder itself: a test that cannot fail tests nothing. */
static void test_the_recorder_loses_what_was_not_synced(void **state)
{
    (void)state;
    struct io_record *r = io_record_new();
    struct io_record *cut;
    struct th_io io;
    uint8_t bytes[2048];
    size_t len = 0;
    memset(bytes, 'x', sizeof(bytes));
    io_record_io(r, &io);
    int file = io.open(io.arg, "a", TH_IO_CREATE);
    assert_int_equal(th_io_write_all(&io, file, bytes, sizeof(bytes), 0), 0);
    assert_int_equal(io.sync(io.arg, file), 0);
    cut = io_record_cut(r, io_record_changes(r), 0);
    assert_null(io_record_content(cut, "a", &len)); /* the name was not synced */
    io_record_free(cut);
    assert_int_equal(io.sync_folder(io.arg), 0);
    assert_int_equal(th_io_write_all(&io, file, bytes, sizeof(bytes), sizeof(bytes)), 0);
    cut = io_record_cut(r, io_record_changes(r), 0);
    assert_non_null(io_record_content(cut, "a", &len));
    assert_int_equal(len, sizeof(bytes));
    io_record_free(cut);
    unsigned torn = 0;
    for (uint64_t seed = 2; seed < 40; seed++) {
        cut = io_record_cut(r, io_record_changes(r), seed);
        const uint8_t *p = io_record_content(cut, "a", &len);
        torn += len > 2048 && memchr(p, 0, len) != NULL;
        io_record_free(cut);
    }
    assert_in_range(torn, 10, 38);
    io_record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_recorder_loses_what_was_not_synced),
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests_name("journal/power", tests, NULL, NULL);
}
