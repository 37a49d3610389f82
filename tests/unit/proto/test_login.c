/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of logins, and what never is; whole sessions are in tests/golden/proto/logins.pcap.
 */
#include "unit.h"

#include "feed.h"
#include "login.h"

#define DATA(text) (text), sizeof(text) - 1

static void test_base64_stops_before_the_password(void **state)
{
    (void)state;
    char room[16];
    memset(room, '#', sizeof(room));
    /* alice:secret */
    assert_int_equal(
        th_base64_until(th_str_c("YWxpY2U6c2VjcmV0"), ':', 0, false, room, sizeof(room)), 5);
    assert_memory_equal(room, "alice##########", 15);
    /* \0bob\0secret */
    assert_int_equal(
        th_base64_until(th_str_c("AGJvYgBzZWNyZXQ="), '\0', 1, false, room, sizeof(room)), 3);
    assert_memory_equal(room, "bobce###", 8);
    /* No end: not a pair of user and password. */
    assert_int_equal(th_base64_until(th_str_c("YWxpY2U="), ':', 0, false, room, 16), 0);
    assert_int_equal(th_base64_until(th_str_c("YWxpY2U="), ':', 0, true, room, 16), 5);
    assert_int_equal(th_base64_until(th_str_c("YWxpY2U="), ':', 0, false, room, 3), 3);
    assert_int_equal(th_base64_until(th_str_c("%%%"), ':', 0, true, room, 16), 0);
}

/* Whatever is said in whatever order, the word itself never comes out. */
static void test_no_password_in_any_event(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        const char *greeting, *said;
    } cases[] = {
        {21, "220 FTP\r\n", "PASS hunter22\r\nUSER a\r\nPASS hunter22\r\nACCT hunter22\r\n"},
        {21, "220 FTP\r\n", "pass hunter22\r\nPASS\thunter22\r\n"},
        {143, "* OK x\r\n", "a LOGIN bob hunter22\r\nb LOGIN {3}\r\nbob {8}\r\nhunter22\r\n"},
        {143, "* OK x\r\n",
            "a LOGIN \"bob\" \"hunter22\"\r\na LOGIN {3+}\r\nbob {8+}\r\nhunter22\r\n"},
        {110, "+OK x\r\n", "PASS hunter22\r\nUSER a\r\nPASS hunter22\r\n"},
        {25, "220 SMTP\r\n", "AUTH LOGIN\r\nYm9i\r\naHVudGVyMjI=\r\nMAIL FROM:<a>\r\n"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, cases[i].port);
        feed_data(&f, 1, cases[i].greeting, strlen(cases[i].greeting));
        feed_data(&f, 0, cases[i].said, strlen(cases[i].said));
        feed_end(&f);
        assert_true(feed_has(&f, "login", 0, "\"cleartext\":true"));
        assert_null(memmem(f.lines.p, f.lines.len, "hunter22", 8));
        feed_done(&f);
    }
}

static void test_ftp_answers_that_lie(void **state)
{
    (void)state;
    static const char *const answers[] = {"227 (1,2,3,4,5)\r\n", "227 (256,1,1,1,1,1)\r\n",
        "227 1,2,3,4,5,6,7\r\n", "227\r\n", "229 (|||99999|)\r\n", "229 (\r\n", "229 (|\r\n",
        "229 |||1|\r\n", "229 ()\r\n", "227-\r\n", "9\r\n", "\r\n"};
    for (size_t i = 0; i < TH_ARRAY_LEN(answers); i++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, 21);
        feed_data(&f, 1, DATA("220 ready\r\n"));
        feed_data(&f, 0, DATA("EPSV\r\n"));
        feed_pieces(&f, 1, answers[i], strlen(answers[i]), 1);
        feed_end(&f);
        assert_string_equal(f.services, "ftp");
        assert_int_equal(f.events, 1);
        assert_true(feed_has(&f, "ftp", 0, "\"command\":\"EPSV\""));
        feed_done(&f);
    }
}

