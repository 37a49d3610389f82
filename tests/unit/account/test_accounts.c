/* SPDX-License-Identifier: Apache-2.0 */
/* Users, sessions, tokens, sensors, settings, and the audit log. */
#include "unit.h"

#include "account/sensor.h"
#include "account/settings.h"
#include "account/token.h"
#include "bench.h"

static void test_last_administrator_stays(void **state)
{
    struct bench *b = *state;
    int64_t one = bench_user(b, "one", "administrator", "x");
    int64_t two = bench_user(b, "two", "administrator", "x");
    th_accounts_begin(b->a);
    assert_int_equal(th_user_set_disabled(b->a, b->now_ns, "one", two, true), 0);
    assert_int_equal(th_user_remove(b->a, b->now_ns, "one", one), TH_E_REFUSED);
    assert_int_equal(
        th_user_set_role(b->a, b->now_ns, "one", one, th_str_c("reader")), TH_E_REFUSED);
    assert_int_equal(th_user_set_disabled(b->a, b->now_ns, "one", one, true), TH_E_REFUSED);
    assert_int_equal(th_user_set_disabled(b->a, b->now_ns, "one", two, false), 0);
    assert_int_equal(th_user_set_role(b->a, b->now_ns, "one", one, th_str_c("reader")), 0);
    assert_int_equal(th_user_remove(b->a, b->now_ns, "two", one), 0);
    assert_int_equal(th_user_remove(b->a, b->now_ns, "two", two), TH_E_REFUSED);
    assert_int_equal(th_user_remove(b->a, b->now_ns, "two", 99), -ENOENT);
    assert_int_equal(th_user_set_role(b->a, b->now_ns, "two", two, th_str_c("emperor")), -EINVAL);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void test_names_are_one_in_any_case(void **state)
{
    struct bench *b = *state;
    int64_t id;
    bench_user(b, "Ann", "reader", "x");
    th_accounts_begin(b->a);
    assert_int_equal(
        th_user_add(b->a, b->now_ns, "system", th_str_c("aNN"), th_str_c("reader"), "", &id),
        -EEXIST);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void test_sessions_end(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_session s;
    char other[TH_COOKIE_LEN];
    bench_enrolled(b, "ann", "administrator", &ann);
    /* used every 11 hours it lives for 7 days, and not longer */
    for (int hours = 11; hours < 7 * 24; hours += 11) {
        b->now_ns = BENCH_START_NS + hours * TH_NS_PER_HOUR;
        th_accounts_begin(b->a);
        assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
        assert_int_equal(th_accounts_commit(b->a), 0);
    }
    b->now_ns = BENCH_START_NS + 7 * TH_NS_PER_DAY;
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), -ENOENT);
    /* not used for 12 hours it is over */
    th_session_begin(b->a, b->now_ns, ann.id, "", BENCH_ADDRESS, BENCH_AGENT, other);
    b->now_ns += 12 * TH_NS_PER_HOUR - 1;
    assert_int_equal(th_sessions_count(b->a, b->now_ns), 1);
    b->now_ns += 1;
    assert_int_equal(bench_whole(b, other, &s), -ENOENT);
    assert_int_equal(th_sessions_count(b->a, b->now_ns), 0);
    th_sessions_sweep(b->a, b->now_ns);
}

