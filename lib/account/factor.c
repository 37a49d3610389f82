/* SPDX-License-Identifier: Apache-2.0 */
#include "factor.h"

#include "account/audit.h"
#include "crypto/base32.h"
#include "crypto/random.h"
#include "crypto/totp.h"

#define RECOVERY_CHARS 10u
#define CONTEXT_LEN 40u

static void user_context(int64_t user, char ret[CONTEXT_LEN])
{
    snprintf(ret, CONTEXT_LEN, "user %lld totp", (long long)user);
}

static bool open_secret(struct th_accounts *a, const char *context, struct th_str sealed,
    uint8_t ret[TH_TOTP_SECRET_BYTES])
{
    TH_AUTOBUF struct th_buf plain = TH_BUF_INIT;
    bool ok = th_keychain_open(a->keys, context, sealed, &plain) == 0 &&
        plain.len == TH_TOTP_SECRET_BYTES;
    if (ok)
        memcpy(ret, plain.p, TH_TOTP_SECRET_BYTES);
    if (plain.p)
        th_wipe(plain.p, plain.cap);
    return ok;
}

static void keep_secret(struct th_accounts *a, int64_t user, const uint8_t *secret, int64_t step)
{
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    char context[CONTEXT_LEN];
    user_context(user, context);
    int r = th_keychain_seal(a->keys, context, th_str_n(secret, TH_TOTP_SECRET_BYTES), &sealed);
    TH_ASSERT(r == 0);
    th_sql_run(&a->sql, "UPDATE users SET totp = ?, totp_step = ? WHERE id = ?", "bii",
        th_buf_view(&sealed), step, user);
}

static void percent(struct th_buf *out, const char *s)
{
    for (; *s; s++) {
        char c = *s;
        if ((c >= '0' && c <= '9') || (th_lower(c) >= 'a' && th_lower(c) <= 'z') ||
            strchr("-._~", c))
            th_buf_u8(out, (uint8_t)c);
        else
            th_buf_printf(out, "%%%02X", (unsigned)(uint8_t)c);
    }
}

void th_enrolment_done(struct th_enrolment *e)
{
    struct th_buf *parts[] = {&e->uri, &e->svg, &e->secret};
    for (size_t i = 0; i < TH_ARRAY_LEN(parts); i++) {
        if (parts[i]->p)
            th_wipe(parts[i]->p, parts[i]->cap);
        th_buf_done(parts[i]);
    }
}

int th_login_offer(struct th_accounts *a, const struct th_session *half, const char *issuer,
    struct th_enrolment *ret)
{
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    if (strcmp(half->stage, "enrol") != 0)
        return -EACCES;
    th_random_bytes(secret, sizeof(secret));
    int r = th_keychain_seal(a->keys, "enrolment", th_str_n(secret, sizeof(secret)), &sealed);
    TH_ASSERT(r == 0);
    th_sql_run(&a->sql, "UPDATE sessions SET secret = ? WHERE hash = ?", "bb", th_buf_view(&sealed),
        th_str_n(half->hash, sizeof(half->hash)));
    th_base32_put(secret, sizeof(secret), &ret->secret);
    th_wipe(secret, sizeof(secret));
    th_buf_puts(&ret->uri, "otpauth://totp/");
    percent(&ret->uri, issuer);
    th_buf_u8(&ret->uri, ':');
    percent(&ret->uri, half->user.name);
    th_buf_puts(&ret->uri, "?secret=");
    th_buf_str(&ret->uri, th_buf_view(&ret->secret));
    th_buf_puts(&ret->uri, "&issuer=");
    percent(&ret->uri, issuer);
    th_buf_puts(&ret->uri, "&algorithm=SHA1&digits=6&period=30");
    th_buf_u8(&ret->uri, 0);
    r = th_qr_svg((const char *)ret->uri.p, &ret->svg);
    ret->uri.len--; /* the zero is behind it */
    return r;
}

bool th_factor_enrol(
    struct th_accounts *a, int64_t now_ns, const struct th_session *half, struct th_str code)
{
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    int64_t step;
    bool ok;
    {
        TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql, "SELECT secret FROM sessions WHERE hash = ?",
            "b", th_str_n(half->hash, sizeof(half->hash)));
        ok = th_sql_row(&a->sql, q) && open_secret(a, "enrolment", th_sql_text(q, 0), secret);
    }
    ok = ok && th_totp_check(secret, now_ns, -1, code, &step);
    if (ok)
        keep_secret(a, half->user.id, secret, step);
    th_wipe(secret, sizeof(secret));
    return ok;
}

