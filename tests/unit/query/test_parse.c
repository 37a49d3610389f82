/* SPDX-License-Identifier: Apache-2.0 */
/* The language: what is read, as what, and what is refused with which words at which place. */
#include "unit.h"

#include "query/query.h"

static void print(const char *text, struct th_buf *out)
{
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    int r = th_query_parse(th_str_c(text), &q, &err);
    if (r < 0)
        print_message("%s: at %u: %s\n", text, err.at, err.text);
    assert_int_equal(r, 0);
    th_query_print(q, out);
}

static const struct {
    const char *text, *canonical;
} good[] = {
    {"", "*"},
    {"  \t\n ", "*"},
    {"*", "*"},
    {"**", "*"},
    {"example", "example"},
    {"Example.COM", "Example.COM"},
    {"a b", "a AND b"},
    {"a AND b", "a AND b"},
    {"a and b", "a AND and AND b"},
    {"a OR b c", "a OR b AND c"},
    {"(a OR b) c", "(a OR b) AND c"},
    {"a OR (b OR (c))", "a OR b OR c"},
    {"a AND (b AND c) d", "a AND b AND c AND d"},
    {"((a))", "a"},
    {"(a)(b)", "a AND b"},
    {"NOT a", "NOT a"},
    {"NOT NOT a", "a"},
    {"NOT (a OR b)", "NOT (a OR b)"},
    {"NOT a b", "NOT a AND b"},
    {"a NOT b", "a AND NOT b"},
    {"\"NOT\"", "\"NOT\""},
    {"\"a b\"", "\"a b\""},
    {"\"a\"", "a"},
    {"\"a\\\"b\"", "\"a\\\"b\""},
    {"\"a\\\\b\"", "\"a\\\\b\""},
    {"\"a\\nb\"", "\"a\\\\nb\""},
    {"\"a*b\"", "\"a*b\""},
    {"a*b", "a*b"},
    {"a**b", "a*b"},
    {"a\\*b", "\"a*b\""},
    {"a\\ b*", "a\\ b*"},
    {"a\\(b\\)", "\"a(b)\""},
    {"C:\\\\Windows", "\"C:\\\\Windows\""},
    {"http://a.example/?q=1", "\"http://a.example/?q=1\""},
    {"10:30", "\"10:30\""},
    {">5", "\">5\""},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"../etc/passwd", "\"../etc/passwd\""},
    {"'; DROP TABLE conn; --", "'; AND DROP AND TABLE AND conn; AND --"},
    /* addresses as words */
    {"10.1.2.3", "10.1.2.3"},
    {"\"10.1.2.3\"", "\"10.1.2.3\""},
    {"10.0.0.0/8", "10.0.0.0/8"},
    {"fe80::1", "fe80::1"},
    {"fe80::/10", "fe80::/10"},
    {"::1", "::1"},
    {"00:16:3e:01:02:03", "00:16:3e:01:02:03"},
    {"aa:bb:cc:*", "aa\\:bb\\:cc\\:*"},
    {"10.1.*", "10.1.*"},
    /* names */
    {"id.orig_h:10.0.0.1", "id.orig_h:10.0.0.1"},
    {"id_orig_h:10.0.0.1", "id.orig_h:10.0.0.1"},
    {"ID_ORIG_H:10.0.0.1", "id.orig_h:10.0.0.1"},
    {"dns.query:a.example", "dns.query:a.example"},
    {"conn.id.orig_h:10.0.0.1", "conn.id.orig_h:10.0.0.1"},
    {"conn.id_orig_h:10.0.0.1", "conn.id.orig_h:10.0.0.1"},
    {"aa:true", "AA:true"},
    {"aa:*", "AA:*"},
    {"ttls:>1h", "TTLs:>1h"},
    {"certificate_key_alg:rsa*", "certificate.key_alg:rsa*"},
    {"kind:dns", "kind:dns"},
    {"kind:*", "*"},
    {"time:*", "*"},
    {"entity:d0123456789", "entity:d0123456789"},
    {"device:10.0.0.1", "device:10.0.0.1"},
    {"DEVICE:*", "device:*"},
    {"host:*.example.com", "host:*.example.com"},
    {"user:alice", "user:alice"},
    /* numbers */
    {"port:443", "port:443"},
    {"port:1..1023", "port:1..1023"},
    {"orig_bytes:>10MB", "orig_bytes:>10MB"},
    {"orig_bytes:>=1.5KiB", "orig_bytes:>=1.5KiB"},
    {"orig_bytes:<10k", "orig_bytes:<10k"},
    {"orig_bytes:<=9007199254740993", "orig_bytes:<=9007199254740993"},
    {"orig_bytes:\"5\"", "orig_bytes:5"},
    {"duration:>5s", "duration:>5s"},
    {"duration:1.5..2min", "duration:1.5..2min"},
    {"duration:>0.25ms", "duration:>0.25ms"},
    {"observed:>=-0.5", "observed:>=-0.5"},
    {"ts:>2026-01-31T14:00:00Z", "ts:>\"2026-01-31T14:00:00Z\""},
    {"ts:2026-01-31..2026-02-01", "ts:2026-01-31..2026-02-01"},
    {"ts:>2026-01-31T14:00", "ts:>\"2026-01-31T14:00\""},
    {"ts:<1588205199.824370", "ts:<1588205199.824370"},
    {"time:>=2026-01-31T14:00:00.5+01:00", "time:>=\"2026-01-31T14:00:00.5+01:00\""},
    {"local_orig:T", "local_orig:T"},
    {"local_orig:no", "local_orig:no"},
    /* addresses */
    {"ip:10.0.0.0/8", "ip:10.0.0.0/8"},
    {"ip:10.*", "ip:10.*"},
    {"ip:10.0.0.1..10.0.0.9", "ip:10.0.0.1..10.0.0.9"},
    {"ip:2001:db8::/32", "ip:\"2001:db8::/32\""},
    {"ip:2001:db8::1..2001:db8::ff", "ip:2001:db8::1..2001:db8::ff"},
    {"mac:00:16:3e:*", "mac:00\\:16\\:3e\\:*"},
    {"mac:00-16-3E-01-02-03", "mac:00-16-3E-01-02-03"},
    /* text */
    {"user_agent:\"Mozilla/5.0 (X11\"", "user_agent:\"Mozilla/5.0 (X11\""},
    {"server_name:*.evil.example", "server_name:*.evil.example"},
    {"uri:a..b", "uri:\"a..b\""},
    {"uri:*/../*", "uri:*/../*"},
    {"service:*", "service:*"},
    {"service:\"*\"", "service:\"*\""},
    {"service:\"\"", "service:\"\""},
    {"query:\\>5", "query:\">5\""},
    {"user_agent:\">5\"", "user_agent:\">5\""},
    {"version:2", "version:2"},
    {"version:>1", "version:>1"},
    {"answers:10.1.2.3", "answers:10.1.2.3"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(good); i++) {
        TH_AUTOBUF struct th_buf first = TH_BUF_INIT, second = TH_BUF_INIT;
        print(good[i].text, &first);
        th_buf_u8(&first, 0);
        assert_string_equal((const char *)first.p, good[i].canonical);
        print((const char *)first.p, &second);
        assert_view_is(th_buf_view(&second), (const char *)first.p);
    }
}

