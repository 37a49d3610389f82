/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/quic.h"

#define DCID th_str_n("\x83\x94\xc8\xf0\x3e\x51\x57\x08", 8)

static void assert_hex(const uint8_t *p, size_t len, const char *want)
{
    char hex[65];
    th_hex(p, len, hex);
    assert_string_equal(hex, want);
}

/* RFC 9001 A.1 */
static void test_keys_of_version_1(void **state)
{
    (void)state;
    struct th_quic_keys c, s;
    assert_true(th_quic_initial_keys(TH_QUIC_V1, DCID, &c, &s));
    assert_hex(c.key, 16, "1f369613dd76d5467730efcbe3b1a22d");
    assert_hex(c.iv, 12, "fa044b2f42a3fd3b46fb255c");
    assert_hex(c.hp, 16, "9f50449e04a0e810283a1e9933adedd2");
    assert_hex(s.key, 16, "cf3a5331653c364c88f0f379b6067e37");
    assert_hex(s.iv, 12, "0ac1493ca1905853b0bba03e");
    assert_hex(s.hp, 16, "c206b8d9b9f0f37644430b490eeaa314");
}

/* RFC 9369 A.1 */
static void test_keys_of_version_2(void **state)
{
    (void)state;
    struct th_quic_keys c, s;
    assert_true(th_quic_initial_keys(TH_QUIC_V2, DCID, &c, &s));
    assert_hex(c.key, 16, "8b1a0bc121284290a29e0971b5cd045d");
    assert_hex(c.iv, 12, "91f73e2351d8fa91660e909f");
    assert_hex(c.hp, 16, "45b95e15235d6f45a6b19cbcb0294ba9");
}

static void test_unknown_versions(void **state)
{
    (void)state;
    struct th_quic_keys c, s;
    assert_false(th_quic_initial_keys(0x51303433, DCID, &c, &s));
    assert_false(th_quic_initial_keys(0xff000016, DCID, &c, &s));
    assert_true(th_quic_initial_keys(0xff00001d, DCID, &c, &s));
}

/* No length of a packet is read past, and no tag is believed that is not right. */
static void test_short_and_forged(void **state)
{
    (void)state;
    struct th_quic_keys c, s;
    struct th_str content;
    assert_true(th_quic_initial_keys(TH_QUIC_V1, DCID, &c, &s));
    for (size_t len = 0; len < 64; len++) {
        uint8_t *p = th_xcalloc(1, len + 1);
        for (size_t pn_at = 0; pn_at <= len; pn_at++)
            assert_false(th_quic_open(&c, p, len, pn_at, &content));
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_version_1),
        cmocka_unit_test(test_keys_of_version_2),
        cmocka_unit_test(test_unknown_versions),
        cmocka_unit_test(test_short_and_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
