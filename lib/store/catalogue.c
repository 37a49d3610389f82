/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalogue.h"

#include "base/time.h"
#include "catalogue_i.h"
#include "event/event.h"

#define VERSION 4

/* Kinds by name and not by number: the database outlives this program's numbers. */
static const char *const schema_1[] = {
    "CREATE TABLE segments (name TEXT PRIMARY KEY, kind TEXT NOT NULL, day INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, level INTEGER NOT NULL, retired INTEGER) WITHOUT ROWID, STRICT",
    "CREATE INDEX segments_time ON segments(retired, last)",
    "CREATE TABLE followers (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID,"
    " STRICT",
    "CREATE TABLE breaches (id TEXT PRIMARY KEY, time INTEGER NOT NULL, device TEXT NOT NULL,"
    " score INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE INDEX breaches_time ON breaches(time, id)",
    "CREATE INDEX breaches_device ON breaches(device, time, id)",
    "CREATE TABLE incidents (id TEXT PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL,"
    " score INTEGER NOT NULL, alert INTEGER NOT NULL, alerted INTEGER, first_seen INTEGER NOT"
    " NULL, updated INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE INDEX incidents_start ON incidents(start, id)",
    "CREATE TABLE incident_devices (device TEXT NOT NULL, incident TEXT NOT NULL,"
    " PRIMARY KEY (device, incident)) WITHOUT ROWID, STRICT",
    "CREATE TABLE incident_breaches (breach TEXT PRIMARY KEY, incident TEXT NOT NULL) WITHOUT "
    "ROWID,"
    " STRICT",
    "CREATE INDEX incident_breaches_incident ON incident_breaches(incident)",
    "CREATE TABLE states (incident TEXT PRIMARY KEY, state TEXT NOT NULL, by TEXT NOT NULL,"
    " at INTEGER NOT NULL, comment TEXT NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE TABLE devices (id TEXT PRIMARY KEY, ip TEXT, hostname TEXT, mac TEXT, user TEXT,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE INDEX devices_last ON devices(last, id)",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE TABLE hours (hour INTEGER PRIMARY KEY, events INTEGER NOT NULL) STRICT",
    "CREATE TABLE sensors (id TEXT PRIMARY KEY, status TEXT NOT NULL, silent INTEGER NOT NULL,"
    " events INTEGER NOT NULL) WITHOUT ROWID, STRICT",
};

/* Incidents that became part of an elder one. Version 1 did not hear of it and kept the younger,
 * without breaches: it goes to where most of what it had is now. */
static const char *const schema_2[] = {
    "CREATE TABLE joins (younger TEXT PRIMARY KEY, elder TEXT NOT NULL, at INTEGER NOT NULL)"
    " WITHOUT ROWID, STRICT",
    "CREATE INDEX joins_elder ON joins(elder)",
    "CREATE INDEX incident_devices_incident ON incident_devices(incident)",
    "INSERT INTO joins SELECT id, incident, end FROM (SELECT i.id, x.incident, i.end, "
    "row_number() OVER (PARTITION BY i.id ORDER BY count(*) DESC, x.incident) AS n FROM incidents "
    "i, json_each(i.json, '$.breaches') e JOIN incident_breaches x ON x.breach = e.value WHERE "
    "i.id NOT IN (SELECT incident FROM incident_breaches) GROUP BY i.id, x.incident) WHERE n = 1",
    "DELETE FROM incidents WHERE id NOT IN (SELECT incident FROM incident_breaches)",
    "DELETE FROM incident_devices WHERE incident NOT IN (SELECT id FROM incidents)",
    "DELETE FROM states WHERE incident IN (SELECT younger FROM joins)",
};

/* What was said to be normal here, by whom and why, and how much each has held back. */
#define PERMITS                                                                                    \
    "CREATE TABLE permits (id TEXT PRIMARY KEY, at INTEGER NOT NULL, device TEXT NOT NULL,"        \
    " until INTEGER NOT NULL, ended INTEGER, ended_by TEXT, json TEXT NOT NULL) WITHOUT ROWID,"    \
    " STRICT"
