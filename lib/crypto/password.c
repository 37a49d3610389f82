/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/password.h"

#include <sodium.h>

#include "base/mem.h"

_Static_assert(TH_PASSWORD_HASH_LEN == crypto_pwhash_argon2id_STRBYTES, "length of a hash");

struct th_password_cost th_password_cost_default(void)
{
    return (struct th_password_cost){.passes = 3, .memory_bytes = 64u << 20};
}

int th_password_hash(
    struct th_str password, struct th_password_cost cost, char ret[TH_PASSWORD_HASH_LEN])
{
    TH_ASSERT(sodium_init() >= 0);
    return crypto_pwhash_str_alg(ret, password.p, password.len, cost.passes, cost.memory_bytes,
               crypto_pwhash_ALG_ARGON2ID13) == 0
        ? 0
        : -ENOMEM;
}

bool th_password_matches(const char *hash, struct th_str password)
{
    return crypto_pwhash_str_verify(hash, password.p, password.len) == 0;
}

bool th_password_is_dated(const char *hash, struct th_password_cost cost)
{
    return crypto_pwhash_str_needs_rehash(hash, cost.passes, cost.memory_bytes) != 0;
}
