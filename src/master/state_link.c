/* SPDX-License-Identifier: Apache-2.0 */
/* What sensors ask: to be taken in, and what they are to do. */
#include "crypto/base64.h"
#include "state_i.h"

#define PROTOCOL 1
#define MAX_SENSORS 4096 /* as many as the log's summary holds */

static bool read_sensor(struct st_turn *t, struct th_sensor *ret)
{
    struct th_str key;
    struct th_str name;
    struct th_str version;
    *ret = (struct th_sensor){.first_ns = t->now_ns, .last_ns = t->now_ns};
    if (!st_member(t, "key", 64, &key) || th_base64url_get(key, ret->key, sizeof(ret->key)) < 0 ||
        !st_member(t, "name", TH_SENSOR_MAX_NAME - 1, &name) ||
        !st_member(t, "version", TH_SENSOR_MAX_VERSION - 1, &version))
        return false;
    th_sensor_id(ret->key, ret->id);
    st_copy(name, ret->name, sizeof(ret->name));
    st_copy(version, ret->version, sizeof(ret->version));
    st_copy(t->req->address, ret->address, sizeof(ret->address));
    return true;
}

static void put_enrolled(struct st_turn *t, const char *id)
{
    struct th_sensor sensor;
    if (th_sensor_get(t->a, th_str_c(id), &sensor) < 0) {
        st_error(t, 503, "log", "The sensor is not known yet. Try again in some seconds.");
        return;
    }
    bool revoked = strcmp(sensor.status, "revoked") == 0;
    t->status = revoked ? 403 : 200;
    th_json_open(&t->json);
    st_put_text(&t->json, "sensor", sensor.id);
    st_put_text(&t->json, "instance", t->s->config.instance_id);
    st_put_text(&t->json, "status", sensor.status);
    th_json_close(&t->json);
}

/* The token, with the address charged for wrong ones. */
static bool take_token(struct st_turn *t, char ret_label[TH_TOKEN_MAX_LABEL])
{
    struct th_str token = {.p = "", .len = 0};
    unsigned retry_s = th_lockout_s(t->a, t->now_ns, NULL, t->req->address);
    if (retry_s > 0) {
        st_locked(t, retry_s);
        return false;
    }
    st_member(t, "token", TH_TOKEN_LEN, &token);
    if (th_token_use(t->a, t->now_ns, token, ret_label) == 0)
        return true;
    th_lockout_charge(t->a, t->now_ns, NULL, t->req->address);
    t->s->counters[ST_BAD_TOKENS]++;
    st_error(t, 401, "token",
        "The push token is wrong or was revoked. Make a new one on System Config.");
    return false;
}

