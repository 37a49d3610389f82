/* SPDX-License-Identifier: Apache-2.0 */
/* Mails of clients that do not wait: which mail the envelope, the headers and the reply belong to.
 */
#include "unit.h"

#include "feed.h"

#define DATA(text) (text), sizeof(text) - 1

static void begin(struct feed *f)
{
    feed_init(f, FEED_TCP, 40000, 25);
    feed_data(f, 1, DATA("220 mx ESMTP\r\n"));
    feed_data(f, 0, DATA("EHLO me\r\n"));
    feed_data(f, 1, DATA("250 mx\r\n"));
}

static void test_next_mail_is_sent_before_the_reply(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n250 ok\r\n354 go\r\n"));
    feed_data(&f, 0,
        DATA("From: a\r\n\r\ntext\r\n.\r\nRSET\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@x>\r\nDATA\r\n"));
    feed_data(&f, 1, DATA("250 queued\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"));
    feed_data(&f, 0, DATA("From: c\r\n\r\n.\r\n"));
    feed_data(&f, 1, DATA("250 queued as 2\r\n"));
    feed_end(&f);
    assert_true(
        feed_has(&f, "smtp", 0, "\"mailfrom\":\"a@x\",\"rcptto\":[\"b@x\"],\"from\":\"a\""));
    assert_true(
        feed_has(&f, "smtp", 1, "\"mailfrom\":\"c@x\",\"rcptto\":[\"d@x\"],\"from\":\"c\""));
    assert_true(feed_has(&f, "smtp", 1, "\"last_reply\":\"250 queued as 2\""));
    assert_int_equal(f.events, 2);
    feed_done(&f);
}

/* In chunks there is no dot, and no line need end with one. */
static void test_chunks(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0,
        DATA("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 25\r\nSubject: one\r\nFrom: a\r\n\r\n"
             "BDAT 4 LAST\r\ntextMAIL FROM:<c@x>\r\nBDAT 16 LAST\r\nSubject: two\r\n\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n250 ok\r\n250 ok\r\n250 first\r\n250 ok\r\n250 second\r\n"));
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0,
        "\"mailfrom\":\"a@x\",\"rcptto\":[\"b@x\"],\"from\":\"a\",\"subject\":\"one\""));
    assert_true(feed_has(
        &f, "smtp", 1, "\"mailfrom\":\"c@x\",\"subject\":\"two\",\"last_reply\":\"250 second\""));
    assert_int_equal(f.events, 2);
    feed_done(&f);
}

static void test_chunk_sizes_that_lie(void **state)
{
    (void)state;
    static const char *const sizes[] = {
        "18446744073709551615 LAST", "1099511627776", "x", "", "0 LAST"};
    for (size_t i = 0; i < TH_ARRAY_LEN(sizes); i++) {
        struct feed f;
        char line[64];
        int n = snprintf(line, sizeof(line), "BDAT %s\r\nSubject: s\r\n\r\n", sizes[i]);
        begin(&f);
        feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\n"));
        feed_data(&f, 0, line, (size_t)n);
        feed_gap(&f, 0, UINT64_C(1) << 41);
        feed_data(&f, 0, DATA("QUIT\r\n"));
        feed_end(&f);
        assert_int_equal(f.events, 1);
        feed_done(&f);
    }
}

/* What a server says while bytes of a chunk are still to come does not end the mail. */
static void test_reply_within_a_chunk(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0, DATA("EHLO me\r\nMAIL FROM:<a@x>\r\nBDAT 28 LAST\r\nSubject: one\r\n"));
    feed_data(&f, 1, DATA("250 mx\r\n250 ok\r\n250 too early\r\n"));
    assert_true(f.pr.held_bytes > 4096);
    feed_data(&f, 0, DATA("From: a\r\n\r\n..."));
    feed_data(&f, 1, DATA("250 first\r\n"));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "smtp", 0, "\"from\":\"a\",\"subject\":\"one\""));
    feed_done(&f);
}

/* What is said to log in is base64, and may begin like a command. */
static void test_password_that_begins_with_a_verb(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0, DATA("AUTH LOGIN\r\nYm9i\r\nEHLOc2VjcmV0\r\n"));
    feed_data(&f, 1, DATA("334 x\r\n334 x\r\n535 no\r\n"));
    feed_data(&f, 0, DATA("AUTH LOGIN\r\nYm9i\r\ndatasecret\r\nMAIL FROM:<a@x>\r\n"));
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"helo\":\"me\",\"mailfrom\":\"a@x\""));
    assert_null(memmem(f.lines.p, f.lines.len, "c2VjcmV0", 8));
    feed_done(&f);
}

