/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dns_msg.h"
#include "feed.h"

#define HEADER(flags, questions, answers) "\0\7" flags "\0" questions "\0" answers "\0\0\0\0"
#define QUESTION "\3WwW\7example\3com\0\0\1\0\1"
#define POINTER "\xc0\x0c"
#define MESSAGE(text) (const uint8_t *)(text), sizeof(text) - 1

static bool parse(struct th_arena *a, const uint8_t *p, size_t len, struct th_dns_msg *m)
{
    return th_dns_parse(p, len, false, a, m);
}

static void test_names_are_lower_case_text(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_dns_msg m;
    assert_true(parse(&a, MESSAGE(HEADER("\1\0", "\1", "\0") QUESTION), &m));
    assert_int_equal(m.id, 7);
    assert_view_is(th_str_n(m.qname.text, m.qname.len), "www.example.com");
    assert_int_equal(m.qtype, 1);
    assert_false(m.bad);
}

/* Each kind of loop: to itself, forward, into the middle of what is being read. */
static void test_pointers_go_backwards_only(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_dns_msg m;
    assert_false(parse(&a, MESSAGE(HEADER("\1\0", "\1", "\0") "\xc0\x0c\0\1\0\1"), &m));
    assert_false(parse(&a, MESSAGE(HEADER("\1\0", "\1", "\0") "\xc0\x12\0\1\0\1\1a\0"), &m));
    assert_false(parse(&a, MESSAGE(HEADER("\1\0", "\1", "\0") "\1a\xc0\x0c\0\1\0\1"), &m));
}

static void test_longest_name_is_kept_and_no_longer_one(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    uint8_t msg[400] = {0, 7, 1, 0, 0, 1};
    struct th_dns_msg m;
    for (unsigned labels = 4; labels <= 5; labels++) {
        size_t at = 12;
        for (unsigned i = 0; i < labels; i++) {
            msg[at] = 62;
            memset(msg + at + 1, 'a', 62);
            at += 63;
        }
        memcpy(msg + at, "\0\0\1\0\1", 5);
        bool ok = parse(&a, msg, at + 5, &m);
        assert_int_equal(ok, labels == 4);
        if (ok)
            assert_int_equal(m.qname.len, 4 * 62 + 3);
    }
}

static void test_answers_as_zeek_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *rr;
        size_t len;
        const char *text;
    } cases[] = {
#define RR(type, data)                                                                             \
    (POINTER "\0" type "\0\1\0\0\0\x3c\0" data),                                                   \
        sizeof(POINTER "\0" type "\0\1\0\0\0\x3c\0" data) - 1
        {RR("\1", "\4\xc0\0\2\x50"), "192.0.2.80"},
        {RR("\x1c", "\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1"},
        {RR("\5", "\6\3cdn\xc0\x10"), "cdn.example.com"},
        {RR("\xf", "\4\0\xa\xc0\x10"), "example.com"},
        {RR("\x10", "\x9\5hello\2hi"), "TXT 5 hello TXT 2 hi"},
        {RR("\x21", "\x8\0\1\0\2\0\x50\xc0\x10"), "example.com"},
        {RR("\x41", "\x12\0\1\0\0\1\0\3\2h2\0\4\0\4\1\2\3\4"),
            "HTTPS 1 . alpn=h2 ipv4hint=1.2.3.4"},
        {RR("\x2b", "\x6\0\1\x8\2xx"), "DS 8 2"},
        {RR("\xd", "\6\2PC\2OS"), "HINFO PC OS"},
        {RR("\xfa", "\1x"), "<unknown type=250>"},
    };
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        uint8_t msg[200];
        size_t head = sizeof(HEADER("\x81\x80", "\1", "\1") QUESTION) - 1;
        memcpy(msg, HEADER("\x81\x80", "\1", "\1") QUESTION, head);
        memcpy(msg + head, cases[i].rr, cases[i].len);
        struct th_dns_msg m;
        assert_true(parse(&a, msg, head + cases[i].len, &m));
        assert_int_equal(m.answer_count, 1);
        assert_view_is(m.answers[0], cases[i].text);
        assert_int_equal(m.ttls_ns[0], 60 * TH_NS_PER_S);
        /* Cut anywhere, it is bad, and nothing is read behind the end. */
        for (size_t cut = head; cut < head + cases[i].len; cut++) {
            assert_true(parse(&a, msg, cut, &m));
            assert_true(m.bad);
        }
    }
}

static void test_netbios_names(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    /* "FILE1" padded with blanks, suffix 0x20 */
    assert_view_is(th_dns_netbios(&a, th_str_c("egejemefdbcacacacacacacacacacaca")), "FILE1");
    assert_view_is(th_dns_netbios(&a, th_str_c("www.example.com")), "www.example.com");
}

static void test_query_waits_for_its_answer(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 53);
    feed_data(&f, 0, MESSAGE(HEADER("\1\0", "\1", "\0") QUESTION));
    assert_int_equal(f.events, 0);
    feed_data(&f, 1, MESSAGE(HEADER("\x81\x83", "\1", "\0") QUESTION));
    assert_int_equal(f.events, 1);
    assert_true(feed_has(&f, "dns", 0, "\"rcode_name\":\"NXDOMAIN\""));
    assert_true(feed_has(&f, "dns", 0, "\"rtt\":1.000000"));
    assert_true(feed_has(&f, "dns", 0, "\"rejected\":true"));
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_string_equal(f.services, "dns");
    feed_done(&f);
}

