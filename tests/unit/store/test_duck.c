/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/duck.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_duck.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", folder);
    return system(command);
}

static struct th_duck *open_duck(void)
{
    const char *const folders[] = {folder};
    struct th_duck_config config = {
        .memory_bytes = 256u << 20, .folders = folders, .folder_count = 1};
    struct th_duck *d = NULL;
    TH_AUTOFREE char *message = NULL;
    int r = th_duck_open(&config, &d, &message);
    if (r < 0)
        print_message("%s\n", message);
    assert_int_equal(r, 0);
    return d;
}

static void ok(struct th_duck *d, const char *sql)
{
    int r = th_duck_run(d, sql);
    if (r < 0)
        print_message("%s: %s\n", sql, th_duck_error(d));
    assert_int_equal(r, 0);
}

static struct th_duck_result *ask(struct th_duck *d, struct th_duck_stmt **s, const char *sql)
{
    struct th_duck_result *r = NULL;
    assert_int_equal(th_duck_prepare(d, sql, s), 0);
    assert_int_equal(th_duck_execute(*s, NULL, NULL, &r), 0);
    return r;
}

static int64_t one_number(struct th_duck *d, const char *sql)
{
    struct th_duck_stmt *s = NULL;
    struct th_duck_result *r = ask(d, &s, sql);
    size_t rows = 0;
    assert_int_equal(th_duck_next(r, &rows), 1);
    assert_int_equal(rows, 1);
    int64_t v = th_duck_i64(r, 0, 0);
    th_duck_result_free(r);
    th_duck_stmt_free(s);
    return v;
}

static void every_parameter_comes_back(void **state)
{
    (void)state;
    struct th_duck *d = open_duck();
    struct th_duck_stmt *s = NULL;
    assert_int_equal(th_duck_prepare(d,
                         "SELECT ?::BOOLEAN, ?::BIGINT AS i, ?::UBIGINT, ?::DOUBLE, ?::VARCHAR, "
                         "?::BLOB, ?::BIGINT, ?::VARCHAR",
                         &s),
        0);
    assert_int_equal(th_duck_stmt_params(s), 8);
    th_duck_bind_bool(s, 1, true);
    th_duck_bind_i64(s, 2, INT64_MIN);
    th_duck_bind_u64(s, 3, UINT64_MAX);
    th_duck_bind_double(s, 4, 0.25);
    th_duck_bind_str(s, 5, th_str_c("'; DROP TABLE x; -- \xff"));
    th_duck_bind_blob(s, 6, "\0\xff\0", 3);
    th_duck_bind_null(s, 7);
    th_duck_bind_str(s, 8, th_str_n(NULL, 0));
    struct th_duck_result *r = NULL;
    assert_int_equal(th_duck_execute(s, NULL, NULL, &r), 0);
    assert_int_equal(th_duck_columns(r), 8);
    assert_string_equal(th_duck_column_name(r, 1), "i");
    static const enum th_duck_type types[] = {TH_DUCK_BOOL, TH_DUCK_I64, TH_DUCK_U64,
        TH_DUCK_DOUBLE, TH_DUCK_TEXT, TH_DUCK_BLOB, TH_DUCK_I64, TH_DUCK_TEXT};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(th_duck_column_type(r, i), types[i]);
    size_t rows = 0;
    assert_int_equal(th_duck_next(r, &rows), 1);
    assert_int_equal(rows, 1);
    assert_int_equal(th_duck_i64(r, 0, 0), 1);
    assert_true(th_duck_i64(r, 1, 0) == INT64_MIN);
    assert_true(th_duck_u64(r, 2, 0) == UINT64_MAX);
    assert_true(th_duck_i64(r, 2, 0) == INT64_MAX); /* held within the range */
    assert_true(th_duck_double(r, 3, 0) == 0.25);
    assert_view_is(th_duck_str(r, 4, 0), "'; DROP TABLE x; -- \\xff");
    assert_int_equal(th_duck_str(r, 5, 0).len, 3);
    assert_memory_equal(th_duck_str(r, 5, 0).p, "\0\xff\0", 3);
    assert_true(th_duck_is_null(r, 6, 0));
    assert_int_equal(th_duck_i64(r, 6, 0), 0);
    assert_false(th_duck_is_null(r, 7, 0));
    assert_int_equal(th_duck_str(r, 7, 0).len, 0);
    assert_int_equal(th_duck_next(r, &rows), 0);
    th_duck_result_free(r);
    th_duck_stmt_free(s);
    th_duck_close(d);
}