bool th_factor_code(struct th_accounts *a, int64_t now_ns, int64_t user, struct th_str code)
{
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    char context[CONTEXT_LEN];
    int64_t last = 0;
    int64_t step;
    bool ok;
    user_context(user, context);
    {
        TH_AUTOSTMT sqlite3_stmt *q =
            th_sql(&a->sql, "SELECT totp, totp_step FROM users WHERE id = ?", "i", user);
        ok = th_sql_row(&a->sql, q) && open_secret(a, context, th_sql_text(q, 0), secret);
        last = ok ? th_sql_int(q, 1) : 0;
    }
    ok = ok && th_totp_check(secret, now_ns, last, code, &step);
    if (ok)
        keep_secret(a, user, secret, step);
    th_wipe(secret, sizeof(secret));
    return ok;
}

static int recovery_mac(struct th_accounts *a, int64_t key, int64_t user,
    const char chars[RECOVERY_CHARS], uint8_t ret[TH_KEYCHAIN_MAC_BYTES])
{
    char context[CONTEXT_LEN];
    snprintf(context, sizeof(context), "user %lld recovery", (long long)user);
    if (key < 1 || key > INT32_MAX)
        return -ENOKEY;
    return th_keychain_mac(a->keys, (uint32_t)key, context, th_str_n(chars, RECOVERY_CHARS), ret);
}

void th_factor_make_recovery(
    struct th_accounts *a, int64_t user, char ret[TH_RECOVERY_CODES][TH_RECOVERY_LEN])
{
    int64_t key = th_keychain_newest(a->keys);
    th_sql_run(&a->sql, "DELETE FROM recovery WHERE user = ?", "i", user);
    for (unsigned i = 0; i < TH_RECOVERY_CODES; i++) {
        uint8_t bytes[7]; /* 50 bits of it */
        uint8_t mac[TH_KEYCHAIN_MAC_BYTES];
        TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
        th_random_bytes(bytes, sizeof(bytes));
        th_base32_put(bytes, sizeof(bytes), &text);
        int r = recovery_mac(a, key, user, (const char *)text.p, mac);
        TH_ASSERT(r == 0);
        th_sql_run(&a->sql, "INSERT INTO recovery VALUES (?, ?, ?, NULL)", "iib", user, key,
            th_str_n(mac, sizeof(mac)));
        snprintf(
            ret[i], TH_RECOVERY_LEN, "%.5s-%.5s", (const char *)text.p, (const char *)text.p + 5);
    }
}

/* Letters and digits of what somebody typed; false when they are not ten. */
static bool recovery_chars(struct th_str code, char ret[RECOVERY_CHARS])
{
    size_t n = 0;
    for (uint32_t i = 0; i < code.len; i++) {
        char c = code.p[i];
        if (c == '-' || c == ' ')
            continue;
        if (n == RECOVERY_CHARS)
            return false;
        ret[n++] = c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
    }
    return n == RECOVERY_CHARS;
}

bool th_factor_recovery(struct th_accounts *a, int64_t now_ns, int64_t user, struct th_str code)
{
    char chars[RECOVERY_CHARS];
    uint8_t found[TH_KEYCHAIN_MAC_BYTES];
    bool ok = false;
    if (!recovery_chars(code, chars))
        return false;
    {
        TH_AUTOSTMT sqlite3_stmt *q = th_sql(
            &a->sql, "SELECT key, mac FROM recovery WHERE user = ? AND used_ns IS NULL", "i", user);
        while (th_sql_row(&a->sql, q)) {
            uint8_t mac[TH_KEYCHAIN_MAC_BYTES];
            struct th_str kept = th_sql_text(q, 1);
            if (kept.len == sizeof(mac) &&
                recovery_mac(a, th_sql_int(q, 0), user, chars, mac) == 0 &&
                th_secret_eq(mac, kept.p, sizeof(mac))) {
                memcpy(found, mac, sizeof(found));
                ok = true;
            }
        }
    }
    if (ok)
        th_sql_run(&a->sql, "UPDATE recovery SET used_ns = ? WHERE user = ? AND mac = ?", "iib",
            now_ns, user, th_str_n(found, sizeof(found)));
    return ok;
}

int64_t th_factor_recovery_left(struct th_accounts *a, int64_t user)
{
    return th_sql_number(
        &a->sql, 0, "SELECT count(*) FROM recovery WHERE user = ? AND used_ns IS NULL", "i", user);
}

int th_factor_reseal_all(struct th_accounts *a)
{
    int64_t after = 0;
    for (;;) {
        uint8_t secret[TH_TOTP_SECRET_BYTES];
        char context[CONTEXT_LEN];
        int64_t step;
        {
            TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
                "SELECT id, totp, totp_step FROM users WHERE id > ? AND totp IS NOT NULL"
                " ORDER BY id LIMIT 1",
                "i", after);
            if (!th_sql_row(&a->sql, q))
                return 0;
            after = th_sql_int(q, 0);
            step = th_sql_int(q, 2);
            user_context(after, context);
            if (!open_secret(a, context, th_sql_text(q, 1), secret))
                return TH_E_SIGNATURE;
        }
        keep_secret(a, after, secret, step);
        th_wipe(secret, sizeof(secret));
    }
}
