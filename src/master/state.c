/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "crypto/random.h"
#include "state_i.h"

#define SWEEP_NS (5 * TH_NS_PER_MIN)
#define AUDIT_STEP 200u /* entries checked a second */

/* Routes of the API that state owns, in any order. */
static const struct {
    enum th_web_route_id route;
    st_handler *handler;
} handlers[] = {
    {TH_ROUTE_LOGIN, st_login},
    {TH_ROUTE_LOGIN_PASSWORD, st_login_password},
    {TH_ROUTE_LOGIN_ENROL, st_login_enrol},
    {TH_ROUTE_LOGIN_CODE, st_login_code},
    {TH_ROUTE_SESSION_GET, st_session_get},
    {TH_ROUTE_SESSION_END, st_session_end},
    {TH_ROUTE_SESSIONS, st_sessions},
    {TH_ROUTE_SESSION_REVOKE, st_session_revoke},
    {TH_ROUTE_PASSWORD, st_password},
    {TH_ROUTE_USERS_LIST, st_users},
    {TH_ROUTE_USER_ADD, st_user_add},
    {TH_ROUTE_USER_CHANGE, st_user_change},
    {TH_ROUTE_USER_REMOVE, st_user_remove},
    {TH_ROUTE_AUDIT_LIST, st_audit},
    {TH_ROUTE_TOKENS, st_tokens},
    {TH_ROUTE_TOKEN_ADD, st_token_add},
    {TH_ROUTE_TOKEN_REVOKE, st_token_revoke},
    {TH_ROUTE_SENSORS, st_sensors},
    {TH_ROUTE_SENSOR_CHANGE, st_sensor_change},
    {TH_ROUTE_SETTINGS, st_settings},
    {TH_ROUTE_SETTINGS_SET, st_settings_set},
    {TH_ROUTE_INCIDENT_CHANGE, st_incident_change},
    {TH_ROUTE_PERMIT_ADD, st_permit_add},
    {TH_ROUTE_PERMIT_END, st_permit_end},
    {TH_ROUTE_SEARCHES, st_searches},
    {TH_ROUTE_SEARCH_SAVE, st_search_save},
    {TH_ROUTE_SEARCH_REMOVE, st_search_remove},
    {TH_ROUTE_PACKETS_ASK, st_packets_ask},
    {TH_ROUTE_PACKETS_LIST, st_packets_list},
    {TH_ROUTE_PACKETS_FILE, st_packets_file}, /* by pieces, which the gateway joins */
    {TH_ROUTE_PACKETS_REMOVE, st_packets_remove},
};

/* What the gateway asks besides. */
static const struct {
    const char *route;
    st_handler *handler;
} inner_handlers[] = {
    {"authorise", st_authorise},
    {"enrol", st_enrol},
    {"commands", st_commands},
    {"part", st_part},
};

static st_resume *const resumes[] = {
    [ST_LOGIN] = st_login_hashed,
    [ST_OWN_PASSWORD] = st_own_password_hashed,
    [ST_CHANGE_PASSWORD] = st_password_hashed,
    [ST_USER_ADD] = st_user_add_hashed,
    [ST_USER_RESET] = st_user_reset_hashed,
};

static st_resume_done *const resumes_done[] = {
    [ST_SENSOR] = st_sensor_done,
    [ST_ENROL] = st_enrol_done,
    [ST_SETTINGS] = st_settings_done,
    [ST_ACK] = st_ack_done,
    [ST_PERMIT] = st_permit_done,
    [ST_PERMIT_END] = st_permit_end_done,
    [ST_FORGET] = st_forget_done,
    [ST_LOOK] = NULL,
    [ST_COMMANDS] = NULL,
};

struct th_state *th_state_new(
    const struct th_state_config *config, const struct th_state_ops *ops, void *arg)
{
    struct th_state *s = th_xcalloc(1, sizeof(*s));
    s->config = *config;
    s->ops = *ops;
    s->arg = arg;
    s->a = config->accounts;
    return s;
}

