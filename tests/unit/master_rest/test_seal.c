/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/time.h"
#include "seal.h"

#define DAY TH_NS_PER_DAY
#define HOUR TH_NS_PER_HOUR

/* ---- what to merge ---- */

static struct th_catalogue_file file(unsigned n, unsigned kind, int64_t day, uint64_t rows)
{
    struct th_catalogue_file f = {.kind = kind,
        .day_ns = day * DAY,
        .first_ns = day * DAY + 1,
        .last_ns = day * DAY + 2,
        .rows = rows,
        .bytes = rows};
    snprintf(f.name, sizeof(f.name), "%03u", n);
    return f;
}

static void assert_chosen(
    const struct th_catalogue_file *files, size_t count, int64_t now_ns, const char *want)
{
    struct th_catalogue_file *chosen = NULL;
    char got[512] = "";
    size_t n = th_seal_merge_choose(files, count, now_ns, TH_SEAL_MERGED_ROWS, &chosen);
    for (size_t i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", chosen[i].name);
    assert_string_equal(got, want);
    free(chosen);
}

static void a_day_being_filled_waits_for_many(void **state)
{
    (void)state;
    struct th_catalogue_file f[9];
    for (unsigned i = 0; i < 9; i++)
        f[i] = file(i, TH_KIND_CONN, 10, 1000 + i);
    assert_chosen(f, 7, 10 * DAY + HOUR, "");
    assert_chosen(f, 8, 10 * DAY + HOUR, "000 001 002 003 004 005 006 007 ");
    /* What was merged before is not written again with the next few. */
    f[8].rows = 100000;
    assert_chosen(f, 9, 10 * DAY + HOUR, "000 001 002 003 004 005 006 007 ");
    /* Other kinds and days do not count. */
    f[0].kind = TH_KIND_DNS;
    f[1].day_ns = 9 * DAY;
    assert_chosen(f, 8, 10 * DAY + HOUR, "");
}

static void a_day_that_is_over_becomes_one(void **state)
{
    (void)state;
    struct th_catalogue_file f[] = {file(0, TH_KIND_CONN, 10, 500), file(1, TH_KIND_CONN, 10, 700),
        file(2, TH_KIND_CONN, 11, 500)};
    assert_chosen(f, 3, 11 * DAY + HOUR, "");
    assert_chosen(f, 3, 11 * DAY + 3 * HOUR, "000 001 ");
    /* A few late rows do not have a large file written anew. */
    f[1].rows = 400000;
    assert_chosen(f, 3, 11 * DAY + 3 * HOUR, "");
    f[1].rows = TH_SEAL_MERGED_ROWS; /* full */
    assert_chosen(f, 3, 11 * DAY + 3 * HOUR, "");
}

static void merged_files_have_a_limit(void **state)
{
    (void)state;
    struct th_catalogue_file f[10];
    for (unsigned i = 0; i < 10; i++)
        f[i] = file(i, TH_KIND_CONN, 10, 300000);
    assert_chosen(f, 10, 20 * DAY, "000 001 002 ");
}

static void young_metrics_stay_apart(void **state)
{
    (void)state;
    struct th_catalogue_file f[] = {
        file(0, TH_KIND_METRIC, 10, 50), file(1, TH_KIND_METRIC, 10, 50)};
    f[0].epoch_ns = f[1].epoch_ns = 10 * DAY + HOUR;
    assert_chosen(f, 2, 12 * DAY, "");
    assert_chosen(f, 2, 13 * DAY, "000 001 ");
}

/* ---- files: what is done in which order, and what is left after an error ---- */

struct watch {
    struct th_io real;
    char calls[1024];
    const char *fail; /* this call fails */
};

static int watched(struct watch *w, const char *call)
{
    snprintf(w->calls + strlen(w->calls), sizeof(w->calls) - strlen(w->calls), "%s ", call);
    return w->fail && strcmp(w->fail, call) == 0 ? -ENOSPC : 0;
}

static int w_open(void *arg, const char *name, enum th_io_open how)
{
    struct watch *w = arg;
    return w->real.open(w->real.arg, name, how);
}

static int w_close(void *arg, int fd)
{
    struct watch *w = arg;
    return w->real.close(w->real.arg, fd);
}

static int64_t w_size(void *arg, int fd)
{
    struct watch *w = arg;
    return w->real.size(w->real.arg, fd);
}

static int w_sync(void *arg, int fd)
{
    struct watch *w = arg;
    int r = watched(w, "sync");
    return r < 0 ? r : w->real.sync(w->real.arg, fd);
}

static int w_sync_folder(void *arg)
{
    struct watch *w = arg;
    int r = watched(w, "folder");
    return r < 0 ? r : w->real.sync_folder(w->real.arg);
}

static int w_rename(void *arg, const char *from, const char *to)
{
    struct watch *w = arg;
    int r = watched(w, "rename");
    return r < 0 ? r : w->real.rename(w->real.arg, from, to);
}

static int w_remove(void *arg, const char *name)
{
    struct watch *w = arg;
    return w->real.remove(w->real.arg, name);
}

static int count_name(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
    return 0;
}

struct place {
    char path[64];
    int fd;
    struct watch watch;
    struct th_io io;
    struct th_seal_folder folder;
    struct th_seal_rows rows;
};

static int begin(void **state)
{
    struct place *p = th_xcalloc(1, sizeof(*p));
    const char *path = p->path;
    strcpy(p->path, "/tmp/test_seal.XXXXXX");
    if (!mkdtemp(p->path))
        return -1;
    p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    th_io_folder(&p->watch.real, &p->fd);
    p->io = (struct th_io){.open = w_open,
        .close = w_close,
        .size = w_size,
        .sync = w_sync,
        .sync_folder = w_sync_folder,
        .rename = w_rename,
        .remove = w_remove,
        .arg = &p->watch};
    struct th_duck_config config = {
        .memory_bytes = 128u << 20, .folders = &path, .folder_count = 1};
    if (th_duck_open(&config, &p->rows.duck, NULL) < 0)
        return -1;
    p->folder =
        (struct th_seal_folder){.duck = p->rows.duck, .io = &p->io, .path = p->path, .start = 7};
    *state = p;
    return 0;
}

static int end(void **state)
{
    struct place *p = *state;
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", p->path);
    th_seal_rows_done(&p->rows);
    th_duck_close(p->rows.duck);
    close(p->fd);
    free(p);
    return system(command);
}

static void add_rows(struct place *p, unsigned kind, unsigned count, int64_t time_ns)
{
    for (unsigned i = 0; i < count; i++) {
        union th_any_event ev = {.h = {.kind = (uint16_t)kind, .time_ns = time_ns + i, .seq = i}};
        assert_int_equal(th_seal_rows_add(&p->rows, &ev.h, th_str_c("d1"), th_str_c("")), 0);
    }
}

static unsigned files_in(struct place *p)
{
    unsigned n = 0;
    assert_int_equal(p->watch.real.list(p->watch.real.arg, count_name, &n), 0);
    return n;
}

static int finish(struct place *p, struct th_seal_unit *u)
{
    int r = 0;
    while (r == 0)
        r = th_seal_unit_step(u, &p->folder);
    return r;
}

static void files_last_before_anybody_hears_of_them(void **state)
{
    struct place *p = *state;
    struct th_seal_unit u;
    add_rows(p, TH_KIND_CONN, 10, 20 * DAY);
    add_rows(p, TH_KIND_CONN, 5, 21 * DAY);
    add_rows(p, TH_KIND_DNS, 3, 21 * DAY + HOUR);
    th_seal_unit_of_rows(&u, TH_SEAL_ROWS_UNIT, &p->rows);
    assert_int_equal(p->rows.rows, 0);
    assert_int_equal(finish(p, &u), 1);
    assert_string_equal(p->watch.calls, "sync rename sync rename sync rename folder ");
    assert_int_equal(u.change.add_count, 3);
    assert_string_equal(u.change.add[1].name, "conn-19700122-7-1.parquet");
    assert_int_equal(u.change.add[1].rows, 5);
    assert_int_equal(u.change.add[1].first_ns, 21 * DAY);
    assert_int_equal(u.change.add[1].last_ns, 21 * DAY + 4);
    assert_true(u.change.add[1].bytes > 0);
    assert_int_equal(files_in(p), 3);
    /* Merging two of them tells which go; they are still there. */
    struct th_catalogue_file *two = th_xcalloc(2, sizeof(*two));
    memcpy(two, u.change.add, 2 * sizeof(*two));
    struct th_seal_unit m;
    th_seal_unit_of_merge(&m, two, 2);
    assert_int_equal(finish(p, &m), 1);
    assert_int_equal(m.change.add_count, 1);
    assert_int_equal(m.change.add[0].rows, 15);
    assert_int_equal(m.change.retire_count, 2);
    assert_string_equal(m.change.retire[0], u.change.add[0].name);
    assert_int_equal(files_in(p), 4);
    th_seal_unit_done(&m);
    th_seal_unit_done(&u);
}

static void an_error_leaves_nothing_and_is_tried_again(void **state)
{
    struct place *p = *state;
    static const char *const calls[] = {"sync", "rename", "folder"};
    for (size_t i = 0; i < TH_ARRAY_LEN(calls); i++) {
        struct th_seal_unit u;
        add_rows(p, TH_KIND_CONN, 10, 20 * DAY);
        add_rows(p, TH_KIND_DNS, 10, 20 * DAY);
        th_seal_unit_of_rows(&u, TH_SEAL_ROWS_UNIT, &p->rows);
        p->watch.fail = calls[i];
        assert_int_equal(finish(p, &u), -ENOSPC);
        assert_int_equal(files_in(p), i * 2);
        p->watch.fail = NULL;
        th_seal_unit_again(&u);
        assert_int_equal(finish(p, &u), 1);
        assert_int_equal(u.change.add_count, 2);
        assert_int_equal(u.change.add[0].rows, 10);
        assert_int_equal(files_in(p), i * 2 + 2);
        th_seal_unit_done(&u);
    }
}

static void chunks_are_quick_and_only_new(void **state)
{
    struct place *p = *state;
    struct th_seal_unit u;
    assert_false(th_seal_unit_of_chunks(&u, &p->rows));
    add_rows(p, TH_KIND_CONN, 10, 20 * DAY);
    assert_true(th_seal_unit_of_chunks(&u, &p->rows));
    assert_int_equal(finish(p, &u), 1);
    assert_int_equal(u.change.add_count, 1);
    assert_int_equal(u.change.add[0].rows, 10);
    assert_string_equal(p->watch.calls, "rename ");
    th_seal_unit_done(&u);
    assert_false(th_seal_unit_of_chunks(&u, &p->rows));
    add_rows(p, TH_KIND_CONN, 4, 20 * DAY);
    add_rows(p, TH_KIND_DNS, 2, 20 * DAY);
    assert_true(th_seal_unit_of_chunks(&u, &p->rows));
    assert_int_equal(finish(p, &u), 1);
    assert_int_equal(u.change.add_count, 2);
    assert_int_equal(u.change.add[0].rows, 4);
    th_seal_unit_done(&u);
    /* Sealing has them all. */
    th_seal_unit_of_rows(&u, TH_SEAL_ROWS_UNIT, &p->rows);
    assert_int_equal(finish(p, &u), 1);
    assert_int_equal(u.change.add[0].rows, 14);
    th_seal_unit_done(&u);
}

/* As when the store that asked has gone: what it was not told of is no chunk. */
static void chunks_that_nobody_hears_of_are_none(void **state)
{
    struct place *p = *state;
    struct th_seal_unit u;
    unsigned before = files_in(p);
    add_rows(p, TH_KIND_CONN, 10, 20 * DAY);
    add_rows(p, TH_KIND_DNS, 2, 20 * DAY);
    assert_true(th_seal_unit_of_chunks(&u, &p->rows));
    while (u.change.add_count < 1 || !u.job) /* one is there, the other begun */
        assert_int_equal(th_seal_unit_step(&u, &p->folder), 0);
    th_seal_unit_drop(&u, &p->folder);
    th_seal_rows_unchunk(&p->rows);
    assert_int_equal(files_in(p), before);
    assert_true(th_seal_unit_of_chunks(&u, &p->rows));
    assert_int_equal(finish(p, &u), 1);
    assert_int_equal(u.change.add_count, 2);
    assert_int_equal(u.change.add[0].rows + u.change.add[1].rows, 12);
    th_seal_unit_done(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_being_filled_waits_for_many),
        cmocka_unit_test(a_day_that_is_over_becomes_one),
        cmocka_unit_test(merged_files_have_a_limit),
        cmocka_unit_test(young_metrics_stay_apart),
        cmocka_unit_test_setup_teardown(files_last_before_anybody_hears_of_them, begin, end),
        cmocka_unit_test_setup_teardown(an_error_leaves_nothing_and_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(chunks_are_quick_and_only_new, begin, end),
        cmocka_unit_test_setup_teardown(chunks_that_nobody_hears_of_are_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
