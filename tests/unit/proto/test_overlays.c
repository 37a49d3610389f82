/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT, RFB, VPNs, BitTorrent and DHCPv6 at their limits; exchanges are in
 * tests/golden/overlays.pcap. */
#include "unit.h"

#include "feed.h"

#define DATA(text) (const uint8_t *)(text), sizeof(text) - 1
#define MQTT_CONNECT "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1x"

static void test_mqtt_large_payload(void **state)
{
    (void)state;
    static uint8_t payload[50000];
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 1883);
    feed_data(&f, 0, DATA(MQTT_CONNECT));
    feed_data(&f, 1, DATA("\x20\2\0\0"));
    feed_data(&f, 0, DATA("\x30\xd4\x86\3\0\2ab")); /* 50,004 bytes follow the length */
    feed_data(&f, 0, payload, 25000);
    feed_gap(&f, 0, 5000);
    feed_data(&f, 0, payload, 20000);
    feed_data(&f, 0, DATA("\x82\x06\0\1\0\1#\0"));
    feed_end(&f);
    assert_true(feed_has(&f, "mqtt_connect", 0, "\"client_id\":\"x\""));
    assert_true(feed_has(&f, "mqtt_publish", 0, "\"topic\":\"ab\",\"payload_len\":50000"));
    assert_true(feed_has(&f, "mqtt_subscribe", 0, "\"topics\":[\"#\"],\"ack\":false"));
    feed_done(&f);
}

static void test_mqtt_length_without_end(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 1883);
    feed_data(&f, 0, DATA(MQTT_CONNECT));
    feed_data(&f, 0, DATA("\x30\xff\xff\xff\xff\xff"));
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    assert_string_equal(f.services, "mqtt");
    feed_done(&f);
}

static void test_rfb_in_pieces(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 5900);
    feed_data(&f, 1, DATA("RFB 003.003\n"));
    feed_pieces(&f, 0, DATA("RFB 003.003\n"), 5);
    feed_pieces(&f, 1,
        DATA("\0\0\0\2"
             "0123456789abcdef"),
        3);
    feed_data(&f, 0, DATA("0123456789abcdef"));
    feed_pieces(&f, 1, DATA("\0\0\0\1"), 1);
    feed_end(&f);
    assert_true(feed_has(&f, "rfb", 0, "\"authentication_method\":\"VNC\",\"auth\":false"));
    assert_true(feed_has(&f, "login", 0, "\"method\":\"VNC\",\"success\":false"));
    feed_done(&f);
}

/* Initiations without an answer make one event, and say so. */
static void test_vpn_unanswered(void **state)
{
    (void)state;
    static uint8_t initiation[148] = {1, 0, 0, 0, 0xab};
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 51820);
    for (int i = 0; i < 5; i++)
        feed_data(&f, 0, initiation, sizeof(initiation));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "overlay", 0, "\"answered\":false,\"initiator_id\":\"ab000000\""));
    feed_done(&f);
    feed_init(&f, FEED_UDP, 40000, 4500);
    feed_data(&f, 0, DATA("\xff\xff\xff\xff" /* ESP */ "0123456789abcdef0123456789abcdef"));
    feed_end(&f);
    assert_string_equal(f.services, "");
    feed_done(&f);
}

/* Payloads of IKE that claim more than there is, or point at themselves. */
static void test_ike_payloads_that_lie(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 500, 500);
    feed_data(&f, 0,
        DATA("12345678\0\0\0\0\0\0\0\0\x0d\x10\2\0\0\0\0\0\0\0\0\x24"
             "\x0d\0\0\0\x0d\0\xff\xff"));
    feed_end(&f);
    assert_true(feed_has(&f, "overlay", 0, "\"exchange\":\"Identity Protection\""));
    feed_done(&f);
}

