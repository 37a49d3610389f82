/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a packet is kept: rules as texts, and what they make of packets. */
#include "unit.h"

#include "../frames.h"
#include "base/mem.h"
#include "keep/rules.h"

enum { HEADERS = 14 + 20 + 8, PAYLOAD = 100, WHOLE = HEADERS + PAYLOAD };

static struct th_keep_rules rules_of(const char *payload, const char *const *texts)
{
    struct th_keep_rules rules = {0};
    assert_true(th_keep_amount_parse(th_str_c(payload), &rules.payload));
    for (; *texts; texts++)
        assert_true(th_keep_rule_parse(th_str_c(*texts), &rules.v[rules.count++]));
    return rules;
}
#define RULES(payload, ...)                                                                        \
    rules_of(payload, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static uint32_t kept(const struct th_keep_rules *rules, const struct th_buf *frame)
{
    struct th_pkt outer, inside;
    struct th_tunnel tunnel;
    assert_int_equal(
        th_decode(1, 0, frame->p, (uint32_t)frame->len, (uint32_t)frame->len, &outer), 0);
    bool in = th_pkt_is_tunnel(&outer) && th_decap_inside(&outer, &inside, &tunnel);
    return th_keep_rules_len(rules, frame->p, &outer, in ? &inside : &outer);
}

static void put_payload(struct th_buf *b)
{
    for (int i = 0; i < PAYLOAD; i++)
        th_buf_u8(b, 'p');
}

static void put_udp(struct th_buf *b, uint8_t src, uint8_t dst, uint16_t port)
{
    frame_ether(b, 0x0800);
    frame_ipv4(b, src, dst, 17, 1, 0, 28 + PAYLOAD);
    frame_udp(b, 5000, port, 8 + PAYLOAD);
    put_payload(b);
}

static uint32_t kept_udp(const struct th_keep_rules *rules, uint8_t src, uint16_t port)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_udp(&b, src, 1, port);
    return kept(rules, &b);
}

static void test_texts(void **state)
{
    (void)state;
    struct th_keep_rule rule;
    static const char *const good[] = {"10.1.0.0/16 none", "tcp/443 headers", "udp/53 all",
        "10.2.0.0/16 udp/53 all", "tcp 64", "fd00::/8 headers", "47 none", "arp none",
        "  10.0.0.1   icmp  all ", "132/38412 none"};
    static const char *const bad[] = {"", "none", "64", "10.1.0.0/16", "tcp", "10.1.0.0/99 none",
        "tcp/0 none", "tcp/70000 none", "tcp/ none", "icmp/8 none", "tcp/443 some",
        "tcp/443 headers more", "tcp 10.0.0.1 none", "host none", "256 none", "tcp 65536", "tcp -1",
        "tcp/443;udp all"};
    for (size_t i = 0; i < TH_ARRAY_LEN(good); i++)
        assert_true(th_keep_rule_parse(th_str_c(good[i]), &rule));
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_false(th_keep_rule_parse(th_str_c(bad[i]), &rule));
}

static void test_amounts(void **state)
{
    (void)state;
    struct th_keep_rules none = RULES("none"), headers = RULES("headers"), some = RULES("10"),
                         much = RULES("5000"), all = RULES("all");
    assert_int_equal(kept_udp(&none, 7, 53), 0);
    assert_int_equal(kept_udp(&headers, 7, 53), HEADERS);
    assert_int_equal(kept_udp(&some, 7, 53), HEADERS + 10);
    assert_int_equal(kept_udp(&much, 7, 53), WHOLE);
    assert_int_equal(kept_udp(&all, 7, 53), WHOLE);
}

static void test_first_decides(void **state)
{
    (void)state;
    struct th_keep_rules r =
        RULES("headers", "10.0.0.7 none", "udp/53 all", "10.0.0.0/24 20", "udp none");
    assert_int_equal(kept_udp(&r, 7, 53), 0);
    assert_int_equal(kept_udp(&r, 8, 53), WHOLE);
    assert_int_equal(kept_udp(&r, 8, 54), HEADERS + 20);
    r = RULES("all", "tcp headers", "192.0.2.0/24 udp/5000 none", "10.0.0.0/24 udp/5000 headers");
    assert_int_equal(kept_udp(&r, 8, 54), HEADERS); /* the port of either end */
}

