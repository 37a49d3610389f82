/* SPDX-License-Identifier: Apache-2.0 */
/* Industrial protocols and what they share; whole exchanges are in tests/golden/industrial.pcap. */
#include "unit.h"

#include "feed.h"
#include "framing.h"

#define DATA(text) (const uint8_t *)(text), sizeof(text) - 1

static void test_repeats_are_told_each_minute(void **state)
{
    (void)state;
    static struct th_repeat r;
    int64_t now_ns = FEED_EPOCH_NS;
    uint64_t key = th_repeat_key(1, th_str_c("poll"));
    assert_int_equal(th_repeat_due(NULL, &r, key, now_ns), 1);
    for (unsigned i = 1; i < 60; i++)
        assert_int_equal(th_repeat_due(NULL, &r, key, now_ns + i * TH_NS_PER_S), 0);
    assert_int_equal(th_repeat_due(NULL, &r, key, now_ns + 60 * TH_NS_PER_S), 60);
    assert_int_equal(th_repeat_due(NULL, &r, key, now_ns + 61 * TH_NS_PER_S), 0);
    /* More than there is room for: told anew, never wrongly counted. */
    for (uint64_t k = 2; k < 2 + TH_REPEAT_SLOTS; k++)
        assert_int_equal(th_repeat_due(NULL, &r, k, now_ns + 62 * TH_NS_PER_S), 1);
    assert_int_equal(th_repeat_due(NULL, &r, key, now_ns + 63 * TH_NS_PER_S), 1);
}

static void test_words_are_cut(void **state)
{
    (void)state;
    struct th_text w;
    char text[300];
    memset(text, 'a', sizeof(text));
    th_text_set_field(&w, th_str_n(text, sizeof(text)));
    assert_int_equal(th_text_get(&w).len, TH_TEXT_MAX);
    th_text_set_field(&w, th_str_n("ab\0cd", 5));
    assert_view_is(th_text_get(&w), "ab");
    th_text_set_field(&w, th_str_c(""));
    assert_view_is(th_text_get(&w), "");
}

/* A poll in pieces of one byte, then the same again: one event. */
static void test_modbus_in_pieces(void **state)
{
    (void)state;
    static const uint8_t ask[] = {0, 1, 0, 0, 0, 6, 17, 4, 0, 8, 0, 2};
    static const uint8_t answer[] = {0, 1, 0, 0, 0, 7, 17, 4, 4, 0, 1, 0, 2};
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 502);
    for (int i = 0; i < 3; i++) {
        feed_pieces(&f, 0, ask, sizeof(ask), 5);
        feed_pieces(&f, 1, answer, sizeof(answer), 4);
    }
    feed_end(&f);
    assert_int_equal(f.events, 1);
    assert_string_equal(f.services, "modbus");
    assert_true(feed_has(&f, "modbus", 0, "\"func\":\"READ_INPUT_REGISTERS\""));
    assert_true(feed_has(&f, "modbus", 0, "\"address\":8,\"quantity\":2"));
    feed_done(&f);
}

static void test_modbus_unanswered(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 502);
    for (uint8_t i = 0; i < 40; i++) {
        const uint8_t write[] = {0, i, 0, 0, 0, 6, 1, 6, 0, i, 0xff, 0xff};
        feed_data(&f, 0, write, sizeof(write));
    }
    feed_end(&f);
    assert_int_equal(f.events, 40);
    assert_true(feed_has(&f, "modbus", 39, "\"pdu_type\":\"REQ\""));
    feed_done(&f);
}

/* Who tries out functions begins with those that do not exist. */
static void test_modbus_function_scan(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 502);
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t ask[] = {0, 0, 0, 0, 0, 6, 1, (uint8_t)i, 0, 0, 0, 0};
        const uint8_t no[] = {0, 0, 0, 0, 0, 3, 1, (uint8_t)(i | 0x80), 1};
        feed_data(&f, 0, ask, sizeof(ask));
        feed_data(&f, 1, no, sizeof(no));
    }
    feed_end(&f);
    assert_true(feed_has(&f, "modbus", 0,
        "\"func\":\"0x00\",\"pdu_type\":\"RESP\",\"exception\":\"ILLEGAL_FUNCTION\""));
    assert_true(f.events >= 128);
    feed_done(&f);
}

static void test_dnp3_wants_its_checksum(void **state)
{
    (void)state;
    static const uint8_t good[] = {5, 0x64, 5, 0xc0, 1, 0, 0, 4, 0xe9, 0x21};
    struct feed f;
    for (size_t i = 0; i < sizeof(good); i++) {
        uint8_t bad[sizeof(good)];
        memcpy(bad, good, sizeof(good));
        bad[i] ^= 0x10;
        feed_init(&f, FEED_TCP, 40000, 20000);
        feed_data(&f, 0, bad, sizeof(bad));
        feed_end(&f);
        assert_string_equal(f.services, "");
        feed_done(&f);
    }
    feed_init(&f, FEED_TCP, 40000, 20000);
    feed_data(&f, 0, good, sizeof(good));
    feed_end(&f);
    assert_string_equal(f.services, "dnp3_tcp");
    feed_done(&f);
}

/* ISO on port 102 that is not S7 (IEC 61850's MMS begins like this) is left alone. */
static void test_s7_is_not_all_of_port_102(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 102);
    feed_data(&f, 0, DATA("\3\0\0\x0b\6\xe0\0\0\0\1\0"));
    feed_data(&f, 1, DATA("\3\0\0\x0b\6\xd0\0\1\0\2\0"));
    feed_data(&f, 0, DATA("\3\0\0\x0b\2\xf0\x80\x0d\2\5\6"));
    feed_end(&f);
    assert_int_equal(f.events, 0);
    assert_string_equal(f.services, "");
    feed_done(&f);
}

/* Lengths that lie: items that claim more than the message has. */
static void test_lengths_that_lie(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 102);
    feed_data(&f, 0,
        DATA("\3\0\0\x15\2\xf0\x80\x32\1\0\0\0\7\xff\xff\0\0"
             "\4\xff\x12\xff"));
    feed_end(&f);
    assert_true(feed_has(&f, "s7comm", 0, "\"function_name\":\"Read Variable\""));
    feed_done(&f);
    feed_init(&f, FEED_TCP, 40000, 44818);
    feed_data(&f, 0,
        DATA("\x6f\0\x0c\0\1\0\0\0\0\0\0\0........\0\0\0\0"
             "\0\0\0\0\0\0\xff\xff\xb2\0\xff\xff"));
    feed_end(&f);
    assert_string_equal(f.services, "enip");
    feed_done(&f);
    feed_init(&f, FEED_UDP, 40000, 47808);
    feed_data(&f, 0, DATA("\x81\x0a\0\x0d\1\x20\xff\xff\xff\0\5\1\x0c"));
    feed_end(&f);
    assert_string_equal(f.services, "bacnet");
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats_are_told_each_minute),
        cmocka_unit_test(test_words_are_cut),
        cmocka_unit_test(test_modbus_in_pieces),
        cmocka_unit_test(test_modbus_unanswered),
        cmocka_unit_test(test_modbus_function_scan),
        cmocka_unit_test(test_dnp3_wants_its_checksum),
        cmocka_unit_test(test_s7_is_not_all_of_port_102),
        cmocka_unit_test(test_lengths_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
