/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "crypto/aead.h"
#include "hex.h"

/* draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
static const char text[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";
static const char sealed_hex[] = "404142434445464748494a4b4c4d4e4f5051525354555657"
                                 "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                                 "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                                 "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                                 "21f9664c97637da9768812f615c68b13b52e"
                                 "c0875924c1c7987947deafd8780acf49";
static const uint8_t context[] = {
    0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};

static void make_key(uint8_t key[TH_AEAD_KEY_BYTES])
{
    for (unsigned i = 0; i < TH_AEAD_KEY_BYTES; i++)
        key[i] = (uint8_t)(0x80 + i);
}

static void opens_the_published_vector(void **state)
{
    (void)state;
    uint8_t key[TH_AEAD_KEY_BYTES], sealed[sizeof(sealed_hex) / 2], plain[sizeof(sealed_hex) / 2];
    make_key(key);
    size_t len = unhex(sealed_hex, sealed);
    int64_t n = th_aead_open(key, th_str_n(context, sizeof(context)), th_str_n(sealed, len), plain);
    assert_int_equal(n, sizeof(text) - 1);
    assert_memory_equal(plain, text, sizeof(text) - 1);
}

static void only_what_was_sealed_opens(void **state)
{
    (void)state;
    uint8_t key[TH_AEAD_KEY_BYTES], plain[64];
    struct th_buf one TH_AUTOBUF = TH_BUF_INIT, two TH_AUTOBUF = TH_BUF_INIT;
    struct th_str secret = th_str_c("a token's secret");
    struct th_str whose = th_str_c("token lab");
    make_key(key);
    th_aead_seal(key, whose, secret, &one);
    th_aead_seal(key, whose, secret, &two);
    assert_int_equal(one.len, secret.len + TH_AEAD_EXTRA_BYTES);
    assert_memory_not_equal(one.p, two.p, one.len);
    assert_int_equal(th_aead_open(key, whose, th_buf_view(&one), plain), secret.len);
    assert_memory_equal(plain, secret.p, secret.len);
    assert_int_equal(
        th_aead_open(key, th_str_c("token lob"), th_buf_view(&one), plain), TH_E_SIGNATURE);
    for (size_t i = 0; i < one.len; i++) {
        one.p[i] ^= 0x10;
        assert_int_equal(th_aead_open(key, whose, th_buf_view(&one), plain), TH_E_SIGNATURE);
        one.p[i] ^= 0x10;
        struct th_str cut = th_str_n(one.p, i);
        int expected = i < TH_AEAD_EXTRA_BYTES ? TH_E_TRUNCATED : TH_E_SIGNATURE;
        assert_int_equal(th_aead_open(key, whose, cut, plain), expected);
    }
    key[31] ^= 1;
    assert_int_equal(th_aead_open(key, whose, th_buf_view(&one), plain), TH_E_SIGNATURE);
}

static void nothing_may_be_sealed_too(void **state)
{
    (void)state;
    uint8_t key[TH_AEAD_KEY_BYTES], plain[1];
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    make_key(key);
    th_aead_seal(key, th_str_c(""), th_str_c(""), &out);
    assert_int_equal(out.len, TH_AEAD_EXTRA_BYTES);
    assert_int_equal(th_aead_open(key, th_str_c(""), th_buf_view(&out), plain), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_the_published_vector),
        cmocka_unit_test(only_what_was_sealed_opens),
        cmocka_unit_test(nothing_may_be_sealed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