/* A line without end is given up, not kept. */
static void test_endless_line(void **state)
{
    (void)state;
    char block[1400];
    memset(block, 'a', sizeof(block));
    static const uint16_t ports[] = {21, 110, 143};
    static const char *const greetings[] = {"220 FTP\r\n", "+OK x\r\n", "* OK x\r\n"};
    for (size_t i = 0; i < TH_ARRAY_LEN(ports); i++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, ports[i]);
        feed_data(&f, 1, greetings[i], strlen(greetings[i]));
        for (unsigned k = 0; k < 10; k++)
            feed_data(&f, 0, block, sizeof(block));
        assert_true(f.flow.skip_data[0]);
        feed_end(&f);
        feed_done(&f);
    }
}

#define HELLO                                                                                      \
    "\x16\3\3\0\x2a\2\0\0\x26\3\3"                                                                 \
    "0123456789abcdef0123456789abcdef"                                                             \
    "\0\xc0\x2f\0"

/* What follows the answer to STARTTLS in the same bytes is read as TLS. */
static void test_tls_behind_the_last_line(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        const char *greeting, *said, *answer, *services;
    } cases[] = {
        {21, "220 FTP\r\n", "AUTH TLS\r\n", "234 go\r\n", "ftp,ssl"},
        {25, "220 SMTP\r\n", "STARTTLS\r\n", "220 go\r\n", "smtp,ssl"},
        {110, "+OK x\r\n", "STLS\r\n", "+OK go\r\n", "pop3,ssl"},
        {143, "* OK x\r\n", "a STARTTLS\r\n", "a OK go\r\n", "imap,ssl"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        char both[128];
        size_t n = strlen(cases[i].answer);
        memcpy(both, cases[i].answer, n);
        memcpy(both + n, HELLO, sizeof(HELLO) - 1);
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, cases[i].port);
        feed_data(&f, 1, cases[i].greeting, strlen(cases[i].greeting));
        feed_data(&f, 0, cases[i].said, strlen(cases[i].said));
        feed_data(&f, 1, both, n + sizeof(HELLO) - 1);
        feed_end(&f);
        assert_string_equal(f.services, cases[i].services);
        assert_true(feed_has(&f, "ssl", 0, "\"cipher\":"));
        feed_done(&f);
    }
}

/* The same where the server agrees in a message of its own length. */
static void test_tls_behind_a_message(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 389);
    feed_data(&f, 0,
        DATA("\x30\x1d\2\1\1\x77\x18\x80\x16"
             "1.3.6.1.4.1.1466.20037"));
    feed_data(&f, 1, DATA("\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0" HELLO));
    feed_end(&f);
    assert_string_equal(f.services, "ldap_tcp,ssl");
    assert_true(feed_has(&f, "ssl", 0, "\"cipher\":"));
    feed_done(&f);
    feed_init(&f, FEED_TCP, 40000, 3389);
    feed_data(&f, 0, DATA("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x8\0\3\0\0\0"));
    feed_data(&f, 1, DATA("\3\0\0\x13\x0e\xd0\0\0\1\2\0\2\0\x8\0\1\0\0\0" HELLO));
    feed_end(&f);
    assert_string_equal(f.services, "rdp,ssl");
    assert_true(feed_has(&f, "ssl", 0, "\"cipher\":"));
    feed_done(&f);
}

/* A simple bind of somebody; one of nobody is no login. */
static void test_ldap_simple_bind(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 389);
    feed_data(&f, 0, DATA("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"));
    feed_data(&f, 1, DATA("\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"));
    feed_pieces(&f, 0, DATA("\x30\x1a\2\1\2\x60\x15\2\1\3\4\6cn=bob\x80\x08hunter22"), 9);
    feed_data(&f, 1, DATA("\x30\x0c\2\1\2\x61\7\x0a\1\x31\4\0\4\0"));
    feed_end(&f);
    assert_int_equal(f.events, 3); /* two of them `ldap` */
    assert_int_equal(feed_event(&f, "login", 1).len, 0);
    assert_true(feed_has(&f, "login", 0, "\"user\":\"cn=bob\",\"method\":\"SIMPLE\""));
    assert_true(feed_has(&f, "login", 0, "\"success\":false,\"cleartext\":true"));
    assert_null(memmem(f.lines.p, f.lines.len, "hunter22", 8));
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_stops_before_the_password),
        cmocka_unit_test(test_no_password_in_any_event),
        cmocka_unit_test(test_ftp_answers_that_lie),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_tls_behind_the_last_line),
        cmocka_unit_test(test_tls_behind_a_message),
        cmocka_unit_test(test_ldap_simple_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
