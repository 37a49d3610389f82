/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include <poll.h>
#include <stdarg.h>

#include "crypto/random.h"

/* SQLite's way to the system, but for two calls that a locked role does not have: it waits
 * by poll, and takes randomness from getrandom instead of a device. */
static int wait_by_poll(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    poll(NULL, 0, (microseconds + 999) / 1000);
    return microseconds;
}

static int give_random(sqlite3_vfs *vfs, int len, char *ret)
{
    (void)vfs;
    th_random_bytes(ret, (size_t)len);
    return len;
}

static const char *own_vfs(void)
{
    static sqlite3_vfs vfs;
    const sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");
    if (vfs.zName || !unix_vfs)
        return vfs.zName;
    vfs = *unix_vfs;
    vfs.zName = "thymus";
    vfs.xSleep = wait_by_poll;
    vfs.xRandomness = give_random;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? vfs.zName : NULL;
}

/* A path that leads through a descriptor (/proc/self/fd/...) stays as it is: what it leads to need
 * not have a path that this process may go. */
static int keep_path(sqlite3_vfs *vfs, const char *path, int room, char *ret)
{
    (void)vfs;
    return snprintf(ret, (size_t)room, "%s", path) < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* SQLite opens a write-ahead log for writing and tries again for reading: a locked role has no
 * first try. */
static int open_to_read(
    sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags, int *ret_flags)
{
    const sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");
    flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    return unix_vfs->xOpen(vfs, path, file, flags | SQLITE_OPEN_READONLY, ret_flags);
}

static const char *reading_vfs(void)
{
    static sqlite3_vfs vfs;
    const char *own = own_vfs();
    const sqlite3_vfs *own_way = own ? sqlite3_vfs_find(own) : NULL;
    if (vfs.zName || !own_way)
        return vfs.zName;
    vfs = *own_way;
    vfs.zName = "thymus-read";
    vfs.xFullPathname = keep_path;
    vfs.xOpen = open_to_read;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? vfs.zName : NULL;
}

static int from_sqlite(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_NOMEM: return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_READONLY: return -EROFS;
    case SQLITE_CANTOPEN: return -EACCES;
    case SQLITE_CONSTRAINT: return -EEXIST;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return TH_E_MALFORMED;
    default: return -EIO;
    }
}

static void note(struct th_sql *s, int code)
{
    int err = from_sqlite(code);
    if (s->err == 0)
        s->err = err;
}

/* What is left of an opening that came to code. */
static int set_up(struct th_sql *s, int code, const char *sql, struct th_sql *ret)
{
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(s->db, 5000);
    if (code == SQLITE_OK)
        code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        sqlite3_close(s->db);
        return from_sqlite(code);
    }
    *ret = *s;
    return 0;
}

