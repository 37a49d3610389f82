/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System Status. Each role says once a second how it is: {"counters", "gauges", "problems"}; intake
 * says besides "sources", "log" and "refusals", store says "storage", in the shapes of
 * GET /status. Here all of it is put together, with what the gateway knows itself: who is down,
 * who has fallen silent, what was refused at the door.
 */
#include <stdlib.h>

#include "event/event.h"
#include "gateway.h"
#include "link/problems.h"

#define MAX_ROLES 24u
#define SILENT_NS (15 * TH_NS_PER_S)

static const char *const counter_names[GW_COUNTER_COUNT] = {
    [GW_CONNECTIONS] = "connections",
    [GW_REQUESTS] = "requests",
    [GW_PLAIN_HTTP] = "plain_http",
    [GW_TLS_REFUSED] = "tls_refused",
    [GW_NOT_TLS] = "not_tls",
    [GW_BAD_PROXY] = "bad_proxy",
    [GW_TOO_MANY] = "too_many_connections",
    [GW_TOO_SLOW] = "too_slow",
    [GW_TOO_LARGE] = "too_large",
    [GW_MALFORMED] = "malformed_requests",
    [GW_CROSS_SITE] = "cross_site",
    [GW_NO_SESSION] = "no_session",
    [GW_NO_RIGHT] = "no_right",
    [GW_TIMED_OUT] = "timed_out",
    [GW_ROLE_DOWN] = "role_down",
    [GW_STREAMS_DROPPED] = "streams_dropped",
    [GW_BUSY] = "busy",
};

static const char *const refusal_names[] = {"plain_http", "tls", "unknown_sensor", "pending",
    "revoked", "bad_token", "bad_signature", "wrong_instance", "replayed", "reordered", "bomb",
    "malformed", "full"};

struct role {
    char name[64];
    json_t *said;  /* NULL: nothing yet, or down */
    json_t *known; /* what the parent says of it: state, pid, restarts, up_s, last_exit */
    bool down;
    unsigned restarts;
    int64_t heard_ns, up_ns; /* monotonic */
    int64_t down_since_ns;   /* wall */
};

struct gw_board {
    struct role roles[MAX_ROLES];
    unsigned count;
    size_t problems; /* as they were last told to the streams */
    int64_t second_ns;
};

static struct role *role_named(struct gw_board *b, const char *name)
{
    for (unsigned i = 0; i < b->count; i++)
        if (strcmp(b->roles[i].name, name) == 0)
            return &b->roles[i];
    if (b->count == MAX_ROLES)
        return NULL;
    struct role *r = &b->roles[b->count++];
    snprintf(r->name, sizeof(r->name), "%s", name);
    return r;
}

static void forget(struct role *r)
{
    json_decref(r->said);
    json_decref(r->known);
}

struct gw_board *gw_board_new(struct gateway *g)
{
    static const char *const expected[] = {"gateway", "intake", "state", "core", "store", "seal"};
    struct gw_board *b = th_xcalloc(1, sizeof(*b));
    for (size_t i = 0; i < TH_ARRAY_LEN(expected); i++)
        role_named(b, expected[i]);
    for (unsigned i = 0; i < GW_MAX_QUERIES; i++)
        if (th_edges_up(g->edges, GW_EDGE_QUERY + i))
            role_named(b, gw_edge_name(GW_EDGE_QUERY + i));
    return b;
}

void gw_board_free(struct gw_board *b)
{
    for (unsigned i = 0; i < b->count; i++)
        forget(&b->roles[i]);
    free(b);
}

static void hear(struct gateway *g, struct role *r, struct th_str text)
{
    json_decref(TH_TAKE(r->said));
    if (text.len == 0) {
        if (!r->down)
            r->down_since_ns = g->now_ns;
        r->down = true;
        return;
    }
    r->said = json_loadb(text.p, text.len, 0, NULL);
    if (r->down)
        r->restarts++;
    if (r->down || r->up_ns == 0)
        r->up_ns = g->mono_ns;
    r->down = false;
    r->heard_ns = g->mono_ns;
}

