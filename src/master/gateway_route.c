/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a request. By its header alone it is told apart, and refused where it can be
 * (unknown route, wrong method, too large, from another site). With its body there: body and
 * query string are held against their shapes, state says who asks and whether they may, the role
 * that owns the route answers. A role that is down or late is said so in a sentence.
 */
#include <stdarg.h>

#include "base/log.h"
#include "gateway.h"
#include "link/packets.h"
#include "web/check.h"

#define SESSION_COOKIE "__Host-thymus"
#define LOGIN_COOKIE "__Host-thymus-login"
#define MAX_ENROL (16u << 10)
#define MAX_AGENT 200u

/* ---- answers ---- */

static void finish(struct gw_request *r, unsigned status)
{
    r->status = status;
    if (r->stage == GW_NEW || r->stage == GW_READING)
        r->stage = GW_READY;
    else
        gw_http_ready(r);
}

void gw_answer_json(struct gw_request *r, unsigned status, struct th_str json)
{
    th_buf_clear(&r->answer);
    th_buf_str(&r->answer, json);
    finish(r, status);
}

void gw_answer_error(struct gw_request *r, unsigned status, const char *code, const char *fmt, ...)
{
    TH_AUTOBUF struct th_buf sentence = TH_BUF_INIT;
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct th_json j = th_json_init(&sentence);
    th_json_open(&j);
    th_json_key(&j, "error");
    th_json_open(&j);
    th_json_key(&j, "code");
    th_json_str(&j, th_str_c(code));
    th_json_key(&j, "message");
    th_json_str(&j, th_str_c(text));
    th_json_close(&j);
    th_json_close(&j);
    r->type = NULL;
    gw_answer_json(r, status, th_buf_view(&sentence));
}

void gw_answer_failure(struct gw_request *r, int err, enum gw_edge edge)
{
    const char *role = gw_edge_name(edge);
    switch (err) {
    case -ETIMEDOUT:
        gw_count(r->g, GW_TIMED_OUT);
        gw_answer_error(r, MHD_HTTP_GATEWAY_TIMEOUT, "timeout",
            "Part \"%s\" of the master did not answer in time. Try again; System Status says how "
            "it is.",
            role);
        break;
    case -EBUSY:
        gw_count(r->g, GW_BUSY);
        gw_answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
            "Part \"%s\" of the master has more to do than it can take. Try again in a moment.",
            role);
        break;
    case -ENOTCONN:
        gw_count(r->g, GW_ROLE_DOWN);
        gw_answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable",
            "Part \"%s\" of the master is not running; it is being started. Try again in a moment.",
            role);
        break;
    default:
        gw_answer_error(r, MHD_HTTP_BAD_GATEWAY, "bad_answer",
            "Part \"%s\" of the master gave an answer that could not be read. The log has more.",
            role);
        th_log(TH_LOG_ERROR,
            "gateway: %s gave an answer that cannot be read; the request was refused", role);
    }
}

static void answer_not_asked(struct gw_request *r, enum gw_edge edge)
{
    gw_answer_failure(r, th_edges_up(r->g->edges, edge) ? -EBUSY : -ENOTCONN, edge);
}

static void on_answer(void *arg, const struct gw_answer *a)
{
    struct gw_request *r = arg;
    r->ask = 0;
    if (a->err < 0) {
        gw_answer_failure(r, a->err, r->edge);
        return;
    }
    th_buf_clear(&r->cookies);
    th_buf_str(&r->cookies, a->cookies);
    gw_answer_json(r, a->status, a->body);
}

void gw_forward(struct gw_request *r, enum gw_edge edge, uint16_t type, struct th_str body)
{
    r->edge = edge;
    r->ask = gw_ask(r->g, edge, type, body, on_answer, r);
    if (!r->ask)
        answer_not_asked(r, edge);
}

void gw_route_gone(struct gw_request *r)
{
    if (r->ask)
        gw_ask_cancel(r->g, r->ask);
    r->ask = 0;
    gw_answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "gone", "The connection was closed.");
}

