/* SPDX-License-Identifier: Apache-2.0 */
/* Base32 (RFC 4648, section 6) without padding, as authenticator apps take secrets and people type
 * them; and hexadecimal back to bytes. */
#ifndef TH_CRYPTO_BASE32_H
#define TH_CRYPTO_BASE32_H

#include "base/buf.h"

void th_base32_put(const void *data, size_t len_bytes, struct th_buf *out);
/* Exactly 2 * len_bytes digits of either case. */
bool th_unhex(struct th_str text, void *ret, size_t len_bytes);

#endif
