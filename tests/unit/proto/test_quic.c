/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly by offset, and what QUIC and DTLS must survive; whole handshakes are in
 * tests/golden/proto/quic.pcap and dtls.pcap. */
#include "unit.h"

#include "feed.h"
#include "pieces.h"

static void test_pieces_in_any_order(void **state)
{
    (void)state;
    struct th_pieces m = {0};
    assert_true(th_pieces_put(&m, 6, "ghij", 4, 100));
    assert_int_equal(th_pieces_ready(&m), 0);
    assert_true(th_pieces_put(&m, 2, "cdXX", 2, 100));
    assert_true(th_pieces_put(&m, 0, "ab", 2, 100));
    assert_int_equal(th_pieces_ready(&m), 4);
    /* Overlaps both: only the hole is filled. */
    assert_true(th_pieces_put(&m, 1, "XXXefXXXX", 9, 100));
    assert_int_equal(th_pieces_ready(&m), 10);
    assert_int_equal(m.count, 1);
    assert_memory_equal(m.p, "abcdefghij", 10);
    assert_true(th_pieces_put(&m, 3, "", 0, 100));
    assert_true(th_pieces_put(&m, 0, "XXXXXXXXXXXX", 12, 100));
    assert_memory_equal(m.p, "abcdefghijXX", 12);
    th_pieces_done(&m);
}

static void test_pieces_have_limits(void **state)
{
    (void)state;
    struct th_pieces m = {0};
    assert_false(th_pieces_put(&m, 99, "ab", 2, 100));
    assert_false(th_pieces_put(&m, UINT64_MAX, "ab", 2, 100));
    assert_null(m.p);
    for (unsigned i = 0; i < TH_PIECES_MAX; i++)
        assert_true(th_pieces_put(&m, 2 + 3 * (uint64_t)i, "a", 1, 1000));
    assert_false(th_pieces_put(&m, 900, "a", 1, 1000));
    assert_true(th_pieces_put(&m, 3, "b", 1, 1000));
    assert_int_equal(m.count, TH_PIECES_MAX);
    th_pieces_done(&m);
}

/* Any version that is known by name, headers that lie about lengths, coalesced garbage. */
static void test_quic_headers_that_lie(void **state)
{
    (void)state;
    uint8_t p[64] = {0xc0, 0, 0, 0, 1, 20};
    for (unsigned i = 0; i < 256; i++) {
        struct feed f;
        feed_init(&f, FEED_UDP, 40000, 443);
        p[5] = 8;
        p[14] = (uint8_t)i; /* length of the source's id, then of the token, then of the packet */
        p[15] = (uint8_t)(255 - i);
        p[16] = (uint8_t)i;
        for (size_t len = 1; len <= sizeof(p); len += 7)
            feed_data(&f, 0, p, len);
        feed_data(&f, 0, p, sizeof(p));
        feed_end(&f);
        assert_string_equal(f.services, "quic");
        assert_true(f.events == 0 || feed_has(&f, "quic", 0, "\"opened\":false"));
        assert_in_range(f.events, 0, 1);
        feed_done(&f);
    }
}

/* A version that is no text is told as a number. */
static void test_quic_version_of_no_text(void **state)
{
    (void)state;
    uint8_t p[64] = {0xc0, 'Q', '0', '4', 0xff, 8};
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 443);
    feed_data(&f, 0, p, sizeof(p));
    feed_end(&f);
    assert_true(feed_has(&f, "quic", 0, "\"version\":\"0x513034ff\""));
    feed_done(&f);
    p[4] = '3';
    feed_init(&f, FEED_UDP, 40000, 443);
    feed_data(&f, 0, p, sizeof(p));
    feed_end(&f);
    assert_true(feed_has(&f, "quic", 0, "\"version\":\"Q043\""));
    feed_done(&f);
}

static void test_quic_stops_listening(void **state)
{
    (void)state;
    uint8_t p[64] = {0xc0, 0, 0, 0, 1, 8};
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 443);
    for (unsigned i = 0; i < 30; i++)
        feed_data(&f, 0, p, sizeof(p));
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    assert_int_equal(f.events, 1);
    feed_done(&f);
}

/* A record of one handshake fragment: message number, whole length, offset and length of the part.
 */
static size_t dtls(uint8_t *p, uint8_t type, uint8_t seq, uint32_t whole, uint32_t at, uint8_t len)
{
    const uint8_t head[25] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(12 + len), type,
        (uint8_t)(whole >> 16), (uint8_t)(whole >> 8), (uint8_t)whole, 0, seq, (uint8_t)(at >> 16),
        (uint8_t)(at >> 8), (uint8_t)at, 0, 0, len};
    memcpy(p, head, sizeof(head));
    memset(p + sizeof(head), 0, len);
    return sizeof(head) + len;
}

static void test_dtls_fragments_that_lie(void **state)
{
    (void)state;
    uint8_t p[300];
    struct feed f;
    feed_init(&f, FEED_UDP, 40000, 4433);
    feed_data(&f, 0, p, dtls(p, 1, 0, 200, 0, 100));
    feed_data(&f, 0, p, dtls(p, 1, 0, 100, 0, 100)); /* another length than it said */
    feed_data(&f, 0, p, dtls(p, 2, 0, 200, 100, 100));
    assert_false(f.flow.skip_data[0]);
    feed_data(&f, 0, p, dtls(p, 1, 0, 200, 150, 100)); /* past its end */
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    assert_int_equal(f.events, 0);
    feed_done(&f);
    feed_init(&f, FEED_UDP, 40000, 4433);
    feed_data(&f, 0, p, dtls(p, 1, 0, 0xffffff, 0, 10)); /* sixteen megabytes */
    assert_true(f.flow.skip_data[0]);
    feed_end(&f);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_in_any_order),
        cmocka_unit_test(test_pieces_have_limits),
        cmocka_unit_test(test_quic_headers_that_lie),
        cmocka_unit_test(test_quic_version_of_no_text),
        cmocka_unit_test(test_quic_stops_listening),
        cmocka_unit_test(test_dtls_fragments_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
