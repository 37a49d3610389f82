/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is normal here: permits, said and ended by analysts. They go through the log, as settings do
 * (permits.h); core holds back by them, the store lists them, and here is who may, how many, and
 * the audit log. How long one may last is asked of the clock here, and of events' time in core.
 */
#include "account/permit.h"

#include "crypto/random.h"
#include "permits.h"
#include "state_i.h"

#define DEFAULT_DAYS 90
#define MAX_DAYS 365
#define MAX_REASON 240u /* bytes; with the longest scope it fits into an entry of the audit log */

static bool has(const json_t *body, const char *key)
{
    const json_t *v = json_object_get(body, key);
    return v && !json_is_null(v);
}

/* Days from now on; null: without an end, for who may configure. False: answered. */
static bool read_days(struct st_turn *t, int64_t *ret_until_ns)
{
    const json_t *days = json_object_get(t->req->body, "days");
    int64_t n = json_is_integer(days) ? json_integer_value(days) : DEFAULT_DAYS;
    if (json_is_null(days) &&
        (t->asker.connection != 0 ||
            th_web_role_may(th_str_c(t->who.user.role), TH_RIGHT_WEB_CONFIGURE))) {
        *ret_until_ns = INT64_MAX;
        return true;
    }
    if (json_is_null(days)) {
        st_error(t, 403, "days", "Only an administrator may permit something without an end.");
        return false;
    }
    if ((days && !json_is_integer(days)) || n < 1 || n > MAX_DAYS) {
        st_error(t, 400, "days", "A permit lasts 1 to 365 days.");
        return false;
    }
    *ret_until_ns = t->now_ns + n * TH_NS_PER_DAY;
    return true;
}

/* Those in force, and those on their way into the log. */
static unsigned permits_soon(const struct st_turn *t)
{
    unsigned n = th_account_permits(t->a);
    for (const struct st_job *j = t->s->jobs; j; j = j->next)
        n += j->kind == ST_PERMIT;
    return n;
}

static void put_scope(struct th_json *c, const struct st_turn *t)
{
    static const char *const texts[] = {
        "device", "model", "tactic", "address", "host", "domain", "breach", "incident"};
    struct th_str s;
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++)
        if (th_state_text(t->req->body, texts[i], TH_PERMIT_NAME_BYTES - 1, &s)) {
            th_json_key(c, texts[i]);
            th_json_str(c, s);
        }
    if (has(t->req->body, "port")) {
        th_json_key(c, "port");
        th_json_i64(c, json_integer_value(json_object_get(t->req->body, "port")));
    }
}

static bool id_or_none(const struct st_turn *t, const char *key)
{
    struct th_str id;
    return !has(t->req->body, key) ||
        (th_state_text(t->req->body, key, 64, &id) && st_is_finding_id(id));
}

void st_permit_add(struct st_turn *t)
{
    struct th_permit p;
    struct th_str reason;
    int64_t until_ns;
    if (!th_permit_scope(t->req->body, &p)) {
        st_error(t, 400, "permit",
            "A permit names a device or a peer (one of address, host and domain), and at most one "
            "of model and tactic, each as a breach has it.");
        return;
    }
    if (!st_member(t, "reason", MAX_REASON, &reason)) {
        st_error(t, 400, "reason", "A reason is one line of 1 to 240 bytes.");
        return;
    }
    if (!id_or_none(t, "breach") || !id_or_none(t, "incident")) {
        st_error(t, 400, "permit", "There is no such finding.");
        return;
    }
    if (!read_days(t, &until_ns))
        return;
    if (permits_soon(t) >= TH_PERMITS_MAX) {
        st_error(t, 409, "permits", "There are 1,000 permits, which is all there may be. End one.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_PERMIT);
    if (!j)
        return;
    do
        snprintf(j->permit, sizeof(j->permit), "%016llx", (unsigned long long)th_random_u64());
    while (strspn(j->permit, "0") == strlen(j->permit));
    struct th_json c = st_control_begin(t, j, "permit");
    st_put_text(&c, "id", j->permit);
    put_scope(&c, t);
    th_json_key(&c, "reason");
    th_json_str(&c, reason);
    if (until_ns != INT64_MAX) {
        th_json_key(&c, "until_ns");
        th_json_i64(&c, until_ns);
    }
    th_json_close(&c);
}

void st_permit_done(struct st_turn *t, struct st_job *job)
{
    th_json_open(&t->json);
    st_put_text(&t->json, "id", job->permit);
    th_json_close(&t->json);
}

void st_permit_end(struct st_turn *t)
{
    if (!st_is_finding_id(t->req->id) || !th_account_permit_is(t->a, t->req->id)) {
        st_error(t, 404, "permit", "There is no such permit in force.");
        return;
    }
    struct st_job *j = st_job_new(t, ST_PERMIT_END);
    if (!j)
        return;
    struct th_json c = st_control_begin(t, j, "permit_end");
    th_json_key(&c, "id");
    th_json_str(&c, t->req->id);
    th_json_close(&c);
}

void st_permit_end_done(struct st_turn *t, struct st_job *job)
{
    (void)job;
    st_ok(t);
}

void st_apply_permit(struct th_state *s, const json_t *control, int64_t at_ns, const char *by)
{
    struct th_permit p;
    struct th_str id;
    struct th_str reason;
    struct th_str incident;
    char until[TH_TIME_TEXT_LEN] = "somebody ends it";
    TH_AUTOBUF struct th_buf detail = TH_BUF_INIT;
    if (!th_permit_read(control, &p) || !th_state_text(control, "id", 16, &id) ||
        !th_state_text(control, "reason", MAX_REASON, &reason) ||
        !th_account_permit_add(s->a, id, p.until_ns))
        return;
    char object[TH_ACCOUNT_PERMIT_ID_LEN];
    st_copy(id, object, sizeof(object));
    th_permit_words(&p, &detail);
    if (p.until_ns != INT64_MAX)
        th_time_rfc3339(p.until_ns, until);
    th_buf_printf(&detail, "; until %s: ", until);
    th_buf_str(&detail, reason);
    th_buf_u8(&detail, 0);
    th_audit(s->a, at_ns, by, "permit.add", object, (const char *)detail.p);
    if (th_state_text(control, "incident", 64, &incident) && st_is_finding_id(incident)) {
        char closed[65];
        char why[32];
        st_copy(incident, closed, sizeof(closed));
        snprintf(why, sizeof(why), "permit %s", object);
        th_audit(s->a, at_ns, by, "incident.acknowledge", closed, why);
    }
}

void st_apply_permit_end(struct th_state *s, const json_t *control, int64_t at_ns, const char *by)
{
    struct th_str id;
    char object[TH_ACCOUNT_PERMIT_ID_LEN];
    if (!th_state_text(control, "id", 16, &id) || !th_account_permit_end(s->a, id))
        return;
    st_copy(id, object, sizeof(object));
    th_audit(s->a, at_ns, by, "permit.end", object, "");
}

void st_permits_tick(struct th_state *s, int64_t now_ns)
{
    char id[TH_ACCOUNT_PERMIT_ID_LEN];
    while (th_account_permit_expire(s->a, now_ns, id))
        th_audit(s->a, now_ns, "system", "permit.expire", id, "");
}
