/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/arena.h"
#include "event/run.h"
#include "event/zeek.h"

struct catch
{
    struct th_arena memory;
    struct th_event *events[64];
    unsigned count;
    int answer; /* of the sink */
};

static int put(void *arg, const struct th_event *ev)
{
    struct catch *c = arg;
    assert_true(c->count < TH_ARRAY_LEN(c->events));
    c->events[c->count++] = th_event_copy(&c->memory, ev);
    return c->answer;
}

/* Feeds a text line by line; what ended it, and the result's copy in memory that lives on. */
static int read_text(
    struct catch *c, const char *name, const char *text, struct th_zeek_result *ret)
{
    struct th_sink sink = {.put = put, .arg = c};
    struct th_zeek *z __attribute__((cleanup(th_zeek_freep))) = th_zeek_new(th_str_c(name), &sink);
    struct th_str rest = th_str_c(text);
    int err = 0;
    c->count = 0;
    while (rest.len && err == 0)
        err = th_zeek_line(z, th_str_split(&rest, '\n'));
    th_zeek_result(z, ret);
    ret->format = th_arena_str(&c->memory, ret->format);
    ret->message = th_arena_str(&c->memory, ret->message);
    return err;
}

static struct th_ev_conn *conn_at(struct catch *c, unsigned i)
{
    assert_true(i < c->count);
    assert_int_equal(c->events[i]->kind, TH_KIND_CONN);
    return (struct th_ev_conn *)c->events[i];
}

static void assert_addr(const struct th_addr *a, const char *text)
{
    struct th_addr want;
    assert_true(th_addr_parse(th_str_c(text), &want));
    assert_true(th_addr_eq(a, &want));
}

static bool says(struct th_str message, const char *part)
{
    return memmem(message.p, message.len, part, strlen(part)) != NULL;
}

#define TSV_HEAD                                                                                   \
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"   \
    "#open\t2024-01-01-00-00-00\n"

static void a_log_of_tabs(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(
        read_text(&c, "",
            TSV_HEAD
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t"
            "duration\torig_bytes\tlocal_orig\thistory\ttunnel_parents\tsomething_new\n"
            "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tcount\tbool\t"
            "string\tset[string]\tstring\n"
            "1700000000.123456\tCa1\t10.0.0.1\t50000\t2001:db8::5\t443\ttcp\t1.500000\t77\tT"
            "\t\\x5e\\x09d\\\\\tCp1,C\\x2cp2\tx\n"
            "1700000001.000000\tCa2\t10.0.0.1\t50001\t10.0.0.2\t53\tudp\t-\t-\tF\t(empty)\t"
            "(empty)\tx\r\n"
            "#close\t2024-01-01-01-00-00\n",
            &r),
        0);
    assert_int_equal(r.events, 2);
    assert_int_equal(r.bad_lines, 0);
    assert_int_equal(r.bad_values, 0);
    assert_true(r.is_zeek);
    assert_view_is(r.format, "zeek-tsv conn");
    assert_view_is(r.message, "");
    struct th_ev_conn *a = conn_at(&c, 0);
    assert_true(a->ts == INT64_C(1700000000123456000));
    assert_true(a->h.time_ns == INT64_C(1700000001623456000)); /* ts + duration */
    assert_int_equal(a->h.seq, 0);
    assert_view_is(a->uid, "Ca1");
    assert_addr(&a->id_orig_h, "10.0.0.1");
    assert_addr(&a->id_resp_h, "2001:db8::5");
    assert_int_equal(a->id_orig_p, 50000);
    assert_int_equal(a->orig_bytes, 77);
    assert_true(a->local_orig);
    assert_view_is(a->history, "^\td\\");
    assert_int_equal(a->tunnel_parents.n, 2);
    assert_view_is(a->tunnel_parents.v[0], "Cp1");
    assert_view_is(a->tunnel_parents.v[1], "C,p2");
    struct th_ev_conn *b = conn_at(&c, 1);
    assert_true(b->h.time_ns == b->ts);
    assert_int_equal(b->h.seq, 1);
    assert_false(TH_HAS(b, CONN, duration));
    assert_false(TH_HAS(b, CONN, orig_bytes));
    assert_true(TH_HAS(b, CONN, local_orig) && !b->local_orig);
    assert_true(TH_HAS(b, CONN, history) && b->history.len == 0);
    assert_true(TH_HAS(b, CONN, tunnel_parents) && b->tunnel_parents.n == 0);
    th_arena_done(&c.memory);
}

