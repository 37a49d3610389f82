/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012)
 * with the instance's key for every table that an outsider could fill, and th_hash_blocks
 * for those of them where it would be felt; a mixer for what is a hash already;
 * CRC-32C (RFC 3720, appendix B.4) for files.
 */
#ifndef TH_BASE_HASH_H
#define TH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct th_hash_key {
    uint64_t k0, k1;
};

uint64_t th_siphash(const struct th_hash_key *key, const void *data, size_t len_bytes);
/* The same of 16 bytes that stand in two little-endian words. */
uint64_t th_siphash16(const struct th_hash_key *key, uint64_t first, uint64_t second);
/* Of whole blocks of 16 bytes for a table in this process that an outsider could
 * fill, where SipHash would be felt: two rounds of the processor's AES a block, two at the end,
 * with the key mixed into each (whoever does not know it would have to guess differences through at
 * least five S-boxes a block; compare Go's runtime, which hashes the keys of its maps so). Without
 * the instruction it is SipHash-1-3, so values differ by machine: they are never sent or stored,
 * and nothing is ordered by them. */
uint64_t th_hash_blocks(const struct th_hash_key *key, const void *data, size_t blocks);
/* CRC-32C of data, continuing from crc (0 to begin). */
uint32_t th_crc32c(uint32_t crc, const void *data, size_t len_bytes);

/* A bijective mixer of 64 bits (the finaliser of MurmurHash3). */
static inline uint64_t th_mix64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

/* Two hashes into one; order matters. */
static inline uint64_t th_hash_pair(uint64_t a, uint64_t b)
{
    return th_mix64(a + 0x9e3779b97f4a7c15ULL + (b << 6) + (b >> 2)) ^ th_mix64(b);
}

#endif
