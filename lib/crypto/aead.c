/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead.h"

#include <sodium.h>

#include "base/mem.h"

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

_Static_assert(
    TH_AEAD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key's length");
_Static_assert(TH_AEAD_EXTRA_BYTES == NONCE_BYTES + TAG_BYTES, "nonce and tag");

void th_aead_seal_to(
    const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context, struct th_str secret, uint8_t *to)
{
    TH_ASSERT(sodium_init() >= 0);
    randombytes_buf(to, NONCE_BYTES);
    TH_ASSERT(crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE_BYTES, NULL,
                  (const uint8_t *)secret.p, secret.len, (const uint8_t *)context.p, context.len,
                  NULL, to, key) == 0);
}

void th_aead_seal(const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context, struct th_str secret,
    struct th_buf *out)
{
    size_t len = TH_AEAD_EXTRA_BYTES + (size_t)secret.len;
    uint8_t *to = th_buf_reserve(out, len);
    if (!to)
        return; /* the buffer remembers */
    th_aead_seal_to(key, context, secret, to);
    th_buf_commit(out, len);
}

int64_t th_aead_open(
    const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context, struct th_str sealed, uint8_t *ret)
{
    TH_ASSERT(sodium_init() >= 0);
    if (sealed.len < TH_AEAD_EXTRA_BYTES)
        return TH_E_TRUNCATED;
    const uint8_t *p = (const uint8_t *)sealed.p;
    unsigned long long len;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, &len, NULL, p + NONCE_BYTES,
            sealed.len - NONCE_BYTES, (const uint8_t *)context.p, context.len, p, key) != 0)
        return TH_E_SIGNATURE;
    return (int64_t)len;
}
