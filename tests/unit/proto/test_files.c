/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "expect.h"
#include "feed.h"
#include "files.h"

static void test_types_by_content(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len;
        const char *mime;
    } cases[] = {
#define CASE(text, mime) {text, sizeof(text) - 1, mime}
        CASE("MZ\x90", "application/x-dosexec"),
        CASE("\x7f"
             "ELF\2",
            "application/x-executable"),
        CASE("%PDF-1.7", "application/pdf"),
        CASE("PK\3\4....[Content_Types].xml..word/",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        CASE("PK\3\4....readme.txt", "application/zip"),
        CASE("\x89PNG\r\n\x1a\n", "image/png"),
        CASE("GIF89a", "image/gif"),
        CASE("\x1f\x8b\x8", "application/x-gzip"),
        CASE("  \n<HTML>", "text/html"),
        CASE("\xef\xbb\xbf<?xml version", "application/xml"),
        CASE("{\"a\": 1}", "application/json"),
        CASE("just words\n", "text/plain"),
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        assert_string_equal(
            th_mime_guess((const uint8_t *)cases[i].p, cases[i].len), cases[i].mime);
    assert_null(th_mime_guess((const uint8_t *)"\1\2\3\4", 4));
    assert_null(th_mime_guess(NULL, 0));
}

/* In pieces of one byte the type is found as well, and the hash is the same. */
static void test_pieces(void **state)
{
    (void)state;
    struct feed f;
    char fuid[TH_FUID_LEN], again[TH_FUID_LEN];
    feed_init(&f, FEED_TCP, 1, 2);
    th_conn_begin(&f.pr, &f.flow, &th_http_analyser, 0);
    struct th_file *file = th_file_new(f.flow.app, TH_SVC_HTTP, 1, FEED_EPOCH_NS, 0);
    memcpy(fuid, th_file_uid(file), TH_FUID_LEN);
    for (const char *p = "GIF89a"; *p; p++)
        th_file_data(file, FEED_EPOCH_NS, (const uint8_t *)p, 1);
    th_file_end(file, true);
    assert_true(feed_has(&f, "files", 0, "\"mime_type\":\"image/gif\""));
    /* printf GIF89a | sha256sum */
    assert_true(feed_has(
        &f, "files", 0, "610f5ae4d76e332636a17bd357fd6ce99029316a99d320280d4d77a746bf29e8"));
    assert_true(feed_has(&f, "files", 0, fuid));
    feed_done(&f);
    /* The same flow gives the same ids, one after the other different ones. */
    feed_init(&f, FEED_TCP, 1, 2);
    th_conn_begin(&f.pr, &f.flow, &th_http_analyser, 0);
    th_fuid(f.flow.app, again);
    assert_string_equal(again, fuid);
    th_fuid(f.flow.app, again);
    assert_string_not_equal(again, fuid);
    feed_done(&f);
}

static void test_cut_file_has_no_hash(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 1, 2);
    th_conn_begin(&f.pr, &f.flow, &th_http_analyser, 0);
    struct th_file *file = th_file_new(f.flow.app, TH_SVC_HTTP, 0, FEED_EPOCH_NS, 0);
    th_file_expect(file, 10);
    th_file_data(file, FEED_EPOCH_NS, (const uint8_t *)"hello", 5);
    th_file_end(file, true);
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"cut\""));
    assert_true(feed_has(&f, "files", 0, "\"total_bytes\":10"));
    feed_done(&f);
}

static struct th_expected announced(uint16_t port)
{
    struct th_expected e = {.to_port = port, .ip_proto = FEED_TCP, .an = &th_ftp_data_analyser};
    e.from = th_addr_v4((const uint8_t[]){10, 0, 0, 1});
    e.to = th_addr_v4((const uint8_t[]){192, 0, 2, 1});
    th_text_set(&e.name, th_str_c("name"));
    return e;
}

static bool begins(uint16_t port, int64_t now_ns, struct feed *f)
{
    f->flow.port[1] = port;
    bool yes = th_expect_begin(&f->pr, &f->flow, now_ns);
    if (yes) {
        th_conn_finish(&f->pr, &f->flow, now_ns);
        th_conn_free(&f->pr, &f->flow);
    }
    return yes;
}

/* Once each, for a minute, and no more than the table holds. */
static void test_announced_flows(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 1);
    assert_false(begins(1, 0, &f));
    for (uint16_t port = 1; port <= TH_EXPECT_MAX + 10; port++) {
        struct th_expected e = announced(port);
        th_expect(&f.pr, &e, 0);
        th_expect(&f.pr, &e, 0); /* again, which takes no second place */
    }
    assert_false(begins(10, 1, &f));
    assert_true(begins(11, 1, &f));
    assert_false(begins(11, 1, &f));
    assert_true(begins(TH_EXPECT_MAX + 10, 60 * TH_NS_PER_S, &f));
    assert_false(begins(50, 60 * TH_NS_PER_S + 1, &f));
    f.flow.addr[0] = th_addr_v4((const uint8_t[]){10, 0, 0, 2});
    assert_false(begins(51, 1, &f));
    f.flow.proto = FEED_UDP;
    f.flow.addr[0] = th_addr_v4((const uint8_t[]){10, 0, 0, 1});
    assert_false(begins(51, 1, &f));
    feed_end(&f);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_by_content),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_cut_file_has_no_hash),
        cmocka_unit_test(test_announced_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
