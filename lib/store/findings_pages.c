/* SPDX-License-Identifier: Apache-2.0 */
/* Findings going out: the pages of the API. */
#include "base/time.h"
#include "catalogue_i.h"
#include "findings_json.h"
#include "store/findings.h"

#define SCORE_UNIT 1000.0
#define SCORE_DAYS 7
#define SHORT_LIST 50

int th_findings_finish(struct th_catalogue *c)
{
    int err = c->sql.err;
    c->sql.err = 0;
    return err;
}

static json_t *line_of(sqlite3_stmt *q, int column)
{
    struct th_str text = th_sql_text(q, column);
    return json_loadb(text.p, text.len, 0, NULL);
}

unsigned th_findings_limit(const struct th_findings_page *page)
{
    return TH_MAX(TH_MIN(page->limit, TH_FINDINGS_MAX_PAGE), 1U);
}

/* A cursor is the last row's place in the order: its number and its id. */
bool th_findings_read_cursor(struct th_str cursor, int64_t *ret_number, struct th_str *ret_id)
{
    if (cursor.len == 0)
        return true;
    struct th_str number = th_str_split(&cursor, '.');
    *ret_id = cursor;
    return cursor.len > 0 && th_str_i64(number, ret_number);
}

static void put_cursor(struct th_json *j, int64_t number, struct th_str id)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    th_buf_printf(&text, "%lld.", (long long)number);
    th_buf_str(&text, id);
    th_findings_text(j, "next", th_buf_view(&text));
}

static void put_no_cursor(struct th_json *j)
{
    th_json_key(j, "next");
    th_json_null(j);
}

void th_findings_put_next(struct th_json *j, bool more, int64_t number, struct th_str id)
{
    if (more)
        put_cursor(j, number, id);
    else
        put_no_cursor(j);
}

/* A view of nothing is SQL's NULL; here it is the empty text. */
static struct th_str given(struct th_str s)
{
    return s.p ? s : th_str_c("");
}

/* ---- breaches ---- */

static void put_breach_row(struct th_json *j, sqlite3_stmt *q)
{
    json_t *line = line_of(q, 2);
    th_findings_put_breach(j, line, th_sql_text(q, 3), false);
    json_decref(line);
}

#define BREACH                                                                                     \
    "b.time, b.id, b.json, x.incident FROM breaches b LEFT JOIN incident_breaches x ON x.breach "  \
    "= "                                                                                           \
    "b.id "

int th_findings_breaches(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out)
{
    int64_t before = INT64_MAX;
    struct th_str id = th_str_c("\x7f");
    if (!th_findings_read_cursor(page->cursor, &before, &id))
        return -EINVAL;
    unsigned limit = th_findings_limit(page);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT " BREACH "WHERE (b.time, b.id) < (?1, ?2) AND b.time >= ?3 AND b.time < ?4 AND "
        "(?5 = '' OR b.device = ?5) ORDER BY b.time DESC, b.id DESC LIMIT ?6",
        "isiisi", before, id, page->from_ns, page->to_ns, given(page->device), (int64_t)limit + 1);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "breaches");
    th_json_open_list(&j);
    char last_id[40] = "";
    int64_t last = 0;
    unsigned n = 0;
    while (th_sql_row(&c->sql, q) && ++n <= limit) {
        put_breach_row(&j, q);
        last = th_sql_int(q, 0);
        th_sql_copy(q, 1, last_id, sizeof(last_id));
    }
    th_json_close_list(&j);
    if (n > limit)
        put_cursor(&j, last, th_str_c(last_id));
    else
        put_no_cursor(&j);
    th_json_close(&j);
    return th_findings_finish(c);
}

int th_findings_breach(struct th_catalogue *c, struct th_str id, struct th_buf *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, "SELECT " BREACH "WHERE b.id = ?", "s", id);
    if (!th_sql_row(&c->sql, q))
        return c->sql.err < 0 ? th_findings_finish(c) : -ENOENT;
    struct th_json j = th_json_init(out);
    json_t *line = line_of(q, 2);
    th_findings_put_breach(&j, line, th_sql_text(q, 3), true);
    json_decref(line);
    return th_findings_finish(c);
}

static void put_breaches(
    struct th_catalogue *c, struct th_json *j, const char *key, const char *sql, struct th_str id)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, sql, "s", id);
    th_json_key(j, key);
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q))
        put_breach_row(j, q);
    th_json_close_list(j);
}

/* ---- incidents ---- */

