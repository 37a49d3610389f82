/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that nobody can guess, from the system; and what belongs to secrets: to be compared
 * without telling where they differ, and to be gone from memory when done with.
 */
#ifndef TH_CRYPTO_RANDOM_H
#define TH_CRYPTO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void th_random_bytes(void *ret, size_t len_bytes);
uint64_t th_random_u64(void);
/* Evenly from 0 to below - 1; below at least 1. */
uint32_t th_random_below(uint32_t below);
/* In a time that depends on the length alone. */
bool th_secret_eq(const void *a, const void *b, size_t len_bytes);
/* Overwrites in a way that the compiler does not leave out. */
void th_wipe(void *p, size_t len_bytes);

#endif