/* Other separators, headers in another order, a second file behind the first. */
static void headers_in_any_order_and_again(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(read_text(&c, "whatever.log",
                         "#separator \\x7c\n#fields|ts|query|answers|rtt\n#path|dns\n"
                         "#set_separator|;\n#unset_field|NONE\n"
                         "1.0|example.org|1.2.3.4;example.net|0.25\n2.0|-|NONE|NONE\n"
                         "#separator \\x09\n#path\tconn\n#fields\tuid\tts\n"
                         "C1\t3.5\n",
                         &r),
        0);
    assert_int_equal(c.count, 3);
    assert_view_is(r.format, "zeek-tsv conn dns");
    struct th_ev_dns *d = (struct th_ev_dns *)c.events[0];
    assert_int_equal(d->h.kind, TH_KIND_DNS);
    assert_int_equal(d->answers.n, 2);
    assert_view_is(d->answers.v[1], "example.net");
    assert_true(d->h.time_ns == INT64_C(1250000000)); /* ts + rtt */
    d = (struct th_ev_dns *)c.events[1];
    assert_view_is(d->query, "-");
    assert_false(TH_HAS(d, DNS, answers));
    assert_true(conn_at(&c, 2)->ts == INT64_C(3500000000));
    th_arena_done(&c.memory);
}

static void rows_without_header_end_it(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(
        read_text(&c, "conn.log", "1.0\tC1\t10.0.0.1\n2.0\tC2\t10.0.0.1\n", &r), TH_E_MALFORMED);
    assert_int_equal(c.count, 0);
    assert_true(says(r.message, "line 1: no #fields header"));
    assert_int_equal(read_text(&c, "conn.log", "#separator ab\n", &r), TH_E_MALFORMED);
    assert_true(says(r.message, "#separator"));
    th_arena_done(&c.memory);
}

static void what_does_not_parse_is_counted(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(read_text(&c, "",
                         TSV_HEAD "#fields\tts\tuid\tid.orig_h\torig_bytes\n"
                                  "1.0\tC1\t10.0.0.1\t5\n"
                                  "soon\tC2\t10.0.0.1\t5\n"
                                  "2.0\tC3\n"
                                  "3.0\tC4\tnowhere\t-7\n"
                                  "4.0\tC5\t10.0.0.1\t5\tmore\n",
                         &r),
        0);
    assert_int_equal(r.events, 3);
    assert_int_equal(r.bad_lines, 2);
    assert_int_equal(r.bad_values, 3);
    assert_true(says(r.message, "2 of 12 lines did not parse"));
    assert_true(says(r.message, "line 9: ts \"soon\""));
    assert_true(says(r.message, "line 10: fewer columns"));
    struct th_ev_conn *b = conn_at(&c, 1);
    assert_view_is(b->uid, "C4");
    assert_false(TH_HAS(b, CONN, id_orig_h));
    assert_false(TH_HAS(b, CONN, orig_bytes));
    assert_view_is(conn_at(&c, 2)->uid, "C5");
    th_arena_done(&c.memory);
}

