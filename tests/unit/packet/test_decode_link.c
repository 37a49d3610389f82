/* SPDX-License-Identifier: Apache-2.0 */
/* Every link type and tag that is stripped leads to the same UDP datagram. */
#include "base/err.h"
#include "frames.h"
#include "packet/decode.h"
#include "unit.h"

/* Appends the datagram, decodes, and checks that it was found behind the given header. */
static struct th_pkt decode_behind(uint32_t linktype, const void *header, size_t len)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_put(&b, header, len);
    frame_ipv4(&b, 1, 2, 17, 0, 0, 28);
    frame_udp(&b, 5353, 53, 8);
    struct th_pkt p;
    assert_true(th_linktype_supported(linktype));
    assert_int_equal(th_decode(linktype, 0, b.p, (uint32_t)b.len, (uint32_t)b.len, &p), 0);
    p.l3 = p.payload = th_str_c(""); /* b goes */
    return p;
}

static void assert_found(uint32_t linktype, const void *header, size_t len)
{
    struct th_pkt p = decode_behind(linktype, header, len);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_int_equal(p.src_port, 5353);
    assert_int_equal(p.dst_port, 53);
    assert_int_equal(p.src.b[15], 1);
}

#define FOUND(linktype, header) assert_found(linktype, header, sizeof(header) - 1)
#define MACS "\2\0\0\0\0\xd\2\0\0\0\0\xa"

static void link_types(void **state)
{
    (void)state;
    FOUND(0, "\2\0\0\0");
    FOUND(0, "\0\0\0\2");
    FOUND(108, "\0\0\0\2");
    FOUND(1, MACS "\x08\0");
    FOUND(9, "\xff\3\0\x21");
    FOUND(9, "\x21");
    FOUND(50, "\xff\3\0\x21");
    FOUND(50, "\x0f\0\x08\0");
    FOUND(51, "\x11\0\0\7\0\x1e\0\x21");
    FOUND(12, "");
    FOUND(14, "");
    FOUND(101, "");
    FOUND(228, "");
    FOUND(104, "\x0f\0\x08\0");
    FOUND(107, "\x18\x41\3\xcc");
    FOUND(107, "\x18\x41\x08\0");
    FOUND(107, "\x18\x41\3\0\x80\0\0\0\x08\0");
    FOUND(113, "\0\0\0\1\0\6\2\0\0\0\0\xa\0\0\x08\0");
    FOUND(276, "\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\xa\0\0");
    FOUND(239, "\2\0\0\1\6\0\1\0..\0\0\x10\0\x08\0\0\6\0\0\2\0\0\0\0\xa\0\0\x20\0\x09\0");
    FOUND(192, "\0\0\x08\0\1\0\0\0" MACS "\x08\0");
}

static void tags(void **state)
{
    (void)state;
    FOUND(1, MACS "\x88\x64\x11\0\0\7\0\x1e\0\x21");
    FOUND(1, MACS "\x88\x47\0\1\0\x40\0\2\1\x40");
    FOUND(1, MACS "\x88\x47\0\1\1\x40\0\0\0\0" MACS "\x08\0"); /* pseudowire */
    FOUND(1, MACS "\0\x24\xaa\xaa\3\0\0\0\x08\0");
    FOUND(1, MACS "\0\x1f\6\6\3");
    FOUND(1, MACS "\x81\0\0\5\x88\x47\0\1\1\x40");
    FOUND(1, MACS "\x89\x26\0\1\0\2\x81\0\0\5\x08\0");           /* VN-Tag before a VLAN */
    FOUND(1, MACS "\x81\0\0\5\x89\x3f\0\0\0\1\0\0\x08\0");       /* 802.1BR behind one */
    FOUND(1, MACS "\x89\x09\1\1\0\1\0\7\x08\0");                 /* Cisco metadata */
    FOUND(1, MACS "\x88\xa8\0\5\x88\xe7\0\0\0\1" MACS "\x08\0"); /* 802.1ah */
    struct th_pkt p = decode_behind(1, MACS "\x88\xa8\x20\x64\x81\0\0\x07\x08\0", 22);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_int_equal(p.vlan, 100);
    assert_int_equal(p.inner_vlan, 7);
    /* The customer's addresses, not those of the provider's bridges. */
    p = decode_behind(1,
        MACS "\x88\xe7\0\0\0\1"
             "\2\0\0\0\0\1\2\0\0\0\0\2"
             "\x08\0",
        32);
    assert_int_equal(p.dst_mac.b[5], 1);
    assert_int_equal(p.src_mac.b[5], 2);
    p = decode_behind(1, MACS "\x81\0\0\0\x08\0", 18);
    assert_int_equal(p.kind, TH_PKT_IP);
    assert_int_equal(p.vlan, 0);
}

