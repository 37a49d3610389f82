/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controls as state writes and follows them. What is read here came out of the log, which intake
 * wrote from what state sent; it is held against every bound again, since a restored or
 * foreign log must not become anything that a request could not have made. A control that does not
 * fit is passed over: other followers, and later versions, have controls of their own.
 */
#include "crypto/base32.h"
#include "crypto/base64.h"
#include "state_i.h"

#define MAX_CONTROL (256u << 10)

void st_sensor_control(struct th_json *j, const struct th_sensor *s)
{
    TH_AUTOBUF struct th_buf key = TH_BUF_INIT;
    th_base64_put(TH_BASE64_URL, s->key, sizeof(s->key), &key);
    st_put_text(j, "id", s->id);
    th_json_key(j, "key");
    th_json_str(j, th_buf_view(&key));
    st_put_text(j, "name", s->name);
    st_put_text(j, "status", s->status);
    st_put_text(j, "approved_by", s->approved_by);
    st_put_text(j, "token", s->token);
    st_put_text(j, "version", s->version);
    st_put_text(j, "address", s->address);
    th_json_key(j, "seen_ns");
    th_json_i64(j, s->last_ns);
    th_json_close(j);
}

struct control {
    const json_t *root;
    int64_t at_ns;
    char by[TH_USER_MAX_NAME];
};

static void copy_member(const struct control *c, const char *key, char *ret, size_t room)
{
    struct th_str s = {.p = "", .len = 0};
    th_state_text(c->root, key, room - 1, &s);
    st_copy(s, ret, room);
}

static bool read_sensor(const struct control *c, struct th_sensor *ret)
{
    struct th_str id;
    struct th_str key;
    struct th_str name;
    struct th_str status;
    const json_t *seen = json_object_get(c->root, "seen_ns");
    *ret = (struct th_sensor){.first_ns = c->at_ns, .last_ns = c->at_ns};
    if (!th_state_text(c->root, "id", TH_SENSOR_ID_LEN - 1, &id) ||
        !th_state_text(c->root, "key", 64, &key) ||
        th_base64url_get(key, ret->key, sizeof(ret->key)) < 0 ||
        !th_state_text(c->root, "name", TH_SENSOR_MAX_NAME - 1, &name) ||
        !th_state_text(c->root, "status", 16, &status) || !th_sensor_status_is(status))
        return false;
    th_sensor_id(ret->key, ret->id);
    if (!th_str_is(id, ret->id))
        return false;
    if (json_is_integer(seen)) {
        ret->last_ns = json_integer_value(seen);
        ret->first_ns = TH_MIN(ret->first_ns, ret->last_ns);
    }
    st_copy(name, ret->name, sizeof(ret->name));
    st_copy(status, ret->status, sizeof(ret->status));
    copy_member(c, "approved_by", ret->approved_by, sizeof(ret->approved_by));
    copy_member(c, "token", ret->token, sizeof(ret->token));
    copy_member(c, "version", ret->version, sizeof(ret->version));
    copy_member(c, "address", ret->address, sizeof(ret->address));
    return true;
}

static void apply_sensor(struct th_state *s, const struct control *c)
{
    struct th_sensor sensor;
    struct th_sensor before;
    char detail[TH_AUDIT_MAX_TEXT];
    if (!read_sensor(c, &sensor))
        return;
    bool known = th_sensor_get(s->a, th_str_c(sensor.id), &before) == 0;
    th_sensor_apply(s->a, &sensor);
    if (known && strcmp(before.status, sensor.status) == 0)
        return; /* a newer version or address: seen with the sensors, nobody's decision */
    snprintf(detail, sizeof(detail), "%s: %s, token %s, from %s", sensor.status, sensor.name,
        sensor.token, sensor.address);
    th_audit(s->a, c->at_ns, c->by, known ? "sensor.status" : "sensor.enrol", sensor.id, detail);
    st_release_commands(s, sensor.id);
}

/* The settings without what every control has besides. */
static void apply_settings(struct th_state *s, const struct control *c)
{
    static const char *const members[] = {
        "alerts_per_day", "approve_sensors", "time_zone", "retention_days", "data_bytes"};
    struct th_settings settings;
    const char *why;
    json_t *only = json_object();
    for (size_t i = 0; i < TH_ARRAY_LEN(members); i++)
        json_object_set(only, members[i], json_object_get(c->root, members[i]));
    int r = th_settings_parse(only, &settings, &why);
    json_decref(only);
    if (r < 0)
        return;
    TH_AUTOBUF struct th_buf detail = TH_BUF_INIT;
    struct th_json j = th_json_init(&detail);
    th_settings_put(&settings, &j);
    th_buf_u8(&detail, 0);
    th_settings_set(s->a, &settings);
    th_audit(s->a, c->at_ns, c->by, "settings", "", (const char *)detail.p);
}

static void apply_ack(struct th_state *s, const struct control *c)
{
    struct th_str state;
    char incident[65];
    char comment[TH_AUDIT_MAX_TEXT + 1];
    copy_member(c, "incident", incident, sizeof(incident));
    copy_member(c, "comment", comment, sizeof(comment));
    if (!*incident || !th_state_text(c->root, "state", 16, &state))
        return;
    th_audit(s->a, c->at_ns, c->by,
        th_str_is(state, "open") ? "incident.open" : "incident.acknowledge", incident, comment);
}

static void read_by(const json_t *root, char ret[TH_USER_MAX_NAME])
{
    struct th_str name = th_str_c("system");
    th_state_text(json_object_get(root, "by"), "name", TH_USER_MAX_NAME - 1, &name);
    st_copy(name, ret, TH_USER_MAX_NAME);
}

void th_state_follow_begin(struct th_state *s)
{
    th_accounts_begin(s->a);
}

void th_state_follow_control(struct th_state *s, struct th_str json)
{
    struct control c = {0};
    struct th_str type;
    json_t *root =
        json.len <= MAX_CONTROL ? json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *at = json_object_get(root, "at_ns");
    if (json_is_integer(at) && th_state_text(root, "type", 32, &type)) {
        c.root = root;
        c.at_ns = json_integer_value(at);
        read_by(root, c.by);
        if (th_str_is(type, "sensor"))
            apply_sensor(s, &c);
        else if (th_str_is(type, "settings"))
            apply_settings(s, &c);
        else if (th_str_is(type, "ack"))
            apply_ack(s, &c);
        else if (th_str_is(type, "permit"))
            st_apply_permit(s, c.root, c.at_ns, c.by);
        else if (th_str_is(type, "permit_end"))
            st_apply_permit_end(s, c.root, c.at_ns, c.by);
        else if (th_str_is(type, "forget"))
            st_apply_forget(s, c.root, c.at_ns, c.by);
    }
    json_decref(root);
}

void th_state_follow_seen(struct th_state *s, uint64_t sensor, int64_t time_ns)
{
    char id[TH_SENSOR_ID_LEN];
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)sensor);
    th_sensor_seen(s->a, th_str_c(id), time_ns);
}

int th_state_follow_end(struct th_state *s, uint64_t position)
{
    th_accounts_set_position(s->a, position);
    int r = th_accounts_commit(s->a);
    if (r < 0) {
        s->counters[ST_STORAGE_ERRORS]++;
        s->storage_error = r;
    }
    return r;
}