/* ---- jobs ---- */

static void wipe_buf(struct th_buf *b)
{
    if (b->p)
        th_wipe(b->p, b->cap);
    th_buf_done(b);
}

static void job_free(struct st_job *j)
{
    wipe_buf(&j->verify_hash);
    wipe_buf(&j->verify_text);
    wipe_buf(&j->hash_text);
    th_buf_done(&j->control);
    th_wipe(j, sizeof(*j));
    free(j);
}

void th_state_free(struct th_state *s)
{
    if (!s)
        return;
    while (s->jobs) {
        struct st_job *j = s->jobs;
        s->jobs = j->next;
        job_free(j);
    }
    free(s->heard);
    free(s);
}

static struct st_job *job_take(struct th_state *s, uint64_t id)
{
    for (struct st_job **p = &s->jobs; *p; p = &(*p)->next)
        if ((*p)->id == id) {
            struct st_job *j = *p;
            *p = j->next;
            s->job_count--;
            return j;
        }
    return NULL;
}

static bool too_many_hashes(const struct th_state *s, struct th_str address)
{
    unsigned all = 0;
    unsigned same = 0;
    for (const struct st_job *j = s->jobs; j; j = j->next)
        if (j->kind <= ST_HASHES) {
            all++;
            same += th_str_is(address, j->address);
        }
    return all >= TH_STATE_MAX_HASHES || same >= TH_STATE_MAX_HASHES_AN_ADDRESS;
}

struct st_job *st_job_new(struct st_turn *t, enum st_job_kind kind)
{
    if (t->s->job_count >= TH_STATE_MAX_JOBS ||
        (kind <= ST_HASHES && t->asker.connection == 0 && too_many_hashes(t->s, t->req->address))) {
        t->s->counters[ST_TOO_MANY]++;
        st_error(
            t, 429, "busy", "Too many requests wait for an answer. Try again in some seconds.");
        return NULL;
    }
    struct st_job *j = th_xcalloc(1, sizeof(*j));
    j->kind = kind;
    j->asker = t->asker;
    j->deadline_ns = INT64_MAX;
    st_copy(t->req->address, j->address, sizeof(j->address));
    st_copy(t->req->agent, j->agent, sizeof(j->agent));
    snprintf(j->by, sizeof(j->by), "%s", t->by);
    if (t->has_session)
        snprintf(j->session, sizeof(j->session), "%s", t->who.key);
    t->job = j;
    return j;
}

struct th_json st_control_begin(struct st_turn *t, struct st_job *job, const char *type)
{
    char id[24] = "0";
    struct th_json j = th_json_init(&job->control);
    job->deadline_ns = t->now_ns + TH_STATE_CONTROL_WAIT_NS;
    if (t->has_session)
        snprintf(id, sizeof(id), "%lld", (long long)t->who.user.id);
    th_json_open(&j);
    st_put_text(&j, "type", type);
    th_json_key(&j, "at_ns");
    th_json_i64(&j, t->now_ns);
    th_json_key(&j, "by");
    th_json_open(&j);
    st_put_text(&j, "id", id);
    st_put_text(&j, "name", t->by);
    th_json_close(&j);
    return j;
}

/* ---- small things that handlers use ---- */

void st_put_text(struct th_json *j, const char *key, const char *value)
{
    th_json_key(j, key);
    th_json_str(j, th_str_c(value));
}

/* Cut so that no character is left half (UTF-8). */
void st_copy(struct th_str s, char *ret, size_t room)
{
    size_t n = TH_MIN((size_t)s.len, room - 1);
    while (n > 0 && n < s.len && ((uint8_t)s.p[n] & 0xc0) == 0x80)
        n--;
    memcpy(ret, s.p, n);
    ret[n] = 0;
}

bool st_member(struct st_turn *t, const char *key, size_t max, struct th_str *ret)
{
    return th_state_text(t->req->body, key, max, ret);
}