static void sums_and_lists_are_read(void **state)
{
    (void)state;
    struct th_duck *d = open_duck();
    struct th_duck_stmt *s = NULL;
    struct th_duck_result *r = ask(d, &s,
        "SELECT sum(v), sum(-v), [v, 7] AS l, ['a string of twenty b', NULL], DATE '2026-01-01', "
        "sum(18446744073709551615::UBIGINT), 443::USMALLINT "
        "FROM (VALUES (9223372036854775807::BIGINT)) t(v) GROUP BY v");
    size_t rows = 0;
    assert_int_equal(th_duck_next(r, &rows), 1);
    assert_int_equal(th_duck_column_type(r, 0), TH_DUCK_HUGE);
    assert_true(th_duck_i64(r, 0, 0) == INT64_MAX);
    assert_true(th_duck_i64(r, 1, 0) == -INT64_MAX);
    assert_int_equal(th_duck_column_type(r, 2), TH_DUCK_LIST);
    assert_int_equal(th_duck_item_type(r, 2), TH_DUCK_I64);
    assert_int_equal(th_duck_list_len(r, 2, 0), 2);
    assert_int_equal(th_duck_item_i64(r, 2, 0, 1), 7);
    assert_int_equal(th_duck_item_type(r, 3), TH_DUCK_TEXT);
    assert_view_is(th_duck_item_str(r, 3, 0, 0), "a string of twenty b");
    assert_int_equal(th_duck_column_type(r, 4), TH_DUCK_OTHER);
    assert_true(th_duck_i64(r, 5, 0) == INT64_MAX);
    assert_true(th_duck_double(r, 5, 0) == 18446744073709551616.0);
    assert_int_equal(th_duck_column_type(r, 6), TH_DUCK_U16);
    assert_int_equal(th_duck_i64(r, 6, 0), 443);
    th_duck_result_free(r);
    th_duck_stmt_free(s);
    th_duck_close(d);
}

/* A number that is asked of rows of our own. */
static int64_t ask_rows(struct th_duck *d, const struct th_duck_rows *a, uint64_t first,
    const char *select, const char *where)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    th_buf_printf(&sql, "%s FROM ", select);
    th_duck_rows_sql(a, first, &sql);
    th_buf_printf(&sql, " %s", where);
    th_buf_u8(&sql, 0);
    return one_number(d, (const char *)sql.p);
}

static void rows_of_every_type_go_in(void **state)
{
    (void)state;
    static const struct th_duck_column columns[] = {{"b", TH_DUCK_BOOL, 0},
        {"port", TH_DUCK_U16, 0}, {"i", TH_DUCK_I64, 0}, {"u", TH_DUCK_U64, 0},
        {"f", TH_DUCK_DOUBLE, 0}, {"text", TH_DUCK_TEXT, 0}, {"blob", TH_DUCK_BLOB, 0},
        {"spans", TH_DUCK_LIST, TH_DUCK_I64}, {"names", TH_DUCK_LIST, TH_DUCK_TEXT}};
    enum { ROWS = 10000, LAST = 9 };
    struct th_duck *d = open_duck();
    struct th_duck_rows *a = NULL;
    assert_int_equal(th_duck_rows_new(d, columns, LAST, &a), 0);
    for (int64_t i = 0; i < ROWS; i++) {
        char text[40];
        int len = snprintf(text, sizeof(text), "%0*ld", i % 2 ? 30 : 5, (long)i);
        th_duck_put_i64(a, 2, i);
        if (i % 3 != 0) {
            th_duck_put_bool(a, 0, i % 2);
            th_duck_put_u16(a, 1, (uint16_t)i);
            th_duck_put_u64(a, 3, UINT64_MAX - (uint64_t)i);
            th_duck_put_double(a, 4, (double)i / 4);
            th_duck_put_str(a, 5, th_str_n(text, (size_t)len));
            th_duck_put_str(a, 6, th_str_n(text, 3));
            assert_int_equal(th_duck_put_list(a, 7, (size_t)(i % 5)), 0);
            for (size_t k = 0; k < (size_t)(i % 5); k++)
                th_duck_put_item_i64(a, 7, k, i + (int64_t)k);
            assert_int_equal(th_duck_put_list(a, 8, 1), 0);
            th_duck_put_item_str(a, 8, 0, th_str_n(text, (size_t)len));
        }
        assert_int_equal(th_duck_row_done(a), 0);
    }
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)", ""), ROWS);
    assert_int_equal(ask_rows(d, a, 0, "SELECT sum(i)", ""), (int64_t)ROWS * (ROWS - 1) / 2);
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)",
                         "WHERE i % 3 = 0 AND b IS NULL AND port IS NULL AND u IS NULL AND f IS "
                         "NULL AND text IS NULL AND blob IS NULL AND spans IS NULL AND names IS "
                         "NULL"),
        (ROWS + 2) / 3);
    static const char as_they_were[] =
        "WHERE i % 3 <> 0 AND b = (i % 2 = 1) AND port = i AND u = 18446744073709551615 - i AND f "
        "* 4 = i AND text::BIGINT = i AND len(text) = CASE i % 2 WHEN 1 THEN 30 ELSE 5 END AND "
        "blob = text[1:3]::BLOB AND spans = range(i, i + i % 5) AND names = [text]";
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)", as_they_were), ROWS - (ROWS + 2) / 3);
    /* From any row on, also from one inside a group. */
    for (int64_t first = 0; first <= ROWS; first += 999) {
        assert_int_equal(ask_rows(d, a, (uint64_t)first, "SELECT count(*)", ""), ROWS - first);
        assert_int_equal(ask_rows(d, a, (uint64_t)first, "SELECT count(*)", as_they_were),
            ROWS - (ROWS + 2) / 3 - (first - (first + 2) / 3));
    }
    /* What came later is seen, and nothing that was read has changed. */
    th_duck_put_i64(a, 2, -1);
    assert_int_equal(th_duck_row_done(a), 0);
    assert_int_equal(ask_rows(d, a, ROWS, "SELECT sum(i)", ""), -1);
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)", as_they_were), ROWS - (ROWS + 2) / 3);
    assert_int_equal(ask_rows(d, a, ROWS + 1, "SELECT count(*)", ""), 0);
    assert_int_equal(ask_rows(d, a, UINT64_MAX, "SELECT count(*)", ""), 0);
    th_duck_rows_free(a);
    th_duck_close(d);
}

