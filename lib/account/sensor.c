/* SPDX-License-Identifier: Apache-2.0 */
#include "account/sensor.h"

#include "accounts.h"

#define COLUMNS "id, key, name, status, token, version, address, approved_by, first_ns, last_ns"

void th_sensor_id(const uint8_t key[TH_SIGN_PUBLIC_BYTES], char ret[TH_SENSOR_ID_LEN])
{
    static const char purpose[] = "thymus sensor";
    struct th_digest d;
    uint8_t hash[TH_DIGEST_MAX_LEN];
    th_digest_init(&d, TH_DIGEST_SHA256);
    th_digest_update(&d, purpose, sizeof(purpose));
    th_digest_update(&d, key, TH_SIGN_PUBLIC_BYTES);
    th_digest_final(&d, hash);
    th_hex(hash, (TH_SENSOR_ID_LEN - 1) / 2, ret);
}

bool th_sensor_status_is(struct th_str status)
{
    return th_str_is(status, "pending") || th_str_is(status, "authorised") ||
        th_str_is(status, "revoked");
}

static void read_sensor(sqlite3_stmt *q, struct th_sensor *ret)
{
    struct th_str key = th_sql_text(q, 1);
    *ret = (struct th_sensor){0};
    memcpy(ret->key, key.p, TH_MIN((size_t)key.len, sizeof(ret->key)));
    th_sql_copy(q, 0, ret->id, sizeof(ret->id));
    th_sql_copy(q, 2, ret->name, sizeof(ret->name));
    th_sql_copy(q, 3, ret->status, sizeof(ret->status));
    th_sql_copy(q, 4, ret->token, sizeof(ret->token));
    th_sql_copy(q, 5, ret->version, sizeof(ret->version));
    th_sql_copy(q, 6, ret->address, sizeof(ret->address));
    th_sql_copy(q, 7, ret->approved_by, sizeof(ret->approved_by));
    ret->first_ns = th_sql_int(q, 8);
    ret->last_ns = th_sql_int(q, 9);
}

int th_sensor_get(struct th_accounts *a, struct th_str id, struct th_sensor *ret)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM sensors WHERE id = ?", "s", id);
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    read_sensor(q, ret);
    return 0;
}

void th_sensor_apply(struct th_accounts *a, const struct th_sensor *s)
{
    th_sql_run(&a->sql,
        "INSERT INTO sensors (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status,"
        " token = excluded.token, version = excluded.version, address = excluded.address,"
        " approved_by = excluded.approved_by, last_ns = max(last_ns, excluded.last_ns)",
        "zbzzzzzzii", s->id, th_str_n(s->key, sizeof(s->key)), s->name, s->status, s->token,
        s->version, s->address, s->approved_by, s->first_ns, s->last_ns);
}

void th_sensor_seen(struct th_accounts *a, struct th_str id, int64_t time_ns)
{
    th_sql_run(
        &a->sql, "UPDATE sensors SET last_ns = max(last_ns, ?) WHERE id = ?", "is", time_ns, id);
}

void th_sensor_forget(struct th_accounts *a, struct th_str id)
{
    th_sql_run(&a->sql,
        "DELETE FROM tokens WHERE revoked_ns IS NOT NULL AND label = (SELECT token FROM sensors "
        "WHERE "
        "id = ?1) AND NOT EXISTS (SELECT 1 FROM sensors WHERE token = label AND id <> ?1)",
        "s", id);
    th_sql_run(&a->sql, "DELETE FROM sensors WHERE id = ?", "s", id);
}

static void put_text(struct th_json *out, const char *key, const char *value)
{
    th_json_key(out, key);
    th_json_str(out, th_str_c(value));
}

void th_sensor_put(const struct th_sensor *s, struct th_json *out)
{
    th_json_open(out);
    put_text(out, "id", s->id);
    put_text(out, "name", s->name);
    put_text(out, "status", s->status);
    put_text(out, "token", s->token);
    put_text(out, "version", s->version);
    th_json_key(out, "first_seen");
    th_json_time(out, s->first_ns);
    th_json_key(out, "last_seen");
    th_json_time(out, s->last_ns);
    put_text(out, "address", s->address);
    th_json_close(out);
}

void th_sensors_put(struct th_accounts *a, struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT " COLUMNS " FROM sensors ORDER BY name, id", "");
    th_json_open_list(out);
    while (th_sql_row(&a->sql, q)) {
        struct th_sensor s;
        read_sensor(q, &s);
        th_sensor_put(&s, out);
    }
    th_json_close_list(out);
}

int64_t th_sensors_count(struct th_accounts *a, const char *status)
{
    return th_sql_number(
        &a->sql, 0, "SELECT count(*) FROM sensors WHERE status = ?1 OR ?1 IS NULL", "z", status);
}