/* RFC 1002 4.2.13: an answer of the name service does not repeat the question. */
static void test_netbios_answer_names_itself(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 137);
    feed_data(&f, 1,
        MESSAGE(HEADER("\x85\0", "\0", "\1") "\x20"
                                             "EGEJEMEFDBCACACACACACACACACACACA"
                                             "\0\0\x20\0\1\0\0\0\x3c\0\6\0\0\x0a\0\0\7"));
    feed_end(&f);
    assert_true(feed_has(&f, "dns", 0, "\"query\":\"FILE1\""));
    assert_true(feed_has(&f, "dns", 0, "\"qtype_name\":\"NB\""));
    assert_true(feed_has(&f, "dns", 0, "\"answers\":[\"10.0.0.7\"]"));
    feed_done(&f);
}

/* Behind a gap a segment that begins with a message is read, and one that does not ends the
 * direction. */
static void test_goes_on_behind_a_gap(void **state)
{
    (void)state;
    static const char query[] = "\0\x21" HEADER("\1\0", "\1", "\0") QUESTION;
    for (unsigned aligned = 0; aligned < 2; aligned++) {
        struct feed f;
        feed_init(&f, FEED_TCP, 40000, 53);
        feed_data(&f, 0, query, sizeof(query) - 1);
        feed_data(&f, 0, query, 10);
        feed_gap(&f, 0, 25);
        feed_data(&f, 0, query + (aligned ? 0 : 5), sizeof(query) - 1 - (aligned ? 0 : 5));
        feed_data(&f, 0, query, sizeof(query) - 1);
        feed_end(&f);
        assert_int_equal(f.events, aligned ? 3 : 1);
        feed_done(&f);
    }
}

/* RFC 6762 5.3: many questions in one multicast query, and no more than are said to be there. */
static void test_questions_of_a_multicast_query(void **state)
{
    (void)state;
    static const char query[] =
        HEADER("\0\0", "\3", "\0") "\1a\0\0\x0c\0\1\1b\xc0\x0c\0\1\0\1\1c\0\0\1\0\1"
                                   "\1d\0\0\1\0\1";
    struct feed f;
    feed_init(&f, FEED_UDP, 5353, 5353);
    feed_data(&f, 0, query, sizeof(query) - 1);
    feed_data(&f, 0, query, sizeof(query) - 11); /* the last one is cut */
    feed_end(&f);
    assert_true(feed_has(&f, "dns", 0, "\"query\":\"a\""));
    assert_true(feed_has(&f, "dns", 1, "\"query\":\"b.a\""));
    assert_true(feed_has(&f, "dns", 2, "\"query\":\"c\""));
    assert_true(feed_has(&f, "dns", 0, "\"query_bytes\":"));
    assert_null(
        memmem(feed_event(&f, "dns", 1).p, feed_event(&f, "dns", 1).len, "query_bytes", 11));
    assert_int_equal(f.events, 5);
    feed_done(&f);
    char many[12 + 60 * 7] = "\0\7\0\0\0\x3c";
    for (unsigned i = 0; i < 60; i++)
        memcpy(many + 12 + i * 7, "\1a\0\0\1\0\1", 7);
    feed_init(&f, FEED_UDP, 5353, 5353);
    feed_data(&f, 0, many, sizeof(many));
    feed_end(&f);
    assert_int_equal(f.events, 16);
    feed_done(&f);
}

static void test_many_unanswered_queries_are_bounded(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 53);
    char query[] = HEADER("\1\0", "\1", "\0") QUESTION;
    for (unsigned i = 0; i < 30; i++) {
        query[1] = (char)i;
        feed_data(&f, 0, query, sizeof(query) - 1);
    }
    /* A second apart: all but the last ten have timed out meanwhile. */
    assert_in_range(f.events, 18, 20);
    feed_end(&f);
    assert_int_equal(f.events, 30);
    assert_false(feed_has(&f, "dns", 0, "\"rcode\""));
    feed_done(&f);
}

static void test_any_port_but_nothing_else(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 5300);
    feed_data(&f, 0, MESSAGE(HEADER("\1\0", "\1", "\0") QUESTION));
    feed_end(&f);
    assert_string_equal(f.services, "dns");
    feed_done(&f);
    feed_init(&f, FEED_UDP, 40000, 5300);
    for (int i = 0; i < 8; i++)
        feed_data(&f, 0, "\0\7\1\0\0\1\0\0\0\0\0\0 not a name at all", 30);
    feed_end(&f);
    assert_string_equal(f.services, "");
    assert_true(f.flow.skip_data[0]);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_lower_case_text),
        cmocka_unit_test(test_pointers_go_backwards_only),
        cmocka_unit_test(test_longest_name_is_kept_and_no_longer_one),
        cmocka_unit_test(test_answers_as_zeek_writes_them),
        cmocka_unit_test(test_netbios_names),
        cmocka_unit_test(test_query_waits_for_its_answer),
        cmocka_unit_test(test_netbios_answer_names_itself),
        cmocka_unit_test(test_goes_on_behind_a_gap),
        cmocka_unit_test(test_questions_of_a_multicast_query),
        cmocka_unit_test(test_many_unanswered_queries_are_bounded),
        cmocka_unit_test(test_any_port_but_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
