/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/totp.h"

#include <oath.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypto/random.h"

#define STEP_NS (30 * TH_NS_PER_S)

static void code_of(
    const uint8_t secret[TH_TOTP_SECRET_BYTES], int64_t step, char ret[TH_TOTP_DIGITS + 1])
{
    int r = oath_hotp_generate((const char *)secret, TH_TOTP_SECRET_BYTES, (uint64_t)step,
        TH_TOTP_DIGITS, false, OATH_HOTP_DYNAMIC_TRUNCATION, ret);
    TH_ASSERT(r == OATH_OK);
}

void th_totp_code(
    const uint8_t secret[TH_TOTP_SECRET_BYTES], int64_t now_ns, char ret[TH_TOTP_DIGITS + 1])
{
    code_of(secret, now_ns / STEP_NS, ret);
}

bool th_totp_check(const uint8_t secret[TH_TOTP_SECRET_BYTES], int64_t now_ns, int64_t last_step,
    struct th_str code, int64_t *ret_step)
{
    int64_t now = now_ns / STEP_NS;
    bool found = false;
    if (code.len != TH_TOTP_DIGITS)
        return false;
    /* All three are compared, whichever fits: the time it takes tells nothing. */
    for (int64_t step = now - 1; step <= now + 1; step++) {
        char right[TH_TOTP_DIGITS + 1];
        code_of(secret, step, right);
        if (th_secret_eq(right, code.p, TH_TOTP_DIGITS) && step > last_step) {
            *ret_step = step;
            found = true;
        }
    }
    return found;
}
