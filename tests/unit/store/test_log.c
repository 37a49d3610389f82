/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"
#include "store/log.h"

static void test_a_batch_comes_back(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_record_batch b = {.flags = TH_RECORD_CLOCK_AHEAD,
        .clock_offset_ns = -86400 * TH_NS_PER_S,
        .envelope = th_str_c("envelope")};
    struct th_record_batch got;
    th_record_batch_put(&out, &b);
    assert_int_equal(out.len, TH_RECORD_BATCH_HEAD_BYTES + 8);
    assert_int_equal(th_record_batch_get(th_buf_view(&out), &got), 0);
    assert_int_equal(got.flags, b.flags);
    assert_int_equal(got.clock_offset_ns, b.clock_offset_ns);
    assert_view_is(got.envelope, "envelope");
    for (size_t len = 0; len < TH_RECORD_BATCH_HEAD_BYTES; len++)
        assert_int_equal(th_record_batch_get(th_str_n(out.p, len), &got), TH_E_TRUNCATED);
    out.p[1] = 1;
    assert_int_equal(th_record_batch_get(th_buf_view(&out), &got), TH_E_MALFORMED);
    th_buf_clear(&out);
    b.flags = 0;
    TH_AUTOFREE uint8_t *big = th_xcalloc(1, TH_RECORD_MAX_ENVELOPE + 1);
    b.envelope = th_str_n(big, TH_RECORD_MAX_ENVELOPE + 1);
    th_record_batch_put(&out, &b);
    assert_int_equal(th_record_batch_get(th_buf_view(&out), &got), TH_E_LIMIT);
}

static int read_control(const char *text)
{
    struct th_control c;
    int r = th_control_get(th_str_c(text), &c);
    if (r < 0)
        return r;
    int type = (int)c.type;
    th_control_done(&c);
    return type;
}

static void test_controls(void **state)
{
    (void)state;
    assert_int_equal(
        read_control("{\"type\":\"tick\",\"at_ns\":5,\"wall_ns\":5}"), TH_CONTROL_TICK);
    assert_int_equal(
        read_control("{\"type\":\"of a later version\",\"at_ns\":5}"), TH_CONTROL_OTHER);
    for (unsigned t = TH_CONTROL_OTHER + 1; t < TH_CONTROL_TYPES; t++) {
        TH_AUTOFREE char *text = th_xasprintf(
            "{\"at_ns\":-1,\"type\":\"%s\"}", th_control_word((enum th_control_type)t));
        assert_int_equal(read_control(text), t);
    }
    assert_int_equal(read_control(""), TH_E_MALFORMED);
    assert_int_equal(read_control("[]"), TH_E_MALFORMED);
    assert_int_equal(read_control("{\"type\":\"tick\"}"), TH_E_MALFORMED);
    assert_int_equal(read_control("{\"type\":\"\",\"at_ns\":5}"), TH_E_MALFORMED);
    assert_int_equal(read_control("{\"type\":7,\"at_ns\":5}"), TH_E_MALFORMED);
    assert_int_equal(read_control("{\"type\":\"tick\",\"at_ns\":5.5}"), TH_E_MALFORMED);
    assert_int_equal(
        read_control("{\"type\":\"tick\",\"type\":\"tick\",\"at_ns\":5}"), TH_E_MALFORMED);
    TH_AUTOFREE char *deep = th_xcalloc(1, 200001);
    memset(deep, '[', 200000);
    assert_int_equal(read_control(deep), TH_E_MALFORMED);
    TH_AUTOFREE char *big = th_xcalloc(1, TH_CONTROL_MAX_BYTES + 2);
    memset(big, ' ', TH_CONTROL_MAX_BYTES + 1);
    assert_int_equal(read_control(big), TH_E_LIMIT);
}

