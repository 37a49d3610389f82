/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "feed.h"
#include "tls_traits.h"

/* Numbers as a hello has them: big-endian. */
static struct th_be16_list list(uint8_t *store, const uint16_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        store[2 * i] = (uint8_t)(v[i] >> 8);
        store[2 * i + 1] = (uint8_t)v[i];
    }
    return (struct th_be16_list){.p = store, .n = n};
}

/* The worked example of FoxIO's JA4 specification: t13d1516h2_8daaf6152771_e5627efa2ab1. */
static void test_ja4_of_the_specification(void **state)
{
    (void)state;
    static const uint16_t ciphers[] = {0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
        0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    static const uint16_t extensions[] = {0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017,
        0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
    static const uint16_t sigs[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
    uint8_t c[64], s[64];
    struct th_tls_hello h = {
        .version = 0x0303, .highest = 0x0304, .has_sni = true, .alpn_count = 2};
    h.ciphers = list(c, ciphers, TH_ARRAY_LEN(ciphers));
    h.sig_algs = list(s, sigs, TH_ARRAY_LEN(sigs));
    memcpy(h.extensions, extensions, sizeof(extensions));
    h.extension_count = TH_ARRAY_LEN(extensions);
    h.alpn[0] = th_str_c("h2");
    h.alpn[1] = th_str_c("http/1.1");
    char ja4[TH_JA4_LEN];
    th_ja4(&h, 't', ja4);
    assert_string_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    h.alpn[0] = th_str_c("http/1.1");
    h.has_sni = false;
    th_ja4(&h, 'q', ja4);
    assert_string_equal(ja4, "q13i1516h1_8daaf6152771_e5627efa2ab1");
    h = (struct th_tls_hello){.version = 0x0301, .highest = 0x0301};
    th_ja4(&h, 't', ja4);
    assert_string_equal(ja4, "t10i000000_000000000000_000000000000");
}

/* A hello's order plays no part, whether its lists are as short as real ones or far longer: sums by
 * an implementation of our own in Python. */
static void test_ja4_of_any_length(void **state)
{
    (void)state;
    static const struct {
        uint32_t ciphers, extensions;
        const char *want;
    } cases[] = {{64, 60, "t13i646000_c6c97ec952f2_1d5541d28e4a"},
        {300, 70, "t13i997000_21896151dcc3_04309cdfa5c1"}};
    for (size_t k = 0; k < TH_ARRAY_LEN(cases); k++) {
        uint16_t v[300];
        uint8_t c[600];
        char up[TH_JA4_LEN], down[TH_JA4_LEN];
        struct th_tls_hello h = {.highest = 0x0304, .extension_count = cases[k].extensions};
        for (uint32_t i = 0; i < cases[k].ciphers; i++)
            v[i] = (uint16_t)(0x1301 + 7 * i);
        for (uint32_t i = 0; i < h.extension_count; i++)
            h.extensions[i] = (uint16_t)(0x1101 + 5 * i);
        h.ciphers = list(c, v, cases[k].ciphers);
        th_ja4(&h, 't', up);
        for (uint32_t i = 0; i < cases[k].ciphers; i++)
            v[i] = (uint16_t)(0x1301 + 7 * (cases[k].ciphers - 1 - i));
        for (uint32_t i = 0; i < h.extension_count; i++)
            h.extensions[i] = (uint16_t)(0x1101 + 5 * (h.extension_count - 1 - i));
        h.ciphers = list(c, v, cases[k].ciphers);
        th_ja4(&h, 't', down);
        assert_string_equal(up, cases[k].want);
        assert_string_equal(down, cases[k].want);
    }
}

/* The README of JA3: "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0". */
static void test_ja3_of_its_description(void **state)
{
    (void)state;
    static const uint16_t ciphers[] = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
    static const uint16_t groups[] = {23, 24, 25};
    uint8_t c[64], g[64];
    struct th_tls_hello h = {.version = 769, .extensions = {0, 10, 11}, .extension_count = 3};
    h.ciphers = list(c, ciphers, TH_ARRAY_LEN(ciphers));
    h.groups = list(g, groups, TH_ARRAY_LEN(groups));
    h.points = th_str_n("\0", 1);
    char ja3[TH_MD5_HEX_LEN];
    th_ja3(&h, ja3);
    assert_string_equal(ja3, "ada70206e40642a3e4461f35503241d5");
    h = (struct th_tls_hello){.version = 769};
    h.ciphers = list(c, (const uint16_t[]){4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, 11);
    th_ja3(&h, ja3);
    assert_string_equal(ja3, "de350869b8c85de67a350c8d186f11e6");
}

#define RANDOM32 "0123456789abcdef0123456789abcdef"
/* version, random, no session, two ciphers, no compression, extensions: SNI and ALPN */
#define HELLO_BODY                                                                                 \
    "\3\3" RANDOM32                                                                                \
    "\0\0\4\x13\1\xc0\x2f\1\0\0\x1d\0\0\0\xb\0\x9\0\0\6ab.com\0\x10\0\xa\0\x8\7spdy/3x"
#define HELLO "\x16\3\1\0\x4e\1\0\0\x4a" HELLO_BODY

static void check_hello(struct feed *f)
{
    feed_end(f);
    assert_string_equal(f->services, "ssl");
    assert_int_equal(f->events, 1);
    assert_true(feed_has(f, "ssl", 0, "\"server_name\":\"ab.com\""));
    assert_true(feed_has(f, "ssl", 0, "\"client_alpn\":[\"spdy/3x\"]"));
    assert_true(feed_has(f, "ssl", 0, "\"established\":false"));
    assert_true(feed_has(f, "ssl", 0, "\"ja4\":\"t12d0202sx_"));
    feed_done(f);
}

static void test_hello_in_any_pieces(void **state)
{
    (void)state;
    assert_int_equal(sizeof(HELLO_BODY) - 1, 0x4a);
    struct feed f;
    for (size_t piece = 1; piece < sizeof(HELLO); piece += 7) {
        feed_init(&f, FEED_TCP, 40000, 12345);
        feed_pieces(&f, 0, HELLO, sizeof(HELLO) - 1, piece);
        check_hello(&f);
    }
}

/* One handshake message in several records (RFC 8446 5.1). */
static void test_hello_across_records(void **state)
{
    (void)state;
    uint8_t wire[200];
    size_t n = 0;
    for (size_t at = 5; at < sizeof(HELLO) - 1; at += 20) {
        size_t len = TH_MIN(sizeof(HELLO) - 1 - at, 20u);
        memcpy(wire + n, "\x16\3\1\0", 4);
        wire[n + 4] = (uint8_t)len;
        memcpy(wire + n + 5, &HELLO[at], len);
        n += 5 + len;
    }
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, wire, n);
    check_hello(&f);
}

/* RFC 8446 4.1.4 and D.4: after a Hello Retry Request both sides change a cipher for show, before
 * the hellos that count. */
static void test_hello_after_a_retry(void **state)
{
    (void)state;
    static const char retry[] = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
                                "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07"
                                "\x9e\x09\xe2\xc8\xa8\x33\x9c";
    static const char head[] = "\x16\3\3\0\x32\2\0\0\x2e\3\3",
                      tail[] = "\0\x13\1\0\0\6\0\x2b\0\2\3\4";
    static const char change[] = "\x14\3\3\0\1\1",
                      sent[] = "\x17\3\3\0\x11"
                               "0123456789abcdefg";
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, HELLO, sizeof(HELLO) - 1);
    for (unsigned again = 0; again < 2; again++) {
        th_buf_put(&b, head, sizeof(head) - 1);
        th_buf_put(&b, again ? RANDOM32 : retry, 32);
        th_buf_put(&b, tail, sizeof(tail) - 1);
        th_buf_put(&b, again ? sent : change, again ? sizeof(sent) - 1 : sizeof(change) - 1);
        feed_data(&f, 1, b.p, b.len);
        b.len = 0;
        feed_data(&f, 0, change, sizeof(change) - 1);
        feed_data(&f, 0, again ? sent : HELLO, again ? sizeof(sent) - 1 : sizeof(HELLO) - 1);
    }
    feed_end(&f);
    assert_true(feed_has(&f, "ssl", 0, "\"version\":\"TLSv13\""));
    assert_true(feed_has(&f, "ssl", 0, "\"established\":true"));
    assert_true(feed_has(&f, "ssl", 0, "\"ja3s\":"));
    feed_done(&f);
}

static void test_cut_hello_is_no_hello(void **state)
{
    (void)state;
    struct th_tls_hello h;
    for (size_t n = 0; n < sizeof(HELLO_BODY) - 1; n++) {
        /* Cut behind the compression methods it is whole: extensions are optional. */
        bool ok = th_tls_client_hello(th_cur_init(HELLO_BODY, n), &h);
        assert_int_equal(ok, n == 2 + 32 + 1 + 2 + 4 + 2);
    }
    assert_true(th_tls_client_hello(th_cur_init(HELLO_BODY, sizeof(HELLO_BODY) - 1), &h));
    assert_int_equal(h.ciphers.n, 2);
}

/* Of a server's extensions those before a fault count; one that is empty says no version. */
static void test_broken_server_extensions(void **state)
{
    (void)state;
    struct th_tls_hello h;
    static const char body[] = "\3\3" RANDOM32 "\0\x13\1\0\0\x0c\0\x2b\0\0\0\x17\0\0\0\x10\0\x7f";
    assert_true(th_tls_server_hello(th_cur_init(body, sizeof(body) - 1), &h));
    assert_int_equal(h.best, 0x0303);
    assert_false(h.has_ext_version);
    assert_int_equal(h.extension_count, 2);
    assert_int_equal(h.ciphers.n, 1);
    assert_false(th_tls_server_hello(th_cur_init(body, 36), &h));
}

static void test_fatal_alert_ends_it(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, HELLO, sizeof(HELLO) - 1);
    feed_data(&f, 1, "\x15\3\3\0\2\2", 6);
    assert_int_equal(f.events, 0);
    feed_data(&f, 1, "\x28", 1);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "ssl", 0, "\"last_alert\":\"handshake_failure\""));
    assert_true(f.flow.skip_data[0] && f.flow.skip_data[1]);
    feed_end(&f);
    feed_done(&f);
}

