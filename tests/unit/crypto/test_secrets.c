/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords, one-time codes and the key chain. */
#include "unit.h"

#include "base/time.h"
#include "crypto/base32.h"
#include "crypto/hash.h"
#include "crypto/keychain.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/totp.h"

static const struct th_password_cost cheap = {.passes = 1, .memory_bytes = 8u << 10};

static void test_password_hash_has_its_parameters_in_it(void **state)
{
    (void)state;
    char hash[TH_PASSWORD_HASH_LEN];
    char again[TH_PASSWORD_HASH_LEN];
    struct th_password_cost cost = th_password_cost_default();
    assert_int_equal(th_password_hash(th_str_c("correct horse"), cost, hash), 0);
    assert_true(th_str_starts(th_str_c(hash), "$argon2id$v=19$m=65536,t=3,p=1$"));
    assert_true(th_password_matches(hash, th_str_c("correct horse")));
    assert_false(th_password_matches(hash, th_str_c("correct horsf")));
    assert_false(th_password_matches(hash, th_str_c("")));
    assert_false(th_password_is_dated(hash, cost));
    assert_int_equal(th_password_hash(th_str_c("correct horse"), cheap, hash), 0);
    assert_int_equal(th_password_hash(th_str_c("correct horse"), cheap, again), 0);
    assert_string_not_equal(hash, again); /* salted */
    assert_true(th_password_matches(hash, th_str_c("correct horse")));
    assert_true(th_password_is_dated(hash, cost));
}

static void test_what_is_no_hash_matches_nothing(void **state)
{
    (void)state;
    const char *const wrong[] = {"", "x", "$argon2id$", "$argon2id$v=19$m=65536,t=3,p=1$",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=1$AAAA$AAAA", "$2y$10$abcdefghijklmnopqrstuv"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++) {
        char hash[TH_PASSWORD_HASH_LEN] = {0};
        snprintf(hash, sizeof(hash), "%s", wrong[i]);
        assert_false(th_password_matches(hash, th_str_c("")));
        assert_false(th_password_matches(hash, th_str_c("x")));
    }
}

