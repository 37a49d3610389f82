/* SPDX-License-Identifier: Apache-2.0 */
/* DNS inside HTTP: a query in the URI or the body, its answer, and bodies that are none. */
#include "unit.h"

#include "feed.h"

/* www.example.com, type A; the answer names 192.0.2.7. */
#define QUERY "\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"
#define ANSWER                                                                                     \
    "\0\0\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0"  \
    "\0\2\7"
#define IN_URI "AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB" /* RFC 8484 4.1.1 */
#define TYPE "Content-Type: application/dns-message\r\n"

static void say(struct feed *f, int dir, const char *head, const char *body, size_t len)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_printf(&b, "%sContent-Length: %zu\r\n\r\n", head, len);
    th_buf_put(&b, body, len);
    feed_pieces(f, dir, b.p, b.len, 50);
}

static void assert_told(struct feed *f)
{
    feed_end(f);
    assert_true(feed_has(f, "dns", 0, "\"query\":\"www.example.com\""));
    assert_true(feed_has(f, "dns", 0, "\"answers\":[\"192.0.2.7\"]"));
    assert_true(feed_has(f, "dns", 0, "\"rtt\":"));
    assert_true(feed_has(f, "http", 0, "\"status_code\":200"));
    assert_string_equal(f->services, "http,dns");
    feed_done(f);
}

static void test_post(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 8080);
    say(&f, 0, "POST /dns-query HTTP/1.1\r\n" TYPE, QUERY, sizeof(QUERY) - 1);
    say(&f, 1, "HTTP/1.1 200 OK\r\n" TYPE, ANSWER, sizeof(ANSWER) - 1);
    assert_told(&f);
}

static void test_get(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 8080);
    say(&f, 0, "GET /dns-query?x=1&dns=" IN_URI " HTTP/1.1\r\n", "", 0);
    say(&f, 1, "HTTP/1.1 200 OK\r\n" TYPE, ANSWER, sizeof(ANSWER) - 1);
    assert_told(&f);
}

/* A message that is kept until it is whole is counted. */
static void test_memory(void **state)
{
    (void)state;
    static char body[40000];
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 8080);
    say(&f, 0, "POST /dns-query HTTP/1.1\r\n" TYPE, body, sizeof(body));
    assert_true(f.pr.held_bytes > sizeof(body));
    feed_end(&f);
    feed_done(&f);
}

/* Not of the type, encoded, no message, only one half. */
static void test_others(void **state)
{
    (void)state;
    static const struct {
        const char *request, *response, *body;
        size_t len;
        unsigned dns;
    } cases[] = {
        {"GET /?dns=" IN_URI " HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n",
            ANSWER, sizeof(ANSWER) - 1, 0},
        {"GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n" TYPE "Content-Encoding: gzip\r\n", ANSWER,
            sizeof(ANSWER) - 1, 0},
        {"GET /?dns= HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n" TYPE, "short", 5, 0},
        {"GET /?dns=%41 HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n" TYPE, ANSWER, sizeof(ANSWER) - 1, 1},
        {"GET /?dns=" IN_URI " HTTP/1.1\r\n", "HTTP/1.1 502 no\r\n" TYPE, "", 0, 1},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, 8080);
        say(&f, 0, cases[i].request, "", 0);
        say(&f, 1, cases[i].response, cases[i].body, cases[i].len);
        feed_end(&f);
        assert_int_equal(feed_event(&f, "dns", 0).len > 0, cases[i].dns);
        assert_int_equal(feed_event(&f, "dns", 1).len, 0);
        feed_done(&f);
    }
}

/* More than a message can be is not kept. */
static void test_endless_body(void **state)
{
    (void)state;
    struct feed f;
    static const char zeros[1000];
    feed_init(&f, FEED_TCP, 40000, 8080);
    say(&f, 0, "GET / HTTP/1.1\r\n", "", 0);
    static const char head[] = "HTTP/1.1 200 OK\r\n" TYPE "\r\n";
    feed_data(&f, 1, head, sizeof(head) - 1);
    for (unsigned i = 0; i < 200; i++)
        feed_data(&f, 1, zeros, sizeof(zeros));
    feed_end(&f);
    assert_true(feed_has(&f, "http", 0, "\"response_body_len\":200000"));
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_endless_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
