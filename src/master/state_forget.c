/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forgetting (docs/erasure.md): a device, or a sensor with all that it sent. State writes the
 * control and takes out of its own tables what is there, when it reads it back; core, seal and
 * store do the rest behind it. That somebody had it done, and of which id, stays in the audit log.
 */
#include "identity/identity.h"
#include "state_i.h"

/* Whom: {"entity"} or {"address"}, of which *ret_key says the one. */
static bool read_whom(const json_t *o, const char **ret_key, struct th_str *ret)
{
    uint64_t entity;
    struct th_addr address;
    *ret_key = json_object_get(o, "entity") ? "entity" : "address";
    if (!th_state_text(o, *ret_key, TH_ADDR_TEXT_LEN, ret))
        return false;
    return **ret_key == 'e' ? th_entity_parse(*ret, &entity) : th_addr_parse(*ret, &address);
}

void st_forget(struct st_turn *t)
{
    struct th_str whom;
    struct th_str id;
    struct th_sensor sensor;
    const char *key;
    bool names_sensor = json_object_get(t->req->body, "sensor");
    bool names_whom =
        json_object_get(t->req->body, "entity") || json_object_get(t->req->body, "address");
    if (names_whom ? !read_whom(t->req->body, &key, &whom) : !names_sensor) {
        st_error(
            t, 400, "forget", "The id or address of a device, or the id of a sensor, is needed.");
        return;
    }
    if (names_sensor &&
        (!st_member(t, "sensor", TH_SENSOR_ID_LEN - 1, &id) ||
            th_sensor_get(t->a, id, &sensor) < 0)) {
        st_error(t, 404, "sensor", "There is no such sensor.");
        return;
    }
    if (names_sensor && strcmp(sensor.status, "revoked") != 0) {
        st_error(
            t, 409, "sensor", "Revoke the sensor first: what still comes cannot be forgotten.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_FORGET);
    if (!j)
        return;
    struct th_json c = st_control_begin(t, j, "forget");
    if (names_whom) {
        th_json_key(&c, key);
        th_json_str(&c, whom);
    }
    if (names_sensor)
        st_put_text(&c, "sensor", sensor.id);
    th_json_close(&c);
}

void st_forget_done(struct st_turn *t, struct st_job *job)
{
    (void)job;
    st_ok(t);
}

void st_apply_forget(struct th_state *s, const json_t *control, int64_t at_ns, const char *by)
{
    struct th_str whom;
    struct th_str id = th_str_c("");
    struct th_addr address;
    const char *key;
    char object[TH_SENSOR_ID_LEN] = "";
    char detail[64] = "";
    bool names_whom = read_whom(control, &key, &whom);
    if (th_state_text(control, "sensor", TH_SENSOR_ID_LEN - 1, &id)) {
        struct th_sensor sensor;
        if (th_sensor_get(s->a, id, &sensor) < 0 || strcmp(sensor.status, "revoked") != 0)
            return;
        st_copy(id, object, sizeof(object));
        th_sensor_forget(s->a, id);
    } else if (!names_whom) {
        return;
    }
    bool by_address = names_whom && th_addr_parse(whom, &address);
    st_packets_forget(s, at_ns, by, id, names_whom, by_address ? &address : NULL);
    if (names_whom)
        snprintf(detail, sizeof(detail), "device %.*s", (int)whom.len, whom.p);
    th_audit(s->a, at_ns, by, "forget", object, detail);
}
