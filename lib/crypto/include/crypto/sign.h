/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 signatures (RFC 8032), detached, by libsodium. */
#ifndef TH_CRYPTO_SIGN_H
#define TH_CRYPTO_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TH_SIGN_PUBLIC_BYTES 32u
#define TH_SIGN_SEED_BYTES 32u
#define TH_SIGNATURE_BYTES 64u

struct th_sign_key {
    uint8_t secret[64]; /* seed and public key, as libsodium has it */
};

/* A key out of a seed (32 random bytes that are kept). */
void th_sign_key_init(struct th_sign_key *ret, const uint8_t seed[TH_SIGN_SEED_BYTES]);
void th_sign_key_public(const struct th_sign_key *key, uint8_t ret[TH_SIGN_PUBLIC_BYTES]);
void th_sign_key_done(struct th_sign_key *key); /* wipes it */
void th_sign(const struct th_sign_key *key, const void *data, size_t len_bytes,
    uint8_t ret[TH_SIGNATURE_BYTES]);
/* 0 or TH_E_SIGNATURE. */
int th_verify(const uint8_t public_key[TH_SIGN_PUBLIC_BYTES], const void *data, size_t len_bytes,
    const uint8_t signature[TH_SIGNATURE_BYTES]) TH_WARN_UNUSED;

#endif