static void json_lines(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(
        read_text(&c, "x.json",
            "{\"_path\":\"conn\",\"ts\":1588205199.82437,\"uid\":\"C1\",\"id.orig_h\":\"10.0.1.6\","
            "\"id.orig_p\":54243,\"duration\":0.001528024673461914,\"orig_bytes\":39,"
            "\"local_orig\":true,\"service\":[\"dns\",\"mdns\"],\"orig_l2_addr\":\"00:0d:3a:13:e3:"
            "69\"}\n"
            "{\"@stream\":\"dns\",\"ts\":\"2020-04-30T00:06:39.5Z\",\"id_orig_h\":\"10.0.1.6\","
            "\"answers\":[\"a\",\"b\"],\"TTLs\":[60.0,1],\"qtype\":1.0,\"query\":null}\n"
            "{\"_path\":\"conn\",\"ts\":5,\"id\":{\"orig_h\":\"10.0.0.9\",\"resp_p\":70000}}\n"
            "{\"_path\":\"notice\",\"ts\":5}\n"
            "{\"_path\":\"conn\",\"uid\":\"no time\"}\n"
            "{broken\n",
            &r),
        0);
    assert_int_equal(c.count, 3);
    assert_int_equal(r.unused, 1);
    assert_int_equal(r.bad_lines, 2);
    assert_int_equal(r.bad_values, 1);
    assert_view_is(r.format, "zeek-json conn dns");
    assert_true(says(r.message, "known Zeek log without a use here: notice"));
    assert_true(says(r.message, "line 5: no ts"));
    struct th_ev_conn *a = conn_at(&c, 0);
    assert_true(a->ts == INT64_C(1588205199824370000));
    assert_int_equal(a->duration, 1528025);
    assert_view_is(a->service, "dns,mdns");
    assert_true(a->local_orig);
    assert_int_equal(a->orig_l2_addr.b[5], 0x69);
    struct th_ev_dns *d = (struct th_ev_dns *)c.events[1];
    assert_true(d->ts == INT64_C(1588205199500000000));
    assert_addr(&d->id_orig_h, "10.0.1.6");
    assert_int_equal(d->answers.n, 2);
    assert_int_equal(d->TTLs.n, 2);
    assert_true(d->TTLs.v[0] == 60 * TH_NS_PER_S && d->TTLs.v[1] == TH_NS_PER_S);
    assert_int_equal(d->qtype, 1);
    assert_false(TH_HAS(d, DNS, query));
    assert_addr(&conn_at(&c, 2)->id_orig_h, "10.0.0.9");
    assert_false(TH_HAS(conn_at(&c, 2), CONN, id_resp_p));
    th_arena_done(&c.memory);
}

static void the_file_name_says_the_kind(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int kind;
    } cases[] = {
        {"/logs/conn.log", TH_KIND_CONN},
        {"dns.150000-160000.log.gz", TH_KIND_DNS},
        {"ssl.log.labeled", TH_KIND_SSL},
        {"a/b.c/labeled-conn.log", TH_KIND_CONN},
        {"smb_files.log.zst", TH_KIND_SMB_FILES},
    };
    struct catch c = {0};
    struct th_zeek_result r;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        assert_true(th_zeek_is_log_name(th_str_c(cases[i].name)));
        assert_int_equal(read_text(&c, cases[i].name, "{\"ts\":1}\n", &r), 0);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.events[0]->kind, cases[i].kind);
    }
    assert_int_equal(read_text(&c, "stats.log", "{\"ts\":1}\n", &r), 0);
    assert_int_equal(c.count, 0);
    assert_true(r.is_zeek);
    assert_view_is(r.message, "known Zeek log without a use here: stats");
    assert_int_equal(read_text(&c, "eve.json", "{\"timestamp\":\"x\"}\n", &r), 0);
    assert_false(r.is_zeek);
    assert_true(says(r.message, "says which log it is of"));
    assert_false(th_zeek_is_log_name(th_str_c("README.md")));
    assert_false(th_zeek_is_log_name(th_str_c("conn.pcap")));
    th_arena_done(&c.memory);
}

static void older_names_are_understood(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(
        read_text(&c, "files.log",
            "{\"ts\":1,\"fuid\":\"F1\",\"tx_hosts\":[\"10.0.0.4\"],\"rx_hosts\":[\"10.0.1.6\"],"
            "\"conn_uids\":[\"C1\"],\"is_orig\":false}\n"
            "{\"ts\":1,\"tx_hosts\":[\"10.0.0.4\"],\"rx_hosts\":[\"10.0.1.6\"],\"is_orig\":true}\n"
            "{\"_path\":\"dhcp\",\"ts\":1,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.7\","
            "\"id.resp_h\":\"10.0.0.1\",\"assigned_ip\":\"10.0.0.8\",\"mac\":\"02:00:00:00:00:07\"}"
            "\n"
            "{\"_path\":\"ssl\",\"ts\":1,\"cert_chain_fps\":[\"ab\",\"cd\"]}\n",
            &r),
        0);
    assert_int_equal(c.count, 4);
    struct th_ev_files *f = (struct th_ev_files *)c.events[0];
    assert_addr(&f->id_orig_h, "10.0.1.6"); /* it came from the responder */
    assert_addr(&f->id_resp_h, "10.0.0.4");
    assert_view_is(f->uid, "C1");
    f = (struct th_ev_files *)c.events[1];
    assert_addr(&f->id_orig_h, "10.0.0.4");
    assert_false(TH_HAS(f, FILES, uid));
    struct th_ev_dhcp *d = (struct th_ev_dhcp *)c.events[2];
    assert_int_equal(d->uids.n, 1);
    assert_addr(&d->client_addr, "10.0.0.7");
    assert_addr(&d->server_addr, "10.0.0.1");
    assert_addr(&d->assigned_addr, "10.0.0.8");
    struct th_ev_ssl *s = (struct th_ev_ssl *)c.events[3];
    assert_int_equal(s->cert_chain_fuids.n, 2);
    th_arena_done(&c.memory);
}