/* ---- what a role is told ---- */

static json_t *text_of(struct th_str s)
{
    json_t *j = json_stringn(s.p, s.len);
    return j ? j : json_string("");
}

static json_t *address_of(const struct gw_request *r)
{
    char text[TH_ADDR_TEXT_LEN];
    size_t n = th_addr_format(&r->conn->address, text);
    return text_of(th_str_n(text, n));
}

static json_t *agent_of(const struct gw_request *r)
{
    const char *agent = gw_http_header(r, MHD_HTTP_HEADER_USER_AGENT);
    struct th_str s = th_str_n(agent, agent ? strnlen(agent, MAX_AGENT) : 0);
    return text_of(th_web_is_text(s) ? s : th_str_c(""));
}

static bool cookie_of(const struct gw_request *r, const char *name, struct th_str *ret)
{
    const char *header = gw_http_header(r, MHD_HTTP_HEADER_COOKIE);
    return header && th_web_cookie(th_str_c(header), name, ret);
}

static void set_cookie_member(
    json_t *to, const struct gw_request *r, const char *member, const char *name)
{
    struct th_str value;
    if (cookie_of(r, name, &value))
        json_object_set_new(to, member, text_of(value));
}

static void set_cookies(json_t *to, const struct gw_request *r)
{
    json_t *cookies = json_object();
    set_cookie_member(cookies, r, "login", LOGIN_COOKIE);
    set_cookie_member(cookies, r, "session", SESSION_COOKIE);
    json_object_set_new(to, "cookies", cookies);
}

json_t *gw_request_json(const struct gw_request *r, const char *route)
{
    json_t *j = json_object();
    json_object_set_new(j, "route", json_string(route));
    json_object_set_new(j, "address", address_of(r));
    json_object_set_new(j, "agent", agent_of(r));
    json_object_set_new(j, "now_ns", json_integer(r->g->now_ns));
    return j;
}

void gw_forward_json(struct gw_request *r, enum gw_edge edge, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    TH_ASSERT(text);
    gw_forward(r, edge, TH_MSG_REQUEST, th_str_c(text));
    free(text);
}

/* The request as its owner gets it. */
static void forward_api(struct gw_request *r)
{
    static const enum gw_edge edges[] = {
        [TH_OWNER_STATE] = GW_EDGE_STATE, [TH_OWNER_STORE] = GW_EDGE_STORE};
    char word[TH_ROUTE_WORD_BYTES];
    th_web_route_word(r->route->id, word);
    json_t *j = gw_request_json(r, word);
    json_t *params = json_object();
    for (size_t i = 0; i < r->query.count; i++) {
        if (r->query.v[i].value.len == 0)
            continue;
        TH_AUTOFREE char *name =
            th_xasprintf("%.*s", (int)r->query.v[i].name.len, r->query.v[i].name.p);
        json_object_set_new(params, name, text_of(r->query.v[i].value));
    }
    json_object_set_new(j, "params", params);
    json_t *path = json_object();
    if (r->id.len)
        json_object_set_new(path, "id", text_of(th_buf_view(&r->id)));
    json_object_set_new(j, "path", path);
    if (r->user)
        json_object_set(j, "user", r->user);
    if (r->json)
        json_object_set(j, "body", r->json);
    if (r->route->right == TH_RIGHT_WEB_NONE)
        set_cookies(j, r);
    gw_forward_json(
        r, r->route->owner == TH_OWNER_QUERY ? gw_ask_query_edge(r->g) : edges[r->route->owner], j);
}

/* ---- who asks ---- */

static const char *right_word(enum th_web_right right)
{
    return right == TH_RIGHT_WEB_SESSION ? "session" : th_web_right(right)->name;
}

