/* SPDX-License-Identifier: Apache-2.0 */
#include "account/ask.h"

#include "accounts.h"

#define COLUMNS                                                                                    \
    "id, by, asked_ns, sensor, any_sensor, tried, wish, limit_bytes, state, command, attempts,"    \
    " told_ns, finished_ns, bytes, stored, packets, cut, oldest_ns, problem"
#define IS_OPEN "state NOT IN ('done', 'failed')"

static void read_ask(sqlite3_stmt *q, struct th_ask *k)
{
    *k = (struct th_ask){.asked_ns = th_sql_int(q, 2),
        .any = th_sql_int(q, 4) != 0,
        .limit_bytes = th_sql_int(q, 7),
        .attempts = th_sql_int(q, 10),
        .told_ns = th_sql_int(q, 11),
        .finished_ns = th_sql_int(q, 12),
        .bytes = th_sql_int(q, 13),
        .stored = th_sql_int(q, 14),
        .packets = th_sql_int(q, 15),
        .cut = th_sql_int(q, 16) != 0,
        .oldest_ns = th_sql_int(q, 17)};
    th_sql_copy(q, 0, k->id, sizeof(k->id));
    th_sql_copy(q, 1, k->by, sizeof(k->by));
    th_sql_copy(q, 3, k->sensor, sizeof(k->sensor));
    th_sql_copy(q, 5, k->tried, sizeof(k->tried));
    th_sql_copy(q, 6, k->wish, sizeof(k->wish));
    th_sql_copy(q, 8, k->state, sizeof(k->state));
    th_sql_copy(q, 9, k->command, sizeof(k->command));
    th_sql_copy(q, 18, k->problem, sizeof(k->problem));
}

void th_ask_add(struct th_accounts *a, const struct th_ask *k)
{
    th_sql_run(&a->sql,
        "INSERT INTO asks (" COLUMNS ")"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "zzizizzizziiiiiiiiz", k->id, k->by, k->asked_ns, k->sensor, (int64_t)k->any, k->tried,
        k->wish, k->limit_bytes, k->state, k->command, k->attempts, k->told_ns, k->finished_ns,
        k->bytes, k->stored, k->packets, (int64_t)k->cut, k->oldest_ns, k->problem);
}

void th_ask_update(struct th_accounts *a, const struct th_ask *k)
{
    th_sql_run(&a->sql,
        "UPDATE asks SET sensor = ?, tried = ?, state = ?, command = ?, attempts = ?, told_ns = ?,"
        " finished_ns = ?, bytes = ?, stored = ?, packets = ?, cut = ?, oldest_ns = ?, problem = ?"
        " WHERE id = ?",
        "zzzziiiiiiiizz", k->sensor, k->tried, k->state, k->command, k->attempts, k->told_ns,
        k->finished_ns, k->bytes, k->stored, k->packets, (int64_t)k->cut, k->oldest_ns, k->problem,
        k->id);
}

void th_ask_remove(struct th_accounts *a, const char *id)
{
    th_sql_run(&a->sql, "DELETE FROM asks WHERE id = ?", "z", id);
}

static int first(struct th_accounts *a, sqlite3_stmt *q, struct th_ask *ret)
{
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    read_ask(q, ret);
    return 0;
}

int th_ask_get(struct th_accounts *a, struct th_str id, struct th_ask *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM asks WHERE id = ?", "s", id);
    return first(a, q, ret);
}

int th_ask_by_command(struct th_accounts *a, struct th_str command, struct th_ask *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(
        &a->sql, "SELECT " COLUMNS " FROM asks WHERE command = ? AND command <> ''", "s", command);
    return first(a, q, ret);
}

int th_ask_with(struct th_accounts *a, const char *sensor, struct th_ask *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT " COLUMNS " FROM asks WHERE sensor = ? AND state IN ('sent', 'arriving')", "z",
        sensor);
    return first(a, q, ret);
}

int th_ask_next(struct th_accounts *a, const char *sensor, struct th_ask *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT " COLUMNS " FROM asks WHERE sensor = ?1 AND state = 'waiting' AND NOT EXISTS"
        " (SELECT 1 FROM asks WHERE sensor = ?1 AND state IN ('sent', 'arriving'))"
        " ORDER BY asked_ns, id LIMIT 1",
        "z", sensor);
    return first(a, q, ret);
}

void th_asks_each(struct th_accounts *a, void (*fn)(void *arg, struct th_ask *k), void *arg)
{
    struct th_ask k = {.asked_ns = INT64_MIN};
    for (;;) {
        /* One at a time, so that fn may change the table. */
        TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
            "SELECT " COLUMNS " FROM asks WHERE (asked_ns, id) > (?, ?) ORDER BY asked_ns, id"
            " LIMIT 1",
            "iz", k.asked_ns, k.id);
        if (first(a, q, &k) < 0)
            return;
        struct th_ask given = k;
        sqlite3_reset(q);
        fn(arg, &given);
    }
}

int64_t th_asks_open(struct th_accounts *a, const char *sensor)
{
    return th_sql_number(&a->sql, 0,
        "SELECT count(*) FROM asks WHERE " IS_OPEN " AND (sensor = ?1 OR ?1 IS NULL)", "z", sensor);
}

int64_t th_asks_count(struct th_accounts *a)
{
    return th_sql_number(&a->sql, 0, "SELECT count(*) FROM asks", "");
}

int64_t th_asks_bytes(struct th_accounts *a)
{
    return th_sql_number(&a->sql, 0,
        "SELECT coalesce(sum(CASE WHEN " IS_OPEN " THEN limit_bytes ELSE bytes END), 0) FROM asks",
        "");
}

/* ---- showing ---- */

static void put_text(struct th_json *out, const char *key, const char *value)
{
    th_json_key(out, key);
    th_json_str(out, th_str_c(value));
}

static void put_number(struct th_json *out, const char *key, int64_t value)
{
    th_json_key(out, key);
    th_json_i64(out, value);
}

static void put_time(struct th_json *out, const char *key, int64_t time_ns)
{
    th_json_key(out, key);
    if (time_ns == 0)
        th_json_null(out);
    else
        th_json_time(out, time_ns);
}

void th_ask_put(struct th_accounts *a, const struct th_ask *k, struct th_json *out)
{
    struct th_sensor s = {.name = ""};
    int known = th_sensor_get(a, th_str_c(k->sensor), &s);
    th_json_open(out);
    put_text(out, "id", k->id);
    put_text(out, "by", k->by);
    put_time(out, "asked", k->asked_ns);
    put_text(out, "sensor", k->sensor);
    put_text(out, "sensor_name", known == 0 ? s.name : "");
    th_json_key(out, "any");
    th_json_bool(out, k->any);
    th_json_key(out, "wish");
    th_buf_puts(out->out, k->wish); /* it is ours, and JSON */
    out->comma = true;
    put_text(out, "state", k->state);
    put_time(out, "finished", k->finished_ns);
    put_number(out, "bytes", k->bytes);
    put_number(out, "packets", k->packets);
    th_json_key(out, "cut");
    th_json_bool(out, k->cut);
    put_time(out, "oldest", k->oldest_ns);
    put_text(out, "problem", k->problem);
    th_json_close(out);
}