/* RFC 5321 4.1.4: a hello in a mail ends it, one that is refused does not. */
static void test_hello_in_a_mail(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        unsigned mails;
    } cases[] = {{"250 mx\r\n", 2}, {"502 no\r\n", 1}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        begin(&f);
        feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\n"));
        feed_data(&f, 1, DATA("250 ok\r\n"));
        feed_data(&f, 0, DATA("EHLO you\r\n"));
        feed_data(&f, 1, cases[i].answer, strlen(cases[i].answer));
        feed_data(&f, 0, cases[i].mails == 2 ? "MAIL FROM:<b@x>\r\n" : "RCPT TO:<b@x>\r\n",
            cases[i].mails == 2 ? 17 : 15);
        feed_data(&f, 1, DATA("250 ok\r\n"));
        feed_end(&f);
        assert_int_equal(f.events, cases[i].mails);
        assert_true(feed_has(&f, "smtp", cases[i].mails - 1,
            cases[i].mails == 2 ? "\"mailfrom\":\"b@x\"" : "\"rcptto\":[\"b@x\"]"));
        feed_done(&f);
    }
}

/* A header goes on in lines that begin with a space; what is too long is cut. */
static void test_folded_headers(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\nDATA\r\n")); /* and does not wait */
    feed_data(&f, 0, DATA("Subject:\r\n one\r\n\ttwo\r\nX-Other: a\r\n three\r\nFrom: a\r\n"));
    for (unsigned i = 0; i < 40; i++)
        feed_data(&f, 0, DATA(" 12345678901234567890\r\n"));
    feed_data(&f, 0, DATA("\r\n four\r\n.\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n354 go\r\n250 queued\r\n"));
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"one two\",\"last_reply\":\"250 queued\""));
    assert_true(feed_has(&f, "smtp", 0, "\"from\":\"a 12345678901234567890 1234"));
    assert_in_range(feed_event(&f, "smtp", 0).len, 255, 600);
    feed_done(&f);
}

/* A recipient that is refused is not the answer to DATA that was sent with it. */
static void test_refused_recipient(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"));
    feed_data(&f, 0, DATA("Subject: s\r\n\r\nMAIL FROM:<z@x>\r\n.\r\n"));
    feed_data(&f, 1, DATA("250 queued\r\n"));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "smtp", 0, "\"mailfrom\":\"a@x\""));
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"s\",\"last_reply\":\"250 queued\""));
    feed_done(&f);
}

/* Begun before the capture: the end of a mail that was not seen is not that of the next one, and
 * the first 220 may answer STARTTLS. */
static void test_begins_in_the_middle(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 25);
    feed_data(&f, 0, DATA("EHLO me\r\n"));
    feed_data(&f, 1, DATA("250 mx\r\n"));
    feed_data(&f, 0, DATA("DATA\r\n\r\n.\r\n"));
    feed_data(&f, 1, DATA("354 go\r\n250 queued\r\n"));
    feed_data(&f, 0, DATA("MAIL FROM:<a@x>\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n"));
    feed_data(&f, 0, DATA("RCPT TO:<b@x>\r\n"));
    feed_data(&f, 1, DATA("250 ok\r\n"));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "smtp", 0, "\"rcptto\":[\"b@x\"]"));
    feed_done(&f);
    feed_init(&f, FEED_TCP, 40000, 25);
    th_conn_begin(&f.pr, &f.flow, &th_smtp_analyser, 0);
    feed_data(&f, 0, DATA("STARTTLS\r\n"));
    feed_data(&f, 1, DATA("220 go\r\n"));
    feed_data(&f, 0,
        DATA("\x16\3\1\0\x2f\1\0\0\x2b\3\3"
             "0123456789abcdef0123456789abcdef"
             "\0\0\4\x13\1\xc0\x2f\1\0"));
    feed_end(&f);
    assert_string_equal(f.services, "smtp,ssl");
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_mail_is_sent_before_the_reply),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunk_sizes_that_lie),
        cmocka_unit_test(test_reply_within_a_chunk),
        cmocka_unit_test(test_password_that_begins_with_a_verb),
        cmocka_unit_test(test_hello_in_a_mail),
        cmocka_unit_test(test_folded_headers),
        cmocka_unit_test(test_refused_recipient),
        cmocka_unit_test(test_begins_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
