/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "make_event.h"

static void registered_domains(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"www.example.com", "example.com"},
        {"EXAMPLE.com.", "example.com"},
        {"a.b.example.co.uk", "example.co.uk"},
        {"co.uk", ""},
        {"com", ""},
        {"localhost", ""},
        {"10.0.0.1", ""},
        {"2001:db8::1", ""},
        {"", ""},
        {".", ""},
        {"a..b.com", ""},
        {"dc1.corp.local", "corp.local"},
    };
    struct th_domains *d = th_domains_new(&test_key);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
            char storage[256];
            assert_view_is(th_registered_domain(th_str_c(cases[i][0]), storage), cases[i][1]);
            assert_view_is(th_domains_get(d, th_str_c(cases[i][0]), storage), cases[i][1]);
        }
    th_domains_free(d);
}

static void odd_bytes(void **state)
{
    (void)state;
    char storage[256];
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(th_registered_domain(th_str_n(longest, sizeof(longest)), storage).len, 0);
    assert_int_equal(th_registered_domain(th_str_n("a\0b.com", 7), storage).len, 0);
    assert_int_equal(th_registered_domain(th_str_n("a b.com", 7), storage).len, 0);
    assert_view_is(th_registered_domain(th_str_c("\xff\xfe.example.com"), storage), "example.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_domains),
        cmocka_unit_test(odd_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