/* A transport header with options, one that is cut, one that cannot be. */
static void test_headers_of_tcp(void **state)
{
    (void)state;
    struct th_keep_rules headers = RULES("headers");
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 6, 1, 0, 20 + 24 + PAYLOAD);
    frame_tcp(&b, 1, 2, 3, 4, 16);
    b.p[14 + 20 + 12] = 0x60; /* one word of options */
    th_buf_be32(&b, 0x01010101);
    put_payload(&b);
    assert_int_equal(kept(&headers, &b), 14 + 20 + 24);
    b.p[14 + 20 + 12] =
        0x40; /* shorter than it can be: what is behind IP's header is not told apart */
    assert_int_equal(kept(&headers, &b), 14 + 20);
    b.len = 14 + 20 + 10;
    assert_int_equal(kept(&headers, &b), 14 + 20);
}

static void test_unknown_transport(void **state)
{
    (void)state;
    struct th_keep_rules headers = RULES("headers");
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 50, 1, 0, 20 + PAYLOAD);
    put_payload(&b);
    assert_int_equal(kept(&headers, &b), 14 + 20);
    TH_AUTOBUF struct th_buf six = TH_BUF_INIT;
    frame_ether(&six, 0x86dd);
    frame_ipv6(&six, 1, 2, 17, 8 + PAYLOAD);
    frame_udp(&six, 1, 2, 8 + PAYLOAD);
    put_payload(&six);
    assert_int_equal(kept(&headers, &six), 14 + 40 + 8);
}

static void test_fragments(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 1, 0x2000, 28 + PAYLOAD); /* the first of several */
    frame_udp(&b, 5000, 53, 1000);
    put_payload(&b);
    struct th_keep_rules r = RULES("headers");
    assert_int_equal(kept(&r, &b), 14 + 20);
    r = RULES("all", "udp/9999 headers");
    assert_int_equal(kept(&r, &b), 14 + 20); /* it might be */
    r = RULES("headers", "udp/53 all");
    assert_int_equal(kept(&r, &b), 14 + 20); /* it is not known to be */
    r = RULES("all", "tcp/53 none");
    assert_int_equal(kept(&r, &b), b.len);
    r = RULES("all", "10.0.0.2 none");
    assert_int_equal(kept(&r, &b), 0);
}

/* VXLAN from 10.0.0.100 to .101 around a datagram between .1 and .2. */
static void put_vxlan(struct th_buf *b)
{
    TH_AUTOBUF struct th_buf in = TH_BUF_INIT;
    put_udp(&in, 1, 2, 53);
    frame_ether(b, 0x0800);
    frame_ipv4(b, 100, 101, 17, 1, 0, (uint16_t)(20 + 8 + 8 + in.len));
    frame_udp(b, 33333, 4789, (uint16_t)(8 + 8 + in.len));
    th_buf_be32(b, 0x08000000);
    th_buf_be32(b, 42 << 8);
    th_buf_str(b, th_buf_view(&in));
}

static void test_tunnels(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_vxlan(&b);
    struct th_keep_rules r = RULES("headers");
    assert_int_equal(kept(&r, &b), 14 + 20 + 8 + 8 + HEADERS);
    r = RULES("headers", "10.0.0.2 udp/53 all");
    assert_int_equal(kept(&r, &b), b.len);
    r = RULES("all", "10.0.0.101 none");
    assert_int_equal(kept(&r, &b), 0);
    r = RULES("all", "udp/4789 headers");
    assert_int_equal(kept(&r, &b), 14 + 20 + 8 + 8 + HEADERS);
}

static void test_without_addresses(void **state)
{
    (void)state;
    static const uint8_t who_has[28] = {
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
    struct th_keep_rules r = RULES("all");
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x88cc); /* LLDP */
    put_payload(&b);
    assert_int_equal(kept(&r, &b), 0);
    b.len = 0;
    frame_ether(&b, 0x0806);
    th_buf_put(&b, who_has, sizeof(who_has));
    put_payload(&b); /* what a driver left in the padding */
    assert_int_equal(kept(&r, &b), b.len);
    r = RULES("headers");
    assert_int_equal(kept(&r, &b), 14 + 28);
    r = RULES("headers", "10.0.0.2 none");
    assert_int_equal(kept(&r, &b), 0);
    r = RULES("headers", "arp none");
    assert_int_equal(kept(&r, &b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_first_decides),
        cmocka_unit_test(test_headers_of_tcp),
        cmocka_unit_test(test_unknown_transport),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_tunnels),
        cmocka_unit_test(test_without_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
