/* SPDX-License-Identifier: Apache-2.0 */
/* Permits as the list shows them: what the log says of them, and how much core held back by each.
 * Core's count may come before the log's word: it is kept apart, under the permit's id. */
#include "base/time.h"
#include "catalogue_i.h"
#include "findings_json.h"
#include "store/findings.h"

#define MAX_TEXT 512u
#define MAX_BYTES 8192u /* of a whole control: far more than one has */

static bool is_id(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'f') || (s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return s.len == 16;
}

static bool texts_fit(const json_t *control)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)control, key, v)
    {
        if (json_is_string(v) && json_string_length(v) > MAX_TEXT)
            return false;
    }
    return true;
}

void th_findings_follow_permit(struct th_catalogue *c, const json_t *control, int64_t at_ns)
{
    struct th_str id = th_findings_text_of(control, "id");
    struct th_str incident = th_findings_text_of(control, "incident");
    struct th_str by = th_findings_text_of(json_object_get(control, "by"), "name");
    const json_t *until = json_object_get(control, "until_ns");
    if (!is_id(id) || !texts_fit(control))
        return;
    TH_AUTOFREE char *json = json_dumps(control, JSON_COMPACT | JSON_SORT_KEYS);
    if (!json || strlen(json) > MAX_BYTES)
        return;
    th_sql_run(&c->sql, "INSERT OR IGNORE INTO permits VALUES (?, ?, ?, ?, NULL, NULL, ?)", "sisiz",
        id, at_ns, th_findings_text_of(control, "device"),
        json_is_integer(until) ? (int64_t)json_integer_value(until) : INT64_MAX, json);
    th_sql_run(&c->sql,
        "DELETE FROM permits WHERE id IN (SELECT id FROM permits WHERE ended IS NOT NULL OR until "
        "<= ?1 ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?2)",
        "ii", at_ns, (int64_t)TH_FINDINGS_PERMITS_OVER);
    th_sql_run(&c->sql,
        "DELETE FROM permits_held WHERE id NOT IN (SELECT id FROM permits) AND (SELECT count(*) "
        "FROM permits_held) > ?",
        "i", (int64_t)4 * TH_FINDINGS_PERMITS_OVER);
    if (incident.len > 0)
        th_findings_follow_state(c, incident, th_str_c("acknowledged"), by, at_ns,
            th_findings_text_of(control, "reason"));
}

void th_findings_follow_permit_end(struct th_catalogue *c, const json_t *control, int64_t at_ns)
{
    th_sql_run(&c->sql, "UPDATE permits SET ended = ?, ended_by = ? WHERE id = ? AND ended IS NULL",
        "iss", at_ns, th_findings_text_of(json_object_get(control, "by"), "name"),
        th_findings_text_of(control, "id"));
}

bool th_findings_put_held(struct th_catalogue *c, const json_t *line)
{
    struct th_str id = th_findings_text_of(line, "id");
    const json_t *held = json_object_get(line, "held");
    int64_t last_ns;
    if (!is_id(id) || !json_is_integer(held) || json_integer_value(held) < 0 ||
        !th_time_parse_rfc3339(th_findings_text_of(line, "last"), &last_ns))
        return false;
    th_sql_run(&c->sql, "INSERT OR REPLACE INTO permits_held VALUES (?, ?, ?)", "sis", id,
        (int64_t)json_integer_value(held), th_findings_text_of(line, "last"));
    return true;
}

void th_findings_forget_permits(struct th_catalogue *c, struct th_str device)
{
    th_sql_run(&c->sql,
        "DELETE FROM permits_held WHERE id IN (SELECT id FROM permits WHERE device = ?)", "s",
        device);
    th_sql_run(&c->sql, "DELETE FROM permits WHERE device = ?", "s", device);
}

/* ---- the list ---- */

static void put_or_null(struct th_json *j, const char *key, sqlite3_stmt *q, int column)
{
    th_json_key(j, key);
    if (th_sql_is_null(q, column))
        th_json_null(j);
    else
        th_json_str(j, th_sql_text(q, column));
}

static void put_time_or_null(struct th_json *j, const char *key, bool known, int64_t time_ns)
{
    if (known) {
        th_findings_time(j, key, time_ns);
        return;
    }
    th_json_key(j, key);
    th_json_null(j);
}

