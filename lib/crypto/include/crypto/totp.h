/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-based one-time passwords (RFC 6238) as every authenticator app has them: SHA-1, 6 digits, 30
 * s, by liboath. A code of the step before and of the one after is taken as well, for
 * clocks that differ; a step that was used is never taken again (section 5.2).
 */
#ifndef TH_CRYPTO_TOTP_H
#define TH_CRYPTO_TOTP_H

#include "base/str.h"

#define TH_TOTP_SECRET_BYTES 20u
#define TH_TOTP_DIGITS 6u

/* True when code is right now and its step is later than last_step (-1: none was used);
 * *ret_step is then to be kept as the last. */
bool th_totp_check(const uint8_t secret[TH_TOTP_SECRET_BYTES], int64_t now_ns, int64_t last_step,
    struct th_str code, int64_t *ret_step);
/* The code of a moment: what the app shows. */
void th_totp_code(
    const uint8_t secret[TH_TOTP_SECRET_BYTES], int64_t now_ns, char ret[TH_TOTP_DIGITS + 1]);

#endif