/* {"roles": [{"name", "state", "pid", "restarts", "up_s", "last_exit"}]} */
static void hear_parent(struct gw_board *b, struct th_str text)
{
    json_t *said = json_loadb(text.p, text.len, 0, NULL);
    const json_t *roles = json_object_get(said, "roles");
    for (size_t i = 0; i < json_array_size(roles); i++) {
        json_t *row = json_array_get(roles, i);
        const char *name = json_string_value(json_object_get(row, "name"));
        struct role *r = name ? role_named(b, name) : NULL;
        if (!r)
            continue;
        json_decref(r->known);
        r->known = json_incref(row);
    }
    json_decref(said);
}

void gw_board_hear(struct gateway *g)
{
    const char *name;
    struct th_str text;
    while (th_edges_role_status(g->edges, &name, &text)) {
        if (strcmp(name, "supervisor") == 0) {
            hear_parent(g->board, text);
            continue;
        }
        /* What it says of itself it knows itself, and better. */
        struct role *r = strcmp(name, "gateway") == 0 ? NULL : role_named(g->board, name);
        if (r)
            hear(g, r, text);
    }
}

/* ---- the page ---- */

static json_t *time_text(int64_t time_ns)
{
    char text[TH_TIME_TEXT_LEN];
    size_t n = th_time_rfc3339(time_ns, text);
    return json_stringn(text, n);
}

static json_t *member_or(const json_t *of, const char *name, json_t *otherwise)
{
    json_t *found = json_object_get(of, name);
    if (!found || json_typeof(found) != json_typeof(otherwise))
        return otherwise;
    json_decref(otherwise);
    return json_incref(found);
}

static void add_problem(json_t *to, const char *severity, const char *code, const char *object,
    int64_t since_ns, const char *text)
{
    json_t *p = json_object();
    json_object_set_new(p, "severity", json_string(severity));
    json_object_set_new(p, "code", json_string(code));
    json_object_set_new(p, "text", json_string(text));
    json_object_set_new(p, "since", since_ns ? time_text(since_ns) : json_null());
    json_object_set_new(p, "object", json_string(object));
    json_array_append_new(to, p);
}

static const char *state_of(const struct role *r)
{
    const char *known = json_string_value(json_object_get(r->known, "state"));
    if (known ? strcmp(known, "down") == 0 : r->down)
        return "down";
    return r->said ? "up" : "starting";
}

static json_t *role_problems(const struct gateway *g, const struct role *r)
{
    json_t *list = json_copy(json_object_get(r->said, "problems"));
    char text[160];
    if (!json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    if (strcmp(state_of(r), "down") == 0) {
        snprintf(text, sizeof(text),
            "Part \"%s\" of the master is not running; it is being started again.", r->name);
        add_problem(list, "error", "role_down", r->name, r->down_since_ns, text);
    } else if (r->said && g->mono_ns - r->heard_ns > SILENT_NS) {
        snprintf(text, sizeof(text), "Part \"%s\" of the master has not said for %lld s how it is.",
            r->name, (long long)((g->mono_ns - r->heard_ns) / TH_NS_PER_S));
        add_problem(list, "warn", "role_silent", r->name, 0, text);
    }
    return list;
}

/* A member as the parent knows it, if it does. */
static void copy_known(json_t *row, const struct role *r, const char *name)
{
    json_t *v = json_object_get(r->known, name);
    if (v)
        json_object_set(row, name, v);
}

static json_t *role_row(const struct gateway *g, const struct role *r, json_t *all_problems)
{
    json_t *row = json_object();
    json_t *problems = role_problems(g, r);
    json_object_set_new(row, "name", json_string(r->name));
    json_object_set_new(row, "state", json_string(state_of(r)));
    json_object_set_new(row, "restarts", json_integer(r->restarts));
    json_object_set_new(row, "last_exit", json_null());
    if (r->said)
        json_object_set_new(row, "up_s", json_integer((g->mono_ns - r->up_ns) / TH_NS_PER_S));
    copy_known(row, r, "pid");
    copy_known(row, r, "restarts");
    copy_known(row, r, "up_s");
    copy_known(row, r, "last_exit");
    json_object_set_new(row, "counters", member_or(r->said, "counters", json_object()));
    json_object_set_new(row, "gauges", member_or(r->said, "gauges", json_object()));
    json_object_set(row, "problems", problems);
    json_array_extend(all_problems, problems);
    json_decref(problems);
    return row;
}

static void add_to(json_t *sums, const char *name, const json_t *more)
{
    json_int_t had = json_integer_value(json_object_get(sums, name));
    json_object_set_new(sums, name, json_integer(had + json_integer_value(more)));
}

static void add_refusals(json_t *sums, const json_t *from, const char *prefix)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(refusal_names); i++) {
        TH_AUTOFREE char *name = th_xasprintf("%s%s", prefix, refusal_names[i]);
        add_to(sums, refusal_names[i], json_object_get(from, name));
    }
}

