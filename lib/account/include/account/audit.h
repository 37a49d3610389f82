/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: who did what to which object. Each entry's hash is an HMAC, under a
 * key of the key chain, over the hash of the one before and the entry, and the newest number and
 * hash stand apart: an entry that was altered, taken out or put in, at the end too, is found, and
 * who can write the database but has no key cannot make the chain whole again.
 */
#ifndef TH_ACCOUNT_AUDIT_H
#define TH_ACCOUNT_AUDIT_H

#include "account/account.h"
#include "base/json.h"

#define TH_AUDIT_MAX_TEXT 512u /* bytes of a part; what is longer is cut */
#define TH_AUDIT_MAX_PAGE 500u

/* user: a name, or "system". */
void th_audit(struct th_accounts *a, int64_t now_ns, const char *user, const char *action,
    const char *object, const char *detail);
/* Checks on, at most max_entries of them, from where the last call ended; at the end it begins
 * anew. False once the chain was found broken. */
bool th_audit_check(struct th_accounts *a, unsigned max_entries);
/* The whole chain at once. */
bool th_audit_intact(struct th_accounts *a);
/* {"entries": [...], "intact", "next"}: entries below `before` (0: the newest), newest first. */
void th_audit_page(
    struct th_accounts *a, int64_t before, unsigned limit, bool intact, struct th_json *out);

#endif
