/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/addr.h"

static struct th_addr addr(const char *text)
{
    struct th_addr a;
    assert_true(th_addr_parse(th_str_c(text), &a));
    return a;
}

static const char *text(const char *in)
{
    static char out[TH_ADDR_TEXT_LEN];
    struct th_addr a = addr(in);
    size_t n = th_addr_format(&a, out);
    assert_int_equal(n, strlen(out));
    return out;
}

static void both_ways(void **state)
{
    (void)state;
    static const char *const same[] = {"0.0.0.0", "10.200.30.4", "255.255.255.255", "::", "::1",
        "fe80::1", "2001:db8::ff00:42:8329"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_string_equal(text(same[i]), same[i]);
    assert_string_equal(text("::ffff:192.0.2.1"), "192.0.2.1");
    assert_string_equal(text("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
    assert_string_equal(text("fe80::1%eth0"), "fe80::1");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ",
        "g::", ":::", "%eth0", "1234567890123456789012345678901234567890123456789"};
    struct th_addr a;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(th_addr_parse(th_str_c(bad[i]), &a));
    assert_false(th_addr_parse(th_str_n("1.2.3.4\0x", 9), &a));
}

static void mac_both_ways(void **state)
{
    (void)state;
    struct th_mac m;
    char out[TH_MAC_TEXT_LEN];
    assert_true(th_mac_parse(th_str_c("00:1A:2b:fF:09:80"), &m));
    assert_int_equal(th_mac_format(&m, out), 17);
    assert_string_equal(out, "00:1a:2b:ff:09:80");
    assert_true(th_mac_parse(th_str_c("00-1a-2b-ff-09-80"), &m));
    assert_false(th_mac_parse(th_str_c("00:1a:2b:ff:09"), &m));
    assert_false(th_mac_parse(th_str_c("00:1a:2b:ff:09:8g"), &m));
    assert_false(th_mac_parse(th_str_c("00 1a 2b ff 09 80"), &m));
}

static bool in(const char *net, const char *a)
{
    struct th_subnet n;
    struct th_addr x = addr(a);
    assert_true(th_subnet_parse(th_str_c(net), &n));
    return th_subnet_has(&n, &x);
}

static void subnets(void **state)
{
    (void)state;
    assert_true(in("10.0.0.0/8", "10.255.1.2"));
    assert_false(in("10.0.0.0/8", "11.0.0.0"));
    assert_true(in("192.168.4.0/22", "192.168.7.255"));
    assert_false(in("192.168.4.0/22", "192.168.8.0"));
    assert_true(in("192.0.2.1", "192.0.2.1"));
    assert_false(in("192.0.2.1", "192.0.2.2"));
    assert_true(in("0.0.0.0/0", "8.8.8.8"));
    assert_false(in("0.0.0.0/0", "2001:db8::1"));
    assert_true(in("::/0", "8.8.8.8"));
    assert_true(in("fd00::/8", "fdab::1"));
    assert_false(in("fd00::/8", "fc00::1"));
    struct th_subnet n;
    assert_false(th_subnet_parse(th_str_c("10.0.0.0/33"), &n));
    assert_false(th_subnet_parse(th_str_c("::/129"), &n));
    assert_false(th_subnet_parse(th_str_c("10.0.0.0/"), &n));
    assert_false(th_subnet_parse(th_str_c("/8"), &n));
}

static bool is_private(const char *a)
{
    struct th_addr x = addr(a);
    return th_addr_is_private(&x);
}

static void kinds(void **state)
{
    (void)state;
    static const char *const inside[] = {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "100.64.0.1", "169.254.3.4", "fd12::1", "fe80::1"};
    static const char *const outside[] = {
        "8.8.8.8", "172.32.0.1", "172.15.255.255", "100.128.0.1", "192.169.0.1", "2001:db8::1"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
        assert_true(is_private(inside[i]));
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_false(is_private(outside[i]));
    struct th_addr multicast = addr("239.1.2.3");
    struct th_addr broadcast = addr("255.255.255.255");
    struct th_addr all_nodes = addr("ff02::1");
    struct th_addr loop4 = addr("127.9.9.9");
    struct th_addr loop6 = addr("::1");
    struct th_addr any4 = addr("0.0.0.0");
    struct th_addr any6 = addr("::");
    assert_true(th_addr_is_multicast(&multicast));
    assert_true(th_addr_is_multicast(&broadcast));
    assert_true(th_addr_is_multicast(&all_nodes));
    assert_false(th_addr_is_multicast(&loop4));
    assert_true(th_addr_is_loopback(&loop4));
    assert_true(th_addr_is_loopback(&loop6));
    assert_true(th_addr_is_any(&any4));
    assert_true(th_addr_is_any(&any6));
    assert_false(th_addr_is_any(&loop6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(refuses),
        cmocka_unit_test(mac_both_ways),
        cmocka_unit_test(subnets),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