int th_sql_open(const char *path, struct th_sql *ret)
{
    static const char setup[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
        "PRAGMA wal_autocheckpoint = 1000; PRAGMA secure_delete = ON;";
    struct th_sql s = {0};
    int keep_wal = 1;
    int code = sqlite3_open_v2(path, &s.db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX,
        own_vfs());
    if (code == SQLITE_OK)
        code = sqlite3_db_config(s.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Its write-ahead log stays when it is closed: a locked role does not unlink. */
    if (code == SQLITE_OK)
        code = sqlite3_file_control(s.db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_wal);
    if (code == SQLITE_NOTFOUND)
        code = SQLITE_OK; /* in memory, for tests */
    return set_up(&s, code, setup, ret);
}

int th_sql_open_to_read(const char *path, struct th_sql *ret)
{
    static const char setup[] = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA "
                                "trusted_schema = OFF; PRAGMA cell_size_check = ON;";
    struct th_sql s = {0};
    TH_AUTOFREE char *shared = th_xasprintf("%s-shm", path);
    /* Without the memory that its users share nobody uses it, and there is no write-ahead log. */
    const char *how = access(shared, F_OK) == 0 ? "readonly_shm=1" : "immutable=1";
    TH_AUTOFREE char *uri = th_xasprintf("file:%s?mode=ro&%s", path, how);
    int code = sqlite3_open_v2(
        uri, &s.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, reading_vfs());
    return set_up(&s, code, setup, ret);
}

void th_sql_done(struct th_sql *s)
{
    int code = sqlite3_close(s->db);
    TH_ASSERT(code == SQLITE_OK); /* else a statement was left behind */
    s->db = NULL;
}

static sqlite3_stmt *prepare(struct th_sql *s, const char *sql, const char *types, va_list args)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (code != SQLITE_OK) {
        TH_ASSERT((code & 0xff) != SQLITE_ERROR && (code & 0xff) != SQLITE_MISUSE);
        note(s, code);
        return NULL;
    }
    TH_ASSERT(sqlite3_bind_parameter_count(q) == (int)strlen(types));
    for (int i = 0; types[i]; i++) {
        int at = i + 1;
        struct th_str str = {.p = "", .len = 0};
        switch (types[i]) {
        case 'i': code = sqlite3_bind_int64(q, at, va_arg(args, int64_t)); break;
        case 's':
            str = va_arg(args, struct th_str);
            code = sqlite3_bind_text64(q, at, str.p, str.len, SQLITE_TRANSIENT, SQLITE_UTF8);
            break;
        case 'z':
            code = sqlite3_bind_text(q, at, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 'b':
            str = va_arg(args, struct th_str);
            code = sqlite3_bind_blob64(q, at, str.p, str.len, SQLITE_TRANSIENT);
            break;
        case 'n': code = sqlite3_bind_null(q, at); break;
        default: TH_ASSERT(types[i] == 0); break; /* no such type */
        }
        note(s, code);
    }
    return q;
}

bool th_sql_row(struct th_sql *s, sqlite3_stmt *q)
{
    if (!q || s->err < 0)
        return false;
    int code = sqlite3_step(q);
    note(s, code);
    return code == SQLITE_ROW;
}

sqlite3_stmt *th_sql(struct th_sql *s, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *q = prepare(s, sql, types, args);
    va_end(args);
    return q;
}

int th_sql_run(struct th_sql *s, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    TH_AUTOSTMT sqlite3_stmt *q = prepare(s, sql, types, args);
    va_end(args);
    if (!q || s->err < 0)
        return 0;
    th_sql_row(s, q);
    return s->err < 0 ? 0 : sqlite3_changes(s->db);
}

int64_t th_sql_number(struct th_sql *s, int64_t none, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    TH_AUTOSTMT sqlite3_stmt *q = prepare(s, sql, types, args);
    va_end(args);
    return th_sql_row(s, q) && !th_sql_is_null(q, 0) ? th_sql_int(q, 0) : none;
}

void th_sql_begin(struct th_sql *s)
{
    TH_ASSERT(sqlite3_get_autocommit(s->db));
    s->err = 0;
    th_sql_run(s, "BEGIN", "");
}

int th_sql_commit(struct th_sql *s)
{
    if (s->err == 0)
        th_sql_run(s, "COMMIT", "");
    int err = s->err;
    s->err = 0;
    if (!sqlite3_get_autocommit(s->db))
        th_sql_run(s, "ROLLBACK", "");
    s->err = 0;
    return err;
}

struct th_str th_sql_text(sqlite3_stmt *q, int column)
{
    const void *p = sqlite3_column_blob(q, column);
    return p ? th_str_n(p, (size_t)sqlite3_column_bytes(q, column)) : th_str_c("");
}

void th_sql_copy(sqlite3_stmt *q, int column, char *ret, size_t room)
{
    struct th_str text = th_sql_text(q, column);
    size_t len = TH_MIN((size_t)text.len, room - 1);
    memcpy(ret, text.p, len);
    ret[len] = 0;
}