static const struct {
    const char *text;
    unsigned at;
    const char *part; /* of the sentence */
} bad[] = {
    {"(", 1, "A condition was expected at the end"},
    {"(a", 0, "closing parenthesis"},
    {"a)", 1, "opening parenthesis"},
    {"()", 1, "before this closing parenthesis"},
    {"a OR", 4, "at the end"},
    {"OR a", 0, "before OR"},
    {"a AND OR b", 6, "before OR"},
    {"a AND", 5, "at the end"},
    {"NOT", 3, "behind NOT"},
    {"NOT )", 4, "behind NOT"},
    {"\"a", 0, "closing quote"},
    {"service:\"a", 8, "closing quote"},
    {"\"a\"b", 3, "behind the closing quote"},
    {"\"\"", 0, "between the quotes"},
    {"service:", 8, "behind \"service:\""},
    {"orig_bytes:>", 12, "behind \"orig_bytes:\""},
    {"a servise:ssl", 2, "\"servise\" is no field"},
    {"dns.nothing:1", 0, "\"dns.nothing\" is no field"},
    {"nokind.query:1", 0, "is no field"},
    {"orig_bytes:many", 11, "takes a whole number"},
    {"orig_bytes:1.5", 11, "takes a whole number"},
    {"orig_bytes:5s", 11, "takes a whole number"},
    {"orig_bytes:>99999999999999999999", 12, "takes a whole number"},
    {"orig_bytes:1*", 11, "takes a whole number"},
    {"port:9..1", 5, "smaller end"},
    {"ip:10.0.0.9..10.0.0.1", 3, "smaller end"},
    {"duration:>10MB", 10, "takes a span of time"},
    {"ts:>yesterday", 4, "takes a time"},
    {"ts:>2026-13-01", 4, "takes a time"},
    {"local_orig:maybe", 11, "takes true or false"},
    {"local_orig:>true", 12, "has no order"},
    {"service:>ssl", 9, "has no order"},
    {"ip:>10.0.0.1", 4, "has no order"},
    {"ip:10.0.0.256", 3, "takes an address"},
    {"ip:10.0.0.0/33", 3, "takes an address"},
    {"ip:1*", 3, "takes an address"},
    {"ip:*.1", 3, "takes an address"},
    {"mac:00:16:3e", 4, "takes a MAC address"},
    {"kind:bogus", 5, "name of a kind"},
    {"kind:d*", 5, "name of a kind"},
    {"kind:\"\"", 5, "name of a kind"},
    {"*a*b*c*d*e*f*g*h*i*", 16, "wildcards"},
    {"a\x01", 1, "control characters"},
    {"a\x7f", 1, "control characters"},
    {"a\xff", 1, "UTF-8"},
    {"\xc0\xaf", 0, "UTF-8"},
    {"\xed\xa0\x80", 0, "UTF-8"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        struct th_query *q = NULL;
        struct th_query_error err;
        int r = th_query_parse(th_str_c(bad[i].text), &q, &err);
        if (r != TH_E_MALFORMED || err.at != bad[i].at || !strstr(err.text, bad[i].part))
            fail_msg("%s: %d at %u: %s", bad[i].text, r, err.at, err.text);
        assert_null(q);
        assert_int_equal(err.text[strlen(err.text) - 1], '.');
    }
}

