/* SPDX-License-Identifier: Apache-2.0 */
#include "query_ask.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/json.h"
#include "learn/learn.h"

#define METRIC (UINT64_C(1) << TH_KIND_METRIC)
#define STATUS_BAD 400u
#define STATUS_FORBIDDEN 403u
#define STATUS_TOO_MUCH 413u

void query_error(struct th_buf *out, const char *code, const char *message)
{
    struct th_json j = th_json_init(out);
    th_buf_clear(out);
    th_json_open(&j);
    th_json_key(&j, "error");
    th_json_open(&j);
    th_json_key(&j, "code");
    th_json_str(&j, th_str_c(code));
    th_json_key(&j, "message");
    th_json_str(&j, th_str_c(message));
    th_json_close(&j);
    th_json_close(&j);
}

static unsigned refuse(struct th_buf *out, const char *code, const char *message)
{
    query_error(out, code, message);
    return STATUS_BAD;
}

/* A search text that cannot be read: where, and what was expected. */
static unsigned refuse_text(struct th_buf *out, const struct th_query_error *err)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "error");
    th_json_open(&j);
    th_json_key(&j, "code");
    th_json_str(&j, th_str_c("syntax"));
    th_json_key(&j, "message");
    th_json_str(&j, th_str_c(err->text));
    th_json_key(&j, "at");
    th_json_u64(&j, err->at);
    th_json_close(&j);
    th_json_close(&j);
    return STATUS_BAD;
}

static struct th_str text_of(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_string(v))
        return (struct th_str){.p = "", .len = 0};
    return th_str_n(json_string_value(v), json_string_length(v));
}

/* ---- parameters ---- */

static unsigned take_times(struct query_ask *a, const json_t *params, struct th_buf *error)
{
    struct th_str from = text_of(params, "from"), to = text_of(params, "to");
    a->has_from = from.len > 0;
    a->has_to = to.len > 0;
    a->from_ns = 0;
    a->to_ns = INT64_MAX;
    if ((a->has_from && !th_time_parse_rfc3339(from, &a->from_ns)) ||
        (a->has_to && !th_time_parse_rfc3339(to, &a->to_ns)))
        return refuse(error, "time", "from and to are times as 2026-01-31T14:00:00Z.");
    if (a->from_ns >= a->to_ns)
        return refuse(error, "time", "The search ends before it begins: from must be before to.");
    return 0;
}

static unsigned take_limit(struct query_ask *a, const json_t *params, struct th_buf *error)
{
    struct th_str limit = text_of(params, "limit");
    a->limit = QUERY_DEFAULT_ROWS;
    if (limit.len && (!th_str_u64(limit, &a->limit) || a->limit == 0))
        return refuse(error, "limit", "limit is a number of rows, at least 1.");
    if (a->limit <= QUERY_MAX_ROWS)
        return 0;
    query_error(error, "rows",
        "A page has at most 10000 rows. Ask for fewer, and for the next page by its cursor.");
    return STATUS_TOO_MUCH;
}

static unsigned take_kinds(struct query_ask *a, const json_t *params, struct th_buf *error)
{
    struct th_str rest = text_of(params, "kind");
    uint64_t found = th_query_kinds(a->q), wanted = 0;
    while (rest.len) {
        int kind = th_kind_find(th_str_trim(th_str_split(&rest, ',')));
        if (kind <= 0)
            return refuse(error, "kind", "kind names kinds of events, such as conn,dns.");
        wanted |= UINT64_C(1) << kind;
    }
    /* Metrics are measures, no events: shown when nothing else can be meant. */
    a->kinds = wanted ? found & wanted : found & ~METRIC ? found & ~METRIC : found;
    return 0;
}

static bool choose_column(struct query_ask *a, struct th_str name)
{
    struct th_query_term t;
    bool any = false;
    if (!th_query_resolve(name, &t))
        return false;
    t.op = TH_QUERY_SET;
    TH_EACH_KIND (kind) {
        for (unsigned i = 0; i < th_kind_get(kind)->field_count; i++) {
            if (!th_query_means(&t, kind, i))
                continue;
            a->fields[kind] |= UINT64_C(1) << i;
            any = true;
        }
    }
    return any || t.name != TH_QUERY_FIELD;
}

static unsigned take_columns(struct query_ask *a, const json_t *params, struct th_buf *error)
{
    struct th_str rest = text_of(params, "columns");
    if (!rest.len)
        memset(a->fields, 0xff, sizeof(a->fields));
    while (rest.len) {
        struct th_str name = th_str_trim(th_str_split(&rest, ','));
        if (name.len && name.p[0] != '_' && !choose_column(a, name))
            return refuse(error, "columns", "columns names fields of events, such as id.orig_h.");
    }
    return 0;
}

/* ---- the user's limits ---- */

static bool take_scope_lists(const json_t *scope, struct th_subnet *nets, struct th_str *entities,
    struct th_query_scope *ret)
{
    const json_t *subnets = json_object_get(scope, "subnets");
    const json_t *ids = json_object_get(scope, "entities");
    size_t i;
    const json_t *v;
    if (json_array_size(subnets) > TH_QUERY_MAX_SCOPE || json_array_size(ids) > TH_QUERY_MAX_SCOPE)
        return false;
    json_array_foreach(subnets, i, v)
    {
        if (!json_is_string(v) ||
            !th_subnet_parse(th_str_n(json_string_value(v), json_string_length(v)), &nets[i]))
            return false;
    }
    json_array_foreach(ids, i, v)
    {
        if (!json_is_string(v))
            return false;
        entities[i] = th_str_n(json_string_value(v), json_string_length(v));
    }
    *ret = (struct th_query_scope){.nets = nets,
        .net_count = json_array_size(subnets),
        .entities = entities,
        .entity_count = json_array_size(ids)};
    return true;
}

