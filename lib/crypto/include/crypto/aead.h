/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption of small secrets at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a fresh
 * random nonce, which is long enough never to come twice. Sealed: nonce 24 bytes, ciphertext, tag
 * 16 bytes. The context says what the secret is and whose; it is not stored, and what was sealed
 * under one context opens under no other.
 */
#ifndef TH_CRYPTO_AEAD_H
#define TH_CRYPTO_AEAD_H

#include "base/buf.h"
#include "base/err.h"

#define TH_AEAD_KEY_BYTES 32u
#define TH_AEAD_EXTRA_BYTES 40u /* that sealing adds */

/* Appends the sealed secret to out. */
void th_aead_seal(const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context, struct th_str secret,
    struct th_buf *out);
/* The same into memory of the caller's, which has room for secret.len + TH_AEAD_EXTRA_BYTES. */
void th_aead_seal_to(
    const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context, struct th_str secret, uint8_t *to);
/* Writes the secret into ret, which has room for sealed.len - TH_AEAD_EXTRA_BYTES, and returns its
 * length. TH_E_TRUNCATED; TH_E_SIGNATURE: not sealed by this key under this context, or altered. */
int64_t th_aead_open(const uint8_t key[TH_AEAD_KEY_BYTES], struct th_str context,
    struct th_str sealed, uint8_t *ret) TH_WARN_UNUSED;

#endif
