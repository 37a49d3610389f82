/* SPDX-License-Identifier: Apache-2.0 */
/* Group events: what core told of them, which devices had part, and what goes with them. A device's
 * part is kept apart from the line, so that it can be forgotten. */
#include "base/time.h"
#include "catalogue_i.h"
#include "findings_json.h"
#include "store/findings.h"

#define MAX_MEMBERS 1024u

/* The line without its devices. */
static char *without_members(const json_t *line)
{
    json_t *copy = json_copy((json_t *)line);
    json_object_del(copy, "members");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    return text;
}

bool th_findings_put_group(struct th_catalogue *c, const json_t *line, bool *ret_news)
{
    struct th_sql *s = &c->sql;
    struct th_str id = th_findings_text_of(line, "id");
    int64_t start_ns;
    if (!th_findings_is_id(id) ||
        !th_time_parse_rfc3339(th_findings_text_of(line, "start"), &start_ns))
        return false;
    TH_AUTOFREE char *text = without_members(line);
    if (!text)
        return false;
    *ret_news = th_sql_number(s, 0, "SELECT count(*) FROM group_events WHERE id = ? AND json = ?",
                    "sz", id, text) == 0;
    if (!*ret_news)
        return true;
    th_sql_run(s, "INSERT OR REPLACE INTO group_events VALUES (?, ?, ?, ?)", "siiz", id, start_ns,
        (int64_t)json_is_true(json_object_get(line, "alert")), text);
    th_sql_run(s, "DELETE FROM group_devices WHERE event = ?", "s", id);
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(line, "members"), i, item)
    {
        struct th_str device = th_findings_text_of(item, "id");
        if (th_findings_is_id(device) && i < MAX_MEMBERS)
            th_sql_run(s, "INSERT OR IGNORE INTO group_devices VALUES (?, ?)", "ss", device, id);
    }
    return true;
}

void th_findings_leave_incident(struct th_catalogue *c, struct th_str breach, struct th_str device)
{
    struct th_sql *s = &c->sql;
    /* Nothing else of the device in it: then the device leaves it as well. */
    th_sql_run(s,
        "DELETE FROM incident_devices WHERE device = ?2 AND incident = (SELECT incident FROM "
        "incident_breaches WHERE breach = ?1) AND NOT EXISTS (SELECT 1 FROM incident_breaches x "
        "JOIN breaches b ON b.id = x.breach WHERE x.incident = incident_devices.incident AND "
        "b.device = ?2 AND b.id <> ?1)",
        "ss", breach, device);
    th_sql_run(s, "DELETE FROM incident_breaches WHERE breach = ?", "s", breach);
}

bool th_findings_withdraw(struct th_catalogue *c, struct th_str incident)
{
    static const char *const all[] = {"DELETE FROM incident_breaches WHERE incident = ?",
        "DELETE FROM incident_devices WHERE incident = ?", "DELETE FROM states WHERE incident = ?",
        "DELETE FROM joins WHERE elder = ?", "DELETE FROM incidents WHERE id = ?"};
    bool known =
        th_sql_number(&c->sql, 0, "SELECT count(*) FROM incidents WHERE id = ?", "s", incident) > 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(all); i++)
        th_sql_run(&c->sql, all[i], "s", incident);
    return known;
}

void th_findings_forget_groups(struct th_catalogue *c, struct th_str device)
{
    th_sql_run(&c->sql, "DELETE FROM group_devices WHERE device = ?", "s", device);
}

/* ---- pages ---- */

static void put_members_of(struct th_json *j, const json_t *line)
{
    static const char *const same[] = {"id", "start", "end", "first", "last", "group", "feature",
        "features", "devices", "did", "of", "usual", "shared", "discounted", "score", "alert",
        "sentence"};
    for (size_t i = 0; i < TH_ARRAY_LEN(same); i++)
        th_findings_copy(j, line, same[i]);
}

void th_findings_put_group_event(struct th_json *j, const json_t *line)
{
    th_json_open(j);
    put_members_of(j, line);
    th_json_close(j);
}

