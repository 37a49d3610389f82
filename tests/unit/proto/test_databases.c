/* SPDX-License-Identifier: Apache-2.0 */
/* What databases tell and what never comes out; whole exchanges are in tests/golden/databases.pcap.
 */
#include "unit.h"

#include "feed.h"
#include "login.h"
#include "mask.h"

#define DATA(text) (const uint8_t *)(text), sizeof(text) - 1
#define HELLO                                                                                      \
    "\x16\3\1\0\x2f\1\0\0\x2b\3\3"                                                                 \
    "0123456789abcdef0123456789abcdef"                                                             \
    "\0\0\4\x13\1\xc0\x2f\1\0"
/* SSLRequest, and StartupMessage of user u. */
#define PG_SSL "\0\0\0\x08\4\xd2\x16\x2f"
#define PG_START "\0\0\0\x10\0\3\0\0user\0u\0\0"

static const struct {
    const char *sql, *masked;
} statements[] = {
    {"SELECT 1", "SELECT ?"},
    {"SELECT a1, b_2 FROM t3 WHERE x=1.5e3", "SELECT a1, b_2 FROM t3 WHERE x=?"},
    {"SET PASSWORD = 'hunter2'", "SET PASSWORD = ?"},
    {"a = 'it''s' AND b = \"two\"\"\"", "a = ? AND b = ?"},
    {"a\t\n = \r\n 'x'  ;", "a = ? ;"},
    /* A backslash before a quote: an escape for one server, the end for the next. */
    {"a = 'x\\' OR b = 'secret'", "a = ?"},
    {"a = 'x", "a = ?"},
    {"/* it is */ SELECT 2 -- why\n, b", "SELECT ? , b"},
    {"a /* it's */ = 'secret'", "a"},
    {"a -- it's\n = 'secret'", "a"},
    {"`a b`, [c d] = 'x'", "`a b`, [c d] = ?"},
    {"`it's` = 'secret'", ""},
    {"[it's] = 'secret'", ""},
    {"DO $x$ it's secret $x$ LIMIT 3", "DO ? LIMIT ?"},
    {"DO $x$ it's secret", "DO ?"},
    {"E'a' N'b' x'00'", "E? N? x?"},
};

static void test_masked_statements(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    for (size_t i = 0; i < TH_ARRAY_LEN(statements); i++)
        assert_view_is(th_mask_sql(&a, th_str_c(statements[i].sql), false), statements[i].masked);
    assert_view_is(th_mask_sql(&a, th_str_c("a # b\n c"), true), "a c");
    assert_view_is(th_mask_sql(&a, th_str_c("#tmp = 'x'"), false), "#tmp = ?");
    assert_view_is(th_mask_sql(&a, th_str_c(""), true), "");
    char big[2000];
    memset(big, 'a', sizeof(big));
    assert_int_equal(th_mask_sql(&a, th_str_n(big, sizeof(big)), true).len, TH_MASK_MAX_BYTES);
}

static void test_masked_keys(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_view_is(th_mask_key(&a, th_str_c("user:42:name")), "user:?:name");
    assert_view_is(th_mask_key(&a, th_str_c("sess:9f86d081884c7d65")), "sess:?");
    assert_view_is(th_mask_key(&a, th_str_c("configuration")), "configuration");
    assert_view_is(th_mask_key(&a, th_str_c("")), "");
}

/* After the server's S the client's hello is TLS; after N the session goes on in clear. */
static void test_postgresql_goes_on_as_tls(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 5432);
    feed_data(&f, 0, DATA(PG_SSL));
    feed_data(&f, 1, DATA("S"));
    feed_data(&f, 0, DATA(HELLO));
    feed_end(&f);
    assert_string_equal(f.services, "postgresql,ssl");
    assert_true(feed_has(&f, "postgresql", 0, "\"tls\":true"));
    feed_done(&f);
    feed_init(&f, FEED_TCP, 40000, 5432);
    feed_data(&f, 0, DATA(PG_SSL));
    feed_data(&f, 1, DATA("N"));
    feed_data(&f, 0, DATA(PG_START));
    feed_data(&f, 1,
        DATA("E\0\0\0\x11"
             "C28P01\0M'x'\0\0"));
    feed_end(&f);
    assert_true(feed_has(&f, "postgresql", 0, "\"user\":\"u\""));
    assert_true(feed_has(&f, "postgresql", 0, "\"backend_arg\":\"28P01 ?\""));
    assert_true(feed_has(&f, "login", 0, "\"user\":\"u\",\"success\":false"));
    feed_done(&f);
}

