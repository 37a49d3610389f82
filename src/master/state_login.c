/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out, sessions, and the gateway's question who somebody is. */
#include "state_i.h"

#define LOGIN_OVER "This login has ended or was never begun. Begin again with name and password."

static void put_id(struct th_json *j, int64_t id)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)id);
    st_put_text(j, "id", text);
}

static void wrong_login(struct st_turn *t)
{
    t->s->counters[ST_LOGIN_FAILURES]++;
    st_error(t, 401, "login", "Name or password is wrong.");
}

void st_login(struct st_turn *t)
{
    struct th_str name;
    struct th_str password;
    struct th_login login;
    if (!st_member(t, "user", TH_USER_MAX_NAME - 1, &name) ||
        !th_state_secret(t->req->body, "password", TH_PASSWORD_MAX_BYTES, &password)) {
        wrong_login(t);
        return;
    }
    /* First the room for it: a try that is not judged is not charged. */
    struct st_job *j = st_job_new(t, ST_LOGIN);
    if (!j)
        return;
    int r = th_login_begin(t->a, t->now_ns, name, t->req->address, &login);
    if (r == 0) {
        j->login = login;
        th_buf_puts(&j->verify_hash, login.hash);
        th_buf_str(&j->verify_text, password);
        return;
    }
    free(TH_TAKE(t->job)); /* nothing is in it yet */
    if (r == TH_E_LIMIT)
        st_locked(t, login.retry_s);
    else
        wrong_login(t);
}

/* The rest of a first login's answer: what to put into the authenticator app. */
static void put_enrolment(struct st_turn *t, const struct th_session *half)
{
    char issuer[160];
    struct th_enrolment e = {0};
    snprintf(issuer, sizeof(issuer), "Thymus %s", t->s->config.instance);
    if (th_login_offer(t->a, half, issuer, &e) < 0) {
        st_error(
            t, 500, "enrol", "The QR code could not be made: the instance's name is too long.");
    } else {
        th_json_open(&t->json);
        st_put_text(&t->json, "next", "enrol");
        th_json_key(&t->json, "otpauth");
        th_json_str(&t->json, th_buf_view(&e.uri));
        th_json_key(&t->json, "qr_svg");
        th_json_str(&t->json, th_buf_view(&e.svg));
        th_json_key(&t->json, "secret");
        th_json_str(&t->json, th_buf_view(&e.secret));
        th_json_close(&t->json);
    }
    th_enrolment_done(&e);
}

void st_login_hashed(struct st_turn *t, struct st_job *job, bool matches, const char *hash)
{
    (void)hash;
    char cookie[TH_COOKIE_LEN];
    const char *stage;
    struct th_session half;
    struct th_str address = th_str_c(job->address);
    if (th_login_password(t->a, t->now_ns, &job->login, matches, address, th_str_c(job->agent),
            cookie, &stage) < 0) {
        wrong_login(t);
        return;
    }
    st_cookie(t, true, cookie);
    if (strcmp(stage, "enrol") == 0 &&
        th_session_find(t->a, t->now_ns, th_str_c(cookie), true, address, &half) == 0) {
        put_enrolment(t, &half);
        return;
    }
    th_json_open(&t->json);
    st_put_text(&t->json, "next", stage);
    th_json_close(&t->json);
}

static bool find_half(struct st_turn *t, struct th_str cookie, struct th_str address,
    const char *stage, struct th_session *ret)
{
    if (th_session_find(t->a, t->now_ns, cookie, true, address, ret) == 0 &&
        strcmp(ret->stage, stage) == 0)
        return true;
    t->s->counters[ST_UNAUTHORISED]++;
    st_error(t, 401, "login", LOGIN_OVER);
    return false;
}

void st_login_password(struct st_turn *t)
{
    struct th_session half;
    struct th_str password;
    const char *why;
    if (!find_half(t, t->req->login_cookie, t->req->address, "password", &half))
        return;
    if (!th_state_secret(t->req->body, "password", TH_STATE_MAX_REQUEST, &password)) {
        st_error(t, 400, "password", "A password is missing.");
    } else if (th_password_judge(password, half.user.name, &why) < 0) {
        st_error(t, 400, "password", why);
    } else {
        struct st_job *j = st_job_new(t, ST_OWN_PASSWORD);
        if (!j)
            return;
        st_copy(t->req->login_cookie, j->session, sizeof(j->session));
        th_buf_puts(&j->verify_hash, half.user.hash); /* is it the one-time password again? */
        th_buf_str(&j->verify_text, password);
        th_buf_str(&j->hash_text, password);
    }
}

