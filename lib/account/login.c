/* SPDX-License-Identifier: Apache-2.0 */
#include "account/login.h"

#include "account/audit.h"
#include "accounts.h"
#include "factor.h"

/* A hash of nothing that anybody has, at the usual cost: names that do not exist take as long. */
static const char nobodys_hash[] = "$argon2id$v=19$m=65536,t=3,p=1$c29tZSBzYWx0IHRoeW11cw$"
                                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static void text_of(struct th_str s, char *ret, size_t room)
{
    size_t n = TH_MIN((size_t)s.len, room - 1);
    memcpy(ret, s.p, n);
    ret[n] = 0;
}

/* Writes the failure down, where the name is somebody's; the delay bounds how often. */
static void note_failure(struct th_accounts *a, int64_t now_ns, const char *name, const char *what,
    struct th_str address)
{
    char from[TH_ACCOUNT_MAX_ADDRESS];
    text_of(address, from, sizeof(from));
    th_audit(a, now_ns, name, what, name, from);
}

int th_login_begin(struct th_accounts *a, int64_t now_ns, struct th_str name, struct th_str address,
    struct th_login *ret)
{
    struct th_user u;
    if (!th_user_name_is(name))
        return -EINVAL;
    *ret = (struct th_login){0};
    text_of(name, ret->name, sizeof(ret->name));
    ret->retry_s = th_lockout_s(a, now_ns, ret->name, address);
    if (ret->retry_s > 0)
        return TH_E_LIMIT;
    bool known = th_user_find(a, name, &u) == 0;
    if (th_lockout_charge(a, now_ns, ret->name, address) && known)
        note_failure(a, now_ns, u.name, "login.locked", address);
    bool may = known && !u.disabled;
    ret->user = may ? u.id : 0;
    snprintf(ret->hash, sizeof(ret->hash), "%s", may ? u.hash : nobodys_hash);
    return 0;
}

int th_login_password(struct th_accounts *a, int64_t now_ns, const struct th_login *login,
    bool matches, struct th_str address, struct th_str agent, char ret_cookie[TH_COOKIE_LEN],
    const char **ret_stage)
{
    struct th_user u;
    if (login->user == 0 || th_user_get(a, login->user, &u) < 0)
        return -EACCES;
    /* The hash could have changed, or the user been disabled, while it was being computed. */
    if (!matches || u.disabled || strcmp(u.hash, login->hash) != 0) {
        note_failure(a, now_ns, u.name, "login.failed", address);
        return -EACCES;
    }
    th_lockout_refund(a, login->name, address);
    *ret_stage = u.must_change ? "password" : u.totp ? "code" : "enrol";
    th_session_begin(a, now_ns, u.id, *ret_stage, address, agent, ret_cookie);
    return 0;
}

int th_login_own_password(
    struct th_accounts *a, int64_t now_ns, const struct th_session *half, const char *hash)
{
    if (strcmp(half->stage, "password") != 0)
        return -EACCES;
    th_sql_run(&a->sql, "UPDATE sessions SET stage = 'enrol' WHERE hash = ?", "b",
        th_str_n(half->hash, sizeof(half->hash)));
    return th_user_set_password(a, now_ns, half->user.id, hash, half);
}

static void finish(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str address, struct th_str agent, struct th_login_end *ret)
{
    char from[TH_ACCOUNT_MAX_ADDRESS];
    text_of(address, from, sizeof(from));
    th_session_end(a, half);
    th_session_begin(a, now_ns, half->user.id, "", address, agent, ret->cookie);
    th_sql_run(
        &a->sql, "UPDATE users SET last_login_ns = ? WHERE id = ?", "ii", now_ns, half->user.id);
    th_lockout_clear(a, half->user.name, address);
    th_audit(a, now_ns, half->user.name, "login", half->user.name, from);
}

/* Before a code is judged: 0, or why it is not. */
static int charge(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    const char *stage, struct th_str address, struct th_login_end *ret)
{
    *ret = (struct th_login_end){0};
    if (strcmp(half->stage, stage) != 0)
        return -EACCES;
    ret->retry_s = th_lockout_s(a, now_ns, half->user.name, address);
    if (ret->retry_s > 0)
        return TH_E_LIMIT;
    if (th_lockout_charge(a, now_ns, half->user.name, address))
        note_failure(a, now_ns, half->user.name, "login.locked", address);
    return 0;
}

static int wrong_code(
    struct th_accounts *a, int64_t now_ns, const struct th_session *half, struct th_str address)
{
    note_failure(a, now_ns, half->user.name, "login.code", address);
    if (half->tries + 1 >= TH_LOGIN_MAX_TRIES)
        th_session_end(a, half);
    else
        th_sql_run(&a->sql, "UPDATE sessions SET tries = tries + 1 WHERE hash = ?", "b",
            th_str_n(half->hash, sizeof(half->hash)));
    return -EACCES;
}

int th_login_enrol(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent, struct th_login_end *ret)
{
    int r = charge(a, now_ns, half, "enrol", address, ret);
    if (r < 0)
        return r;
    if (!th_factor_enrol(a, now_ns, half, code))
        return wrong_code(a, now_ns, half, address);
    th_factor_make_recovery(a, half->user.id, ret->recovery);
    ret->recovery_count = TH_RECOVERY_CODES;
    th_audit(a, now_ns, half->user.name, "user.totp", half->user.name, "");
    finish(a, now_ns, half, address, agent, ret);
    return 0;
}

int th_login_code(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent, struct th_login_end *ret)
{
    int r = charge(a, now_ns, half, "code", address, ret);
    if (r < 0)
        return r;
    if (!th_factor_code(a, now_ns, half->user.id, code))
        return wrong_code(a, now_ns, half, address);
    finish(a, now_ns, half, address, agent, ret);
    return 0;
}

int th_login_recovery(struct th_accounts *a, int64_t now_ns, const struct th_session *half,
    struct th_str code, struct th_str address, struct th_str agent, struct th_login_end *ret)
{
    char left[32];
    int r = charge(a, now_ns, half, "code", address, ret);
    if (r < 0)
        return r;
    if (!th_factor_recovery(a, now_ns, half->user.id, code))
        return wrong_code(a, now_ns, half, address);
    snprintf(left, sizeof(left), "%lld left", (long long)th_factor_recovery_left(a, half->user.id));
    th_audit(a, now_ns, half->user.name, "login.recovery", half->user.name, left);
    finish(a, now_ns, half, address, agent, ret);
    return 0;
}