#define PERMITS_HELD                                                                               \
    "CREATE TABLE permits_held (id TEXT PRIMARY KEY, held INTEGER NOT NULL, last TEXT NOT NULL)"   \
    " WITHOUT ROWID, STRICT"
static const char *const schema_3[] = {
    PERMITS, "CREATE INDEX permits_at ON permits(at, id)", PERMITS_HELD};

/* What whole groups did, and which devices had part in it. */
#define GROUP_EVENTS                                                                               \
    "CREATE TABLE group_events (id TEXT PRIMARY KEY, start INTEGER NOT NULL, alert INTEGER NOT "   \
    "NULL, json TEXT NOT NULL) WITHOUT ROWID, STRICT"
#define GROUP_DEVICES                                                                              \
    "CREATE TABLE group_devices (device TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (device, " \
    "event)) WITHOUT ROWID, STRICT"
/* Users of the network, as against those of Thymus. */
#define CREDENTIALS                                                                                \
    "CREATE TABLE credentials (id TEXT PRIMARY KEY, name TEXT NOT NULL, last INTEGER NOT NULL,"    \
    " json TEXT NOT NULL) WITHOUT ROWID, STRICT"
static const char *const schema_4[] = {GROUP_EVENTS,
    "CREATE INDEX group_events_start ON group_events(start, id)", GROUP_DEVICES,
    "CREATE INDEX group_devices_event ON group_devices(event)", CREDENTIALS};

static int prepare(struct th_sql *s)
{
    int64_t version = th_sql_number(s, 0, "PRAGMA user_version", "");
    if (s->err < 0)
        return s->err;
    if (version > VERSION)
        return TH_E_VERSION;
    if (version == VERSION)
        return 0;
    th_sql_begin(s);
    for (size_t i = 0; version < 1 && i < TH_ARRAY_LEN(schema_1); i++)
        th_sql_run(s, schema_1[i], "");
    for (size_t i = 0; version < 2 && i < TH_ARRAY_LEN(schema_2); i++)
        th_sql_run(s, schema_2[i], "");
    for (size_t i = 0; version < 3 && i < TH_ARRAY_LEN(schema_3); i++)
        th_sql_run(s, schema_3[i], "");
    for (size_t i = 0; i < TH_ARRAY_LEN(schema_4); i++)
        th_sql_run(s, schema_4[i], "");
    th_sql_run(s, "PRAGMA user_version = 4", "");
    return th_sql_commit(s);
}