/* The login of MySQL that only asks for TLS, with the hello in the same segment. */
static void test_mysql_goes_on_as_tls(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 3306);
    feed_data(&f, 1,
        DATA("\x1e\0\0\0\x0a"
             "8.0\0....12345678\0\xff\xff\x21\2\0\xff\xff\0\0\0\0\0"));
    feed_data(&f, 0,
        DATA("\x20\0\0\1\0\x0a\0\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
             "\0" HELLO));
    feed_end(&f);
    assert_string_equal(f.services, "mysql,ssl");
    assert_true(feed_has(&f, "mysql", 0, "\"tls\":true"));
    feed_done(&f);
}

/* A value of many segments, a gap in it, then the next command. */
static void test_redis_large_value(void **state)
{
    (void)state;
    static uint8_t value[9000];
    struct feed f;
    memset(value, '*', sizeof(value));
    feed_init(&f, FEED_TCP, 40000, 6379);
    feed_data(&f, 0, DATA("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n"));
    feed_data(&f, 0, value, sizeof(value));
    feed_gap(&f, 0, 2000);
    feed_data(&f, 0, value, sizeof(value));
    feed_data(&f, 0, DATA("\r\n"));
    feed_data(&f, 1, DATA("+OK\r\n"));
    feed_data(&f, 0, DATA("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    feed_data(&f, 1, DATA("-ERR no such secret\r\n"));
    feed_end(&f);
    assert_true(
        feed_has(&f, "redis", 0, "\"cmd.name\":\"SET\",\"cmd.key\":\"k\",\"success\":true"));
    assert_true(feed_has(&f, "redis", 1, "\"success\":false,\"error\":\"ERR\""));
    feed_done(&f);
}

static unsigned count(const struct feed *f, const char *kind)
{
    unsigned n = 0;
    while (feed_event(f, kind, n).len)
        n++;
    return n;
}

/* Who guesses passwords in one connection makes no events without end. */
static void test_redis_logins(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 6379);
    feed_data(&f, 0, DATA("AUTH ann hunter22\r\n"));
    feed_data(&f, 1, DATA("-WRONGPASS x\r\n"));
    feed_data(&f, 0, DATA("AUTH hunter22\r\nGET a\r\n"));
    feed_data(&f, 1, DATA("+OK\r\n$-1\r\n"));
    for (unsigned i = 0; i < TH_LOGIN_MAX; i++)
        feed_data(&f, 0, DATA("AUTH bob hunter22\r\n"));
    feed_end(&f);
    assert_true(feed_has(&f, "login", 0, "\"user\":\"ann\",\"method\":\"AUTH\""));
    assert_true(feed_has(&f, "login", 0, "\"success\":false,\"cleartext\":true"));
    assert_false(feed_has(&f, "login", 1, "\"user\":"));
    assert_false(feed_has(&f, "login", 1, "\"success\":"));
    assert_int_equal(count(&f, "login"), TH_LOGIN_MAX);
    assert_null(memmem(f.lines.p, f.lines.len, "hunter22", 8));
    feed_done(&f);
}

/* A flood of commands that are all different, four bytes each: told up to a limit, and said so. */
static void test_redis_flood(void **state)
{
    (void)state;
    struct feed f;
    static char block[4 * 26 * 26 * 26];
    size_t n = 0;
    for (int i = 'a'; i <= 'z'; i++)
        for (int j = 'a'; j <= 'z'; j++)
            for (int k = 'a'; k <= 'z'; k++) {
                const char line[] = {(char)i, (char)j, (char)k, '\n'};
                memcpy(block + n, line, sizeof(line));
                n += sizeof(line);
            }
    feed_init(&f, FEED_TCP, 40000, 6379);
    feed_pieces(&f, 0, block, n, n / 2);
    feed_end(&f);
    assert_int_equal(f.events, TH_REPEAT_MAX);
    assert_string_equal(f.weird, "transactions_left_out");
    assert_int_equal(f.weirds, 1);
    feed_done(&f);
}

/* The server asks for the password as it is, after another method was begun. */
static void test_mysql_switches_to_clear(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 3306);
    feed_data(&f, 1,
        DATA("\x1e\0\0\0\x0a"
             "8.0\0....12345678\0\xff\xff\x21\2\0\xff\xff\0\0\0\0\0"));
    feed_data(&f, 0,
        DATA("\x3b\0\0\1\0\x82\x08\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
             "\0bob\0\0mysql_native_password\0"));
    feed_data(&f, 1, DATA("\x16\0\0\2\xfemysql_clear_password\0"));
    feed_data(&f, 0, DATA("\x09\0\0\3hunter22\0"));
    feed_data(&f, 1, DATA("\7\0\0\4\0\0\0\2\0\0\0"));
    feed_end(&f);
    assert_true(feed_has(&f, "login", 0, "\"user\":\"bob\",\"method\":\"MYSQL_CLEAR_PASSWORD\""));
    assert_true(feed_has(&f, "login", 0, "\"success\":true,\"cleartext\":true"));
    assert_null(memmem(f.lines.p, f.lines.len, "hunter22", 8));
    feed_done(&f);
}

