/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "crypto/random.h"
#include "crypto/sign.h"
#include "hex.h"

/* RFC 8032, section 7.1, TEST 2 and TEST 3. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} vectors[] = {
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void signatures_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t seed[TH_SIGN_SEED_BYTES], public_key[TH_SIGN_PUBLIC_BYTES], message[8];
        uint8_t expected[TH_SIGNATURE_BYTES], got[TH_SIGNATURE_BYTES];
        struct th_sign_key key;
        unhex(vectors[i].seed, seed);
        size_t len = unhex(vectors[i].message, message);
        th_sign_key_init(&key, seed);
        th_sign_key_public(&key, public_key);
        unhex(vectors[i].public_key, expected);
        assert_memory_equal(public_key, expected, sizeof(public_key));
        th_sign(&key, message, len, got);
        unhex(vectors[i].signature, expected);
        assert_memory_equal(got, expected, sizeof(got));
        assert_int_equal(th_verify(public_key, message, len, got), 0);
        th_sign_key_done(&key);
        uint8_t nothing[sizeof(key)] = {0};
        assert_memory_equal(&key, nothing, sizeof(key));
    }
}

static void any_changed_bit_is_seen(void **state)
{
    (void)state;
    uint8_t seed[TH_SIGN_SEED_BYTES], public_key[TH_SIGN_PUBLIC_BYTES];
    uint8_t message[40], signature[TH_SIGNATURE_BYTES];
    struct th_sign_key key;
    th_random_bytes(seed, sizeof(seed));
    th_random_bytes(message, sizeof(message));
    th_sign_key_init(&key, seed);
    th_sign_key_public(&key, public_key);
    th_sign(&key, message, sizeof(message), signature);
    assert_int_equal(th_verify(public_key, message, sizeof(message), signature), 0);
    for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            th_verify(public_key, message, sizeof(message), signature), TH_E_SIGNATURE);
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            th_verify(public_key, message, sizeof(message), signature), TH_E_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(
        th_verify(public_key, message, sizeof(message) - 1, signature), TH_E_SIGNATURE);
    th_random_bytes(public_key, sizeof(public_key));
    assert_int_equal(th_verify(public_key, message, sizeof(message), signature), TH_E_SIGNATURE);
}

static void randomness_stays_in_its_range(void **state)
{
    (void)state;
    bool seen[5] = {false};
    for (int i = 0; i < 1000; i++) {
        uint32_t v = th_random_below(5);
        assert_true(v < 5);
        seen[v] = true;
    }
    for (size_t i = 0; i < 5; i++)
        assert_true(seen[i]);
    assert_int_equal(th_random_below(1), 0);
    assert_true(th_random_u64() != th_random_u64());
}

static void secrets_compare_and_go(void **state)
{
    (void)state;
    uint8_t a[16], b[16], zero[16] = {0};
    th_random_bytes(a, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(th_secret_eq(a, b, sizeof(a)));
    b[15] ^= 1;
    assert_false(th_secret_eq(a, b, sizeof(a)));
    assert_true(th_secret_eq(a, b, 15));
    th_wipe(a, sizeof(a));
    assert_memory_equal(a, zero, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_rfc),
        cmocka_unit_test(any_changed_bit_is_seen),
        cmocka_unit_test(randomness_stays_in_its_range),
        cmocka_unit_test(secrets_compare_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
