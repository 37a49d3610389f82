/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree's SQL, run by DuckDB over segments as the store writes them: random conditions find what
 * a naive search of the same events finds; what was parsed prints as text that reads back as the
 * same tree; nothing of a query stands in the SQL.
 */
#include "unit.h"

#include <ftw.h>
#include <stdlib.h>

#include "../../../src/master/query_prepare.h"
#include "base/mem.h"
#include "naive.h"
#include "store/segment.h"
#include "store/watch.h"

#define EVENTS 2000u
/* Each goes to DuckDB, which is not instrumented: with sanitizers a part will do. */
#define QUERIES (getenv("THYMUS_SANITIZED") ? 300u : 1500u)

struct world {
    char folder[64];
    struct th_arena arena;
    struct naive_event *events;
    struct th_duck *duck;
    bool go_on;
    struct th_str files[TH_KIND_COUNT];
    struct th_buf shapes[TH_KIND_COUNT];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void write_segment(struct world *w, unsigned kind)
{
    struct th_segment_table *t = NULL;
    struct th_segment_job *job = NULL;
    char *path = th_xasprintf("%s/%s.parquet", w->folder, th_kind_get(kind)->name);
    assert_int_equal(th_segment_table_new(w->duck, kind, &t), 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        struct naive_event *e = &w->events[i];
        if (e->ev.h.kind == kind)
            assert_int_equal(th_segment_table_add(t, &e->ev.h, e->entity, e->peer), 0);
    }
    assert_int_equal(th_segment_seal(t, path, &job), 0);
    int r = 0;
    while (r == 0)
        r = th_segment_job_step(job);
    assert_int_equal(r, 1);
    th_segment_job_free(job);
    th_segment_table_free(t);
    w->files[kind] = th_str_c(path);
    th_segment_shape(kind, &w->shapes[kind]);
    th_buf_u8(&w->shapes[kind], 0);
}

static bool go_on(void *arg)
{
    return *(const bool *)arg;
}

static int set_up(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    struct rng r = {.state = 20260129};
    char *message = NULL;
    snprintf(w->folder, sizeof(w->folder), "/tmp/thymus-query-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    const char *folders[] = {w->folder};
    struct th_duck_config config = {
        .memory_bytes = UINT64_C(256) << 20, .folders = folders, .folder_count = 1};
    assert_int_equal(th_duck_open(&config, &w->duck, &message), 0);
    w->go_on = true;
    assert_int_equal(th_duck_watch(w->duck, go_on, &w->go_on), 0);
    w->events = th_xcalloc(EVENTS, sizeof(*w->events));
    for (unsigned i = 0; i < EVENTS; i++) {
        naive_event_make(&r, &w->arena, &w->events[i]);
        w->events[i].ev.h.source = rng_below(&r, 3) ? UINT64_MAX - rng_below(&r, 2) : 7;
        w->events[i].ev.h.seq = i;
    }
    TH_EACH_KIND (kind)
        write_segment(w, kind);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    th_duck_close(w->duck);
    TH_EACH_KIND (kind) {
        free((char *)(uintptr_t)w->files[kind].p);
        th_buf_done(&w->shapes[kind]);
    }
    nftw(w->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    th_arena_done(&w->arena);
    free(w->events);
    free(w);
    return 0;
}

static struct th_select_from from_of(const struct world *w, unsigned kind)
{
    return (struct th_select_from){.kind = kind,
        .from_ns = NAIVE_BEGIN_NS,
        .to_ns = NAIVE_BEGIN_NS + NAIVE_SPAN_NS,
        .files = &w->files[kind],
        .file_count = 1,
        .shape = (const char *)w->shapes[kind].p,
        .watched = true};
}

static struct th_duck_result *run(
    struct world *w, const struct th_select *sql, struct th_duck_stmt **stmt)
{
    struct th_duck_result *rows = NULL;
    int r = query_prepare(w->duck, sql, stmt);
    if (r == 0)
        r = th_duck_execute(*stmt, NULL, NULL, &rows);
    if (r < 0)
        fail_msg("%s\n%s", th_select_text(sql), th_duck_error(w->duck));
    return rows;
}

/* The seq numbers that the query finds in a kind, marked. */
static unsigned find(struct world *w, const struct th_query *q, unsigned kind, uint8_t *found)
{
    TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
    struct th_select_from from = from_of(w, kind);
    unsigned count = 0;
    size_t n;
    th_select_rows(sql, q, &from, rng_below(&(struct rng){kind}, 2) ? UINT64_MAX : 0, NULL, EVENTS);
    TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
    while (th_duck_next(rows, &n) > 0)
        for (size_t i = 0; i < n; i++, count++)
            found[th_duck_u64(rows, TH_SELECT_SEQ, i)]++;
    return count;
}

static void check_times(struct world *w, const struct th_query *q, unsigned kind, unsigned count)
{
    TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
    struct th_select_from from = from_of(w, kind);
    int64_t before_ns = INT64_MAX;
    size_t n;
    th_select_times(sql, q, &from, NULL, EVENTS);
    TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
    while (th_duck_next(rows, &n) > 0) {
        for (size_t i = 0; i < n; i++, count--) {
            assert_true(th_duck_i64(rows, 0, i) <= before_ns);
            before_ns = th_duck_i64(rows, 0, i);
        }
    }
    assert_int_equal(count, 0);
}

static unsigned histogram_sum(struct world *w, const struct th_query *q, unsigned kind)
{
    TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
    struct th_select_from from = from_of(w, kind);
    unsigned sum = 0;
    size_t n;
    th_select_histogram(sql, q, &from, from.from_ns, 10 * TH_NS_PER_S);
    TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
    while (th_duck_next(rows, &n) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_in_range(th_duck_i64(rows, 0, i), 0, 9);
            sum += (unsigned)th_duck_i64(rows, 1, i);
        }
    }
    return sum;
}

static void same_value(const struct th_query_value *a, const struct th_query_value *b)
{
    assert_true(th_str_eq(a->text, b->text));
    assert_int_equal(a->star_count, b->star_count);
    assert_memory_equal(a->star, b->star, sizeof(a->star[0]) * a->star_count);
    assert_int_equal(a->types, b->types);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->span_ns, b->span_ns);
    assert_int_equal(a->instant_ns, b->instant_ns);
    assert_memory_equal(&a->net_low, &b->net_low, 16);
    assert_memory_equal(&a->net_high, &b->net_high, 16);
}

static void same_tree(const struct th_query_node *a, const struct th_query_node *b)
{
    for (; a && b; a = a->next, b = b->next) {
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->term.name, b->term.name);
        assert_int_equal(a->term.op, b->term.op);
        assert_int_equal(a->term.kind, b->term.kind);
        assert_true(th_str_eq(a->term.field, b->term.field));
        same_value(&a->term.a, &b->term.a);
        same_value(&a->term.b, &b->term.b);
        same_tree(a->child, b->child);
    }
    assert_true(a == NULL && b == NULL);
}

