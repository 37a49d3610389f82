/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "base/time.h"
#include "event/event.h"
#include "store/catalogue.h"

#define DAY TH_NS_PER_DAY

static char folder[64], path[96];

static int begin(void **state)
{
    strcpy(folder, "/tmp/test_catalogue.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/catalogue.db", folder);
    return th_catalogue_open(path, (struct th_catalogue **)state);
}

static int end(void **state)
{
    th_catalogue_close(*state);
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", folder);
    return system(command);
}

static struct th_catalogue_file file(const char *name, unsigned kind, int64_t first, int64_t last)
{
    struct th_catalogue_file f = {.kind = kind,
        .day_ns = th_time_floor(first, DAY),
        .first_ns = first,
        .last_ns = last,
        .rows = 10,
        .bytes = 1000};
    snprintf(f.name, sizeof(f.name), "%s", name);
    return f;
}

/* Adds files, retires one name (NULL: none), at a position. */
static void commit(struct th_catalogue *c, struct th_catalogue_file *add, size_t count,
    const char *retire, uint64_t position)
{
    char names[1][TH_CATALOGUE_NAME_BYTES] = {""};
    struct th_catalogue_change change = {.position = position,
        .has_position = true,
        .add = add,
        .add_count = count,
        .retire = names};
    if (retire) {
        snprintf(names[0], sizeof(names[0]), "%s", retire);
        change.retire_count = 1;
    }
    assert_int_equal(th_catalogue_commit(c, &change, 77), 0);
}

