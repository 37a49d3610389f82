/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users. A new user gets a one-time password, shown once to who made them; the first login changes
 * it and enrols a second factor. There is always an administrator who is not disabled: what would
 * take the last one away is refused (TH_E_REFUSED). Who is disabled, removed, reset or gets
 * another role is logged out everywhere at once.
 */
#ifndef TH_ACCOUNT_USER_H
#define TH_ACCOUNT_USER_H

#include "account/account.h"
#include "base/json.h"
#include "crypto/password.h"

#define TH_ACCOUNT_MAX_ROLE 24u   /* a role's name, with its zero */
#define TH_USER_MAX_NAME 65u      /* with its zero */
#define TH_PASSWORD_MIN_CHARS 12u /* of one that a user chooses */
#define TH_PASSWORD_MAX_BYTES 256u
#define TH_ONE_TIME_LEN 24u /* of a one-time password, with its zero */

struct th_user {
    int64_t id;
    char name[TH_USER_MAX_NAME];
    char role[TH_ACCOUNT_MAX_ROLE];
    char hash[TH_PASSWORD_HASH_LEN];
    bool must_change; /* has a one-time password */
    bool disabled;
    bool totp;                         /* a second factor is enrolled */
    int64_t created_ns, last_login_ns; /* TH_TIME_UNSET: never */
};

/* 1 to 64 letters (ASCII), digits, and . _ @ + - */
bool th_user_name_is(struct th_str name);
/* Whether a user may choose it: 12 characters or more, not the name, not one character over and
 * over. Negative with *ret_why a sentence for them. */
int th_password_judge(
    struct th_str password, const char *user_name, const char **ret_why) TH_WARN_UNUSED;
/* A fresh one-time password, 100 random bits in groups ("ABCDE-..."). */
void th_one_time_password(char ret[TH_ONE_TIME_LEN]);

/* by: who does it, for the audit log. -EINVAL, -EEXIST. */
int th_user_add(struct th_accounts *a, int64_t now_ns, const char *by, struct th_str name,
    struct th_str role, const char *one_time_hash, int64_t *ret_id) TH_WARN_UNUSED;
/* -ENOENT */
int th_user_get(struct th_accounts *a, int64_t id, struct th_user *ret) TH_WARN_UNUSED;
int th_user_find(struct th_accounts *a, struct th_str name, struct th_user *ret) TH_WARN_UNUSED;
int th_user_set_role(struct th_accounts *a, int64_t now_ns, const char *by, int64_t id,
    struct th_str role) TH_WARN_UNUSED;
int th_user_set_disabled(struct th_accounts *a, int64_t now_ns, const char *by, int64_t id,
    bool disabled) TH_WARN_UNUSED;
/* A new one-time password; the second factor and the recovery codes are gone. */
int th_user_reset(struct th_accounts *a, int64_t now_ns, const char *by, int64_t id,
    const char *one_time_hash) TH_WARN_UNUSED;
int th_user_remove(
    struct th_accounts *a, int64_t now_ns, const char *by, int64_t id) TH_WARN_UNUSED;
/* The user's own password; other sessions than `keep` (may be NULL: none) end. */
struct th_session;
int th_user_set_password(struct th_accounts *a, int64_t now_ns, int64_t id, const char *hash,
    const struct th_session *keep) TH_WARN_UNUSED;

/* {"id", "name", "role", "totp", "locked", "disabled", "must_change", "created", "last_login"} */
void th_user_put(
    struct th_accounts *a, int64_t now_ns, const struct th_user *u, struct th_json *out);
void th_users_put(struct th_accounts *a, int64_t now_ns, struct th_json *out); /* a list */
int64_t th_users_count(struct th_accounts *a);

#endif