static json_t *own_status(const struct gateway *g)
{
    json_t *counters = json_object();
    json_t *gauges = json_object();
    json_t *own = json_object();
    for (unsigned i = 0; i < GW_COUNTER_COUNT; i++)
        json_object_set_new(counters, counter_names[i], json_integer((json_int_t)g->counters[i]));
    json_object_set_new(gauges, "connections", json_integer(gw_door_open(g->door)));
    json_object_set_new(gauges, "streams", json_integer(gw_streams_count(g)));
    json_object_set_new(gauges, "body_bytes", json_integer((json_int_t)g->body_bytes));
    json_object_set_new(own, "counters", counters);
    json_object_set_new(own, "gauges", gauges);
    json_t *problems = json_array();
    if (gw_door_open(g->door) + g->config.max_connections / 10 >= g->config.max_connections)
        add_problem(problems, "warn", "connections", "gateway", 0,
            "Nearly all connections that the gateway may have are in use; more are refused.");
    if (g->tls_problem[0])
        add_problem(problems, "error", "certificate", "gateway", g->tls_problem_ns, g->tls_problem);
    if (gw_tls_warning(g))
        add_problem(problems, "warn", "certificate_ends", "gateway", 0, gw_tls_warning(g));
    json_object_set_new(own, "problems", problems);
    return own;
}

/* What one role says of a member that is its alone. */
static json_t *said_by_any(const struct gw_board *b, const char *member)
{
    for (unsigned i = 0; i < b->count; i++) {
        json_t *found = json_object_get(b->roles[i].said, member);
        if (found)
            return found;
    }
    return NULL;
}

/* What a sensor says of itself is state's to know. What it lost before anything came to the master
 * stands with what was lost on the way. */
static void join_report(json_t *source, const json_t *reports)
{
    const char *id = json_string_value(json_object_get(source, "sensor"));
    for (size_t i = 0; id && i < json_array_size(reports); i++) {
        json_t *report = json_array_get(reports, i);
        const char *of = json_string_value(json_object_get(report, "sensor"));
        if (!of || strcmp(of, id) != 0)
            continue;
        json_object_set(source, "report", report);
        json_object_set(
            json_object_get(source, "lost"), "capture_drops", json_object_get(report, "drops"));
        return;
    }
}

static void add_said_problems(json_t *to, const char *name, const json_t *codes)
{
    for (size_t i = 0; name && i < json_array_size(codes); i++) {
        const char *code = json_string_value(json_array_get(codes, i));
        enum th_sensor_problem p = th_sensor_problem_find(th_str_c(code ? code : ""));
        if (p == TH_SENSOR_PROBLEMS)
            continue;
        const struct th_sensor_problem_info *info = th_sensor_problem_info(p);
        TH_AUTOFREE char *text = th_xasprintf("Sensor \"%s\": %s.", name, info->text);
        add_problem(to, info->severity, info->code, name, 0, text);
    }
}