void st_own_password_hashed(struct st_turn *t, struct st_job *job, bool matches, const char *hash)
{
    struct th_session half;
    struct th_str address = th_str_c(job->address);
    if (!find_half(t, th_str_c(job->session), address, "password", &half))
        return;
    if (matches) {
        st_error(t, 400, "password", "That is the one-time password. Choose one of your own.");
    } else if (!hash || th_login_own_password(t->a, t->now_ns, &half, hash) < 0) {
        st_error(t, 503, "busy", "The password could not be kept. Try again in some seconds.");
    } else if (find_half(t, th_str_c(job->session), address, "enrol", &half)) {
        put_enrolment(t, &half);
    }
}

static void put_login_end(struct st_turn *t, int r, const struct th_login_end *end)
{
    if (r == TH_E_LIMIT) {
        st_locked(t, end->retry_s);
        return;
    }
    if (r < 0) {
        t->s->counters[ST_LOGIN_FAILURES]++;
        st_error(t, 401, "code", "The code is wrong or was used before. Wait for the next one.");
        return;
    }
    t->s->counters[ST_LOGINS]++;
    st_cookie(t, false, end->cookie);
    st_cookie(t, true, "");
    th_json_open(&t->json);
    st_put_text(&t->json, "next", "done");
    if (end->recovery_count > 0) {
        th_json_key(&t->json, "recovery_codes");
        th_json_open_list(&t->json);
        for (unsigned i = 0; i < end->recovery_count; i++)
            th_json_str(&t->json, th_str_c(end->recovery[i]));
        th_json_close_list(&t->json);
    }
    th_json_close(&t->json);
}

void st_login_enrol(struct st_turn *t)
{
    struct th_session half;
    struct th_login_end end;
    struct th_str code = {.p = "", .len = 0};
    if (!find_half(t, t->req->login_cookie, t->req->address, "enrol", &half))
        return;
    st_member(t, "code", 16, &code);
    int r = th_login_enrol(t->a, t->now_ns, &half, code, t->req->address, t->req->agent, &end);
    put_login_end(t, r, &end);
}

void st_login_code(struct st_turn *t)
{
    struct th_session half;
    struct th_login_end end;
    struct th_str code = {.p = "", .len = 0};
    if (!find_half(t, t->req->login_cookie, t->req->address, "code", &half))
        return;
    int r = st_member(t, "recovery", 32, &code)
        ? th_login_recovery(t->a, t->now_ns, &half, code, t->req->address, t->req->agent, &end)
        : -EINVAL;
    if (r == -EINVAL) {
        st_member(t, "code", 16, &code);
        r = th_login_code(t->a, t->now_ns, &half, code, t->req->address, t->req->agent, &end);
    }
    put_login_end(t, r, &end);
}

/* ---- sessions ---- */

static void put_who(struct st_turn *t, bool with_key)
{
    th_json_key(&t->json, "user");
    th_json_open(&t->json);
    put_id(&t->json, t->who.user.id);
    st_put_text(&t->json, "name", t->who.user.name);
    st_put_text(&t->json, "role", t->who.user.role);
    if (with_key)
        st_put_text(&t->json, "session", t->who.key);
    th_json_close(&t->json);
}

static void put_rights(struct st_turn *t)
{
    th_json_key(&t->json, "rights");
    th_json_open_list(&t->json);
    for (unsigned r = 0; r < TH_RIGHT_WEB_COUNT; r++)
        if (th_web_role_may(th_str_c(t->who.user.role), (enum th_web_right)r))
            th_json_str(&t->json, th_str_c(th_web_right((enum th_web_right)r)->name));
    th_json_close_list(&t->json);
}

void st_session_get(struct st_turn *t)
{
    struct th_settings settings;
    th_settings_get(t->a, &t->s->config.defaults, &settings);
    th_json_open(&t->json);
    put_who(t, false);
    put_rights(t);
    st_put_text(&t->json, "csrf", t->who.csrf);
    th_json_key(&t->json, "expires");
    th_json_time(&t->json, t->who.expires_ns);
    th_json_key(&t->json, "instance");
    th_json_open(&t->json);
    st_put_text(&t->json, "name", t->s->config.instance);
    st_put_text(&t->json, "host_name", t->s->config.host_name);
    st_put_text(&t->json, "time_zone", settings.time_zone);
    th_json_close(&t->json);
    st_put_text(&t->json, "version", TH_VERSION);
    th_json_close(&t->json);
}

void st_session_end(struct st_turn *t)
{
    th_session_end(t->a, &t->who);
    th_audit(t->a, t->now_ns, t->by, "logout", t->by, "");
    st_cookie(t, false, "");
    st_ok(t);
}

static bool sees_all(const struct st_turn *t)
{
    return th_web_role_may(th_str_c(t->who.user.role), TH_RIGHT_WEB_USERS);
}

