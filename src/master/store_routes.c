/* SPDX-License-Identifier: Apache-2.0 */
/* The API's routes that the store answers. */
#include <jansson.h>

#include "base/json.h"
#include "base/time.h"
#include "store.h"
#include "store/findings.h"

#define DEFAULT_LIMIT 50u

static struct th_str word_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? th_str_n(json_string_value(v), json_string_length(v)) : th_str_c("");
}

static bool time_of(const json_t *params, const char *key, int64_t *ret)
{
    struct th_str text = word_of(params, key);
    return text.len == 0 || th_time_parse_rfc3339(text, ret);
}

static bool get_page(const json_t *params, int64_t now_ns, struct th_findings_page *ret)
{
    uint64_t limit = DEFAULT_LIMIT;
    struct th_str text = word_of(params, "limit");
    *ret = (struct th_findings_page){.state = word_of(params, "state"),
        .device = word_of(params, "device"),
        .text = word_of(params, "q"),
        .sort = word_of(params, "sort"),
        .cursor = word_of(params, "cursor"),
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .now_ns = now_ns};
    bool ok = text.len == 0 || th_str_u64(text, &limit);
    ok = ok && limit > 0 && time_of(params, "from", &ret->from_ns) &&
        time_of(params, "to", &ret->to_ns);
    ret->limit = (unsigned)TH_MIN(limit, (uint64_t)TH_FINDINGS_MAX_PAGE);
    return ok;
}

typedef int list_fn(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out);
typedef int one_fn(struct th_catalogue *c, struct th_str id, struct th_buf *out);
static const struct {
    const char *route;
    list_fn *list;
    one_fn *one;
} routes[] = {{"incidents", th_findings_incidents, NULL}, {"incident", NULL, th_findings_incident},
    {"breaches", th_findings_breaches, NULL}, {"breach", NULL, th_findings_breach},
    {"devices", th_findings_devices, NULL}, {"device", NULL, th_findings_device},
    {"credential", NULL, th_findings_credential}, {"permits", th_findings_permits, NULL},
    {"group_events", th_findings_group_events, NULL},
    {"group_event", NULL, th_findings_group_event}};

static int answer(
    struct th_catalogue *c, const json_t *request, double events_per_s, struct th_buf *body)
{
    struct th_str route = word_of(request, "route");
    const json_t *params = json_object_get(request, "params");
    struct th_findings_page page;
    int64_t now_ns = json_integer_value(json_object_get(request, "now_ns"));
    if (th_str_is(route, "overview"))
        return th_findings_overview(c, events_per_s, now_ns, body);
    for (size_t i = 0; i < TH_ARRAY_LEN(routes); i++) {
        if (!th_str_is(route, routes[i].route))
            continue;
        if (routes[i].one)
            return routes[i].one(c, word_of(json_object_get(request, "path"), "id"), body);
        return get_page(params, now_ns, &page) ? routes[i].list(c, &page, body) : -EINVAL;
    }
    return -ENOSYS;
}

static void put_error(struct th_buf *body, const char *code, const char *message)
{
    struct th_json j = th_json_init(body);
    th_buf_clear(body);
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

static uint16_t status_of(int err, struct th_buf *body)
{
    switch (err) {
    case 0: return 200;
    case -ENOENT: put_error(body, "not_found", "There is nothing with this id."); return 404;
    case -EINVAL:
        put_error(body, "query", "A parameter is not of its form: begin at the first page.");
        return 400;
    case -ENOSYS: put_error(body, "route", "The store does not have this route."); return 501;
    default:
        put_error(body, "database",
            "The findings cannot be read; the log of the master says why. Try again.");
        return 500;
    }
}

void store_route(
    struct th_catalogue *c, struct th_str request, double events_per_s, struct th_buf *out)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    json_t *object = json_loadb(request.p, request.len, JSON_REJECT_DUPLICATES, NULL);
    uint16_t status = status_of(object ? answer(c, object, events_per_s, &body) : -EINVAL, &body);
    json_decref(object);
    th_buf_le16(out, status);
    th_buf_le16(out, 0);
    th_buf_str(out, th_buf_view(&body));
}