static void answer_own(struct gw_request *r)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    switch (r->route->id) {
    case TH_ROUTE_FIELDS: gw_answer_json(r, MHD_HTTP_OK, th_buf_view(&r->g->fields)); break;
    case TH_ROUTE_STATUS:
        gw_board_status(r->g, &out);
        gw_answer_json(r, MHD_HTTP_OK, th_buf_view(&out));
        break;
    case TH_ROUTE_STREAM:
        if (gw_stream_begin(r)) {
            r->status = MHD_HTTP_OK;
            r->stage = GW_STREAMING;
            gw_http_ready(r);
        } else {
            gw_answer_error(r, MHD_HTTP_TOO_MANY_REQUESTS, "streams",
                "This session has %u live streams already. Close a window, and try again.",
                GW_STREAMS_PER_SESSION);
        }
        break;
    case TH_ROUTE_PACKETS_FILE: gw_download_begin(r); break;
    default:
        gw_answer_error(
            r, MHD_HTTP_NOT_IMPLEMENTED, "route", "The gateway does not have this route.");
    }
}

static void on_authorised(void *arg, const struct gw_answer *a)
{
    struct gw_request *r = arg;
    r->ask = 0;
    if (a->err < 0) {
        gw_answer_failure(r, a->err, GW_EDGE_STATE);
        return;
    }
    if (a->status != MHD_HTTP_OK) {
        gw_count(r->g, a->status == MHD_HTTP_FORBIDDEN ? GW_NO_RIGHT : GW_NO_SESSION);
        on_answer(r, a);
        return;
    }
    json_t *j = json_loadb(a->body.p, a->body.len, 0, NULL);
    json_t *user = json_object_get(j, "user");
    const char *role = json_string_value(json_object_get(user, "role"));
    /* State has judged; the table is held against its answer once more. */
    bool may = role && th_web_role_may(th_str_c(role), r->route->right);
    if (may)
        r->user = json_incref(user);
    json_decref(j);
    if (!role) {
        gw_answer_failure(r, TH_E_MALFORMED, GW_EDGE_STATE);
    } else if (!may) {
        gw_count(r->g, GW_NO_RIGHT);
        gw_answer_error(r, MHD_HTTP_FORBIDDEN, "forbidden",
            "Your role does not have the right to do this (%s).", right_word(r->route->right));
    } else if (r->route->owner == TH_OWNER_GATEWAY) {
        answer_own(r);
    } else {
        forward_api(r);
    }
}

char *gw_authorise_text(const struct gw_request *r)
{
    json_t *j = gw_request_json(r, "authorise");
    json_t *body = json_object();
    const char *csrf = gw_http_header(r, "X-CSRF");
    set_cookie_member(body, r, "cookie", SESSION_COOKIE);
    if (csrf && th_web_is_text(th_str_c(csrf)))
        json_object_set_new(body, "csrf", json_string(csrf));
    json_object_set_new(body, "method", json_string(th_web_method_name(r->method)));
    json_object_set_new(body, "right", json_string(right_word(r->route->right)));
    json_object_set_new(body, "address", address_of(r));
    json_object_set_new(j, "body", body);
    set_cookies(j, r);
    json_object_set(j, "csrf", json_object_get(body, "csrf"));
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    TH_ASSERT(text);
    return text;
}

static void authorise(struct gw_request *r)
{
    struct th_str cookie;
    if (!cookie_of(r, SESSION_COOKIE, &cookie)) {
        gw_count(r->g, GW_NO_SESSION);
        gw_answer_error(
            r, MHD_HTTP_UNAUTHORIZED, "session", "Nobody is logged in here. Log in first.");
        return;
    }
    TH_AUTOFREE char *text = gw_authorise_text(r);
    r->ask = gw_ask(r->g, GW_EDGE_STATE, TH_MSG_REQUEST, th_str_c(text), on_authorised, r);
    if (!r->ask)
        answer_not_asked(r, GW_EDGE_STATE);
}

/* ---- the header is there ---- */