static void check_round_trip(const struct th_query *q)
{
    struct th_query *again TH_AUTOQUERY = NULL;
    struct th_query_error err;
    TH_AUTOBUF struct th_buf first = TH_BUF_INIT, second = TH_BUF_INIT;
    th_query_print(q, &first);
    if (th_query_parse(th_buf_view(&first), &again, &err) != 0)
        fail_msg("%.*s: at %u: %s", (int)first.len, (char *)first.p, err.at, err.text);
    same_tree(th_query_root(q), th_query_root(again));
    th_query_print(again, &second);
    assert_true(th_str_eq(th_buf_view(&first), th_buf_view(&second)));
}

static void test_naive(void **state)
{
    struct world *w = *state;
    struct rng r = {.state = 7};
    unsigned hits = 0, nonempty = 0;
    for (unsigned n = 0; n < QUERIES; n++) {
        TH_AUTOARENA struct th_arena arena = TH_ARENA_INIT;
        TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
        struct th_query *q TH_AUTOQUERY = NULL;
        struct th_query_error err;
        uint8_t found[EVENTS] = {0};
        struct naive *want = naive_make(&r, &arena, n % 4);
        naive_text(want, &r, &text);
        if (th_query_parse(th_buf_view(&text), &q, &err) != 0)
            fail_msg("%.*s: at %u: %s", (int)text.len, (char *)text.p, err.at, err.text);
        check_round_trip(q);
        uint64_t kinds = th_query_kinds(q);
        /* Each query in a few kinds; all kinds over the whole. Of those in which it cannot be true
         * nobody asks the database: a tenth shows that this too would find nothing. */
        TH_EACH_KIND (kind) {
            if ((kind + n) % 8 != 0)
                continue;
            bool can_hold = kinds >> kind & 1;
            bool tried = can_hold || n / 8 % 10 == 0;
            unsigned count = tried ? find(w, q, kind, found) : 0;
            if (tried && n % 10 == 0)
                assert_int_equal(histogram_sum(w, q, kind), count);
            if (tried && n % 10 == 5)
                check_times(w, q, kind, count);
            hits += count;
            nonempty += count > 0;
            for (unsigned i = 0; i < EVENTS; i++) {
                if (w->events[i].ev.h.kind != kind)
                    continue;
                bool is = naive_truth(want, &w->events[i]) == TRUE_OF_IT;
                if (found[i] != is || (is && !can_hold))
                    fail_msg("query %u, event %u of %s: found %u, true %d, can hold %d\n%.*s", n, i,
                        th_kind_get(kind)->name, found[i], is, can_hold, (int)text.len,
                        (char *)text.p);
            }
        }
    }
    print_message("# %u queries: %u rows, %u answers with rows\n", QUERIES, hits, nonempty);
    assert_true(nonempty > QUERIES / 4);
}

