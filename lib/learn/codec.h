/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of numbers in saved state, which stands under a seal (base/seal.h): varints, and
 * arrays that are mostly zero.
 */
#ifndef TH_LEARN_CODEC_H
#define TH_LEARN_CODEC_H

#include "base/seal.h"

#define TH_LEARN_VERSION 10u

static inline uint64_t th_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}
static inline int64_t th_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
/* Pairs of (distance to the next that is not zero, value), ended by a distance past the end. */
void th_put_sparse(struct th_buf *out, const uint64_t *v, uint32_t n);
/* Adds to v. */
void th_add_sparse(struct th_cur *c, uint64_t *v, uint32_t n);

#endif
