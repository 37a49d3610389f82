/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "event/json.h"
#include "event/sniff.h"
#include "event/zeek.h"
#include "sample_events.h"

static void a_connection_as_zeek_writes_it(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_ev_conn c = {.h = {.kind = TH_KIND_CONN}};
    struct th_str parents[] = {th_str_c("C2"), th_str_c("C3")};
    TH_SET(&c, CONN, ts, INT64_C(1588205199824370999));
    TH_SET(&c, CONN, uid, th_str_c("C1"));
    TH_SET(&c, CONN, id_orig_h, th_addr_v4((uint8_t[4]){10, 0, 1, 6}));
    TH_SET(&c, CONN, id_orig_p, 54243);
    TH_SET(&c, CONN, service, th_str_c("a\"b\n<\xff"));
    TH_SET(&c, CONN, duration, 1500000);
    TH_SET(&c, CONN, orig_bytes, UINT64_MAX);
    TH_SET(&c, CONN, local_orig, false);
    TH_SET(&c, CONN, orig_l2_addr, ((struct th_mac){{0, 13, 58, 0, 0, 1}}));
    TH_SET(&c, CONN, tunnel_parents, ((struct th_strs){parents, 2}));
    th_event_json(&c.h, TH_EVENT_JSON_PATH, &out);
    assert_view_is(th_buf_view(&out),
        "{\"_path\":\"conn\",\"ts\":1588205199.824370,\"uid\":\"C1\",\"id.orig_h\":\"10.0.1.6\","
        "\"id.orig_p\":54243,\"service\":\"a\\\"b\\n\\u003c\\\\xff\",\"duration\":0.001500,"
        "\"orig_bytes\":18446744073709551615,\"local_orig\":false,\"tunnel_parents\":[\"C2\","
        "\"C3\"],"
        "\"orig_l2_addr\":\"00:0d:3a:00:00:01\"}");
    th_buf_clear(&out);
    c.h.set = 1;
    th_event_json(&c.h, 0, &out);
    assert_view_is(th_buf_view(&out), "{\"ts\":1588205199.824370}");
    th_buf_clear(&out);
    c.h.kind = TH_KIND_COUNT;
    th_event_json(&c.h, 0, &out);
    assert_int_equal(out.len, 0);
}

struct expected {
    const struct th_event *ev;
    unsigned seen;
};

static int compare(void *arg, const struct th_event *got)
{
    struct expected *e = arg;
    struct th_event want = *e->ev;
    e->seen++;
    assert_int_equal(got->kind, want.kind);
    assert_true(got->set == want.set);
    return 0;
}

/* What we write, we read: every kind, every field. */
static void every_kind_comes_back(void **state)
{
    (void)state;
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct expected e = {0};
    struct th_sink sink = {.put = compare, .arg = &e};
    struct th_zeek *z = th_zeek_new(th_str_c(""), &sink);
    struct th_zeek_result r;
    for (unsigned k = 1; k < TH_KIND_COUNT; k++) {
        e.ev = sample_full(&memory, k, 2, false);
        th_buf_clear(&out);
        th_event_json(e.ev, TH_EVENT_JSON_PATH, &out);
        assert_int_equal(th_zeek_line(z, th_buf_view(&out)), 0);
    }
    th_zeek_result(z, &r);
    assert_int_equal(e.seen, TH_KIND_COUNT - 1);
    assert_int_equal(r.bad_lines + r.bad_values + r.unused, 0);
    th_zeek_free(z);
}

static void formats_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t len;
        enum th_format format;
    } cases[] = {
        {"\xd4\xc3\xb2\xa1\x02", 5, TH_FORMAT_CAPTURE},
        {"\xa1\xb2\x3c\x4d", 4, TH_FORMAT_CAPTURE},
        {"\n\r\r\n\x1c", 5, TH_FORMAT_CAPTURE},
        {"\xd4\xc3\xb2", 3, TH_FORMAT_UNKNOWN},
        {"TEVF\x01", 5, TH_FORMAT_BATCH},
        {"#separator \\x09", 15, TH_FORMAT_ZEEK_TSV},
        {"#fields\tts", 10, TH_FORMAT_ZEEK_TSV},
        {"\xef\xbb\xbf#path\tconn", 13, TH_FORMAT_ZEEK_TSV},
        {"# a comment", 11, TH_FORMAT_UNKNOWN},
        {" \n{\"ts\":1}", 10, TH_FORMAT_JSON},
        {"[{\"ts\":1}]", 10, TH_FORMAT_UNKNOWN},
        {"", 0, TH_FORMAT_UNKNOWN},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        assert_int_equal(th_format_sniff(th_str_n(cases[i].head, cases[i].len)), cases[i].format);
    assert_string_equal(th_format_name(TH_FORMAT_ZEEK_TSV), "zeek-tsv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_as_zeek_writes_it),
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(formats_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
