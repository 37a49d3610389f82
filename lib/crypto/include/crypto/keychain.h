/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key chain of an instance: one instance key, 32 bytes that live in a file of their own and
 * reach the process as a descriptor; below it data keys, random, numbered, each wrapped (sealed) by
 * the instance key and kept by the caller wherever its data is. Secrets are sealed with
 * the newest data key and name it, so that rotating costs nothing at once: a new data key is
 * made, and old secrets are sealed anew whenever the caller gets to them.
 *
 *     th_keychain_new(instance_key) -> th_keychain_take(wrapped)... or th_keychain_rotate()
 *     -> th_keychain_seal("user 7 totp", secret), th_keychain_open(...)
 *
 * A sealed secret is bound to the context that it was sealed for: moved to another place, it does
 * not open. Form: version u8 (1), number of the data key u32 LE, then aead.h.
 */
#ifndef TH_CRYPTO_KEYCHAIN_H
#define TH_CRYPTO_KEYCHAIN_H

#include "base/buf.h"
#include "base/err.h"

#define TH_KEYCHAIN_KEY_BYTES 32u
#define TH_KEYCHAIN_MAX_KEYS 64u
#define TH_KEYCHAIN_MAX_SECRET 65536u
#define TH_KEYCHAIN_MAC_BYTES 32u

struct th_keychain;
struct th_keychain *th_keychain_new(const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES]);
void th_keychain_free(struct th_keychain *k); /* wipes it */
TH_DEFINE_CLEANUP(struct th_keychain, th_keychain_free)

/* Takes a data key that was wrapped earlier; numbers must grow. TH_E_SIGNATURE: the instance key is
 * another one, or the bytes were altered. */
int th_keychain_take(struct th_keychain *k, uint32_t number, struct th_str wrapped) TH_WARN_UNUSED;
/* Makes the next data key and appends its wrapped form, which the caller makes last before it seals
 * anything with it. Returns its number (from 1) or TH_E_LIMIT. */
int th_keychain_rotate(struct th_keychain *k, struct th_buf *ret_wrapped) TH_WARN_UNUSED;
/* Wraps all data keys with another instance key, one after the other by number: fn gets each. */
int th_keychain_rewrap(struct th_keychain *k, const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES],
    int (*fn)(void *arg, uint32_t number, struct th_str wrapped), void *arg) TH_WARN_UNUSED;
uint32_t th_keychain_newest(const struct th_keychain *k); /* 0: there is none yet */

/* -ENOKEY while there is no data key, TH_E_LIMIT. */
int th_keychain_seal(struct th_keychain *k, const char *context, struct th_str secret,
    struct th_buf *out) TH_WARN_UNUSED;
/* Appends the secret. TH_E_TRUNCATED, TH_E_VERSION, -ENOKEY (no such data key), TH_E_SIGNATURE. */
int th_keychain_open(struct th_keychain *k, const char *context, struct th_str sealed,
    struct th_buf *out) TH_WARN_UNUSED;
/* True when it was sealed with a data key that is not the newest. */
bool th_keychain_is_dated(const struct th_keychain *k, struct th_str sealed);
/* HMAC-SHA-256 (RFC 2104) under data key `number`, for short secrets that only need comparing:
 * without the key nobody tries them all. -ENOKEY. */
int th_keychain_mac(struct th_keychain *k, uint32_t number, const char *context,
    struct th_str secret, uint8_t ret[TH_KEYCHAIN_MAC_BYTES]) TH_WARN_UNUSED;

#endif
