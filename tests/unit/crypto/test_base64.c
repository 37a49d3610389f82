/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "crypto/base64.h"
#include "crypto/random.h"

/* RFC 4648, section 10. */
static const char *const vectors[][3] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
};

static void vectors_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        for (int form = TH_BASE64_URL; form <= TH_BASE64_CLASSIC; form++) {
            struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
            uint8_t back[16];
            size_t len = strlen(vectors[i][0]);
            th_base64_put((enum th_base64)form, vectors[i][0], len, &out);
            assert_view_is(th_buf_view(&out), vectors[i][1 + form]);
            assert_int_equal(
                th_base64_get((enum th_base64)form, th_buf_view(&out), back, sizeof(back)), len);
            assert_memory_equal(back, vectors[i][0], len);
        }
    }
}

static void every_length_comes_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < 70; len++) {
        uint8_t data[70], back[70];
        char text[TH_BASE64URL_ROOM(70)];
        th_random_bytes(data, len);
        th_base64url(data, len, text);
        assert_int_equal(strlen(text), TH_BASE64URL_LEN(len));
        assert_int_equal(th_base64url_get(th_str_c(text), back, len), 0);
        assert_memory_equal(back, data, len);
        assert_int_equal(th_base64url_get(th_str_c(text), back, len + 3), TH_E_MALFORMED);
    }
}

static void what_is_no_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z", "Zg==", "Zm 8", "Zm8\n", "Zm+v", "Zm/v", "Zh", "Zm9", "=", "\xff\xff\xff\xff"};
    uint8_t back[16];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            th_base64_get(TH_BASE64_URL, th_str_c(bad[i]), back, sizeof(back)), TH_E_MALFORMED);
    assert_int_equal(
        th_base64_get(TH_BASE64_URL, th_str_n("Zg\0\0", 4), back, sizeof(back)), TH_E_MALFORMED);
    assert_int_equal(th_base64_get(TH_BASE64_CLASSIC, th_str_c("Zg"), back, 16), TH_E_MALFORMED);
    assert_int_equal(th_base64_get(TH_BASE64_URL, th_str_c("Zm9vYmFy"), back, 5), TH_E_LIMIT);
    assert_int_equal(th_base64_get(TH_BASE64_URL, th_str_c("Zm9vYmFy"), back, 0), TH_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(what_is_no_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
