/* SPDX-License-Identifier: Apache-2.0 */
#include "account/user.h"

#include "account/audit.h"
#include "account/login.h"
#include "account/session.h"
#include "accounts.h"
#include "base/time.h"
#include "crypto/base32.h"
#include "crypto/random.h"
#include "web/api.h"

#define ADMINISTRATOR "administrator"
#define COLUMNS                                                                                    \
    "id, name, role, hash, must_change, disabled, totp IS NOT NULL, created_ns, last_login_ns"

bool th_user_name_is(struct th_str name)
{
    if (name.len == 0 || name.len >= TH_USER_MAX_NAME)
        return false;
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!((c >= '0' && c <= '9') || (th_lower(c) >= 'a' && th_lower(c) <= 'z') ||
                (c != 0 && strchr("._@+-", c))))
            return false;
    }
    return true;
}

static unsigned characters(struct th_str utf8)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < utf8.len; i++)
        n += ((uint8_t)utf8.p[i] & 0xc0) != 0x80;
    return n;
}

int th_password_judge(struct th_str password, const char *user_name, const char **ret_why)
{
    const char *why = NULL;
    bool varied = false;
    for (uint32_t i = 1; i < password.len; i++)
        varied = varied || password.p[i] != password.p[0];
    if (characters(password) < TH_PASSWORD_MIN_CHARS)
        why = "The password is too short: it must have 12 characters or more.";
    else if (password.len > TH_PASSWORD_MAX_BYTES)
        why = "The password is too long: at most 256 bytes are taken.";
    else if (!varied)
        why = "The password is one character over and over: choose another.";
    else if (th_str_ieq(password, th_str_c(user_name)))
        why = "The password is the user's name: choose another.";
    if (why)
        *ret_why = why;
    return why ? -EINVAL : 0;
}

void th_one_time_password(char ret[TH_ONE_TIME_LEN])
{
    uint8_t bytes[13];
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    th_random_bytes(bytes, sizeof(bytes));
    th_base32_put(bytes, sizeof(bytes), &text); /* 21 digits, of which 20 are used */
    size_t at = 0;
    for (size_t i = 0; i < 20; i++) {
        if (i > 0 && i % 5 == 0)
            ret[at++] = '-';
        ret[at++] = (char)text.p[i];
    }
    ret[at] = 0;
    th_wipe(text.p, text.len);
    th_wipe(bytes, sizeof(bytes));
}

static void read_user(sqlite3_stmt *q, struct th_user *ret)
{
    ret->id = th_sql_int(q, 0);
    th_sql_copy(q, 1, ret->name, sizeof(ret->name));
    th_sql_copy(q, 2, ret->role, sizeof(ret->role));
    th_sql_copy(q, 3, ret->hash, sizeof(ret->hash));
    ret->must_change = th_sql_int(q, 4) != 0;
    ret->disabled = th_sql_int(q, 5) != 0;
    ret->totp = th_sql_int(q, 6) != 0;
    ret->created_ns = th_sql_int(q, 7);
    ret->last_login_ns = th_sql_is_null(q, 8) ? TH_TIME_UNSET : th_sql_int(q, 8);
}

int th_user_get(struct th_accounts *a, int64_t id, struct th_user *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM users WHERE id = ?", "i", id);
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    read_user(q, ret);
    return 0;
}

int th_user_find(struct th_accounts *a, struct th_str name, struct th_user *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM users WHERE name = ?", "s", name);
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    read_user(q, ret);
    return 0;
}

/* What the audit log calls those who are no users. */
static bool is_reserved(struct th_str name)
{
    return th_str_ieq(name, th_str_c("system")) || th_str_ieq(name, th_str_c("operator"));
}

int th_user_add(struct th_accounts *a, int64_t now_ns, const char *by, struct th_str name,
    struct th_str role, const char *one_time_hash, int64_t *ret_id)
{
    struct th_user there;
    char text[TH_USER_MAX_NAME];
    if (!th_user_name_is(name) || is_reserved(name) || !th_web_account_role_find(role))
        return -EINVAL;
    if (th_user_find(a, name, &there) == 0)
        return -EEXIST;
    th_sql_run(&a->sql,
        "INSERT INTO users (name, role, hash, must_change, created_ns) VALUES (?, ?, ?, 1, ?)",
        "sszi", name, role, one_time_hash, now_ns);
    *ret_id = sqlite3_last_insert_rowid(a->sql.db);
    snprintf(text, sizeof(text), "%.*s", (int)name.len, name.p);
    char detail[TH_ACCOUNT_MAX_ROLE];
    snprintf(detail, sizeof(detail), "%.*s", (int)role.len, role.p);
    th_audit(a, now_ns, by, "user.add", text, detail);
    return 0;
}

/* Whether somebody else could still administrate. */
static bool another_administrator(struct th_accounts *a, int64_t id)
{
    return th_sql_number(&a->sql, 0,
               "SELECT count(*) FROM users WHERE role = '" ADMINISTRATOR
               "' AND NOT disabled AND id <> ?",
               "i", id) > 0;
}

