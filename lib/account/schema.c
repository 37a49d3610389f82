/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

/* One string a version; a released one is never changed. */
static const char *const steps[] = {
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_ns INTEGER NOT NULL);"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) WITHOUT ROWID;"
    "CREATE TABLE keys (number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);"
    "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, hash TEXT NOT NULL,"
    "  must_change INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, totp BLOB,"
    "  totp_step INTEGER NOT NULL DEFAULT -1, created_ns INTEGER NOT NULL, last_login_ns INTEGER);"
    "CREATE TABLE recovery (user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,"
    "  key INTEGER NOT NULL, mac BLOB NOT NULL, used_ns INTEGER, PRIMARY KEY (user, mac))"
    "  WITHOUT ROWID;"
    /* stage: '' a session; else a half login and what it waits for */
    "CREATE TABLE sessions (hash BLOB PRIMARY KEY,"
    "  user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, stage TEXT NOT NULL,"
    "  secret BLOB, tries INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL,"
    "  last_ns INTEGER NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX sessions_user ON sessions (user);"
    "CREATE TABLE lockouts (who TEXT PRIMARY KEY, failures INTEGER NOT NULL,"
    "  until_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX lockouts_last ON lockouts (last_ns);"
    "CREATE TABLE tokens (label TEXT PRIMARY KEY, hash BLOB NOT NULL, created_ns INTEGER NOT NULL,"
    "  by TEXT NOT NULL, last_used_ns INTEGER, revoked_ns INTEGER) WITHOUT ROWID;"
    "CREATE TABLE sensors (id TEXT PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL,"
    "  status TEXT NOT NULL, token TEXT NOT NULL, version TEXT NOT NULL, address TEXT NOT NULL,"
    "  first_ns INTEGER NOT NULL, last_ns INTEGER, approved_by TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX sensors_token ON sensors (token);"
    "CREATE TABLE audit (n INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, user TEXT NOT NULL,"
    "  action TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL, key INTEGER NOT NULL,"
    "  hash BLOB NOT NULL);",
    "CREATE TABLE searches (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,"
    "  name TEXT NOT NULL COLLATE NOCASE, query TEXT NOT NULL, from_text TEXT NOT NULL,"
    "  to_text TEXT NOT NULL, kind TEXT NOT NULL, columns TEXT NOT NULL,"
    "  saved_ns INTEGER NOT NULL, UNIQUE (user, name));",
    "CREATE TABLE asks (id TEXT PRIMARY KEY, by TEXT NOT NULL, asked_ns INTEGER NOT NULL,"
    "  sensor TEXT NOT NULL, any_sensor INTEGER NOT NULL, tried TEXT NOT NULL, wish TEXT NOT NULL,"
    "  limit_bytes INTEGER NOT NULL, state TEXT NOT NULL, command TEXT NOT NULL,"
    "  attempts INTEGER NOT NULL, told_ns INTEGER NOT NULL, finished_ns INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL, stored INTEGER NOT NULL, packets INTEGER NOT NULL,"
    "  cut INTEGER NOT NULL, oldest_ns INTEGER NOT NULL, problem TEXT NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE permits (id TEXT PRIMARY KEY, until_ns INTEGER NOT NULL) WITHOUT ROWID;",
};

int64_t th_schema_version(void)
{
    return (int64_t)TH_ARRAY_LEN(steps);
}

int th_schema_migrate(struct th_sql *s, int64_t now_ns)
{
    for (;;) {
        th_sql_begin(s);
        int64_t have = th_sql_number(s, 0, "PRAGMA user_version", "");
        if (s->err == 0 && have == th_schema_version())
            return th_sql_commit(s);
        if (have < 0 || have > th_schema_version()) {
            int r = th_sql_commit(s);
            return r < 0 ? r : TH_E_VERSION;
        }
        char set_version[64];
        snprintf(
            set_version, sizeof(set_version), "PRAGMA user_version = %lld", (long long)have + 1);
        if (s->err == 0 && sqlite3_exec(s->db, steps[have], NULL, NULL, NULL) != SQLITE_OK)
            s->err = sqlite3_errcode(s->db) == SQLITE_FULL ? -ENOSPC : -EIO;
        if (s->err == 0)
            th_sql_run(s, "INSERT INTO migrations VALUES (?, ?)", "ii", have + 1, now_ns);
        if (s->err == 0)
            th_sql_run(s, set_version, "");
        int r = th_sql_commit(s);
        if (r < 0)
            return r;
    }
}
