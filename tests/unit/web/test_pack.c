/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "web/pack.h"

static void put_head(struct th_buf *b, const char *name, const char *type, uint8_t flags,
    uint32_t len, uint32_t gzip)
{
    th_buf_le16(b, (uint16_t)strlen(name));
    th_buf_puts(b, name);
    th_buf_u8(b, (uint8_t)strlen(type));
    th_buf_puts(b, type);
    th_buf_u8(b, flags);
    for (unsigned i = 0; i < 32; i++)
        th_buf_u8(b, (uint8_t)(0xa0 + i));
    th_buf_le32(b, len);
    th_buf_le32(b, gzip);
}

static struct th_buf two_files(const char *type)
{
    struct th_buf b = TH_BUF_INIT;
    th_buf_puts(&b, "TUI1");
    th_buf_le32(&b, 2);
    put_head(&b, "/index.html", type, 0, 5, 0);
    put_head(&b, "/assets/x.js", "text/javascript", 1, 3, 2);
    th_buf_puts(&b, "helloabcgz");
    return b;
}

static void test_files_are_found(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = two_files("text/html");
    struct th_pack p;
    assert_int_equal(th_pack_open(&p, b.p, b.len), 0);
    const struct th_pack_file *f = th_pack_find(&p, th_str_c("/assets/x.js"));
    assert_non_null(f);
    assert_view_is(f->content, "abc");
    assert_view_is(f->gzip, "gz");
    assert_true(f->immutable);
    assert_string_equal(f->tag, "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
    f = th_pack_find(&p, th_str_c("/index.html"));
    assert_view_is(f->content, "hello");
    assert_false(f->immutable);
    assert_null(th_pack_find(&p, th_str_c("/index.htm")));
    th_pack_done(&p);
}

static void test_damage_is_refused(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = two_files("text/html");
    TH_AUTOBUF struct th_buf evil = two_files("text/html\r\nX: y");
    struct th_pack p;
    for (size_t n = 0; n < b.len; n++)
        assert_true(th_pack_open(&p, b.p, n) < 0);
    th_buf_u8(&b, 0);
    assert_int_equal(th_pack_open(&p, b.p, b.len), TH_E_MALFORMED); /* more than it says */
    assert_true(th_pack_open(&p, evil.p, evil.len) < 0);
    b.p[7] = 0xff;
    assert_int_equal(th_pack_open(&p, b.p, b.len), TH_E_LIMIT);
    b.p[0] = 'X';
    assert_int_equal(th_pack_open(&p, b.p, b.len), TH_E_UNKNOWN_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_found),
        cmocka_unit_test(test_damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
