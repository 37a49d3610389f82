/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "web/request.h"

static int target(const char *text)
{
    struct th_str path;
    struct th_str query;
    return th_web_target(th_str_c(text), &path, &query);
}

static void test_targets(void **state)
{
    (void)state;
    struct th_str path;
    struct th_str query;
    assert_int_equal(th_web_target(th_str_c("/a/b?c=d?e"), &path, &query), 0);
    assert_view_is(path, "/a/b");
    assert_view_is(query, "c=d?e");
    assert_int_equal(th_web_target(th_str_c("/"), &path, &query), 0);
    assert_view_is(query, "");
    assert_int_equal(target("/a?"), 0);
    static const char *const bad[] = {"", "a", "*", "http://x/", "//", "//a", "/a//b", "/a/", "/..",
        "/a/..", "/a/../b", "/.", "/%2e", "/%2E%2e/a", "/a%2fb", "/a\\b", "/a%5cb", "/a%", "/a%1",
        "/a%gg", "/a%00", "/a#b", "/a?b#c", "/%c0%ae", "/%ff", "/%ed%a0%80", "/%c2%85", "/\x7f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (target(bad[i]) != TH_E_MALFORMED)
            fail_msg("%s was taken", bad[i]);
    assert_int_equal(target("/caf%C3%A9/%e2%82%ac"), 0);
    char long_one[TH_WEB_MAX_TARGET + 2] = "/";
    memset(long_one + 1, 'a', sizeof(long_one) - 2);
    assert_int_equal(target(long_one), TH_E_LIMIT);
    long_one[300] = 0; /* one component, too long */
    assert_int_equal(target(long_one), TH_E_LIMIT);
}

static int match(
    const char *path, enum th_web_method method, enum th_web_route_id *id, const char *want_id)
{
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    unsigned methods = 0;
    int r = th_web_match(th_str_c(path), method, id, &got, &methods);
    assert_view_is(th_buf_view(&got), want_id);
    return r == -EOPNOTSUPP ? (int)methods : r;
}

static void test_routes(void **state)
{
    (void)state;
    enum th_web_route_id id;
    assert_int_equal(match("/incidents", TH_METHOD_GET, &id, ""), 0);
    assert_int_equal(id, TH_ROUTE_INCIDENTS);
    assert_int_equal(match("/incidents/4f", TH_METHOD_PATCH, &id, "4f"), 0);
    assert_int_equal(id, TH_ROUTE_INCIDENT_CHANGE);
    assert_int_equal(match("/tokens/a%20b", TH_METHOD_DELETE, &id, "a b"), 0);
    assert_int_equal(match("/login/password", TH_METHOD_POST, &id, ""), 0);
    assert_int_equal(id, TH_ROUTE_LOGIN_PASSWORD);
    assert_int_equal(
        match("/users", TH_METHOD_DELETE, &id, ""), 1 << TH_METHOD_GET | 1 << TH_METHOD_POST);
    static const char *const none[] = {
        "", "/", "/incident", "/incidents/4f/x", "/incidents/", "/login/x", "/{id}"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        if (match(none[i], TH_METHOD_GET, &id, "") != -ENOENT &&
            strcmp(none[i], "/incidents/") != 0)
            fail_msg("%s was found", none[i]);
}

static void test_queries(void **state)
{
    (void)state;
    struct th_web_query q;
    struct th_str v;
    assert_int_equal(th_web_query_parse(th_str_c("q=a+b%3Ac&limit=5&&empty=&bare"), &q), 0);
    assert_int_equal(q.count, 4);
    assert_true(th_web_query_get(&q, "q", &v));
    assert_view_is(v, "a b:c");
    assert_true(th_web_query_get(&q, "empty", &v));
    assert_view_is(v, "");
    assert_true(th_web_query_get(&q, "bare", &v));
    assert_false(th_web_query_get(&q, "Q", &v));
    th_web_query_done(&q);
    static const char *const bad[] = {"a=1&a=2", "a=%", "a=%0a", "%00=1", "a=%ff", "a=%f0%9f%98"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(th_web_query_parse(th_str_c(bad[i]), &q), TH_E_MALFORMED);
        th_web_query_done(&q);
    }
    TH_AUTOBUF struct th_buf many = TH_BUF_INIT;
    for (unsigned i = 0; i <= TH_WEB_MAX_PARAMS; i++)
        th_buf_printf(&many, "a%u=1&", i);
    assert_int_equal(th_web_query_parse(th_buf_view(&many), &q), TH_E_LIMIT);
    th_web_query_done(&q);
}

static void test_cookies(void **state)
{
    (void)state;
    struct th_str v;
    assert_true(th_web_cookie(th_str_c("a=b; __Host-thymus=x=y ;c"), "__Host-thymus", &v));
    assert_view_is(v, "x=y");
    assert_false(th_web_cookie(th_str_c("__Host-thymus=1; __Host-thymus=2"), "__Host-thymus", &v));
    assert_false(th_web_cookie(th_str_c("__Host-thymus-login=1"), "__Host-thymus", &v));
    assert_false(th_web_cookie(th_str_c("__host-thymus=1"), "__Host-thymus", &v));
    assert_false(th_web_cookie(th_str_c("__Host-thymus=\x01"), "__Host-thymus", &v));
    assert_false(th_web_cookie(th_str_c(""), "__Host-thymus", &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
