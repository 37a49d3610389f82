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

/* Each is found where it lies, and what only looks like one is not. */
static void what_everybody_knows(void **state)
{
    (void)state;
    static const char *const names[] = {
#define TH_KNOWN(name) name,
#include "known.def"
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++) {
        char storage[256];
        assert_view_is(th_registered_domain(th_str_c(names[i]), storage), names[i]);
        assert_true(th_domain_is_known(th_str_c(names[i])));
    }
    assert_true(th_domain_is_known(th_str_c("mozilla.org")));
    static const char *const others[] = {"", "example.com", "amazonaws.com", "t.me", "google.xyz",
        "www.mozilla.org", "ozilla.org", "mozilla.org.evil.com", "zzzzzz.zz"};
    for (size_t i = 0; i < TH_ARRAY_LEN(others); i++)
        assert_false(th_domain_is_known(th_str_c(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_domains),
        cmocka_unit_test(odd_bytes),
        cmocka_unit_test(what_everybody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
