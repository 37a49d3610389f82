/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of LDAP and operations that wait; whole exchanges are in
 * tests/golden/proto/services.pcap. */
#include "unit.h"

#include "feed.h"
#include "ldap_ops.h"

#define DATA(text) (text), sizeof(text) - 1

static struct th_str filter(struct th_arena *a, const char *p, size_t len)
{
    return th_ldap_filter(a, th_cur_init(p, len));
}

static void test_filters(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_view_is(filter(&a, DATA("\x87\3uid")), "(uid=*)");
    assert_view_is(filter(&a, DATA("\xa3\x08\4\2cn\4\2ab")), "(cn=?)");
    assert_view_is(filter(&a, DATA("\xa3\x10\4\nadminCount\4\0021)")), "(adminCount=1\\29)");
    assert_view_is(filter(&a, DATA("\xa5\7\4\1x\4\2ab")), "(x>=?)");
    assert_view_is(filter(&a, DATA("\xa4\x0c\4\2cn\x30\6\x80\1a\x82\1b")), "(cn=?*?)");
    assert_view_is(filter(&a, DATA("\xa4\x09\4\2cn\x30\3\x81\1a")), "(cn=*?*)");
    assert_view_is(filter(&a, DATA("\xa2\5\x87\3uid")), "(!(uid=*))");
    assert_view_is(filter(&a, DATA("\xa1\n\x87\3uid\x87\3sid")), "(|(uid=*)(sid=*))");
    /* All accounts that need no pre-authentication. */
    assert_view_is(filter(&a,
                       DATA("\xa9\x35\x81\x17"
                            "1.2.840.113556.1.4.803x\x82\x12userAccountControl\x83\6"
                            "419430")),
        "(userAccountControl:1.2.840.113556.1.4.803x:=419430)");
    assert_view_is(filter(&a, DATA("")), "");
}

static void test_filter_cut_and_deep(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    static const char good[] = "\xa1\x12\xa3\x06\4\1a\4\1b\xa4\x08\4\1c\x30\3\x81\1z";
    for (size_t n = 0; n < sizeof(good); n++) {
        char *copy TH_AUTOFREE = th_xmalloc(n + 1);
        memcpy(copy, good, n);
        assert_in_range(filter(&a, copy, n).len, 0, 40);
    }
    /* A hundred negations, each inside of the one before. */
    uint8_t deep[200];
    for (unsigned i = 0; i < 100; i++) {
        deep[2 * i] = 0xa2;
        deep[2 * i + 1] = (uint8_t)(i < 36 ? 0x81 : 198 - 2 * i);
    }
    assert_in_range(filter(&a, (const char *)deep, sizeof(deep)).len, 0, 255);
    for (unsigned i = 0; i < 60; i++) {
        deep[2 * i] = 0xa2;
        deep[2 * i + 1] = (uint8_t)(118 - 2 * i);
    }
    assert_int_equal(filter(&a, (const char *)deep, 120).len, 16 * 3);
    /* Many small ones: the text has an end. */
    static char wide[3 + 1000] = "\xa0\x82\x03";
    wide[3] = (char)0xe4;
    for (unsigned i = 0; i + 4 < 1000; i += 4)
        memcpy(wide + 4 + i, "\x87\2ab", 4);
    assert_int_equal(filter(&a, wide, sizeof(wide)).len, 255);
}

/* Searches that nobody answers come out, the oldest as soon as there are too many. */
static void test_pending(void **state)
{
    (void)state;
    struct feed f;
    uint8_t m[] = {0x30, 31, 2, 1, 0, 0x63, 26, 4, 4, 'd', 'c', '=', 'a', 10, 1, 2, 10, 1, 0, 2, 1,
        0, 2, 1, 0, 1, 1, 0, 0x87, 1, 'x', 0x30, 0};
    feed_init(&f, FEED_TCP, 40000, 389);
    for (unsigned i = 1; i <= 20; i++) {
        m[4] = (uint8_t)i;
        m[12] = (uint8_t)('a' + i);
        feed_data(&f, 0, m, sizeof(m));
    }
    assert_int_equal(f.events, 4);
    assert_true(f.pr.held_bytes > TH_LDAP_PENDING_MAX * sizeof(struct th_ldap_op));
    feed_end(&f);
    assert_int_equal(f.events, 20);
    assert_true(feed_has(&f, "ldap_search", 0, "\"base_object\":\"dc=b\""));
    assert_true(feed_has(&f, "ldap_search", 0, "\"filter\":\"(x=*)\""));
    feed_done(&f);
}

/* Two answers of CLDAP in one datagram. */
static void test_datagram_with_two(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 389);
    feed_data(&f, 0, DATA("\x30\x1b\2\1\1\x63\x16\4\0\n\1\0\n\1\0\2\1\0\2\1\0\1\1\0\x87\1x\x30\0"));
    feed_data(&f, 1, DATA("\x30\x09\2\1\1\x64\4\4\0\x30\0\x30\x0c\2\1\1\x65\7\n\1\0\4\0\4\0"));
    feed_end(&f);
    assert_true(feed_has(&f, "ldap_search", 0, "\"result_count\":1"));
    assert_true(feed_has(&f, "ldap_search", 0, "\"result\":\"success\""));
    assert_string_equal(f.services, "ldap_udp");
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_filter_cut_and_deep),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_datagram_with_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
