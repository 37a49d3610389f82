/* SPDX-License-Identifier: Apache-2.0 */
#include "findings_json.h"

#define MAX_DEPTH 16u

static void put_value(struct th_json *j, const json_t *v, unsigned depth)
{
    const char *key;
    json_t *item;
    size_t i;
    switch (v && depth < MAX_DEPTH ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        th_json_open(j);
        json_object_foreach((json_t *)v, key, item)
        {
            /* Keys are core's own words; what is none cannot stand in a key. */
            if (strspn(key, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(key))
                continue;
            th_json_key(j, key);
            put_value(j, item, depth + 1);
        }
        th_json_close(j);
        break;
    case JSON_ARRAY:
        th_json_open_list(j);
        json_array_foreach(v, i, item) put_value(j, item, depth + 1);
        th_json_close_list(j);
        break;
    case JSON_STRING: th_json_str(j, th_str_n(json_string_value(v), json_string_length(v))); break;
    case JSON_INTEGER: th_json_i64(j, json_integer_value(v)); break;
    case JSON_REAL: th_json_double(j, json_real_value(v)); break;
    case JSON_TRUE: th_json_bool(j, true); break;
    case JSON_FALSE: th_json_bool(j, false); break;
    case JSON_NULL: th_json_null(j); break;
    }
}

void th_findings_value(struct th_json *j, const json_t *v)
{
    put_value(j, v, 0);
}

void th_findings_copy(struct th_json *j, const json_t *from, const char *key)
{
    th_json_key(j, key);
    th_findings_value(j, json_object_get(from, key));
}

void th_findings_text(struct th_json *j, const char *key, struct th_str s)
{
    th_json_key(j, key);
    th_json_str(j, s);
}

void th_findings_time(struct th_json *j, const char *key, int64_t time_ns)
{
    th_json_key(j, key);
    th_json_time(j, time_ns);
}

static void put_model(struct th_json *j, const json_t *line)
{
    th_json_key(j, "model");
    th_json_open(j);
    th_json_key(j, "id");
    th_findings_value(j, json_object_get(line, "model"));
    th_findings_copy(j, line, "name");
    const char *description = json_string_value(json_object_get(line, "description"));
    th_findings_text(j, "description", th_str_c(description ? description : ""));
    th_findings_copy(j, line, "version");
    th_findings_copy(j, line, "technique");
    th_findings_copy(j, line, "tactic");
    th_json_close(j);
}

static const json_t *first_evidence(const json_t *line)
{
    return json_array_get(json_object_get(line, "evidence"), 0);
}

struct th_str th_findings_text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? th_str_n(json_string_value(v), json_string_length(v)) : th_str_c("");
}

bool th_findings_is_id(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return s.len > 0 && s.len <= 32;
}

void th_findings_put_breach(
    struct th_json *j, const json_t *line, struct th_str incident, bool full)
{
    static const char *const same[] = {"id", "time", "start", "end", "score", "device", "peer"};
    th_json_open(j);
    for (size_t i = 0; i < TH_ARRAY_LEN(same); i++)
        th_findings_copy(j, line, same[i]);
    if (json_object_get(line, "user"))
        th_findings_copy(j, line, "user");
    put_model(j, line);
    th_json_key(j, "incident");
    if (incident.len > 0)
        th_json_str(j, incident);
    else
        th_json_null(j);
    const json_t *reason = first_evidence(line);
    if (json_object_get(reason, "sentence")) {
        th_findings_copy(j, reason, "sentence");
        th_json_key(j, "reason");
        th_findings_value(j, reason);
    }
    if (json_object_get(line, "hours")) {
        th_findings_copy(j, line, "hours");
        th_findings_copy(j, line, "since");
    }
    if (json_is_true(json_object_get(line, "early"))) {
        th_json_key(j, "early");
        th_json_bool(j, true);
    }
    if (json_object_get(line, "group_event"))
        th_findings_copy(j, line, "group_event");
    if (full) {
        if (json_object_get(line, "late_hours"))
            th_findings_copy(j, line, "late_hours");
        th_findings_copy(j, line, "evidence");
    }
    th_json_close(j);
}

void th_findings_put_incident(
    struct th_json *j, const json_t *line, struct th_str state, const json_t *lead)
{
    static const char *const same[] = {"id", "start", "end", "score", "alert", "title", "devices"};
    static const char *const since[] = {"alerts", "alerted", "users"};
    for (size_t i = 0; i < TH_ARRAY_LEN(same); i++)
        th_findings_copy(j, line, same[i]);
    for (size_t i = 0; i < TH_ARRAY_LEN(since); i++) {
        if (json_object_get(line, since[i]))
            th_findings_copy(j, line, since[i]);
    }
    th_findings_text(j, "state", state.len > 0 ? state : th_str_c("open"));
    if (lead) {
        const char *id = json_string_value(json_object_get(line, "id"));
        th_json_key(j, "lead");
        th_findings_put_breach(j, lead, th_str_c(id ? id : ""), false);
    }
}
