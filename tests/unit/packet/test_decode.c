/* SPDX-License-Identifier: Apache-2.0 */
/* IP and transport headers: what a frame says, and what is said of a frame that lies. */
#include "packet/decode.h"

#include "base/err.h"
#include "frames.h"
#include "unit.h"

static struct th_pkt decode(struct th_buf *b, uint32_t wire_len)
{
    struct th_pkt p;
    assert_int_equal(th_decode(1, 42, b->p, (uint32_t)b->len, wire_len, &p), 0);
    assert_int_equal(p.time_ns, 42);
    return p;
}

static void assert_addr(const struct th_addr *a, const char *text)
{
    char out[TH_ADDR_TEXT_LEN];
    th_addr_format(a, out);
    assert_string_equal(out, text);
}

static void tcp_segment(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 6, 7, 0x4000, 20 + 20 + 4);
    frame_tcp(&b, 40000, 80, 0x01020304, 0x05060708, 0x18);
    th_buf_puts(&b, "datapadding");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_null(p.weird);
    assert_addr(&p.src, "10.0.0.1");
    assert_addr(&p.dst, "10.0.0.2");
    assert_true(p.has_mac);
    assert_int_equal(p.src_mac.b[5], 0xa);
    assert_int_equal(p.dst_mac.b[5], 0xd);
    assert_int_equal(p.proto, 6);
    assert_int_equal(p.ttl, 64);
    assert_int_equal(p.ip_len, 44);
    assert_int_equal(p.src_port, 40000);
    assert_int_equal(p.dst_port, 80);
    assert_int_equal(p.seq, 0x01020304);
    assert_int_equal(p.ack, 0x05060708);
    assert_int_equal(p.tcp_flags, 0x18);
    assert_int_equal(p.window, 0x2000);
    assert_view_is(p.payload, "data"); /* not the padding */
    assert_int_equal(p.payload_len, 4);
    assert_int_equal(p.l3.len, 44);
    assert_false(p.fragment);
}

static void cut_by_snap_length(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 6, 7, 0, 20 + 20 + 1000);
    frame_tcp(&b, 40000, 80, 1, 0, 0x10);
    th_buf_puts(&b, "head");
    struct th_pkt p = decode(&b, 14 + 1040);
    assert_view_is(p.payload, "head");
    assert_int_equal(p.payload_len, 1000);
    assert_int_equal(p.ip_len, 1040);
    assert_null(p.weird);
    /* The wire did not carry what the header claims. */
    p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.ip_len, 44);
    assert_int_equal(p.payload_len, 4);
    assert_string_equal(p.weird, "truncated_IP");
    /* Cut inside the TCP header. */
    assert_int_equal(th_decode(1, 0, b.p, 14 + 20 + 10, 14 + 1040, &p), 0);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_string_equal(p.weird, "internally_truncated_header");
    assert_int_equal(p.src_port, 40000);
}

static void offloaded_length(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 6, 7, 0, 0);
    frame_tcp(&b, 40000, 80, 1, 0, 0x10);
    th_buf_puts(&b, "large segment");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_null(p.weird);
    assert_int_equal(p.ip_len, 53);
    assert_view_is(p.payload, "large segment");
}

static void bad_headers(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    struct th_pkt p = decode(&b, 14);
    assert_int_equal(p.kind, TH_PKT_BAD);
    assert_string_equal(p.weird, "truncated_header");
    frame_ipv4(&b, 1, 2, 17, 7, 0, 28);
    frame_udp(&b, 1, 2, 8);
    b.p[14] = 0x44;
    p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.kind, TH_PKT_BAD);
    assert_string_equal(p.weird, "invalid_IP_header_size");
    b.p[14] = 0x75;
    p = decode(&b, (uint32_t)b.len);
    assert_string_equal(p.weird, "unknown_ip_version");
    b.p[14] = 0x45;
    b.p[17] = 19;
    p = decode(&b, (uint32_t)b.len);
    assert_string_equal(p.weird, "invalid_IP_header_size");
    b.p[17] = 28;
    p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_null(p.weird);
    b.p[23] = 6; /* eight bytes are no TCP header */
    p = decode(&b, (uint32_t)b.len);
    assert_string_equal(p.weird, "truncated_header");
    struct th_pkt q;
    assert_int_equal(th_decode(1, 0, b.p, 13, 13, &q), 0);
    assert_string_equal(q.weird, "truncated_ethernet_frame");
}

static void tcp_header_length_lies(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 6, 7, 0, 44);
    frame_tcp(&b, 1, 2, 3, 4, 0x10);
    th_buf_puts(&b, "data");
    b.p[14 + 20 + 12] = 0x40;
    assert_string_equal(decode(&b, (uint32_t)b.len).weird, "bad_TCP_header_len");
    b.p[14 + 20 + 12] = 0xf0;
    assert_string_equal(decode(&b, (uint32_t)b.len).weird, "bad_TCP_header_len");
    b.p[14 + 20 + 12] = 0x60; /* the data are options */
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_null(p.weird);
    assert_int_equal(p.payload.len, 0);
    assert_int_equal(p.payload_len, 0);
}

