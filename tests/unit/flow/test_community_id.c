/* SPDX-License-Identifier: Apache-2.0 */
/* Community IDs; values by an independent implementation, five of them also in the
 * specification's own baseline (the first, second, third, fourth, eighth and tenth lines). */
#include "base/mem.h"
#include "flow/flow.h"
#include "unit.h"

static void known_values(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto;
        const char *src, *dst;
        uint16_t src_port, dst_port;
        const char *id;
    } cases[] = {
        {6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
        {1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
        {1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
        {1, "10.0.0.1", "10.0.0.2", 3, 1, "1:gkoOC4ouXvyYq0Ek/WqwbLoqcxM="},
        {1, "10.0.0.2", "10.0.0.1", 3, 1, "1:JHjlyD5IJJjl3wHWOMj46lLWZag="},
        {58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0,
            "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
        {58, "fe80::1", "fe80::2", 1, 4, "1:PQpOWBr5/ICePGOnTMaFJZeK2us="},
        {132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
        {6, "10.0.0.1", "10.0.0.1", 5, 4, "1:gLmjZuaRsMk4vbmk5HxV9Jb1iQg="},
        {47, "10.0.0.9", "10.0.0.1", 0, 0, "1:SapCeQDx496z5gW0IxiML5v2lEE="},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct th_addr src;
        struct th_addr dst;
        char id[40];
        assert_true(th_addr_parse(th_str_c(cases[i].src), &src));
        assert_true(th_addr_parse(th_str_c(cases[i].dst), &dst));
        th_community_id(cases[i].proto, &src, &dst, cases[i].src_port, cases[i].dst_port, id);
        assert_string_equal(id, cases[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_values)};
    return cmocka_run_group_tests_name("flow/community_id", tests, NULL, NULL);
}
