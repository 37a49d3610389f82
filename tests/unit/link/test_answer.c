/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "base/time.h"
#include "link/answer.h"

static int read_text(
    enum th_link_request request, long status, const char *text, struct th_link_answer *ret)
{
    return th_link_answer_read(request, status, th_str_c(text), ret);
}

static void an_enrolment_is_read(void **state)
{
    (void)state;
    struct th_link_answer a;
    assert_int_equal(read_text(TH_LINK_ENROL, 200,
                         "{\"sensor\":\"00000000000000aF\",\"instance\":\"ffffffffffffffff\","
                         "\"status\":\"pending\",\"later\":[1]}",
                         &a),
        0);
    assert_true(a.ours && a.standing == TH_LINK_PENDING);
    assert_int_equal(a.sensor, 0xaf);
    assert_true(a.instance == UINT64_MAX);
}

static void an_enrolment_that_lacks_something_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[]", "x", "{\"sensor\":\"00000000000000af\"}",
        "{\"sensor\":\"0000000000000000\",\"instance\":\"0000000000000001\",\"status\":"
        "\"pending\"}",
        "{\"sensor\":\"00000000000000ag\",\"instance\":\"0000000000000001\",\"status\":"
        "\"pending\"}",
        "{\"sensor\":\"0000000000000af\",\"instance\":\"0000000000000001\",\"status\":\"pending\"}",
        "{\"sensor\":175,\"instance\":\"0000000000000001\",\"status\":\"pending\"}",
        "{\"sensor\":\"00000000000000af\",\"instance\":\"0000000000000001\",\"status\":"
        "\"friend\"}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        struct th_link_answer a;
        assert_int_equal(read_text(TH_LINK_ENROL, 200, bad[i], &a), TH_E_MALFORMED);
    }
}

static void batches_are_answered_by_numbers(void **state)
{
    (void)state;
    struct th_link_answer a;
    assert_int_equal(read_text(TH_LINK_BATCH, 200, "{\"epoch\":7,\"next\":12}", &a), 0);
    assert_true(a.has_next && a.epoch == 7 && a.next == 12);
    assert_int_equal(
        read_text(TH_LINK_BATCH, 409, "{\"epoch\":\"18446744073709551615\",\"next\":\"0\"}", &a),
        0);
    assert_true(a.epoch == UINT64_MAX && a.next == 0);
    static const char *const bad[] = {"{\"epoch\":7}", "{\"epoch\":7,\"next\":-1}",
        "{\"epoch\":7,\"next\":1.0}", "{\"epoch\":7,\"next\":\"18446744073709551616\"}",
        "{\"epoch\":7,\"next\":1,\"next\":2}", "{\"epoch\":7,\"next\":99999999999999999999}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(read_text(TH_LINK_BATCH, 200, bad[i], &a), TH_E_MALFORMED);
    assert_int_equal(read_text(TH_LINK_BATCH, 403, "{\"status\":\"revoked\"}", &a), 0);
    assert_int_equal(a.standing, TH_LINK_REVOKED);
    assert_int_equal(read_text(TH_LINK_BATCH, 403, "<html>no</html>", &a), TH_E_MALFORMED);
}

static void an_error_says_whose_it_is(void **state)
{
    (void)state;
    struct th_link_answer a;
    assert_int_equal(
        read_text(TH_LINK_BATCH, 400,
            "{\"error\":{\"code\":\"malformed\",\"message\":\"bad\\n\\u001b[31m\"}}", &a),
        0);
    assert_true(a.ours);
    assert_string_equal(a.message, "bad??[31m");
    assert_int_equal(read_text(TH_LINK_BATCH, 400, "<html>a proxy's mood</html>", &a), 0);
    assert_false(a.ours);
    assert_int_equal(read_text(TH_LINK_BATCH, 502, "", &a), 0);
    assert_false(a.ours);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    struct th_link_answer a;
    char text[600], message[500];
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    snprintf(text, sizeof(text), "{\"error\":{\"code\":\"c\",\"message\":\"%s\"}}", message);
    assert_int_equal(read_text(TH_LINK_ENROL, 401, text, &a), 0);
    assert_int_equal(strlen(a.message), TH_LINK_MESSAGE_ROOM - 1);
}

static void count_command(void *arg, const struct th_link_command *c)
{
    int *n = arg;
    assert_true(strlen(c->id) > 0 && strlen(c->type) > 0 && c->json.len > 0);
    ++*n;
}

static void commands_come_all_or_not_at_all(void **state)
{
    (void)state;
    int n = 0;
    struct th_str good = th_str_c("{\"commands\":[{\"id\":\"1\",\"type\":\"ping\"},"
                                  "{\"id\":\"2\",\"type\":\"ping\",\"x\":{\"y\":[]}}]}");
    assert_int_equal(th_link_commands_read(good, count_command, &n), 0);
    assert_int_equal(n, 2);
    static const char *const bad[] = {"{}", "{\"commands\":{}}", "{\"commands\":[1]}",
        "{\"commands\":[{\"id\":\"1\",\"type\":\"ping\"},{\"id\":\"2\"}]}",
        "{\"commands\":[{\"id\":\"1 2\",\"type\":\"ping\"}]}",
        "{\"commands\":[{\"id\":\"\",\"type\":\"ping\"}]}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(
            th_link_commands_read(th_str_c(bad[i]), count_command, &n), TH_E_MALFORMED);
    assert_int_equal(n, 2);
}

static void waits_stay_within_reason(void **state)
{
    (void)state;
    assert_int_equal(th_link_retry_after_ns(th_str_c(" 17\r\n")), 17 * TH_NS_PER_S);
    assert_int_equal(th_link_retry_after_ns(th_str_c("0")), TH_NS_PER_S);
    assert_int_equal(th_link_retry_after_ns(th_str_c("99999999999")), 300 * TH_NS_PER_S);
    assert_int_equal(
        th_link_retry_after_ns(th_str_c("Wed, 21 Oct 2026 07:28:00 GMT")), 5 * TH_NS_PER_S);
}

static void a_master_says_how_long_to_wait(void **state)
{
    (void)state;
    struct th_link_answer a;
    assert_int_equal(read_text(TH_LINK_BATCH, 503, "{\"retry_after_s\":7}", &a), 0);
    assert_int_equal(a.retry_after_ns, 7 * TH_NS_PER_S);
    assert_int_equal(read_text(TH_LINK_ENROL, 429, "{\"retry_s\":99999999}", &a), 0);
    assert_int_equal(a.retry_after_ns, 300 * TH_NS_PER_S);
    assert_int_equal(read_text(TH_LINK_ENROL, 503, "<html>", &a), 0);
    assert_int_equal(a.retry_after_ns, 0);
}

static void a_revoked_sensor_hears_it_when_it_enrols(void **state)
{
    (void)state;
    struct th_link_answer a;
    assert_int_equal(read_text(TH_LINK_ENROL, 403, "{\"status\":\"revoked\"}", &a), 0);
    assert_true(a.ours && a.standing == TH_LINK_REVOKED);
    assert_int_equal(read_text(TH_LINK_ENROL, 403, "<html>", &a), 0);
    assert_false(a.ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_enrolment_is_read),
        cmocka_unit_test(an_enrolment_that_lacks_something_is_refused),
        cmocka_unit_test(batches_are_answered_by_numbers),
        cmocka_unit_test(an_error_says_whose_it_is),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(commands_come_all_or_not_at_all),
        cmocka_unit_test(a_master_says_how_long_to_wait),
        cmocka_unit_test(a_revoked_sensor_hears_it_when_it_enrols),
        cmocka_unit_test(waits_stay_within_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
