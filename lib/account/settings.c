/* SPDX-License-Identifier: Apache-2.0 */
#include "account/settings.h"

#include "accounts.h"
#include "event/event.h"

#define MIN_DATA_BYTES (INT64_C(1) << 30)
#define MAX_DATA_BYTES (INT64_C(1) << 50)
#define MAX_STORED_BYTES 65536u

void th_settings_default(struct th_settings *ret)
{
    *ret = (struct th_settings){.alerts_per_day = 5,
        .approve_sensors = true,
        .time_zone = "UTC",
        .data_bytes = INT64_C(50) << 30};
}

static bool int_between(const json_t *json, int64_t least, int64_t most, int64_t *ret)
{
    if (!json_is_integer(json) || json_integer_value(json) < least ||
        json_integer_value(json) > most)
        return false;
    *ret = json_integer_value(json);
    return true;
}

/* A name of the tz database by its form: Area/Place, no way up or to the root. */
static bool zone_is(const char *s, size_t len)
{
    static const char more[] = "/_+-";
    if (len == 0 || len >= TH_SETTINGS_MAX_ZONE || strlen(s) != len || s[0] == '/' ||
        strstr(s, "//"))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (th_lower(s[i]) >= 'a' && th_lower(s[i]) <= 'z') ||
                strchr(more, s[i])))
            return false;
    return s[len - 1] != '/';
}

static bool kind_is(const char *s)
{
    return strlen(s) < TH_SETTINGS_MAX_KIND && th_kind_find(th_str_c(s)) > 0;
}

static bool parse_retention(json_t *json, struct th_settings *s)
{
    const char *kind;
    json_t *value;
    if (!json_is_object(json) || json_object_size(json) > TH_SETTINGS_MAX_KINDS)
        return false;
    json_object_foreach(json, kind, value)
    {
        int64_t days;
        struct th_retention *r = &s->retention[s->retention_count];
        if (!kind_is(kind) || !int_between(value, 1, 3650, &days))
            return false;
        snprintf(r->kind, sizeof(r->kind), "%s", kind);
        r->days = (int)days;
        s->retention_count++;
    }
    return true;
}

int th_settings_parse(const json_t *json, struct th_settings *ret, const char **ret_why)
{
    struct th_settings s = {0};
    const char *why = NULL;
    int64_t alerts = 0;
    const json_t *zone = json_object_get(json, "time_zone");
    const json_t *approve = json_object_get(json, "approve_sensors");
    if (!json_is_object(json) || json_object_size(json) != 5)
        why = "Settings have exactly the members alerts_per_day, approve_sensors, time_zone, "
              "retention_days and data_bytes.";
    else if (!int_between(json_object_get(json, "alerts_per_day"), 1, 1000, &alerts))
        why = "alerts_per_day must be a whole number from 1 to 1000.";
    else if (!json_is_boolean(approve))
        why = "approve_sensors must be true or false.";
    else if (!json_is_string(zone) || !zone_is(json_string_value(zone), json_string_length(zone)))
        why = "time_zone must be a name of the tz database, like Asia/Tokyo.";
    else if (!int_between(json_object_get(json, "data_bytes"), MIN_DATA_BYTES, MAX_DATA_BYTES,
                 &s.data_bytes))
        why = "data_bytes must be a whole number of at least 1073741824 (1 GiB).";
    else if (!parse_retention(json_object_get(json, "retention_days"), &s))
        why = "retention_days must map kinds of events, as docs/events.md names them, to whole "
              "numbers "
              "of days from 1 to 3650.";
    if (why) {
        *ret_why = why;
        return -EINVAL;
    }
    s.alerts_per_day = (int)alerts;
    s.approve_sensors = json_is_true(approve);
    snprintf(s.time_zone, sizeof(s.time_zone), "%s", json_string_value(zone));
    *ret = s;
    return 0;
}

void th_settings_members_put(const struct th_settings *s, struct th_json *out)
{
    th_json_key(out, "alerts_per_day");
    th_json_i64(out, s->alerts_per_day);
    th_json_key(out, "approve_sensors");
    th_json_bool(out, s->approve_sensors);
    th_json_key(out, "time_zone");
    th_json_str(out, th_str_c(s->time_zone));
    th_json_key(out, "retention_days");
    th_json_open(out);
    for (unsigned i = 0; i < s->retention_count; i++) {
        th_json_key(out, s->retention[i].kind);
        th_json_i64(out, s->retention[i].days);
    }
    th_json_close(out);
    th_json_key(out, "data_bytes");
    th_json_i64(out, s->data_bytes);
}

void th_settings_put(const struct th_settings *s, struct th_json *out)
{
    th_json_open(out);
    th_settings_members_put(s, out);
    th_json_close(out);
}

void th_settings_set(struct th_accounts *a, const struct th_settings *s)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_json j = th_json_init(&text);
    th_settings_put(s, &j);
    th_sql_run(
        &a->sql, "INSERT OR REPLACE INTO meta VALUES ('settings', ?)", "s", th_buf_view(&text));
}

void th_settings_get(
    struct th_accounts *a, const struct th_settings *defaults, struct th_settings *ret)
{
    const char *why;
    *ret = *defaults;
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&a->sql, "SELECT value FROM meta WHERE key = 'settings'", "");
    if (!th_sql_row(&a->sql, q))
        return;
    struct th_str text = th_sql_text(q, 0);
    json_t *json = text.len <= MAX_STORED_BYTES ? json_loadb(text.p, text.len, 0, NULL) : NULL;
    if (th_settings_parse(json, ret, &why) < 0)
        *ret = *defaults;
    json_decref(json);
}
