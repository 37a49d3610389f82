/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/random.h"

#include <sodium.h>

#include "base/mem.h"

void th_random_bytes(void *ret, size_t len_bytes)
{
    TH_ASSERT(sodium_init() >= 0);
    randombytes_buf(ret, len_bytes);
}

uint64_t th_random_u64(void)
{
    uint64_t v;
    th_random_bytes(&v, sizeof(v));
    return v;
}

uint32_t th_random_below(uint32_t below)
{
    TH_ASSERT(below > 0 && sodium_init() >= 0);
    return randombytes_uniform(below);
}

bool th_secret_eq(const void *a, const void *b, size_t len_bytes)
{
    return sodium_memcmp(a, b, len_bytes) == 0;
}

void th_wipe(void *p, size_t len_bytes)
{
    sodium_memzero(p, len_bytes);
}