static void test_a_control_is_written_one_way(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    json_t *object = json_pack(
        "{s:s,s:I,s:s}", "type", "sensor", "at_ns", (json_int_t)7, "id", "00ff00ff00ff00ff");
    uint64_t id = 0;
    int64_t at = 0;
    struct th_str type;
    assert_int_equal(th_control_put(&out, object), 0);
    assert_view_is(
        th_buf_view(&out), "{\"at_ns\":7,\"id\":\"00ff00ff00ff00ff\",\"type\":\"sensor\"}");
    assert_true(th_json_hex64(object, "id", &id));
    assert_int_equal(id, 0x00ff00ff00ff00ff);
    assert_true(th_json_int64(object, "at_ns", &at));
    assert_int_equal(at, 7);
    assert_true(th_json_text(object, "type", &type));
    assert_false(th_json_hex64(object, "type", &id));
    assert_false(th_json_hex64(object, "none", &id));
    assert_false(th_json_int64(object, "type", &at));
    assert_false(th_json_text(object, "at_ns", &type));
    json_decref(object);
}

static void fill(struct th_log_summary *s)
{
    s->epoch_hour_ns = 3 * TH_NS_PER_HOUR;
    static const uint64_t ids[] = {900, 5, UINT64_MAX, 77, 1};
    for (size_t i = 0; i < TH_ARRAY_LEN(ids); i++) {
        struct th_log_sensor *n = th_log_sensor_add(s, ids[i]);
        assert_int_equal(n->watermark_ns, TH_TIME_UNSET);
        snprintf(n->name, sizeof(n->name), "sensor %u", (unsigned)i);
        n->status = (enum th_sensor_status)(i % 3);
        n->key[31] = (uint8_t)i;
        n->epoch = ids[i] / 2;
        n->next = i;
        n->down = i & 1;
        n->clock_offset_ns = -(int64_t)i;
        n->lost_events = 100 + i;
    }
    s->quarantined = th_xcalloc(2, sizeof(*s->quarantined));
    s->quarantined[0] = 9;
    s->quarantined[1] = 3;
    s->quarantined_count = 2;
}

static void test_a_summary_comes_back(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf again TH_AUTOBUF = TH_BUF_INIT;
    struct th_log_summary s = {0};
    struct th_log_summary got;
    fill(&s);
    th_log_summary_put(&out, &s);
    assert_int_equal(th_log_summary_get(th_buf_view(&out), &got), 0);
    assert_int_equal(got.sensor_count, 5);
    for (size_t i = 1; i < got.sensor_count; i++)
        assert_true(got.sensors[i - 1].id < got.sensors[i].id);
    assert_string_equal(th_log_sensor_find(&got, 77)->name, "sensor 3");
    assert_int_equal(th_log_sensor_find(&got, 77)->lost_events, 103);
    assert_null(th_log_sensor_find(&got, 78));
    assert_int_equal(got.quarantined[1], 3);
    th_log_summary_put(&again, &got);
    assert_int_equal(again.len, out.len);
    assert_memory_equal(again.p, out.p, out.len);
    th_log_summary_done(&got);
    for (size_t len = 0; len < out.len; len++)
        assert_true(th_log_summary_get(th_str_n(out.p, len), &got) < 0);
    out.p[40] ^= 1;
    assert_int_equal(th_log_summary_get(th_buf_view(&out), &got), TH_E_CHECKSUM);
    th_log_summary_done(&s);
}

static void test_the_table_of_sensors_is_bounded(void **state)
{
    (void)state;
    struct th_log_summary s = {0};
    for (uint64_t i = 0; i < TH_SUMMARY_MAX_SENSORS; i++)
        assert_non_null(th_log_sensor_add(&s, i * 7));
    assert_null(th_log_sensor_add(&s, 3));
    assert_non_null(th_log_sensor_add(&s, 7));
    assert_int_equal(s.sensor_count, TH_SUMMARY_MAX_SENSORS);
    th_log_summary_done(&s);
}

static void test_words_of_status(void **state)
{
    (void)state;
    enum th_sensor_status st;
    assert_true(th_sensor_status_parse(th_str_c("revoked"), &st));
    assert_string_equal(th_sensor_status_word(st), "revoked");
    assert_false(th_sensor_status_parse(th_str_c("Pending"), &st));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_comes_back),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_a_control_is_written_one_way),
        cmocka_unit_test(test_a_summary_comes_back),
        cmocka_unit_test(test_the_table_of_sensors_is_bounded),
        cmocka_unit_test(test_words_of_status),
    };
    return cmocka_run_group_tests_name("store/log", tests, NULL, NULL);
}
