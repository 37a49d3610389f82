/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/eve.h"

#include "base/hash.h"
#include "eve_priv.h"

static const int64_t hold_ns = TH_NS_PER_MIN;

static void unref(json_t **j)
{
    json_decref(*j);
}

const json_t *th_eve_at(const json_t *object, const char *path)
{
    struct th_str rest = th_str_c(path);
    while (object && rest.len) {
        struct th_str part = th_str_split(&rest, '.');
        char key[48];
        snprintf(key, sizeof(key), "%.*s", (int)part.len, part.p);
        object = json_object_get(object, key);
    }
    return json_is_null(object) ? NULL : object;
}

struct th_str th_eve_text(const json_t *object, const char *path)
{
    return th_value_json_text(th_eve_at(object, path));
}

uint64_t th_eve_number(const json_t *object, const char *path)
{
    json_int_t v = json_integer_value(th_eve_at(object, path));
    return v > 0 ? (uint64_t)v : 0;
}

/* RFC 3339 but for the offset, which has no colon or is not there: then it is UTC. */
bool th_eve_time(struct th_str s, int64_t *ret_ns)
{
    char text[48];
    if (s.len < 19 || s.len > 40)
        return false;
    struct th_str tail = th_str_n(s.p + s.len - 5, 5);
    bool plain = (tail.p[0] == '+' || tail.p[0] == '-') && th_str_index(tail, ':') < 0;
    if (plain)
        snprintf(text, sizeof(text), "%.*s:%.2s", (int)s.len - 2, s.p, s.p + s.len - 2);
    else
        snprintf(text, sizeof(text), "%.*s", (int)s.len, s.p);
    if (th_time_parse_rfc3339(th_str_c(text), ret_ns))
        return true;
    snprintf(text, sizeof(text), "%.*sZ", (int)s.len, s.p);
    return th_time_parse_rfc3339(th_str_c(text), ret_ns);
}

struct th_str th_eve_lower(struct th_eve *e, struct th_str s)
{
    char *p = th_arena_alloc(&e->memory, s.len + 1);
    for (uint32_t i = 0; i < s.len; i++)
        p[i] = th_lower(s.p[i]);
    return th_str_n(p, s.len);
}

/* ---- events ---- */

void th_eve_begin(struct th_eve *e, enum th_kind kind)
{
    const struct th_kind_info *info = th_kind_get(kind);
    const struct {
        const char *name;
        const void *value;
        size_t len;
    } ends[] = {{"id.orig_h", &e->orig, sizeof(e->orig)}, {"id.resp_h", &e->resp, sizeof(e->resp)},
        {"id.orig_p", &e->orig_p, sizeof(e->orig_p)}, {"id.resp_p", &e->resp_p, sizeof(e->resp_p)}};
    memset(&e->ev, 0, sizeof(e->ev));
    e->ev.h.kind = (uint16_t)kind;
    e->ev.h.time_ns = e->time_ns;
    *(int64_t *)((uint8_t *)&e->ev + info->fields[0].offset) = e->time_ns; /* ts, in every kind */
    e->ev.h.set |= 1;
    int uid = th_field_find(info, th_str_c("uid"));
    if (uid >= 0 && e->uid[0]) {
        *(struct th_str *)((uint8_t *)&e->ev + info->fields[uid].offset) = th_str_c(e->uid);
        e->ev.h.set |= UINT64_C(1) << uid;
    }
    for (size_t i = 0; e->has_ends && i < TH_ARRAY_LEN(ends); i++) {
        int f = th_field_find(info, th_str_c(ends[i].name));
        if (f < 0)
            continue;
        memcpy((uint8_t *)&e->ev + info->fields[f].offset, ends[i].value, ends[i].len);
        e->ev.h.set |= UINT64_C(1) << f;
    }
}

int th_eve_put(struct th_eve *e, struct th_event *ev)
{
    e->kinds_seen |= UINT64_C(1) << ev->kind;
    ev->seq = e->seq++;
    return th_sink_put(e->sink, ev);
}

/* The pairs' sink. */
static int put_paired(void *arg, const struct th_event *ev)
{
    struct th_eve *e = arg;
    struct th_ev_conn conn = *(const struct th_ev_conn *)ev;
    return th_eve_put(e, &conn.h);
}

/* ---- a line ---- */

/* What was sent by the responder is told with the ends the other way round, in some types. Newer
 * versions say so; of older ones the ports have to. */