/* text repeated `count` times between begin and end. */
static int parse_repeated(const char *begin, const char *text, unsigned count, const char *end,
    struct th_query_error *err)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_query *q TH_AUTOQUERY = NULL;
    th_buf_puts(&b, begin);
    for (unsigned i = 0; i < count; i++)
        th_buf_puts(&b, text);
    th_buf_puts(&b, end);
    return th_query_parse(th_buf_view(&b), &q, err);
}

static void test_limits(void **state)
{
    struct th_query_error err;
    (void)state;
    assert_int_equal(parse_repeated("", "a ", TH_QUERY_MAX_TERMS, "", &err), 0);
    assert_int_equal(parse_repeated("", "a ", TH_QUERY_MAX_TERMS + 1, "", &err), TH_E_LIMIT);
    assert_non_null(strstr(err.text, "128 conditions"));
    assert_int_equal(parse_repeated("", "NOT ", TH_QUERY_MAX_DEPTH, "a", &err), 0);
    assert_int_equal(parse_repeated("", "NOT ", TH_QUERY_MAX_DEPTH + 1, "a", &err), TH_E_LIMIT);
    assert_int_equal(parse_repeated("", "(", TH_QUERY_MAX_DEPTH + 1, "a", &err), TH_E_LIMIT);
    assert_int_equal(parse_repeated("", "(NOT ", TH_QUERY_MAX_DEPTH, "a", &err), TH_E_LIMIT);
    assert_int_equal(parse_repeated("", "a", TH_QUERY_MAX_TEXT, "", &err), 0);
    assert_int_equal(parse_repeated("", "a", TH_QUERY_MAX_TEXT + 1, "", &err), TH_E_LIMIT);
    assert_int_equal(err.at, TH_QUERY_MAX_TEXT);
    /* Depth is given back. */
    assert_int_equal(parse_repeated("", "(NOT a) ", 100, "", &err), 0);
}

#define K(KIND) (UINT64_C(1) << TH_KIND_##KIND)
#define ALL_KINDS UINT64_MAX /* those that there are */
static uint64_t all_kinds(void)
{
    uint64_t kinds = 0;
    TH_EACH_KIND (kind)
        kinds |= UINT64_C(1) << kind;
    return kinds;
}

static const struct {
    const char *text;
    uint64_t kinds;
} kinds[] = {
    {"", ALL_KINDS},
    {"word", ALL_KINDS},
    {"NOT *", 0},
    {"kind:dns", K(DNS)},
    {"NOT kind:dns", ALL_KINDS & ~K(DNS)},
    {"kind:dns kind:conn", 0},
    {"conn_state:SF", K(CONN)},
    {"NOT conn_state:SF", K(CONN)},
    {"conn_state:SF OR query:a", K(CONN) | K(DNS)},
    {"conn_state:SF query:a", 0},
    {"NOT (conn_state:SF OR query:a)", 0},
    {"NOT (conn_state:SF query:a)", K(CONN) | K(DNS)},
    {"version:>1", K(SSH) | K(NTP) | K(SOCKS) | K(LDAP)},
    {"version:2",
        K(SSH) | K(HTTP) | K(SSL) | K(QUIC) | K(NTP) | K(SNMP) | K(SOCKS) | K(MYSQL) | K(DB) |
            K(OVERLAY) | K(LDAP)},
    {"version:TLSv12", K(HTTP) | K(SSL) | K(QUIC) | K(SNMP) | K(MYSQL) | K(DB) | K(OVERLAY)},
    {"http.version:2", K(HTTP)},
    {"from:alice", K(SMTP) | K(MAIL)},
    {"mac:00:16:3e:01:02:03", K(CONN) | K(DHCP) | K(ARP) | K(LOG)},
    {"ip:10.0.0.1 kind:x509", K(X509)},
    {"ip:10.0.0.1 kind:metric", 0},
    {"device:d123 kind:metric", K(METRIC)},
    {"time:>2026-01-01", ALL_KINDS},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(kinds); i++) {
        struct th_query *q TH_AUTOQUERY = NULL;
        struct th_query_error err;
        assert_int_equal(th_query_parse(th_str_c(kinds[i].text), &q, &err), 0);
        if (th_query_kinds(q) != (kinds[i].kinds & all_kinds()))
            fail_msg("%s: %llx", kinds[i].text, (unsigned long long)th_query_kinds(q));
    }
}