/* What a person should hear of a sensor that has nobody beside it. */
static void add_sensor_problems(json_t *to, const json_t *source)
{
    const json_t *report = json_object_get(source, "report");
    const char *name = json_string_value(json_object_get(source, "name"));
    json_int_t down = json_integer_value(json_object_get(report, "interfaces_down"));
    if (name && down > 0) {
        TH_AUTOFREE char *text = th_xasprintf(
            "Sensor \"%s\": %lld of %lld interfaces that it watches %s down; nothing of %s "
            "is seen.",
            name, (long long)down,
            (long long)json_integer_value(json_object_get(report, "interfaces")),
            down == 1 ? "is" : "are", down == 1 ? "it" : "them");
        add_problem(to, "error", "sensor_interface", name, 0, text);
    }
    add_said_problems(to, name, json_object_get(report, "problems"));
}

static json_t *all_sources(const struct gw_board *b)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < b->count; i++) {
        json_t *more = json_object_get(b->roles[i].said, "sources");
        if (json_is_array(more))
            json_array_extend(list, more);
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        join_report(json_array_get(list, i), said_by_any(b, "sensors"));
    return list;
}

static json_t *all_refusals(const struct gateway *g)
{
    json_t *sums = json_object();
    uint64_t tls = g->counters[GW_TLS_REFUSED] + g->counters[GW_NOT_TLS];
    for (unsigned i = 0; i < g->board->count; i++) {
        const json_t *said = g->board->roles[i].said;
        add_refusals(sums, json_object_get(said, "refusals"), "");
        add_refusals(sums, json_object_get(said, "counters"), "refused_");
        add_to(sums, "bad_token", json_object_get(json_object_get(said, "counters"), "bad_tokens"));
    }
    json_object_set_new(sums, "plain_http", json_integer((json_int_t)g->counters[GW_PLAIN_HTTP]));
    json_object_set_new(sums, "tls", json_integer((json_int_t)tls));
    return sums;
}

static json_t *compose(struct gateway *g)
{
    struct gw_board *b = g->board;
    json_t *page = json_object();
    json_t *roles = json_array();
    json_t *problems = json_array();
    struct role *self = role_named(b, "gateway");
    json_decref(self->said);
    self->said = own_status(g);
    self->heard_ns = g->mono_ns;
    self->up_ns = g->mono_ns - (g->now_ns - g->started_ns);
    json_t *log = said_by_any(b, "log");
    json_t *storage = said_by_any(b, "storage");
    for (unsigned i = 0; i < b->count; i++)
        json_array_append_new(roles, role_row(g, &b->roles[i], problems));
    json_object_set_new(page, "version", json_string(TH_VERSION));
    json_object_set_new(page, "instance", json_string(g->config.args.instance_name));
    json_object_set_new(page, "started", time_text(g->started_ns));
    json_object_set_new(page, "roles", roles);
    json_t *sources = all_sources(b);
    for (size_t i = 0; i < json_array_size(sources); i++)
        add_sensor_problems(problems, json_array_get(sources, i));
    json_object_set_new(page, "sources", sources);
    json_object_set_new(page, "log", log ? json_incref(log) : json_null());
    json_object_set_new(page, "refusals", all_refusals(g));
    json_object_set_new(page, "problems", problems);
    json_object_set_new(page, "storage", storage ? json_incref(storage) : json_null());
    return page;
}

static void put_json(struct th_buf *out, const json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);
    TH_ASSERT(text);
    th_buf_puts(out, text);
    free(text);
}

void gw_board_status(struct gateway *g, struct th_buf *out)
{
    json_t *page = compose(g);
    put_json(out, page);
    json_decref(page);
}

/* ---- each second ---- */

static double events_per_s(const struct gateway *g)
{
    double sum = 0;
    json_t *sources = all_sources(g->board);
    for (size_t i = 0; i < json_array_size(sources); i++)
        sum += json_number_value(json_object_get(json_array_get(sources, i), "rate_events_s"));
    json_decref(sources);
    return sum;
}

