/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "filled.h"
#include "scratch.h"
#include "store/segment.h"

static void finish(struct th_segment_job *job)
{
    int r = 0;
    while (r == 0)
        r = th_segment_job_step(job);
    if (r < 0)
        print_message("%s\n", th_duck_error(duck));
    assert_int_equal(r, 1);
    th_segment_job_free(job);
}

/* Runs SQL in which %s stands for a file's path; returns the first number. */
static int64_t ask(const char *sql, const char *path)
{
    struct th_duck_stmt *s = NULL;
    struct th_duck_result *r = NULL;
    size_t rows = 0;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    const char *at = strstr(sql, "%s");
    th_buf_put(&text, sql, at ? (size_t)(at - sql) : strlen(sql));
    if (at)
        th_buf_printf(&text, "read_parquet('%s', file_row_number = true)%s", path, at + 2);
    th_buf_u8(&text, 0);
    int err = th_duck_prepare(duck, (const char *)text.p, &s);
    if (err == 0)
        err = th_duck_execute(s, NULL, NULL, &r);
    if (err < 0)
        print_message("%s: %s\n", (const char *)text.p, th_duck_error(duck));
    assert_int_equal(err, 0);
    assert_int_equal(th_duck_next(r, &rows), 1);
    int64_t v = th_duck_i64(r, 0, 0);
    th_duck_result_free(r);
    th_duck_stmt_free(s);
    return v;
}

static void columns_are_the_schemas(void **state)
{
    (void)state;
    const struct th_duck_column *c = NULL;
    assert_int_equal(th_segment_columns(0, &c), 0);
    assert_int_equal(th_segment_columns(TH_KIND_COUNT, &c), 0);
    TH_EACH_KIND (k) {
        const struct th_kind_info *info = th_kind_get(k);
        assert_int_equal(
            th_segment_columns(k, &c), TH_SEGMENT_FIRST_FIELD + (size_t)info->field_count);
        for (size_t i = 0; i < info->field_count; i++) {
            const char *name = c[TH_SEGMENT_FIRST_FIELD + i].name;
            assert_true(th_field_find(info, th_str_c(name)) == (int)i);
            assert_true(name[0] != '_'); /* those are ours */
        }
    }
}

static struct th_segment_table *table_of(unsigned kind, int64_t rows)
{
    struct th_segment_table *t = NULL;
    assert_int_equal(th_segment_table_new(duck, kind, &t), 0);
    for (int64_t i = 0; i < rows; i++) {
        union th_any_event ev;
        fill(&ev, kind, i);
        assert_int_equal(th_segment_table_add(t, &ev.h,
                             th_str_c(i % 2 ? "dbbbbbbbbbb" : "daaaaaaaaaa"), th_str_n("", 0)),
            0);
    }
    return t;
}

/* What fill() sets, in SQL. */
#define THREE "['one', 'a longer one than twelve', '\\xff\'\'' || chr(0)]"
#define STRING_IS "\"%s\" = " THREE "[(_seq % 3)::BIGINT + 1]"
#define STRINGS_ARE "\"%s\" = " THREE "[1:(_seq % 4)::BIGINT]"

