/* SPDX-License-Identifier: Apache-2.0 */
#include "account/session.h"

#include "accounts.h"
#include "crypto/base32.h"
#include "crypto/random.h"

#define ID_BYTES 32u
#define NOTE_EVERY_NS TH_NS_PER_MIN /* how often "last seen" is written */
/* What has not ended by itself at ?1. */
#define ALIVE                                                                                      \
    "(CASE sessions.stage WHEN '' THEN sessions.last_ns + 43200000000000 > ?1"                     \
    " AND sessions.created_ns + 604800000000000 > ?1"                                              \
    " ELSE sessions.created_ns + 600000000000 > ?1 END)"

_Static_assert(TH_SESSION_IDLE_NS == INT64_C(43200000000000) &&
        TH_SESSION_MAX_NS == INT64_C(604800000000000) &&
        TH_SESSION_HALF_NS == INT64_C(600000000000),
    "the limits in ALIVE");

static struct th_str shortened(struct th_str s, uint32_t max)
{
    return th_str_n(s.p, TH_MIN(s.len, max));
}

static void csrf_of(const uint8_t hash[TH_SHA256_LEN], char ret[TH_COOKIE_LEN])
{
    static const char purpose[] = "thymus csrf";
    struct th_digest d;
    uint8_t token[TH_DIGEST_MAX_LEN];
    th_digest_init(&d, TH_DIGEST_SHA256);
    th_digest_update(&d, purpose, sizeof(purpose));
    th_digest_update(&d, hash, TH_SHA256_LEN);
    th_digest_final(&d, token);
    th_hex(token, TH_SHA256_LEN, ret);
}

void th_session_begin(struct th_accounts *a, int64_t now_ns, int64_t user, const char *stage,
    struct th_str address, struct th_str agent, char ret_cookie[TH_COOKIE_LEN])
{
    uint8_t id[ID_BYTES];
    uint8_t hash[TH_SHA256_LEN];
    th_random_bytes(id, sizeof(id));
    th_sha256(id, sizeof(id), hash);
    th_sql_run(&a->sql,
        "INSERT INTO sessions (hash, user, stage, created_ns, last_ns, address, agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        "biziiss", th_str_n(hash, sizeof(hash)), user, stage, now_ns, now_ns,
        shortened(address, TH_ACCOUNT_MAX_ADDRESS - 1), shortened(agent, TH_SESSION_MAX_AGENT));
    th_sql_run(&a->sql,
        "DELETE FROM sessions WHERE user = ?1 AND (stage = '') = (?2 = '') AND hash NOT IN"
        " (SELECT hash FROM sessions WHERE user = ?1 AND (stage = '') = (?2 = '')"
        "  ORDER BY last_ns DESC, hash = ?4 DESC LIMIT ?3)",
        "izib", user, stage, (int64_t)TH_SESSION_MAX_PER_USER, th_str_n(hash, sizeof(hash)));
    th_hex(id, sizeof(id), ret_cookie);
    th_wipe(id, sizeof(id));
}

static int find(struct th_accounts *a, int64_t now_ns, const uint8_t hash[TH_SHA256_LEN], bool half,
    struct th_str address, struct th_session *ret)
{
    struct th_session s = {0};
    memcpy(s.hash, hash, sizeof(s.hash));
    csrf_of(hash, s.csrf);
    th_hex(hash, TH_SHA256_LEN, s.key);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT user, stage, tries, created_ns, last_ns FROM sessions WHERE " ALIVE
        " AND hash = ?2",
        "ib", now_ns, th_str_n(s.hash, sizeof(s.hash)));
    if (!th_sql_row(&a->sql, q) || th_user_get(a, th_sql_int(q, 0), &s.user) < 0 || s.user.disabled)
        return -ENOENT;
    th_sql_copy(q, 1, s.stage, sizeof(s.stage));
    if ((s.stage[0] != 0) != half)
        return -ENOENT;
    s.tries = (int)th_sql_int(q, 2);
    s.created_ns = th_sql_int(q, 3);
    s.expires_ns = half ? s.created_ns + TH_SESSION_HALF_NS
                        : TH_MIN(now_ns + TH_SESSION_IDLE_NS, s.created_ns + TH_SESSION_MAX_NS);
    th_hex(s.hash, (TH_SESSION_ID_LEN - 1) / 2, s.id);
    if (now_ns - th_sql_int(q, 4) >= NOTE_EVERY_NS)
        th_sql_run(&a->sql, "UPDATE sessions SET last_ns = ?, address = ? WHERE hash = ?", "isb",
            now_ns, shortened(address, TH_ACCOUNT_MAX_ADDRESS - 1),
            th_str_n(s.hash, sizeof(s.hash)));
    *ret = s;
    return 0;
}

