/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as Suricata's documentation and sources have them, by hand; of several versions. */
#include "taken.h"

#include "flowlog/eve.h"

#define HEAD                                                                                       \
    "{\"timestamp\":\"2022-07-12T06:22:33.500000+0000\",\"flow_id\":1398609176796675,"             \
    "\"src_ip\":\"10.0.0.5\",\"src_port\":40000,\"dest_ip\":\"192.0.2.80\",\"dest_port\":443,"     \
    "\"proto\":\"TCP\","
#define BACK                                                                                       \
    "{\"timestamp\":\"2022-07-12T06:22:33.600000+0000\",\"flow_id\":1398609176796675,"             \
    "\"src_ip\":\"192.0.2.80\",\"src_port\":443,\"dest_ip\":\"10.0.0.5\",\"dest_port\":40000,"     \
    "\"proto\":\"TCP\","
#define ASK(time)                                                                                  \
    "{\"timestamp\":\"2022-07-12T06:22:" time "+0000\",\"flow_id\":77,\"event_type\":\"dns\","     \
    "\"src_ip\":\"10.0.0.5\",\"src_port\":50000,\"dest_ip\":\"10.0.0.53\",\"dest_port\":53,"       \
    "\"proto\":\"UDP\","

static const int64_t line_ns = INT64_C(1657606953500000000);

static void read_lines(struct taken *t, const char *const *lines, size_t n, uint64_t *ret_bad)
{
    struct th_eve *e TH_CLEANUP(th_eve_freep) = th_eve_new(&t->sink);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(th_eve_line(e, th_str_c(lines[i])), 0);
    assert_int_equal(th_eve_end(e), 0);
    if (ret_bad)
        *ret_bad = th_eve_lines(e)->bad_lines;
}
#define READ(t, ...)                                                                               \
    read_lines(t, (const char *const[]){__VA_ARGS__},                                              \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), NULL)

static void a_flow(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    READ(&t,
        HEAD
        "\"event_type\":\"flow\",\"app_proto\":\"tls\",\"flow\":{\"pkts_toserver\":10,"
        "\"pkts_toclient\":8,\"bytes_toserver\":1140,\"bytes_toclient\":6112,"
        "\"start\":\"2022-07-12T06:20:00.000000+0000\",\"end\":\"2022-07-12T06:21:00.250000+0000\","
        "\"age\":60,\"state\":\"closed\"},\"tcp\":{\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\"}"
        ","
        "\"vlan\":[42]}",
        HEAD "\"event_type\":\"netflow\",\"netflow\":{\"pkts\":10,\"bytes\":1140}}");
    assert_int_equal(t.count, 1); /* what netflow says is said already */
    const struct th_ev_conn *c = taken_conn(&t, 0);
    assert_int_equal(c->id_orig_p, 40000);
    assert_int_equal(c->duration, 60250 * TH_NS_PER_MS);
    assert_int_equal(c->orig_wire_bytes, 1140);
    assert_int_equal(c->orig_ip_bytes, 1000);
    assert_int_equal(c->resp_ip_bytes, 6000);
    assert_view_is(c->conn_state, "SF");
    assert_view_is(c->service, "ssl");
    assert_view_is(c->told_by, "suricata");
    assert_int_equal(c->vlan, 42);
    taken_done(&t);
}

static void netflow_alone_is_paired(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    READ(&t,
        HEAD "\"event_type\":\"netflow\",\"netflow\":{\"pkts\":10,\"bytes\":1140,"
             "\"start\":\"2022-07-12T06:20:00.000000+0000\",\"end\":\"2022-07-12T06:21:00.000000+"
             "0000\"}}",
        BACK "\"event_type\":\"netflow\",\"netflow\":{\"pkts\":8,\"bytes\":6112,"
             "\"start\":\"2022-07-12T06:20:00.010000+0000\",\"end\":\"2022-07-12T06:21:00.000000+"
             "0000\"}}");
    assert_int_equal(t.count, 1);
    assert_int_equal(taken_conn(&t, 0)->orig_ip_bytes, 1000);
    assert_int_equal(taken_conn(&t, 0)->resp_ip_bytes, 6000);
    taken_done(&t);
}

