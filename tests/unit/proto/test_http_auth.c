/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs in over HTTP, and what a body is not. */
#include "unit.h"

#include "feed.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define SECRET "s3cretc"

static void say(struct feed *f, int dir, const char *text)
{
    feed_data(f, dir, text, strlen(text));
}

static void exchange(struct feed *f, const char *request, const char *response)
{
    feed_init(f, FEED_TCP, 40000, 80);
    say(f, 0, request);
    say(f, 1, response);
    feed_end(f);
    assert_true(!f->lines.len || !memmem(f->lines.p, f->lines.len, SECRET, 7));
}

static void test_schemes(void **state)
{
    (void)state;
    static const struct {
        const char *header, *member;
    } cases[] = {
        {"Digest realm=\"x\", username=\"an,na\", response=\"" SECRET "\"",
            "\"user\":\"an\",\"method\":\"DIGEST\""},
        {"Digest username=\"anna\", response=\"" SECRET "\"",
            "\"user\":\"anna\",\"method\":\"DIGEST\",\"success\":true,\"cleartext\":false"},
        {"Digest", "\"method\":\"DIGEST\""},
        {"bearer " SECRET, "\"method\":\"BEARER\",\"success\":true,\"cleartext\":true"},
        {"Basic YW5uYTpzM2NyZXRj", "\"user\":\"anna\",\"method\":\"BASIC\""},
        {"NTLM !", ""},
        {"Negotiate", ""},
        {"", ""},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct feed f;
        char request[256];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nAuthorization: %s\r\n\r\n",
            cases[i].header);
        exchange(&f, request, OK);
        if (*cases[i].member)
            assert_true(feed_has(&f, "login", 0, cases[i].member));
        else
            assert_int_equal(feed_event(&f, "login", 0).len, 0);
        feed_done(&f);
    }
}

static void form(const char *type, const char *body, const char *member)
{
    struct feed f;
    char request[512];
    snprintf(request, sizeof(request),
        "POST /login HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
        strlen(body), body);
    exchange(&f, request, OK);
    if (member)
        assert_true(feed_has(&f, "login", 0, member));
    else
        assert_int_equal(feed_event(&f, "login", 0).len, 0);
    feed_done(&f);
}

#define FORM "application/x-www-form-urlencoded"

static void test_forms(void **state)
{
    (void)state;
    form(FORM, "user=anna%40b.example&pass=" SECRET,
        "\"user\":\"anna@b.example\",\"method\":\"FORM\",\"cleartext\":true");
    form(FORM "; charset=utf-8", "PASSWORD=" SECRET, "\"method\":\"FORM\",\"cleartext\":true");
    form(FORM, "user=%4&pwd=" SECRET, "\"user\":\"%4\"");
    form(FORM, "user=anna&pass=", NULL);
    form(FORM, "compass=" SECRET "&q=password", NULL);
    form("text/plain", "user=anna&pass=" SECRET, NULL);
    form(FORM, "&&&===&=", NULL);
}

/* MS-NTHT: negotiate, challenge, answer in three requests of one connection. */
static void test_ntlm(void **state)
{
    (void)state;
    static const char *const negotiate = "TlRMTVNTUAABAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAA=",
                             *const challenge =
                                 "TlRMTVNTUAACAAAAAAAAADgAAAABAAAAAQEBAQEBAQEAAAAAAAAA"
                                 "ABIAEgA4AAAAAAAAAAAAAAABAAoARgBJAEwARQAxAAAAAAA=",
                             *const answer =
                                 "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAgACABAAAAACgAKAEgAA"
                                 "AAGAAYAUgAAAAAAAABAAAAAAQAAAEMATwBSAFAAYQBsAGkAYwBlAF"
                                 "AAQwA3AA==";
    for (int good = 0; good < 2; good++) {
        struct feed f;
        char text[512];
        feed_init(&f, FEED_TCP, 40000, 80);
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nAuthorization: NTLM %s\r\n\r\n", negotiate);
        say(&f, 0, text);
        snprintf(text, sizeof(text),
            "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM %s\r\nContent-Length: 0\r\n\r\n", challenge);
        say(&f, 1, text);
        snprintf(
            text, sizeof(text), "GET / HTTP/1.1\r\nAuthorization: Negotiate %s\r\n\r\n", answer);
        say(&f, 0, text);
        say(&f, 1, good ? OK : "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
        feed_end(&f);
        assert_true(feed_has(&f, "ntlm", 0, "\"username\":\"alice\""));
        assert_true(feed_has(&f, "ntlm", 0, "\"server_nb_computer_name\":\"FILE1\""));
        assert_true(feed_has(&f, "ntlm", 0, good ? "\"success\":true" : "\"success\":false"));
        feed_done(&f);
    }
}

static void typed(const char *type, const char *body, bool mismatch)
{
    struct feed f;
    char response[512];
    snprintf(response, sizeof(response),
        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type, strlen(body),
        body);
    exchange(&f, "GET /x HTTP/1.1\r\n\r\n", response);
    assert_int_equal(feed_has(&f, "http", 0, "\"mime_mismatch\":true"), mismatch);
    feed_done(&f);
}

static void test_bodies_that_are_something_else(void **state)
{
    (void)state;
    typed("image/png", "MZ\x90", true);
    typed("text/plain; charset=utf-8", "MZ\x90", true);
    typed("application/octet-stream", "MZ\x90", false);
    typed("application/x-msdownload", "MZ\x90", false);
    typed("image/png", "GIF89a", false);
    typed("image/png", "<html>", true);
    typed("text/html", "{}", false);
    typed("", "MZ\x90", false);
}

static void test_websocket(void **state)
{
    (void)state;
    struct feed f;
    exchange(&f, "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n\x81\1x");
    assert_string_equal(f.services, "http,websocket");
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_ntlm),
        cmocka_unit_test(test_bodies_that_are_something_else),
        cmocka_unit_test(test_websocket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