#define INCIDENT                                                                                   \
    "i.start, i.id, i.json, coalesce(s.state, 'open'), i.first_seen, i.updated, (SELECT b.json "   \
    "FROM incident_breaches x JOIN breaches b ON b.id = x.breach WHERE x.incident = i.id ORDER "   \
    "BY b.score DESC, b.id LIMIT 1) FROM incidents i LEFT JOIN states s ON s.incident = i.id "

static void put_basics(struct th_json *j, sqlite3_stmt *q, const json_t *line)
{
    json_t *lead = line_of(q, 6);
    th_findings_put_incident(j, line, th_sql_text(q, 3), lead);
    json_decref(lead);
}

#define MEMBERS                                                                                    \
    " FROM breaches b JOIN incident_breaches x ON x.breach = b.id WHERE x.incident = ? ORDER BY "  \
    "b.time, b.id LIMIT 1024"

static void put_short(struct th_json *j, sqlite3_stmt *q)
{
    json_t *line = line_of(q, 2);
    th_json_open(j);
    put_basics(j, q, line);
    th_json_close(j);
    json_decref(line);
}

/* Of an incident's breaches; models name a dozen tactics (ATT&CK's). */
struct gathered {
    char tactics[16][48];
    size_t tactic_count;
    int64_t late_hours;
};

static void gather(struct gathered *g, struct th_str tactic, int64_t late_hours)
{
    g->late_hours = TH_MAX(g->late_hours, late_hours);
    for (size_t i = 0; i < g->tactic_count; i++)
        if (th_str_is(tactic, g->tactics[i]))
            return;
    if (tactic.len == 0 || tactic.len >= sizeof(g->tactics[0]) ||
        g->tactic_count == TH_ARRAY_LEN(g->tactics))
        return;
    memcpy(g->tactics[g->tactic_count++], tactic.p, tactic.len);
}

/* In the order of the time line, and as many. One reading of them all: an incident may have
 * hundreds, and a page hundreds of incidents. */
static void put_members(struct th_catalogue *c, struct th_json *j, struct th_str id)
{
    struct gathered g = {0};
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT b.id, b.json ->> '$.tactic', CAST(b.json ->> '$.late_hours' AS INTEGER)" MEMBERS,
        "s", id);
    th_json_key(j, "breaches");
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q)) {
        th_json_str(j, th_sql_text(q, 0));
        gather(&g, th_sql_text(q, 1), th_sql_int(q, 2));
    }
    th_json_close_list(j);
    th_json_key(j, "tactics");
    th_json_open_list(j);
    for (size_t i = 0; i < g.tactic_count; i++)
        th_json_str(j, th_str_c(g.tactics[i]));
    th_json_close_list(j);
    if (g.late_hours > 0) {
        th_json_key(j, "late_hours");
        th_json_i64(j, g.late_hours);
    }
}

/* Without the closing brace. */
static void put_incident(struct th_catalogue *c, struct th_json *j, sqlite3_stmt *q)
{
    json_t *line = line_of(q, 2);
    th_json_open(j);
    put_basics(j, q, line);
    th_findings_time(j, "first_seen", th_sql_int(q, 4));
    th_findings_time(j, "updated", th_sql_int(q, 5));
    th_findings_copy(j, line, "summary");
    put_members(c, j, th_sql_text(q, 1));
    json_decref(line);
}

int th_findings_incidents(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out)
{
    int64_t before = INT64_MAX;
    struct th_str id = th_str_c("\x7f");
    struct th_str state = page->state.len > 0 ? page->state : th_str_c("open");
    if (!th_findings_read_cursor(page->cursor, &before, &id) ||
        !(th_str_is(state, "open") || th_str_is(state, "acknowledged") || th_str_is(state, "all")))
        return -EINVAL;
    unsigned limit = th_findings_limit(page);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT " INCIDENT "WHERE (i.start, i.id) < (?1, ?2) AND i.start >= ?3 AND i.start < ?4 "
        "AND (?5 = 'all' OR coalesce(s.state, 'open') = ?5) ORDER BY i.start DESC, i.id DESC LIMIT "
        "?6",
        "isiisi", before, id, page->from_ns, page->to_ns, state, (int64_t)limit + 1);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "incidents");
    th_json_open_list(&j);
    char last_id[40] = "";
    int64_t last = 0;
    unsigned n = 0;
    while (th_sql_row(&c->sql, q) && ++n <= limit) {
        put_incident(c, &j, q);
        th_json_close(&j);
        last = th_sql_int(q, 0);
        th_sql_copy(q, 1, last_id, sizeof(last_id));
    }
    th_json_close_list(&j);
    if (n > limit)
        put_cursor(&j, last, th_str_c(last_id));
    else
        put_no_cursor(&j);
    th_json_close(&j);
    return th_findings_finish(c);
}