static const struct th_ev_dns *dns_of(const struct taken *t, size_t i)
{
    assert_true(i < t->count && t->v[i]->kind == TH_KIND_DNS);
    return (const struct th_ev_dns *)t->v[i];
}

/* What has no room is left out, and not an empty answer. */
static void an_answer_too_long(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    TH_AUTOFREE char *line = th_xasprintf(
        ASK("10.000000") "\"dns\":{\"version\":2,\"type\":"
                         "\"answer\",\"id\":1,\"rcode\":\"NOERROR\",\"rrname\":\"a.example\","
                         "\"rrtype\":\"TXT\","
                         "\"answers\":[{\"rdata\":\"%09000d\"},{\"rdata\":\"short\"}]}}",
        7);
    READ(&t, line);
    assert_int_equal(t.count, 1);
    const struct th_ev_dns *d = dns_of(&t, 0);
    assert_int_equal(d->answers.n, 1);
    assert_view_is(d->answers.v[0], "short");
    taken_done(&t);
}

static void questions_and_answers_of_all_versions(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    READ(&t,
        /* version 1: a line a record */
        ASK("10.000000") "\"dns\":{\"type\":\"query\",\"id\":1,\"rrname\":\"a.example\",\"rrtype\":"
                         "\"A\"}}",
        ASK("10.020000") "\"dns\":{\"type\":\"answer\",\"id\":1,\"rcode\":\"NOERROR\",\"rrname\":"
                         "\"a.example\","
                         "\"rrtype\":\"CNAME\",\"ttl\":60,\"rdata\":\"b.example\"}}",
        ASK("10.020000") "\"dns\":{\"type\":\"answer\",\"id\":1,\"rcode\":\"NOERROR\",\"rrname\":"
                         "\"a.example\","
                         "\"rrtype\":\"A\",\"ttl\":30,\"rdata\":\"192.0.2.1\"}}",
        /* version 2 */
        ASK("12.000000") "\"dns\":{\"type\":\"query\",\"id\":2,\"rrname\":\"c.example\",\"rrtype\":"
                         "\"AAAA\"}}",
        ASK("12.030000") "\"dns\":{\"version\":2,\"type\":\"answer\",\"id\":2,\"qr\":true,\"rd\":"
                         "true,\"ra\":true,"
                         "\"rrname\":\"c.example\",\"rrtype\":\"AAAA\",\"rcode\":\"NXDOMAIN\"}}",
        /* version 3 */
        ASK("14.000000") "\"dns\":{\"version\":3,\"type\":\"request\",\"id\":3,\"rd\":true,"
                         "\"queries\":[{\"rrname\":\"d.example\",\"rrtype\":\"A\"}]}}",
        ASK("14.040000") "\"dns\":{\"version\":3,\"type\":\"response\",\"id\":3,\"rcode\":"
                         "\"NOERROR\","
                         "\"queries\":[{\"rrname\":\"d.example\",\"rrtype\":\"A\"}],"
                         "\"answers\":[{\"rrname\":\"d.example\",\"rrtype\":\"A\",\"ttl\":5,"
                         "\"rdata\":\"192.0.2.9\"}]}}",
        /* nobody answers */
        ASK("15.000000") "\"dns\":{\"type\":\"query\",\"id\":4,\"rrname\":\"e.example\",\"rrtype\":"
                         "\"TXT\"}}");
    assert_int_equal(t.count, 4);
    const struct th_ev_dns *d = dns_of(&t, 0);
    assert_view_is(d->query, "a.example");
    assert_int_equal(d->answers.n, 2);
    assert_view_is(d->answers.v[1], "192.0.2.1");
    assert_int_equal(d->TTLs.v[0], 60 * TH_NS_PER_S);
    assert_int_equal(d->rtt, 20 * TH_NS_PER_MS);
    assert_int_equal(d->qtype, 1);
    assert_view_is(d->proto, "udp");
    d = dns_of(&t, 1);
    assert_int_equal(d->rcode, 3);
    assert_int_equal(d->qtype, 28);
    assert_true(d->RD && d->RA);
    d = dns_of(&t, 2);
    assert_view_is(d->answers.v[0], "192.0.2.9");
    assert_int_equal(d->rtt, 40 * TH_NS_PER_MS);
    d = dns_of(&t, 3);
    assert_view_is(d->qtype_name, "TXT");
    assert_false(TH_HAS(d, DNS, rcode));
    taken_done(&t);
}

