/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"

static void numbers_in_both_orders(void **state)
{
    (void)state;
    static const uint8_t want[] = {7, 0x02, 0x01, 0x04, 0x03, 0x02, 0x01, 8, 7, 6, 5, 4, 3, 2, 1,
        0x01, 0x02, 0x01, 0x02, 0x03, 0x04, 0xac, 0x02};
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_u8(&b, 7);
    th_buf_le16(&b, 0x0102);
    th_buf_le32(&b, 0x01020304);
    th_buf_le64(&b, 0x0102030405060708ULL);
    th_buf_be16(&b, 0x0102);
    th_buf_be32(&b, 0x01020304);
    th_buf_varint(&b, 300);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.p, want, sizeof(want));
}

static void limit_keeps_what_it_has(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    b.limit = 8;
    th_buf_puts(&b, "12345");
    th_buf_puts(&b, "6789");
    assert_true(b.overflow);
    assert_view_is(th_buf_view(&b), "12345");
    th_buf_puts(&b, "678");
    assert_view_is(th_buf_view(&b), "12345678");
    assert_null(th_buf_reserve(&b, SIZE_MAX));
    th_buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_false(b.overflow);
}

static void printf_short_and_long(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_printf(&b, "%d-%s", 42, "x");
    assert_view_is(th_buf_view(&b), "42-x");
    th_buf_clear(&b);
    th_buf_printf(&b, "%01000d", 1);
    assert_int_equal(b.len, 1000);
    assert_int_equal(b.p[0], '0');
    assert_int_equal(b.p[999], '1');
}

static void grows_over_many_puts(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (unsigned i = 0; i < 100000; i++)
        th_buf_le32(&b, i);
    assert_int_equal(b.len, 400000);
    assert_memory_equal(b.p + 4 * 77777, ((uint8_t[]){0xd1, 0x2f, 0x01, 0x00}), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_both_orders),
        cmocka_unit_test(limit_keeps_what_it_has),
        cmocka_unit_test(printf_short_and_long),
        cmocka_unit_test(grows_over_many_puts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