int th_catalogue_open(const char *path, struct th_catalogue **ret)
{
    struct th_catalogue *c = th_xcalloc(1, sizeof(*c));
    int r = th_sql_open(path, &c->sql);
    if (r < 0) {
        free(c);
        return r;
    }
    r = prepare(&c->sql);
    if (r < 0) {
        th_catalogue_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

/* A database of any make may lie there: what is asked of it later must compile. */
static int check_to_read(struct th_sql *s)
{
    static const char columns[] =
        "SELECT (SELECT count(*) FROM pragma_table_info('segments') WHERE name IN ('name', 'kind', "
        "'day', 'first', 'last', 'rows', 'bytes', 'epoch', 'level', 'retired')) + (SELECT count(*) "
        "FROM pragma_table_info('followers') WHERE name IN ('name', 'position'))";
    int64_t version = th_sql_number(s, 0, "PRAGMA user_version", "");
    int64_t found = th_sql_number(s, 0, columns, "");
    if (s->err < 0)
        return s->err;
    if (version > VERSION)
        return TH_E_VERSION;
    return found == 12 ? 0 : TH_E_MALFORMED;
}

int th_catalogue_open_to_read(const char *path, struct th_catalogue **ret)
{
    if (access(path, F_OK) < 0)
        return -errno;
    struct th_catalogue *c = th_xcalloc(1, sizeof(*c));
    int r = th_sql_open_to_read(path, &c->sql);
    if (r < 0) {
        free(c);
        return r;
    }
    r = check_to_read(&c->sql);
    if (r < 0) {
        th_catalogue_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

void th_catalogue_close(struct th_catalogue *c)
{
    if (!c)
        return;
    th_sql_done(&c->sql);
    free(c);
}

void th_catalogue_save_position(struct th_catalogue *c, const char *follower, uint64_t position)
{
    th_sql_run(&c->sql,
        "INSERT INTO followers VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = "
        "max(position, excluded.position)",
        "zi", follower, (int64_t)position);
}

uint64_t th_catalogue_position(struct th_catalogue *c, const char *follower)
{
    int64_t v =
        th_sql_number(&c->sql, 0, "SELECT position FROM followers WHERE name = ?", "z", follower);
    c->sql.err = 0; /* an error here shows at the next commit */
    return v < 0 ? 0 : (uint64_t)v;
}

int th_catalogue_commit(
    struct th_catalogue *c, const struct th_catalogue_change *change, int64_t now_ns)
{
    struct th_sql *s = &c->sql;
    th_sql_begin(s);
    if (change->epoch_ns != 0)
        th_sql_run(s, "UPDATE segments SET retired = ? WHERE epoch = ? AND retired IS NULL", "ii",
            now_ns, change->epoch_ns);
    for (size_t i = 0; i < change->add_count; i++) {
        const struct th_catalogue_file *f = &change->add[i];
        th_sql_run(s, "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            "zziiiiiii", f->name, th_kind_get(f->kind)->name, f->day_ns, f->first_ns, f->last_ns,
            (int64_t)f->rows, (int64_t)f->bytes, f->epoch_ns, (int64_t)f->level);
    }
    for (size_t i = 0; i < change->retire_count; i++)
        th_sql_run(s, "UPDATE segments SET retired = ? WHERE name = ? AND retired IS NULL", "iz",
            now_ns, change->retire[i]);
    if (change->has_position)
        th_catalogue_save_position(c, "seal", change->position);
    return th_sql_commit(s);
}

#define COLUMNS "name, kind, day, first, last, rows, bytes, epoch, level"

static void read_file(sqlite3_stmt *q, struct th_catalogue_file *f)
{
    int kind = th_kind_find(th_sql_text(q, 1));
    th_sql_copy(q, 0, f->name, sizeof(f->name));
    f->kind = kind < 0 ? 0 : (unsigned)kind;
    f->day_ns = th_sql_int(q, 2);
    f->first_ns = th_sql_int(q, 3);
    f->last_ns = th_sql_int(q, 4);
    f->rows = (uint64_t)th_sql_int(q, 5);
    f->bytes = (uint64_t)th_sql_int(q, 6);
    f->epoch_ns = th_sql_int(q, 7);
    f->level = (unsigned)th_sql_int(q, 8);
}

/* Takes the statement over. */
static int read_files(struct th_catalogue *c, sqlite3_stmt *stmt, uint64_t kinds,
    struct th_catalogue_file **ret, size_t *ret_count)
{
    TH_AUTOSTMT sqlite3_stmt *q = stmt;
    TH_AUTOFREE struct th_catalogue_file *files = NULL;
    size_t count = 0;
    size_t room = 0;
    while (th_sql_row(&c->sql, q)) {
        struct th_catalogue_file f;
        read_file(q, &f);
        if (f.kind == 0 || !(kinds >> f.kind & 1))
            continue;
        if (count == TH_CATALOGUE_MAX_FILES)
            return TH_E_LIMIT;
        if (count == room) {
            room = room ? 2 * room : 64;
            files = th_xreallocarray(files, room, sizeof(*files));
        }
        files[count++] = f;
    }
    int err = c->sql.err;
    c->sql.err = 0;
    if (err < 0)
        return err;
    *ret = TH_TAKE(files);
    *ret_count = count;
    return 0;
}

int th_catalogue_list(struct th_catalogue *c, uint64_t kinds, int64_t from_ns, int64_t to_ns,
    struct th_catalogue_file **ret, size_t *ret_count)
{
    return read_files(c,
        th_sql(&c->sql,
            "SELECT " COLUMNS " FROM segments WHERE retired IS NULL AND last >= ? AND first < ? "
            "ORDER BY first, name",
            "ii", from_ns, to_ns),
        kinds, ret, ret_count);
}

int th_catalogue_retired(struct th_catalogue *c, struct th_catalogue_file **ret, size_t *ret_count)
{
    return read_files(c,
        th_sql(&c->sql,
            "SELECT " COLUMNS " FROM segments WHERE retired IS NOT NULL ORDER BY retired, name "
            "LIMIT 1000",
            ""),
        UINT64_MAX, ret, ret_count);
}

uint64_t th_catalogue_strange(struct th_catalogue *c)
{
    uint64_t count = 0;
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(
        &c->sql, "SELECT kind, count(*) FROM segments WHERE retired IS NULL GROUP BY kind", "");
    while (th_sql_row(&c->sql, q))
        if (th_kind_find(th_sql_text(q, 0)) < 0)
            count += (uint64_t)th_sql_int(q, 1);
    c->sql.err = 0;
    return count;
}

int th_catalogue_forget(struct th_catalogue *c, const char *name)
{
    th_sql_begin(&c->sql);
    th_sql_run(&c->sql, "DELETE FROM segments WHERE name = ? AND retired IS NOT NULL", "z", name);
    return th_sql_commit(&c->sql);
}

void th_catalogue_totals_get(struct th_catalogue *c, struct th_catalogue_totals *ret)
{
    *ret = (struct th_catalogue_totals){0};
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT count(*), sum(rows), sum(bytes), min(first), (SELECT count(*) FROM segments WHERE "
        "retired IS NOT NULL) FROM segments WHERE retired IS NULL",
        "");
    bool found = th_sql_row(&c->sql, q);
    c->sql.err = 0;
    if (!found)
        return;
    *ret = (struct th_catalogue_totals){.files = (uint64_t)th_sql_int(q, 0),
        .rows = (uint64_t)th_sql_int(q, 1),
        .bytes = (uint64_t)th_sql_int(q, 2),
        .oldest_ns = th_sql_int(q, 3),
        .retired_files = (uint64_t)th_sql_int(q, 4)};
}

uint64_t th_catalogue_bytes_since(struct th_catalogue *c, int64_t from_ns)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT sum(bytes) FROM segments WHERE retired IS NULL AND (kind = 'metric' OR last >= ?)",
        "i", from_ns);
    bool found = th_sql_row(&c->sql, q);
    c->sql.err = 0;
    return found ? (uint64_t)th_sql_int(q, 0) : 0;
}

/* The oldest go until what is left fits. Metrics stay: they are what is left of the events. */
static int expire_by_bytes(struct th_catalogue *c, uint64_t max_bytes, int64_t now_ns)
{
    struct th_sql *s = &c->sql;
    int64_t over = th_sql_number(s, 0, "SELECT sum(bytes) FROM segments WHERE retired IS NULL", "");
    over -= (int64_t)TH_MIN(max_bytes, (uint64_t)INT64_MAX);
    return over <= 0
        ? 0
        : th_sql_run(s,
              "UPDATE segments SET retired = ?1 WHERE name IN (SELECT name FROM (SELECT"
              " name, sum(bytes) OVER (ORDER BY last, name) - bytes AS before FROM"
              " segments WHERE retired IS NULL AND kind <> 'metric') WHERE before < ?2)",
              "ii", now_ns, over);
}

int th_catalogue_expire(struct th_catalogue *c, const uint32_t *days, size_t day_count,
    uint64_t max_bytes, int64_t now_ns)
{
    struct th_sql *s = &c->sql;
    int n = 0;
    th_sql_begin(s);
    TH_EACH_KIND (k)
        if (k < day_count && days[k] > 0)
            n += th_sql_run(s,
                "UPDATE segments SET retired = ? WHERE kind = ? AND last < ? AND retired IS NULL",
                "izi", now_ns, th_kind_get(k)->name,
                th_time_sub(now_ns, (int64_t)days[k] * TH_NS_PER_DAY));
    if (max_bytes > 0)
        n += expire_by_bytes(c, max_bytes, now_ns);
    int err = th_sql_commit(s);
    return err < 0 ? err : n;
}