static void test_old_hello(void **state)
{
    (void)state;
    static const char old[] = "\x80\x1f\1\3\1\0\6\0\0\0\x10\0\0\x2f\1\0\x80"
                              "0123456789abcdef";
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, old, 33);
    feed_end(&f);
    assert_string_equal(f.services, "ssl");
    assert_true(feed_has(&f, "ssl", 0, "\"client_version\":\"TLSv10\""));
    feed_done(&f);
}

static void test_endless_handshake_is_bounded(void **state)
{
    (void)state;
    struct feed f;
    static uint8_t record[5 + 16000] = {22, 3, 1, 16000 >> 8, 16000 & 0xff};
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, HELLO, sizeof(HELLO) - 1);
    memcpy(record + 5, "\xb\xff\xff\xff", 4);
    feed_data(&f, 0, record, sizeof(record));
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    feed_done(&f);
}

static struct th_x509 certificate(struct th_str *names, uint32_t n, const char *subject)
{
    struct th_x509 x = {.subject = th_str_c(subject), .issuer = th_str_c("CN=Some CA")};
    x.has_validity = true;
    x.not_before_ns = 1000;
    x.not_after_ns = 2000;
    x.dns.v = names;
    x.dns.n = n;
    return x;
}

static void test_certificate_faults(void **state)
{
    (void)state;
    struct th_str names[] = {th_str_c("www.example.com"), th_str_c("*.example.org")};
    struct th_x509 x = certificate(names, 2, "CN=old.example.com");
    assert_int_equal(th_cert_faults(&x, th_str_c("WWW.example.com"), 1500), 0);
    assert_int_equal(th_cert_faults(&x, th_str_c("a.example.org"), 1500), 0);
    assert_int_equal(th_cert_faults(&x, th_str_c(""), 1500), 0);
    static const char *const others[] = {
        "a.b.example.org", "example.org", "old.example.com", "xexample.org", ".example.org"};
    for (size_t i = 0; i < TH_ARRAY_LEN(others); i++)
        assert_int_equal(th_cert_faults(&x, th_str_c(others[i]), 1500), TH_CERT_OTHER_NAME);
    assert_int_equal(th_cert_faults(&x, th_str_c(""), 2001), TH_CERT_EXPIRED);
    assert_int_equal(th_cert_faults(&x, th_str_c(""), 999), TH_CERT_NOT_YET_VALID);
    x = certificate(NULL, 0, "CN=old.example.com,O=X");
    assert_int_equal(th_cert_faults(&x, th_str_c("old.example.com"), 1500), 0);
    x.issuer = x.subject;
    assert_int_equal(
        th_cert_faults(&x, th_str_c("x"), 1500), TH_CERT_SELF_SIGNED | TH_CERT_OTHER_NAME);
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_int_equal(th_cert_fault_names(&a, 15).n, 4);
}

