/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP/2 must survive; whole conversations are in tests/golden/proto/http2.pcap. */
#include "unit.h"

#include "feed.h"

#define DATA(text) (text), sizeof(text) - 1
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* A head of one byte: the GET of the static table. */
#define HEAD(flags, stream) "\0\0\1\1" flags "\0\0\0" stream "\x82"

static void test_cut_and_altered_anywhere(void **state)
{
    (void)state;
    static const char talk[] =
        PREFACE SETTINGS HEAD("\4", "\1") "\0\0\6\0\x9\0\0\0\1\3abc\0"
                                          "\0\0\2\1\1\0\0\0\3\x82\x84\0\0\1\x9\4\0\0\0\3\x86";
    char copy[sizeof(talk)];
    for (size_t at = 0; at < sizeof(talk) - 1; at++)
        for (unsigned v = 0; v < 256; v += 51) {
            struct feed f;
            feed_init(&f, FEED_TCP, 40000, 80);
            th_conn_begin(&f.pr, &f.flow, &th_http2_analyser, 0);
            memcpy(copy, talk, sizeof(talk));
            copy[at] = (char)v;
            feed_pieces(&f, 0, copy, v ? sizeof(talk) - 1 : at, 1 + at % 40);
            feed_end(&f);
            assert_in_range(f.events, 0, 8);
            feed_done(&f);
        }
}

static void test_preface_in_pieces(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 8080);
    feed_pieces(&f, 0, DATA(PREFACE SETTINGS HEAD("\5", "\1")), 3);
    feed_end(&f);
    assert_string_equal(f.services, "http");
    assert_true(feed_has(&f, "http", 0, "\"method\":\"GET\""));
    feed_done(&f);
}

/* Streams that never end are given up, oldest first. */
static void test_streams_are_bounded(void **state)
{
    (void)state;
    struct feed f;
    char head[] = HEAD("\4", "\1");
    feed_init(&f, FEED_TCP, 40000, 80);
    feed_data(&f, 0, DATA(PREFACE));
    for (unsigned id = 1; id < 400; id += 2) {
        head[7] = (char)(id >> 8);
        head[8] = (char)id;
        feed_data(&f, 0, DATA(head));
    }
    assert_int_equal(f.events, 200 - 64);
    feed_end(&f);
    assert_int_equal(f.events, 200);
    feed_done(&f);
}

/* A small frame that stands for thousands of large fields. */
static void test_a_bomb_of_references(void **state)
{
    (void)state;
    static uint8_t head[9 + 4 + 4000 + 4000];
    size_t n = 9;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 80);
    feed_data(&f, 0, DATA(PREFACE SETTINGS));
    memcpy(head + n, "\x40\1x\x7f\x91\x1e", 6); /* x: 4,000 bytes, to be kept in the table */
    n += 6;
    memset(head + n, 'a', 3984);
    n += 3984;
    memset(head + n, 0xbe, 4000);
    n += 4000;
    head[1] = (uint8_t)((n - 9) >> 8);
    head[2] = (uint8_t)(n - 9);
    head[3] = 1;
    head[4] = 4;
    head[8] = 1;
    feed_data(&f, 0, head, n);
    assert_true(f.flow.skip_data[0]);
    assert_string_equal(f.weird, "HTTP2_bad_head");
    feed_end(&f);
    feed_done(&f);
}

/* A token comes with every request: it is one login, and one more when it is refused. */
static void test_logins(void **state)
{
    (void)state;
#define BEARER                                                                                     \
    "\x82\0\x0d"                                                                                   \
    "authorization\x08"                                                                            \
    "Bearer x"
    static const char request[] = "\0\0\x19\1\5\0\0\0\1" BEARER;
    static const char good[] = "\0\0\1\1\5\0\0\0\1\x88";
    static const char refused[] = "\0\0\5\1\5\0\0\0\1\x08\3"
                                  "401";
    struct feed f;
    char out[sizeof(request)], in[sizeof(refused)];
    unsigned logins = 0;
    feed_init(&f, FEED_TCP, 40000, 80);
    feed_data(&f, 0, DATA(PREFACE SETTINGS));
    feed_data(&f, 1, DATA(SETTINGS));
    for (unsigned i = 0; i < 5; i++) {
        size_t n = i == 4 ? sizeof(refused) - 1 : sizeof(good) - 1;
        memcpy(out, request, sizeof(request));
        memcpy(in, i == 4 ? refused : good, n);
        out[8] = in[8] = (char)(2 * i + 1);
        feed_data(&f, 0, out, sizeof(request) - 1);
        feed_data(&f, 1, in, n);
    }
    feed_end(&f);
    while (feed_event(&f, "login", logins).len)
        logins++;
    assert_int_equal(logins, 2);
    assert_true(feed_has(&f, "login", 0, "\"method\":\"BEARER\",\"success\":true"));
    assert_true(feed_has(&f, "login", 1, "\"success\":false"));
    assert_true(feed_has(&f, "http", 4, "\"status_code\":401"));
    feed_done(&f);
}

static void test_frames_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len;
    } bad[] = {
        {DATA("\xff\xff\xff\1\4\0\0\0\1")}, /* a head of 16 MB */
        {DATA("\0\0\1\1\x8\0\0\0\1\x9")},   /* more padding than there is */
        {DATA("\0\0\1\x9\4\0\0\0\1\x82")},  /* a continuation of nothing */
        {DATA("\0\0\1\1\4\0\0\0\0\x82")},   /* a head of no stream */
        {DATA("\0\0\1\0\x8\0\0\0\1\x9")},   /* DATA with more padding than there is */
        {DATA("\0\0\1\1\4\0\0\0\1\xff")},   /* a field outside of the table */
        {DATA("\0\0\2\1\0\0\0\0\1\x82\x84\0\0\1\1\4\0\0\0\3\x82")}, /* a head within a head */
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, 80);
        feed_data(&f, 0, DATA(PREFACE SETTINGS));
        feed_data(&f, 0, bad[i].p, bad[i].len);
        feed_data(&f, 0, DATA("\0\0\0\1\4\0\0\0\0"));
        assert_true(f.flow.skip_data[0]);
        feed_end(&f);
        feed_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_and_altered_anywhere),
        cmocka_unit_test(test_preface_in_pieces),
        cmocka_unit_test(test_streams_are_bounded),
        cmocka_unit_test(test_a_bomb_of_references),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_frames_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