static void mongo_message(
    struct feed *f, int dir, uint8_t id, uint8_t answers, const uint8_t *members, size_t n)
{
    uint8_t m[256] = {[4] = id, [8] = answers, [12] = 0xdd, [13] = 7};
    m[0] = (uint8_t)(26 + n);
    m[21] = (uint8_t)(5 + n);
    memcpy(m + 25, members, n);
    feed_data(f, dir, m, 26 + n);
}

/* Whichever comes first, the mechanism or what belongs to it: the password does not come out. */
static void test_mongodb_plain_logins(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 27017);
    mongo_message(&f, 0, 1, 0,
        DATA("\x10saslStart\0\1\0\0\0\5payload\0\x10\0\0\0\0\0bob\0xn=hunter22"
             "\2mechanism\0\6\0\0\0PLAIN\0"));
    mongo_message(&f, 1, 9, 1, DATA("\1ok\0\0\0\0\0\0\0\0\0"));
    mongo_message(&f, 0, 2, 0,
        DATA("\x10saslStart\0\1\0\0\0\2mechanism\0\6\0\0\0PLAIN\0"
             "\5payload\0\x10\0\0\0\0\0bob\0xn=hunter22"));
    mongo_message(&f, 1, 9, 2,
        DATA("\1ok\0\0\0\0\0\0\0\xf0\x3f\x08"
             "done\0\1"));
    feed_end(&f);
    assert_true(feed_has(&f, "login", 0, "\"method\":\"PLAIN\",\"success\":false"));
    assert_false(feed_has(&f, "login", 0, "\"user\":"));
    assert_true(feed_has(&f, "login", 1, "\"user\":\"bob\",\"method\":\"PLAIN\""));
    assert_true(feed_has(&f, "login", 1, "\"success\":true,\"cleartext\":true"));
    assert_null(memmem(f.lines.p, f.lines.len, "hunter22", 8));
    feed_done(&f);
}

/* BSON with lengths that lie, and a document without end. */
static void test_mongodb_lengths_that_lie(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 27017);
    feed_data(&f, 0,
        DATA("\x27\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0"
             "\xff\xff\xff\x7f\2find\0\xff\xff\xff\xff"
             "abcd"));
    feed_end(&f);
    assert_string_equal(f.services, "mongodb");
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masked_statements),
        cmocka_unit_test(test_masked_keys),
        cmocka_unit_test(test_postgresql_goes_on_as_tls),
        cmocka_unit_test(test_mysql_goes_on_as_tls),
        cmocka_unit_test(test_redis_large_value),
        cmocka_unit_test(test_redis_logins),
        cmocka_unit_test(test_redis_flood),
        cmocka_unit_test(test_mysql_switches_to_clear),
        cmocka_unit_test(test_mongodb_plain_logins),
        cmocka_unit_test(test_mongodb_lengths_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
