/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <math.h>

#include "base/json.h"

/* The JSON text of a string made of these bytes. */
#define assert_json_str(bytes, want)                                                               \
    do {                                                                                           \
        TH_AUTOBUF struct th_buf out_ = TH_BUF_INIT;                                               \
        struct th_json j_ = th_json_init(&out_);                                                   \
        th_json_str(&j_, th_str_n(bytes, sizeof(bytes) - 1));                                      \
        assert_view_is(th_buf_view(&out_), want);                                                  \
    } while (0)

static void escapes(void **state)
{
    (void)state;
    assert_json_str("", "\"\"");
    assert_json_str("plain text", "\"plain text\"");
    assert_json_str("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_json_str("\n\r\t", "\"\\n\\r\\t\"");
    assert_json_str("\0\x1b\x7f", "\"\\u0000\\u001b\\u007f\"");
    assert_json_str("</script>&", "\"\\u003c/script\\u003e\\u0026\"");
}

static void utf8_passes(void **state)
{
    (void)state;
    assert_json_str(
        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void not_utf8_becomes_hex(void **state)
{
    (void)state;
    assert_json_str("\xff", "\"\\\\xff\"");
    assert_json_str("\xc3", "\"\\\\xc3\"");                                  /* cut */
    assert_json_str("\xc0\x80", "\"\\\\xc0\\\\x80\"");                       /* overlong */
    assert_json_str("\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"");            /* surrogate */
    assert_json_str("\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""); /* > U+10FFFF */
    assert_json_str("\xc2\x9b", "\"\\\\xc2\\\\x9b\"");                       /* C1: CSI */
    assert_json_str("\xe2\x80\xa8", "\"\\\\xe2\\\\x80\\\\xa8\"");            /* line separator */
}

static void commas_and_nesting(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_json_open(&j);
    th_json_key(&j, "a");
    th_json_u64(&j, UINT64_MAX);
    th_json_key(&j, "b");
    th_json_open_list(&j);
    th_json_i64(&j, INT64_MIN);
    th_json_bool(&j, true);
    th_json_open(&j);
    th_json_close(&j);
    th_json_null(&j);
    th_json_close_list(&j);
    th_json_key(&j, "c");
    th_json_bool(&j, false);
    th_json_close(&j);
    assert_view_is(th_buf_view(&out),
        "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,true,{},null],\"c\":false}");
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {
        0, 0.1, 1.0 / 3, 1e-300, 1.7976931348623157e308, -2.5, 123456789};
    for (size_t i = 0; i < TH_ARRAY_LEN(values); i++) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        struct th_json j = th_json_init(&out);
        th_json_double(&j, values[i]);
        double back = 99;
        assert_true(th_str_double(th_buf_view(&out), &back));
        assert_true(back == values[i]);
    }
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_json_open_list(&j);
    th_json_double(&j, 0.1);
    th_json_double(&j, NAN);
    th_json_double(&j, INFINITY);
    th_json_close_list(&j);
    assert_view_is(th_buf_view(&out), "[0.1,null,null]");
}

static void times_and_addresses(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    struct th_addr a = th_addr_v4((uint8_t[]){192, 0, 2, 7});
    th_json_open_list(&j);
    th_json_seconds(&j, INT64_C(1500000000));
    th_json_time(&j, 0);
    th_json_addr(&j, &a);
    th_json_close_list(&j);
    assert_view_is(th_buf_view(&out), "[1.500000,\"1970-01-01T00:00:00.000000Z\",\"192.0.2.7\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(utf8_passes),
        cmocka_unit_test(not_utf8_becomes_hex),
        cmocka_unit_test(commas_and_nesting),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(times_and_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