/* Of the follower that is furthest behind; null when nobody says. */
static json_t *worst_lag(const json_t *log)
{
    json_t *worst = NULL;
    const json_t *followers = json_object_get(log, "followers");
    for (size_t i = 0; i < json_array_size(followers); i++) {
        json_t *lag = json_object_get(json_array_get(followers, i), "lag_s");
        if (json_is_number(lag) && (!worst || json_number_value(lag) > json_number_value(worst)))
            worst = lag;
    }
    return worst ? json_incref(worst) : json_null();
}

static void tell(struct gateway *g, const char *name, json_t *data)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    put_json(&text, data);
    json_decref(data);
    gw_streams_tell(g, th_str_c(name), th_buf_view(&text));
}

static void pulse(struct gateway *g)
{
    json_t *page = compose(g);
    size_t problems = json_array_size(json_object_get(page, "problems"));
    const json_t *log = json_object_get(page, "log");
    json_t *data = json_object();
    json_object_set_new(data, "time", time_text(g->now_ns));
    json_object_set_new(data, "events_per_s", json_real(events_per_s(g)));
    json_object_set_new(data, "log_next", member_or(log, "next", json_integer(0)));
    json_object_set_new(data, "lag_s", worst_lag(log));
    json_object_set_new(data, "problems", json_integer((json_int_t)problems));
    tell(g, "pulse", data);
    if (problems != g->board->problems) {
        g->board->problems = problems;
        data = json_object();
        json_object_set_new(data, "problems", json_integer((json_int_t)problems));
        tell(g, "status", data);
    }
    json_decref(page);
}

void gw_board_second(struct gateway *g)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    if (g->mono_ns - g->board->second_ns < TH_NS_PER_S)
        return;
    g->board->second_ns = g->mono_ns;
    json_t *own = own_status(g);
    put_json(&text, own);
    json_decref(own);
    th_edges_status(g->edges, th_buf_view(&text));
    if (gw_streams_count(g))
        pulse(g);
    gw_streams_turn(g);
}

/* ---- the schema ---- */

static const char *type_word(uint8_t type)
{
    static const char *const words[] = {[TH_TYPE_TIME] = "time",
        [TH_TYPE_INTERVAL] = "interval",
        [TH_TYPE_COUNT] = "count",
        [TH_TYPE_INT] = "int",
        [TH_TYPE_PORT] = "port",
        [TH_TYPE_DOUBLE] = "double",
        [TH_TYPE_BOOL] = "bool",
        [TH_TYPE_ADDR] = "addr",
        [TH_TYPE_MAC] = "mac",
        [TH_TYPE_STRING] = "string",
        [TH_TYPE_STRINGS] = "strings",
        [TH_TYPE_INTERVALS] = "intervals",
        [TH_TYPE_ADDRS] = "addrs"};
    TH_ASSERT(type < TH_ARRAY_LEN(words));
    return words[type];
}

static void put_text(struct th_json *j, const char *key, const char *text)
{
    th_json_key(j, key);
    th_json_str(j, th_str_c(text));
}

static void put_kind(struct th_json *j, const struct th_kind_info *k)
{
    th_json_open(j);
    put_text(j, "name", k->name);
    put_text(j, "help", k->help);
    th_json_key(j, "fields");
    th_json_open_list(j);
    for (uint16_t i = 0; i < k->field_count; i++) {
        th_json_open(j);
        put_text(j, "name", k->fields[i].zeek);
        put_text(j, "type", type_word(k->fields[i].type));
        put_text(j, "unit", k->fields[i].unit);
        put_text(j, "help", k->fields[i].help);
        th_json_close(j);
    }
    th_json_close_list(j);
    th_json_close(j);
}

void gw_board_fields(struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "kinds");
    th_json_open_list(&j);
    for (unsigned i = 0; i < TH_KIND_COUNT; i++)
        if (th_kind_get(i))
            put_kind(&j, th_kind_get(i));
    th_json_close_list(&j);
    th_json_close(&j);
}
