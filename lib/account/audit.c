/* SPDX-License-Identifier: Apache-2.0 */
#include "account/audit.h"

#include "accounts.h"

struct entry {
    int64_t n, at_ns, key;
    struct th_str user, action, object, detail, hash;
};

/* Length before each part: no two entries are the same bytes. */
static void put(struct th_buf *b, struct th_str s)
{
    th_buf_le32(b, s.len);
    th_buf_str(b, s);
}

static int hash_of(struct th_accounts *a, const uint8_t before[TH_SHA256_LEN],
    const struct entry *e, uint8_t ret[TH_SHA256_LEN])
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_put(&b, before, TH_SHA256_LEN);
    th_buf_le64(&b, (uint64_t)e->n);
    th_buf_le64(&b, (uint64_t)e->at_ns);
    put(&b, e->user);
    put(&b, e->action);
    put(&b, e->object);
    put(&b, e->detail);
    if (e->key < 1 || e->key > INT32_MAX)
        return -ENOKEY;
    return th_keychain_mac(a->keys, (uint32_t)e->key, "audit", th_buf_view(&b), ret);
}

/* The newest entry's number and hash as they stand apart; all zero before the first. */
static int64_t head(struct th_accounts *a, uint8_t ret[TH_SHA256_LEN])
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT n.value, h.value FROM meta n, meta h"
        " WHERE n.key = 'audit_n' AND h.key = 'audit_hash'",
        "");
    memset(ret, 0, TH_SHA256_LEN);
    if (!th_sql_row(&a->sql, q))
        return 0;
    struct th_str hash = th_sql_text(q, 1);
    memcpy(ret, hash.p, TH_MIN((size_t)hash.len, (size_t)TH_SHA256_LEN));
    return th_sql_int(q, 0);
}

static struct th_str cut(const char *s)
{
    return th_str_n(s, strnlen(s, TH_AUDIT_MAX_TEXT));
}

void th_audit(struct th_accounts *a, int64_t now_ns, const char *user, const char *action,
    const char *object, const char *detail)
{
    uint8_t before[TH_SHA256_LEN];
    uint8_t hash[TH_SHA256_LEN];
    struct entry e = {.n = head(a, before) + 1,
        .at_ns = now_ns,
        .key = th_keychain_newest(a->keys),
        .user = cut(user),
        .action = cut(action),
        .object = cut(object),
        .detail = cut(detail)};
    int r = hash_of(a, before, &e, hash);
    TH_ASSERT(r == 0); /* a data key was made when the database was opened */
    struct th_str hash_view = th_str_n(hash, sizeof(hash));
    th_sql_run(&a->sql, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "iissssib", e.n,
        e.at_ns, e.user, e.action, e.object, e.detail, e.key, hash_view);
    th_sql_run(&a->sql, "INSERT OR REPLACE INTO meta VALUES ('audit_n', ?), ('audit_hash', ?)",
        "ib", e.n, hash_view);
}

static struct entry read_entry(sqlite3_stmt *q)
{
    return (struct entry){.n = th_sql_int(q, 0),
        .at_ns = th_sql_int(q, 1),
        .user = th_sql_text(q, 2),
        .action = th_sql_text(q, 3),
        .object = th_sql_text(q, 4),
        .detail = th_sql_text(q, 5),
        .key = th_sql_int(q, 6),
        .hash = th_sql_text(q, 7)};
}

static bool at_head(struct th_accounts *a)
{
    uint8_t hash[TH_SHA256_LEN];
    return head(a, hash) == a->checked_n && memcmp(hash, a->checked_hash, sizeof(hash)) == 0;
}

bool th_audit_check(struct th_accounts *a, unsigned max_entries)
{
    unsigned seen = 0;
    if (a->checked_n == 0)
        memset(a->checked_hash, 0, sizeof(a->checked_hash));
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT * FROM audit WHERE n > ? ORDER BY n LIMIT ?", "ii", a->checked_n,
            (int64_t)max_entries);
    while (!a->broken && th_sql_row(&a->sql, q)) {
        struct entry e = read_entry(q);
        uint8_t hash[TH_SHA256_LEN];
        seen++;
        a->broken = e.n != a->checked_n + 1 || e.hash.len != sizeof(hash) ||
            hash_of(a, a->checked_hash, &e, hash) < 0 || memcmp(hash, e.hash.p, sizeof(hash)) != 0;
        if (!a->broken) {
            a->checked_n = e.n;
            memcpy(a->checked_hash, hash, sizeof(hash));
        }
    }
    if (!a->broken && seen < max_entries && a->sql.err == 0) {
        a->broken = !at_head(a);
        a->checked_n = 0; /* the next round */
    }
    return !a->broken;
}

bool th_audit_intact(struct th_accounts *a)
{
    a->checked_n = 0;
    return th_audit_check(a, UINT32_MAX);
}

void th_audit_page(
    struct th_accounts *a, int64_t before, unsigned limit, bool intact, struct th_json *out)
{
    int64_t last = 0;
    unsigned count = 0;
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT * FROM audit WHERE n < ? ORDER BY n DESC LIMIT ?", "ii",
            before > 0 ? before : INT64_MAX, (int64_t)TH_MIN(limit, TH_AUDIT_MAX_PAGE));
    th_json_open(out);
    th_json_key(out, "entries");
    th_json_open_list(out);
    for (; th_sql_row(&a->sql, q); count++) {
        struct entry e = read_entry(q);
        char hex[2 * TH_SHA256_LEN + 1] = "";
        if (e.hash.len == TH_SHA256_LEN)
            th_hex((const uint8_t *)e.hash.p, e.hash.len, hex);
        th_json_open(out);
        th_json_key(out, "n");
        th_json_i64(out, last = e.n);
        th_json_key(out, "time");
        th_json_time(out, e.at_ns);
        th_json_key(out, "user");
        th_json_str(out, e.user);
        th_json_key(out, "action");
        th_json_str(out, e.action);
        th_json_key(out, "object");
        th_json_str(out, e.object);
        th_json_key(out, "detail");
        th_json_str(out, e.detail);
        th_json_key(out, "hash");
        th_json_str(out, th_str_c(hex));
        th_json_close(out);
    }
    th_json_close_list(out);
    th_json_key(out, "intact");
    th_json_bool(out, intact);
    th_json_key(out, "next");
    if (count > 0 && last > 1)
        th_json_i64(out, last);
    else
        th_json_null(out);
    th_json_close(out);
}