static void error_begin(struct st_turn *t, unsigned status, const char *code, const char *message)
{
    t->status = status;
    th_buf_clear(&t->body);
    t->json = th_json_init(&t->body);
    th_json_open(&t->json);
    th_json_key(&t->json, "error");
    th_json_open(&t->json);
    st_put_text(&t->json, "code", code);
    st_put_text(&t->json, "message", message);
}

void st_error(struct st_turn *t, unsigned status, const char *code, const char *message)
{
    error_begin(t, status, code, message);
    th_json_close(&t->json);
    th_json_close(&t->json);
}

void st_locked(struct st_turn *t, unsigned retry_s)
{
    char message[128];
    snprintf(message, sizeof(message), "Too many tries went wrong. Try again in %u second%s.",
        retry_s, retry_s == 1 ? "" : "s");
    t->s->counters[ST_LOCKED]++;
    error_begin(t, 429, "locked", message);
    th_json_key(&t->json, "retry_s");
    th_json_u64(&t->json, retry_s);
    th_json_close(&t->json);
    th_json_close(&t->json);
}

void st_cookie(struct st_turn *t, bool half, const char *value)
{
    if (t->cookies.len > 0)
        th_buf_u8(&t->cookies, '\n');
    th_buf_printf(&t->cookies, "__Host-thymus%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict",
        half ? "-login" : "", value);
    if (!*value)
        th_buf_puts(&t->cookies, "; Max-Age=0");
    else if (half)
        th_buf_puts(&t->cookies, "; Max-Age=600");
}

void st_ok(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_close(&t->json);
}

/* ---- a turn ---- */

static void turn_begin(struct st_turn *t, struct th_state *s, int64_t now_ns)
{
    *t = (struct st_turn){.s = s, .a = s->a, .now_ns = now_ns, .status = 200, .by = "system"};
    t->json = th_json_init(&t->body);
    th_accounts_begin(s->a);
    st_packets_take_up(s, now_ns);
}

static void job_send(struct st_turn *t)
{
    struct th_state *s = t->s;
    struct st_job *j = t->job;
    int r = 0;
    j->id = ++s->last_job;
    j->next = s->jobs;
    s->jobs = j;
    s->job_count++;
    if (j->kind <= ST_HASHES) {
        struct th_state_hash h = {.verify_hash = th_buf_view(&j->verify_hash),
            .verify_text = th_buf_view(&j->verify_text),
            .hash_text = th_buf_view(&j->hash_text)};
        r = s->ops.hash(s->arg, j->id, &h);
        wipe_buf(&j->verify_hash);
        wipe_buf(&j->verify_text);
        wipe_buf(&j->hash_text);
    } else if (j->kind == ST_LOOK) {
        r = j->control.overflow ? TH_E_LIMIT : s->ops.look(s->arg, j->id, th_buf_view(&j->control));
    } else if (j->kind <= ST_LOGGED) {
        s->counters[ST_CONTROLS]++;
        r = j->control.overflow ? TH_E_LIMIT
                                : s->ops.control(s->arg, j->id, th_buf_view(&j->control));
    }
    if (r < 0) {
        job_free(job_take(s, j->id));
        st_error(t, 503, "unavailable",
            "A part of the master that this needs is starting or busy. Try again in some seconds.");
        t->job = NULL;
    }
}

static void turn_answer(struct st_turn *t)
{
    if (t->body.overflow || t->cookies.overflow)
        st_error(t, 500, "large", "The answer is too large. Ask for less.");
    t->s->ops.answer(
        t->s->arg, &t->asker, t->status, th_buf_view(&t->cookies), th_buf_view(&t->body));
}