static void hostile_times_stay_in_range(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_zeek_result r;
    assert_int_equal(read_text(&c, "conn.log",
                         "{\"ts\":9.1e9,\"duration\":9.1e9}\n{\"ts\":5,\"duration\":-3}\n"
                         "{\"ts\":1e300}\n{\"ts\":-9.1e9}\n",
                         &r),
        0);
    assert_int_equal(c.count, 3);
    assert_true(c.events[0]->time_ns == INT64_MAX);
    assert_true(c.events[1]->time_ns == 5 * TH_NS_PER_S); /* never before ts */
    assert_int_equal(r.bad_lines, 1);
    th_arena_done(&c.memory);
}

static void the_sinks_error_is_passed_on(void **state)
{
    (void)state;
    struct catch c = {.answer = -ENOSPC};
    struct th_zeek_result r;
    assert_int_equal(read_text(&c, "conn.log", "{\"ts\":1}\n{\"ts\":2}\n", &r), -ENOSPC);
    assert_int_equal(c.count, 1);
    th_arena_done(&c.memory);
}

static void long_lines_and_lists_are_bounded(void **state)
{
    (void)state;
    struct catch c = {0};
    struct th_sink sink = {.put = put, .arg = &c};
    struct th_zeek_result r;
    struct th_zeek *z __attribute__((cleanup(th_zeek_freep))) =
        th_zeek_new(th_str_c("dns.log"), &sink);
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    th_buf_puts(&line, "{\"ts\":1,\"answers\":[\"a\"");
    for (unsigned i = 0; i < TH_ZEEK_MAX_ELEMENTS + 10; i++)
        th_buf_puts(&line, ",\"b\"");
    th_buf_puts(&line, "]}");
    assert_int_equal(th_zeek_line(z, th_buf_view(&line)), 0);
    assert_int_equal(((struct th_ev_dns *)c.events[0])->answers.n, TH_ZEEK_MAX_ELEMENTS);
    assert_int_equal(th_zeek_line(z, th_str_c("#fields\tts\tanswers")), 0);
    th_buf_clear(&line);
    th_buf_puts(&line, "1.0\ta");
    for (unsigned i = 0; i < TH_ZEEK_MAX_ELEMENTS + 10; i++)
        th_buf_puts(&line, ",b");
    assert_int_equal(th_zeek_line(z, th_buf_view(&line)), 0);
    assert_int_equal(((struct th_ev_dns *)c.events[1])->answers.n, TH_ZEEK_MAX_ELEMENTS);
    th_zeek_result(z, &r);
    assert_int_equal(r.events, 2);
    assert_int_equal(r.bad_lines, 0);
    th_buf_clear(&line);
    while (line.len <= TH_ZEEK_MAX_LINE_BYTES)
        th_buf_puts(&line, "1.0\t-\t");
    assert_int_equal(th_zeek_line(z, th_buf_view(&line)), 0);
    th_zeek_long_line(z);
    th_zeek_result(z, &r);
    assert_int_equal(r.bad_lines, 2);
    assert_int_equal(r.lines, 5);
    th_arena_done(&c.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_of_tabs),
        cmocka_unit_test(headers_in_any_order_and_again),
        cmocka_unit_test(rows_without_header_end_it),
        cmocka_unit_test(what_does_not_parse_is_counted),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(the_file_name_says_the_kind),
        cmocka_unit_test(older_names_are_understood),
        cmocka_unit_test(hostile_times_stay_in_range),
        cmocka_unit_test(the_sinks_error_is_passed_on),
        cmocka_unit_test(long_lines_and_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
