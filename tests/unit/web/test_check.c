/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "web/check.h"

/* The sentence that says what is wrong, "" when nothing is, NULL when it cannot be read. */
static const char *body(const char *shape, const char *text)
{
    static char why[200];
    json_t *j = th_web_body_parse(th_str_c(text));
    if (!j)
        return NULL;
    why[0] = 0;
    int r = th_web_body_check(th_web_shape_find(shape), j, why, sizeof(why));
    assert_int_equal(r, why[0] ? TH_E_MALFORMED : 0);
    json_decref(j);
    return why;
}

static void test_bodies_that_fit(void **state)
{
    (void)state;
    assert_string_equal(body("Login", "{\"user\":\"a\",\"password\":\"b\"}"), "");
    assert_string_equal(body("Code", "{}"), "");
    assert_string_equal(body("UserChange", "{\"disabled\":true,\"role\":\"reader\"}"), "");
    assert_string_equal(body("Settings",
                            "{\"alerts_per_day\":5,\"approve_sensors\":true,\"time_zone\":\"UTC\","
                            "\"retention_days\":{\"conn\":30},\"data_bytes\":1099511627776}"),
        "");
    /* A shape that has another's members as well. */
    assert_string_equal(body("DeviceShort", "{\"id\":\"1\",\"ip\":null}"), "");
}

static void test_bodies_that_do_not(void **state)
{
    (void)state;
    assert_null(body("Login", ""));
    assert_null(body("Login", "[]"));
    assert_null(body("Login", "\"x\""));
    assert_null(body("Login", "{\"user\":\"a\",\"user\":\"b\"}"));
    assert_null(body("Login", "{\"user\":\"a\xff\"}"));
    assert_string_equal(
        body("Login", "{\"user\":\"a\"}"), "Member \"password\" of the body is missing.");
    assert_string_equal(body("Login", "{\"user\":1,\"password\":\"b\"}"),
        "Member \"user\" of the body must be a text.");
    assert_string_equal(body("UserNew", "{\"name\":\"a\",\"role\":\"root\"}"),
        "Member \"role\" of the body is none of the known words.");
    assert_string_equal(body("Login", "{\"user\":\"a\",\"password\":\"b\",\"admin\":true}"),
        "The body has a member that Login does not know.");
    assert_string_equal(
        body("Settings",
            "{\"alerts_per_day\":5.5,\"approve_sensors\":true,\"time_zone\":\"UTC\","
            "\"retention_days\":{},\"data_bytes\":1}"),
        "Member \"alerts_per_day\" of the body must be a whole number.");
    assert_string_equal(body("Settings",
                            "{\"alerts_per_day\":5,\"approve_sensors\":true,\"time_zone\":\"UTC\","
                            "\"retention_days\":{\"conn\":\"x\"},\"data_bytes\":1}"),
        "Member \"retention_days\" of the body must be a whole number.");
    assert_string_equal(body("TokenNew", "{\"label\":\"a\\nb\"}"),
        "Member \"label\" of the body has control characters.");
    assert_string_equal(body("Device", "{\"id\":\"1\",\"kind\":\"x\",\"first_seen\":\"now\"}"),
        "Member \"first_seen\" of the body must be a time (RFC 3339).");
}

static void test_depth(void **state)
{
    (void)state;
    assert_null(body("Code", "{\"a\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}"));
    assert_non_null(body("Code", "{\"code\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}"));
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool fits;
    } cases[] = {{"", true}, {"limit=5&state=open", true}, {"from=2026-01-05T11:00:00Z", true},
        {"limit=", true}, {"limit=1.5", false}, {"state=", true}, {"state=open|all", false},
        {"from=5", false}, {"q=x", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct th_web_query q;
        char why[200];
        assert_int_equal(th_web_query_parse(th_str_c(cases[i].query), &q), 0);
        if ((th_web_query_check(TH_ROUTE_INCIDENTS, &q, why, sizeof(why)) == 0) != cases[i].fits)
            fail_msg("%s", cases[i].query);
        th_web_query_done(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_that_fit),
        cmocka_unit_test(test_bodies_that_do_not),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