/* A browser says where a request comes from; what another site made is not taken. */
static bool is_cross_site(const struct gw_request *r)
{
    const char *origin = gw_http_header(r, MHD_HTTP_HEADER_ORIGIN);
    const char *host = gw_http_header(r, MHD_HTTP_HEADER_HOST);
    const char *site = gw_http_header(r, "Sec-Fetch-Site");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return true;
    return origin &&
        (!host || strncmp(origin, "https://", 8) != 0 || strcasecmp(origin + 8, host) != 0);
}

static void list_methods(struct gw_request *r, unsigned methods)
{
    for (unsigned m = 0; m < TH_METHOD_COUNT; m++)
        if (methods >> m & 1u) {
            size_t n = strlen(r->allowed);
            snprintf(r->allowed + n, sizeof(r->allowed) - n, "%s%s", n ? ", " : "",
                th_web_method_name((enum th_web_method)m));
        }
}

static void refuse_method(struct gw_request *r, unsigned methods)
{
    list_methods(r, methods);
    gw_answer_error(
        r, MHD_HTTP_METHOD_NOT_ALLOWED, "method", "This address takes %s only.", r->allowed);
}

/* The routes that are not the API's. */
static const struct {
    const char *path;
    enum gw_service service;
    enum th_web_method method;
    size_t max_body;
} services[] = {
    {"/link/v1/batches", GW_LINK_BATCH, TH_METHOD_POST, GW_MAX_BATCH},
    {"/link/v1/commands", GW_LINK_COMMANDS, TH_METHOD_GET, 0},
    {"/link/v1/enrol", GW_LINK_ENROL, TH_METHOD_POST, MAX_ENROL},
    {"/healthcheck", GW_HEALTH, TH_METHOD_GET, 0},
    {GW_PACKETS_PATH, GW_LINK_PACKETS, TH_METHOD_POST, TH_PACKETS_PART_BYTES}, /* and an id */
};

static bool is_service(struct th_str path, size_t i)
{
    return services[i].service == GW_LINK_PACKETS ? th_str_starts(path, services[i].path)
                                                  : th_str_is(path, services[i].path);
}

static void begin_api(struct gw_request *r)
{
    enum th_web_route_id id;
    unsigned methods = 0;
    char why[200];
    struct th_str below =
        th_str_n(r->path.p + strlen(TH_API_PREFIX), r->path.len - strlen(TH_API_PREFIX));
    int err = th_web_match(below, r->method, &id, &r->id, &methods);
    r->service = GW_API;
    if (err == -EOPNOTSUPP) {
        refuse_method(r, methods);
        return;
    }
    if (err < 0) {
        gw_answer_error(r, MHD_HTTP_NOT_FOUND, "route", "The API has no such route.");
        return;
    }
    r->route = th_web_route(id);
    r->max_body = *r->route->request ? TH_WEB_MAX_BODY : 0;
    if (is_cross_site(r)) {
        gw_count(r->g, GW_CROSS_SITE);
        gw_answer_error(r, MHD_HTTP_FORBIDDEN, "origin", "The request was made by another site.");
        return;
    }
    err = th_web_query_parse(r->query_text, &r->query);
    snprintf(why, sizeof(why), "The query string could not be read.");
    if (err == 0)
        err = th_web_query_check(id, &r->query, why, sizeof(why));
    if (err < 0) {
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "query", "%s", why);
        return;
    }
    const char *type = gw_http_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (*r->route->request && (!type || strncasecmp(type, "application/json", 16) != 0))
        gw_answer_error(
            r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "type", "The body must be application/json.");
}

static void begin_service(struct gw_request *r)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(services); i++) {
        if (!is_service(r->path, i))
            continue;
        r->service = services[i].service;
        r->max_body = services[i].max_body;
        if (r->method != services[i].method || (r->head_only && r->service != GW_HEALTH))
            refuse_method(r, 1u << services[i].method);
        return;
    }
    if (th_str_starts(r->path, "/api") || th_str_starts(r->path, "/link")) {
        gw_answer_error(r, MHD_HTTP_NOT_FOUND, "route", "There is no such route.");
        return;
    }
    r->service = GW_UI;
    if (r->method != TH_METHOD_GET)
        refuse_method(r, 1u << TH_METHOD_GET);
}