static void test_dhcp6(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 547, 546);
    feed_data(&f, 0,
        DATA("\7\0\0\1\0\1\0\x0a\0\3\0\1\2\0\0\0\0\x0a"
             "\0\3\0\x28\0\0\0\1\0\0\0\0\0\0\0\0\0\5\0\x18\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
             "\0\0\x0e\x10\0\0\x1c\x20\0\x27\0\x0b\0\4pc-7\4corp"));
    feed_end(&f);
    assert_string_equal(f.services, "dhcpv6");
    assert_true(feed_has(&f, "dhcp", 0, "\"mac\":\"02:00:00:00:00:0a\""));
    assert_true(feed_has(&f, "dhcp", 0, "\"client_fqdn\":\"pc-7.corp\""));
    assert_true(feed_has(&f, "dhcp", 0, "\"assigned_addr\":\"2001:db8::7\",\"lease_time\":7200"));
    assert_true(feed_has(&f, "dhcp", 0, "\"duid\":\"0003000102000000000a\""));
    feed_done(&f);
    /* RFC 5007: a relay asks about leases; a type that nobody has defined is nothing. */
    feed_init(&f, FEED_UDP, 546, 547);
    feed_data(&f, 0, DATA("\x0e\0\0\1\0\1\0\x0a\0\3\0\1\2\0\0\0\0\x0a"));
    feed_data(&f, 0, DATA("\x7e\0\0\1\0\1\0\x0a\0\3\0\1\2\0\0\0\0\x0a"));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "dhcp", 0, "\"msg_types\":[\"LEASEQUERY\"]"));
    feed_done(&f);
    /* Relays inside of relays end. */
    uint8_t deep[2000] = {0};
    for (size_t at = 0; at + 38 < sizeof(deep); at += 38) {
        deep[at] = 12;
        deep[at + 35] = 9;
        deep[at + 36] = (uint8_t)((sizeof(deep) - at - 38) >> 8);
        deep[at + 37] = (uint8_t)(sizeof(deep) - at - 38);
    }
    feed_init(&f, FEED_UDP, 547, 547);
    feed_data(&f, 0, deep, sizeof(deep));
    feed_end(&f);
    assert_int_equal(f.events, 0);
    feed_done(&f);
}

/* Datagrams that are only given a name, and some that are nearly like them. */
static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len, whole;
        uint16_t port;
        const char *service;
    } cases[] = {
        {"\xff\xff\xff\xff\4\0\0\1", 8, 1232, 3389, "rdpeudp"},
        {"\xff\xff\xff\xff\4\0\0\1", 8, 500, 3389, ""},
        {"\xff\xff\xff\xff\4\0\0\2", 8, 1232, 3389, ""},
        {"\x12\x34\x56\x78\0\0\0\1", 8, 120, 4500, "ipsec"},
        {"\0\0\0\x78\0\0\0\1", 8, 120, 4500, ""},
        {"\x12\x34\x56\x78\0\0\0\1", 8, 121, 4500, ""},
        {"\x12\x34\x56\x78\0\0\0\1", 8, 120, 4501, ""},
        {"\4\0\0\0abcd\1\0\0\0\0\0\0\0", 16, 96, 51820, "wireguard"},
        {"\4\0\0\0abcd\1\0\0\0\0\1\0\0", 16, 96, 51820, ""},
        {"\4\0\0\0abcd\1\0\0\0\0\0\0\0", 16, 100, 51820, ""},
        {"\x41\0ab1234\0\0\0\0wwww\0\1\0\0", 20, 20, 6881, "bittorrent"},
        {"\x41\0ab1234\0\0\0\0wwww\0\2\0\0", 20, 20, 6881, ""},
        {"\x41\0ab", 4, 4, 6881, ""},
        {"d2:ip6:abcdef1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t1:x1:y1:re", 59, 59, 6881, "bittorrent"},
        {"d2:ip6:abcdef", 13, 13, 6881, ""},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        uint8_t *whole TH_AUTOFREE = th_xcalloc(1, cases[i].whole);
        memcpy(whole, cases[i].p, cases[i].len);
        feed_init(&f, FEED_UDP, 40000, cases[i].port);
        feed_data(&f, 0, whole, cases[i].whole);
        feed_end(&f);
        assert_string_equal(f.services, cases[i].service);
        feed_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mqtt_large_payload),
        cmocka_unit_test(test_mqtt_length_without_end),
        cmocka_unit_test(test_rfb_in_pieces),
        cmocka_unit_test(test_vpn_unanswered),
        cmocka_unit_test(test_ike_payloads_that_lie),
        cmocka_unit_test(test_dhcp6),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
