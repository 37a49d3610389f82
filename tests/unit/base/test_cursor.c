/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "base/cursor.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static void reads_both_orders(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init(bytes, sizeof(bytes));
    assert_int_equal(th_cur_u8(&c), 1);
    assert_int_equal(th_cur_be16(&c), 0x0203);
    assert_int_equal(th_cur_le16(&c), 0x0504);
    assert_int_equal(th_cur_be24(&c), 0x060708);
    assert_int_equal(th_cur_left(&c), 2);
    assert_false(c.failed);

    c = th_cur_init(bytes, sizeof(bytes));
    assert_int_equal(th_cur_be32(&c), 0x01020304);
    assert_int_equal(th_cur_le32(&c), 0x08070605);
    c = th_cur_init(bytes, sizeof(bytes));
    assert_true(th_cur_be64(&c) == 0x0102030405060708ULL);
    c = th_cur_init(bytes, sizeof(bytes));
    assert_true(th_cur_le64(&c) == 0x0807060504030201ULL);
}

static void error_is_sticky(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init(bytes, 3);
    assert_int_equal(th_cur_be32(&c), 0);
    assert_true(c.failed);
    /* One byte would fit; after an error nothing is read any more. */
    assert_int_equal(th_cur_u8(&c), 0);
    assert_int_equal(th_cur_left(&c), 0);
    assert_int_equal(th_cur_peek(&c, 0), 0);
    assert_int_equal(th_cur_bytes(&c, 0).len, 0);
}

static void a_part_of_a_number_is_no_number(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init(bytes, 7);
    assert_true(th_cur_be64(&c) == 0);
    assert_true(c.failed);
    c = th_cur_init(bytes, 2);
    assert_int_equal(th_cur_be24(&c), 0);
    assert_true(c.failed);
}

static void empty_and_null(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init(NULL, 5);
    assert_int_equal(th_cur_left(&c), 0);
    assert_int_equal(th_cur_u8(&c), 0);
    assert_true(c.failed);
    c = th_cur_init("", 0);
    assert_false(c.failed);
    th_cur_skip(&c, 0);
    assert_false(c.failed);
    th_cur_skip(&c, 1);
    assert_true(c.failed);
}

static void sub_cursor_is_bounded(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init(bytes, sizeof(bytes));
    struct th_cur sub = th_cur_sub(&c, 2);
    assert_int_equal(th_cur_be16(&sub), 0x0102);
    assert_int_equal(th_cur_u8(&sub), 0);
    assert_true(sub.failed);
    assert_false(c.failed);
    assert_int_equal(th_cur_u8(&c), 3);

    sub = th_cur_sub(&c, SIZE_MAX);
    assert_true(sub.failed);
    assert_true(c.failed);
}

static void views_point_into_the_data(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init("hello world", 11);
    assert_int_equal(th_cur_peek(&c, 4), 'o');
    assert_int_equal(th_cur_peek(&c, 11), 0);
    assert_view_is(th_cur_bytes(&c, 5), "hello");
    assert_int_equal(th_cur_bytes(&c, 7).len, 0);
    assert_true(c.failed);
}

static void varint_round_trip(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (size_t i = 0; i < TH_ARRAY_LEN(values); i++)
        th_buf_varint(&b, values[i]);
    struct th_cur c = th_cur_init(b.p, b.len);
    for (size_t i = 0; i < TH_ARRAY_LEN(values); i++)
        assert_true(th_cur_varint(&c) == values[i]);
    assert_int_equal(th_cur_left(&c), 0);
    assert_false(c.failed);
}

static void varint_without_end(void **state)
{
    (void)state;
    uint8_t long_one[12];
    memset(long_one, 0xff, sizeof(long_one));
    struct th_cur c = th_cur_init(long_one, sizeof(long_one));
    assert_true(th_cur_varint(&c) == 0);
    assert_true(c.failed);
    c = th_cur_init(long_one, 2);
    (void)th_cur_varint(&c);
    assert_true(c.failed);
}

static void nothing_can_be_had_from_a_failed_cursor(void **state)
{
    (void)state;
    struct th_cur c = th_cur_init("ab", 2);
    th_cur_skip(&c, 3);
    assert_true(c.failed);
    /* Not even nothing: a parser that asks for zero bytes must see the error. */
    struct th_cur sub = th_cur_sub(&c, 0);
    assert_true(sub.failed);
}

static void doubles(void **state)
{
    (void)state;
    static const double values[] = {0, -1.5, 1e300, 5e-324};
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (size_t i = 0; i < TH_ARRAY_LEN(values); i++)
        th_buf_double(&b, values[i]);
    th_buf_double(&b, __builtin_inf());
    struct th_cur c = th_cur_init(b.p, b.len);
    for (size_t i = 0; i < TH_ARRAY_LEN(values); i++)
        assert_true(th_cur_double(&c) == values[i]);
    assert_false(c.failed);
    assert_true(th_cur_double(&c) == 0);
    assert_true(c.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_orders),
        cmocka_unit_test(error_is_sticky),
        cmocka_unit_test(a_part_of_a_number_is_no_number),
        cmocka_unit_test(empty_and_null),
        cmocka_unit_test(sub_cursor_is_bounded),
        cmocka_unit_test(views_point_into_the_data),
        cmocka_unit_test(varint_round_trip),
        cmocka_unit_test(varint_without_end),
        cmocka_unit_test(nothing_can_be_had_from_a_failed_cursor),
        cmocka_unit_test(doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
