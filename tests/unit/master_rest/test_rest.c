/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/time.h"
#include "event/batch.h"
#include "messages.h"
#include "rig.h"

#define MONDAY (INT64_C(1772409600) * TH_NS_PER_S) /* 2026-03-02T00:00:00Z */

#define PATIENCE_TURNS 600u /* of 100 ms */
#define COUNT "SELECT count(*) FROM %s"
#define DISTINCT "SELECT count(DISTINCT (_source, _seq)) FROM %s"

/* Every event is there, and none is there twice. Chunks are written when they are old enough, which
 * on a busy machine takes its time. */
static void assert_all_once(struct rig *r)
{
    int64_t conn = rig_count(r, "conn", COUNT);
    int64_t dns = rig_count(r, "dns", COUNT);
    for (unsigned i = 0; i < PATIENCE_TURNS && conn + dns < (int64_t)r->rows; i++) {
        rig_run(r, 100);
        conn = rig_count(r, "conn", COUNT);
        dns = rig_count(r, "dns", COUNT);
    }
    assert_int_equal(conn, rig_count(r, "conn", DISTINCT));
    assert_int_equal(dns, rig_count(r, "dns", DISTINCT));
    assert_int_equal(conn + dns, r->rows);
}

static void rows_are_seen_before_and_after_they_are_sealed(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, "10000");
    assert_int_equal(rig_count(&r, "conn", COUNT), -1);
    rig_batches(&r, 3, 1000, MONDAY + TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    assert_all_once(&r); /* hot */
    assert_true(rig_files(&r, "hot-conn") > 0);
    assert_int_equal(rig_files(&r, "conn-"), 0);
    rig_batches(&r, 1, 1000, MONDAY + 2 * TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 600); /* the chunk before is not new enough then */
    assert_all_once(&r);
    rig_batches(&r, 9, 1000, MONDAY + 3 * TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 1500);
    assert_all_once(&r);
    assert_true(rig_files(&r, "conn-20260302-") > 0);
    /* Whom it is about, what was not UTF-8, and nothing else of that device. */
    assert_true(
        rig_count(&r, "conn",
            "SELECT count(*) FROM %s WHERE _entity IS NOT NULL AND length(_entity) = 11") > 0);
    assert_int_equal(
        rig_count(&r, "dns", "SELECT count(*) FROM %s WHERE query <> '\\xff<b>.example'"), 0);
    rig_run(&r, 1000);
    assert_true(r.saved[RIG_SEAL] > 0);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

static void nothing_is_lost_or_doubled_when_roles_are_killed(void **state)
{
    (void)state;
    struct rig r;
    unsigned seed = 12345;
    rig_init(&r, "5000");
    for (int round = 0; round < 14; round++) {
        rig_batches(&r, 4, 700, MONDAY + round * TH_NS_PER_HOUR * 5);
        seed = seed * 1103515245 + 12345;
        rig_run(&r, (int)(seed >> 16) % 350);
        rig_kill(&r, (seed >> 8 & 1) ? RIG_STORE : RIG_SEAL);
    }
    rig_kill(&r, RIG_STORE);
    rig_kill(&r, RIG_SEAL);
    r.applied[RIG_SEAL] = r.applied[RIG_STORE] = 0;
    rig_settle(&r, RIG_SEAL);
    rig_settle(&r, RIG_STORE);
    rig_run(&r, 1000);
    assert_all_once(&r);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

static void put_metrics(struct th_buf *out, int64_t epoch_ns, unsigned count, double observed)
{
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {0};
    th_buf_le64(out, (uint64_t)epoch_ns);
    for (unsigned i = 0; i < count; i++) {
        struct th_ev_metric m = {
            .h = {.kind = TH_KIND_METRIC, .time_ns = epoch_ns - TH_NS_PER_HOUR}};
        TH_SET(&m, METRIC, ts, epoch_ns - TH_NS_PER_HOUR);
        TH_SET(&m, METRIC, entity, th_str_c("daaaaaaaaaa"));
        TH_SET(&m, METRIC, feature, th_str_c("bytes_out"));
        TH_SET(&m, METRIC, observed, observed);
        assert_int_equal(th_batch_add(w, &m.h), 0);
    }
    assert_int_equal(th_batch_finish(w, &head, out), 0);
    th_batch_writer_free(w);
}

static void metrics_told_again_take_the_place_of_the_old(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, "10000");
    rig_batches(&r, 1, 10, MONDAY);
    rig_settle(&r, RIG_SEAL);
    for (int i = 0; i < 3; i++) {
        TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
        put_metrics(&body, MONDAY + (i == 1 ? 2 : 1) * TH_NS_PER_HOUR, 5 + (unsigned)i, i);
        rig_ask(&r, RIG_CORE_SEAL, TH_MSG_METRICS, th_buf_view(&body), TH_MSG_DONE);
    }
    assert_int_equal(rig_count(&r, "metric", COUNT), 7 + 6);
    assert_int_equal(rig_count(&r, "metric", "SELECT sum(observed)::BIGINT FROM %s"), 7 * 2 + 6);
    assert_int_equal(
        rig_count(&r, "metric", "SELECT count(*) FROM %s WHERE _entity = 'daaaaaaaaaa'"), 13);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

/* The answer's JSON; its status. */
static json_t *request(
    struct rig *r, const char *route, const char *params, const char *id, unsigned *ret_status)
{
    TH_AUTOFREE char *text =
        th_xasprintf("{\"route\":\"%s\",\"params\":%s,\"path\":{\"id\":\"%s\"},\"now_ns\":5}",
            route, params, id);
    struct th_str a = rig_ask(r, RIG_GATEWAY_STORE, TH_MSG_REQUEST, th_str_c(text), TH_MSG_ANSWER);
    struct th_cur c = th_cur_init(a.p, a.len);
    *ret_status = th_cur_le16(&c);
    assert_int_equal(th_cur_le16(&c), 0);
    size_t left = th_cur_left(&c);
    struct th_str body = th_cur_bytes(&c, left);
    json_t *v = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(v);
    return v;
}

static const char finding[] =
    "{\"kind\":\"breach\",\"id\":\"b1\",\"time\":\"2026-03-02T01:00:00Z\",\"start\":\"2026-03-"
    "02T01:"
    "00:00Z\",\"end\":\"2026-03-02T01:00:00Z\",\"device\":{\"id\":\"d1\",\"hostname\":\"<script>\"}"
    ","
    "\"score\":40,\"model\":\"m\",\"name\":\"M\",\"version\":1,\"technique\":\"T1\",\"tactic\":"
    "\"impact\",\"evidence\":[]}\n"
    "{\"kind\":\"incident\",\"id\":\"i1\",\"start\":\"2026-03-02T01:00:00Z\",\"end\":\"2026-03-"
    "02T01:"
    "00:00Z\",\"score\":40,\"alert\":true,\"title\":\"<b>\",\"summary\":\"s\",\"devices\":[{\"id\":"
    "\"d1\"}],\"breaches\":[\"b1\"]}\n";

static void findings_stay_and_are_shown(void **state)
{
    (void)state;
    struct rig r;
    unsigned status;
    rig_init(&r, "10000");
    struct th_str done =
        rig_ask(&r, RIG_CORE_STORE, TH_MSG_FINDINGS, th_str_c(finding), TH_MSG_DONE);
    struct th_cur c = th_cur_init(done.p, done.len);
    th_cur_le64(&c);
    assert_int_equal(th_cur_le32(&c), 0);
    rig_run(&r, 50);
    assert_int_equal(r.notices, 2);
    rig_kill(&r, RIG_STORE); /* it was committed before it was answered */
    json_t *v = request(&r, "incident", "{}", "i1", &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_array_size(json_object_get(v, "timeline")), 1);
    json_decref(v);
    rig_control(&r,
        "{\"type\":\"ack\",\"at_ns\":7,\"incident\":\"i1\",\"state\":\"acknowledged\","
        "\"by\":{\"id\":1,\"name\":\"ann\"}}");
    rig_settle(&r, RIG_STORE);
    v = request(&r, "incidents", "{\"state\":\"open\"}", "", &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_array_size(json_object_get(v, "incidents")), 0);
    json_decref(v);
    rig_batches(&r, 2, 1000, MONDAY);
    rig_settle(&r, RIG_STORE);
    v = request(&r, "overview", "{}", "", &status);
    assert_int_equal(status, 200);
    const json_t *hours = json_object_get(v, "activity");
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(hours, 23), "events")), 2000);
    json_decref(v);
    static const struct {
        const char *route, *params;
        unsigned status;
    } wrong[] = {{"incident", "{}", 404}, {"breaches", "{\"cursor\":\"x\"}", 400},
        {"breaches", "{\"limit\":\"0\"}", 400}, {"breaches", "{\"from\":\"then\"}", 400},
        {"nothing", "{}", 501}};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++) {
        v = request(&r, wrong[i].route, wrong[i].params, "zz", &status);
        assert_int_equal(status, wrong[i].status);
        assert_non_null(json_object_get(json_object_get(v, "error"), "code"));
        json_decref(v);
    }
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