static void wlan(void **state)
{
    (void)state;
#define LLC "\xaa\xaa\3\0\0\0\x08\0"
#define WLAN3 "\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0"
    FOUND(105, "\x08\1\0\0" WLAN3 LLC);
    FOUND(105, "\x88\2\0\0" WLAN3 "\0\0" LLC);
    FOUND(105, "\x08\3\0\0" WLAN3 "\2\0\0\0\0\4" LLC);
    FOUND(127, "\0\0\x08\0\0\0\0\0\x08\1\0\0" WLAN3 LLC);
    struct th_pkt p = decode_behind(105, "\x08\1\0\0" WLAN3 LLC, 32); /* to the access point */
    assert_int_equal(p.src_mac.b[5], 2);
    assert_int_equal(p.dst_mac.b[5], 3);
    p = decode_behind(105, "\x08\2\0\0" WLAN3 LLC, 32); /* from it */
    assert_int_equal(p.src_mac.b[5], 3);
    assert_int_equal(p.dst_mac.b[5], 1);
    p = decode_behind(105, "\x08\x41\0\0" WLAN3 LLC, 32); /* encrypted */
    assert_int_equal(p.kind, TH_PKT_OTHER);
    uint8_t prism[144 + 32] = {[3] = 0x44, [7] = 144};
    memcpy(prism + 144, "\x08\1\0\0" WLAN3 LLC, 32);
    assert_found(119, prism, sizeof(prism));
    uint8_t avs[64 + 32] = {0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64};
    memcpy(avs + 64, "\x08\1\0\0" WLAN3 LLC, 32);
    assert_found(119, avs, sizeof(avs));
}

static void arp_and_others(void **state)
{
    (void)state;
    struct th_pkt p;
    static const uint8_t arp[] = MACS "\x08\6\0\1";
    assert_int_equal(th_decode(1, 0, arp, 16, 16, &p), 0);
    assert_int_equal(p.kind, TH_PKT_ARP);
    assert_int_equal(p.l3.len, 2);
    static const uint8_t lldp[] = MACS "\x88\xcc..";
    assert_int_equal(th_decode(1, 0, lldp, 16, 16, &p), 0);
    assert_int_equal(p.kind, TH_PKT_OTHER);
    assert_int_equal(p.ethertype, 0x88cc);
}

static void unsupported(void **state)
{
    (void)state;
    struct th_pkt p;
    static const uint32_t types[] = {2, 195, 147, 65535};
    for (size_t i = 0; i < TH_ARRAY_LEN(types); i++) {
        assert_false(th_linktype_supported(types[i]));
        assert_int_equal(
            th_decode(types[i], 5, (const uint8_t *)"abcd", 4, 9, &p), TH_E_UNSUPPORTED_LINKTYPE);
        assert_int_equal(p.time_ns, 5);
        assert_int_equal(p.cap_len, 4);
        assert_int_equal(p.wire_len, 9);
        assert_int_equal(p.kind, TH_PKT_OTHER);
    }
}

/* Tags, labels or link types without end are left at the limit. */
static void layer_limit(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_put(&b, MACS "\x81\0", 14);
    for (int i = 0; i < 100; i++)
        th_buf_put(&b, "\0\1\x81\0", 4);
    struct th_pkt p;
    assert_int_equal(th_decode(1, 0, b.p, (uint32_t)b.len, (uint32_t)b.len, &p), 0);
    assert_int_equal(p.kind, TH_PKT_BAD);
    assert_string_equal(p.weird, "too_many_layers");
    th_buf_clear(&b);
    th_buf_put(&b, MACS "\x88\x47", 14);
    for (int i = 0; i < 100; i++)
        th_buf_put(&b, "\0\1\0\1", 4);
    assert_int_equal(th_decode(1, 0, b.p, (uint32_t)b.len, (uint32_t)b.len, &p), 0);
    assert_string_equal(p.weird, "too_many_layers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(link_types), cmocka_unit_test(tags),
        cmocka_unit_test(wlan), cmocka_unit_test(arp_and_others), cmocka_unit_test(unsupported),
        cmocka_unit_test(layer_limit)};
    return cmocka_run_group_tests_name("packet/decode_link", tests, NULL, NULL);
}
