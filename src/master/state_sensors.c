/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators configure: tokens, sensors, settings; and acknowledgements, which go the same
 * way through the log. */
#include "state_i.h"
#include "zones.h"

void st_tokens(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "tokens");
    th_tokens_put(t->a, &t->json);
    th_json_close(&t->json);
}

void st_token_add(struct st_turn *t)
{
    char token[TH_TOKEN_LEN];
    struct th_str label;
    int r = st_member(t, "label", TH_TOKEN_MAX_LABEL, &label)
        ? th_token_add(t->a, t->now_ns, t->by, label, token)
        : -EINVAL;
    if (r == -EEXIST) {
        st_error(t, 409, "exists", "There is or was a token of this label. Choose another.");
    } else if (r < 0) {
        st_error(t, 400, "label", "A label has 4 to 64 letters (a to z), digits and hyphens.");
    } else {
        th_json_open(&t->json);
        st_put_text(&t->json, "token", token);
        th_json_close(&t->json);
    }
}

void st_token_revoke(struct st_turn *t)
{
    if (th_token_revoke(t->a, t->now_ns, t->by, t->req->id) < 0)
        st_error(t, 404, "token", "There is no token of this label.");
    else
        st_ok(t);
}

void st_sensors(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "sensors");
    th_sensors_put(t->a, &t->json);
    th_json_close(&t->json);
}

void st_sensor_change(struct st_turn *t)
{
    struct th_sensor sensor;
    struct th_str status;
    if (th_sensor_get(t->a, t->req->id, &sensor) < 0) {
        st_error(t, 404, "sensor", "There is no such sensor.");
        return;
    }
    if (!st_member(t, "status", 16, &status) || !th_sensor_status_is(status)) {
        st_error(t, 400, "status", "The status must be pending, authorised or revoked.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_SENSOR);
    if (!j)
        return;
    st_copy(status, sensor.status, sizeof(sensor.status));
    snprintf(sensor.approved_by, sizeof(sensor.approved_by), "%s",
        th_str_is(status, "authorised") ? t->by : "");
    snprintf(j->sensor, sizeof(j->sensor), "%s", sensor.id);
    struct th_json c = st_control_begin(t, j, "sensor");
    st_sensor_control(&c, &sensor);
}

void st_sensor_done(struct st_turn *t, struct st_job *job)
{
    struct th_sensor sensor;
    if (th_sensor_get(t->a, th_str_c(job->sensor), &sensor) < 0)
        st_error(t, 404, "sensor", "There is no such sensor.");
    else
        th_sensor_put(&sensor, &t->json);
}

void st_settings(struct st_turn *t)
{
    struct th_settings settings;
    th_settings_get(t->a, &t->s->config.defaults, &settings);
    th_settings_put(&settings, &t->json);
}

void st_settings_set(struct st_turn *t)
{
    struct th_settings settings;
    const char *why;
    if (th_settings_parse(t->req->body, &settings, &why) < 0) {
        st_error(t, 400, "settings", why);
        return;
    }
    struct th_str zones = t->s->config.zones;
    if (zones.len > 0 && !th_zones_has(zones, th_str_c(settings.time_zone))) {
        st_error(t, 400, "settings", "time_zone is not one that this machine knows.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_SETTINGS);
    if (!j)
        return;
    struct th_json c = st_control_begin(t, j, "settings");
    th_settings_members_put(&settings, &c);
    th_json_close(&c);
}

void st_settings_done(struct st_turn *t, struct st_job *job)
{
    (void)job;
    st_settings(t);
}

bool st_is_finding_id(struct th_str id)
{
    if (id.len == 0 || id.len > 64)
        return false;
    for (uint32_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (th_lower(c) >= 'a' && th_lower(c) <= 'z') || c == '-' ||
                c == '_'))
            return false;
    }
    return true;
}

void st_incident_change(struct st_turn *t)
{
    struct th_str state;
    struct th_str comment = {.p = "", .len = 0};
    const json_t *has_comment = json_object_get(t->req->body, "comment");
    if (!st_is_finding_id(t->req->id)) {
        st_error(t, 404, "incident", "There is no such incident.");
        return;
    }
    if (!st_member(t, "state", 16, &state) ||
        (!th_str_is(state, "open") && !th_str_is(state, "acknowledged"))) {
        st_error(t, 400, "state", "The state must be open or acknowledged.");
        return;
    }
    if (has_comment && json_string_length(has_comment) > 0 &&
        !st_member(t, "comment", TH_AUDIT_MAX_TEXT, &comment)) {
        st_error(t, 400, "comment", "A comment is one line of at most 512 bytes.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_ACK);
    if (!j)
        return;
    struct th_json c = st_control_begin(t, j, "ack");
    th_json_key(&c, "incident");
    th_json_str(&c, t->req->id);
    th_json_key(&c, "state");
    th_json_str(&c, state);
    th_json_key(&c, "comment");
    th_json_str(&c, comment);
    th_json_close(&c);
}

void st_ack_done(struct st_turn *t, struct st_job *job)
{
    (void)job;
    st_ok(t);
}
