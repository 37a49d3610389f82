/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seal around saved state: magic u32, version u32, length of the body u64, CRC-32C of
 * the body u32, then the body; little-endian. What is read back is what was written, or it is
 * refused with the reason.
 */
#ifndef TH_BASE_SEAL_H
#define TH_BASE_SEAL_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

/* Begins; the body is written after it. Returns the place that th_seal_end wants. */
size_t th_seal_begin(struct th_buf *out, uint32_t magic, uint32_t version);
/* Closes over all that was written since. A buffer that overflowed stays as it is. */
void th_seal_end(struct th_buf *out, size_t begin);
/* Checks the seal over the whole of data; ret is its body. TH_E_TRUNCATED, TH_E_UNKNOWN_FORMAT
 * (magic), TH_E_VERSION, TH_E_MALFORMED (bytes behind the body) or TH_E_CHECKSUM. */
int th_seal_open(const uint8_t *data, size_t len_bytes, uint32_t magic, uint32_t version,
    struct th_cur *ret) TH_WARN_UNUSED;

#endif
