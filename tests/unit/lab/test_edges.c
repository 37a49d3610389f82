/* SPDX-License-Identifier: Apache-2.0 */
/* Edge tables: reading, measures whose values are worked out by hand, and what each scorer must
 * find in a small table. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "outliers.h"
#include "scorers.h"

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static struct edges_table *read_text(const char *text, int *ret_err, uint64_t *ret_line)
{
    struct edges_table *t = NULL;
    TH_AUTOSTREAM struct th_stream *s = th_stream_fed();
    th_stream_feed(s, th_str_c(text));
    th_stream_end(s);
    *ret_line = 0;
    *ret_err = edges_table_read(s, &t, ret_line);
    return t;
}

static struct edges_table *table(const char *text)
{
    int err;
    uint64_t line;
    struct edges_table *t = read_text(text, &err, &line);
    assert_int_equal(err, 0);
    return t;
}

static void minutes_are_read(void **state)
{
    (void)state;
    int32_t m;
    assert_true(edges_minute_parse(th_str_c("01/01/1970-00:00"), &m));
    assert_int_equal(m, 0);
    assert_true(edges_minute_parse(th_str_c("06/01/1998-07:55"), &m)); /* 896687700 s */
    assert_int_equal(m, 896687700 / 60);
    assert_true(edges_minute_parse(th_str_c("02/29/2000-23:59"), &m)); /* 951868740 s */
    assert_int_equal(m, 951868740 / 60);
    assert_true(edges_minute_parse(th_str_c("17"), &m));
    assert_int_equal(m, 17);
    assert_false(edges_minute_parse(th_str_c("13/01/1998-07:55"), &m));
    assert_false(edges_minute_parse(th_str_c("06/01/1998 07:55"), &m));
    assert_false(edges_minute_parse(th_str_c("-1"), &m));
    assert_int_equal(edges_hour(61), 1);
    assert_int_equal(edges_day(1440), 1);
}

static void rows_are_numbered(void **state)
{
    (void)state;
    EDGES_AUTOTABLE struct edges_table *t =
        table("src,dst,minute,label\na,b,5,-\nb,a,5,x\na,b,9,y\n");
    assert_int_equal(t->rows, 3);
    assert_int_equal(t->nodes, 2);
    assert_int_equal(t->edges, 2);
    assert_int_equal(t->ticks, 2);
    assert_int_equal(t->labels, 3);
    assert_int_equal(t->row[1].src, t->row[0].dst);
    assert_int_equal(t->row[2].edge, t->row[0].edge);
    assert_int_equal(t->row[2].tick, 2);
    assert_string_equal(t->label[t->row[2].label], "y");
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    int err;
    uint64_t line;
    assert_null(read_text("a,b,5,-\na,b,4,-\n", &err, &line));
    assert_int_equal(err, TH_E_MALFORMED);
    assert_int_equal(line, 2);
    assert_null(read_text("a,b,5\n", &err, &line));
    assert_int_equal(line, 1);
    assert_null(read_text("a,,5,-\n", &err, &line));
    assert_int_equal(line, 1);
}

/* Of six pairs of an attack (0.9, 0.4) and a benign row (0.8, 0.4, 0.1): 3 right for 0.9; for 0.4
 * one wrong, one tie, one right. 4.5 / 6. */
static void area_is_known(void **state)
{
    (void)state;
    EDGES_AUTOTABLE struct edges_table *t = table("a,b,1,x\na,b,1,-\na,b,1,x\na,b,1,-\na,b,1,-\n");
    const double score[] = {0.9, 0.8, 0.4, 0.4, 0.1};
    double tpr[EDGES_RATES];
    assert_near(edges_auc(t, INT32_MIN, score, tpr), 0.75);
    for (unsigned k = 0; k < EDGES_RATES; k++)
        assert_near(tpr[k], 0.5); /* no benign row may pass: 0.9 does */
    EDGES_AUTOTABLE struct edges_table *none = table("a,b,1,-\n");
    assert_true(isnan(edges_auc(none, INT32_MIN, score, tpr)));
}