/* The names of what is listed, in order, each with a space behind it. */
static void assert_listed(
    struct th_catalogue *c, uint64_t kinds, int64_t from, int64_t to, const char *want)
{
    struct th_catalogue_file *files = NULL;
    size_t count = 0;
    char got[512] = "";
    assert_int_equal(th_catalogue_list(c, kinds, from, to, &files, &count), 0);
    for (size_t i = 0; i < count; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", files[i].name);
    assert_string_equal(got, want);
    free(files);
}

#define ALL UINT64_MAX, INT64_MIN, INT64_MAX

static void a_commit_shows_retires_and_saves(void **state)
{
    struct th_catalogue *c = *state;
    struct th_catalogue_file add[] = {
        file("a", TH_KIND_CONN, 10, 20), file("b", TH_KIND_DNS, 5, 8)};
    assert_int_equal(th_catalogue_position(c, "seal"), 0);
    assert_listed(c, ALL, "");
    commit(c, add, 2, NULL, 7);
    assert_int_equal(th_catalogue_position(c, "seal"), 7);
    assert_listed(c, ALL, "b a ");
    assert_listed(c, UINT64_C(1) << TH_KIND_CONN, INT64_MIN, INT64_MAX, "a ");
    assert_listed(c, UINT64_MAX, 9, INT64_MAX, "a ");
    assert_listed(c, UINT64_MAX, 20, 21, "a "); /* the last event is in */
    assert_listed(c, UINT64_MAX, 21, 30, "");
    assert_listed(c, UINT64_MAX, 0, 10, "b "); /* the end is not */
    struct th_catalogue_file merged = file("c", TH_KIND_CONN, 10, 20);
    commit(c, &merged, 1, "a", 7);
    assert_listed(c, ALL, "b c ");
    struct th_catalogue_file *retired = NULL;
    size_t count = 0;
    assert_int_equal(th_catalogue_retired(c, &retired, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(retired[0].name, "a");
    free(retired);
    assert_int_equal(th_catalogue_forget(c, "a"), 0);
    assert_int_equal(th_catalogue_forget(c, "b"), 0); /* visible: it stays */
    assert_listed(c, ALL, "b c ");
}

static void the_same_again_changes_nothing(void **state)
{
    struct th_catalogue *c = *state;
    struct th_catalogue_file add = file("a", TH_KIND_CONN, 10, 20);
    struct th_catalogue_totals t;
    commit(c, &add, 1, NULL, 9);
    commit(c, &add, 1, NULL, 9);
    commit(c, NULL, 0, NULL, 3); /* a position only grows */
    th_catalogue_totals_get(c, &t);
    assert_int_equal(t.files, 1);
    assert_int_equal(t.rows, 10);
    assert_int_equal(t.oldest_ns, 10);
    assert_int_equal(th_catalogue_position(c, "seal"), 9);
}

static void it_is_there_after_a_restart(void **state)
{
    struct th_catalogue_file add = file("a", TH_KIND_CONN, 10, 20);
    commit(*state, &add, 1, NULL, 9);
    th_catalogue_close(*state);
    *state = NULL;
    assert_int_equal(th_catalogue_open(path, (struct th_catalogue **)state), 0);
    assert_listed(*state, ALL, "a ");
    assert_int_equal(th_catalogue_position(*state, "seal"), 9);
}

static void metrics_of_an_epoch_are_replaced(void **state)
{
    struct th_catalogue *c = *state;
    struct th_catalogue_file one = file("m1", TH_KIND_METRIC, 0, 1),
                             two = file("m2", TH_KIND_METRIC, 0, 1),
                             other = file("m3", TH_KIND_METRIC, 5, 6);
    one.epoch_ns = two.epoch_ns = 3600;
    other.epoch_ns = 7200;
    struct th_catalogue_change change = {.epoch_ns = 3600, .add = &one, .add_count = 1};
    assert_int_equal(th_catalogue_commit(c, &change, 1), 0);
    change = (struct th_catalogue_change){.epoch_ns = 7200, .add = &other, .add_count = 1};
    assert_int_equal(th_catalogue_commit(c, &change, 1), 0);
    change = (struct th_catalogue_change){.epoch_ns = 3600, .add = &two, .add_count = 1};
    assert_int_equal(th_catalogue_commit(c, &change, 2), 0);
    assert_listed(c, ALL, "m2 m3 ");
    /* The very same file again stays visible. */
    assert_int_equal(th_catalogue_commit(c, &change, 3), 0);
    assert_listed(c, ALL, "m2 m3 ");
}

static void old_events_expire_by_days_and_bytes(void **state)
{
    struct th_catalogue *c = *state;
    uint32_t days[TH_KIND_COUNT] = {[TH_KIND_CONN] = 2};
    struct th_catalogue_file add[] = {file("c1", TH_KIND_CONN, 1 * DAY, 1 * DAY + 5),
        file("c2", TH_KIND_CONN, 8 * DAY, 8 * DAY + 5),
        file("c3", TH_KIND_CONN, 9 * DAY, 9 * DAY + 5),
        file("d1", TH_KIND_DNS, 1 * DAY, 1 * DAY + 5), file("m1", TH_KIND_METRIC, 1, 2)};
    commit(c, add, 5, NULL, 1);
    assert_int_equal(th_catalogue_expire(c, days, TH_KIND_COUNT, 0, 10 * DAY), 1);
    assert_listed(c, ALL, "m1 d1 c2 c3 ");
    assert_int_equal(th_catalogue_bytes_since(c, 8 * DAY + 5), 3000); /* c2, c3, m1 */
    assert_int_equal(th_catalogue_bytes_since(c, 8 * DAY + 6), 2000);
    assert_int_equal(th_catalogue_bytes_since(c, 10 * DAY), 1000);
    assert_int_equal(th_catalogue_expire(c, days, TH_KIND_COUNT, 4000, 10 * DAY), 0);
    /* One byte too many costs one file: the oldest that is no metric. */
    assert_int_equal(th_catalogue_expire(c, days, TH_KIND_COUNT, 3999, 10 * DAY), 1);
    assert_listed(c, ALL, "m1 c2 c3 ");
    assert_int_equal(th_catalogue_expire(c, days, TH_KIND_COUNT, 1, 10 * DAY), 2);
    assert_listed(c, ALL, "m1 ");
}

static void assert_file(const struct th_catalogue_file *got, const struct th_catalogue_file *want)
{
    assert_string_equal(got->name, want->name);
    assert_int_equal(got->kind, want->kind);
    assert_int_equal(got->day_ns, want->day_ns);
    assert_int_equal(got->first_ns, want->first_ns);
    assert_int_equal(got->last_ns, want->last_ns);
    assert_int_equal(got->rows, want->rows);
    assert_int_equal(got->bytes, want->bytes);
    assert_int_equal(got->epoch_ns, want->epoch_ns);
    assert_int_equal(got->level, want->level);
}

static void changes_come_back_from_json(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_catalogue_file add[] = {
        file("conn-1.parquet", TH_KIND_CONN, -5, INT64_MAX), file("x", TH_KIND_METRIC, 0, 0)};
    add[1].epoch_ns = 3600;
    add[1].level = TH_LEVEL_DAY;
    char retire[2][TH_CATALOGUE_NAME_BYTES] = {"old-1.parquet", "old-2.parquet"};
    struct th_catalogue_change c = {.position = 12,
        .has_position = true,
        .epoch_ns = -3,
        .add = add,
        .add_count = 2,
        .retire = retire,
        .retire_count = 2};
    struct th_catalogue_change got;
    th_catalogue_change_put(&out, &c);
    assert_int_equal(th_catalogue_change_get(th_buf_view(&out), &got), 0);
    assert_true(got.has_position);
    assert_int_equal(got.position, 12);
    assert_int_equal(got.epoch_ns, -3);
    assert_int_equal(got.add_count, 2);
    assert_file(&got.add[0], &add[0]);
    assert_file(&got.add[1], &add[1]);
    assert_int_equal(got.retire_count, 2);
    assert_memory_equal(got.retire, retire, sizeof(retire));
    th_catalogue_change_done(&got);
}

static void what_is_no_change_is_refused(void **state)
{
    (void)state;
    static const char good[] =
        "{\"file\":\"%s\",\"kind\":\"%s\",\"day_ns\":0,\"first_ns\":1,"
        "\"last_ns\":%d,\"rows\":%s,\"bytes\":1,\"epoch_ns\":0,\"level\":%d}";
    static const struct {
        const char *name, *kind, *rows;
        int last, level, want;
    } cases[] = {{"a.parquet", "conn", "1", 1, 0, 0}, {"../a", "conn", "1", 1, 0, TH_E_MALFORMED},
        {".hidden", "conn", "1", 1, 0, TH_E_MALFORMED}, {"", "conn", "1", 1, 0, TH_E_MALFORMED},
        {"a'b", "conn", "1", 1, 0, TH_E_MALFORMED},
        {"a\\u0000b", "conn", "1", 1, 0, TH_E_MALFORMED}, {"a", "none", "1", 1, 0, TH_E_MALFORMED},
        {"a", "conn", "-1", 1, 0, TH_E_MALFORMED}, {"a", "conn", "1.5", 1, 0, TH_E_MALFORMED},
        {"a", "conn", "1", 0, 0, TH_E_MALFORMED}, {"a", "conn", "1", 1, 3, TH_E_MALFORMED}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
        struct th_catalogue_change c;
        th_buf_puts(&text, "{\"epoch_ns\":0,\"retire\":[],\"add\":[");
        th_buf_printf(&text, good, cases[i].name, cases[i].kind, cases[i].last, cases[i].rows,
            cases[i].level);
        th_buf_puts(&text, "]}");
        int r = th_catalogue_change_get(th_buf_view(&text), &c);
        assert_int_equal(r, cases[i].want);
        if (r == 0)
            th_catalogue_change_done(&c);
    }
    struct th_catalogue_change c;
    assert_int_equal(th_catalogue_change_get(th_str_c("[]"), &c), TH_E_MALFORMED);
    assert_int_equal(th_catalogue_change_get(th_str_c("{"), &c), TH_E_MALFORMED);
    assert_int_equal(
        th_catalogue_change_get(th_str_c("{\"epoch_ns\":0,\"add\":[],\"retire\":[7]}"), &c),
        TH_E_MALFORMED);
    assert_int_equal(th_catalogue_change_get(
                         th_str_c("{\"epoch_ns\":0,\"add\":[],\"retire\":[],\"position\":-1}"), &c),
        TH_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_shows_retires_and_saves, begin, end),
        cmocka_unit_test_setup_teardown(the_same_again_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(it_is_there_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(metrics_of_an_epoch_are_replaced, begin, end),
        cmocka_unit_test_setup_teardown(old_events_expire_by_days_and_bytes, begin, end),
        cmocka_unit_test(changes_come_back_from_json),
        cmocka_unit_test(what_is_no_change_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
