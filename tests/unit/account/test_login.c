/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in, step by step, and what keeps others from it. */
#include "unit.h"

#include "bench.h"
#include "crypto/totp.h"

static int code_login(
    struct bench *b, const struct bench_person *p, int64_t code_at_ns, struct th_login_end *ret)
{
    struct th_session half;
    char code[TH_TOTP_DIGITS + 1];
    th_totp_code(p->secret, code_at_ns, code);
    th_accounts_begin(b->a);
    int r = bench_half(b, &half);
    if (r == 0)
        r = th_login_code(b->a, b->now_ns, &half, th_str_c(code), BENCH_ADDRESS, BENCH_AGENT, ret);
    assert_int_equal(th_accounts_commit(b->a), 0);
    return r;
}

static void test_first_login_then_a_code(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_session s;
    struct th_login_end end = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_enrolled(b, "ann", "analyst", &ann);
    assert_int_equal(ann.end.recovery_count, TH_RECOVERY_CODES);
    assert_int_equal(bench_whole(b, ann.end.cookie, &s), 0);
    assert_string_equal(s.user.name, "ann");
    assert_int_equal(bench_whole(b, b->cookie, &s), -ENOENT); /* the half login is over */
    assert_int_equal(bench_half(b, &s), -ENOENT);
    b->now_ns += TH_NS_PER_MIN;
    /* the one-time password is gone */
    assert_int_equal(bench_login(b, "ann", "one-time", "192.0.2.7", &retry_s, &stage), -EACCES);
    assert_int_equal(
        bench_login(b, "ANN", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    assert_string_equal(stage, "code");
    assert_int_equal(bench_whole(b, b->cookie, &s), -ENOENT); /* half is not whole */
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), 0);
    assert_int_equal(end.recovery_count, 0);
    assert_int_equal(bench_whole(b, end.cookie, &s), 0);
    assert_true(s.user.last_login_ns == b->now_ns);
}

static void test_a_step_is_taken_once(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_login_end end = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_enrolled(b, "ann", "analyst", &ann);
    /* the code that enrolled is used up as well */
    assert_int_equal(
        bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), -EACCES);
    b->now_ns += 30 * TH_NS_PER_S;
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), 0);
    bench_reopen(b); /* a restart forgets nothing */
    assert_int_equal(
        bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), -EACCES);
    /* nor does an older step come back after a newer one */
    assert_int_equal(code_login(b, &ann, b->now_ns - 30 * TH_NS_PER_S, &end), -EACCES);
    assert_int_equal(code_login(b, &ann, b->now_ns + 30 * TH_NS_PER_S, &end), 0);
}

static void test_five_wrong_codes_end_the_half_login(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_login_end end = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_enrolled(b, "ann", "analyst", &ann);
    assert_int_equal(
        bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    for (int i = 0; i < TH_LOGIN_MAX_TRIES; i++) {
        b->now_ns += TH_NS_PER_MIN; /* past any delay */
        assert_int_equal(code_login(b, &ann, BENCH_START_NS - TH_NS_PER_DAY, &end), -EACCES);
    }
    b->now_ns += TH_NS_PER_MIN;
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), -ENOENT);
}

