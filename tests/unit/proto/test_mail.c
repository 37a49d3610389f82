/* SPDX-License-Identifier: Apache-2.0 */
/* Mails and what is attached to them; whole ones are in tests/golden/proto/services.pcap. */
#include "unit.h"

#include "crypto/hash.h"
#include "feed.h"
#include "mail.h"

static void begin(struct feed *f)
{
    feed_init(f, FEED_TCP, 40000, 25);
    th_conn_begin(&f->pr, &f->flow, &th_smtp_analyser, 0);
}

/* The lines of a text, at \n. */
static struct th_mail *read_mail(struct feed *f, const char *text)
{
    struct th_mail *m = th_mail_new(f->flow.app, TH_SVC_SMTP, 0);
    struct th_str rest = th_str_c(text);
    while (rest.len)
        th_mail_line(m, FEED_EPOCH_NS, th_str_split(&rest, '\n'));
    th_mail_end(m, true);
    return m;
}

static void done(struct feed *f, struct th_mail *m)
{
    th_mail_free(m);
    feed_end(f);
    feed_done(f);
}

static bool has_bytes(const struct feed *f, unsigned n, const char *bytes)
{
    char member[128], hex[2 * TH_SHA256_LEN + 1];
    uint8_t digest[TH_SHA256_LEN];
    th_sha256(bytes, strlen(bytes), digest);
    th_hex(digest, sizeof(digest), hex);
    snprintf(member, sizeof(member), "\"sha256\":\"%s\"", hex);
    return feed_has(f, "files", n, member);
}

#define ATTACHED "Content-Disposition: attachment; filename=a\n"

static void test_codings(void **state)
{
    (void)state;
    static const struct {
        const char *coding, *body, *bytes;
    } cases[] = {
        {"base64", "aGV\nsbG8=\n", "hello"},
        {"BASE64", "aGVs bG8\n", "hello"},
        {"quoted-printable", "a=3Db =\n c  \nd=", "a=b  c\r\nd"},
        {"quoted-printable", "x=zz=4\n=E", "x=zz=4\r\n=E"},
        {"8bit", "one\ntwo\n", "one\r\ntwo"},
        {"none of these", "one", "one"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        char text[256];
        begin(&f);
        snprintf(text, sizeof(text), ATTACHED "Content-Transfer-Encoding: %s\n\n%s",
            cases[i].coding, cases[i].body);
        struct th_mail *m = read_mail(&f, text);
        assert_true(has_bytes(&f, 0, cases[i].bytes));
        done(&f, m);
    }
}

/* What is text and has no name is not told as a file. */
static void test_text_is_no_file(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    struct th_mail *m = read_mail(&f, "Subject: x\n\nbody\n");
    assert_int_equal(th_mail_head(m)->files, 0);
    assert_view_is(th_text_get(&th_mail_head(m)->subject), "x");
    done(&f, m);
    begin(&f);
    m = read_mail(&f, "Content-Type: text/html\n\n<html>\n");
    assert_int_equal(th_mail_head(m)->files, 0);
    done(&f, m);
}

/* Boundaries that are not closed, that begin alike, that nest too deep. */
static void test_boundaries(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    struct th_mail *m = read_mail(&f,
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n" ATTACHED "\none\n--xy\n--x\n" ATTACHED
        "\ntwo\n");
    assert_int_equal(th_mail_head(m)->files, 2);
    assert_true(has_bytes(&f, 0, "one\r\n--xy"));
    assert_true(has_bytes(&f, 1, "two"));
    done(&f, m);
    begin(&f);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (unsigned i = 0; i < 50; i++)
        th_buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
    th_buf_puts(&b, ATTACHED "\nx\n");
    th_buf_u8(&b, 0);
    m = read_mail(&f, (const char *)b.p);
    assert_in_range(th_mail_head(m)->files, 0, 1);
    done(&f, m);
}

static void test_limits(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    struct th_mail *m = th_mail_new(f.flow.app, TH_SVC_SMTP, 0);
    th_mail_line(m, FEED_EPOCH_NS, th_str_c("Subject: begin"));
    for (unsigned i = 0; i < 1000; i++)
        th_mail_line(m, FEED_EPOCH_NS, th_str_c(" and so on"));
    for (unsigned i = 0; i < 100; i++)
        th_mail_line(m, FEED_EPOCH_NS, th_str_c("Received: from [192.0.2.1] [not] [192.0.2.2"));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c("Content-Type: multipart/mixed; boundary=x"));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c(""));
    for (unsigned i = 0; i < 100; i++) {
        th_mail_line(m, FEED_EPOCH_NS, th_str_c("--x"));
        th_mail_line(m, FEED_EPOCH_NS, th_str_c("Content-Disposition: attachment"));
        th_mail_line(m, FEED_EPOCH_NS, th_str_c(""));
        th_mail_line(m, FEED_EPOCH_NS, th_str_c("y"));
    }
    th_mail_end(m, false);
    assert_int_equal(th_mail_head(m)->files, TH_MAIL_FILES_MAX);
    assert_int_equal(th_mail_head(m)->path_count, TH_MAIL_PATH_MAX);
    assert_int_equal(th_mail_head(m)->subject.len, TH_TEXT_MAX);
    done(&f, m);
}

/* A mail that breaks off, one with a hole: no hash of what is not there. */
static void test_cut(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    struct th_mail *m = th_mail_new(f.flow.app, TH_SVC_SMTP, 0);
    th_mail_line(
        m, FEED_EPOCH_NS, th_str_c("Content-Disposition: attachment; filename*=utf-8''%41%zz%4"));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c(""));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c("x"));
    th_mail_gap(m, 100);
    th_mail_end(m, true);
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"gap\""));
    done(&f, m);
    begin(&f);
    m = th_mail_new(f.flow.app, TH_SVC_SMTP, 0);
    th_mail_line(m, FEED_EPOCH_NS, th_str_c("Content-Type: application/pdf"));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c(""));
    th_mail_line(m, FEED_EPOCH_NS, th_str_c("x"));
    th_mail_free(m);
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"cut\""));
    done(&f, NULL);
}

/* Chunks (RFC 3030) whose lengths lie; a capture of one direction. */
static void test_smtp_chunks(void **state)
{
    (void)state;
    struct feed f;
    static const char mail[] = "EHLO a\r\nMAIL FROM:<a@b>\r\nBDAT 20\r\nSubject: one\r\n\r\nxyzMAIL"
                               "BDAT 18446744073709551615 LAST\r\nthe rest";
    feed_init(&f, FEED_TCP, 40000, 25);
    feed_data(&f, 1, "220 x SMTP\r\n", 12);
    feed_pieces(&f, 0, mail, sizeof(mail) - 1, 3);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"one\""));
    feed_done(&f);
    static const char half[] = "EHLO a\r\nMAIL FROM:<a@b>\r\nDATA\r\nSubject: one\r\n\r\nx\r\n.\r\n"
                               "MAIL FROM:<c@d>\r\nDATA\r\nSubject: two\r\n\r\n";
    feed_init(&f, FEED_TCP, 40000, 25);
    feed_data(&f, 0, half, sizeof(half) - 1);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"one\""));
    assert_true(feed_has(&f, "smtp", 1, "\"subject\":\"two\""));
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codings),
        cmocka_unit_test(test_text_is_no_file),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_smtp_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
