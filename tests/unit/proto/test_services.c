/* SPDX-License-Identifier: Apache-2.0 */
/* Small protocols with messages cut and altered at every byte: nothing is read behind the end,
 * nothing is kept without limit, no secret comes out. What they tell of whole messages is in
 * tests/golden/proto/datagrams.pcap and proxies.pcap. */
#include "unit.h"

#include "feed.h"

#define DATA(text) (text), sizeof(text) - 1

static const struct {
    const struct th_analyser *an;
    uint8_t proto;
    uint16_t port;
    const char *p;
    size_t len;
} cases[] = {
    {&th_ntp_analyser, FEED_UDP, 123,
        DATA("\x24\1\6\xe9"
             "........GPS\0........................................")},
    {&th_snmp_analyser, FEED_UDP, 161,
        DATA("\x30\x2b\2\1\1\4\7s3cretc\xa2\x1d\2\1\1\2\1\0\2\1\0\x30\x12\x30\x10\6\x8\x2b\6\1\2\1"
             "\1\1\0\4\4"
             "desc")},
    {&th_snmp_analyser, FEED_UDP, 161,
        DATA("\x30\x39\2\1\3\x30\x0e\2\1\1\2\2\5\xdc\4\1\4\2\2\0\3\4\x12\x30\x10\4\1"
             "e\2\1\1\2\1\2\4\1"
             "u\4\0\4\0\x30\x10\4\1"
             "e\4\0\xa0\x9\2\1\1\2\1\0\2\1\0")},
    {&th_sip_analyser, FEED_UDP, 5060,
        DATA("INVITE sip:b@x SIP/2.0\r\nFrom: a\r\nTo: b\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
             "Authorization: Digest username=\"u\", response=\"s3cretc\"\r\nContent-Length: "
             "3\r\n\r\nabc")},
    {&th_sip_analyser, FEED_TCP, 5060,
        DATA("SIP/2.0 200 OK\r\nl: 4\r\n\r\nabcdOPTIONS sip:x SIP/2.0\r\nl: "
             "18446744073709551615\r\n\r\n")},
    {&th_radius_analyser, FEED_UDP, 1812,
        DATA("\1\7\0\x29................\1\4"
             "bo\2\x9s3cretc\x8\6\x0a\0\0\1\x12\2")},
    {&th_syslog_analyser, FEED_UDP, 514, DATA("<34>Oct 11 host su: failed")},
    {&th_irc_analyser, FEED_TCP, 6667,
        DATA("PASS s3cretc\r\nNICK n\r\nUSER u 0 * :r\r\nJOIN #a,#b s3cretc\r\n"
             "PRIVMSG b :\1DCC SEND \"f\" 1 2 3\1\r\n")},
    {&th_socks_analyser, FEED_TCP, 1080, DATA("\5\1\2\1\1u\7s3cretc\5\1\0\3\1h\0\x50")},
    {&th_socks_analyser, FEED_TCP, 1080, DATA("\4\1\0\x50\0\0\0\1user\0host\0")},
    {&th_krb_analyser, FEED_UDP, 88,
        DATA("\x6c\x82\x00\xad\x30\x82\x00\xa9\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0c\xa3\x47"
             "\x30\x45\x30\x10\xa1\x03\x02\x01\x01\xa2\x09\x04\x07\x73\x33\x63\x72\x65\x74\x63"
             "\x30\x31\xa1\x04\x02\x02\x00\x81\xa2\x29\x04\x27\x30\x25\xa0\x12\x30\x10\xa0\x03"
             "\x02\x01\x0a\xa1\x09\x30\x07\x1b\x05\x61\x64\x6d\x69\x6e\xa1\x03\x1b\x01\x52\xa3"
             "\x0a\x1b\x08\x4b\x65\x72\x62\x65\x72\x6f\x73\xa4\x54\x30\x52\xa0\x07\x03\x05\x00"
             "\x40\x81\x00\x10\xa1\x0e\x30\x0c\xa0\x03\x02\x01\x01\xa1\x05\x30\x03\x1b\x01\x75"
             "\xa2\x03\x1b\x01\x52\xa3\x10\x30\x0e\xa0\x03\x02\x01\x02\xa1\x07\x30\x05\x1b\x03"
             "\x73\x76\x63\xa5\x11\x18\x0f\x32\x30\x33\x37\x30\x39\x31\x33\x30\x32\x34\x38\x30"
             "\x35\x5a\xa7\x03\x02\x01\x2a\xa8\x08\x30\x06\x02\x01\x12\x02\x01\x17")},
    {&th_tftp_analyser, FEED_UDP, 69,
        DATA("\0\1name\0octet\0blksize\0"
             "8\0")},
    {&th_tftp_data_analyser, FEED_UDP, 69,
        DATA("\0\3\0\1"
             "12345678")},
    {&th_tftp_data_analyser, FEED_UDP, 69,
        DATA("\0\6"
             "blksize\0"
             "8\0tsize\0"
             "99\0")},
    {&th_ftp_data_analyser, FEED_TCP, 20, DATA("some bytes of a file")},
    {&th_quic_analyser, FEED_UDP, 443,
        DATA("\xc0\0\0\0\1\x8"
             "12345678\1a\0\x20................................")},
    {&th_dtls_analyser, FEED_UDP, 4433,
        DATA("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x10\1\0\0\4\0\0\0\0\0\0\0\4abcd")},
    {&th_stun_analyser, FEED_UDP, 3478,
        DATA("\0\1\0\0\x21\x12\xa4\x42"
             "123456789012")},
};

