/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "base/time.h"
#include "link/packets.h"

#define FROM "\"from\":\"2026-11-30T10:00:00Z\""
#define TO "\"to\":\"2026-11-30T10:05:00Z\""

static int read_text(const char *json, struct th_packets_request *r)
{
    const char *why;
    int ret = th_packets_request_read(th_str_c(json), r, &why);
    assert_true((ret == 0) == (why == NULL));
    return ret;
}

static struct th_addr addr(const char *text)
{
    struct th_addr a;
    assert_true(th_addr_parse(th_str_c(text), &a));
    return a;
}

static void there_and_back(void **state)
{
    (void)state;
    struct th_packets_request r = {0}, again = {0};
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    assert_int_equal(
        read_text("{\"host\":\"10.0.0.1\",\"peer\":\"2001:db8::7\",\"port\":443,\"peer_port\":5,"
                  "\"proto\":6," FROM "," TO ",\"limit_bytes\":77}",
            &r),
        0);
    assert_true(r.has_peer);
    assert_int_equal(r.port, 443);
    assert_int_equal(r.to_ns - r.from_ns, 5 * TH_NS_PER_MIN);
    th_packets_request_put(&out, &r);
    const char *why;
    assert_int_equal(
        th_packets_request_read(th_str_n((const char *)out.p, (uint32_t)out.len), &again, &why), 0);
    assert_memory_equal(&r, &again, sizeof(r));
    assert_int_equal(read_text("{\"host\":\"10.0.0.1\"," FROM "," TO "}", &r), 0);
    assert_int_equal(r.limit_bytes, TH_PACKETS_DEFAULT_BYTES);
}

static void ends_within_a_microsecond_go_outwards(void **state)
{
    (void)state;
    struct th_packets_request r;
    assert_int_equal(read_text("{\"host\":\"10.0.0.1\",\"from\":\"1970-01-01T00:00:01.0000015Z\","
                               "\"to\":\"1970-01-01T00:00:02.5222222222Z\"}",
                         &r),
        0);
    assert_int_equal(r.from_ns, 1000001000);
    assert_int_equal(r.to_ns, 2522223000);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "[]", "{}", "{\"host\":\"x\"," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\"," FROM "}", "{\"host\":\"10.0.0.1\",\"peer\":7," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\",\"port\":65536," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\",\"proto\":-1," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\",\"limit_bytes\":0," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\",\"limit_bytes\":1073741825," FROM "," TO "}",
        "{\"host\":\"10.0.0.1\",\"from\":\"2026-11-30T10:05:01Z\"," TO "}"};
    struct th_packets_request r;
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(read_text(bad[i], &r), TH_E_MALFORMED);
}

static void which_packets(void **state)
{
    (void)state;
    struct th_packets_request r = {.host = addr("10.0.0.1"), .port = 443};
    struct th_addr a = addr("10.0.0.1"), b = addr("10.0.0.2"), c = addr("10.0.0.3");
    assert_true(th_packets_request_fits(&r, &a, &b, 443, 5, 6));
    assert_true(th_packets_request_fits(&r, &b, &a, 5, 443, 17));
    assert_false(th_packets_request_fits(&r, &a, &b, 5, 443, 6));
    assert_false(th_packets_request_fits(&r, &b, &c, 443, 443, 6));
    r.peer = b;
    r.has_peer = true;
    r.proto = 6;
    assert_true(th_packets_request_fits(&r, &b, &a, 5, 443, 6));
    assert_false(th_packets_request_fits(&r, &c, &a, 5, 443, 6));
    assert_false(th_packets_request_fits(&r, &b, &a, 5, 443, 17));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
        cmocka_unit_test(ends_within_a_microsecond_go_outwards), cmocka_unit_test(refused),
        cmocka_unit_test(which_packets)};
    return cmocka_run_group_tests_name("link/packets", tests, NULL, NULL);
}
