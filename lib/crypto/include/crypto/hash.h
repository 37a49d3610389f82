/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message digests: MD5 (RFC 1321) for JA3 and HASSH, SHA-1 (FIPS 180-4) for the
 * Community ID, SHA-256 (FIPS 180-4) for files, certificates and JA4. MD5 and SHA-1
 * are names here, not protection. Either at once, or piece by piece with a state that
 * holds no memory of its own: it may be copied and dropped freely.
 */
#ifndef TH_CRYPTO_HASH_H
#define TH_CRYPTO_HASH_H

#include "base/str.h"

#define TH_MD5_LEN 16
#define TH_SHA1_LEN 20
#define TH_SHA256_LEN 32
#define TH_DIGEST_MAX_LEN TH_SHA256_LEN

enum th_digest_alg { TH_DIGEST_MD5, TH_DIGEST_SHA1, TH_DIGEST_SHA256 };

/* Opaque: the library's context, 8-byte aligned. */
struct th_digest {
    uint64_t state[15];
    uint32_t alg; /* enum th_digest_alg */
};

void th_digest_init(struct th_digest *d, enum th_digest_alg alg);
void th_digest_update(struct th_digest *d, const void *data, size_t len_bytes);
/* Writes the digest, returns its length; the state then begins anew. */
size_t th_digest_final(struct th_digest *d, uint8_t out[TH_DIGEST_MAX_LEN]);

void th_md5(const void *data, size_t len_bytes, uint8_t out[TH_MD5_LEN]);
void th_sha1(const void *data, size_t len_bytes, uint8_t out[TH_SHA1_LEN]);
void th_sha256(const void *data, size_t len_bytes, uint8_t out[TH_SHA256_LEN]);

/* Lower-case hexadecimal of len bytes and a terminating zero: out has room for 2 * len + 1. */
void th_hex(const uint8_t *data, size_t len_bytes, char *out);

#endif