static void turn_end(struct st_turn *t)
{
    int r = th_accounts_commit(t->a);
    TH_ASSERT(r == 0 || !t->must_commit);
    if (r < 0) {
        t->s->counters[ST_STORAGE_ERRORS]++;
        t->s->storage_error = r;
        t->s->storage_error_ns = t->now_ns;
        if (t->job)
            job_free(TH_TAKE(t->job));
        th_buf_clear(&t->cookies);
        st_error(t, 500, "storage",
            "The database of accounts could not be written; nothing was changed. See System "
            "Status.");
    } else {
        t->s->storage_error = 0;
        if (t->job)
            job_send(t);
    }
    if (!t->job)
        turn_answer(t);
    wipe_buf(&t->cookies);
    wipe_buf(&t->body);
}

/* ---- requests ---- */

static bool find_session(struct st_turn *t)
{
    const struct th_state_request *req = t->req;
    int r = req->session_cookie.len > 0
        ? th_session_find(t->a, t->now_ns, req->session_cookie, false, req->address, &t->who)
        : th_session_find_key(t->a, t->now_ns, req->session_key, req->address, &t->who);
    t->has_session = r == 0;
    return t->has_session;
}

/* A right of the role, and for what changes something the session's token, unless the gateway has
 * had it judged (then it knows the session's key). */
static bool may(struct st_turn *t, const struct th_web_route *route)
{
    if (route->right == TH_RIGHT_WEB_NONE)
        return true;
    if (!find_session(t)) {
        t->s->counters[ST_UNAUTHORISED]++;
        st_error(t, 401, "session", "Nobody is logged in here. Log in first.");
        return false;
    }
    t->by = t->who.user.name;
    bool by_cookie = t->req->session_cookie.len > 0;
    bool forged =
        by_cookie && route->method != TH_METHOD_GET && !th_session_csrf_is(&t->who, t->req->csrf);
    if (forged || !th_web_role_may(th_str_c(t->who.user.role), route->right)) {
        t->s->counters[ST_FORBIDDEN]++;
        if (forged)
            st_error(t, 403, "csrf", "The request does not have this session's X-CSRF token.");
        else
            st_error(t, 403, "forbidden", "Your role does not have the right to do this.");
        return false;
    }
    return true;
}

static st_handler *find_handler(struct st_turn *t)
{
    enum th_web_route_id route;
    if (t->asker.connection != 0) {
        t->by = "operator";
        return st_ctl_handler(t->req->route);
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(inner_handlers); i++)
        if (th_str_is(t->req->route, inner_handlers[i].route))
            return inner_handlers[i].handler;
    if (!th_web_route_parse(t->req->route, &route))
        return NULL;
    for (size_t i = 0; i < TH_ARRAY_LEN(handlers); i++)
        if (handlers[i].route == route)
            return may(t, th_web_route(route)) ? handlers[i].handler : NULL;
    return NULL;
}

void th_state_request(struct th_state *s, int64_t now_ns, const struct th_state_asker *asker,
    struct th_str text, struct th_str bytes)
{
    struct th_state_request req;
    struct st_turn t;
    turn_begin(&t, s, now_ns);
    t.asker = *asker;
    s->counters[ST_REQUESTS]++;
    if (th_state_request_parse(text, &req) < 0) {
        s->counters[ST_MALFORMED]++;
        st_error(&t, 400, "malformed", "The request cannot be read.");
        turn_end(&t);
        return;
    }
    t.req = &req;
    t.bytes = bytes;
    st_handler *handler = find_handler(&t);
    if (handler)
        handler(&t);
    else if (t.body.len == 0)
        st_error(&t, 404, "route", "There is no such route here.");
    turn_end(&t);
    th_state_request_done(&req);
}

/* ---- what a job waited for ---- */

static void resume(struct st_turn *t, struct th_state *s, int64_t now_ns, const struct st_job *j)
{
    turn_begin(t, s, now_ns);
    t->asker = j->asker;
    t->by = j->by;
}

