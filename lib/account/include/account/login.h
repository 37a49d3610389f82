/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in: name and password, then a code of the second factor; the first time
 * one-time password, a password of one's own, then the second factor is enrolled.
 *
 *     th_login_begin  -> a hash to hold the password against (elsewhere: it takes long)
 *     th_login_password -> a half login and what it needs next
 *     next "password": th_login_own_password; "enrol": th_login_enrol; "code": th_login_code or
 *     th_login_recovery -> a session
 *
 * Every try is charged before it is judged, to the user's name and to the address; the 4th wrong
 * one of a name and the 11th of an address lock it for a second, each further one for twice as
 * long, up to 5 and 15 minutes. While locked, nothing is judged. A name that nobody has is treated
 * as any other, in time as well. What was right takes the charges back; a day without a try
 * forgets.
 */
#ifndef TH_ACCOUNT_LOGIN_H
#define TH_ACCOUNT_LOGIN_H

#include "account/session.h"

#define TH_LOGIN_MAX_TRIES 5 /* codes in one half login */
#define TH_RECOVERY_CODES 10u
#define TH_RECOVERY_LEN 12u /* "ABCDE-FGHIJ" and its zero */

struct th_login {
    char name[TH_USER_MAX_NAME];
    int64_t user; /* 0: there is none of that name */
    char hash[TH_PASSWORD_HASH_LEN];
    unsigned retry_s; /* with TH_E_LIMIT */
};

/* -EINVAL: it cannot be a name; TH_E_LIMIT: locked. */
int th_login_begin(struct th_accounts *a, int64_t now_ns, struct th_str name, struct th_str address,
    struct th_login *ret) TH_WARN_UNUSED;
/* `matches`: the password is the one of login->hash. -EACCES, whatever was wrong; else the half
 * login's cookie, and its stage ("password", "enrol", "code"). */
int th_login_password(struct th_accounts *a, int64_t now_ns, const struct th_login *login,
    bool matches, struct th_str address, struct th_str agent, char ret_cookie[TH_COOKIE_LEN],
    const char **ret_stage) TH_WARN_UNUSED;
/* Stage "password": the user's own password takes the one-time password's place. */
int th_login_own_password(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    const char *hash) TH_WARN_UNUSED;

/* What a person needs to enrol: the link, its QR code and the secret as text. */
struct th_enrolment {
    struct th_buf uri, svg, secret;
};
void th_enrolment_done(struct th_enrolment *e);
/* Stage "enrol": a fresh secret, kept with the half login until a code of it was seen. issuer is
 * what the app shows. */
int th_login_offer(struct th_accounts *a, const struct th_session *half, const char *issuer,
    struct th_enrolment *ret) TH_WARN_UNUSED;

struct th_login_end {
    char cookie[TH_COOKIE_LEN];
    unsigned retry_s; /* with TH_E_LIMIT */
    unsigned recovery_count;
    char recovery[TH_RECOVERY_CODES][TH_RECOVERY_LEN];
};
/* -EACCES: wrong, or used before; the half login ends with the fifth. TH_E_LIMIT: locked. */
int th_login_enrol(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent,
    struct th_login_end *ret) TH_WARN_UNUSED;
int th_login_code(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent,
    struct th_login_end *ret) TH_WARN_UNUSED;
int th_login_recovery(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent,
    struct th_login_end *ret) TH_WARN_UNUSED;

/* ---- lock-outs, also for other passwords and tokens ---- */

/* Seconds for which tries are refused; 0: none. name may be NULL. */
unsigned th_lockout_s(
    struct th_accounts *a, int64_t now_ns, const char *name, struct th_str address);
unsigned th_lockout_user_s(struct th_accounts *a, int64_t now_ns, const char *name);
/* Counts a try; true when it locked the name or the address that was not before. */
bool th_lockout_charge(
    struct th_accounts *a, int64_t now_ns, const char *name, struct th_str address);
/* Takes one charge back: the try was right, but not the end of it. */
void th_lockout_refund(struct th_accounts *a, const char *name, struct th_str address);
void th_lockout_clear(struct th_accounts *a, const char *name, struct th_str address);
void th_lockout_clear_user(struct th_accounts *a, const char *name);
void th_lockouts_sweep(struct th_accounts *a, int64_t now_ns);

#endif