static void an_alert(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    READ(&t,
        HEAD "\"event_type\":\"alert\",\"app_proto\":\"http\",\"alert\":{\"action\":\"allowed\","
             "\"gid\":1,"
             "\"signature_id\":2034125,\"rev\":4,\"signature\":\"ET EXPLOIT "
             "x\",\"category\":\"Attempt\","
             "\"severity\":1,\"metadata\":{\"mitre_technique_id\":[\"T1190\"]}}}",
        BACK "\"event_type\":\"alert\",\"alert\":{\"signature\":\"answer\"}}",
        BACK "\"event_type\":\"alert\",\"direction\":\"to_server\",\"alert\":{\"signature\":\"says "
             "so\"}}");
    assert_int_equal(t.count, 3);
    const struct th_ev_ids *a = (const struct th_ev_ids *)t.v[0];
    assert_int_equal(a->h.kind, TH_KIND_IDS);
    assert_int_equal(a->signature_id, 2034125);
    assert_view_is(a->signature, "ET EXPLOIT x");
    assert_view_is(a->techniques.v[0], "T1190");
    assert_view_is(a->proto, "tcp");
    assert_true(a->from_orig);
    assert_int_equal(a->ts, line_ns);
    const struct th_ev_ids *back = (const struct th_ev_ids *)t.v[1];
    assert_int_equal(back->id_orig_p, 40000);
    assert_false(back->from_orig);
    assert_true(th_str_eq(a->uid, back->uid));
    assert_int_equal(((const struct th_ev_ids *)t.v[2])->id_orig_p, 443);
    taken_done(&t);
}

static void tls_with_its_certificate(void **state)
{
    (void)state;
    struct taken t;
    taken_init(&t);
    READ(&t,
        HEAD "\"event_type\":\"tls\",\"tls\":{\"subject\":\"CN=www\",\"issuerdn\":\"CN=ca\","
             "\"serial\":\"0A:0B\","
             "\"fingerprint\":\"aa:bb\",\"sni\":\"www.example\",\"version\":\"TLS 1.3\","
             "\"notbefore\":\"2020-01-01T00:00:00\",\"notafter\":\"2030-01-01T00:00:00\","
             "\"ja3\":{\"hash\":\"e7d7\",\"string\":\"771,\"},\"ja3s\":{\"hash\":\"aa\"},\"ja4\":"
             "\"t13d\","
             "\"client_alpns\":[\"h2\",\"http/1.1\"],\"server_alpns\":[\"h2\"]}}");
    assert_int_equal(t.count, 2);
    const struct th_ev_ssl *s = (const struct th_ev_ssl *)t.v[0];
    const struct th_ev_x509 *x = (const struct th_ev_x509 *)t.v[1];
    assert_view_is(s->version, "TLSv13");
    assert_view_is(s->server_name, "www.example");
    assert_view_is(s->ja3, "e7d7");
    assert_view_is(s->ja4, "t13d");
    assert_view_is(s->client_alpn.v[1], "http/1.1");
    assert_view_is(s->next_protocol, "h2");
    assert_int_equal(s->not_valid_before, INT64_C(1577836800) * TH_NS_PER_S);
    assert_view_is(s->cert_chain_fuids.v[0], "aa:bb");
    assert_int_equal(x->h.kind, TH_KIND_X509);
    assert_view_is(x->id, "aa:bb");
    assert_view_is(x->certificate_issuer, "CN=ca");
    taken_done(&t);
}

