/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "make_event.h"

TH_DEFINE_CLEANUP(struct th_site, th_site_free)

static void put(struct th_site *s, const char *orig, const char *resp)
{
    struct th_ev_conn ev = conn(0, orig, resp, NULL, NULL, NULL);
    th_site_event(s, &ev.h);
}

/* Inside hosts of two neighbouring networks talk to 200 others, half of them asking us. */
static void office(struct th_site *s, bool backwards)
{
    for (int k = 0; k < 200; k++) {
        int i = backwards ? 199 - k : k;
        char in[24];
        char out[24];
        snprintf(in, sizeof(in), "147.32.%d.%d", 84 + i % 2, i + 1);
        snprintf(out, sizeof(out), "%d.7.%d.9", 20 + i % 50, i);
        put(s, i % 4 < 2 ? in : out, i % 4 < 2 ? out : in);
    }
}

static void finds_networks_in_any_order(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        TH_CLEANUP(th_site_freep) struct th_site *s = th_site_new();
        struct th_subnet net[8];
        office(s, backwards);
        assert_int_equal(th_site_networks(s, net, 8), 1);
        struct th_addr want = addr("147.32.84.0");
        assert_true(th_addr_eq(&net[0].addr, &want));
        assert_int_equal(net[0].bits, 96 + 23);
    }
}

static void private_addresses_need_no_guess(void **state)
{
    (void)state;
    TH_CLEANUP(th_site_freep) struct th_site *s = th_site_new();
    struct th_subnet net[8];
    office(s, false);
    for (int i = 0; i < 30; i++)
        put(s, "10.0.0.5", "198.51.100.1");
    assert_int_equal(th_site_networks(s, net, 8), 0);
}

static void one_pair_takes_the_asking_side(void **state)
{
    (void)state;
    TH_CLEANUP(th_site_freep) struct th_site *s = th_site_new();
    struct th_subnet net[8];
    put(s, "198.51.100.4", "8.8.8.8");
    assert_int_equal(th_site_networks(s, net, 8), 1);
    struct th_addr want = addr("198.51.100.0");
    assert_true(th_addr_eq(&net[0].addr, &want));
}

static void the_log_may_say_it(void **state)
{
    (void)state;
    TH_CLEANUP(th_site_freep) struct th_site *s = th_site_new();
    struct th_subnet net[8];
    struct th_ev_conn ev = conn(0, "198.51.100.4", "2001:db8:0:5::1", NULL, NULL, NULL);
    TH_SET(&ev, CONN, local_resp, true);
    th_site_event(s, &ev.h);
    assert_int_equal(th_site_networks(s, net, 8), 1);
    assert_int_equal(net[0].bits, 64);
}

static void empty(void **state)
{
    (void)state;
    TH_CLEANUP(th_site_freep) struct th_site *s = th_site_new();
    struct th_subnet net[8];
    assert_int_equal(th_site_networks(s, net, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_networks_in_any_order),
        cmocka_unit_test(private_addresses_need_no_guess),
        cmocka_unit_test(one_pair_takes_the_asking_side),
        cmocka_unit_test(the_log_may_say_it),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