/* Of a column %s of this type, that it holds what fill() set. */
static const char *condition(enum th_type type)
{
    switch (type) {
    case TH_TYPE_TIME:
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INT: return "\"%s\" = -_seq::BIGINT";
    case TH_TYPE_COUNT: return "\"%s\" = 18446744073709551615 - _seq";
    case TH_TYPE_PORT: return "\"%s\" = 65535";
    case TH_TYPE_DOUBLE: return "\"%s\" = 0.5";
    case TH_TYPE_BOOL: return "\"%s\"";
    case TH_TYPE_ADDR: return "hex(\"%s\") = '00000000000000000000FFFF0A000001'";
    case TH_TYPE_MAC: return "hex(\"%s\") = '010203040506'";
    case TH_TYPE_STRING: return STRING_IS;
    case TH_TYPE_STRINGS: return STRINGS_ARE;
    case TH_TYPE_INTERVALS: return "\"%s\" = [-1, 0, 9223372036854775807]";
    case TH_TYPE_ADDRS: break;
    }
    return "len(\"%s\") = 2 AND hex(\"%s\"[2]) LIKE '2001%%'";
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    TH_EACH_KIND (k) {
        const struct th_duck_column *c = NULL;
        size_t count = th_segment_columns(k, &c);
        struct th_segment_table *t = table_of(k, 12);
        struct th_segment_job *job = NULL;
        TH_AUTOFREE char *path = path_of("kind.parquet");
        struct th_segment_extent e = th_segment_table_extent(t);
        assert_int_equal(e.rows, 12);
        assert_int_equal(e.first_ns, 989);
        assert_int_equal(e.last_ns, 1000);
        assert_int_equal(th_segment_seal(t, path, &job), 0);
        finish(job);
        assert_int_equal(ask("SELECT count(*) FROM %s", path), 12);
        assert_int_equal(
            ask("SELECT count(*) FROM %s WHERE _source = 5 AND _peer IS NULL", path), 12);
        for (size_t i = TH_SEGMENT_FIRST_FIELD; i < count; i++) {
            unsigned type = th_kind_get(k)->fields[i - TH_SEGMENT_FIRST_FIELD].type;
            TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
            th_buf_puts(&sql, "SELECT count(*) FROM %s WHERE ");
            for (const char *p = condition((enum th_type)type); *p; p++) {
                if (p[0] == '%' && p[1] == 's')
                    th_buf_puts(&sql, c[i].name);
                else
                    th_buf_u8(&sql, (uint8_t)*p);
                p += p[0] == '%' && (p[1] == 's' || p[1] == '%');
            }
            th_buf_u8(&sql, 0);
            int64_t n = ask((const char *)sql.p, path);
            if (n != 12)
                print_message("%s: %s\n", th_kind_get(k)->name, (const char *)sql.p);
            assert_int_equal(n, 12);
        }
        th_segment_table_free(t);
    }
}

static void segments_merge_and_are_sorted_then(void **state)
{
    (void)state;
    TH_AUTOFREE char *one = path_of("one.parquet"), *two = path_of("two.parquet"),
                     *both = path_of("both.parquet");
    static const char unsorted[] =
        "SELECT count(*) FROM (SELECT _entity AS e, _time AS t, lag(_entity) OVER (ORDER BY n) AS "
        "pe, lag(_time) OVER (ORDER BY n) AS pt FROM (SELECT *, file_row_number AS n FROM %s)) "
        "WHERE pe > e OR (pe = e AND pt > t)";
    struct th_segment_job *job = NULL;
    struct th_segment_table *a = table_of(TH_KIND_CONN, 5000), *b = table_of(TH_KIND_CONN, 3000);
    assert_int_equal(th_segment_seal(a, one, &job), 0);
    finish(job);
    assert_int_equal(th_segment_seal(b, two, &job), 0);
    finish(job);
    assert_int_equal(
        ask("SELECT count(*) FROM (SELECT _seq, file_row_number AS n FROM %s) WHERE _seq <> n",
            one),
        0);
    const char *const from[] = {one, two};
    assert_int_equal(th_segment_merge(duck, TH_KIND_CONN, from, 2, both, &job), 0);
    finish(job);
    assert_int_equal(ask("SELECT count(*) FROM %s", both), 8000);
    assert_int_equal(ask("SELECT sum(_seq) FROM %s", both), 4999 * 2500 + 2999 * 1500);
    assert_int_equal(ask(unsorted, both), 0);
    th_segment_table_free(a);
    th_segment_table_free(b);
}

static void a_segment_of_an_older_schema_merges(void **state)
{
    (void)state;
    TH_AUTOFREE char *old = path_of("old.parquet"), *fresh = path_of("new.parquet"),
                     *both = path_of("grown.parquet");
    TH_AUTOFREE char *sql = th_xasprintf("COPY (SELECT 'dccc' AS _entity, 9::UBIGINT AS _source, "
                                         "1::UBIGINT AS _seq, 7::BIGINT AS _time, 'old' AS uid) "
                                         "TO '%s' (FORMAT parquet)",
        old);
    struct th_segment_job *job = NULL;
    struct th_segment_table *t = table_of(TH_KIND_SSH, 2);
    assert_int_equal(th_duck_run(duck, sql), 0);
    assert_int_equal(th_segment_seal(t, fresh, &job), 0);
    finish(job);
    const char *const from[] = {old, fresh};
    assert_int_equal(th_segment_merge(duck, TH_KIND_SSH, from, 2, both, &job), 0);
    finish(job);
    assert_int_equal(ask("SELECT count(*) FROM %s WHERE client IS NULL AND uid = 'old'", both), 1);
    assert_int_equal(ask("SELECT count(*) FROM %s WHERE client IS NOT NULL", both), 2);
    const char *const only[] = {old};
    assert_int_equal(th_segment_merge(duck, TH_KIND_SSH, only, 1, both, &job), 0);
    finish(job);
    assert_int_equal(ask("SELECT count(*) FROM %s WHERE id_orig_h IS NULL", both), 1);
    th_segment_table_free(t);
}

