/* SPDX-License-Identifier: Apache-2.0 */
#include "account/token.h"

#include "account/audit.h"
#include "accounts.h"
#include "crypto/base32.h"
#include "crypto/random.h"

/* In hexadecimal, so that a secret is letters and digits only, fewer than 64 of them. */
#define SECRET_BYTES 24u

bool th_token_label_is(struct th_str label)
{
    if (label.len < 4 || label.len >= TH_TOKEN_MAX_LABEL)
        return false;
    for (uint32_t i = 0; i < label.len; i++) {
        char c = label.p[i];
        if (!((c >= '0' && c <= '9') || (th_lower(c) >= 'a' && th_lower(c) <= 'z') || c == '-'))
            return false;
    }
    return true;
}

int th_token_add(struct th_accounts *a, int64_t now_ns, const char *by, struct th_str label,
    char ret_token[TH_TOKEN_LEN])
{
    uint8_t secret[SECRET_BYTES];
    uint8_t hash[TH_SHA256_LEN];
    char text[2 * SECRET_BYTES + 1];
    char name[TH_TOKEN_MAX_LABEL];
    if (!th_token_label_is(label))
        return -EINVAL;
    if (th_sql_number(&a->sql, 0, "SELECT 1 FROM tokens WHERE label = ?", "s", label) != 0)
        return -EEXIST;
    th_random_bytes(secret, sizeof(secret));
    th_sha256(secret, sizeof(secret), hash);
    th_hex(secret, sizeof(secret), text);
    snprintf(name, sizeof(name), "%.*s", (int)label.len, label.p);
    th_sql_run(&a->sql, "INSERT INTO tokens VALUES (?, ?, ?, ?, NULL, NULL)", "sbiz", label,
        th_str_n(hash, sizeof(hash)), now_ns, by);
    th_audit(a, now_ns, by, "token.add", name, "");
    snprintf(ret_token, TH_TOKEN_LEN, "%s:%s", name, text);
    th_wipe(secret, sizeof(secret));
    th_wipe(text, sizeof(text));
    return 0;
}

int th_token_revoke(struct th_accounts *a, int64_t now_ns, const char *by, struct th_str label)
{
    char name[TH_TOKEN_MAX_LABEL];
    if (!th_token_label_is(label) ||
        th_sql_number(&a->sql, 0, "SELECT 1 FROM tokens WHERE label = ?", "s", label) == 0)
        return -ENOENT;
    snprintf(name, sizeof(name), "%.*s", (int)label.len, label.p);
    if (th_sql_run(&a->sql,
            "UPDATE tokens SET revoked_ns = ? WHERE label = ? AND revoked_ns IS NULL", "is", now_ns,
            label) > 0)
        th_audit(a, now_ns, by, "token.revoke", name, "");
    return 0;
}

int th_token_use(
    struct th_accounts *a, int64_t now_ns, struct th_str token, char ret_label[TH_TOKEN_MAX_LABEL])
{
    uint8_t secret[SECRET_BYTES];
    uint8_t hash[TH_SHA256_LEN];
    struct th_str label = th_str_split(&token, ':');
    if (!th_token_label_is(label) || !th_unhex(token, secret, sizeof(secret)))
        return -EACCES;
    th_sha256(secret, sizeof(secret), hash);
    th_wipe(secret, sizeof(secret));
    {
        TH_AUTOSTMT sqlite3_stmt *q = th_sql(
            &a->sql, "SELECT hash FROM tokens WHERE label = ? AND revoked_ns IS NULL", "s", label);
        if (!th_sql_row(&a->sql, q))
            return -EACCES;
        struct th_str kept = th_sql_text(q, 0);
        if (kept.len != sizeof(hash) || !th_secret_eq(kept.p, hash, sizeof(hash)))
            return -EACCES;
    }
    th_sql_run(&a->sql, "UPDATE tokens SET last_used_ns = ? WHERE label = ?", "is", now_ns, label);
    snprintf(ret_label, TH_TOKEN_MAX_LABEL, "%.*s", (int)label.len, label.p);
    return 0;
}

void th_tokens_put(struct th_accounts *a, struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT label, created_ns, by, last_used_ns, revoked_ns IS NOT NULL,"
        " (SELECT count(*) FROM sensors WHERE token = label) FROM tokens ORDER BY label",
        "");
    th_json_open_list(out);
    while (th_sql_row(&a->sql, q)) {
        th_json_open(out);
        th_json_key(out, "label");
        th_json_str(out, th_sql_text(q, 0));
        th_json_key(out, "created");
        th_json_time(out, th_sql_int(q, 1));
        th_json_key(out, "by");
        th_json_str(out, th_sql_text(q, 2));
        th_json_key(out, "last_used");
        if (th_sql_is_null(q, 3))
            th_json_null(out);
        else
            th_json_time(out, th_sql_int(q, 3));
        th_json_key(out, "sensors");
        th_json_i64(out, th_sql_int(q, 5));
        th_json_key(out, "revoked");
        th_json_bool(out, th_sql_int(q, 4) != 0);
        th_json_close(out);
    }
    th_json_close_list(out);
}