static void every_type_becomes_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum th_kind kind;
    } cases[] = {
        {HEAD
            "\"event_type\":\"http\",\"http\":{\"hostname\":\"www\",\"url\":\"/\",\"status\":200}}",
            TH_KIND_HTTP},
        {HEAD "\"event_type\":\"fileinfo\",\"fileinfo\":{\"filename\":\"a\",\"size\":3}}",
            TH_KIND_FILES},
        {HEAD "\"event_type\":\"smb\",\"smb\":{\"command\":\"SMB2_COMMAND_CREATE\",\"filename\":"
              "\"a\"}}",
            TH_KIND_SMB_FILES},
        {HEAD "\"event_type\":\"smb\",\"smb\":{\"command\":\"SMB2_COMMAND_TREE_CONNECT\",\"share\":"
              "\"s\","
              "\"share_type\":\"DISK\"}}",
            TH_KIND_SMB_MAPPING},
        {HEAD "\"event_type\":\"smb\",\"smb\":{\"ntlmssp\":{\"user\":\"u\"},\"status\":\"STATUS_"
              "SUCCESS\"}}",
            TH_KIND_NTLM},
        {HEAD "\"event_type\":\"krb5\",\"krb5\":{\"msg_type\":\"KRB_TGS_REP\",\"cname\":\"u\","
              "\"realm\":\"R\"}}",
            TH_KIND_KERBEROS},
        {HEAD "\"event_type\":\"ssh\",\"ssh\":{\"client\":{\"software_version\":\"x\"}}}",
            TH_KIND_SSH},
        {HEAD
            "\"event_type\":\"rdp\",\"rdp\":{\"event_type\":\"initial_request\",\"cookie\":\"u\"}}",
            TH_KIND_RDP},
        {HEAD "\"event_type\":\"dhcp\",\"dhcp\":{\"type\":\"reply\",\"dhcp_type\":\"ack\","
              "\"assigned_ip\":\"10.0.0.9\"}}",
            TH_KIND_DHCP},
        {HEAD "\"event_type\":\"smtp\",\"smtp\":{\"helo\":\"h\",\"rcpt_to\":[\"a\"]}}",
            TH_KIND_SMTP},
        {HEAD
            "\"event_type\":\"ftp\",\"ftp\":{\"command\":\"RETR\",\"completion_code\":[\"226\"]}}",
            TH_KIND_FTP},
        {HEAD "\"event_type\":\"snmp\",\"snmp\":{\"version\":2,\"pdu_type\":\"get_request\","
              "\"vars\":[\"1\"]}}",
            TH_KIND_SNMP},
        {HEAD "\"event_type\":\"sip\",\"sip\":{\"method\":\"INVITE\",\"code\":\"200\"}}",
            TH_KIND_SIP},
        {HEAD "\"event_type\":\"mqtt\",\"mqtt\":{\"connect\":{\"client_id\":\"c\",\"protocol_"
              "version\":5}}}",
            TH_KIND_MQTT_CONNECT},
        {HEAD "\"event_type\":\"mqtt\",\"mqtt\":{\"publish\":{\"topic\":\"t\",\"qos\":1}}}",
            TH_KIND_MQTT_PUBLISH},
        {HEAD "\"event_type\":\"mqtt\",\"mqtt\":{\"subscribe\":{\"topics\":[{\"topic\":\"t\","
              "\"qos\":1}]}}}",
            TH_KIND_MQTT_SUBSCRIBE},
        {HEAD "\"event_type\":\"quic\",\"quic\":{\"version\":\"1\",\"sni\":\"www\"}}",
            TH_KIND_QUIC},
        {HEAD
            "\"event_type\":\"anomaly\",\"anomaly\":{\"type\":\"decode\",\"event\":\"decoder.x\"}}",
            TH_KIND_WEIRD},
        {HEAD "\"event_type\":\"nfs\",\"nfs\":{}}", 0},
        {HEAD "\"event_type\":\"stats\",\"stats\":{\"uptime\":8}}", 0},
        {HEAD "\"event_type\":\"mqtt\",\"mqtt\":{}}", 0},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct taken t;
        taken_init(&t);
        READ(&t, cases[i].line);
        assert_int_equal(t.count, cases[i].kind != 0);
        if (t.count) {
            assert_int_equal(t.v[0]->kind, cases[i].kind);
            assert_true(t.v[0]->set & 1);
            assert_true(t.v[0]->time_ns == line_ns);
        }
        taken_done(&t);
    }
}

