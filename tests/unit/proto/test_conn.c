/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "feed.h"

#define DATA(text) (text), sizeof(text) - 1

static void test_hold_keeps_and_refuses(void **state)
{
    (void)state;
    struct th_hold h = {0};
    bool ok;
    struct th_cur c = th_hold_join(&h, (const uint8_t *)"abc", 3, 5, &ok);
    assert_true(ok);
    th_cur_skip(&c, 1);
    assert_true(th_hold_keep(&h, &c, 5));
    c = th_hold_join(&h, (const uint8_t *)"de", 2, 5, &ok);
    assert_true(ok);
    assert_int_equal(th_cur_left(&c), 4);
    assert_memory_equal(c.p, "bcde", 4);
    assert_true(th_hold_keep(&h, &c, 5));
    th_hold_join(&h, (const uint8_t *)"fg", 2, 5, &ok);
    assert_false(ok);
    c = th_cur_init("123456", 6);
    assert_false(th_hold_keep(&h, &c, 5));
    th_hold_done(&h);
}

static void test_first_bytes_in_pieces(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 8080);
    feed_pieces(&f, 0, DATA("GET /index HTTP/1.1\r\n\r\n"), 1);
    feed_data(&f, 1, DATA("HTTP/1.1 204 No\r\n\r\n"));
    feed_end(&f);
    assert_string_equal(f.services, "http");
    assert_true(feed_has(&f, "http", 0, "\"uri\":\"/index\""));
    feed_done(&f);
}

