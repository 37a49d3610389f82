/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"
#include "packet/decode.h"
#include "unit.h"

static struct th_tunnel tunnel; /* of the last frame */

/* What is inside the frame's tunnel; false when it is none. */
static bool inside(const struct th_buf *b, struct th_pkt *ret)
{
    struct th_pkt outer;
    assert_int_equal(th_decode(1, 42, b->p, (uint32_t)b->len, (uint32_t)b->len, &outer), 0);
    return th_pkt_is_tunnel(&outer) && th_decap_inside(&outer, ret, &tunnel);
}

static void assert_addr(const struct th_addr *a, const char *text)
{
    char out[TH_ADDR_TEXT_LEN];
    th_addr_format(a, out);
    assert_string_equal(out, text);
}

static void assert_query(const struct th_pkt *p, const char *src)
{
    assert_int_equal(p->kind, TH_PKT_IP);
    assert_addr(&p->src, src);
    assert_int_equal(p->proto, 17);
    assert_int_equal(p->dst_port, 53);
    assert_int_equal(p->payload.len, 4);
    assert_memory_equal(p->payload.p, "data", 4);
}

static void put_query(struct th_buf *b)
{
    frame_ipv4(b, 8, 9, 17, 7, 0, 20 + 8 + 4);
    frame_udp(b, 5000, 53, 8 + 4);
    th_buf_puts(b, "data");
}

static void ip_in_ip(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt p = {0};
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 41, 7, 0, 20 + 40 + 8 + 4);
    frame_ipv6(&b, 8, 9, 17, 8 + 4);
    frame_udp(&b, 5000, 53, 8 + 4);
    th_buf_puts(&b, "data");
    assert_true(inside(&b, &p));
    assert_query(&p, "fd00::8");
    /* What only calls itself IPv6 stays the outer packet. */
    b.p[14 + 20] = 0x10;
    assert_false(inside(&b, &p));
}

static void vxlan(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt p = {0};
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 7, 0, 20 + 8 + 8 + 14 + 20 + 8 + 4);
    frame_udp(&b, 50000, 4789, 8 + 8 + 14 + 20 + 8 + 4);
    th_buf_be32(&b, 0x08000000);
    th_buf_be32(&b, 0x00123400);
    frame_ether(&b, 0x0800);
    put_query(&b);
    assert_true(inside(&b, &p));
    assert_query(&p, "10.0.0.8");
    assert_int_equal(tunnel.kind, TH_TUNNEL_VXLAN);
    assert_int_equal(tunnel.id, 0x1234);
    assert_addr(&tunnel.src, "10.0.0.1");
    /* Other flags: not VXLAN, whatever the port. */
    b.p[14 + 20 + 8] = 0x0c;
    assert_false(inside(&b, &p));
}

static void gre_with_key(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt p = {0};
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 47, 7, 0, 20 + 8 + 20 + 8 + 4);
    th_buf_be16(&b, 0x2000);
    th_buf_be16(&b, 0x0800);
    th_buf_be32(&b, 77);
    put_query(&b);
    assert_true(inside(&b, &p));
    assert_query(&p, "10.0.0.8");
    assert_int_equal(tunnel.kind, TH_TUNNEL_GRE);
    assert_int_equal(tunnel.id, 77);
    /* Version 1 is PPTP's and carries no IP packet. */
    b.p[14 + 20 + 1] = 1;
    assert_false(inside(&b, &p));
}

/* GRE with a sequence number, an ERSPAN header of its own (types II and III), an Ethernet frame. */
static void erspan(void **state)
{
    (void)state;
    for (unsigned type = 2; type <= 3; type++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        struct th_pkt p = {0};
        uint16_t len = 20 + 8 + (type == 2 ? 8 : 12) + 14 + 20 + 8 + 4;
        frame_ether(&b, 0x0800);
        frame_ipv4(&b, 1, 2, 47, 7, 0, len);
        th_buf_be16(&b, 0x1000);
        th_buf_be16(&b, type == 2 ? 0x88be : 0x22eb);
        th_buf_be32(&b, 99);
        th_buf_be16(&b, (uint16_t)((type - 1) << 12));
        th_buf_be16(&b, 0xfc00 | 0x155);
        th_buf_be32(&b, 0);
        if (type == 3)
            th_buf_be32(&b, 0);
        frame_ether(&b, 0x0800);
        put_query(&b);
        assert_true(inside(&b, &p));
        assert_query(&p, "10.0.0.8");
        assert_int_equal(tunnel.kind, TH_TUNNEL_ERSPAN);
        assert_int_equal(tunnel.id, 0x155);
    }
}