static void check_resolver(uint16_t port, const char *sni, const char *alpn, uint8_t last,
    char transport, enum th_service want)
{
    struct feed f;
    struct th_tls_session s = {.transport = transport, .have_client = true};
    feed_init(&f, FEED_TCP, 40000, port);
    th_conn_begin(&f.pr, &f.flow, &th_tls_analyser, 0);
    f.flow.addr[1] = th_addr_v4((const uint8_t[]){last, last, last, last});
    s.sni = (struct th_tls_text){(char *)sni, (uint32_t)strlen(sni)};
    s.alpn = (struct th_tls_text){(char *)alpn, (uint32_t)strlen(alpn)};
    assert_int_equal(th_tls_resolver(f.flow.app, &s), want);
    feed_end(&f);
    feed_done(&f);
}

static void test_names_asked_in_it(void **state)
{
    (void)state;
    check_resolver(443, "www.example.com", "h2", 2, 't', TH_SVC_NONE);
    check_resolver(853, "www.example.com", "", 2, 't', TH_SVC_DOT);
    check_resolver(443, "www.example.com", "dot", 2, 't', TH_SVC_DOT);
    check_resolver(853, "x", "", 2, 'q', TH_SVC_DOQ);
    check_resolver(784, "x", "doq", 2, 'q', TH_SVC_DOQ);
    check_resolver(443, "DNS.google", "h2", 2, 't', TH_SVC_DOH);
    check_resolver(443, "mozilla.cloudflare-dns.com", "h2", 2, 't', TH_SVC_DOH);
    check_resolver(443, "cloudflare-dns.com", "h3", 2, 'q', TH_SVC_DOH);
    check_resolver(443, "notcloudflare-dns.com", "h2", 2, 't', TH_SVC_NONE);
    check_resolver(443, "", "h2", 9, 't', TH_SVC_DOH);
    check_resolver(443, "www.example.com", "h2", 9, 't', TH_SVC_NONE);
}