/* 200 benign rows: two of them may pass at 1e-2, none at 1e-3. */
static void rates_are_known(void **state)
{
    (void)state;
    char text[8192];
    size_t n = 0;
    double score[204];
    for (unsigned i = 0; i < 204; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "a,b,1,%s\n", i < 4 ? "x" : "-");
        score[i] = i >= 4 ? i - 4 : 0; /* benign 0 to 199 */
    }
    score[0] = 300;
    score[1] = 198.5; /* one benign above */
    score[2] = 197.5; /* two */
    score[3] = 196.5; /* three */
    EDGES_AUTOTABLE struct edges_table *t = table(text);
    double tpr[EDGES_RATES];
    edges_auc(t, INT32_MIN, score, tpr);
    assert_near(tpr[0], 0.75);
    assert_near(tpr[1], 0.25);
    assert_near(tpr[2], 0.25);
}

/* One day; 30 benign hosts with scores 1 to 30, a victim of x (twice) and one of y (once). */
static void instances_are_counted(void **state)
{
    (void)state;
    char text[4096];
    size_t n = 0;
    double score[33];
    for (unsigned i = 0; i < 30; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "a,h%u,1,-\n", i);
        score[i] = i + 1;
    }
    snprintf(text + n, sizeof text - n, "b,v,1,x\nb,v,2,x\nc,w,3,y\n");
    score[30] = 3;
    score[31] = 29.5; /* one benign unit lies above */
    score[32] = 25;   /* six do or are equal */
    EDGES_AUTOTABLE struct edges_table *t = table(text);
    struct edges_units dst;
    edges_units_init(&dst, t, true);
    assert_int_equal(dst.count, 32);
    TH_AUTOFREE double *unit = edges_units_max(t, &dst, score);
    struct edges_found f;
    edges_found_get(t, &dst, INT32_MIN, unit, &f);
    assert_int_equal(f.several[0], 1); /* at one a day: x */
    assert_int_equal(f.single[0], 0);
    assert_int_equal(f.single[1], 0); /* at five: y not yet, ties count against it */
    assert_int_equal(f.single[2], 1);
    struct edges_truth truth;
    edges_truth_get(t, INT32_MIN, &truth);
    assert_int_equal(truth.several, 1);
    assert_int_equal(truth.single, 1);
    assert_int_equal(truth.days, 1);
    edges_units_done(&dst);
}

/* The same attack on two days is two instances; hours make units. */
static void days_and_hours_part(void **state)
{
    (void)state;
    EDGES_AUTOTABLE struct edges_table *t =
        table("a,b,59,x\na,b,60,x\na,b,1500,x\na,b,1501,-\nc,b,1502,-\n");
    struct edges_units dst;
    struct edges_units src;
    edges_units_init(&dst, t, true);
    edges_units_init(&src, t, false);
    assert_int_equal(dst.count, 3);
    assert_int_equal(src.count, 4);
    assert_true(src.attack[src.of[3]]); /* a's hour holds an attack too */
    assert_false(src.attack[src.of[4]]);
    struct edges_truth truth;
    edges_truth_get(t, INT32_MIN, &truth);
    assert_int_equal(truth.several, 1);
    assert_int_equal(truth.single, 1);
    assert_int_equal(truth.days, 2);
    edges_truth_get(t, 1440, &truth);
    assert_int_equal(truth.several, 0);
    assert_int_equal(truth.single, 1);
    edges_units_done(&dst);
    edges_units_done(&src);
}

/* MIDAS by hand: in the second minute five records, one before: (5 - 6/2)^2 4 / (6 x 1). */
static void midas_is_known(void **state)
{
    (void)state;
    EDGES_AUTOTABLE struct edges_table *t =
        table("a,b,1,-\na,b,2,x\na,b,2,x\na,b,2,x\na,b,2,x\na,b,2,x\n");
    struct edges_units dst;
    struct edges_units src;
    edges_units_init(&dst, t, true);
    edges_units_init(&src, t, false);
    struct edges_job j = {.t = t, .dst = &dst, .src = &src};
    struct edges_scores s = {0};
    edges_score_midas(&j, &s);
    assert_near(s.row[0], 0);
    assert_near(s.row[5], 4.0 * 4 / 6);
    edges_scores_done(&s);
    edges_score_midas_r(&j, &s); /* the first minute's record counts half: 5.5 */
    assert_near(s.row[5], 2.5 * 2.5 * 4 / 6);
    edges_scores_done(&s);
    edges_score_midas_f(&j, &s); /* the past is the first minute alone: (5.5 + 1 - 11)^2 */
    assert_near(s.row[5], 4.5 * 4.5);
    edges_scores_done(&s);
    edges_units_done(&dst);
    edges_units_done(&src);
}