void th_state_hashed(
    struct th_state *s, int64_t now_ns, uint64_t job, bool matches, const char *hash)
{
    struct st_turn t;
    struct st_job *j = job_take(s, job);
    if (!j || j->kind > ST_HASHES) {
        if (j)
            job_free(j);
        return;
    }
    resume(&t, s, now_ns, j);
    resumes[j->kind](&t, j, matches, hash);
    turn_end(&t);
    job_free(j);
}

static void control_ended(struct th_state *s, int64_t now_ns, struct st_job *j, int err)
{
    struct st_turn t;
    resume(&t, s, now_ns, j);
    if (j->kind == ST_COMMANDS) {
        t.status = 204;
    } else if (j->kind == ST_LOOK) {
        st_error(
            &t, 504, "timeout", "The part of the master that was asked did not answer in time.");
    } else if (err == 0) {
        resumes_done[j->kind](&t, j);
    } else {
        s->counters[ST_CONTROLS_LOST]++;
        st_error(&t, 503, "log",
            "The change could not be confirmed: the log did not answer in time. Look whether it "
            "was "
            "made before you try again.");
    }
    turn_end(&t);
    job_free(j);
}

void th_state_done(struct th_state *s, int64_t now_ns, uint64_t job, int err)
{
    struct st_job *j = job_take(s, job);
    if (j && j->kind > ST_HASHES && j->kind <= ST_LOGGED)
        control_ended(s, now_ns, j, err);
    else if (j)
        job_free(j);
}

void th_state_looked(
    struct th_state *s, int64_t now_ns, uint64_t job, unsigned status, struct th_str body)
{
    struct st_turn t;
    struct st_job *j = job_take(s, job);
    if (!j || j->kind != ST_LOOK) {
        if (j)
            job_free(j);
        return;
    }
    resume(&t, s, now_ns, j);
    t.status = status;
    th_buf_str(&t.body, body);
    turn_end(&t);
    job_free(j);
}

/* Ends jobs past the hashes for which `which` holds. */
static void end_jobs(struct th_state *s, int64_t now_ns, int err,
    bool (*which)(const struct st_job *j, int64_t now_ns))
{
    struct st_job **p = &s->jobs;
    struct st_job *ended = NULL;
    while (*p) {
        struct st_job *j = *p;
        if (j->kind > ST_HASHES && which(j, now_ns)) {
            *p = j->next;
            s->job_count--;
            j->next = ended;
            ended = j;
        } else {
            p = &j->next;
        }
    }
    while (ended) {
        struct st_job *j = ended;
        ended = j->next;
        control_ended(s, now_ns, j, err);
    }
}

static bool is_control(const struct st_job *j, int64_t now_ns)
{
    (void)now_ns;
    return j->kind <= ST_LOGGED;
}

static bool is_late(const struct st_job *j, int64_t now_ns)
{
    return j->deadline_ns <= now_ns;
}

void th_state_controls_lost(struct th_state *s, int64_t now_ns)
{
    end_jobs(s, now_ns, -ENOTCONN, is_control);
}

void st_release_commands(struct th_state *s, const char *sensor)
{
    for (struct st_job *j = s->jobs; j; j = j->next)
        if (j->kind == ST_COMMANDS && strcmp(j->sensor, sensor) == 0)
            j->deadline_ns = INT64_MIN;
}

void th_state_tick(struct th_state *s, int64_t now_ns)
{
    end_jobs(s, now_ns, -ETIMEDOUT, is_late);
    th_accounts_begin(s->a);
    if (now_ns - s->swept_ns >= SWEEP_NS) {
        th_accounts_sweep(s->a, now_ns);
        s->swept_ns = now_ns;
    }
    st_packets_take_up(s, now_ns);
    st_packets_tick(s, now_ns);
    st_permits_tick(s, now_ns);
    s->audit_broken = !th_audit_check(s->a, AUDIT_STEP);
    int r = th_accounts_commit(s->a);
    if (r < 0) {
        s->storage_error = r;
        s->storage_error_ns = now_ns;
    }
}
