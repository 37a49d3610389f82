/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/utf8.h"

static void assert_clean(const char *in, const char *want)
{
    struct th_buf b = TH_BUF_INIT;
    struct th_str got = th_utf8_clean(th_str_c(in), &b);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.p, want, got.len);
    th_buf_done(&b);
}

static void text_that_is_utf8_stays_where_it_is(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "plain text of more than eight bytes",
        "J\xc3\xbcrgen", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xf0\x9f\x90\x9d and after"};
    struct th_buf b = TH_BUF_INIT;
    for (size_t i = 0; i < TH_ARRAY_LEN(good); i++) {
        struct th_str s = th_str_c(good[i]);
        assert_ptr_equal(th_utf8_clean(s, &b).p, s.p);
        assert_int_equal(b.len, 0);
    }
}

static void other_bytes_become_text(void **state)
{
    (void)state;
    assert_clean("\xff", "\\xff");
    assert_clean("12345678\xc3", "12345678\\xc3");   /* cut */
    assert_clean("\xc0\x80z", "\\xc0\\x80z");        /* overlong */
    assert_clean("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
    assert_clean("a\xc2\x9b"
                 "b",
        "a\\xc2\\x9b"
        "b");                                        /* C1: CSI */
    assert_clean("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* line separator */
    assert_clean("\xfe\xfe", "\\xfe\\xfe");
}

static void copies_stand_behind_each_other(void **state)
{
    (void)state;
    struct th_buf b = TH_BUF_INIT;
    th_utf8_clean(th_str_c("\xff"), &b);
    struct th_str second = th_utf8_clean(th_str_c("x\xfe"), &b);
    assert_true(th_str_is(second, "x\\xfe"));
    assert_int_equal(b.len, 9);
    th_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_utf8_stays_where_it_is),
        cmocka_unit_test(other_bytes_become_text),
        cmocka_unit_test(copies_stand_behind_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