/* encrypted_client_hello (RFC 9849) is told by its number. */
static void test_encrypted_hello(void **state)
{
    (void)state;
    static const char hello[] =
        "\x16\3\1\0\x35\1\0\0\x31\3\3" RANDOM32 "\0\0\2\x13\1\1\0\0\6\xfe\x0d\0\2\0\0";
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 443);
    feed_data(&f, 0, hello, sizeof(hello) - 1);
    feed_end(&f);
    assert_true(feed_has(&f, "ssl", 0, "\"ech\":true"));
    feed_done(&f);
}

static void test_names(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_view_is(th_tls_cipher_name(&a, 0x1301), "TLS_AES_128_GCM_SHA256");
    assert_view_is(th_tls_cipher_name(&a, 0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_view_is(th_tls_cipher_name(&a, 0xeeee), "unknown-61166");
    assert_view_is(th_tls_version_name(&a, 0x0304), "TLSv13");
    assert_view_is(th_tls_group_name(&a, 29), "x25519");
    assert_view_is(th_tls_alert_name(&a, 48), "unknown_ca");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ja4_of_the_specification),
        cmocka_unit_test(test_ja4_of_any_length),
        cmocka_unit_test(test_ja3_of_its_description),
        cmocka_unit_test(test_hello_in_any_pieces),
        cmocka_unit_test(test_hello_across_records),
        cmocka_unit_test(test_hello_after_a_retry),
        cmocka_unit_test(test_cut_hello_is_no_hello),
        cmocka_unit_test(test_broken_server_extensions),
        cmocka_unit_test(test_fatal_alert_ends_it),
        cmocka_unit_test(test_old_hello),
        cmocka_unit_test(test_endless_handshake_is_bounded),
        cmocka_unit_test(test_certificate_faults),
        cmocka_unit_test(test_names_asked_in_it),
        cmocka_unit_test(test_encrypted_hello),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
