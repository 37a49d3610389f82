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

/* ---- all forms, by their header ---- */

enum carried { ETHERNET, IP };
static const struct form {
    const char *name;
    uint8_t proto;
    uint16_t src, dst; /* of UDP */
    const char *header;
    enum carried carried;
    enum th_tunnel_kind kind; /* NONE: it must not be taken for one */
    uint32_t id;
    uint64_t endpoint;
} forms[] = {
    {"ipip", 4, 0, 0, "", IP, TH_TUNNEL_IPIP, 0, 0},
    {"gre", 47, 0, 0, "00000800", IP, TH_TUNNEL_GRE, 0, 0},
    {"gre_bridged", 47, 0, 0, "00006558", ETHERNET, TH_TUNNEL_GRE, 0, 0},
    {"gre_all", 47, 0, 0, "b0000800 12340000 0000004d 00000001", IP, TH_TUNNEL_GRE, 77, 0},
    {"gre_mpls", 47, 0, 0, "00008847 00064140", IP, TH_TUNNEL_GRE, 0, 0},
    {"gre_udp", 17, 50000, 4754, "20000800 0000004d", IP, TH_TUNNEL_GRE, 77, 0},
    {"gre_version", 47, 0, 0, "20010800 00000000", IP, TH_TUNNEL_NONE, 0, 0},
    {"pptp", 47, 0, 0, "3001880b 00220063 00000001 ff030021", IP, TH_TUNNEL_GRE, 99, 0},
    {"pptp_acknowledges", 47, 0, 0, "3081880b 00210063 00000001 00000001 21", IP, TH_TUNNEL_GRE, 99,
        0},
    {"pptp_no_number", 47, 0, 0, "2001880b 00220063 ff030021", IP, TH_TUNNEL_GRE, 99, 0},
    {"pptp_empty", 47, 0, 0, "3001880b 00000063 00000001 ff030021", IP, TH_TUNNEL_NONE, 0, 0},
    {"pptp_control", 47, 0, 0, "3001880b 00220063 00000001 ff03c021", IP, TH_TUNNEL_NONE, 0, 0},
    {"pptp_no_key", 47, 0, 0, "1001880b 00220063 00000001 ff030021", IP, TH_TUNNEL_NONE, 0, 0},
    {"erspan1", 47, 0, 0, "000088be", ETHERNET, TH_TUNNEL_ERSPAN, 0, 0},
    {"erspan2", 47, 0, 0, "100088be 00000001 1000fd55 00000000", ETHERNET, TH_TUNNEL_ERSPAN, 0x155,
        0},
    {"erspan3", 47, 0, 0, "100022eb 00000001 20000155 00000000 00000000", ETHERNET,
        TH_TUNNEL_ERSPAN, 0x155, 0},
    {"erspan3_platform", 47, 0, 0, "100022eb 00000001 20000155 00000000 00000001 3000000000000000",
        ETHERNET, TH_TUNNEL_ERSPAN, 0x155, 0},
    {"erspan3_ip", 47, 0, 0, "100022eb 00000001 20000155 00000000 00000800", IP, TH_TUNNEL_ERSPAN,
        0x155, 0},
    {"vxlan", 17, 50000, 4789, "08000000 00002a00", ETHERNET, TH_TUNNEL_VXLAN, 42, 0},
    {"vxlan_group", 17, 50000, 4789, "88000123 00002a00", ETHERNET, TH_TUNNEL_VXLAN, 42, 0},
    {"vxlan_reserved", 17, 50000, 4789, "ff000001 001234ff", ETHERNET, TH_TUNNEL_VXLAN, 0x1234, 0},
    {"vxlan_no_vni", 17, 50000, 4789, "00000000 00002a00", ETHERNET, TH_TUNNEL_NONE, 0, 0},
    {"gpe_ip", 17, 50000, 4790, "0c000001 00002a00", IP, TH_TUNNEL_VXLAN, 42, 0},
    {"gpe_ethernet", 17, 50000, 4790, "0c000003 00002a00", ETHERNET, TH_TUNNEL_VXLAN, 42, 0},
    {"gpe_plain", 17, 50000, 4790, "08000000 00002a00", ETHERNET, TH_TUNNEL_VXLAN, 42, 0},
    {"gpe_nsh", 17, 50000, 4790,
        "0c000004 00002a00 0fc60103 000001ff 00000000000000000000000000000000", ETHERNET,
        TH_TUNNEL_VXLAN, 42, 0},
    {"gpe_no_frame", 17, 50000, 4790, "0c000003 00002a00", IP, TH_TUNNEL_NONE, 0, 0},
    {"gpe_no_nsh", 17, 50000, 4790, "0c000004 00002a00", IP, TH_TUNNEL_NONE, 0, 0},
    {"gpe_oam", 17, 50000, 4790, "0d000001 00002a00", IP, TH_TUNNEL_NONE, 0, 0},
    {"gpe_version", 17, 50000, 4790, "1c000001 00002a00", IP, TH_TUNNEL_NONE, 0, 0},
    {"geneve", 17, 50000, 6081, "00006558 00000500", ETHERNET, TH_TUNNEL_GENEVE, 5, 0},
    {"geneve_gwlb", 17, 50000, 6081,
        "08000800 00000000 01080102 0123456789abcdef 01080202 0000000000000007 01080301 00000009",
        IP, TH_TUNNEL_GENEVE, 0, 0x0123456789abcdef},
    {"geneve_version", 17, 50000, 6081, "40000800 00000500", IP, TH_TUNNEL_NONE, 0, 0},
    {"geneve_nsh", 17, 50000, 6081, "0000894f 00000500 0fc20201 000001ff", IP, TH_TUNNEL_GENEVE, 5,
        0},
    {"nsh_short", 17, 50000, 6081, "0000894f 00000500 0fc10201 000001ff", IP, TH_TUNNEL_NONE, 0, 0},
    {"mpls_ip", 137, 0, 0, "00064140", IP, TH_TUNNEL_MPLS, 0, 0},
    {"mpls_udp", 17, 50000, 6635, "00064040 00064140", IP, TH_TUNNEL_MPLS, 0, 0},
    {"mpls_control_word", 137, 0, 0, "00064140 00000001", ETHERNET, TH_TUNNEL_MPLS, 0, 0},
    {"mpls_wire", 137, 0, 0, "00064140", ETHERNET, TH_TUNNEL_MPLS, 0, 0},
    {"capwap", 17, 40000, 5247, "00100200 00000000", ETHERNET, TH_TUNNEL_CAPWAP, 0, 0},
    {"capwap_80211", 17, 5247, 40000,
        "00188320 00000000 00000000 08010000 020000000001 020000000002 020000000003 0000 "
        "aaaa03000000 0800",
        IP, TH_TUNNEL_CAPWAP, 2, 0},
    {"capwap_dtls", 17, 40000, 5247, "01000000", ETHERNET, TH_TUNNEL_NONE, 0, 0},
    {"capwap_fragment", 17, 40000, 5247, "00100280 00000000", ETHERNET, TH_TUNNEL_NONE, 0, 0},
    {"tzsp", 17, 40000, 37008, "01000001 01", ETHERNET, TH_TUNNEL_TZSP, 0, 0},
    {"tzsp_tags", 17, 40000, 37008, "01000001 000a01c4 00 2804deadbeef 01", ETHERNET,
        TH_TUNNEL_TZSP, 0, 0},
    {"tzsp_80211", 17, 40000, 37008,
        "01000012 01 08010000 020000000001 020000000002 020000000003 0000 aaaa03000000 0800", IP,
        TH_TUNNEL_TZSP, 0, 0},
    {"tzsp_keepalive", 17, 40000, 37008, "01040001 01", ETHERNET, TH_TUNNEL_NONE, 0, 0},
    {"tzsp_no_end", 17, 40000, 37008, "01000001", IP, TH_TUNNEL_NONE, 0, 0},
    {"l2tp2", 17, 1701, 1701, "0002 0007 0009 ff030021", IP, TH_TUNNEL_L2TP, 0x70009, 0},
    {"l2tp2_all", 17, 1701, 40000, "4a02 0000 0007 0009 00010002 0002 0000 0021", IP,
        TH_TUNNEL_L2TP, 0x70009, 0},
    {"l2tp2_control", 17, 1701, 1701, "c802 0014 0007 0000 0001 0002", IP, TH_TUNNEL_NONE, 0, 0},
    {"l2tp3_udp", 17, 1701, 1701, "0003 0000 00000063 1122334455667788", ETHERNET, TH_TUNNEL_L2TP,
        99, 0},
    {"l2tp3", 115, 0, 0, "00000063", ETHERNET, TH_TUNNEL_L2TP, 99, 0},
    {"l2tp3_sublayer", 115, 0, 0, "00000063 11223344 40000001", ETHERNET, TH_TUNNEL_L2TP, 99, 0},
    {"l2tp3_control", 115, 0, 0, "00000000", ETHERNET, TH_TUNNEL_NONE, 0, 0},
};

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void put_form(struct th_buf *b, const struct form *f)
{
    TH_AUTOBUF struct th_buf x = TH_BUF_INIT;
    for (const char *p = f->header; *p;) {
        if (*p == ' ') {
            p++;
            continue;
        }
        th_buf_u8(&x, (uint8_t)(digit(p[0]) << 4 | digit(p[1])));
        p += 2;
    }
    if (f->carried == ETHERNET)
        frame_ether(&x, 0x0800);
    put_query(&x);
    frame_ether(b, 0x0800);
    frame_ipv4(b, 1, 2, f->proto, 7, 0, (uint16_t)(20 + (f->proto == 17 ? 8u : 0u) + x.len));
    if (f->proto == 17)
        frame_udp(b, f->src, f->dst, (uint16_t)(8 + x.len));
    th_buf_put(b, x.p, x.len);
}