static bool is_needed(struct th_accounts *a, const struct th_user *u)
{
    return strcmp(u->role, ADMINISTRATOR) == 0 && !u->disabled && !another_administrator(a, u->id);
}

int th_user_set_role(
    struct th_accounts *a, int64_t now_ns, const char *by, int64_t id, struct th_str role)
{
    struct th_user u;
    char detail[2 * TH_ACCOUNT_MAX_ROLE + 8];
    if (!th_web_account_role_find(role))
        return -EINVAL;
    int r = th_user_get(a, id, &u);
    if (r < 0 || th_str_is(role, u.role))
        return r;
    if (is_needed(a, &u))
        return TH_E_REFUSED;
    th_sql_run(&a->sql, "UPDATE users SET role = ? WHERE id = ?", "si", role, id);
    th_sessions_end_of(a, id, NULL);
    snprintf(detail, sizeof(detail), "%s to %.*s", u.role, (int)role.len, role.p);
    th_audit(a, now_ns, by, "user.role", u.name, detail);
    return 0;
}

int th_user_set_disabled(
    struct th_accounts *a, int64_t now_ns, const char *by, int64_t id, bool disabled)
{
    struct th_user u;
    int r = th_user_get(a, id, &u);
    if (r < 0 || u.disabled == disabled)
        return r;
    if (disabled && is_needed(a, &u))
        return TH_E_REFUSED;
    th_sql_run(&a->sql, "UPDATE users SET disabled = ? WHERE id = ?", "ii", (int64_t)disabled, id);
    th_sessions_end_of(a, id, NULL);
    th_audit(a, now_ns, by, disabled ? "user.disable" : "user.enable", u.name, "");
    return 0;
}

int th_user_reset(
    struct th_accounts *a, int64_t now_ns, const char *by, int64_t id, const char *one_time_hash)
{
    struct th_user u;
    int r = th_user_get(a, id, &u);
    if (r < 0)
        return r;
    th_sql_run(&a->sql,
        "UPDATE users SET hash = ?, must_change = 1, totp = NULL, totp_step = -1 WHERE id = ?",
        "zi", one_time_hash, id);
    th_sql_run(&a->sql, "DELETE FROM recovery WHERE user = ?", "i", id);
    th_sessions_end_of(a, id, NULL);
    th_lockout_clear_user(a, u.name);
    th_audit(a, now_ns, by, "user.reset", u.name, "");
    return 0;
}

int th_user_remove(struct th_accounts *a, int64_t now_ns, const char *by, int64_t id)
{
    struct th_user u;
    int r = th_user_get(a, id, &u);
    if (r < 0)
        return r;
    if (is_needed(a, &u))
        return TH_E_REFUSED;
    th_sessions_end_of(a, id, NULL);
    th_sql_run(&a->sql, "DELETE FROM users WHERE id = ?", "i", id);
    th_lockout_clear_user(a, u.name);
    th_audit(a, now_ns, by, "user.remove", u.name, "");
    return 0;
}

int th_user_set_password(struct th_accounts *a, int64_t now_ns, int64_t id, const char *hash,
    const struct th_session *keep)
{
    struct th_user u;
    int r = th_user_get(a, id, &u);
    if (r < 0)
        return r;
    th_sql_run(&a->sql, "UPDATE users SET hash = ?, must_change = 0 WHERE id = ?", "zi", hash, id);
    th_sessions_end_of(a, id, keep);
    th_audit(a, now_ns, u.name, "user.password", u.name, "");
    return 0;
}

static void put_id(struct th_json *out, const char *key, int64_t id)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)id);
    th_json_key(out, key);
    th_json_str(out, th_str_c(text));
}

void th_user_put(
    struct th_accounts *a, int64_t now_ns, const struct th_user *u, struct th_json *out)
{
    th_json_open(out);
    put_id(out, "id", u->id);
    th_json_key(out, "name");
    th_json_str(out, th_str_c(u->name));
    th_json_key(out, "role");
    th_json_str(out, th_str_c(u->role));
    th_json_key(out, "totp");
    th_json_bool(out, u->totp);
    th_json_key(out, "locked");
    th_json_bool(out, th_lockout_user_s(a, now_ns, u->name) > 0);
    th_json_key(out, "disabled");
    th_json_bool(out, u->disabled);
    th_json_key(out, "must_change");
    th_json_bool(out, u->must_change);
    th_json_key(out, "created");
    th_json_time(out, u->created_ns);
    th_json_key(out, "last_login");
    if (u->last_login_ns == TH_TIME_UNSET)
        th_json_null(out);
    else
        th_json_time(out, u->last_login_ns);
    th_json_close(out);
}

void th_users_put(struct th_accounts *a, int64_t now_ns, struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM users ORDER BY name", "");
    th_json_open_list(out);
    while (th_sql_row(&a->sql, q)) {
        struct th_user u;
        read_user(q, &u);
        th_user_put(a, now_ns, &u, out);
    }
    th_json_close_list(out);
}

int64_t th_users_count(struct th_accounts *a)
{
    return th_sql_number(&a->sql, 0, "SELECT count(*) FROM users", "");
}