/* Page by page, in the order that rows have. */
static void test_pages(void **state)
{
    struct world *w = *state;
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    struct th_select_place place = {0};
    struct th_select_from from = from_of(w, TH_KIND_CONN);
    unsigned pages = 0, count = 0, total = 0;
    uint8_t found[EVENTS] = {0};
    assert_int_equal(th_query_parse(th_str_c("*"), &q, &err), 0);
    for (bool more = true; more; pages++) {
        TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
        TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
        size_t n;
        th_select_rows(sql, q, &from, 0, pages ? &place : NULL, 3);
        TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
        more = false;
        while (th_duck_next(rows, &n) > 0) {
            for (size_t i = 0; i < n; i++, count++, more = true) {
                struct th_select_place next = {.time_ns = th_duck_i64(rows, TH_SELECT_TIME, i),
                    .kind = TH_KIND_CONN,
                    .source = th_duck_u64(rows, TH_SELECT_SOURCE, i),
                    .seq = th_duck_u64(rows, TH_SELECT_SEQ, i)};
                if (count)
                    assert_true(next.time_ns < place.time_ns ||
                        (next.time_ns == place.time_ns &&
                            (next.source > place.source ||
                                (next.source == place.source && next.seq > place.seq))));
                place = next;
                found[next.seq]++;
            }
        }
    }
    for (unsigned i = 0; i < EVENTS; i++) {
        bool is = w->events[i].ev.h.kind == TH_KIND_CONN;
        assert_int_equal(found[i], is);
        total += is;
    }
    assert_int_equal(count, total);
    assert_true(pages > 10);
}

/* A place in another kind: what has the same time comes before or behind as a whole. */
static void test_pages_over_kinds(void **state)
{
    struct world *w = *state;
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    int64_t time = NAIVE_BEGIN_NS + 50 * TH_NS_PER_S;
    unsigned want_earlier = 0, want_same = 0;
    assert_int_equal(th_query_parse(th_str_c("*"), &q, &err), 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct th_event *h = &w->events[i].ev.h;
        want_earlier += h->kind == TH_KIND_DNS && h->time_ns < time;
        want_same += h->kind == TH_KIND_DNS && h->time_ns == time;
    }
    for (unsigned kind = TH_KIND_CONN; kind <= TH_KIND_HTTP; kind += 2) {
        TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
        TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
        struct th_select_from from = from_of(w, TH_KIND_DNS);
        struct th_select_place after = {.time_ns = time, .kind = kind};
        size_t n = 0, count = 0;
        th_select_rows(sql, q, &from, 0, &after, EVENTS);
        TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
        while (th_duck_next(rows, &n) > 0)
            count += n;
        assert_int_equal(count, want_earlier + (kind < TH_KIND_DNS ? want_same : 0));
    }
}

