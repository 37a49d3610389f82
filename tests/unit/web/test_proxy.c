/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "web/proxy.h"

static struct th_buf head(uint8_t command, uint8_t family, uint16_t len)
{
    struct th_buf b = TH_BUF_INIT;
    th_buf_put(&b, "\r\n\r\n\0\r\nQUIT\n", 12);
    th_buf_u8(&b, command);
    th_buf_u8(&b, family);
    th_buf_be16(&b, len);
    return b;
}

static void test_an_address(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = head(0x21, 0x11, 12);
    struct th_proxy p;
    char text[TH_ADDR_TEXT_LEN];
    th_buf_put(&b, "\x0a\x00\x00\x05\x0a\x00\x00\x01", 8);
    th_buf_be16(&b, 40000);
    th_buf_be16(&b, 443);
    assert_int_equal(th_proxy_length(b.p, b.len), 28);
    assert_int_equal(th_proxy_parse(b.p, b.len, &p), 0);
    th_addr_format(&p.address, text);
    assert_string_equal(text, "10.0.0.5");
    assert_int_equal(p.port, 40000);
    assert_false(p.local);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(th_proxy_parse(b.p, n, &p), TH_E_TRUNCATED);
    th_buf_puts(&b, "more"); /* what follows is the connection's */
    assert_int_equal(th_proxy_parse(b.p, b.len, &p), 0);
}

static void test_six_and_local(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf six = head(0x21, 0x21, 36 + 5);
    TH_AUTOBUF struct th_buf local = head(0x20, 0x00, 0);
    struct th_proxy p;
    for (unsigned i = 0; i < 36 + 5; i++)
        th_buf_u8(&six, (uint8_t)i);
    assert_int_equal(th_proxy_parse(six.p, six.len, &p), 0);
    assert_int_equal(p.address.b[15], 15);
    assert_int_equal(p.port, 32 << 8 | 33);
    assert_int_equal(th_proxy_parse(local.p, local.len, &p), 0);
    assert_true(p.local);
}

static void assert_refused(struct th_buf b, int err)
{
    struct th_proxy p;
    for (unsigned i = 0; i < 12; i++)
        th_buf_u8(&b, 1);
    assert_int_equal(th_proxy_parse(b.p, b.len, &p), err);
    th_buf_done(&b);
}

static void test_what_is_none(void **state)
{
    (void)state;
    struct th_proxy p;
    assert_refused(head(0x11, 0x11, 12), TH_E_VERSION);
    assert_refused(head(0x22, 0x11, 12), TH_E_MALFORMED); /* no such command */
    assert_refused(head(0x21, 0x31, 12), TH_E_MALFORMED); /* a Unix socket */
    assert_refused(head(0x21, 0x00, 12), TH_E_MALFORMED); /* nobody */
    assert_refused(head(0x21, 0x11, 11), TH_E_MALFORMED); /* an address cut short */
    assert_refused(head(0x21, 0x11, 2000), TH_E_LIMIT);
    static const char one[] = "PROXY TCP4 10.0.0.5 10.0.0.1 40000 443\r\n";
    assert_int_equal(th_proxy_parse((const uint8_t *)one, sizeof(one), &p), TH_E_UNKNOWN_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address),
        cmocka_unit_test(test_six_and_local),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