static void all_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(forms); i++) {
        const struct form *f = &forms[i];
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        struct th_pkt p = {0};
        put_form(&b, f);
        bool found = inside(&b, &p);
        if (found != (f->kind != TH_TUNNEL_NONE))
            fail_msg("%s: %s", f->name, found ? "taken for a tunnel" : "not seen");
        if (!found)
            continue;
        if (p.proto != 17 || tunnel.kind != f->kind || tunnel.id != f->id ||
            tunnel.endpoint != f->endpoint)
            fail_msg("%s: kind %u, id %u, protocol %u", f->name, tunnel.kind, tunnel.id, p.proto);
        assert_query(&p, "10.0.0.8");
        assert_addr(&tunnel.src, "10.0.0.1");
        assert_null(p.weird);
        /* Cut where you like: nothing is made up, and nothing is read behind it. */
        size_t whole = b.len;
        for (b.len = 14 + 20; b.len < whole - 12; b.len++)
            if (inside(&b, &p) && p.kind == TH_PKT_IP)
                assert_true(p.payload.len == 0);
    }
}

/* A mirror whose wire is narrower than its packets cuts them, and the header outside is of what is
 * left: the lengths inside say what there was. */
static void cut_by_the_mirror(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_pkt p = {0};
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, 7, 0, 20 + 8 + 8 + 14 + 20 + 20 + 4);
    frame_udp(&b, 50000, 6081, 8 + 8 + 14 + 20 + 20 + 4);
    th_buf_be32(&b, 0x00006558);
    th_buf_be32(&b, 0);
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 8, 9, 6, 7, 0, 20 + 20 + 1400);
    frame_tcp(&b, 5000, 80, 1, 1, 0x18);
    th_buf_puts(&b, "GET ");
    assert_true(inside(&b, &p));
    assert_null(p.weird);
    assert_int_equal(p.ip_len, 1440);
    assert_int_equal(p.payload.len, 4);
    assert_int_equal(p.payload_len, 1400);
    assert_int_equal(p.wire_len, 14 + 1440);
    /* Outside a tunnel nobody cuts without a word. */
    assert_int_equal(th_decode(1, 42, b.p + 14 + 20 + 8 + 8, 14 + 44, 14 + 44, &p), 0);
    assert_string_equal(p.weird, "truncated_IP");
    assert_int_equal(p.payload_len, 4);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(ip_in_ip),
        cmocka_unit_test(vxlan_in_geneve), cmocka_unit_test(teredo), cmocka_unit_test(all_forms),
        cmocka_unit_test(cut_by_the_mirror), cmocka_unit_test(cut_anywhere)};
    return cmocka_run_group_tests_name("packet/tunnel", tests, NULL, NULL);
}
