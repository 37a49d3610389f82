/* SPDX-License-Identifier: Apache-2.0 */
#include "taken.h"

#include "flowlog/vpc.h"

static void read_all(struct taken *t, const char *text, struct th_flowlog_lines *ret)
{
    struct th_str rest = th_str_c(text);
    struct th_vpc *v TH_CLEANUP(th_vpc_freep) = th_vpc_new(&t->sink);
    while (rest.len)
        assert_int_equal(th_vpc_line(v, th_str_split(&rest, '\n')), 0);
    assert_int_equal(th_vpc_end(v), 0);
    *ret = *th_vpc_lines(v);
    ret->complaints = TH_BUF_INIT;
}

static void the_default_format(void **state)
{
    (void)state;
    struct taken t;
    struct th_flowlog_lines lines;
    taken_init(&t);
    read_all(&t,
        "2 123456789012 eni-1 172.31.16.21 172.31.16.139 22 20641 6 18 14249 1418530010 1418530070 "
        "ACCEPT OK\n"
        "2 123456789012 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 "
        "ACCEPT OK\n"
        "2 123456789012 eni-2 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 "
        "ACCEPT OK\n"
        "2 123456789012 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 "
        "REJECT OK\r\n"
        "2 123456789012 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"
        "2 123456789012 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n"
        "2 123456789012 eni-1 2001:db8::1 2001:db8::2 500 600\n"
        "2 123456789012 eni-1 not an address - - - - - - - - OK\n",
        &lines);
    assert_int_equal(t.count, 2);
    const struct th_ev_conn *ssh = taken_conn(&t, 0), *rejected = taken_conn(&t, 1);
    assert_int_equal(ssh->id_resp_p, 22);
    assert_int_equal(ssh->orig_ip_bytes, 4249); /* and not the copy of the other interface */
    assert_int_equal(ssh->resp_ip_bytes, 14249);
    assert_int_equal(ssh->duration, 60 * TH_NS_PER_S);
    assert_view_is(ssh->told_by, "vpc eni-1");
    assert_false(TH_HAS(ssh, CONN, conn_state));
    assert_view_is(rejected->conn_state, "S0");
    assert_int_equal(lines.bad_lines, 2);
    assert_int_equal(lines.skipped, 2);
    assert_int_equal(lines.told_lost, 1);
    taken_done(&t);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "70000 443 6 1 100 1418530010 1418530070", /* its port would be 4464 */
        "40000 65536 6 1 100 1418530010 1418530070",
        "40000 443 262 1 100 1418530010 1418530070",
        "40000 443 6 one 100 1418530010 1418530070",
        "40000 443 6 1 -100 1418530010 1418530070",
        "40000 443 6 1 100 1418530010 99999999999",
        "40000 443 6 1 100 1e9 1418530070",
        "40000 443 6 1 100 1418530010 18446744073709551617",
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++) {
        TH_AUTOFREE char *line =
            th_xasprintf("2 123456789012 eni-1 10.0.0.5 10.0.0.6 %s ACCEPT OK\n", wrong[i]);
        struct taken t;
        struct th_flowlog_lines lines;
        taken_init(&t);
        read_all(&t, line, &lines);
        if (t.count || lines.bad_lines != 1)
            fail_msg("\"%s\" was taken", wrong[i]);
        taken_done(&t);
    }
}

static void a_format_by_its_header(void **state)
{
    (void)state;
    struct taken t;
    struct th_flowlog_lines lines;
    taken_init(&t);
    read_all(&t,
        "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport "
        "dstport "
        "pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status "
        "flow-direction\n"
        "5 vpc-1 subnet-1 i-1 eni-9 123456789012 IPv4 52.0.0.1 10.0.0.5 443 40000 52.0.0.1 "
        "10.0.1.7 6 9000 9 "
        "1600000000 1600000050 ACCEPT 19 OK ingress\n"
        "5 vpc-1 subnet-1 i-1 eni-9 123456789012 IPv4 10.0.0.5 52.0.0.1 40000 443 10.0.1.7 "
        "52.0.0.1 6 700 8 "
        "1600000000 1600000050 ACCEPT 3 OK egress\n"
        "5 vpc-1 subnet-1 i-1 eni-9 123456789012 IPv4 10.0.0.5 52.0.0.1 40000 443 10.0.1.7 "
        "52.0.0.1 6 100 2 "
        "1600000060 1600000100 ACCEPT 0 OK egress\n",
        &lines);
    assert_int_equal(t.count, 1);
    const struct th_ev_conn *c = taken_conn(&t, 0);
    struct th_addr behind = th_addr_v4((const uint8_t[]){10, 0, 1, 7});
    assert_true(th_addr_eq(&c->id_orig_h, &behind)); /* the packet's, not the gateway's */
    assert_int_equal(c->orig_ip_bytes, 800);
    assert_view_is(c->conn_state, "SF");
    assert_int_equal(c->duration, 100 * TH_NS_PER_S);
    taken_done(&t);
}

static void what_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"version account-id interface-id", true},
        {"srcaddr dstaddr\n", true},
        {"2 123456789012 eni-0a 10.0.0.1", true},
        {"2014-12-14T04:06:50.000Z 2 123456789012 eni-0a 10.0.0.1", true},
        {"2 unknown - - -", true},
        {"2 12345 eni-0a 10.0.0.1", false},
        {"version 2", false},
        {"type of thing", false},
        {"", false},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        assert_int_equal(th_vpc_is(th_str_c(cases[i].text)), cases[i].is);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_format),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(a_format_by_its_header),
        cmocka_unit_test(what_is_one),
    };
    return cmocka_run_group_tests_name("flowlog/vpc", tests, NULL, NULL);
}