int th_findings_incident(struct th_catalogue *c, struct th_str id, struct th_buf *out)
{
    char home[TH_FINDING_ID_ROOM];
    int64_t since_ns;
    if (th_findings_home(c, id, home, &since_ns))
        id = th_str_c(home);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, "SELECT " INCIDENT "WHERE i.id = ?", "s", id);
    if (!th_sql_row(&c->sql, q))
        return c->sql.err < 0 ? th_findings_finish(c) : -ENOENT;
    struct th_json j = th_json_init(out);
    put_incident(c, &j, q);
    put_breaches(c, &j, "timeline", "SELECT b.time, b.id, b.json, x.incident" MEMBERS, id);
    th_json_close(&j);
    return th_findings_finish(c);
}

/* ---- devices ---- */

#define DEVICE                                                                                     \
    "d.id, d.json, coalesce((SELECT max(score) FROM breaches b WHERE b.device = d.id AND b.time "  \
    ">= ?1), 0) AS score, d.last, coalesce(nullif(d.hostname, ''), nullif(d.ip, ''), d.id) AS "    \
    "name FROM devices d "

/* Without the closing brace. */
static void put_device(struct th_json *j, sqlite3_stmt *q)
{
    static const char *const same[] = {"id", "ip", "hostname", "mac", "user", "learned_hours",
        "type", "os", "maker", "random_mac", "shared", "offers"};
    json_t *line = line_of(q, 1);
    th_json_open(j);
    for (size_t i = 0; i < TH_ARRAY_LEN(same); i++)
        th_findings_copy(j, line, same[i]);
    th_json_key(j, "first_seen");
    th_findings_value(j, json_object_get(line, "first"));
    th_json_key(j, "last_seen");
    th_findings_value(j, json_object_get(line, "last"));
    th_json_key(j, "kind");
    th_findings_value(j, json_object_get(line, "device_kind"));
    th_json_key(j, "score");
    th_json_double(j, (double)th_sql_int(q, 2) / SCORE_UNIT);
    json_decref(line);
}

/* The order, and what of a row stands in its cursor. */
struct device_order {
    const char *word, *sql;
    int number; /* column; -1: the order is by name alone */
};
#define DEVICE_PAGE(order)                                                                         \
    "SELECT * FROM (SELECT " DEVICE                                                                \
    "WHERE ?2 = '' OR instr(lower(d.hostname), ?2) OR instr(lower(d.ip), ?2) OR "                  \
    "instr(lower(d.mac), ?2) OR instr(lower(d.user), ?2) OR d.id = ?2) WHERE " order " LIMIT ?5"
static const struct device_order device_orders[] = {
    {"last", DEVICE_PAGE("(last, id) < (?3, ?4) ORDER BY last DESC, id DESC"), 3},
    {"score", DEVICE_PAGE("(score, id) < (?3, ?4) ORDER BY score DESC, id DESC"), 2},
    {"name",
        DEVICE_PAGE(
            "?3 IS NOT NULL AND (lower(name) || ' ' || id) > ?4 ORDER BY lower(name) || ' ' || id"),
        -1},
};

static const struct device_order *order_of(struct th_str word)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(device_orders); i++)
        if (th_str_is(word.len > 0 ? word : th_str_c("last"), device_orders[i].word))
            return &device_orders[i];
    return NULL;
}

/* Place of the row behind the cursor's number. */
static void device_place(sqlite3_stmt *q, const struct device_order *o, struct th_buf *ret)
{
    th_buf_clear(ret);
    if (o->number < 0) {
        struct th_str name = th_sql_text(q, 4);
        for (uint32_t i = 0; i < name.len; i++)
            th_buf_u8(ret, (uint8_t)th_lower(name.p[i]));
        th_buf_u8(ret, ' ');
    }
    th_buf_str(ret, th_sql_text(q, 0));
}

int th_findings_devices(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out)
{
    const struct device_order *order = order_of(page->sort);
    int64_t before = INT64_MAX;
    struct th_str id = th_str_c(order && order->number < 0 ? "" : "\x7f");
    if (!order || !th_findings_read_cursor(page->cursor, &before, &id))
        return -EINVAL;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    for (uint32_t i = 0; i < page->text.len; i++)
        th_buf_u8(&text, (uint8_t)th_lower(page->text.p[i]));
    unsigned limit = th_findings_limit(page);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, order->sql, "isisi",
        th_time_sub(th_findings_reached_ns(c), SCORE_DAYS * TH_NS_PER_DAY),
        given(th_buf_view(&text)), before, id, (int64_t)limit + 1);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "devices");
    th_json_open_list(&j);
    TH_AUTOBUF struct th_buf place = TH_BUF_INIT;
    int64_t last = 0;
    unsigned n = 0;
    while (th_sql_row(&c->sql, q) && ++n <= limit) {
        put_device(&j, q);
        th_json_close(&j);
        last = order->number < 0 ? 0 : th_sql_int(q, order->number);
        device_place(q, order, &place);
    }
    th_json_close_list(&j);
    if (n > limit)
        put_cursor(&j, last, th_buf_view(&place));
    else
        put_no_cursor(&j);
    th_json_close(&j);
    return th_findings_finish(c);
}