/* RFC 6238, appendix B, SHA-1, cut to six digits. */
static void test_totp_vectors(void **state)
{
    (void)state;
    const uint8_t secret[] = "12345678901234567890";
    const struct {
        int64_t at_s;
        const char *code;
    } cases[] = {{59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        char code[TH_TOTP_DIGITS + 1];
        if (cases[i].at_s > INT64_MAX / TH_NS_PER_S)
            continue; /* past what our times can say */
        th_totp_code(secret, cases[i].at_s * TH_NS_PER_S, code);
        assert_string_equal(code, cases[i].code);
    }
}

static void test_totp_window_and_no_step_twice(void **state)
{
    (void)state;
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    char code[TH_TOTP_DIGITS + 1];
    int64_t step = -1;
    const int64_t t = 1700000010 * TH_NS_PER_S;
    memset(secret, 7, sizeof(secret));
    th_totp_code(secret, t, code);
    struct th_str text = th_str_c(code);
    assert_false(th_totp_check(secret, t + 60 * TH_NS_PER_S, -1, text, &step));
    assert_false(th_totp_check(secret, t - 60 * TH_NS_PER_S, -1, text, &step));
    assert_true(th_totp_check(secret, t + 30 * TH_NS_PER_S, -1, text, &step));
    assert_true(th_totp_check(secret, t - 30 * TH_NS_PER_S, -1, text, &step));
    assert_int_equal(step, 1700000010 / 30);
    assert_false(th_totp_check(secret, t, step, text, &step));     /* replayed */
    assert_false(th_totp_check(secret, t, step + 1, text, &step)); /* older than the last */
    assert_false(th_totp_check(secret, t, -1, th_str_c("12345"), &step));
    assert_false(th_totp_check(secret, t, -1, th_str_c(""), &step));
}

static void test_base32_and_hex(void **state)
{
    (void)state;
    /* RFC 4648, section 10 */
    const char *const cases[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"},
        {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    uint8_t bytes[2];
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        th_base32_put(cases[i][0], strlen(cases[i][0]), &out);
        assert_view_is(th_buf_view(&out), cases[i][1]);
    }
    assert_true(th_unhex(th_str_c("0aFF"), bytes, 2));
    assert_int_equal(bytes[1], 255);
    const char *const wrong[] = {"0aF", "0aFF0", "0aFg", "0a F", "", "0a:f"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_false(th_unhex(th_str_c(wrong[i]), bytes, 2));
}

static const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES] = {1, 2, 3};

static void test_secrets_open_in_their_place_only(void **state)
{
    (void)state;
    TH_CLEANUP(th_keychain_freep) struct th_keychain *k = th_keychain_new(instance_key);
    TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf open = TH_BUF_INIT;
    assert_int_equal(th_keychain_seal(k, "user 7", th_str_c("secret"), &sealed), -ENOKEY);
    assert_int_equal(th_keychain_rotate(k, &wrapped), 1);
    assert_int_equal(th_keychain_seal(k, "user 7", th_str_c("secret"), &sealed), 0);
    assert_int_equal(th_keychain_open(k, "user 8", th_buf_view(&sealed), &open), TH_E_SIGNATURE);
    assert_int_equal(th_keychain_open(k, "user 7", th_buf_view(&sealed), &open), 0);
    assert_view_is(th_buf_view(&open), "secret");
    for (size_t len = 0; len < sealed.len; len++)
        assert_true(th_keychain_open(k, "user 7", th_str_n(sealed.p, len), &open) < 0);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.p[i] ^= 1;
        assert_true(th_keychain_open(k, "user 7", th_buf_view(&sealed), &open) < 0);
        sealed.p[i] ^= 1;
    }
    assert_int_equal(open.len, strlen("secret")); /* nothing was added by what failed */
}

static void test_rotation_keeps_old_secrets(void **state)
{
    (void)state;
    TH_CLEANUP(th_keychain_freep) struct th_keychain *k = th_keychain_new(instance_key);
    TH_AUTOBUF struct th_buf first = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf second = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf open = TH_BUF_INIT;
    assert_int_equal(th_keychain_rotate(k, &first), 1);
    assert_int_equal(th_keychain_seal(k, "c", th_str_c("old"), &sealed), 0);
    assert_false(th_keychain_is_dated(k, th_buf_view(&sealed)));
    assert_int_equal(th_keychain_rotate(k, &second), 2);
    assert_true(th_keychain_is_dated(k, th_buf_view(&sealed)));
    /* another process, from what was kept */
    TH_CLEANUP(th_keychain_freep) struct th_keychain *later = th_keychain_new(instance_key);
    assert_int_equal(th_keychain_take(later, 2, th_buf_view(&first)), TH_E_SIGNATURE);
    assert_int_equal(th_keychain_take(later, 1, th_buf_view(&first)), 0);
    assert_int_equal(th_keychain_take(later, 1, th_buf_view(&first)), TH_E_MALFORMED);
    assert_int_equal(th_keychain_take(later, 2, th_buf_view(&second)), 0);
    assert_int_equal(th_keychain_open(later, "c", th_buf_view(&sealed), &open), 0);
    assert_view_is(th_buf_view(&open), "old");
    const uint8_t other_key[TH_KEYCHAIN_KEY_BYTES] = {9};
    TH_CLEANUP(th_keychain_freep) struct th_keychain *other = th_keychain_new(other_key);
    assert_int_equal(th_keychain_take(other, 1, th_buf_view(&first)), TH_E_SIGNATURE);
}

static int take_in(void *arg, uint32_t number, struct th_str wrapped)
{
    return th_keychain_take(arg, number, wrapped);
}

static void test_instance_key_can_change(void **state)
{
    (void)state;
    const uint8_t new_key[TH_KEYCHAIN_KEY_BYTES] = {42};
    TH_CLEANUP(th_keychain_freep) struct th_keychain *k = th_keychain_new(instance_key);
    TH_CLEANUP(th_keychain_freep) struct th_keychain *next = th_keychain_new(new_key);
    TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf open = TH_BUF_INIT;
    assert_int_equal(th_keychain_rotate(k, &wrapped), 1);
    assert_int_equal(th_keychain_rotate(k, &wrapped), 2);
    assert_int_equal(th_keychain_seal(k, "c", th_str_c("kept"), &sealed), 0);
    assert_int_equal(th_keychain_rewrap(k, new_key, take_in, next), 0);
    assert_int_equal(th_keychain_open(next, "c", th_buf_view(&sealed), &open), 0);
    assert_view_is(th_buf_view(&open), "kept");
}

static void test_mac_depends_on_all(void **state)
{
    (void)state;
    TH_CLEANUP(th_keychain_freep) struct th_keychain *k = th_keychain_new(instance_key);
    TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
    uint8_t mac[4][TH_KEYCHAIN_MAC_BYTES];
    assert_int_equal(th_keychain_mac(k, 1, "c", th_str_c("s"), mac[0]), -ENOKEY);
    assert_int_equal(th_keychain_rotate(k, &wrapped), 1);
    assert_int_equal(th_keychain_rotate(k, &wrapped), 2);
    assert_int_equal(th_keychain_mac(k, 1, "c", th_str_c("s"), mac[0]), 0);
    assert_int_equal(th_keychain_mac(k, 1, "d", th_str_c("s"), mac[1]), 0);
    assert_int_equal(th_keychain_mac(k, 1, "c", th_str_c("t"), mac[2]), 0);
    assert_int_equal(th_keychain_mac(k, 2, "c", th_str_c("s"), mac[3]), 0);
    for (int i = 1; i < 4; i++)
        assert_memory_not_equal(mac[0], mac[i], TH_KEYCHAIN_MAC_BYTES);
    assert_int_equal(th_keychain_mac(k, 1, "c", th_str_c("s"), mac[1]), 0);
    assert_memory_equal(mac[0], mac[1], TH_KEYCHAIN_MAC_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_hash_has_its_parameters_in_it),
        cmocka_unit_test(test_what_is_no_hash_matches_nothing),
        cmocka_unit_test(test_totp_vectors),
        cmocka_unit_test(test_totp_window_and_no_step_twice),
        cmocka_unit_test(test_base32_and_hex),
        cmocka_unit_test(test_secrets_open_in_their_place_only),
        cmocka_unit_test(test_rotation_keeps_old_secrets),
        cmocka_unit_test(test_instance_key_can_change),
        cmocka_unit_test(test_mac_depends_on_all),
    };
    return cmocka_run_group_tests_name("crypto/secrets", tests, NULL, NULL);
}