/* One point far from 200 others is the strangest for all three. */
static void outliers_stand_out(void **state)
{
    (void)state;
    float v[402];
    double score[201];
    void (*const method[])(const struct edges_matrix *, double *) = {
        edges_hbos, edges_iforest, edges_loda};
    for (unsigned i = 0; i < 200; i++) {
        v[2 * i] = (float)(i % 20) / 20;
        v[2 * i + 1] = (float)(i - i % 20) / 200;
    }
    v[400] = v[401] = 5;
    struct edges_matrix m = {.n = 201, .d = 2, .v = v};
    for (size_t k = 0; k < TH_ARRAY_LEN(method); k++) {
        method[k](&m, score);
        for (unsigned i = 0; i < 200; i++)
            assert_true(score[i] < score[200]);
    }
}

/* Two weeks in which ten clients call three servers; in the last hour a stranger calls one of
 * them 400 times, and a client calls 80 hosts that nobody called before. */
static char *make_history(void)
{
    size_t room = 4u << 20;
    size_t n = 0;
    char *text = th_xmalloc(room);
    for (unsigned hour = 0; hour < 14 * 24; hour++) {
        for (unsigned i = 0; i < 40; i++)
            n += (size_t)snprintf(text + n, room - n, "c%u,s%u,%u,-\n", (i * 7 + hour) % 10,
                (i + hour) % 3, hour * 60 + i);
    }
    unsigned last = 14 * 24 * 60;
    for (unsigned i = 0; i < 400; i++)
        n += (size_t)snprintf(text + n, room - n, "stranger,s1,%u,flood\n", last + i / 100);
    for (unsigned i = 0; i < 80; i++)
        n += (size_t)snprintf(text + n, room - n, "c3,t%u,%u,sweep\n", i, last + 10 + i / 10);
    for (unsigned i = 0; i < 40; i++)
        n +=
            (size_t)snprintf(text + n, room - n, "c%u,s%u,%u,-\n", 4 + i % 6, i % 2 * 2, last + 20);
    return text;
}

static void the_engine_finds(void **state)
{
    (void)state;
    TH_AUTOFREE char *text = make_history();
    EDGES_AUTOTABLE struct edges_table *t = table(text);
    struct edges_units dst;
    struct edges_units src;
    edges_units_init(&dst, t, true);
    edges_units_init(&src, t, false);
    struct edges_job j = {.t = t, .dst = &dst, .src = &src};
    struct edges_scores s = {0};
    struct edges_measure m;
    edges_score_learner(&j, &s);
    edges_measure_get(t, &dst, &src, 24 * 60, &s, &m);
    assert_int_equal(m.dst.several[0], 2);
    assert_int_equal(m.src.several[0], 2);
    assert_true(m.auc > 0.95);
    struct edges_scores again = {0};
    edges_score_learner(&j, &again);
    assert_memory_equal(s.row, again.row, t->rows * sizeof *s.row);
    edges_scores_done(&again);
    /* What comes later changes nothing of before. */
    uint32_t all = t->rows;
    t->rows = all - 200;
    edges_score_learner(&j, &again);
    assert_memory_equal(s.row, again.row, (all - 400) * sizeof *s.row);
    edges_scores_done(&again);
    edges_scores_done(&s);
    edges_units_done(&dst);
    edges_units_done(&src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_are_read),
        cmocka_unit_test(rows_are_numbered),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(area_is_known),
        cmocka_unit_test(rates_are_known),
        cmocka_unit_test(instances_are_counted),
        cmocka_unit_test(days_and_hours_part),
        cmocka_unit_test(midas_is_known),
        cmocka_unit_test(outliers_stand_out),
        cmocka_unit_test(the_engine_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