static bool is_from_responder(const struct th_eve *e)
{
    static const char *const one_packet[] = {"alert", "anomaly", "fileinfo", "dns"};
    struct th_str direction = th_eve_text(e->object, "direction");
    struct th_str of_flow = th_eve_text(e->object, "flow.src_ip");
    bool any = false;
    for (size_t i = 0; i < TH_ARRAY_LEN(one_packet); i++)
        any |= strcmp(e->type, one_packet[i]) == 0;
    if (!any)
        return false;
    if (direction.len)
        return th_str_is(direction, "to_client");
    if (of_flow.len)
        return th_str_eq(of_flow, th_eve_text(e->object, "dest_ip")) &&
            th_eve_number(e->object, "flow.src_port") == th_eve_number(e->object, "dest_port");
    return th_port_of_client(e->orig_p, e->resp_p) == 1;
}

static void take_ends(struct th_eve *e)
{
    e->has_ends = th_addr_parse(th_eve_text(e->object, "src_ip"), &e->orig) &&
        th_addr_parse(th_eve_text(e->object, "dest_ip"), &e->resp);
    bool icmp = th_eve_at(e->object, "icmp_type") != NULL;
    e->orig_p = (uint16_t)th_eve_number(e->object, icmp ? "icmp_type" : "src_port");
    e->resp_p = (uint16_t)th_eve_number(e->object, icmp ? "icmp_code" : "dest_port");
    e->swapped = e->has_ends && !icmp && is_from_responder(e);
    if (!e->swapped)
        return;
    struct th_addr orig = e->resp;
    uint16_t port = e->resp_p;
    e->resp = e->orig;
    e->resp_p = e->orig_p;
    e->orig = orig;
    e->orig_p = port;
}

static int read_object(struct th_eve *e, json_t *object)
{
    struct th_str type = th_eve_text(object, "event_type");
    if (type.len == 0 || !th_eve_time(th_eve_text(object, "timestamp"), &e->time_ns)) {
        th_flowlog_bad(&e->lines, type.len ? "no time" : "no event_type", type);
        return 0;
    }
    const json_t *flow_id = th_eve_at(object, "flow_id");
    e->object = object;
    e->type = json_string_value(json_object_get(object, "event_type"));
    e->uid[0] = '\0';
    if (json_is_integer(flow_id))
        th_id_text('C', th_mix64((uint64_t)json_integer_value(flow_id)), e->uid);
    take_ends(e);
    int r = th_eve_event(e);
    if (r == 0)
        e->lines.skipped++;
    return r < 0 ? r : 0;
}

int th_eve_line(struct th_eve *e, struct th_str line)
{
    json_error_t error;
    line = th_str_trim(line);
    if (line.len == 0)
        return 0;
    e->lines.lines++;
    th_arena_reset(&e->memory);
    json_t *object TH_CLEANUP(unref) = json_loadb(line.p, line.len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        th_flowlog_bad(&e->lines, "not JSON", th_str_c(object ? "" : error.text));
        return 0;
    }
    return read_object(e, object);
}

int th_eve_advance(struct th_eve *e, int64_t now_ns)
{
    int r = th_dns_pairs_advance(e, now_ns);
    return r < 0 ? r : th_pairs_advance(e->pairs, now_ns);
}

int64_t th_eve_line_ns(const struct th_eve *e)
{
    return e->time_ns;
}

bool th_eve_has_flows(const struct th_eve *e)
{
    return e->has_flows;
}

void th_eve_expect_flows(struct th_eve *e)
{
    e->has_flows = true;
}

int th_eve_end(struct th_eve *e)
{
    int r = th_dns_pairs_flush(e);
    return r < 0 ? r : th_pairs_flush(e->pairs);
}

struct th_flowlog_lines *th_eve_lines(struct th_eve *e)
{
    return &e->lines;
}

void th_eve_kinds(const struct th_eve *e, struct th_buf *out)
{
    const char *between = "";
    TH_EACH_KIND (k)
        if (e->kinds_seen >> k & 1) {
            th_buf_printf(out, "%s%s", between, th_kind_get(k)->name);
            between = " ";
        }
}

bool th_eve_is(struct th_str head)
{
    struct th_str line = th_str_split(&head, '\n');
    return line.len && memmem(line.p, line.len, "\"event_type\"", 12) &&
        memmem(line.p, line.len, "\"timestamp\"", 11) && !memmem(line.p, line.len, "\"_path\"", 7);
}

struct th_eve *th_eve_new(const struct th_sink *sink)
{
    struct th_eve *e = th_xcalloc(1, sizeof(*e));
    const struct th_pairs_config config = {.hold_ns = hold_ns};
    e->sink = sink;
    e->time_ns = INT64_MIN;
    e->paired = (struct th_sink){.put = put_paired, .arg = e};
    e->pairs = th_pairs_new(&config, &e->paired);
    e->dns = th_dns_pairs_new();
    return e;
}

void th_eve_free(struct th_eve *e)
{
    if (!e)
        return;
    th_pairs_free(e->pairs);
    th_dns_pairs_free(e->dns);
    th_arena_done(&e->memory);
    th_flowlog_lines_done(&e->lines);
    free(e);
}
