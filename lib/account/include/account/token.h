/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push tokens: "label:secret", with which a sensor may ask to be taken in, and nothing else. The
 * secret is random, shown once, and only its hash is kept; a label is never given twice.
 */
#ifndef TH_ACCOUNT_TOKEN_H
#define TH_ACCOUNT_TOKEN_H

#include "account/account.h"
#include "base/json.h"

#define TH_TOKEN_MAX_LABEL 65u /* with its zero */
#define TH_TOKEN_LEN (TH_TOKEN_MAX_LABEL + 49u)

/* 4 to 64 letters (ASCII), digits and hyphens. */
bool th_token_label_is(struct th_str label);
/* -EINVAL, -EEXIST (a revoked one, too). */
int th_token_add(struct th_accounts *a, int64_t now_ns, const char *by, struct th_str label,
    char ret_token[TH_TOKEN_LEN]) TH_WARN_UNUSED;
/* -ENOENT */
int th_token_revoke(
    struct th_accounts *a, int64_t now_ns, const char *by, struct th_str label) TH_WARN_UNUSED;
/* "label:secret" of a token that is not revoked: its label, and its use is noted. -EACCES */
int th_token_use(struct th_accounts *a, int64_t now_ns, struct th_str token,
    char ret_label[TH_TOKEN_MAX_LABEL]) TH_WARN_UNUSED;
/* A list of {"label", "created", "by", "last_used", "sensors", "revoked"}. */
void th_tokens_put(struct th_accounts *a, struct th_json *out);

#endif