/* What comes from outside is never part of the statement. */
static void test_injection(void **state)
{
    static const char *const attempts[] = {
        "\"'; DROP TABLE conn; --\"",
        "service:\"zqzq' OR '1'='1\"",
        "service:zqzq*\\\"*\\)*",
        "uid:\"zqzq\\\\' UNION SELECT * FROM read_csv('/etc/passwd') --\"",
        "history:zqzq*';*",
        "service:\"zqzq$1$2$3\"",
        "\"zqzq?%_\"",
        "zqzq*%_*\\\\x",
        "NOT service:\"zqzq\\\" OR TRUE\"",
    };
    struct world *w = *state;
    for (size_t i = 0; i < TH_ARRAY_LEN(attempts); i++) {
        TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
        TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
        struct th_query *q TH_AUTOQUERY = NULL;
        struct th_query_error err;
        struct th_select_from from = from_of(w, TH_KIND_CONN);
        assert_int_equal(th_query_parse(th_str_c(attempts[i]), &q, &err), 0);
        th_select_rows(sql, q, &from, UINT64_MAX, NULL, 10);
        assert_null(strstr(th_select_text(sql), "zqzq"));
        assert_null(strstr(th_select_text(sql), "DROP"));
        assert_null(strstr(th_select_text(sql), w->folder));
        for (const char *c = th_select_text(sql); *c; c++)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "_ ()[],.$\"<>=*'\\:/-",
                *c));
        TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = run(w, sql, &stmt);
        assert_non_null(rows);
    }
}

static void test_restriction_holds(void **state)
{
    static const char *const attempts[] = {"*", "a OR *", "NOT service:zq", "ip:8.8.8.8 OR *",
        "entity:* OR NOT entity:*", "kind:conn OR NOT kind:conn"};
    struct world *w = *state;
    struct th_subnet net;
    assert_true(th_subnet_parse(th_str_c("10.1.0.0/16"), &net));
    struct th_query_scope scope = {.nets = &net, .net_count = 1};
    for (size_t i = 0; i < TH_ARRAY_LEN(attempts); i++) {
        struct th_query *q TH_AUTOQUERY = NULL;
        struct th_query_error err;
        uint8_t found[EVENTS] = {0};
        assert_int_equal(th_query_parse(th_str_c(attempts[i]), &q, &err), 0);
        assert_int_equal(th_query_restrict(q, &scope), 0);
        assert_false(th_query_kinds(q) >> TH_KIND_METRIC & 1);
        assert_true(find(w, q, TH_KIND_CONN, found) > 0);
        for (unsigned e = 0; e < EVENTS; e++) {
            const struct th_ev_conn *c = &w->events[e].ev.conn;
            bool inside = (TH_HAS(c, CONN, id_orig_h) && th_subnet_has(&net, &c->id_orig_h)) ||
                (TH_HAS(c, CONN, id_resp_h) && th_subnet_has(&net, &c->id_resp_h));
            assert_true(!found[e] || inside);
        }
    }
}

/* A statement ends when its watch says so, and only then. */
static void test_watch(void **state)
{
    struct world *w = *state;
    TH_CLEANUP(th_select_freep) struct th_select *sql = th_select_new();
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    struct th_select_from from = from_of(w, TH_KIND_CONN);
    assert_int_equal(th_query_parse(th_str_c("zq OR zr OR zs OR service:beta"), &q, &err), 0);
    th_select_rows(sql, q, &from, 0, NULL, 10);
    assert_int_equal(query_prepare(w->duck, sql, &stmt), 0);
    assert_int_equal(th_duck_execute(stmt, NULL, NULL, NULL), 0);
    w->go_on = false;
    assert_int_equal(th_duck_execute(stmt, NULL, NULL, NULL), TH_E_DATABASE);
    w->go_on = true;
    assert_int_equal(th_duck_execute(stmt, NULL, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naive),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_pages_over_kinds),
        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_restriction_holds),
        cmocka_unit_test(test_watch),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