static enum MHD_Result count_framing(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind, (void)value;
    *(unsigned *)arg += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
        strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Length of the body as the header says; false when it says so in a way that two readers could take
 * differently (RFC 9112 6.3, 11.2). */
static bool declared_length(const struct gw_request *r, uint64_t *ret)
{
    const char *text = gw_http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *coding = gw_http_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    unsigned framing = 0;
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_framing, &framing);
    *ret = 0;
    if (framing > 1 || (coding && strcasecmp(coding, "chunked") != 0))
        return false;
    return !text || th_str_u64(th_str_c(text), ret);
}

/* Bodies are held in memory until the last byte came: all together, and those of one address,
 * have a limit. */
static bool is_full(const struct gw_request *r)
{
    return r->g->body_bytes + r->max_body > GW_MAX_BODIES ||
        gw_door_bodies_of(r->g->door, &r->conn->address) + r->max_body > GW_MAX_BODIES_AN_ADDRESS;
}

static void check_size(struct gw_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info && info->header_size > GW_MAX_HEADER) {
        gw_count(r->g, GW_TOO_LARGE);
        gw_answer_error(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "header",
            "The header of the request is larger than %u bytes.", GW_MAX_HEADER);
    } else if (r->unclear) {
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "length",
            "The header does not say clearly how long the body is.");
    } else if (r->declared > r->max_body) {
        gw_count(r->g, GW_TOO_LARGE);
        gw_answer_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "body",
            "The body is larger than this route takes (%zu bytes).", r->max_body);
    } else if (r->max_body > 0 && is_full(r)) {
        gw_count(r->g, GW_BUSY);
        gw_answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
            "The master holds as many requests as it can. Try again in a moment.");
    }
}

void gw_route_begin(struct gw_request *r, const char *method)
{
    const char *known = method;
    r->unclear = !declared_length(r, &r->declared);
    r->head_only = strcmp(method, "HEAD") == 0;
    if (r->head_only)
        known = "GET";
    if (!th_web_method_parse(known, &r->method)) {
        gw_answer_error(
            r, MHD_HTTP_NOT_IMPLEMENTED, "method", "The method of the request is not known here.");
        return;
    }
    if (th_web_target(th_str_c(r->target), &r->path, &r->query_text) < 0) {
        r->path = th_str_c("?");
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(
            r, MHD_HTTP_BAD_REQUEST, "target", "The address of the request is not one.");
        return;
    }
    if (th_str_starts(r->path, TH_API_PREFIX "/"))
        begin_api(r);
    else
        begin_service(r);
    if (r->stage == GW_NEW)
        check_size(r);
    if (r->stage == GW_NEW)
        r->stage = GW_READING;
}

/* ---- the body is there ---- */

static void dispatch_api(struct gw_request *r)
{
    char why[200] = "The body is not a JSON object.";
    if (*r->route->request) {
        r->json = th_web_body_parse(th_buf_view(&r->body));
        if (!r->json ||
            th_web_body_check(th_web_shape_find(r->route->request), r->json, why, sizeof(why)) <
                0) {
            gw_count(r->g, GW_MALFORMED);
            gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "body", "%s", why);
            return;
        }
    }
    if (r->route->right == TH_RIGHT_WEB_NONE)
        forward_api(r);
    else
        authorise(r);
}

void gw_route_dispatch(struct gw_request *r)
{
    switch (r->service) {
    case GW_API: dispatch_api(r); break;
    case GW_HEALTH:
        r->type = "text/plain; charset=utf-8";
        gw_answer_json(r, MHD_HTTP_OK, th_str_c("ok\n"));
        break;
    case GW_UI: gw_ui_answer(r); break;
    default: gw_link_dispatch(r);
    }
}