static void put_features(struct th_catalogue *c, struct th_json *j, struct th_str id)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT DISTINCT e.value ->> '$.feature' FROM breaches b, json_each(b.json, '$.evidence') "
        "e WHERE b.device = ? ORDER BY 1 LIMIT 100",
        "s", id);
    th_json_key(j, "features");
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q))
        th_json_str(j, th_sql_text(q, 0));
    th_json_close_list(j);
}

/* Its breaches, incidents and features. */
static void put_found(struct th_catalogue *c, struct th_json *j, struct th_str id)
{
    put_breaches(c, j, "breaches",
        "SELECT " BREACH "WHERE b.device = ? ORDER BY b.time DESC, b.id DESC LIMIT 50", id);
    TH_AUTOSTMT sqlite3_stmt *i = th_sql(&c->sql,
        "SELECT " INCIDENT "JOIN incident_devices x ON x.incident = i.id WHERE x.device = ? ORDER "
        "BY i.start DESC, i.id DESC LIMIT 50",
        "s", id);
    th_json_key(j, "incidents");
    th_json_open_list(j);
    while (th_sql_row(&c->sql, i))
        put_short(j, i);
    th_json_close_list(j);
    put_features(c, j, id);
}

int th_findings_device(struct th_catalogue *c, struct th_str id, struct th_buf *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, "SELECT " DEVICE "WHERE d.id = ?2", "is",
        th_time_sub(th_findings_reached_ns(c), SCORE_DAYS * TH_NS_PER_DAY), id);
    if (!th_sql_row(&c->sql, q))
        return c->sql.err < 0 ? th_findings_finish(c) : -ENOENT;
    struct th_json j = th_json_init(out);
    json_t *line = line_of(q, 1);
    put_device(&j, q);
    th_findings_copy(&j, line, "addresses");
    json_decref(line);
    put_found(c, &j, id);
    th_json_key(&j, "group_events");
    th_findings_put_groups_of(c, &j, id);
    th_json_close(&j);
    return th_findings_finish(c);
}

/* ---- users of the network ---- */

/* Of a name that nobody was let in under only its breaches are known. */
#define CREDENTIAL                                                                                 \
    "SELECT coalesce(c.json ->> '$.name', b.json ->> '$.user.name'), c.json, coalesce((SELECT "    \
    "max(score) FROM breaches x WHERE x.device = ?2 AND x.time >= ?1), 0) FROM (SELECT 1) LEFT "   \
    "JOIN credentials c ON c.id = ?2 LEFT JOIN breaches b ON b.id = (SELECT id FROM breaches "     \
    "WHERE device = ?2 ORDER BY time DESC LIMIT 1) WHERE c.id IS NOT NULL OR b.json ->> "          \
    "'$.user.id' = ?2"

int th_findings_credential(struct th_catalogue *c, struct th_str id, struct th_buf *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql, CREDENTIAL, "is",
        th_time_sub(th_findings_reached_ns(c), SCORE_DAYS * TH_NS_PER_DAY), id);
    if (!th_sql_row(&c->sql, q))
        return c->sql.err < 0 ? th_findings_finish(c) : -ENOENT;
    struct th_json j = th_json_init(out);
    json_t *line = line_of(q, 1);
    th_json_open(&j);
    th_findings_text(&j, "id", id);
    th_findings_text(&j, "name", th_sql_text(q, 0));
    th_json_key(&j, "first_seen");
    th_findings_value(&j, json_object_get(line, "first"));
    th_json_key(&j, "last_seen");
    th_findings_value(&j, json_object_get(line, "last"));
    th_json_key(&j, "learned_hours");
    th_json_double(&j, json_number_value(json_object_get(line, "learned_hours")));
    th_json_key(&j, "score");
    th_json_double(&j, (double)th_sql_int(q, 2) / SCORE_UNIT);
    json_decref(line);
    put_found(c, &j, id);
    th_json_close(&j);
    return th_findings_finish(c);
}