static void test_half_login_ends_after_ten_minutes(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct th_session half;
    unsigned retry_s;
    const char *stage = "";
    bench_enrolled(b, "ann", "analyst", &ann);
    assert_int_equal(
        bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    b->now_ns += 10 * TH_NS_PER_MIN - 1;
    assert_int_equal(bench_half(b, &half), 0);
    b->now_ns += 1;
    assert_int_equal(bench_half(b, &half), -ENOENT);
}

static void test_recovery_codes_work_once(void **state)
{
    struct bench *b = *state;
    struct bench_person ann;
    struct bench_person bob;
    struct th_session half;
    struct th_login_end end = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_enrolled(b, "ann", "analyst", &ann);
    bench_enrolled(b, "bob", "reader", &bob);
    for (int i = 0; i < 2; i++) {
        b->now_ns += TH_NS_PER_MIN;
        assert_int_equal(
            bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
        th_accounts_begin(b->a);
        assert_int_equal(bench_half(b, &half), 0);
        /* another's code is none */
        assert_int_equal(th_login_recovery(b->a, b->now_ns, &half, th_str_c(bob.end.recovery[0]),
                             BENCH_ADDRESS, BENCH_AGENT, &end),
            -EACCES);
        assert_int_equal(th_login_recovery(b->a, b->now_ns, &half, th_str_c(ann.end.recovery[3]),
                             BENCH_ADDRESS, BENCH_AGENT, &end),
            i == 0 ? 0 : -EACCES);
        assert_int_equal(th_accounts_commit(b->a), 0);
    }
    /* as people type them, also after the data key changed */
    th_accounts_begin(b->a);
    assert_int_equal(th_accounts_rotate(b->a, b->now_ns, "system"), 0);
    char typed[32];
    snprintf(typed, sizeof(typed), " %s ", ann.end.recovery[4]);
    for (char *p = typed; *p; p++)
        *p = *p == '-' ? ' ' : th_lower(*p);
    assert_int_equal(bench_half(b, &half), 0);
    b->now_ns += TH_NS_PER_MIN;
    assert_int_equal(th_login_recovery(
                         b->a, b->now_ns, &half, th_str_c(typed), BENCH_ADDRESS, BENCH_AGENT, &end),
        0);
    assert_int_equal(th_accounts_commit(b->a), 0);
    /* and the second factor opens under the new key after a restart */
    bench_reopen(b);
    b->now_ns += TH_NS_PER_MIN;
    assert_int_equal(
        bench_login(b, "ann", "a password of my own", "192.0.2.7", &retry_s, &stage), 0);
    assert_int_equal(code_login(b, &ann, b->now_ns, &end), 0);
}

static void test_name_locks_for_twice_as_long_each_time(void **state)
{
    struct bench *b = *state;
    const char *const names[] = {"ann", "nobody-has-this-name"};
    unsigned retry_s;
    const char *stage = "";
    bench_user(b, "ann", "analyst", "right");
    for (size_t n = 0; n < TH_ARRAY_LEN(names); n++) {
        static const unsigned waits_s[] = {0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
        for (size_t i = 0; i < TH_ARRAY_LEN(waits_s); i++) {
            char address[32]; /* each try from elsewhere */
            snprintf(address, sizeof(address), "198.51.100.%zu", 1 + n * 100 + i);
            assert_int_equal(bench_login(b, names[n], "wrong", address, &retry_s, &stage), -EACCES);
            if (waits_s[i] == 0)
                continue;
            /* also the right password, from any address */
            assert_int_equal(
                bench_login(b, names[n], "right", "203.0.113.9", &retry_s, &stage), TH_E_LIMIT);
            assert_int_equal(retry_s, waits_s[i]);
            b->now_ns += waits_s[i] * TH_NS_PER_S - 1;
            assert_int_equal(
                bench_login(b, names[n], "right", "203.0.113.9", &retry_s, &stage), TH_E_LIMIT);
            assert_int_equal(retry_s, 1);
            b->now_ns += 1;
        }
    }
    assert_int_equal(bench_login(b, "ann", "right", "203.0.113.9", &retry_s, &stage), 0);
}

static void test_address_locks_over_all_names(void **state)
{
    struct bench *b = *state;
    unsigned retry_s;
    const char *stage = "";
    bench_user(b, "ann", "analyst", "right");
    for (int i = 0; i < 11; i++) {
        char name[16];
        char address[48]; /* one network of 64 bits */
        snprintf(name, sizeof(name), "user%d", i);
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", i + 1);
        assert_int_equal(bench_login(b, name, "wrong", address, &retry_s, &stage), -EACCES);
    }
    assert_int_equal(
        bench_login(b, "ann", "right", "2001:db8:1:2:ffff::1", &retry_s, &stage), TH_E_LIMIT);
    assert_int_equal(bench_login(b, "ann", "right", "2001:db8:1:3::1", &retry_s, &stage), 0);
    b->now_ns += TH_NS_PER_DAY + 1;
    th_accounts_begin(b->a);
    th_accounts_sweep(b->a, b->now_ns);
    assert_int_equal(th_accounts_commit(b->a), 0);
    assert_int_equal(bench_login(b, "ann", "right", "2001:db8:1:2:ffff::1", &retry_s, &stage), 0);
}

static void test_password_changed_while_it_was_checked(void **state)
{
    struct bench *b = *state;
    struct th_login login;
    const char *stage = "";
    int64_t id = bench_user(b, "ann", "analyst", "right");
    th_accounts_begin(b->a);
    assert_int_equal(th_login_begin(b->a, b->now_ns, th_str_c("ann"), BENCH_ADDRESS, &login), 0);
    assert_int_equal(th_user_reset(b->a, b->now_ns, "system", id, bench_hash(b, "another")), 0);
    assert_int_equal(th_login_password(b->a, b->now_ns, &login, true, BENCH_ADDRESS, BENCH_AGENT,
                         b->cookie, &stage),
        -EACCES);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void test_stages_cannot_be_skipped(void **state)
{
    struct bench *b = *state;
    struct th_session half;
    struct th_login_end end = {0};
    struct th_enrolment e = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_user(b, "ann", "analyst", "one-time");
    assert_int_equal(bench_login(b, "ann", "one-time", "192.0.2.7", &retry_s, &stage), 0);
    th_accounts_begin(b->a);
    assert_int_equal(bench_half(b, &half), 0);
    assert_int_equal(th_login_offer(b->a, &half, "Thymus", &e), -EACCES);
    assert_int_equal(th_login_enrol(b->a, b->now_ns, &half, th_str_c("000000"), BENCH_ADDRESS,
                         BENCH_AGENT, &end),
        -EACCES);
    assert_int_equal(
        th_login_code(b->a, b->now_ns, &half, th_str_c("000000"), BENCH_ADDRESS, BENCH_AGENT, &end),
        -EACCES);
    assert_int_equal(th_login_recovery(b->a, b->now_ns, &half, th_str_c("AAAAA-AAAAA"),
                         BENCH_ADDRESS, BENCH_AGENT, &end),
        -EACCES);
    assert_int_equal(th_accounts_commit(b->a), 0);
    th_enrolment_done(&e);
}

static void test_enrolment_is_a_link_and_its_picture(void **state)
{
    struct bench *b = *state;
    struct th_session half;
    struct th_enrolment e = {0};
    unsigned retry_s;
    const char *stage = "";
    bench_user(b, "a+b@example.org", "reader", "one-time");
    assert_int_equal(
        bench_login(b, "a+b@example.org", "one-time", "192.0.2.7", &retry_s, &stage), 0);
    th_accounts_begin(b->a);
    assert_int_equal(bench_half(b, &half), 0);
    assert_int_equal(th_login_own_password(b->a, b->now_ns, &half, bench_hash(b, "x")), 0);
    assert_int_equal(bench_half(b, &half), 0);
    assert_int_equal(th_login_offer(b->a, &half, "Thymus \"<&", &e), 0);
    assert_int_equal(th_accounts_commit(b->a), 0);
    th_buf_u8(&e.uri, 0);
    th_buf_u8(&e.svg, 0);
    char want[256];
    snprintf(want, sizeof(want),
        "otpauth://totp/Thymus%%20%%22%%3C%%26:a%%2Bb%%40example.org?secret=%.*s"
        "&issuer=Thymus%%20%%22%%3C%%26&algorithm=SHA1&digits=6&period=30",
        (int)e.secret.len, (const char *)e.secret.p);
    assert_string_equal((const char *)e.uri.p, want);
    assert_true(th_str_starts(th_str_c((const char *)e.svg.p), "<svg xmlns="));
    assert_true(th_str_ends(th_str_c((const char *)e.svg.p), "</svg>"));
    th_enrolment_done(&e);
}

static void test_hostile_names_are_no_names(void **state)
{
    struct bench *b = *state;
    const char *const names[] = {"", " ", "a b", "<script>", "a'--", "\"", "a\n", "ann\xc3\xa9",
        "../x", "a/b", "a:b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    int64_t id;
    struct th_login login;
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++) {
        th_accounts_begin(b->a);
        assert_int_equal(
            th_user_add(b->a, b->now_ns, "system", th_str_c(names[i]), th_str_c("reader"), "", &id),
            -EINVAL);
        assert_int_equal(
            th_login_begin(b->a, b->now_ns, th_str_c(names[i]), BENCH_ADDRESS, &login), -EINVAL);
        assert_int_equal(th_accounts_commit(b->a), 0);
    }
    assert_false(th_user_name_is(th_str_n("a\0b", 3)));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_login_then_a_code),
        TEST(test_a_step_is_taken_once),
        TEST(test_five_wrong_codes_end_the_half_login),
        TEST(test_half_login_ends_after_ten_minutes),
        TEST(test_recovery_codes_work_once),
        TEST(test_name_locks_for_twice_as_long_each_time),
        TEST(test_address_locks_over_all_names),
        TEST(test_password_changed_while_it_was_checked),
        TEST(test_stages_cannot_be_skipped),
        TEST(test_enrolment_is_a_link_and_its_picture),
        TEST(test_hostile_names_are_no_names),
    };
    return cmocka_run_group_tests_name("account/login", tests, NULL, NULL);
}
