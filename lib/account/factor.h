/* SPDX-License-Identifier: Apache-2.0 */
/* The second factor's secrets: in a half login until a code was seen, then with the user; recovery
 * codes as MACs. */
#ifndef TH_ACCOUNT_FACTOR_H
#define TH_ACCOUNT_FACTOR_H

#include "account/login.h"
#include "accounts.h"

/* True when the code is of the secret that the half login offered; the user then has it. */
bool th_factor_enrol(
    struct th_accounts *a, int64_t now_ns, const struct th_session *half, struct th_str code);
/* True when the code is the user's of now, and its step was not used before. */
bool th_factor_code(struct th_accounts *a, int64_t now_ns, int64_t user, struct th_str code);
void th_factor_make_recovery(
    struct th_accounts *a, int64_t user, char ret[TH_RECOVERY_CODES][TH_RECOVERY_LEN]);
/* True when it is one of the user's and was not used; then it is. */
bool th_factor_recovery(struct th_accounts *a, int64_t now_ns, int64_t user, struct th_str code);
int64_t th_factor_recovery_left(struct th_accounts *a, int64_t user);
/* Seals every user's secret with the newest data key. */
int th_factor_reseal_all(struct th_accounts *a) TH_WARN_UNUSED;

/* A QR code of text as an SVG image of dark squares on white with the quiet zone. TH_E_LIMIT. */
int th_qr_svg(const char *text, struct th_buf *out) TH_WARN_UNUSED;

#endif