static void small_segments_become_one(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, "1000");
    for (int i = 0; i < 12; i++)
        rig_batches(&r, 1, 1000, MONDAY + i * TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 2000);
    unsigned before = rig_files(&r, "conn-20260302");
    assert_true(before >= 8);
    /* It looks every ten seconds. */
    for (int i = 0; i < 30 && rig_files(&r, "conn-20260302") >= before; i++)
        rig_run(&r, 500);
    assert_true(rig_files(&r, "conn-20260302") < before);
    assert_all_once(&r);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

static void days_without_end_are_held(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, "1000000");
    /* Events three days apart: more days than there are tables. */
    for (int i = 0; i < 200; i++)
        rig_batches(&r, 1, 4, MONDAY + i * 3 * TH_NS_PER_DAY);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 1000);
    assert_all_once(&r);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

static void put_forget(struct th_buf *out, uint64_t position, uint64_t entity, uint64_t sensor)
{
    th_buf_le64(out, position);
    th_buf_le64(out, entity);
    th_buf_le64(out, sensor);
}

/* Rows of a sensor go from all segments and from memory, others stay, whoever is killed meanwhile.
 */
static void rows_that_are_forgotten_are_nowhere(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, "2000");
    rig_batches(&r, 6, 1000, MONDAY + TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 500);
    int64_t all = rig_count(&r, "conn", COUNT);
    int64_t source = rig_count(&r, "conn", "SELECT coalesce(max(_source), 0)::BIGINT FROM %s");
    assert_true(all > 0);
    TH_AUTOBUF struct th_buf other = TH_BUF_INIT;
    put_forget(&other, r.applied[RIG_SEAL] - 1, 0, (uint64_t)source + 1);
    rig_ask(&r, RIG_CORE_SEAL, TH_MSG_FORGET, th_buf_view(&other), TH_MSG_DONE);
    assert_int_equal(rig_count(&r, "conn", COUNT), all); /* nobody's rows */
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    put_forget(&body, r.applied[RIG_SEAL] - 1, 0, (uint64_t)source);
    rig_kill(&r, RIG_SEAL); /* the question is asked anew */
    rig_ask(&r, RIG_CORE_SEAL, TH_MSG_FORGET, th_buf_view(&body), TH_MSG_DONE);
    assert_true(rig_count(&r, "conn", COUNT) <= 0);
    assert_true(rig_count(&r, "dns", COUNT) <= 0);
    /* What comes later is new. */
    rig_batches(&r, 1, 1000, MONDAY + 2 * TH_NS_PER_HOUR);
    rig_settle(&r, RIG_SEAL);
    rig_run(&r, 600);
    assert_true(rig_count(&r, "conn", COUNT) > 0);
    assert_int_equal(r.deaths, 0);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_seen_before_and_after_they_are_sealed),
        cmocka_unit_test(nothing_is_lost_or_doubled_when_roles_are_killed),
        cmocka_unit_test(metrics_told_again_take_the_place_of_the_old),
        cmocka_unit_test(findings_stay_and_are_shown),
        cmocka_unit_test(small_segments_become_one),
        cmocka_unit_test(days_without_end_are_held),
        cmocka_unit_test(rows_that_are_forgotten_are_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
