/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sign.h"

#include <sodium.h>

#include "base/mem.h"

_Static_assert(TH_SIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "public keys are libsodium's");
_Static_assert(TH_SIGN_SEED_BYTES == crypto_sign_SEEDBYTES, "seeds are libsodium's");
_Static_assert(TH_SIGNATURE_BYTES == crypto_sign_BYTES, "signatures are libsodium's");
_Static_assert(sizeof(((struct th_sign_key *)0)->secret) == crypto_sign_SECRETKEYBYTES,
    "secret keys are libsodium's");

void th_sign_key_init(struct th_sign_key *ret, const uint8_t seed[TH_SIGN_SEED_BYTES])
{
    uint8_t public_key[TH_SIGN_PUBLIC_BYTES];
    TH_ASSERT(sodium_init() >= 0);
    TH_ASSERT(crypto_sign_seed_keypair(public_key, ret->secret, seed) == 0);
}

void th_sign_key_public(const struct th_sign_key *key, uint8_t ret[TH_SIGN_PUBLIC_BYTES])
{
    TH_ASSERT(crypto_sign_ed25519_sk_to_pk(ret, key->secret) == 0);
}

void th_sign_key_done(struct th_sign_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

void th_sign(const struct th_sign_key *key, const void *data, size_t len_bytes,
    uint8_t ret[TH_SIGNATURE_BYTES])
{
    TH_ASSERT(crypto_sign_detached(ret, NULL, data, len_bytes, key->secret) == 0);
}

int th_verify(const uint8_t public_key[TH_SIGN_PUBLIC_BYTES], const void *data, size_t len_bytes,
    const uint8_t signature[TH_SIGNATURE_BYTES])
{
    TH_ASSERT(sodium_init() >= 0);
    return crypto_sign_verify_detached(signature, data, len_bytes, public_key) == 0
        ? 0
        : TH_E_SIGNATURE;
}
