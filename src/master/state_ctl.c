/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator asks over the control socket, which only the owner of the instance's folder
 * reaches. Bodies are as the API's, with `name`, `label` or `id` in them where the API has the
 * path.
 */
#include "state_i.h"

/* Puts a member of the body where the API's handlers look for the path's {id}. */
static bool id_from(struct st_turn *t, const char *key, struct th_state_request *room)
{
    *room = *t->req;
    if (!st_member(t, key, 128, &room->id)) {
        st_error(t, 400, "body", "The name, label or id of what is meant is missing.");
        return false;
    }
    t->req = room;
    return true;
}

/* The same for a user by name. */
static bool user_from(struct st_turn *t, struct th_state_request *room, char id[24])
{
    struct th_user u;
    if (!id_from(t, "name", room))
        return false;
    if (th_user_find(t->a, room->id, &u) < 0) {
        st_error(t, 404, "user", "There is no such user.");
        return false;
    }
    snprintf(id, 24, "%lld", (long long)u.id);
    room->id = th_str_c(id);
    return true;
}

static void by_id(struct st_turn *t, const char *key, st_handler *handler)
{
    struct th_state_request room;
    const struct th_state_request *before = t->req;
    if (id_from(t, key, &room))
        handler(t);
    t->req = before;
}

static void by_user(struct st_turn *t, st_handler *handler)
{
    struct th_state_request room;
    const struct th_state_request *before = t->req;
    char id[24];
    if (user_from(t, &room, id))
        handler(t);
    t->req = before;
}

static void token_revoke(struct st_turn *t)
{
    by_id(t, "label", st_token_revoke);
}

static void sensor_change(struct st_turn *t)
{
    by_id(t, "id", st_sensor_change);
}

static void user_change(struct st_turn *t)
{
    by_user(t, st_user_change);
}

static void user_remove(struct st_turn *t)
{
    by_user(t, st_user_remove);
}

static void packets_file(struct st_turn *t)
{
    by_id(t, "id", st_packets_file);
}

static void packets_remove(struct st_turn *t)
{
    by_id(t, "id", st_packets_remove);
}

static void permit_end(struct st_turn *t)
{
    by_id(t, "id", st_permit_end);
}

static void audit_check(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "intact");
    th_json_bool(&t->json, th_audit_intact(t->a));
    th_json_close(&t->json);
}

static void keys_rotate(struct st_turn *t)
{
    int r = th_accounts_rotate(t->a, t->now_ns, t->by);
    t->must_commit = true;
    if (r < 0)
        st_error(t, 409, "keys",
            "The secrets could not be sealed anew: the instance has too many keys.");
    else
        st_ok(t);
}

/* {"route", "params", "path"}: the gateway judges whether it only reads. */
static void api(struct st_turn *t)
{
    struct th_str route;
    json_t *params = json_object_get(t->req->body, "params");
    json_t *path = json_object_get(t->req->body, "path");
    if (!st_member(t, "route", TH_STATE_MAX_ROUTE, &route)) {
        st_error(t, 400, "route", "The route that is asked for is missing.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_LOOK);
    if (!j)
        return;
    json_t *look = json_pack(
        "{s:s%, s:O*, s:O*}", "route", route.p, (size_t)route.len, "params", params, "path", path);
    char *text = json_dumps(look, JSON_COMPACT);
    json_decref(look);
    TH_ASSERT(text);
    th_buf_puts(&j->control, text);
    free(text);
    j->deadline_ns = t->now_ns + TH_STATE_LOOK_WAIT_NS;
}

st_handler *st_ctl_handler(struct th_str route)
{
    static const struct {
        const char *route;
        st_handler *handler;
    } handlers[] = {
        {"ctl.token.create", st_token_add},
        {"ctl.token.list", st_tokens},
        {"ctl.token.revoke", token_revoke},
        {"ctl.user.create", st_user_add},
        {"ctl.user.list", st_users},
        {"ctl.user.change", user_change},
        {"ctl.user.remove", user_remove},
        {"ctl.sensor.list", st_sensors},
        {"ctl.sensor.change", sensor_change},
        {"ctl.settings", st_settings},
        {"ctl.settings.set", st_settings_set},
        {"ctl.audit", st_audit},
        {"ctl.audit.check", audit_check},
        {"ctl.keys.rotate", keys_rotate},
        {"ctl.forget", st_forget},
        {"ctl.permit.add", st_permit_add},
        {"ctl.permit.end", permit_end},
        {"ctl.packets.ask", st_packets_ask},
        {"ctl.packets.list", st_packets_list},
        {"ctl.packets.file", packets_file},
        {"ctl.packets.delete", packets_remove},
        {"ctl.api", api},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(handlers); i++)
        if (th_str_is(route, handlers[i].route))
            return handlers[i].handler;
    return NULL;
}
