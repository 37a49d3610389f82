/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame around saved state (magic, version, length, CRC-32C) and the forms of
 * numbers in it: varints, and arrays that are mostly zero.
 */
#ifndef TH_LEARN_CODEC_H
#define TH_LEARN_CODEC_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

#define TH_LEARN_VERSION 1u

/* Begins a frame; returns its place for th_frame_end. */
size_t th_frame_begin(struct th_buf *out, uint32_t magic);
void th_frame_end(struct th_buf *out, size_t begin);
/* Checks the frame; ret is its body. */
int th_frame_check(
    const uint8_t *data, size_t len_bytes, uint32_t magic, struct th_cur *ret) TH_WARN_UNUSED;

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