static void put_row(struct th_json *j, sqlite3_stmt *q, int column)
{
    struct th_str text = th_sql_text(q, column);
    json_t *line = json_loadb(text.p, text.len, 0, NULL);
    th_findings_put_group_event(j, line);
    json_decref(line);
}

void th_findings_put_groups_of(struct th_catalogue *c, struct th_json *j, struct th_str device)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT g.json FROM group_devices d JOIN group_events g ON g.id = d.event WHERE d.device = "
        "? ORDER BY g.start DESC, g.id DESC LIMIT 50",
        "s", device);
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q))
        put_row(j, q, 0);
    th_json_close_list(j);
}

int th_findings_group_events(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out)
{
    int64_t before = INT64_MAX;
    struct th_str id = th_str_c("\x7f");
    if (!th_findings_read_cursor(page->cursor, &before, &id))
        return -EINVAL;
    unsigned limit = th_findings_limit(page);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT start, id, json FROM group_events WHERE (start, id) < (?1, ?2) AND start >= ?3 AND "
        "start < ?4 ORDER BY start DESC, id DESC LIMIT ?5",
        "isiii", before, id, page->from_ns, page->to_ns, (int64_t)limit + 1);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "group_events");
    th_json_open_list(&j);
    char last_id[TH_FINDING_ID_ROOM] = "";
    int64_t last = 0;
    unsigned n = 0;
    while (th_sql_row(&c->sql, q) && ++n <= limit) {
        put_row(&j, q, 2);
        last = th_sql_int(q, 0);
        th_sql_copy(q, 1, last_id, sizeof(last_id));
    }
    th_json_close_list(&j);
    th_findings_put_next(&j, n > limit, last, th_str_c(last_id));
    th_json_close(&j);
    return th_findings_finish(c);
}

static void put_devices(struct th_catalogue *c, struct th_json *j, struct th_str id)
{
    static const char *const same[] = {"id", "ip", "hostname", "mac"};
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT x.device, d.ip, d.hostname, d.mac FROM group_devices x LEFT JOIN devices d ON d.id "
        "= x.device WHERE x.event = ? ORDER BY coalesce(nullif(d.hostname, ''), d.ip, x.device), "
        "x.device",
        "s", id);
    th_json_key(j, "members");
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q)) {
        th_json_open(j);
        for (int i = 0; i < (int)TH_ARRAY_LEN(same); i++) {
            th_json_key(j, same[i]);
            if (th_sql_is_null(q, i) || th_sql_text(q, i).len == 0)
                th_json_null(j);
            else
                th_json_str(j, th_sql_text(q, i));
        }
        th_json_close(j);
    }
    th_json_close_list(j);
}

/* Best first; what was forgotten meanwhile is not among them. */
static void put_breaches(struct th_catalogue *c, struct th_json *j, struct th_str id)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        "SELECT b.json FROM group_events g, json_each(g.json, '$.breaches') e JOIN breaches b ON "
        "b.id = e.value WHERE g.id = ?1 AND b.json ->> '$.group_event' = ?1 ORDER BY b.score DESC, "
        "b.id LIMIT 1024",
        "s", id);
    th_json_key(j, "breaches");
    th_json_open_list(j);
    while (th_sql_row(&c->sql, q)) {
        struct th_str text = th_sql_text(q, 0);
        json_t *line = json_loadb(text.p, text.len, 0, NULL);
        th_findings_put_breach(j, line, th_str_c(""), false);
        json_decref(line);
    }
    th_json_close_list(j);
}

int th_findings_group_event(struct th_catalogue *c, struct th_str id, struct th_buf *out)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&c->sql, "SELECT json FROM group_events WHERE id = ?", "s", id);
    if (!th_sql_row(&c->sql, q))
        return c->sql.err < 0 ? th_findings_finish(c) : -ENOENT;
    struct th_str text = th_sql_text(q, 0);
    json_t *line = json_loadb(text.p, text.len, 0, NULL);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    put_members_of(&j, line);
    put_devices(c, &j, id);
    put_breaches(c, &j, id);
    th_json_close(&j);
    json_decref(line);
    return th_findings_finish(c);
}