static void run(size_t i, const char *p, size_t len, bool answered)
{
    struct feed f;
    feed_init(&f, cases[i].proto, 40000, cases[i].port);
    th_conn_begin(&f.pr, &f.flow, cases[i].an, 0);
    if (len)
        feed_data(&f, 0, p, len);
    if (answered && len)
        feed_data(&f, 1, p, len);
    feed_end(&f);
    assert_in_range(f.events, 0, 16);
    assert_true(!f.lines.len || !memmem(f.lines.p, f.lines.len, "s3cretc", 7));
    feed_done(&f);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        for (size_t n = 0; n <= cases[i].len; n++)
            run(i, cases[i].p, n, n % 2);
}

static void test_altered_anywhere(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        char *copy TH_AUTOFREE = th_xmalloc(cases[i].len);
        for (size_t at = 0; at < cases[i].len; at++)
            for (size_t v = 0; v < sizeof(values); v++) {
                memcpy(copy, cases[i].p, cases[i].len);
                copy[at] = (char)values[v];
                /* A terminator that is gone may turn a secret's neighbour into text: not asked
                 * here. */
                struct feed f;
                feed_init(&f, cases[i].proto, 40000, cases[i].port);
                th_conn_begin(&f.pr, &f.flow, cases[i].an, 0);
                feed_data(&f, 0, copy, cases[i].len);
                feed_data(&f, 1, copy, cases[i].len);
                feed_end(&f);
                assert_in_range(f.events, 0, 16);
                feed_done(&f);
            }
    }
}

/* Requests that are never answered, headers without end, one message after the other. */
static void test_endless(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        feed_init(&f, cases[i].proto, 40000, cases[i].port);
        th_conn_begin(&f.pr, &f.flow, cases[i].an, 0);
        for (unsigned k = 0; k < 6000; k++)
            feed_data(&f, 0, cases[i].p, cases[i].len);
        feed_end(&f);
        assert_in_range(f.events, 0, 6000);
        feed_done(&f);
    }
}

/* A number that was not answered does not hide the next request with it. */
static void test_radius_number_again(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 1812);
    feed_data(&f, 0,
        DATA("\1\7\0\x19"
             "aaaaaaaaaaaaaaaa"
             "\1\5"
             "bob"));
    feed_data(&f, 0,
        DATA("\1\7\0\x19"
             "aaaaaaaaaaaaaaaa"
             "\1\5"
             "bob")); /* sent again */
    assert_int_equal(f.events, 0);
    feed_data(&f, 0,
        DATA("\1\7\0\x19"
             "bbbbbbbbbbbbbbbb"
             "\1\5"
             "eve"));
    assert_true(feed_has(&f, "radius", 0, "\"username\":\"bob\""));
    assert_true(feed_has(&f, "radius", 0, "\"result\":\"unknown\""));
    feed_data(&f, 1,
        DATA("\2\7\0\x14"
             "cccccccccccccccc"));
    assert_true(feed_has(&f, "radius", 1, "\"username\":\"eve\""));
    assert_true(feed_has(&f, "radius", 1, "\"result\":\"success\""));
    feed_end(&f);
    assert_int_equal(f.events, 2);
    feed_done(&f);
}

static void test_sip_head_without_end(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 5060);
    feed_data(&f, 0, DATA("INVITE sip:x SIP/2.0\r\n"));
    for (unsigned i = 0; i < 2000 && !f.flow.skip_data[0]; i++)
        feed_data(&f, 0, DATA("From: somebody\r\n"));
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    assert_int_equal(f.events, 0);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_altered_anywhere),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_radius_number_again),
        cmocka_unit_test(test_sip_head_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
