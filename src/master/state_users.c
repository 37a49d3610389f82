/* SPDX-License-Identifier: Apache-2.0 */
/* Users, and the audit log. */
#include "state_i.h"

#define FULL_CHECK_ENTRIES 200000u /* of the audit log, when a page of it is asked for */

static bool user_of(struct st_turn *t, struct th_user *ret)
{
    int64_t id;
    if (th_str_i64(t->req->id, &id) && th_user_get(t->a, id, ret) == 0)
        return true;
    st_error(t, 404, "user", "There is no such user.");
    return false;
}

static void needed(struct st_turn *t)
{
    st_error(t, 409, "last_administrator",
        "This is the only administrator who can log in. Make another one first.");
}

void st_users(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "users");
    th_users_put(t->a, t->now_ns, &t->json);
    th_json_close(&t->json);
}

void st_user_add(struct st_turn *t)
{
    struct th_str name;
    struct th_str role;
    struct th_user there;
    if (!st_member(t, "name", TH_USER_MAX_NAME - 1, &name) || !th_user_name_is(name)) {
        st_error(t, 400, "name",
            "A user's name has 1 to 64 letters (a to z), digits and . _ @ + - characters.");
    } else if (!st_member(t, "role", TH_ACCOUNT_MAX_ROLE - 1, &role) ||
        !th_web_account_role_find(role)) {
        st_error(t, 400, "role", "The role must be administrator, analyst or reader.");
    } else if (th_user_find(t->a, name, &there) == 0) {
        st_error(t, 409, "exists", "There is a user of this name already.");
    } else {
        struct st_job *j = st_job_new(t, ST_USER_ADD);
        if (!j)
            return;
        st_copy(name, j->name, sizeof(j->name));
        st_copy(role, j->role, sizeof(j->role));
        th_one_time_password(j->one_time);
        th_buf_puts(&j->hash_text, j->one_time);
    }
}

static void put_made(struct st_turn *t, int64_t id, const char *one_time)
{
    struct th_user u;
    if (th_user_get(t->a, id, &u) < 0) {
        st_error(t, 404, "user", "There is no such user.");
        return;
    }
    th_json_open(&t->json);
    th_json_key(&t->json, "user");
    th_user_put(t->a, t->now_ns, &u, &t->json);
    if (one_time)
        st_put_text(&t->json, "one_time_password", one_time);
    th_json_close(&t->json);
}

/* Whoever asked may have lost the right while the hash was computed. */
static bool still_may(struct st_turn *t, const struct st_job *job)
{
    struct th_session s;
    if (job->asker.connection != 0)
        return true;
    if (th_session_find_key(t->a, t->now_ns, th_str_c(job->session), th_str_c(job->address), &s) ==
            0 &&
        th_web_role_may(th_str_c(s.user.role), TH_RIGHT_WEB_USERS))
        return true;
    st_error(t, 401, "session", "The session ended meanwhile. Log in again.");
    return false;
}

void st_user_add_hashed(struct st_turn *t, struct st_job *job, bool matches, const char *hash)
{
    (void)matches;
    int64_t id;
    if (!still_may(t, job))
        return;
    int r = hash
        ? th_user_add(t->a, t->now_ns, t->by, th_str_c(job->name), th_str_c(job->role), hash, &id)
        : -ENOMEM;
    if (r == 0)
        put_made(t, id, job->one_time);
    else if (r == -EEXIST)
        st_error(t, 409, "exists", "There is a user of this name already.");
    else if (r == -EINVAL)
        st_error(t, 400, "name", "This name is not to be had.");
    else
        st_error(t, 503, "busy", "The password could not be hashed. Try again in some seconds.");
}

void st_user_reset_hashed(struct st_turn *t, struct st_job *job, bool matches, const char *hash)
{
    (void)matches;
    if (!still_may(t, job))
        return;
    if (!hash)
        st_error(t, 503, "busy", "The password could not be hashed. Try again in some seconds.");
    else if (th_user_reset(t->a, t->now_ns, t->by, job->user, hash) < 0)
        st_error(t, 404, "user", "There is no such user.");
    else
        put_made(t, job->user, job->one_time);
}

static void reset(struct st_turn *t, int64_t id)
{
    struct st_job *j = st_job_new(t, ST_USER_RESET);
    if (!j)
        return;
    j->user = id;
    th_one_time_password(j->one_time);
    th_buf_puts(&j->hash_text, j->one_time);
}

void st_user_change(struct st_turn *t)
{
    struct th_user u;
    struct th_str role;
    const json_t *body = t->req->body;
    const json_t *disabled = json_object_get(body, "disabled");
    const json_t *has_role = json_object_get(body, "role");
    const json_t *new_password = json_object_get(body, "reset");
    if (!user_of(t, &u))
        return;
    if ((has_role && !st_member(t, "role", TH_ACCOUNT_MAX_ROLE - 1, &role)) ||
        (has_role && !th_web_account_role_find(role)) || (disabled && !json_is_boolean(disabled)) ||
        (new_password && !json_is_boolean(new_password)) ||
        (!has_role && !disabled && !new_password)) {
        st_error(t, 400, "body",
            "Give a role (administrator, analyst, reader), disabled (true, false) or reset "
            "(true).");
        return;
    }
    int r = 0;
    if (has_role)
        r = th_user_set_role(t->a, t->now_ns, t->by, u.id, role);
    if (r == 0 && disabled)
        r = th_user_set_disabled(t->a, t->now_ns, t->by, u.id, json_is_true(disabled));
    if (r == TH_E_REFUSED)
        needed(t);
    else if (r < 0)
        st_error(t, 404, "user", "There is no such user.");
    else if (json_is_true(new_password))
        reset(t, u.id);
    else
        put_made(t, u.id, NULL);
}

void st_user_remove(struct st_turn *t)
{
    struct th_user u;
    if (!user_of(t, &u))
        return;
    if (th_user_remove(t->a, t->now_ns, t->by, u.id) < 0)
        needed(t);
    else
        st_ok(t);
}

/* A number of the query string: a JSON string or integer. */
static int64_t number_param(const struct st_turn *t, const char *name, int64_t none)
{
    struct th_str text;
    int64_t n;
    const json_t *v = json_object_get(t->req->params, name);
    if (json_is_integer(v))
        return json_integer_value(v) > 0 ? json_integer_value(v) : none;
    return th_state_text(t->req->params, name, 20, &text) && th_str_i64(text, &n) && n > 0 ? n
                                                                                           : none;
}

void st_audit(struct st_turn *t)
{
    int64_t limit = TH_MIN(number_param(t, "limit", 100), (int64_t)TH_AUDIT_MAX_PAGE);
    bool intact = th_audit_check(t->a, FULL_CHECK_ENTRIES);
    th_audit_page(t->a, number_param(t, "before", 0), (unsigned)limit, intact, &t->json);
}