static void full_groups_have_an_end(void **state)
{
    (void)state;
    static const struct th_duck_column columns[] = {{"i", TH_DUCK_I64, 0}};
    struct th_duck *d = open_duck();
    struct th_duck_rows *a = NULL, *b = NULL;
    assert_int_equal(th_duck_rows_new(d, columns, 1, &a), 0);
    assert_int_equal(th_duck_rows_new(d, columns, 1, &b), 0);
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)", ""), 0);
    for (int64_t i = 0; i < 4096; i++) {
        th_duck_put_i64(a, 0, i);
        assert_int_equal(th_duck_row_done(a), 0);
    }
    assert_int_equal(ask_rows(d, a, 0, "SELECT count(*)", ""), 4096);
    assert_int_equal(ask_rows(d, a, 4095, "SELECT max(i)", ""), 4095);
    assert_int_equal(ask_rows(d, b, 0, "SELECT count(*)", ""), 0);
    th_duck_rows_free(a);
    /* Rows that are gone are an error, and others stay. */
    assert_int_equal(th_duck_run(d, "FROM th_rows(1::UBIGINT, 0::UBIGINT)"), TH_E_DATABASE);
    assert_non_null(strstr(th_duck_error(d), "no such rows"));
    assert_int_equal(ask_rows(d, b, 0, "SELECT count(*)", ""), 0);
    th_duck_rows_free(b);
    th_duck_close(d);
}

static void mistakes_have_words(void **state)
{
    (void)state;
    struct th_duck *d = open_duck();
    struct th_duck_stmt *s = NULL;
    assert_string_equal(th_duck_error(d), "");
    assert_int_equal(th_duck_run(d, "SELEC 1"), TH_E_DATABASE);
    assert_non_null(strstr(th_duck_error(d), "syntax error"));
    assert_int_equal(th_duck_prepare(d, "SELECT nothing FROM nowhere", &s), TH_E_DATABASE);
    assert_non_null(strstr(th_duck_error(d), "nowhere"));
    assert_int_equal(th_duck_prepare(d, "SELECT 1 / ?::BIGINT, error('why')", &s), 0);
    th_duck_bind_i64(s, 1, 1);
    assert_int_equal(th_duck_execute(s, NULL, NULL, NULL), TH_E_DATABASE);
    assert_non_null(strstr(th_duck_error(d), "why"));
    th_duck_bind_i64(s, 2, 1); /* there is no second one */
    assert_int_equal(th_duck_execute(s, NULL, NULL, NULL), TH_E_DATABASE);
    th_duck_stmt_free(s);
    th_duck_close(d);
}

static bool three_times(void *arg)
{
    return ++*(int *)arg <= 3;
}