void st_enrol(struct st_turn *t)
{
    struct th_sensor sensor;
    struct th_sensor known;
    char label[TH_TOKEN_MAX_LABEL];
    const json_t *protocol = json_object_get(t->req->body, "protocol");
    if (!json_is_integer(protocol) || json_integer_value(protocol) != PROTOCOL) {
        st_error(
            t, 426, "version", "This master speaks version 1 of the link. Upgrade the older side.");
        return;
    }
    if (!take_token(t, label))
        return;
    if (!read_sensor(t, &sensor)) {
        st_error(t, 400, "malformed", "Key, name (1 to 127 bytes) and version are needed.");
        return;
    }
    bool again = th_sensor_get(t->a, th_str_c(sensor.id), &known) == 0;
    if (again &&
        (strcmp(known.status, "revoked") == 0 ||
            (strcmp(known.name, sensor.name) == 0 && strcmp(known.version, sensor.version) == 0 &&
                strcmp(known.address, sensor.address) == 0))) {
        put_enrolled(t, sensor.id);
        return;
    }
    if (!again && th_sensors_count(t->a, NULL) >= MAX_SENSORS) {
        st_error(t, 503, "limit", "This master has as many sensors as it can take.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_ENROL);
    if (!j)
        return;
    struct th_settings settings;
    th_settings_get(t->a, &t->s->config.defaults, &settings);
    snprintf(sensor.status, sizeof(sensor.status), "%s",
        again                          ? known.status
            : settings.approve_sensors ? "pending"
                                       : "authorised");
    if (again)
        snprintf(sensor.approved_by, sizeof(sensor.approved_by), "%s", known.approved_by);
    snprintf(sensor.token, sizeof(sensor.token), "%s", label);
    snprintf(j->sensor, sizeof(j->sensor), "%s", sensor.id);
    t->s->counters[ST_ENROLMENTS]++;
    struct th_json c = st_control_begin(t, j, "sensor");
    st_sensor_control(&c, &sensor);
}

void st_enrol_done(struct st_turn *t, struct st_job *job)
{
    put_enrolled(t, job->sensor);
}

/* ---- commands ---- */

/* A request is taken once: the time in it grows. */
static struct st_heard *newer(struct th_state *s, const char *sensor, int64_t time_ns)
{
    for (size_t i = 0; i < s->heard_count; i++)
        if (strcmp(s->heard[i].sensor, sensor) == 0) {
            if (time_ns <= s->heard[i].time_ns)
                return NULL;
            s->heard[i].time_ns = time_ns;
            return &s->heard[i];
        }
    if (s->heard_count >= MAX_SENSORS)
        return NULL;
    s->heard = th_xreallocarray(s->heard, s->heard_count + 1, sizeof(*s->heard));
    struct st_heard *h = &s->heard[s->heard_count++];
    *h = (struct st_heard){0};
    snprintf(h->sensor, sizeof(h->sensor), "%s", sensor);
    h->time_ns = time_ns;
    return h;
}

static bool is_signed(
    struct st_turn *t, const struct th_sensor *sensor, struct th_str time, struct th_str status)
{
    struct th_str text;
    uint8_t signature[TH_SIGNATURE_BYTES];
    TH_AUTOBUF struct th_buf said = TH_BUF_INIT;
    th_buf_printf(&said, "GET\n/link/v1/commands\n%s\n", sensor->id);
    th_buf_str(&said, time);
    if (status.len > 0) {
        th_buf_u8(&said, '\n');
        th_buf_str(&said, status);
    }
    return st_member(t, "signature", 128, &text) &&
        th_base64url_get(text, signature, sizeof(signature)) == 0 &&
        th_verify(sensor->key, said.p, said.len, signature) == 0;
}

void st_commands(struct st_turn *t)
{
    struct th_sensor sensor;
    struct th_str id;
    struct th_str time;
    struct th_str status = {.p = "", .len = 0};
    struct st_heard *heard = NULL;
    int64_t time_ns;
    st_member(t, "status", ST_SENSOR_MAX_STATUS, &status);
    if (!st_member(t, "sensor", TH_SENSOR_ID_LEN - 1, &id) ||
        th_sensor_get(t->a, id, &sensor) < 0 || !st_member(t, "time", 20, &time) ||
        !th_str_i64(time, &time_ns) || !is_signed(t, &sensor, time, status) ||
        !(heard = newer(t->s, sensor.id, time_ns))) {
        st_error(t, 401, "signature", "The request is not by a sensor that is known here.");
    } else if (strcmp(sensor.status, "authorised") != 0) {
        t->status = 403;
        th_json_open(&t->json);
        st_put_text(&t->json, "status", sensor.status);
        th_json_close(&t->json);
    } else {
        st_report_take(heard, t->now_ns, status);
        st_release_commands(t->s, sensor.id); /* who asks again has given up the one before */
        if (heard->says_asked)
            st_packets_still(t->s, t->now_ns, sensor.id, heard->asked);
        if (st_packets_deliver(t, sensor.id))
            return;
        struct st_job *j = st_job_new(t, ST_COMMANDS);
        if (!j)
            return;
        snprintf(j->sensor, sizeof(j->sensor), "%s", sensor.id);
        j->deadline_ns = t->now_ns + TH_STATE_COMMANDS_WAIT_NS;
    }
}
