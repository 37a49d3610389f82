/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/net/dev says of losses, and what it might. */
#include "unit.h"

#include "base/mem.h"
#include "nic.h"

#define HEAD                                                                                       \
    "Inter-|   Receive                                                |  Transmit\n"               \
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"

static void take(struct th_nic *n, const char *text)
{
    th_nic_read(n, th_str_c(text));
}

static void test_growth_is_loss(void **state)
{
    (void)state;
    struct th_nic n = {0};
    assert_true(th_nic_add(&n, "eth0=7"));
    assert_true(th_nic_add(&n, "eth1"));
    take(&n,
        HEAD "    lo: 1 2 3 400 500 0 0 0 0 0\n  eth0: 10 20 3 5 2 0 0 0 9 9\n"
             "  eth1:10 20 3 50 0 0 0 0 9 9\n");
    assert_int_equal(n.lost, 0); /* 5 and 2 were there; of the other nothing was known */
    take(&n, HEAD "  eth0: 10 20 3 8 3 0 0 0 9 9\n  eth1:10 20 3 52 0 0 0 0 9 9\n");
    assert_int_equal(n.lost, 6);
    take(&n, HEAD "  eth0: 10 20 3 2 0 0 0 0 9 9\n"); /* it began anew; the other one is away */
    assert_int_equal(n.lost, 8);
    take(&n, HEAD "  eth1:10 20 3 53 0 0 0 0 9 9\n");
    assert_int_equal(n.lost, 9);
}

static void test_what_is_no_such_file(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "eth0", "eth0:", "eth0: 1 2 3",
        "eth0: 1 2 3 x 5", "eth0: 1 2 3 -4 5", "xeth0: 1 2 3 4 5", "eth0x: 1 2 3 4 5",
        ": 1 2 3 4 5", "eth0: 1 2 3 99999999999999999999999 5"};
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++) {
        struct th_nic n = {0};
        assert_true(th_nic_add(&n, "eth0=1"));
        take(&n, texts[i]);
        assert_int_equal(n.lost, 0);
    }
}

static void test_names(void **state)
{
    (void)state;
    struct th_nic n = {0};
    static const char *const wrong[] = {"", "=1", "eth0=", "eth0=x", "a-name-that-is-too-long=1"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_false(th_nic_add(&n, wrong[i]));
    for (size_t i = 0; i < TH_VSENSOR_MAX_INTERFACES; i++)
        assert_true(th_nic_add(&n, "eth0"));
    assert_false(th_nic_add(&n, "eth0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth_is_loss),
        cmocka_unit_test(test_what_is_no_such_file),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