static void work_is_cut_into_steps_and_can_be_cancelled(void **state)
{
    (void)state;
    struct th_duck *d = open_duck();
    struct th_duck_stmt *s = NULL;
    ok(d, "CREATE TABLE n AS SELECT range AS i FROM range(2000000)");
    assert_int_equal(
        th_duck_prepare(d, "SELECT sum(a.i % 7) FROM n a WHERE hash(a.i) % 3 = 1", &s), 0);
    struct th_duck_result *r = NULL;
    assert_int_equal(th_duck_start(s, &r), 0);
    int steps = 0, done;
    while ((done = th_duck_step(r)) == 0)
        steps++;
    assert_int_equal(done, 1);
    assert_int_equal(th_duck_step(r), 1); /* stays ready */
    assert_true(steps > 10);
    th_duck_result_free(r);
    int asked = 0;
    assert_int_equal(th_duck_execute(s, three_times, &asked, NULL), -ECANCELED);
    assert_int_equal(asked, 4);
    /* Left half-way, too; and the connection is as good as before. */
    assert_int_equal(th_duck_start(s, &r), 0);
    assert_int_equal(th_duck_step(r), 0);
    th_duck_result_free(r);
    th_duck_stmt_free(s);
    assert_int_equal(one_number(d, "SELECT count(*) FROM n"), 2000000);
    th_duck_close(d);
}

static void memory_has_an_end(void **state)
{
    (void)state;
    struct th_duck_config config = {.memory_bytes = 16u << 20};
    struct th_duck *d = NULL;
    assert_int_equal(th_duck_open(&config, &d, NULL), 0);
    struct th_duck_stmt *s = NULL;
    assert_int_equal(th_duck_prepare(d,
                         "SELECT list(hash(range)) FROM range(50000000) GROUP BY range % 1000", &s),
        0);
    int r = th_duck_execute(s, NULL, NULL, NULL);
    if (r != -ENOMEM)
        print_message("%s\n", th_duck_error(d));
    assert_int_equal(r, -ENOMEM);
    th_duck_stmt_free(s);
    th_duck_close(d);
}

static void only_the_given_folders_are_reached(void **state)
{
    (void)state;
    struct th_duck *d = open_duck();
    TH_AUTOFREE char *inside =
        th_xasprintf("COPY (SELECT 1 AS i) TO '%s/in.parquet' (FORMAT parquet)", folder);
    TH_AUTOFREE char *outside =
        th_xasprintf("COPY (SELECT 1 AS i) TO '%s-out.parquet' (FORMAT parquet)", folder);
    TH_AUTOFREE char *up =
        th_xasprintf("COPY (SELECT 1 AS i) TO '%s/../up.parquet' (FORMAT parquet)", folder);
    ok(d, inside);
    const char *const refused[] = {outside, up, "SELECT * FROM read_text('/etc/passwd')",
        "ATTACH '/tmp/some.db'", "INSTALL httpfs", "LOAD httpfs",
        "SET enable_external_access = true", "SET memory_limit = '10GB'",
        "SET temp_directory = '/tmp'", "SET threads = 4", "SET lock_configuration = false",
        "SET allowed_directories = ['/']", "RESET memory_limit"};
    for (size_t i = 0; i < TH_ARRAY_LEN(refused); i++) {
        int r = th_duck_run(d, refused[i]);
        if (r == 0)
            print_message("was done: %s\n", refused[i]);
        assert_int_equal(r, TH_E_DATABASE);
    }
    th_duck_close(d);
}

static void a_folder_that_would_break_the_statement_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"/tmp/a'b", "relative"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        struct th_duck_config config = {
            .memory_bytes = 64u << 20, .folders = &bad[i], .folder_count = 1};
        struct th_duck *d = NULL;
        assert_int_equal(th_duck_open(&config, &d, NULL), -EINVAL);
        assert_null(d);
    }
}

static void what_does_not_fit_goes_to_the_temporary_folder(void **state)
{
    (void)state;
    TH_AUTOFREE char *temp = th_xasprintf("%s/temp", folder);
    assert_int_equal(mkdir(temp, 0700), 0);
    struct th_duck_config config = {
        .memory_bytes = 48u << 20, .temp_folder = temp, .temp_bytes = 512u << 20};
    struct th_duck *d = NULL;
    assert_int_equal(th_duck_open(&config, &d, NULL), 0);
    assert_int_equal(one_number(d,
                         "SELECT count(*) FROM (SELECT hash(range) AS h, range AS i FROM "
                         "range(4000000) ORDER BY h LIMIT 4000000 OFFSET 1)"),
        3999999);
    th_duck_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_comes_back),
        cmocka_unit_test(sums_and_lists_are_read),
        cmocka_unit_test(rows_of_every_type_go_in),
        cmocka_unit_test(full_groups_have_an_end),
        cmocka_unit_test(mistakes_have_words),
        cmocka_unit_test(work_is_cut_into_steps_and_can_be_cancelled),
        cmocka_unit_test(memory_has_an_end),
        cmocka_unit_test(only_the_given_folders_are_reached),
        cmocka_unit_test(a_folder_that_would_break_the_statement_is_refused),
        cmocka_unit_test(what_does_not_fit_goes_to_the_temporary_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
