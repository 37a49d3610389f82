/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the headers above */
#include <cmocka.h>

#include "crypto/hash.h"

/* The test vectors of RFC 1321 appendix A.5 and FIPS 180-4's examples. */
static const struct {
    enum th_digest_alg alg;
    const char *text, *hex;
} vectors[] = {
    {TH_DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {TH_DIGEST_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {TH_DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {TH_DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {TH_DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct th_digest d;
        uint8_t out[TH_DIGEST_MAX_LEN];
        char hex[2 * TH_DIGEST_MAX_LEN + 1];
        th_digest_init(&d, vectors[i].alg);
        for (const char *p = vectors[i].text; *p; p++)
            th_digest_update(&d, p, 1);
        size_t n = th_digest_final(&d, out);
        th_hex(out, n, hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void test_one_shot_is_the_same(void **state)
{
    (void)state;
    uint8_t data[1000], at_once[TH_DIGEST_MAX_LEN], pieces[TH_DIGEST_MAX_LEN];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    void (*const one_shot[])(const void *, size_t, uint8_t *) = {th_md5, th_sha1, th_sha256};
    for (int alg = TH_DIGEST_MD5; alg <= TH_DIGEST_SHA256; alg++) {
        struct th_digest d;
        th_digest_init(&d, (enum th_digest_alg)alg);
        th_digest_update(&d, data, 63);
        th_digest_update(&d, data + 63, 937);
        size_t n = th_digest_final(&d, pieces);
        one_shot[alg](data, sizeof(data), at_once);
        assert_memory_equal(at_once, pieces, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_one_shot_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
