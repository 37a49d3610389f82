/* SPDX-License-Identifier: Apache-2.0 */
/* Community IDs; values by an independent implementation, five of them also in the
 * specification's own baseline (the first, second, third, fourth, eighth and tenth lines). */
#include "event/community_id.h"

#include "base/mem.h"
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

static const struct th_field_info *field(const char *name)
{
    const struct th_kind_info *k = th_kind_get(TH_KIND_CONN);
    return &k->fields[th_field_find(k, th_str_c(name))];
}

/* The text of a record that left it to whoever shows it. */
static void assert_worked_out(
    const char *proto, const char *src, const char *dst, uint16_t port, const char *want)
{
    char room[TH_COMMUNITY_ID_LEN];
    struct th_ev_conn c = {.h.kind = TH_KIND_CONN};
    struct th_addr a;
    struct th_addr b;
    assert_true(th_addr_parse(th_str_c(src), &a));
    assert_true(th_addr_parse(th_str_c(dst), &b));
    TH_SET(&c, CONN, proto, th_str_c(proto));
    TH_SET(&c, CONN, id_orig_h, a);
    TH_SET(&c, CONN, id_resp_h, b);
    TH_SET(&c, CONN, id_orig_p, 34855);
    TH_SET(&c, CONN, id_resp_p, port);
    if (strcmp(proto, "icmp") == 0)
        TH_SET(&c, CONN, id_orig_p, 135);
    TH_SET(&c, CONN, community_id, th_str_c(""));
    assert_view_is(th_event_text(&c.h, field("community_id"), room), want);
    assert_view_is(th_event_text(&c.h, field("proto"), room), proto); /* no other text */
}

static void worked_out(void **state)
{
    (void)state;
    assert_worked_out(
        "tcp", "128.232.110.120", "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    assert_worked_out("icmp", "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 0,
        "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    assert_worked_out("47", "10.0.0.9", "10.0.0.1", 0, "1:SapCeQDx496z5gW0IxiML5v2lEE=");
    assert_worked_out("256", "10.0.0.9", "10.0.0.1", 0, "");
    assert_worked_out("", "10.0.0.9", "10.0.0.1", 0, "");
}

static void is_left_alone(void **state)
{
    (void)state;
    char room[TH_COMMUNITY_ID_LEN];
    struct th_ev_conn c = {.h.kind = TH_KIND_CONN};
    TH_SET(&c, CONN, proto, th_str_c("tcp"));
    TH_SET(&c, CONN, community_id, th_str_c(""));
    assert_view_is(th_event_text(&c.h, field("community_id"), room), ""); /* no addresses */
    TH_SET(&c, CONN, id_orig_h, c.id_orig_h);
    TH_SET(&c, CONN, id_resp_h, c.id_resp_h);
    TH_SET(&c, CONN, community_id, th_str_c("1:another seed's"));
    assert_view_is(th_event_text(&c.h, field("community_id"), room), "1:another seed's");
}

static void follows_from_the_record(void **state)
{
    (void)state;
    struct th_addr v4;
    struct th_addr v6;
    assert_true(th_addr_parse(th_str_c("10.0.0.1"), &v4));
    assert_true(th_addr_parse(th_str_c("fe80::1"), &v6));
    assert_true(th_community_id_follows(1, &v4));
    assert_true(th_community_id_follows(58, &v6));
    assert_true(th_community_id_follows(17, &v6));
    assert_false(th_community_id_follows(1, &v6));
    assert_false(th_community_id_follows(58, &v4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(worked_out),
        cmocka_unit_test(is_left_alone),
        cmocka_unit_test(follows_from_the_record),
    };
    return cmocka_run_group_tests_name("event/community_id", tests, NULL, NULL);
}
