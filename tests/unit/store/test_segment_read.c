/* SPDX-License-Identifier: Apache-2.0 */
/* What was laid to rest comes back as it was; what somebody put in its place is found out. */
#include "unit.h"

#include "base/utf8.h"
#include "event/run.h"
#include "filled.h"
#include "scratch.h"
#include "store/segment_read.h"

/* ---- events that came back ---- */

struct got {
    struct th_arena arena;
    struct th_event *events[32];
    size_t count;
    int answer; /* of the sink */
};

static int keep(void *arg, const struct th_event *ev)
{
    struct got *g = arg;
    if (g->count < TH_ARRAY_LEN(g->events))
        g->events[g->count] = th_event_copy(&g->arena, ev);
    g->count++;
    return g->answer;
}

static int read_back(unsigned kind, const char *path, int64_t from_ns, int64_t to_ns,
    struct got *ret, struct th_segment_read_stats *stats)
{
    struct th_sink sink = {.put = keep, .arg = ret};
    return th_segment_read(duck, kind, path, from_ns, to_ns, &sink, stats);
}

static void got_done(struct got *g)
{
    th_arena_done(&g->arena);
    *g = (struct got){.count = 0};
}

/* ---- events as they go in ---- */

static void seal(unsigned kind, const char *path, const union th_any_event *events, size_t count)
{
    TH_CLEANUP(th_segment_table_freep) struct th_segment_table *t = NULL;
    struct th_segment_job *job = NULL;
    int r = 0;
    assert_int_equal(th_segment_table_new(duck, kind, &t), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            th_segment_table_add(t, &events[i].h, th_str_c("daaaaaaaaaa"), th_str_c("")), 0);
    assert_int_equal(th_segment_seal(t, path, &job), 0);
    while (r == 0)
        r = th_segment_job_step(job);
    assert_int_equal(r, 1);
    th_segment_job_free(job);
}

static void assert_text(struct th_str sent, struct th_str got)
{
    TH_AUTOBUF struct th_buf room = TH_BUF_INIT;
    assert_true(th_str_eq(th_utf8_clean(sent, &room), got));
}

static void assert_field(enum th_type type, const void *sent, const void *got)
{
    const struct th_strs *a = sent, *b = got;
    const struct th_spans *c = sent, *d = got;
    const struct th_addrs *e = sent, *f = got;
    switch (type) {
    case TH_TYPE_STRING:
        assert_text(*(const struct th_str *)sent, *(const struct th_str *)got);
        break;
    case TH_TYPE_STRINGS:
        assert_int_equal(a->n, b->n);
        for (uint32_t i = 0; i < a->n; i++)
            assert_text(a->v[i], b->v[i]);
        break;
    case TH_TYPE_INTERVALS:
        assert_int_equal(c->n, d->n);
        assert_memory_equal(c->v, d->v, c->n * sizeof(*c->v));
        break;
    case TH_TYPE_ADDRS:
        assert_int_equal(e->n, f->n);
        assert_memory_equal(e->v, f->v, e->n * sizeof(*e->v));
        break;
    default: assert_memory_equal(sent, got, th_type_size(type)); break;
    }
}

static void assert_same(const struct th_event *sent, const struct th_event *got)
{
    const struct th_kind_info *k = th_kind_get(sent->kind);
    assert_int_equal(got->kind, sent->kind);
    assert_int_equal(got->set, sent->set);
    assert_int_equal(got->time_ns, sent->time_ns);
    assert_int_equal(got->source, sent->source);
    assert_int_equal(got->seq, sent->seq);
    for (size_t i = 0; i < k->field_count; i++)
        if (sent->set >> i & 1)
            assert_field(k->fields[i].type, th_event_field(sent, &k->fields[i]),
                th_event_field(got, &k->fields[i]));
}

/* ---- the tests ---- */

static void every_field_of_every_kind_comes_back(void **state)
{
    (void)state;
    TH_AUTOFREE char *path = path_of("kind.parquet");
    TH_EACH_KIND (k) {
        enum { ROWS = 12 };
        union th_any_event events[ROWS];
        struct got got = {.count = 0};
        struct th_segment_read_stats stats = {0};
        for (int64_t i = 0; i < ROWS; i++)
            fill(&events[i], k, i);
        events[ROWS - 1].h.set = 0; /* one without any field */
        seal(k, path, events, ROWS);
        assert_int_equal(read_back(k, path, INT64_MIN, INT64_MAX, &got, &stats), 0);
        assert_int_equal(got.count, ROWS);
        assert_int_equal(stats.events, ROWS);
        assert_int_equal(stats.unfit + stats.too_large, 0);
        for (size_t i = 0; i < ROWS; i++) /* the later ones went in first */
            assert_same(&events[ROWS - 1 - i].h, got.events[i]);
        got_done(&got);
    }
}

