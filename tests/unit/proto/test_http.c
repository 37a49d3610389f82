/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "feed.h"

static void say(struct feed *f, int dir, const char *text)
{
    feed_data(f, dir, text, strlen(text));
}

static void begin(struct feed *f)
{
    feed_init(f, FEED_TCP, 40000, 80);
}

static void finish(struct feed *f)
{
    feed_end(f);
}

static void test_pipelined_requests_meet_their_responses(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n");
    say(&f, 1,
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 No\r\nContent-Length: "
        "0\r\n\r\n");
    assert_int_equal(f.events, 3);
    assert_true(feed_has(&f, "http", 0, "\"uri\":\"/1\""));
    assert_true(feed_has(&f, "http", 0, "\"status_code\":200"));
    assert_true(feed_has(&f, "http", 1, "\"uri\":\"/2\""));
    assert_true(feed_has(&f, "http", 1, "\"status_code\":404"));
    assert_true(feed_has(&f, "http", 1, "\"trans_depth\":2"));
    finish(&f);
    assert_string_equal(f.services, "http");
    feed_done(&f);
}

/* The same bytes one at a time give the same events. */
static void test_pieces_make_no_difference(void **state)
{
    (void)state;
    static const char request[] = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    static const char response[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
    struct feed f;
    begin(&f);
    feed_pieces(&f, 0, request, sizeof(request) - 1, 1);
    feed_pieces(&f, 1, response, sizeof(response) - 1, 1);
    assert_true(feed_has(&f, "http", 0, "\"request_body_len\":5"));
    assert_true(feed_has(&f, "http", 0, "\"response_body_len\":5"));
    /* echo -n abcde | sha256sum */
    assert_true(feed_has(
        &f, "files", 1, "36bbe50ed96841d10443bcb670d6554f0a34b761be67ec9c4a8ad2c0c44ca42c"));
    finish(&f);
    feed_done(&f);
}

static void test_password_is_never_kept(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    /* alice:secret */
    say(&f, 0, "GET / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
    say(&f, 1, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_true(feed_has(&f, "http", 0, "\"username\":\"alice\""));
    struct th_str line = feed_event(&f, "http", 0);
    assert_null(memmem(line.p, line.len, "secret", 6));
    assert_null(memmem(line.p, line.len, "YWxp", 4));
    finish(&f);
    feed_done(&f);
}

/* RFC 7616: the name and nothing else; a header that says none gives none. */
static void test_user_of_digest(void **state)
{
    (void)state;
    static const struct {
        const char *header, *member;
    } cases[] = {
        {"Digest realm=\"r, s\", username=\"bob@x\", response=\"0f\"", "\"username\":\"bob@x\""},
        {"Digest username=bob", "\"username\":\"bob\""}, {"Digest username=\"", NULL},
        {"Digest ,,=,", NULL}, {"Digest username*=UTF-8''b", NULL}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        char request[256];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nAuthorization: %s\r\n\r\n",
            cases[i].header);
        begin(&f);
        say(&f, 0, request);
        say(&f, 1, "HTTP/1.1 204 No Content\r\n\r\n");
        struct th_str line = feed_event(&f, "http", 0);
        if (cases[i].member)
            assert_non_null(memmem(line.p, line.len, cases[i].member, strlen(cases[i].member)));
        else
            assert_null(memmem(line.p, line.len, "username", 8));
        finish(&f);
        feed_done(&f);
    }
}

static void test_head_and_304_have_no_body(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "HEAD / HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\n\r\n");
    say(&f, 1,
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 304 Not Modified\r\n"
        "Content-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_true(feed_has(&f, "http", 2, "\"response_body_len\":1,"));
    assert_true(feed_has(&f, "http", 1, "\"status_code\":304"));
    finish(&f);
    feed_done(&f);
}

static void test_gap_in_a_body_is_counted(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "GET / HTTP/1.1\r\n\r\n");
    say(&f, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    feed_gap(&f, 1, 4);
    say(&f, 1, "xyz");
    assert_true(feed_has(&f, "files", 0, "\"missing_bytes\":4"));
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"gap\""));
    assert_true(feed_has(&f, "http", 0, "\"response_body_len\":10"));
    finish(&f);
    feed_done(&f);
}

static void test_large_file_is_not_hashed(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    f.pr.max_hash_bytes = 4;
    say(&f, 0, "GET / HTTP/1.1\r\n\r\n");
    say(&f, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"size\""));
    assert_true(feed_has(&f, "files", 0, "\"seen_bytes\":5"));
    finish(&f);
    feed_done(&f);
}

static void test_head_without_end_is_bounded(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 2000 && !f.flow.skip_data[0]; i++)
        say(&f, 0, "X-Header: value\r\n");
    assert_true(f.flow.skip_data[0]);
    assert_string_equal(f.weird, "HTTP_excessive_headers");
    finish(&f);
    assert_int_equal(f.events, 1);
    feed_done(&f);
    begin(&f);
    say(&f, 0, "GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 5000 && !f.flow.skip_data[0]; i++)
        say(&f, 0, "aaaaaaaaaaaaaaaa");
    assert_true(f.flow.skip_data[0]);
    assert_string_equal(f.weird, "HTTP_line_too_long");
    finish(&f);
    feed_done(&f);
}

/* A response that is over before its request's body is: both stay consistent. */
static void test_early_response(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    say(&f, 1, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    say(&f, 0, "defghijGET /next HTTP/1.1\r\n\r\n");
    say(&f, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_true(feed_has(&f, "http", 0, "\"status_code\":413"));
    assert_true(feed_has(&f, "http", 1, "\"uri\":\"/next\""));
    /* A response while the request's head still arrives. */
    say(&f, 0, "GET /half HTTP/1.1\r\n");
    say(&f, 1, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    say(&f, 0, "Host: late\r\n\r\n");
    assert_true(feed_has(&f, "http", 2, "\"uri\":\"/half\""));
    finish(&f);
    feed_done(&f);
}

static void test_not_http(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    say(&f, 0, "GET / RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    say(&f, 1, "RTSP/1.0 200 OK\r\n\r\n");
    finish(&f);
    assert_string_equal(f.services, "");
    assert_int_equal(f.events, 0);
    feed_done(&f);
}

static void test_tunnel_in_tunnel_is_bounded(void **state)
{
    (void)state;
    struct feed f;
    begin(&f);
    for (int i = 0; i < 8; i++) {
        say(&f, 0, "CONNECT x:1 HTTP/1.1\r\n\r\n");
        say(&f, 1, "HTTP/1.1 200 OK\r\n\r\n");
    }
    assert_int_equal(f.events, 5);
    finish(&f);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined_requests_meet_their_responses),
        cmocka_unit_test(test_pieces_make_no_difference),
        cmocka_unit_test(test_password_is_never_kept),
        cmocka_unit_test(test_user_of_digest),
        cmocka_unit_test(test_head_and_304_have_no_body),
        cmocka_unit_test(test_gap_in_a_body_is_counted),
        cmocka_unit_test(test_large_file_is_not_hashed),
        cmocka_unit_test(test_head_without_end_is_bounded),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_not_http),
        cmocka_unit_test(test_tunnel_in_tunnel_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