static void udp_lengths(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 7, 0, 20 + 8 + 6);
    frame_udp(&b, 1000, 53, 8 + 4);
    th_buf_puts(&b, "query!");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_view_is(p.payload, "quer");
    assert_int_equal(p.payload_len, 4);
    b.p[14 + 20 + 5] = 200;
    p = decode(&b, (uint32_t)b.len);
    assert_string_equal(p.weird, "UDP_datagram_length_mismatch");
    assert_view_is(p.payload, "query!");
}

static void fragments_have_no_ports(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 0xbeef, 0x2000, 20 + 8);
    th_buf_puts(&b, "01234567");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_true(p.fragment);
    assert_true(p.more_fragments);
    assert_int_equal(p.frag_offset, 0);
    assert_int_equal(p.frag_id, 0xbeef);
    assert_int_equal(p.src_port, 0);
    assert_view_is(p.payload, "01234567");
    b.p[14 + 6] = 0;
    b.p[14 + 7] = 2;
    p = decode(&b, (uint32_t)b.len);
    assert_true(p.fragment);
    assert_false(p.more_fragments);
    assert_int_equal(p.frag_offset, 16);
}

static void ipv6_extensions(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x86dd);
    frame_ipv6(&b, 1, 2, 0, 8 + 16 + 12 + 8 + 2);
    th_buf_put(&b, "\x2b\0\1\4\0\0\0\0", 8);                  /* hop-by-hop */
    th_buf_put(&b, "\x33\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* routing */
    th_buf_put(&b, "\x11\1\0\0\0\0\0\1\0\0\0\2", 12);         /* AH, three words */
    frame_udp(&b, 546, 547, 10);
    th_buf_puts(&b, "hi");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_null(p.weird);
    assert_addr(&p.src, "fd00::1");
    assert_int_equal(p.proto, 17);
    assert_int_equal(p.src_port, 546);
    assert_view_is(p.payload, "hi");
    assert_int_equal(p.ip_len, 86);
    /* A chain that never ends in a transport. */
    b.p[14 + 40 + 1] = 200;
    p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_string_equal(p.weird, "truncated_header");
    assert_int_equal(p.proto, 59);
}

static void ipv6_fragment(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x86dd);
    frame_ipv6(&b, 1, 2, 44, 8 + 8);
    th_buf_put(&b, "\x11\0\0\x11\0\1\2\3", 8); /* offset 16, more */
    th_buf_puts(&b, "01234567");
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_true(p.fragment);
    assert_true(p.more_fragments);
    assert_int_equal(p.frag_offset, 16);
    assert_int_equal(p.frag_id, 0x00010203);
    assert_int_equal(p.proto, 17);
    assert_view_is(p.payload, "01234567");
    /* RFC 6946: an atomic fragment is whole. */
    b.p[14 + 40 + 3] = 0;
    p = decode(&b, (uint32_t)b.len);
    assert_false(p.fragment);
    assert_int_equal(p.src_port, 0x3031);
}

static void icmp_pairs(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto, type, code;
        uint16_t src_port, dst_port;
        bool reply;
    } cases[] = {{1, 8, 0, 8, 0, false}, {1, 0, 0, 0, 8, true}, {1, 3, 1, 3, 1, false},
        {58, 128, 0, 128, 129, false}, {58, 129, 0, 129, 128, true}, {58, 136, 0, 136, 135, true},
        {58, 1, 4, 1, 4, false}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        frame_ether(&b, cases[i].proto == 1 ? 0x0800 : 0x86dd);
        if (cases[i].proto == 1)
            frame_ipv4(&b, 1, 2, 1, 0, 0, 32);
        else
            frame_ipv6(&b, 1, 2, 58, 12);
        th_buf_u8(&b, cases[i].type);
        th_buf_u8(&b, cases[i].code);
        th_buf_put(&b, "\0\0\0\0\0\0ping", 10);
        struct th_pkt p = decode(&b, (uint32_t)b.len);
        assert_int_equal(p.src_port, cases[i].src_port);
        assert_int_equal(p.dst_port, cases[i].dst_port);
        assert_int_equal(p.icmp_is_reply, cases[i].reply);
        assert_view_is(p.payload, "ping");
    }
}

static void sctp_ports(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 132, 0, 0, 20 + 12 + 5);
    th_buf_be16(&b, 2905);
    th_buf_be16(&b, 2906);
    th_buf_put(&b, "\0\0\0\0\0\0\0\0chunk", 13);
    struct th_pkt p = decode(&b, (uint32_t)b.len);
    assert_int_equal(p.src_port, 2905);
    assert_int_equal(p.dst_port, 2906);
    assert_view_is(p.payload, "chunk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tcp_segment),
        cmocka_unit_test(cut_by_snap_length), cmocka_unit_test(offloaded_length),
        cmocka_unit_test(bad_headers), cmocka_unit_test(tcp_header_length_lies),
        cmocka_unit_test(udp_lengths), cmocka_unit_test(fragments_have_no_ports),
        cmocka_unit_test(ipv6_extensions), cmocka_unit_test(ipv6_fragment),
        cmocka_unit_test(icmp_pairs), cmocka_unit_test(sctp_ports)};
    return cmocka_run_group_tests_name("packet/decode", tests, NULL, NULL);
}
