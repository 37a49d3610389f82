/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions. Whoever logged in holds 256 random bits in a cookie; here is their SHA-256 only.
 * A session ends 12 h after it was last used, 7 days after it began, and when somebody ends it. A
 * half login, which waits for a further step, is a session with a stage: it gives no right, has a
 * cookie of its own and ends after 10 minutes. A session's key (its hash as text) names it between
 * roles, and cannot be guessed either; its CSRF token is made out of it.
 */
#ifndef TH_ACCOUNT_SESSION_H
#define TH_ACCOUNT_SESSION_H

#include "account/account.h"
#include "account/user.h"
#include "base/time.h"
#include "crypto/hash.h"

#define TH_SESSION_IDLE_NS (12 * TH_NS_PER_HOUR)
#define TH_SESSION_MAX_NS (7 * TH_NS_PER_DAY)
#define TH_SESSION_HALF_NS (10 * TH_NS_PER_MIN)
#define TH_SESSION_MAX_PER_USER 32u /* the oldest gives way */
#define TH_COOKIE_LEN 65u           /* hexadecimal, with its zero */
#define TH_SESSION_ID_LEN 33u       /* what a session is called in the API */
#define TH_SESSION_MAX_AGENT 200u

struct th_session {
    uint8_t hash[TH_SHA256_LEN];
    char id[TH_SESSION_ID_LEN];
    char key[TH_COOKIE_LEN];
    char csrf[TH_COOKIE_LEN];
    char stage[12]; /* "": whole */
    int64_t created_ns, expires_ns;
    int tries; /* codes that were wrong in this half login */
    struct th_user user;
};

/* Begins a session, or with a stage a half login; cookie is what the browser is to hold. */
void th_session_begin(struct th_accounts *a, int64_t now_ns, int64_t user, const char *stage,
    struct th_str address, struct th_str agent, char ret_cookie[TH_COOKIE_LEN]);
/* The session that a cookie's text opens, if it is one, has not ended, its user may log in, and it
 * is half or whole as asked for. Notes that it was used. -ENOENT */
int th_session_find(struct th_accounts *a, int64_t now_ns, struct th_str cookie, bool half,
    struct th_str address, struct th_session *ret) TH_WARN_UNUSED;
/* The same by its key; whole ones only. */
int th_session_find_key(struct th_accounts *a, int64_t now_ns, struct th_str key,
    struct th_str address, struct th_session *ret) TH_WARN_UNUSED;
bool th_session_csrf_is(const struct th_session *s, struct th_str csrf);
void th_session_end(struct th_accounts *a, const struct th_session *s);
/* All of a user's, but for keep. */
void th_sessions_end_of(struct th_accounts *a, int64_t user, const struct th_session *keep);
/* By the API's name; of this user only, unless any_user. Returns whose it was in ret_user's room.
 * -ENOENT */
int th_session_revoke(struct th_accounts *a, struct th_str id, int64_t user, bool any_user,
    char ret_user[TH_USER_MAX_NAME]) TH_WARN_UNUSED;
/* A list; of all users, or of the one that asks. */
void th_sessions_put(struct th_accounts *a, int64_t now_ns, const struct th_session *asks, bool all,
    struct th_json *out);
int64_t th_sessions_count(struct th_accounts *a, int64_t now_ns);
void th_sessions_sweep(struct th_accounts *a, int64_t now_ns);

#endif
