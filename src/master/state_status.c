/* SPDX-License-Identifier: Apache-2.0 */
/* What state says of itself on System Status. */
#include "state_i.h"

static const char *const counter_names[ST_COUNTERS] = {
    [ST_REQUESTS] = "requests",
    [ST_MALFORMED] = "malformed",
    [ST_UNAUTHORISED] = "unauthorised",
    [ST_FORBIDDEN] = "forbidden",
    [ST_LOGINS] = "logins",
    [ST_LOGIN_FAILURES] = "login_failures",
    [ST_LOCKED] = "locked",
    [ST_TOO_MANY] = "too_many",
    [ST_ENROLMENTS] = "enrolments",
    [ST_BAD_TOKENS] = "bad_tokens",
    [ST_CONTROLS] = "controls",
    [ST_CONTROLS_LOST] = "controls_lost",
    [ST_STORAGE_ERRORS] = "storage_errors",
};

static void gauge(struct th_json *j, const char *name, int64_t value)
{
    th_json_key(j, name);
    th_json_i64(j, value);
}

static void problem(struct th_json *j, const char *severity, const char *code, const char *text)
{
    th_json_open(j);
    st_put_text(j, "severity", severity);
    st_put_text(j, "code", code);
    st_put_text(j, "text", text);
    th_json_close(j);
}

static void problems(struct th_state *s, int64_t pending, struct th_json *j)
{
    char text[256];
    if (s->audit_broken)
        problem(j, "error", "audit_broken",
            "The audit log was altered outside of Thymus: its chain of hashes does not hold. "
            "Compare "
            "it with a snapshot.");
    if (s->storage_error < 0) {
        snprintf(text, sizeof(text),
            "The database of accounts cannot be written: %s. Logins and changes fail until it can.",
            th_strerror(s->storage_error));
        problem(j, "error", "state_storage", text);
    }
    if (pending > 0) {
        snprintf(text, sizeof(text),
            "%lld sensor%s wait%s for approval on System Config. Nothing of theirs is taken "
            "before.",
            (long long)pending, pending == 1 ? "" : "s", pending == 1 ? "s" : "");
        problem(j, "info", "sensors_pending", text);
    }
}

void th_state_status(struct th_state *s, int64_t now_ns, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    int64_t hashes = 0;
    for (const struct st_job *job = s->jobs; job; job = job->next)
        hashes += job->kind <= ST_HASHES;
    th_accounts_begin(s->a);
    int64_t pending = th_sensors_count(s->a, "pending");
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    for (unsigned i = 0; i < ST_COUNTERS; i++) {
        th_json_key(&j, counter_names[i]);
        th_json_u64(&j, s->counters[i]);
    }
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    gauge(&j, "users", th_users_count(s->a));
    gauge(&j, "sessions", th_sessions_count(s->a, now_ns));
    gauge(&j, "sensors_authorised", th_sensors_count(s->a, "authorised"));
    gauge(&j, "sensors_pending", pending);
    gauge(&j, "hashes_waiting", hashes);
    gauge(&j, "answers_waiting", s->job_count);
    gauge(&j, "position", (int64_t)th_accounts_position(s->a));
    th_json_close(&j);
    st_reports_put(s, &j);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    problems(s, pending, &j);
    th_json_close_list(&j);
    th_json_close(&j);
    int r = th_accounts_commit(s->a);
    if (r < 0)
        s->storage_error = r;
}
