/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal.h"
#include "unit.h"

enum { MAGIC = 0x31534554, VERSION = 3 };

static void seal(struct th_buf *b)
{
    size_t at = th_seal_begin(b, MAGIC, VERSION);
    th_buf_puts(b, "body");
    th_seal_end(b, at);
}

static void round_trip(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_cur c;
    seal(&b);
    assert_int_equal(th_seal_open(b.p, b.len, MAGIC, VERSION, &c), 0);
    assert_int_equal(th_cur_left(&c), 4);
    assert_true(th_str_is(th_cur_bytes(&c, 4), "body"));
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_cur c;
    seal(&b);
    assert_int_equal(th_seal_open(b.p, b.len, MAGIC + 1, VERSION, &c), TH_E_UNKNOWN_FORMAT);
    assert_int_equal(th_seal_open(b.p, b.len, MAGIC, VERSION + 1, &c), TH_E_VERSION);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(th_seal_open(b.p, n, MAGIC, VERSION, &c), TH_E_TRUNCATED);
    b.p[b.len - 1] ^= 1;
    assert_int_equal(th_seal_open(b.p, b.len, MAGIC, VERSION, &c), TH_E_CHECKSUM);
    b.p[b.len - 1] ^= 1;
    th_buf_u8(&b, 0);
    assert_int_equal(th_seal_open(b.p, b.len, MAGIC, VERSION, &c), TH_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