/* ---- overview ---- */

static void put_count(struct th_catalogue *c, struct th_json *j, const char *key, const char *sql)
{
    th_json_key(j, key);
    th_json_i64(j, th_sql_number(&c->sql, 0, sql, ""));
}

static void put_activity(struct th_catalogue *c, struct th_json *j, int64_t now_ns)
{
    int64_t hour_ns = th_time_floor(now_ns, TH_NS_PER_HOUR) - 23 * TH_NS_PER_HOUR;
    th_json_key(j, "activity");
    th_json_open_list(j);
    for (unsigned i = 0; i < 24; i++, hour_ns += TH_NS_PER_HOUR) {
        th_json_open(j);
        th_findings_time(j, "time", hour_ns);
        th_json_key(j, "events");
        th_json_i64(
            j, th_sql_number(&c->sql, 0, "SELECT events FROM hours WHERE hour = ?", "i", hour_ns));
        th_json_key(j, "incidents");
        th_json_i64(j,
            th_sql_number(&c->sql, 0,
                "SELECT count(*) FROM incidents WHERE start >= ? AND start < ?", "ii", hour_ns,
                hour_ns + TH_NS_PER_HOUR));
        th_json_close(j);
    }
    th_json_close_list(j);
}

static void put_learning(struct th_catalogue *c, struct th_json *j)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&c->sql, "SELECT json FROM facts WHERE name = 'learning'", "");
    TH_AUTOSTMT sqlite3_stmt *since =
        th_sql(&c->sql, "SELECT json FROM facts WHERE name = 'learning since'", "");
    json_t *line = th_sql_row(&c->sql, q) ? line_of(q, 0) : NULL;
    th_json_key(j, "learning");
    th_json_open(j);
    th_json_key(j, "device_hours");
    th_json_double(j, json_number_value(json_object_get(line, "device_hours")));
    th_json_key(j, "since");
    if (th_sql_row(&c->sql, since))
        th_json_str(j, th_sql_text(since, 0));
    else
        th_json_null(j);
    const char *calibration = json_string_value(json_object_get(line, "calibration"));
    th_findings_text(j, "calibration", th_str_c(calibration ? calibration : "prior"));
    th_json_close(j);
    th_json_key(j, "alert_budget");
    th_json_i64(j, (int64_t)json_number_value(json_object_get(line, "alerts_per_day")));
    th_findings_copy(j, line, "threshold");
    json_decref(line);
}

static void put_sensors(struct th_catalogue *c, struct th_json *j)
{
    th_json_key(j, "sensors");
    th_json_open(j);
    put_count(c, j, "authorised", "SELECT count(*) FROM sensors WHERE status = 'authorised'");
    put_count(c, j, "pending", "SELECT count(*) FROM sensors WHERE status = 'pending'");
    put_count(
        c, j, "silent", "SELECT count(*) FROM sensors WHERE status = 'authorised' AND silent");
    th_json_close(j);
}

int th_findings_overview(
    struct th_catalogue *c, double events_per_s, int64_t now_ns, struct th_buf *out)
{
    int64_t reached = th_findings_reached_ns(c);
    if (reached == 0)
        reached = now_ns;
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_findings_time(&j, "now", reached);
    th_json_key(&j, "events_per_s");
    th_json_double(&j, events_per_s);
    put_count(c, &j, "devices", "SELECT count(*) FROM devices");
    put_learning(c, &j);
    put_count(c, &j, "incidents_open",
        "SELECT count(*) FROM incidents i LEFT JOIN states s ON s.incident = i.id WHERE "
        "i.alert AND coalesce(s.state, 'open') = 'open'");
    int64_t day_ns = th_time_floor(reached, TH_NS_PER_DAY);
    th_json_key(&j, "alerts_today");
    th_json_i64(&j,
        th_sql_number(&c->sql, 0,
            "SELECT (SELECT count(*) FROM incidents WHERE alerted >= ?1 AND alerted < ?2) + "
            "(SELECT "
            "count(*) FROM group_events WHERE alert AND start >= ?1 AND start < ?2)",
            "ii", day_ns, day_ns + TH_NS_PER_DAY));
    put_activity(c, &j, reached);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT " INCIDENT
        "WHERE coalesce(s.state, 'open') = 'open' ORDER BY i.score DESC, i.start "
        "DESC LIMIT 10",
        "");
    th_json_key(&j, "incidents");
    th_json_open_list(&j);
    while (th_sql_row(&c->sql, q))
        put_short(&j, q);
    th_json_close_list(&j);
    put_sensors(c, &j);
    th_json_close(&j);
    return th_findings_finish(c);
}