void st_sessions(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "sessions");
    th_sessions_put(t->a, t->now_ns, &t->who, sees_all(t), &t->json);
    th_json_close(&t->json);
}

void st_session_revoke(struct st_turn *t)
{
    char user[TH_USER_MAX_NAME];
    if (th_session_revoke(t->a, t->req->id, t->who.user.id, sees_all(t), user) < 0) {
        st_error(t, 404, "session", "There is no such session, or it has ended already.");
        return;
    }
    th_audit(t->a, t->now_ns, t->by, "session.revoke", user, "");
    st_ok(t);
}

void st_password(struct st_turn *t)
{
    struct th_str before;
    struct th_str after;
    const char *why;
    if (!th_state_secret(t->req->body, "old", TH_PASSWORD_MAX_BYTES, &before) ||
        !th_state_secret(t->req->body, "new", TH_STATE_MAX_REQUEST, &after)) {
        st_error(t, 400, "password", "The old and the new password are needed.");
        return;
    }
    if (th_password_judge(after, t->who.user.name, &why) < 0) {
        st_error(t, 400, "password", why);
        return;
    }
    if (th_str_eq(before, after)) {
        st_error(t, 400, "password", "The new password is the old one. Choose another.");
        return;
    }
    unsigned retry_s = th_lockout_s(t->a, t->now_ns, t->by, t->req->address);
    if (retry_s > 0) {
        st_locked(t, retry_s);
        return;
    }
    struct st_job *j = st_job_new(t, ST_CHANGE_PASSWORD);
    if (!j)
        return;
    th_lockout_charge(t->a, t->now_ns, t->by, t->req->address);
    j->user = t->who.user.id;
    snprintf(j->login.hash, sizeof(j->login.hash), "%s", t->who.user.hash);
    th_buf_puts(&j->verify_hash, t->who.user.hash);
    th_buf_str(&j->verify_text, before);
    th_buf_str(&j->hash_text, after);
}

void st_password_hashed(struct st_turn *t, struct st_job *job, bool matches, const char *hash)
{
    struct th_session s;
    struct th_str address = th_str_c(job->address);
    if (th_session_find_key(t->a, t->now_ns, th_str_c(job->session), address, &s) < 0 ||
        strcmp(s.user.hash, job->login.hash) != 0) {
        st_error(t, 401, "session", "The session ended meanwhile. Log in again.");
    } else if (!matches) {
        th_audit(t->a, t->now_ns, t->by, "login.failed", t->by, job->address);
        st_error(t, 403, "password", "The old password is wrong.");
    } else if (!hash || th_user_set_password(t->a, t->now_ns, job->user, hash, &s) < 0) {
        st_error(t, 503, "busy", "The password could not be kept. Try again in some seconds.");
    } else {
        th_lockout_refund(t->a, job->by, address);
        st_ok(t);
    }
}

/* ---- the gateway's question ---- */

void st_authorise(struct st_turn *t)
{
    struct th_str cookie;
    struct th_str method;
    struct th_str word;
    struct th_str csrf = {.p = "", .len = 0};
    enum th_web_right right = TH_RIGHT_WEB_SESSION;
    if (!st_member(t, "method", 8, &method) || !st_member(t, "right", 32, &word)) {
        st_error(t, 400, "malformed", "Method and right are needed.");
        return;
    }
    st_member(t, "csrf", 64, &csrf);
    bool known = th_str_is(word, "session");
    for (unsigned r = 0; r < TH_RIGHT_WEB_COUNT && !known; r++)
        if (th_str_is(word, th_web_right((enum th_web_right)r)->name)) {
            right = (enum th_web_right)r;
            known = true;
        }
    if (!known) {
        st_error(t, 400, "malformed", "There is no such right.");
    } else if (!st_member(t, "cookie", 64, &cookie) ||
        th_session_find(t->a, t->now_ns, cookie, false, t->req->address, &t->who) < 0) {
        t->s->counters[ST_UNAUTHORISED]++;
        st_error(t, 401, "session", "Nobody is logged in here. Log in first.");
    } else if (!th_str_is(method, "GET") && !th_session_csrf_is(&t->who, csrf)) {
        t->s->counters[ST_FORBIDDEN]++;
        st_error(t, 403, "csrf", "The request does not have this session's X-CSRF token.");
    } else if (!th_web_role_may(th_str_c(t->who.user.role), right)) {
        t->s->counters[ST_FORBIDDEN]++;
        st_error(t, 403, "forbidden", "Your role does not have the right to do this.");
    } else {
        th_json_open(&t->json);
        put_who(t, true);
        put_rights(t);
        th_json_close(&t->json);
    }
}