/* A capture that begins in the middle: the server's bytes come from the originator. */
static void test_reversed_flow(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 80, 40000);
    feed_data(&f, 0, DATA("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
    feed_data(&f, 1, DATA("GET /next HTTP/1.1\r\n\r\n"));
    feed_data(&f, 0, DATA("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    feed_end(&f);
    assert_true(feed_has(&f, "http", 0, "\"status_code\":200"));
    assert_true(feed_has(&f, "files", 0, "\"is_orig\":true"));
    assert_true(feed_has(&f, "http", 1, "\"uri\":\"/next\""));
    feed_done(&f);
}

static void test_unknown_stream_is_left_alone(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 9999);
    feed_data(&f, 0, DATA("\x99\x98\x97 something of its own\n\n\n"));
    assert_true(f.flow.skip_data[0]);
    assert_false(f.flow.skip_data[1]);
    feed_data(&f, 1, DATA("\x99\x98\x97 something of its own\n\n\n"));
    assert_true(f.flow.skip_data[1]);
    feed_end(&f);
    assert_string_equal(f.services, "");
    assert_int_equal(f.events, 0);
    feed_done(&f);
}

static void test_gap_before_anything_is_known(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 80);
    feed_data(&f, 0, DATA("GE"));
    feed_gap(&f, 0, 100);
    assert_true(f.flow.skip_data[0]);
    feed_data(&f, 1, DATA("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    feed_end(&f);
    assert_string_equal(f.services, "http");
    feed_done(&f);
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto;
        uint16_t src, dst;
        const char *p;
        size_t len;
        const char *service;
    } cases[] = {
        {FEED_UDP, 40000, 1900, DATA("M-SEARCH * HTTP/1.1\r\n"), "ssdp"},
        {FEED_TCP, 40000, 23, DATA("\xff\xfb\x18"), "telnet"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        feed_init(&f, cases[i].proto, cases[i].src, cases[i].dst);
        feed_data(&f, 0, cases[i].p, cases[i].len);
        feed_end(&f);
        assert_string_equal(f.services, cases[i].service);
        assert_true(f.flow.skip_data[0] && f.flow.skip_data[1]);
        feed_done(&f);
        /* Cut short nothing is read behind the end, whoever may be recognised. */
        for (size_t n = 1; n < cases[i].len; n++) {
            feed_init(&f, cases[i].proto, cases[i].src, cases[i].dst);
            feed_data(&f, 0, cases[i].p, n);
            feed_end(&f);
            feed_done(&f);
        }
    }
}

/* First bytes of what is recognised, cut everywhere, to every probe: none reads behind the end. */
static void test_probes_stay_inside(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len;
    } cases[] = {
        {DATA("\0\0\0\x54\xfeSMB\x40\0\1\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0")},
        {DATA("\0\0\0\x54\xffSMB\x72\0\0\0\0\x18\1\x28\0\0\0\0\0\0\0\0\0\0\0\0")},
        {DATA("\5\0\xb\3\x10\0\0\0\x48\0\0\0\1\0\0\0\xb8\x10\xb8\x10\0\0\0\0")},
        {DATA("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x8\0\3\0\0\0")},
        {DATA("\0\0\0\x30\x6a\x2e\x30\x2c\xa1\3\2\1\5\xa2\3\2\1\xa")},
        {DATA("\x30\x84\0\0\0\x10\2\1\1\x60\xb\2\1\3\4\0\x80\0")},
        {DATA("\x16\3\1\0\x2f\1\0\0\x2b\3\3")},
        {DATA("\x80\x1f\1\3\1\0\6\0\0\0\x10\0\0\x2f")},
        {DATA("\x10\xff\xff\xff\x7f\0\4MQTT")},
        {DATA("\x4a\0\0\0\xa"
              "5.7.33-log\0\1\0\0\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
        {DATA("CONNECT example.com:443 HTTP/1.1\r\n\r\n")},
        {DATA("220-mail.example ESMTP\r\n")},
        {DATA("\0\x1d\0\7\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1")},
    };
    static const uint16_t ports[] = {
        445, 139, 135, 3389, 88, 389, 443, 1883, 3306, 25, 53, 161, 514};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        for (size_t n = 1; n <= cases[i].len; n++) {
            uint8_t *exact TH_AUTOFREE = th_xmalloc(n);
            memcpy(exact, cases[i].p, n);
            for (size_t k = 0; k < th_analyser_count * TH_ARRAY_LEN(ports) * 2; k++) {
                unsigned which = (unsigned)(k / 2 / TH_ARRAY_LEN(ports));
                const struct th_analyser *an = th_analyser_at(which);
                const struct th_probe_in in = {.p = exact,
                    .len = n,
                    .wire_len = n,
                    .src = 40000,
                    .dst = ports[k / 2 % TH_ARRAY_LEN(ports)],
                    .ip_proto = k % 2 ? 6 : 17};
                enum th_probe said = an->probe(&in);
                assert_in_range(said, TH_PROBE_NO, TH_PROBE_SERVER);
                if (said != TH_PROBE_NO && (in.ip_proto == 6 ? an->tcp : an->udp))
                    assert_true(th_analyser_may(which, in.ip_proto == 6, exact[0]));
            }
        }
    }
}

/* Whatever follows, and on its own port as well: a probe that is not asked would have said no. */
static void test_first_bytes(void **state)
{
    (void)state;
    static const uint16_t ports[] = {21, 22, 23, 25, 53, 67, 69, 80, 88, 102, 110, 123, 135, 138,
        139, 143, 161, 389, 443, 445, 500, 502, 514, 547, 1080, 1194, 1433, 1812, 1883, 1900, 2222,
        3306, 3389, 4500, 5060, 5432, 5900, 6379, 6667, 20000, 27017, 44818, 47808, 51820};
    static const char *const texts[] = {"?\r\n", "?ELO a\r\n", "?ehlo a\r\n", "?20 FTP SMTP\r\n",
        "?\1", "?\1\2\3\4\5\6\7", "?OK IMAP4 ready and a line that goes on\r\n"};
    for (unsigned which = 0; which < th_analyser_count; which++) {
        const struct th_analyser *an = th_analyser_at(which);
        for (unsigned k = 0; k < 256 * TH_ARRAY_LEN(ports) * TH_ARRAY_LEN(texts) * 4; k++) {
            uint8_t first = (uint8_t)k;
            const char *text = texts[k / 256 % TH_ARRAY_LEN(texts)];
            uint16_t port = ports[k / 256 / TH_ARRAY_LEN(texts) % TH_ARRAY_LEN(ports)];
            unsigned way = k / 256 / TH_ARRAY_LEN(texts) / TH_ARRAY_LEN(ports);
            bool tcp = way & 1;
            if (!(tcp ? an->tcp : an->udp) || th_analyser_may(which, tcp, first))
                continue;
            uint8_t *exact TH_AUTOFREE = (uint8_t *)th_xstrdup(text);
            exact[0] = first;
            const struct th_probe_in in = {.p = exact,
                .len = strlen(text),
                .wire_len = strlen(text),
                .src = way & 2 ? port : 40000,
                .dst = way & 2 ? 40000 : port,
                .ip_proto = tcp ? 6 : 17};
            assert_int_equal(an->probe(&in), TH_PROBE_NO);
        }
    }
}

static void test_starttls_goes_on_as_tls(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 25);
    feed_data(&f, 1, DATA("220 mx ESMTP\r\n"));
    feed_data(&f, 0, DATA("EHLO me\r\n"));
    feed_data(&f, 1, DATA("250-mx\r\n250 STARTTLS\r\n"));
    feed_data(&f, 0, DATA("STARTTLS\r\n"));
    feed_data(&f, 1, DATA("220 go ahead\r\n"));
    feed_data(&f, 0,
        DATA("\x16\3\1\0\x2f\1\0\0\x2b\3\3"
             "0123456789abcdef0123456789abcdef"
             "\0\0\4\x13\1\xc0\x2f\1\0"));
    feed_end(&f);
    assert_string_equal(f.services, "smtp,ssl");
    assert_true(feed_has(&f, "smtp", 0, "\"tls\":true"));
    assert_true(feed_has(&f, "ssl", 0, "\"client_version\":\"TLSv12\""));
    feed_done(&f);
}

/* The request lies in bytes that waited: they must outlive its reading. */
static void test_rdp_in_pieces(void **state)
{
    (void)state;
    static const char request[] =
        "\3\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=alice\r\n\1\0\x8\0\3\0\0";
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 3389);
    feed_pieces(&f, 0, request, sizeof(request), 1);
    feed_end(&f);
    assert_string_equal(f.services, "rdp");
    assert_true(feed_has(&f, "rdp", 0, "\"cookie\":\"alice\""));
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_keeps_and_refuses),
        cmocka_unit_test(test_first_bytes_in_pieces),
        cmocka_unit_test(test_reversed_flow),
        cmocka_unit_test(test_unknown_stream_is_left_alone),
        cmocka_unit_test(test_gap_before_anything_is_known),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_starttls_goes_on_as_tls),
        cmocka_unit_test(test_rdp_in_pieces),
        cmocka_unit_test(test_probes_stay_inside),
        cmocka_unit_test(test_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
