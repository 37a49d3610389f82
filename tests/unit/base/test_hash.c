/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/hash.h"
#include "base/mem.h"

/* SipHash-1-3 of the bytes 0, 1, 2, ... under the key of the paper's example (bytes 0 to 15),
 * computed by an implementation of our own in Python that gives the paper's value for 2-4; and of
 * "thymus" under the zero key, which is what CPython 3.11 has for hash() with PYTHONHASHSEED=0. */
static void siphash_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t want;
    } vectors[] = {{0, 0xabac0158050fc4dcULL}, {1, 0xc9f49bf37d57ca93ULL},
        {7, 0xd3927d989bb11140ULL}, {8, 0x369095118d299a8eULL}, {15, 0xd320d86d2a519956ULL},
        {64, 0xf17997ec4b4a6065ULL}};
    const struct th_hash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    const struct th_hash_key zero = {0, 0};
    uint8_t in[64];
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    for (size_t i = 0; i < TH_ARRAY_LEN(vectors); i++)
        assert_true(th_siphash(&key, in, vectors[i].len) == vectors[i].want);
    assert_true(th_siphash(&zero, "thymus", 6) == 0xb58c67d38e453b2fULL);
    assert_true(th_siphash16(&key, 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL) ==
        th_siphash(&key, in, 16));
}

/* Each bit of the input and of the key turns about half of the result's, whatever its place: the
 * mean over a hundred inputs lies within 32 +- 1, a single one far from 0 and 64. */
static void blocks_spread(void **state)
{
    (void)state;
    unsigned turned = 0, pairs = 0;
    for (uint64_t n = 0; n < 100; n++) {
        struct th_hash_key key = {n * 77, n};
        uint64_t words[6] = {n, n << 32, 1, 2, n * n, 0};
        uint64_t before = th_hash_blocks(&key, words, 3);
        assert_true(before == th_hash_blocks(&key, words, 3));
        for (unsigned bit = 0; bit < 6 * 64 + 2 * 64; bit++, pairs++) {
            uint64_t *at = bit < 6 * 64 ? &words[bit / 64] : bit < 7 * 64 ? &key.k0 : &key.k1;
            *at ^= UINT64_C(1) << (bit % 64);
            unsigned now = (unsigned)__builtin_popcountll(before ^ th_hash_blocks(&key, words, 3));
            *at ^= UINT64_C(1) << (bit % 64);
            assert_in_range(now, 8, 56);
            turned += now;
        }
    }
    assert_in_range(turned, 31 * pairs, 33 * pairs);
}

/* Tags of a flow table: what differs in an address, a port or the number of blocks is told apart.
 */
static void blocks_of_neighbours(void **state)
{
    (void)state;
    static uint8_t slots[1u << 20];
    const struct th_hash_key key = {1, 2};
    unsigned same = 0;
    for (uint64_t host = 0; host < 256; host++) {
        for (uint64_t port = 0; port < 256; port++) {
            const uint64_t words[] = {0x0a000001 | host << 32, port << 48 | 6};
            uint8_t *slot = &slots[th_hash_blocks(&key, words, 1) % sizeof(slots)];
            same += *slot;
            *slot = 1;
        }
    }
    /* 65,536 balls in 1,048,576 urns: 2,006 expected to fall on another, deviation 44. */
    assert_in_range(same, 1800, 2220);
    const uint64_t none[4] = {0};
    assert_true(th_hash_blocks(&key, none, 1) != th_hash_blocks(&key, none, 2));
}

/* RFC 3720 appendix B.4, and the usual check value. */
static void crc32c_vectors(void **state)
{
    (void)state;
    uint8_t in[32];
    assert_int_equal(th_crc32c(0, "123456789", 9), 0xe3069283);
    memset(in, 0, sizeof(in));
    assert_int_equal(th_crc32c(0, in, sizeof(in)), 0x8a9136aa);
    memset(in, 0xff, sizeof(in));
    assert_int_equal(th_crc32c(0, in, sizeof(in)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    assert_int_equal(th_crc32c(0, in, sizeof(in)), 0x46dd794e);
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(31 - i);
    assert_int_equal(th_crc32c(0, in, sizeof(in)), 0x113fdb5c);
    assert_int_equal(th_crc32c(0, in, 0), 0);
}

static void crc32c_in_pieces(void **state)
{
    (void)state;
    char text[300];
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    uint32_t whole = th_crc32c(0, text, sizeof(text));
    for (size_t cut = 0; cut <= sizeof(text); cut++)
        assert_int_equal(th_crc32c(th_crc32c(0, text, cut), text + cut, sizeof(text) - cut), whole);
}

static void mixers(void **state)
{
    (void)state;
    assert_true(th_mix64(0) == 0);
    assert_true(th_mix64(1) != th_mix64(2));
    assert_true(th_hash_pair(1, 2) != th_hash_pair(2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(blocks_spread),
        cmocka_unit_test(blocks_of_neighbours),
        cmocka_unit_test(crc32c_vectors),
        cmocka_unit_test(crc32c_in_pieces),
        cmocka_unit_test(mixers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
