/* SPDX-License-Identifier: Apache-2.0 */
/* What is normal here, as the catalogue lists it. */
#include "unit.h"

#include "base/time.h"
#include "findings_lines.h"

static void say_permit(struct th_catalogue *c, const char *id, int64_t at_ns, const char *rest)
{
    TH_AUTOFREE char *text = th_xasprintf(
        "{\"id\":\"%s\",\"by\":{\"id\":\"7\",\"name\":\"ann\"},\"reason\":\"<b>\"%s}", id, rest);
    json_t *control = json_loads(text, 0, NULL);
    assert_non_null(control);
    th_findings_follow(c);
    th_findings_follow_permit(c, control, at_ns);
    assert_int_equal(th_findings_follow_commit(c, 12, 99), 0);
    json_decref(control);
}

static json_t *permits_of(struct th_catalogue *c, const char *state, int64_t now_ns)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_findings_page page = first_page;
    page.state = th_str_c(state);
    page.now_ns = now_ns;
    page.limit = 200;
    assert_int_equal(th_findings_permits(c, &page, &out), 0);
    json_t *v = parsed(&out);
    json_t *list = json_incref(json_object_get(v, "permits"));
    json_decref(v);
    return list;
}

static void assert_member(const json_t *permit, const char *key, const char *want)
{
    const char *is = json_string_value(json_object_get(permit, key));
    if (!want)
        assert_true(json_is_null(json_object_get(permit, key)));
    else
        assert_string_equal(is, want);
}

static void what_is_normal_is_listed(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_device(&lines, "d1", "<i>", 3);
    add_breach(&lines, "b1", "d1", 3, 40);
    add_incident(&lines, "i1", "d1", 3, 50, true, "\"b1\"");
    /* core may be faster than the store's own reading of the log */
    th_buf_puts(&lines,
        "{\"kind\":\"permit\",\"id\":\"00000000000000a1\",\"held\":1,\"last\":"
        "\"2026-01-02T03:00:00.000000Z\"}\n"
        "{\"kind\":\"permit\",\"id\":\"00000000000000a1\",\"held\":3,\"last\":"
        "\"2026-01-03T03:00:00.000000Z\"}\n");
    put_quietly(c, &lines);
    say_permit(c, "00000000000000a1", 10,
        ",\"device\":\"d1\",\"tactic\":\"discovery\",\"incident\":\"i1\",\"until_ns\":1000");
    say_permit(c, "00000000000000a1", 11, ""); /* followed again: the first word counts */
    say_permit(c, "00000000000000a2", 20, ",\"host\":\"a.example\",\"port\":22");
    say_permit(c, "../a3", 30, "");
    json_t *all = permits_of(c, "", 500);
    assert_int_equal(json_array_size(all), 2);
    json_t *p = json_array_get(all, 1);
    assert_member(p, "by", "ann");
    assert_member(p, "reason", "<b>");
    assert_member(p, "state", "active");
    assert_member(p, "tactic", "discovery");
    assert_member(p, "model", NULL);
    assert_member(p, "ended", NULL);
    assert_member(p, "last_held", "2026-01-03T03:00:00.000000Z");
    assert_int_equal(json_integer_value(json_object_get(p, "held")), 3);
    assert_member(json_object_get(p, "device"), "hostname", "<i>");
    p = json_array_get(all, 0);
    assert_member(p, "host", "a.example");
    assert_member(p, "until", NULL);
    assert_member(p, "last_held", NULL);
    assert_int_equal(json_integer_value(json_object_get(p, "port")), 22);
    json_decref(all);
    struct th_findings_page page = first_page;
    page.state = th_str_c("acknowledged");
    assert_pages(c, th_findings_incidents, "incidents", page, "i1 |");
    /* over by time, and ended */
    json_t *end_of = json_pack("{s:s, s:{s:s}}", "id", "00000000000000a2", "by", "name", "bob");
    th_findings_follow(c);
    th_findings_follow_permit_end(c, end_of, 600);
    th_findings_follow_permit_end(c, end_of, 700);
    assert_int_equal(th_findings_follow_commit(c, 13, 99), 0);
    json_decref(end_of);
    all = permits_of(c, "over", 1000);
    assert_int_equal(json_array_size(all), 2);
    assert_member(json_array_get(all, 0), "state", "ended");
    assert_member(json_array_get(all, 0), "ended_by", "bob");
    assert_member(json_array_get(all, 0), "ended", "1970-01-01T00:00:00.000000Z");
    assert_member(json_array_get(all, 1), "state", "expired");
    json_decref(all);
    all = permits_of(c, "active", 999);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
    page.limit = 1;
    page.now_ns = 999;
    page.state = th_str_c("all");
    assert_pages(c, th_findings_permits, "permits", page, "00000000000000a2 |00000000000000a1 |");
    page.state = th_str_c("none");
    assert_int_equal(th_findings_permits(c, &page, &lines), -EINVAL);
    /* of a device that is forgotten nothing is left */
    th_buf_puts(&lines, "{\"kind\":\"forget\",\"device\":\"d1\",\"sensor\":\"\"}\n");
    put_quietly(c, &lines);
    all = permits_of(c, "all", 999);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
}

static void history_of_permits_is_bounded(void **state)
{
    struct th_catalogue *c = *state;
    char id[20];
    for (int i = 1; i <= TH_FINDINGS_PERMITS_OVER + 10; i++) {
        snprintf(id, sizeof(id), "%016x", (unsigned)i);
        say_permit(c, id, 1000 + i, ",\"device\":\"d1\",\"until_ns\":5");
    }
    say_permit(c, "00000000000f0001", 1, ",\"device\":\"d1\"");
    struct th_findings_page page = first_page;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    page.cursor = th_str_c("1011.~");
    page.limit = 200;
    assert_int_equal(th_findings_permits(c, &page, &out), 0);
    json_t *v = parsed(&out);
    assert_int_equal(
        json_array_size(json_object_get(v, "permits")), 2); /* the oldest, and what holds */
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_normal_is_listed, begin, end),
        cmocka_unit_test_setup_teardown(history_of_permits_is_bounded, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