static const struct th_query_term *term_of(struct th_query **q, const char *text)
{
    struct th_query_error err;
    assert_int_equal(th_query_parse(th_str_c(text), q, &err), 0);
    assert_int_equal(th_query_root(*q)->type, TH_QUERY_TERM);
    return &th_query_root(*q)->term;
}

static void test_values(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } numbers[] = {{"orig_bytes:10MB", 10000000}, {"orig_bytes:1KiB", 1024},
        {"orig_bytes:1.5k", 1500}, {"orig_bytes:0", 0}, {"port:443", 443},
        {"orig_bytes:9223372036854775807", INT64_MAX}};
    static const struct {
        const char *text;
        int64_t span_ns;
    } spans[] = {{"duration:5", 5 * TH_NS_PER_S}, {"duration:5ms", 5 * TH_NS_PER_MS},
        {"duration:1.5s", 1500 * TH_NS_PER_MS}, {"duration:2min", 2 * TH_NS_PER_MIN},
        {"duration:2m", 2 * TH_NS_PER_MIN}, {"duration:1d", TH_NS_PER_DAY}, {"duration:7us", 7000},
        {"duration:7ns", 7}};
    struct th_query *q = NULL;
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(numbers); i++) {
        assert_int_equal(term_of(&q, numbers[i].text)->a.number, numbers[i].value);
        th_query_freep(&q);
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(spans); i++) {
        assert_int_equal(term_of(&q, spans[i].text)->a.span_ns, spans[i].span_ns);
        th_query_freep(&q);
    }
    const struct th_query_term *t = term_of(&q, "ip:10.1.128.0/17");
    char low[TH_ADDR_TEXT_LEN], high[TH_ADDR_TEXT_LEN];
    th_addr_format(&t->a.net_low, low);
    th_addr_format(&t->a.net_high, high);
    assert_string_equal(low, "10.1.128.0");
    assert_string_equal(high, "10.1.255.255");
    th_query_freep(&q);
    t = term_of(&q, "ip:0.0.0.0/0");
    assert_true(th_addr_is_v4(&t->a.net_low) && th_addr_is_v4(&t->a.net_high));
    th_query_freep(&q);
    t = term_of(&q, "time:2026-01-02");
    assert_int_equal(t->a.instant_ns, INT64_C(1767312000) * TH_NS_PER_S);
    th_query_free(q);
}

static void test_restrict(void **state)
{
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    struct th_subnet net;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_str entity = th_str_c("d0123456789");
    (void)state;
    assert_true(th_subnet_parse(th_str_c("10.0.0.0/8"), &net));
    assert_int_equal(th_query_parse(th_str_c("a OR b"), &q, &err), 0);
    struct th_query_scope scope = {
        .nets = &net, .net_count = 1, .entities = &entity, .entity_count = 1};
    assert_int_equal(th_query_restrict(q, &scope), 0);
    const struct th_query_node *root = th_query_root(q);
    assert_int_equal(root->type, TH_QUERY_AND);
    assert_int_equal(root->child->type, TH_QUERY_OR);
    assert_int_equal(root->child->child->term.name, TH_QUERY_IP);
    assert_int_equal(root->child->child->next->term.name, TH_QUERY_DEVICE);
    assert_null(root->child->child->next->next);
    assert_int_equal(root->child->next->type, TH_QUERY_OR);
    assert_null(root->child->next->next);
    /* What was asked is what is shown. */
    th_query_print(q, &text);
    assert_view_is(th_buf_view(&text), "a OR b");
}

static void test_restrict_to_nothing(void **state)
{
    struct th_query *q TH_AUTOQUERY = NULL;
    struct th_query_error err;
    struct th_query_scope scope = {0};
    (void)state;
    assert_int_equal(th_query_parse(th_str_c("*"), &q, &err), 0);
    assert_int_equal(th_query_restrict(q, &scope), 0);
    assert_int_equal(th_query_kinds(q), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_restrict),
        cmocka_unit_test(test_restrict_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