/* As a gateway load balancer of AWS sends what is mirrored to it. */
static void vxlan_in_geneve(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt outer, p = {0}, innermost = {0};
    uint16_t inner = 20 + 8 + 8 + 14 + 20 + 8 + 4;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 7, 0, 20 + 8 + 8 + 4 + inner);
    frame_udp(&b, 50000, 6081, 8 + 8 + 4 + inner);
    th_buf_be16(&b, 0x0100); /* one word of options */
    th_buf_be16(&b, 0x0800);
    th_buf_be32(&b, 0x00000500);
    th_buf_be32(&b, 0x01080000);
    frame_ipv4(&b, 3, 4, 17, 7, 0, inner);
    frame_udp(&b, 50000, 4789, inner - 20);
    th_buf_be32(&b, 0x08000000);
    th_buf_be32(&b, 0x00002a00);
    frame_ether(&b, 0x0800);
    put_query(&b);
    assert_true(inside(&b, &p));
    assert_int_equal(tunnel.kind, TH_TUNNEL_GENEVE);
    assert_int_equal(tunnel.id, 5);
    outer = p;
    assert_true(th_decap_inside(&outer, &innermost, &tunnel));
    assert_query(&innermost, "10.0.0.8");
    assert_int_equal(tunnel.kind, TH_TUNNEL_VXLAN);
    assert_int_equal(tunnel.id, 42);
    assert_addr(&tunnel.src, "10.0.0.3");
}

static void teredo(void **state)
{
    (void)state;
    static const uint8_t headers[][24] = {{0}, {0, 0}, {0, 1, 2, 3}};
    static const uint8_t lens[] = {0, 8, 4 + 2 + 3 + 9};
    for (unsigned i = 0; i < 3; i++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        struct th_pkt p = {0};
        uint16_t len = (uint16_t)(8 + lens[i] + 40 + 8 + 4);
        frame_ether(&b, 0x0800);
        frame_ipv4(&b, 1, 2, 17, 7, 0, 20 + len);
        frame_udp(&b, 50000, 3544, len);
        th_buf_put(&b, headers[i], lens[i]);
        frame_ipv6(&b, 8, 9, 17, 8 + 4);
        frame_udp(&b, 5000, 53, 8 + 4);
        th_buf_puts(&b, "data");
        assert_true(inside(&b, &p));
        assert_query(&p, "fd00::8");
        assert_int_equal(tunnel.kind, TH_TUNNEL_TEREDO);
        /* Something else on that port: the length does not fit. */
        b.p[14 + 20 + 8 + lens[i] + 5]++;
        assert_false(inside(&b, &p));
    }
}

/* Whatever is cut off, nothing is read past the end and no packet is made up. */
static void cut_anywhere(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt p = {0};
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 4, 7, 0, 20 + 20 + 8 + 4);
    put_query(&b);
    size_t whole = b.len;
    for (b.len = 14 + 20; b.len < 14 + 20 + 20; b.len++)
        assert_false(inside(&b, &p));
    b.len = whole;
    assert_true(inside(&b, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ip_in_ip), cmocka_unit_test(vxlan),
        cmocka_unit_test(gre_with_key), cmocka_unit_test(erspan), cmocka_unit_test(vxlan_in_geneve),
        cmocka_unit_test(teredo), cmocka_unit_test(cut_anywhere)};
    return cmocka_run_group_tests_name("packet/tunnel", tests, NULL, NULL);
}
