/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols that are recognised by the first bytes of either end, and what looks almost like them.
 */
#include "unit.h"

#include "feed.h"

#define DATA(text) (text), sizeof(text) - 1
#define TEN "0123456789"
#define TWENTY TEN TEN

static const struct {
    uint8_t proto;
    uint16_t src, dst;
    const char *p;
    size_t len;
    const char *services;
} cases[] = {
    /* An answer to M-SEARCH, from any port; other HTTP over UDP is none. */
    {FEED_UDP, 48166, 57547, DATA("HTTP/1.1 200 OK\r\nST: x\r\nUSN: uuid:1\r\n\r\n"), "ssdp"},
    {FEED_UDP, 48166, 57547, DATA("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), ""},
    {FEED_UDP, 6771, 6771, DATA("BT-SEARCH * HTTP/1.1\r\nHost: x\r\n"), "bittorrent"},
    /* TLS after its handshake: data, an alert, a change of cipher; each of a length it can have. */
    {FEED_TCP, 40000, 8009, DATA("\x17\3\3\0\x19" TWENTY), "ssl"},
    {FEED_TCP, 443, 40000, DATA("\x15\3\3\0\2\1\0"), "ssl"},
    {FEED_TCP, 443, 40000, DATA("\x14\3\3\0\1\1\x17\3\3\0\x19" TWENTY), "ssl"},
    {FEED_TCP, 40000, 8009, DATA("\x17\3\3\0\4" TWENTY), ""},
    {FEED_TCP, 40000, 8009, DATA("\x17\3\3\x7f\xff" TWENTY), ""},
    {FEED_TCP, 40000, 8009, DATA("\x17\2\3\0\x19" TWENTY), ""},
    {FEED_TCP, 443, 40000, DATA("\x15\3\3\0\3\1\0\0"), ""},
    /* DTLS of a later epoch. */
    {FEED_UDP, 40000, 443, DATA("\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\x14" TWENTY), "dtls"},
    {FEED_UDP, 40000, 443, DATA("\x17\xfe\xfd\0\0\0\0\0\0\0\1\0\x14" TWENTY), ""},
    {FEED_UDP, 40000, 443, DATA("\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\x15" TWENTY), ""},
    /* WireGuard's data: blocks of 16, a counter that is young. */
    {FEED_UDP, 40000, 51820,
        DATA("\4\0\0\0\x15\x76\x49\x79\x13\0\0\0\0\0\0\0"
             "0123456789abcdef"),
        "wireguard"},
    {FEED_UDP, 40000, 51820,
        DATA("\4\0\0\0\x15\x76\x49\x79\x13\0\0\0\0\0\0\0"
             "0123456789abcde"),
        ""},
    {FEED_UDP, 40000, 51820,
        DATA("\4\0\0\0\x15\0\0\0\x13\0\0\0\0\0\0\0"
             "0123456789abcdef"),
        ""},
    {FEED_UDP, 40000, 51820,
        DATA("\4\0\0\0\x15\x76\x49\x79\x13\0\0\0\0\0\0\1"
             "0123456789abcdef"),
        ""},
    /* STUN before its cookie: on its port, attributes to the end. */
    {FEED_UDP, 40000, 3478,
        DATA("\0\1\0\x8"
             "0123456789abcdef"
             "\0\3\0\4\0\0\0\4"),
        "stun"},
    {FEED_UDP, 40000, 3478,
        DATA("\0\1\0\0"
             "0123456789abcdef"),
        "stun"},
    {FEED_UDP, 40000, 3479,
        DATA("\0\1\0\x8"
             "0123456789abcdef"
             "\0\3\0\4\0\0\0\4"),
        ""},
    {FEED_UDP, 40000, 3478,
        DATA("\0\1\0\x8"
             "0123456789abcdef"
             "\0\3\0\5\0\0\0\4"),
        ""},
    {FEED_UDP, 40000, 3478,
        DATA("\0\5\0\0"
             "0123456789abcdef"),
        ""},
    /* And behind a length, over TCP. */
    {FEED_TCP, 40000, 42000,
        DATA("\0\x14\0\1\0\0\x21\x12\xa4\x42"
             "0123456789ab"),
        "stun"},
    {FEED_TCP, 40000, 42000,
        DATA("\0\x15\0\1\0\0\x21\x12\xa4\x42"
             "0123456789ab"),
        ""},
    /* RADIUS: what is behind the length is padding; a length behind the end is no RADIUS. */
    {FEED_UDP, 40000, 1812,
        DATA("\1\7\0\x18"
             "0123456789abcdef"
             "\1\4"
             "bo"
             "\0\0"),
        "radius"},
    {FEED_UDP, 40000, 1812,
        DATA("\1\7\0\x1b"
             "0123456789abcdef"
             "\1\4"
             "bo"
             "\0\0"),
        ""},
    /* A request of a MongoDB driver that answers to "-1". */
    {FEED_TCP, 40000, 30000,
        DATA("\x1a\0\0\0\1\0\0\0\xff\xff\xff\xff\xd4\7\0\0\0\0\0\0"
             "a.$cm\0"),
        "mongodb"},
    {FEED_TCP, 40000, 30000,
        DATA("\x1a\0\0\0\1\0\0\0\xfe\xff\xff\xff\xd4\7\0\0\0\0\0\0"
             "a.$cm\0"),
        ""},
};

static void test_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        feed_init(&f, cases[i].proto, cases[i].src, cases[i].dst);
        feed_data(&f, 0, cases[i].p, cases[i].len);
        feed_end(&f);
        if (strcmp(f.services, cases[i].services) != 0)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, f.services, cases[i].services);
        feed_done(&f);
    }
}

/* Cut anywhere, they are what they were or nothing. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        for (size_t n = 1; n < cases[i].len; n++) {
            struct feed f;
            feed_init(&f, cases[i].proto, cases[i].src, cases[i].dst);
            feed_data(&f, 0, cases[i].p, n);
            feed_end(&f);
            feed_done(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognised),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