/* {"user": {"scope": {"subnets": [...], "entities": [...]}}}; no scope is no limit. */
static unsigned take_scope(struct query_ask *a, const json_t *request, struct th_buf *error)
{
    const json_t *scope = json_object_get(json_object_get(request, "user"), "scope");
    struct th_query_scope s;
    if (!scope || json_is_null(scope))
        return 0;
    TH_AUTOFREE struct th_subnet *nets = th_xcalloc(TH_QUERY_MAX_SCOPE, sizeof(*nets));
    TH_AUTOFREE struct th_str *entities = th_xcalloc(TH_QUERY_MAX_SCOPE, sizeof(*entities));
    if (json_is_object(scope) && take_scope_lists(scope, nets, entities, &s) &&
        th_query_restrict(a->q, &s) == 0)
        return 0;
    query_error(error, "scope", "What this user may see could not be read; nothing is shown.");
    return STATUS_FORBIDDEN;
}

/* ---- the routes ---- */

static unsigned take_search(struct query_ask *a, const json_t *request, struct th_buf *error)
{
    const json_t *params = json_object_get(request, "params");
    struct th_query_error err;
    struct th_str cursor = text_of(params, "cursor");
    if (th_query_parse(text_of(params, "q"), &a->q, &err) < 0)
        return refuse_text(error, &err);
    a->histogram = th_str_is(text_of(params, "histogram"), "1");
    a->has_after = cursor.len > 0;
    if (a->has_after && !query_cursor_parse(cursor, &a->after))
        return refuse(error, "cursor", "cursor is not one that a search gave out as next.");
    unsigned r = take_times(a, params, error);
    if (r == 0)
        r = take_limit(a, params, error);
    if (r == 0)
        r = take_columns(a, params, error);
    if (r == 0)
        r = take_scope(a, request, error);
    return r ? r : take_kinds(a, params, error);
}

/* An entity id or a feature's name. */
static bool is_word(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
                s.p[i] == '-'))
            return false;
    return s.len > 0 && s.len <= 64;
}

static void take_feature(struct query_ask *a, struct th_str name)
{
    static const struct {
        const char *name, *unit, *label;
    } features[] = {
#define TH_FEATURE(NAME, name, CLASS, unit, help) {name, unit, help},
#include "learn/features.def"
#undef TH_FEATURE
    };
    a->unit = "";
    a->label = "";
    for (size_t i = 0; i < TH_ARRAY_LEN(features); i++) {
        if (th_str_is(name, features[i].name)) {
            a->unit = features[i].unit;
            a->label = features[i].label;
        }
    }
}

static unsigned take_series(struct query_ask *a, const json_t *request, struct th_buf *error)
{
    const json_t *params = json_object_get(request, "params");
    struct th_str entity = text_of(params, "entity"), feature = text_of(params, "feature");
    struct th_query_error err;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    if (!is_word(entity) || !is_word(feature))
        return refuse(error, "series", "entity is a device's id and feature a metric's name.");
    th_buf_printf(&text, "metric.entity:%.*s feature:%.*s", (int)entity.len, entity.p,
        (int)feature.len, feature.p);
    if (th_query_parse(th_buf_view(&text), &a->q, &err) < 0)
        return refuse_text(error, &err);
    a->limit = QUERY_MAX_ROWS;
    a->kinds = METRIC;
    a->fields[TH_KIND_METRIC] = UINT64_MAX;
    take_feature(a, feature);
    unsigned r = take_times(a, params, error);
    return r ? r : take_scope(a, request, error);
}

unsigned query_ask_parse(struct th_str json, struct query_ask *ret, struct th_buf *error)
{
    *ret = (struct query_ask){0};
    json_error_t err;
    json_t *request = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    struct th_str route = text_of(request, "route");
    unsigned r;
    if (th_str_is(route, "search")) {
        ret->route = QUERY_SEARCH;
        r = take_search(ret, request, error);
    } else if (th_str_is(route, "series")) {
        ret->route = QUERY_SERIES;
        r = take_series(ret, request, error);
    } else {
        r = refuse(error, "route", "This part of Thymus answers searches and series only.");
    }
    json_decref(request);
    return r;
}

void query_ask_done(struct query_ask *a)
{
    th_query_free(TH_TAKE(a->q));
}

/* ---- cursors ---- */

void query_cursor_put(const struct th_select_place *p, struct th_buf *out)
{
    th_buf_printf(
        out, "%" PRId64 ".%u.%" PRIu64 ".%" PRIu64, p->time_ns, p->kind, p->source, p->seq);
}

bool query_cursor_parse(struct th_str text, struct th_select_place *ret)
{
    struct th_select_place p;
    uint64_t kind;
    struct th_str time = th_str_split(&text, '.'), number = th_str_split(&text, '.'),
                  source = th_str_split(&text, '.');
    if (!th_str_i64(time, &p.time_ns) || !th_str_u64(number, &kind) ||
        !th_str_u64(source, &p.source) || !th_str_u64(text, &p.seq))
        return false;
    if (kind >= TH_KIND_COUNT || !th_kind_get((unsigned)kind))
        return false;
    p.kind = (unsigned)kind;
    *ret = p;
    return true;
}
