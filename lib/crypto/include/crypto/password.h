/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords as hashes: argon2id (RFC 9106), by libsodium. A hash is text that has its own
 * parameters and salt in it, so the cost can grow later and old hashes still
 * verify. One hash takes 64 MiB and some tenths of a second: never call it in a loop that serves
 * others.
 */
#ifndef TH_CRYPTO_PASSWORD_H
#define TH_CRYPTO_PASSWORD_H

#include "base/err.h"
#include "base/str.h"

#define TH_PASSWORD_HASH_LEN 128u /* with the terminating zero */

struct th_password_cost {
    uint32_t passes;
    uint32_t memory_bytes;
};
/* 3 passes over 64 MiB. */
struct th_password_cost th_password_cost_default(void);

/* -ENOMEM when the memory cannot be had. */
int th_password_hash(struct th_str password, struct th_password_cost cost,
    char ret[TH_PASSWORD_HASH_LEN]) TH_WARN_UNUSED;
/* True when it is the password. A hash that is no hash matches nothing. */
bool th_password_matches(const char *hash, struct th_str password);
/* True when the hash was made at another cost. */
bool th_password_is_dated(const char *hash, struct th_password_cost cost);

#endif