static void a_span_is_what_is_asked_for(void **state)
{
    (void)state;
    TH_AUTOFREE char *path = path_of("span.parquet");
    union th_any_event events[20];
    struct got got = {.count = 0};
    struct th_segment_read_stats stats = {0};
    for (int64_t i = 0; i < 20; i++)
        fill(&events[i], TH_KIND_DNS, i); /* times 1000 down to 981 */
    seal(TH_KIND_DNS, path, events, 20);
    assert_int_equal(read_back(TH_KIND_DNS, path, 985, 990, &got, &stats), 0);
    assert_int_equal(got.count, 5);
    assert_int_equal(got.events[0]->time_ns, 985);
    assert_int_equal(got.events[4]->time_ns, 989);
    got_done(&got);
    got.answer = -EIO; /* a sink that fails ends it */
    assert_int_equal(read_back(TH_KIND_DNS, path, 985, 990, &got, &stats), -EIO);
    assert_int_equal(got.count, 1);
    got_done(&got);
}

/* Writes a segment by SQL, as anybody could. */
static char *made(const char *name, const char *columns)
{
    char *path = path_of(name);
    TH_AUTOFREE char *sql = th_xasprintf(
        "COPY (SELECT 9::UBIGINT AS _source, 1::UBIGINT AS _seq, 7::BIGINT AS _time, %s) TO '%s' "
        "(FORMAT parquet)",
        columns, path);
    assert_int_equal(th_duck_run(duck, sql), 0);
    return path;
}

static void an_older_segment_has_unset_fields(void **state)
{
    (void)state;
    TH_AUTOFREE char *path = made("old.parquet", "'old' AS uid, 'x' AS of_a_later_version");
    struct got got = {.count = 0};
    struct th_segment_read_stats stats = {0};
    assert_int_equal(read_back(TH_KIND_SSH, path, INT64_MIN, INT64_MAX, &got, &stats), 0);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.events[0]->set, UINT64_C(1) << TH_F_SSH_uid);
    assert_int_equal(got.events[0]->source, 9);
    got_done(&got);
}

static void what_no_event_has_is_found_out(void **state)
{
    (void)state;
    TH_AUTOFREE char *short_addr = made("short.parquet",
        "'abc'::BLOB AS id_orig_h, 'u' AS uid, [NULL, 'a'] AS answers, [1::BIGINT, NULL] AS TTLs");
    TH_AUTOFREE char *other_type = made("type.parquet", "'text' AS ts");
    TH_AUTOFREE char *other_items = made("items.parquet", "['x'] AS TTLs");
    TH_AUTOFREE char *garbage = path_of("garbage.parquet");
    TH_AUTOFREE char *missing = path_of("missing.parquet");
    struct got got = {.count = 0};
    struct th_segment_read_stats stats = {0};
    TH_AUTOFCLOSE FILE *f = fopen(garbage, "w");
    assert_non_null(f);
    fprintf(f, "PAR1 this is none PAR1");
    fflush(f);
    assert_int_equal(read_back(TH_KIND_DNS, short_addr, INT64_MIN, INT64_MAX, &got, &stats), 0);
    assert_int_equal(got.count, 1);
    assert_int_equal(stats.unfit, 1);
    const struct th_ev_dns *dns = (const struct th_ev_dns *)got.events[0];
    assert_false(TH_HAS(dns, DNS, id_orig_h));
    assert_true(TH_HAS(dns, DNS, uid));
    assert_int_equal(dns->answers.n, 2);
    assert_int_equal(dns->answers.v[0].len, 0);
    got_done(&got);
    const char *const bad[] = {other_type, other_items};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(
            read_back(TH_KIND_DNS, bad[i], INT64_MIN, INT64_MAX, &got, &stats), TH_E_MALFORMED);
    assert_int_equal(
        read_back(TH_KIND_DNS, garbage, INT64_MIN, INT64_MAX, &got, &stats), TH_E_DATABASE);
    assert_int_equal(
        read_back(TH_KIND_DNS, missing, INT64_MIN, INT64_MAX, &got, &stats), TH_E_DATABASE);
    assert_int_equal(got.count, 0);
    assert_int_equal(read_back(0, garbage, INT64_MIN, INT64_MAX, &got, &stats), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_kind_comes_back),
        cmocka_unit_test(a_span_is_what_is_asked_for),
        cmocka_unit_test(an_older_segment_has_unset_fields),
        cmocka_unit_test(what_no_event_has_is_found_out),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