enum { AT, ID, DEVICE, UNTIL, ENDED, ENDED_BY, JSON, IP, HOST, MAC, MODEL_NAME, HELD, LAST };
#define PERMIT                                                                                     \
    "SELECT p.at, p.id, p.device, p.until, p.ended, p.ended_by, p.json, d.ip, coalesce("           \
    "d.hostname, u.name), d.mac, "                                                                 \
    "CASE WHEN b.json ->> '$.model' = p.json ->> '$.model' THEN b.json ->> '$.name' END, "         \
    "coalesce(h.held, 0), h.last FROM permits p LEFT JOIN devices d ON d.id = p.device LEFT JOIN " \
    "credentials u ON u.id = p.device LEFT JOIN "                                                  \
    "breaches b ON b.id = p.json ->> '$.breach' LEFT JOIN permits_held h ON h.id = p.id "

static void put_device(struct th_json *j, sqlite3_stmt *q)
{
    th_json_key(j, "device");
    if (th_sql_text(q, DEVICE).len == 0) {
        th_json_null(j);
        return;
    }
    th_json_open(j);
    th_findings_text(j, "id", th_sql_text(q, DEVICE));
    put_or_null(j, "ip", q, IP);
    put_or_null(j, "hostname", q, HOST);
    put_or_null(j, "mac", q, MAC);
    th_json_close(j);
}

static void put_permit(struct th_json *j, sqlite3_stmt *q, int64_t now_ns)
{
    static const char *const same[] = {
        "model", "tactic", "address", "host", "domain", "port", "reason", "breach", "incident"};
    struct th_str text = th_sql_text(q, JSON);
    json_t *control = json_loadb(text.p, text.len, 0, NULL);
    bool ended = !th_sql_is_null(q, ENDED);
    int64_t until_ns = th_sql_int(q, UNTIL);
    const char *state = ended ? "ended" : until_ns <= now_ns ? "expired" : "active";
    th_json_open(j);
    th_findings_text(j, "id", th_sql_text(q, ID));
    th_findings_time(j, "made", th_sql_int(q, AT));
    th_findings_text(j, "by", th_findings_text_of(json_object_get(control, "by"), "name"));
    put_time_or_null(j, "until", until_ns != INT64_MAX, until_ns);
    th_findings_text(j, "state", th_str_c(state));
    put_time_or_null(j, "ended", ended, th_sql_int(q, ENDED));
    put_or_null(j, "ended_by", q, ENDED_BY);
    put_device(j, q);
    for (size_t i = 0; i < TH_ARRAY_LEN(same); i++)
        th_findings_copy(j, control, same[i]);
    put_or_null(j, "model_name", q, MODEL_NAME);
    th_json_key(j, "held");
    th_json_i64(j, th_sql_int(q, HELD));
    put_or_null(j, "last_held", q, LAST);
    th_json_close(j);
    json_decref(control);
}

/* Bit 0: those in force; bit 1: those that are over; 0: no such word. */
static int64_t which(struct th_str state)
{
    if (state.len == 0 || th_str_is(state, "all"))
        return 3;
    return th_str_is(state, "active") ? 1 : th_str_is(state, "over") ? 2 : 0;
}

int th_findings_permits(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out)
{
    int64_t before = INT64_MAX;
    struct th_str id = th_str_c("\x7f");
    int64_t wanted = which(page->state);
    if (wanted == 0 || !th_findings_read_cursor(page->cursor, &before, &id))
        return -EINVAL;
    unsigned limit = th_findings_limit(page);
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&c->sql,
        PERMIT "WHERE (p.at, p.id) < (?1, ?2) AND (?3 & iif(p.ended IS NULL AND p.until > ?4, 1, "
               "2)) ORDER BY p.at DESC, p.id DESC LIMIT ?5",
        "isiii", before, id, wanted, page->now_ns, (int64_t)limit + 1);
    struct th_json j = th_json_init(out);
    char last_id[40] = "";
    int64_t last = 0;
    unsigned n = 0;
    th_json_open(&j);
    th_json_key(&j, "permits");
    th_json_open_list(&j);
    while (th_sql_row(&c->sql, q) && ++n <= limit) {
        put_permit(&j, q, page->now_ns);
        last = th_sql_int(q, AT);
        th_sql_copy(q, ID, last_id, sizeof(last_id));
    }
    th_json_close_list(&j);
    th_findings_put_next(&j, n > limit, last, th_str_c(last_id));
    th_json_close(&j);
    int err = c->sql.err;
    c->sql.err = 0;
    return err;
}