static void test_sessions_end_with_their_user(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_session s;
    char cookie[TH_COOKIE_LEN];
    bench_user(b, "root", "administrator", "x");
    bench_enrolled(b, "ann", "administrator", &ann);
    for (int i = 0; i < 5; i++) {
        th_accounts_begin(b->a);
        th_session_begin(b->a, b->now_ns, ann.id, "", BENCH_ADDRESS, BENCH_AGENT, cookie);
        assert_int_equal(bench_whole(b, cookie, &s), 0);
        if (i == 0)
            assert_int_equal(th_user_reset(b->a, b->now_ns, "root", ann.id, "h"), 0);
        else if (i == 1)
            assert_int_equal(
                th_user_set_role(b->a, b->now_ns, "root", ann.id, th_str_c("reader")), 0);
        else if (i == 2)
            assert_int_equal(th_user_set_password(b->a, b->now_ns, ann.id, "h", NULL), 0);
        else if (i == 3)
            assert_int_equal(th_user_set_disabled(b->a, b->now_ns, "root", ann.id, true), 0);
        else
            assert_int_equal(th_user_remove(b->a, b->now_ns, "root", ann.id), 0);
        assert_int_equal(bench_whole(b, cookie, &s), -ENOENT);
        if (i == 3) /* nor does it come back */
            assert_int_equal(th_user_set_disabled(b->a, b->now_ns, "root", ann.id, false), 0);
        assert_int_equal(bench_whole(b, cookie, &s), -ENOENT);
        assert_int_equal(th_accounts_commit(b->a), 0);
    }
}

static void test_own_password_keeps_the_own_session(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_session s;
    char other[TH_COOKIE_LEN];
    bench_enrolled(b, "ann", "administrator", &ann);
    th_session_begin(b->a, b->now_ns, ann.id, "", BENCH_ADDRESS, BENCH_AGENT, other);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
    assert_int_equal(th_user_set_password(b->a, b->now_ns, ann.id, "h", &s), 0);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
    assert_int_equal(bench_whole(b, other, &s), -ENOENT);
}

static void test_sessions_are_bounded_and_revocable(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct bench_person bob;
    struct th_session s;
    struct th_session bobs;
    char user[TH_USER_MAX_NAME];
    char cookie[TH_COOKIE_LEN];
    bench_enrolled(b, "ann", "administrator", &ann);
    bench_enrolled(b, "bob", "reader", &bob);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
    assert_int_equal(bench_whole(b, bob.end.cookie, &bobs), 0);
    /* not by another user, unless that is allowed */
    assert_int_equal(th_session_revoke(b->a, th_str_c(s.id), bob.id, false, user), -ENOENT);
    assert_int_equal(th_session_revoke(b->a, th_str_c(bobs.id), ann.id, true, user), 0);
    assert_string_equal(user, "bob");
    assert_int_equal(bench_whole(b, bob.end.cookie, &bobs), -ENOENT);
    assert_int_equal(th_session_revoke(b->a, th_str_c("zz"), ann.id, true, user), -ENOENT);
    for (unsigned i = 0; i < TH_SESSION_MAX_PER_USER + 5; i++) {
        b->now_ns += TH_NS_PER_S;
        th_session_begin(b->a, b->now_ns, ann.id, "", BENCH_ADDRESS, BENCH_AGENT, cookie);
        assert_int_equal(bench_whole(b, cookie, &s), 0); /* the newest always stays */
    }
    assert_int_equal(th_sessions_count(b->a, b->now_ns), TH_SESSION_MAX_PER_USER);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), -ENOENT);
}

static void test_csrf_token_is_the_sessions_own(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct bench_person bob;
    struct th_session s;
    struct th_session t;
    bench_enrolled(b, "ann", "administrator", &ann);
    bench_enrolled(b, "bob", "reader", &bob);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
    assert_int_equal(bench_whole(b, bob.end.cookie, &t), 0);
    assert_true(th_session_csrf_is(&s, th_str_c(s.csrf)));
    assert_false(th_session_csrf_is(&s, th_str_c(t.csrf)));
    assert_false(th_session_csrf_is(&s, th_str_c("")));
    assert_false(th_session_csrf_is(&s, th_str_c(ann.end.cookie)));
}