static void lines_that_are_none(void **state)
{
    (void)state;
    struct taken t;
    uint64_t bad;
    taken_init(&t);
    static const char *const lines[] = {"", "{", "[]", "{}", "{\"event_type\":\"dns\"}",
        "{\"event_type\":5,\"timestamp\":\"2022-07-12T06:22:33.500000+0000\"}",
        "{\"event_type\":\"dns\",\"timestamp\":\"yesterday\"}",
        "{\"event_type\":\"dns\",\"timestamp\":\"2022-07-12T06:22:33.500000+0000\"}",
        "{\"event_type\":\"flow\",\"timestamp\":\"2022-07-12T06:22:33.500000+0000\",\"flow\":[]}",
        "{\"event_type\":\"tls\",\"timestamp\":\"2022-07-12T06:22:33Z\",\"tls\":{\"sni\":{}}}"};
    read_lines(&t, lines, TH_ARRAY_LEN(lines), &bad);
    assert_int_equal(bad, 6);
    taken_done(&t);
}

/* A log that says nothing more: the clock gives what waited. A reader that began later and had the
 * same lines and times since holds the same. */
static void time_passes_without_lines(void **state)
{
    (void)state;
    static const char *const asks[] = {ASK("33.900000") "\"dns\":{\"type\":\"query\",\"id\":1,"
                                                        "\"rrname\":\"a.example\"}}",
        ASK("40.000000") "\"dns\":{\"type\":\"query\",\"id\":2,\"rrname\":\"b.example\"}}",
        ASK("44.950000") "\"dns\":{\"type\":\"query\",\"id\":3,\"rrname\":\"c.example\"}}"};
    struct taken whole, late;
    taken_init(&whole);
    taken_init(&late);
    struct th_eve *a TH_CLEANUP(th_eve_freep) = th_eve_new(&whole.sink);
    struct th_eve *b TH_CLEANUP(th_eve_freep) = th_eve_new(&late.sink);
    assert_int_equal(th_eve_line_ns(a), INT64_MIN);
    for (size_t i = 0; i < TH_ARRAY_LEN(asks); i++) {
        assert_int_equal(th_eve_line(a, th_str_c(asks[i])), 0);
        if (i > 0)
            assert_int_equal(th_eve_line(b, th_str_c(asks[i])), 0);
    }
    assert_int_equal(th_eve_line_ns(a), line_ns + 11450 * TH_NS_PER_MS);
    assert_int_equal(whole.count, 1); /* the line of 44.95 came more than 10 s after the first */
    assert_int_equal(late.count, 0);
    const int64_t times_ns[] = {
        line_ns + 16 * TH_NS_PER_S, line_ns + 17600 * TH_NS_PER_MS, line_ns + 30 * TH_NS_PER_S};
    for (size_t i = 0; i < TH_ARRAY_LEN(times_ns); i++) {
        assert_int_equal(th_eve_advance(a, times_ns[i]), 0);
        assert_int_equal(th_eve_advance(b, times_ns[i]), 0);
        assert_int_equal(whole.count, late.count + 1);
    }
    assert_int_equal(late.count, 2);
    assert_view_is(dns_of(&late, 0)->query, "b.example");
    assert_false(th_eve_has_flows(a));
    th_eve_expect_flows(a);
    assert_int_equal(th_eve_line(a,
                         th_str_c(HEAD "\"event_type\":\"netflow\",\"netflow\":{\"pkts\":10,"
                                       "\"bytes\":1140}}")),
        0);
    assert_int_equal(th_eve_end(a), 0);
    assert_int_equal(whole.count, 3); /* another line of type flow says the same */
    taken_done(&whole);
    taken_done(&late);
}

static void what_is_one(void **state)
{
    (void)state;
    assert_true(th_eve_is(th_str_c(HEAD "\"event_type\":\"stats\"}\n{")));
    assert_false(
        th_eve_is(th_str_c("{\"ts\":1,\"_path\":\"conn\",\"event_type\":\"\",\"timestamp\":1}")));
    assert_false(th_eve_is(th_str_c("{\"timestamp\":1}\n{\"event_type\":2}")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow),
        cmocka_unit_test(netflow_alone_is_paired),
        cmocka_unit_test(an_answer_too_long),
        cmocka_unit_test(questions_and_answers_of_all_versions),
        cmocka_unit_test(an_alert),
        cmocka_unit_test(tls_with_its_certificate),
        cmocka_unit_test(every_type_becomes_its_kind),
        cmocka_unit_test(lines_that_are_none),
        cmocka_unit_test(time_passes_without_lines),
        cmocka_unit_test(what_is_one),
    };
    return cmocka_run_group_tests_name("flowlog/eve", tests, NULL, NULL);
}