static void a_chunk_has_what_came_since(void **state)
{
    (void)state;
    TH_AUTOFREE char *path = path_of("chunk.parquet");
    struct th_segment_job *job = NULL;
    struct th_segment_table *t = table_of(TH_KIND_DNS, 5000);
    assert_int_equal(th_segment_chunk(t, 4990, path, &job), 0);
    finish(job);
    assert_int_equal(ask("SELECT count(*) FROM %s", path), 10);
    assert_int_equal(ask("SELECT min(_seq) FROM %s", path), 4990);
    /* The table goes on. */
    union th_any_event ev;
    fill(&ev, TH_KIND_DNS, 5000);
    assert_int_equal(th_segment_table_add(t, &ev.h, th_str_n("", 0), th_str_n("", 0)), 0);
    assert_int_equal(th_segment_chunk(t, 5000, path, &job), 0);
    finish(job);
    assert_int_equal(ask("SELECT count(*) FROM %s WHERE _entity IS NULL", path), 1);
    th_segment_table_free(t);
}

/* A sensor leaves it to whoever stores its records. */
static void a_community_id_is_worked_out(void **state)
{
    (void)state;
    TH_AUTOFREE char *path = path_of("community.parquet");
    struct th_segment_table *t = NULL;
    struct th_segment_job *job = NULL;
    struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN}};
    struct th_addr a;
    struct th_addr b;
    assert_true(th_addr_parse(th_str_c("128.232.110.120"), &a));
    assert_true(th_addr_parse(th_str_c("66.35.250.204"), &b));
    TH_SET(&ev, CONN, proto, th_str_c("tcp"));
    TH_SET(&ev, CONN, id_orig_h, a);
    TH_SET(&ev, CONN, id_resp_h, b);
    TH_SET(&ev, CONN, id_orig_p, 34855);
    TH_SET(&ev, CONN, id_resp_p, 80);
    TH_SET(&ev, CONN, community_id, th_str_c(""));
    assert_int_equal(th_segment_table_new(duck, TH_KIND_CONN, &t), 0);
    assert_int_equal(th_segment_table_add(t, &ev.h, th_str_c(""), th_str_c("")), 0);
    assert_int_equal(th_segment_seal(t, path, &job), 0);
    finish(job);
    const char *sql =
        "SELECT count(*) FROM %s WHERE community_id = '1:LQU9qZlK+B5F3KDmev6m5PMibrg='";
    assert_int_equal(ask(sql, path), 1);
    th_segment_table_free(t);
}

/* Rows lie outside of the database's limit: what bounds them must know what they take. */
static void what_strangers_can_make_large_is_counted(void **state)
{
    (void)state;
    static const struct th_str empty[500];
    struct th_segment_table *t = NULL;
    char odd[100];
    memset(odd, 0xff, sizeof(odd));
    struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS}};
    TH_SET(&ev, DNS, query, th_str_n(odd, sizeof(odd)));
    assert_int_equal(th_segment_table_new(duck, TH_KIND_DNS, &t), 0);
    assert_int_equal(th_segment_table_add(t, &ev.h, th_str_c(""), th_str_c("")), 0);
    assert_int_equal(th_segment_table_extent(t).text_bytes, 400); /* "\xff" each */
    ev.h.set = 0;
    TH_SET(&ev, DNS, answers, ((struct th_strs){empty, TH_ARRAY_LEN(empty)}));
    assert_int_equal(th_segment_table_add(t, &ev.h, th_str_c(""), th_str_c("")), 0);
    assert_int_equal(th_segment_table_extent(t).text_bytes, 400 + 16 * TH_ARRAY_LEN(empty));
    th_segment_table_free(t);
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct th_segment_table *t = table_of(TH_KIND_DNS, 10);
    struct th_segment_job *job = NULL;
    TH_AUTOFREE char *path = path_of("no/such/folder.parquet");
    int r = th_segment_seal(t, path, &job);
    while (r == 0)
        r = th_segment_job_step(job);
    assert_int_equal(r, TH_E_DATABASE);
    th_segment_job_free(job);
    th_segment_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_the_schemas),
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(segments_merge_and_are_sorted_then),
        cmocka_unit_test(a_segment_of_an_older_schema_merges),
        cmocka_unit_test(a_chunk_has_what_came_since),
        cmocka_unit_test(a_community_id_is_worked_out),
        cmocka_unit_test(what_strangers_can_make_large_is_counted),
        cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