static void test_no_secret_is_in_the_database(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    char token[TH_TOKEN_LEN];
    bench_enrolled(b, "ann", "administrator", &ann);
    assert_int_equal(th_token_add(b->a, b->now_ns, "ann", th_str_c("site-a"), token), 0);
    bench_reopen(b); /* the write-ahead log goes into the file */
    th_accounts_close(b->a);
    b->a = NULL;
    TH_AUTOFCLOSE FILE *f = fopen(b->path, "rb");
    assert_non_null(f);
    TH_AUTOFREE char *bytes = th_xcalloc(1, 1 << 20);
    size_t n = fread(bytes, 1, 1 << 20, f);
    const struct th_str secrets[] = {th_str_c(ann.end.cookie),
        th_str_n(ann.secret, sizeof(ann.secret)), th_str_c(ann.end.recovery[0]),
        th_str_c(strchr(token, ':') + 1), th_str_c("a password of my own")};
    assert_non_null(memmem(bytes, n, "site-a", 6)); /* it is the right file */
    for (size_t i = 0; i < TH_ARRAY_LEN(secrets); i++)
        assert_null(memmem(bytes, n, secrets[i].p, secrets[i].len));
}

static void test_tokens(void **state)
{
    struct bench *b = *state;
    char token[TH_TOKEN_LEN];
    char again[TH_TOKEN_LEN];
    char label[TH_TOKEN_MAX_LABEL];
    const char *const wrong[] = {"", "abc", "site_a", "site a", "site:a", "<b>x</b>",
        "s\xc3\xa9\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_int_equal(th_token_add(b->a, b->now_ns, "ann", th_str_c(wrong[i]), token), -EINVAL);
    assert_int_equal(th_token_add(b->a, b->now_ns, "ann", th_str_c("site-a"), token), 0);
    assert_int_equal(th_token_add(b->a, b->now_ns, "ann", th_str_c("site-a"), again), -EEXIST);
    assert_int_equal(th_token_use(b->a, b->now_ns, th_str_c(token), label), 0);
    assert_string_equal(label, "site-a");
    const char *const bad[] = {"", ":", "site-a", "site-a:", "site-b:AAAA", "site-a:AAAA"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(th_token_use(b->a, b->now_ns, th_str_c(bad[i]), label), -EACCES);
    token[strlen(token) - 2] ^= 1;
    assert_int_equal(th_token_use(b->a, b->now_ns, th_str_c(token), label), -EACCES);
    token[strlen(token) - 2] ^= 1;
    assert_int_equal(th_token_revoke(b->a, b->now_ns, "ann", th_str_c("site-b")), -ENOENT);
    assert_int_equal(th_token_revoke(b->a, b->now_ns, "ann", th_str_c("site-a")), 0);
    assert_int_equal(th_token_use(b->a, b->now_ns, th_str_c(token), label), -EACCES);
    assert_int_equal(th_token_add(b->a, b->now_ns, "ann", th_str_c("site-a"), again), -EEXIST);
}

static void test_sensors_follow_their_controls(void **state)
{
    struct bench *b = *state;
    struct th_sensor s = {.status = "pending", .first_ns = 5, .last_ns = 5};
    struct th_sensor got;
    memset(s.key, 3, sizeof(s.key));
    th_sensor_id(s.key, s.id);
    snprintf(s.name, sizeof(s.name), "<img src=x onerror=alert(1)>\"'");
    th_sensor_apply(b->a, &s);
    snprintf(s.status, sizeof(s.status), "authorised");
    s.first_ns = s.last_ns = 9;
    th_sensor_apply(b->a, &s);
    th_sensor_apply(b->a, &s); /* again changes nothing */
    assert_int_equal(th_sensor_get(b->a, th_str_c(s.id), &got), 0);
    assert_string_equal(got.status, "authorised");
    assert_int_equal(got.first_ns, 5);
    assert_int_equal(th_sensors_count(b->a, "authorised"), 1);
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_sensors_put(b->a, &j);
    th_buf_u8(&out, 0);
    assert_null(strchr((const char *)out.p, '<'));
}

static int parse_settings(const char *text, struct th_settings *ret)
{
    const char *why = NULL;
    json_t *json = json_loads(text, 0, NULL);
    int r = th_settings_parse(json, ret, &why);
    assert_true((r < 0) == (why != NULL));
    json_decref(json);
    return r;
}

#define SETTINGS(alerts, approve, zone, days, bytes)                                               \
    "{\"alerts_per_day\":" alerts ",\"approve_sensors\":" approve ",\"time_zone\":" zone           \
    ",\"retention_days\":" days ",\"data_bytes\":" bytes "}"

static void test_settings(void **state)
{
    struct bench *b = *state;
    struct th_settings defaults;
    struct th_settings s;
    const char *const wrong[] = {"null", "[]", "{}",
        SETTINGS("0", "true", "\"UTC\"", "{}", "2000000000"),
        SETTINGS("5.5", "true", "\"UTC\"", "{}", "2000000000"),
        SETTINGS("5", "1", "\"UTC\"", "{}", "2000000000"),
        SETTINGS("5", "true", "\"../etc/passwd\"", "{}", "2000000000"),
        SETTINGS("5", "true", "\"/etc\"", "{}", "2000000000"),
        SETTINGS("5", "true", "\"\"", "{}", "2000000000"),
        SETTINGS("5", "true", "\"<b>\"", "{}", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "{\"conn\":0}", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "{\"conn\":4000}", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "{\"<b>\":1}", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "{\"\":1}", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "[]", "2000000000"),
        SETTINGS("5", "true", "\"UTC\"", "{}", "5"),
        SETTINGS("5", "true", "\"UTC\"", "{}", "2000000000,\"more\":1")};
    th_settings_default(&defaults);
    th_settings_get(b->a, &defaults, &s);
    assert_int_equal(s.alerts_per_day, 5);
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_int_equal(parse_settings(wrong[i], &s), -EINVAL);
    assert_int_equal(
        parse_settings(
            SETTINGS("7", "false", "\"Asia/Tokyo\"", "{\"conn\":30,\"dns\":7}", "2000000000"), &s),
        0);
    th_settings_set(b->a, &s);
    bench_reopen(b);
    th_settings_get(b->a, &defaults, &s);
    assert_int_equal(s.alerts_per_day, 7);
    assert_false(s.approve_sensors);
    assert_string_equal(s.time_zone, "Asia/Tokyo");
    assert_int_equal(s.retention_count, 2);
    assert_true(s.data_bytes == 2000000000);
}

static void fill_audit(struct bench *b)
{
    th_accounts_begin(b->a);
    for (int i = 0; i < 20; i++) {
        char object[16];
        snprintf(object, sizeof(object), "thing %d", i);
        th_audit(b->a, b->now_ns + i, "ann", "do", object, "<script>\"\n\x01");
    }
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void test_audit_chain_finds_tampering(void **state)
{
    struct bench *b = *state;
    static const char *const deeds[] = {
        "UPDATE audit SET user = 'bob' WHERE n = 7",
        "UPDATE audit SET at_ns = at_ns + 1 WHERE n = 1",
        "UPDATE audit SET object = 'thing' WHERE n = 20",
        "UPDATE audit SET user = 'an', action = 'ndo' WHERE n = 5",
        "UPDATE audit SET hash = zeroblob(32) WHERE n = 20",
        "DELETE FROM audit WHERE n = 10",
        "DELETE FROM audit WHERE n = 1",
        "DELETE FROM audit WHERE n = 20",
        "DELETE FROM audit WHERE n > 15",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE n = 10; UPDATE audit SET n = n - 1 WHERE n > 10",
        "INSERT INTO audit SELECT n + 1, 0, '', '', '', '', 1, hash FROM audit WHERE n = 20",
        "UPDATE audit SET key = 2 WHERE n = 3",
    };
    fill_audit(b);
    assert_true(th_audit_intact(b->a));
    bench_tamper(b,
        "CREATE TABLE kept AS SELECT * FROM audit;"
        "CREATE TABLE kept_meta AS SELECT * FROM meta");
    assert_true(th_audit_intact(b->a));
    for (size_t i = 0; i < TH_ARRAY_LEN(deeds); i++) {
        bench_tamper(b, deeds[i]);
        if (th_audit_intact(b->a))
            fail_msg("not found: %s", deeds[i]);
        assert_false(th_audit_check(b->a, 1)); /* it stays found */
        bench_tamper(b, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
        assert_true(th_audit_intact(b->a));
    }
    /* little by little */
    bench_tamper(b, "UPDATE audit SET user = 'bob' WHERE n = 7");
    assert_true(th_audit_check(b->a, 5));
    assert_false(th_audit_check(b->a, 5));
    bench_tamper(b, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
    for (int i = 0; i < 30; i++) {
        assert_true(th_audit_check(b->a, 3));
        th_audit(b->a, b->now_ns, "ann", "do", "more", "");
    }
    assert_true(th_audit_intact(b->a));
}

static void test_audit_pages(void **state)
{
    struct bench *b = *state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    fill_audit(b);
    struct th_json j = th_json_init(&out);
    th_audit_page(b->a, 0, 5, true, &j);
    th_buf_u8(&out, 0);
    const char *text = (const char *)out.p;
    assert_non_null(strstr(text, "\"n\":20,"));
    assert_non_null(strstr(text, "\"next\":16}"));
    assert_null(strchr(text, '<'));
    assert_null(strchr(text, '\n'));
    th_buf_clear(&out);
    j = th_json_init(&out);
    th_audit_page(b->a, 6, 500, true, &j);
    th_buf_u8(&out, 0);
    assert_non_null(strstr((const char *)out.p, "\"next\":null}"));
}

static void test_a_failed_commit_leaves_nothing(void **state)
{
    struct bench *b = *state;
    struct th_user u;
    int64_t id;
    th_accounts_begin(b->a);
    assert_int_equal(
        th_user_add(b->a, b->now_ns, "system", th_str_c("ann"), th_str_c("reader"), "h", &id), 0);
    th_accounts_rollback(b->a);
    assert_int_equal(th_user_find(b->a, th_str_c("ann"), &u), -ENOENT);
    assert_true(th_audit_intact(b->a));
}

static void test_versions(void **state)
{
    struct bench *b = *state;
    struct th_accounts *a = NULL;
    const uint8_t other[TH_KEYCHAIN_KEY_BYTES] = {8};
    TH_CLEANUP(th_keychain_freep) struct th_keychain *keys = th_keychain_new(other);
    assert_int_equal(th_accounts_open(b->path, keys, b->now_ns, &a), TH_E_SIGNATURE);
    bench_tamper(b, "CREATE TABLE x (y)"); /* nobody minds */
    th_accounts_close(b->a);
    b->a = NULL;
    TH_CLEANUP(th_keychain_freep) struct th_keychain *same = th_keychain_new(other);
    assert_int_equal(th_accounts_open("/nonexistent/state.db", same, 0, &a), -EACCES);
    assert_null(a);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_last_administrator_stays),
        TEST(test_names_are_one_in_any_case),
        TEST(test_sessions_end),
        TEST(test_sessions_end_with_their_user),
        TEST(test_own_password_keeps_the_own_session),
        TEST(test_sessions_are_bounded_and_revocable),
        TEST(test_csrf_token_is_the_sessions_own),
        TEST(test_no_secret_is_in_the_database),
        TEST(test_tokens),
        TEST(test_sensors_follow_their_controls),
        TEST(test_settings),
        TEST(test_audit_chain_finds_tampering),
        TEST(test_audit_pages),
        TEST(test_a_failed_commit_leaves_nothing),
        TEST(test_versions),
    };
    return cmocka_run_group_tests_name("account/accounts", tests, NULL, NULL);
}