int th_session_find(struct th_accounts *a, int64_t now_ns, struct th_str cookie, bool half,
    struct th_str address, struct th_session *ret)
{
    uint8_t id[ID_BYTES];
    uint8_t hash[TH_SHA256_LEN];
    if (!th_unhex(cookie, id, sizeof(id)))
        return -ENOENT;
    th_sha256(id, sizeof(id), hash);
    th_wipe(id, sizeof(id));
    return find(a, now_ns, hash, half, address, ret);
}

int th_session_find_key(struct th_accounts *a, int64_t now_ns, struct th_str key,
    struct th_str address, struct th_session *ret)
{
    uint8_t hash[TH_SHA256_LEN];
    return th_unhex(key, hash, sizeof(hash)) ? find(a, now_ns, hash, false, address, ret) : -ENOENT;
}

bool th_session_csrf_is(const struct th_session *s, struct th_str csrf)
{
    return csrf.len == TH_COOKIE_LEN - 1 && th_secret_eq(csrf.p, s->csrf, csrf.len);
}

void th_session_end(struct th_accounts *a, const struct th_session *s)
{
    th_sql_run(
        &a->sql, "DELETE FROM sessions WHERE hash = ?", "b", th_str_n(s->hash, sizeof(s->hash)));
}

void th_sessions_end_of(struct th_accounts *a, int64_t user, const struct th_session *keep)
{
    struct th_str kept = keep ? th_str_n(keep->hash, sizeof(keep->hash)) : th_str_c("");
    th_sql_run(&a->sql, "DELETE FROM sessions WHERE user = ? AND hash <> ?", "ib", user, kept);
}

int th_session_revoke(struct th_accounts *a, struct th_str id, int64_t user, bool any_user,
    char ret_user[TH_USER_MAX_NAME])
{
    uint8_t begin[(TH_SESSION_ID_LEN - 1) / 2];
    if (!th_unhex(id, begin, sizeof(begin)))
        return -ENOENT;
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT s.hash, u.name FROM sessions s JOIN users u ON u.id = s.user"
        " WHERE s.stage = '' AND substr(s.hash, 1, 16) = ? AND (u.id = ? OR ?)",
        "bii", th_str_n(begin, sizeof(begin)), user, (int64_t)any_user);
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    th_sql_copy(q, 1, ret_user, TH_USER_MAX_NAME);
    th_sql_run(&a->sql, "DELETE FROM sessions WHERE hash = ?", "b", th_sql_text(q, 0));
    return 0;
}

void th_sessions_put(struct th_accounts *a, int64_t now_ns, const struct th_session *asks, bool all,
    struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT sessions.hash, u.name, sessions.created_ns, last_ns, address, agent"
        " FROM sessions JOIN users u ON u.id = sessions.user"
        " WHERE stage = '' AND " ALIVE
        " AND (u.id = ?2 OR ?3) ORDER BY last_ns DESC, sessions.hash",
        "iii", now_ns, asks->user.id, (int64_t)all);
    th_json_open_list(out);
    while (th_sql_row(&a->sql, q)) {
        struct th_str hash = th_sql_text(q, 0);
        char id[TH_SESSION_ID_LEN] = "";
        if (hash.len != TH_SHA256_LEN)
            continue;
        th_hex((const uint8_t *)hash.p, (TH_SESSION_ID_LEN - 1) / 2, id);
        th_json_open(out);
        th_json_key(out, "id");
        th_json_str(out, th_str_c(id));
        th_json_key(out, "user");
        th_json_str(out, th_sql_text(q, 1));
        th_json_key(out, "created");
        th_json_time(out, th_sql_int(q, 2));
        th_json_key(out, "last_seen");
        th_json_time(out, th_sql_int(q, 3));
        th_json_key(out, "address");
        th_json_str(out, th_sql_text(q, 4));
        th_json_key(out, "agent");
        th_json_str(out, th_sql_text(q, 5));
        th_json_key(out, "current");
        th_json_bool(out, memcmp(hash.p, asks->hash, sizeof(asks->hash)) == 0);
        th_json_close(out);
    }
    th_json_close_list(out);
}

int64_t th_sessions_count(struct th_accounts *a, int64_t now_ns)
{
    return th_sql_number(
        &a->sql, 0, "SELECT count(*) FROM sessions WHERE stage = '' AND " ALIVE, "i", now_ns);
}

void th_sessions_sweep(struct th_accounts *a, int64_t now_ns)
{
    th_sql_run(&a->sql, "DELETE FROM sessions WHERE NOT " ALIVE, "i", now_ns);
}
