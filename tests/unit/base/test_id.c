/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/id.h"
#include "base/mem.h"

static void digits_of_base_62(void **state)
{
    (void)state;
    char text[TH_ID_TEXT_LEN];
    th_id_text('C', 0, text);
    assert_string_equal(text, "C00000000000");
    th_id_text('F', 61, text);
    assert_string_equal(text, "F0000000000z");
    th_id_text('C', 62 * 62 + 10, text);
    assert_string_equal(text, "C0000000010A");
}

/* The greatest number has 11 digits: no two numbers have the same text. */
static void all_64_bits(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const uint64_t ids[] = {
        UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, 1234567890123456789};
    for (size_t i = 0; i < TH_ARRAY_LEN(ids); i++) {
        char text[TH_ID_TEXT_LEN];
        uint64_t back = 0;
        th_id_text('C', ids[i], text);
        assert_int_equal(strlen(text), 12);
        for (const char *p = text + 1; *p; p++)
            back = back * 62 + (uint64_t)(strchr(digits, *p) - digits);
        assert_true(back == ids[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_of_base_62),
        cmocka_unit_test(all_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
