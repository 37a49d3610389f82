/* SPDX-License-Identifier: Apache-2.0 */
/* Findings going in: core's lines, and what the log says of incidents, sensors and hours. */
#include "store/findings.h"

#include <math.h>

#include "base/time.h"
#include "catalogue_i.h"
#include "findings_json.h"

/* Scores are kept in thousandths: whole numbers sort and compare as what they are. */
#define SCORE_UNIT 1000.0
#define MAX_NOTICES 200u

static bool time_of(const json_t *object, const char *key, int64_t *ret)
{
    return th_time_parse_rfc3339(th_findings_text_of(object, key), ret);
}

static int64_t score_of(const json_t *line)
{
    double v = json_number_value(json_object_get(line, "score"));
    return isfinite(v) && v > 0 ? (int64_t)llround(fmin(v, 100) * SCORE_UNIT) : 0;
}

struct putting {
    struct th_catalogue *c;
    struct th_findings_news *news;
    int64_t now_ns;
    uint64_t notices;
};

static struct th_buf *begin_notice(struct putting *p, const char *name, size_t *ret_begin)
{
    struct th_buf *out = &p->news->notices;
    if (p->notices++ >= MAX_NOTICES)
        return NULL;
    th_buf_u8(out, (uint8_t)strlen(name));
    th_buf_puts(out, name);
    th_buf_le32(out, 0);
    *ret_begin = out->len;
    return out;
}

static void end_notice(struct th_buf *out, size_t begin)
{
    uint32_t len = (uint32_t)(out->len - begin);
    for (unsigned i = 0; i < 4 && !out->overflow; i++)
        out->p[begin - 4 + i] = (uint8_t)(len >> 8 * i);
}

/* Is it there in these very words? Then nothing has happened. */
static bool is_known(struct putting *p, const char *sql, struct th_str id, struct th_str text)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&p->c->sql, sql, "s", id);
    return th_sql_row(&p->c->sql, q) && th_str_eq(th_sql_text(q, 0), text);
}

static bool put_breach(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_sql *s = &p->c->sql;
    struct th_str id = th_findings_text_of(line, "id");
    /* A user's is filed under the user. */
    const json_t *user = json_object_get(line, "user");
    struct th_str device = th_findings_text_of(user ? user : json_object_get(line, "device"), "id");
    int64_t time_ns;
    if (!th_findings_is_id(id) || !th_findings_is_id(device) || !time_of(line, "time", &time_ns))
        return false;
    if (is_known(p, "SELECT json FROM breaches WHERE id = ?", id, text))
        return true;
    th_sql_run(s,
        "INSERT INTO breaches VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = "
        "excluded.time, device = excluded.device, score = excluded.score, json = excluded.json",
        "sisis", id, time_ns, device, score_of(line), text);
    if (json_object_get(line, "group_event"))
        th_findings_leave_incident(p->c, id, device);
    p->news->stored++;
    size_t begin;
    struct th_buf *out = begin_notice(p, "breach", &begin);
    if (out) {
        struct th_json j = th_json_init(out);
        th_findings_put_breach(&j, line, th_str_c(""), false);
        end_notice(out, begin);
    }
    return true;
}

static void tell_joined(struct putting *p, struct th_str younger, struct th_str elder)
{
    size_t begin;
    struct th_buf *out = begin_notice(p, "joined", &begin);
    p->news->stored++;
    if (!out)
        return;
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_findings_text(&j, "id", younger);
    th_findings_text(&j, "into", elder);
    th_json_close(&j);
    end_notice(out, begin);
}

/* Core forgets the weakest of very many incidents, and may begin a new one with a breach of it: one
 * that has lost its last breach has become part of the one that has it now. */
static void put_member(struct putting *p, struct th_str breach, struct th_str id, int64_t at_ns)
{
    struct th_sql *s = &p->c->sql;
    char was[TH_FINDING_ID_ROOM] = "";
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(s, "SELECT incident FROM incident_breaches WHERE breach = ?", "s", breach);
    if (th_sql_row(s, q))
        th_sql_copy(q, 0, was, sizeof(was));
    if (th_str_is(id, was))
        return;
    th_sql_run(s, "INSERT OR REPLACE INTO incident_breaches VALUES (?, ?)", "ss", breach, id);
    if (*was &&
        th_sql_number(
            s, 0, "SELECT count(*) FROM incident_breaches WHERE incident = ?", "z", was) == 0 &&
        th_findings_join(p->c, th_str_c(was), id, at_ns))
        tell_joined(p, th_str_c(was), id);
}

static void put_entities(struct putting *p, const json_t *list, struct th_str incident)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        struct th_str id = th_findings_text_of(item, "id");
        if (th_findings_is_id(id))
            th_sql_run(&p->c->sql, "INSERT OR IGNORE INTO incident_devices VALUES (?, ?)", "ss", id,
                incident);
    }
}

static void put_members(struct putting *p, const json_t *line, struct th_str id, int64_t at_ns)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(line, "breaches"), i, item)
    {
        struct th_str breach = th_str_n(json_string_value(item), json_string_length(item));
        if (json_is_string(item))
            put_member(p, breach, id, at_ns);
    }
    put_entities(p, json_object_get(line, "devices"), id);
    put_entities(p, json_object_get(line, "users"), id);
}

/* Told of one that is part of another: core tells again what it told before. */
static void put_late_members(struct putting *p, const json_t *line, struct th_str home)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(line, "breaches"), i, item)
    {
        struct th_str breach = th_str_n(json_string_value(item), json_string_length(item));
        if (json_is_string(item))
            th_sql_run(&p->c->sql, "INSERT OR IGNORE INTO incident_breaches VALUES (?, ?)", "ss",
                breach, home);
    }
}

static bool put_incident(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_sql *s = &p->c->sql;
    struct th_str id = th_findings_text_of(line, "id");
    int64_t start_ns, end_ns, since_ns;
    char home[TH_FINDING_ID_ROOM];
    if (!th_findings_is_id(id) || !time_of(line, "start", &start_ns) ||
        !time_of(line, "end", &end_ns))
        return false;
    if (th_findings_home(p->c, id, home, &since_ns)) {
        put_late_members(p, line, th_str_c(home));
        return true;
    }
    if (is_known(p, "SELECT json FROM incidents WHERE id = ?", id, text))
        return true;
    bool alert = json_is_true(json_object_get(line, "alert"));
    int64_t alerted_ns = end_ns;
    bool asks = time_of(line, "alerted", &alerted_ns);
    th_sql_run(s,
        "INSERT INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, iif(?5, ?8, NULL), ?6, ?6, ?7) ON "
        "CONFLICT DO UPDATE SET start = ?2, end = ?3, score = ?4, alert = ?5, alerted = "
        "iif(?5, ?8, NULL), updated = ?6, json = ?7",
        "siiiiisi", id, start_ns, end_ns, score_of(line), (int64_t)alert, p->now_ns, text,
        alerted_ns);
    if (asks)
        th_sql_run(s, "UPDATE states SET state = 'open' WHERE incident = ? AND at <= ?", "si", id,
            alerted_ns);
    put_members(p, line, id, end_ns);
    p->news->stored++;
    size_t begin;
    struct th_buf *out = begin_notice(p, "incident", &begin);
    if (out) {
        TH_AUTOSTMT sqlite3_stmt *q =
            th_sql(s, "SELECT state FROM states WHERE incident = ?", "s", id);
        struct th_json j = th_json_init(out);
        th_json_open(&j);
        th_findings_put_incident(
            &j, line, th_sql_row(s, q) ? th_sql_text(q, 0) : th_str_c("open"), NULL);
        th_json_close(&j);
        end_notice(out, begin);
    }
    return true;
}

static bool put_joined(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_str younger = th_findings_text_of(line, "incident");
    struct th_str elder = th_findings_text_of(line, "into");
    int64_t at_ns;
    (void)text;
    if (!th_findings_is_id(younger) || !th_findings_is_id(elder) || !time_of(line, "time", &at_ns))
        return false;
    if (th_findings_join(p->c, younger, elder, at_ns))
        tell_joined(p, younger, elder);
    return true;
}

static bool put_group(struct putting *p, const json_t *line, struct th_str text)
{
    bool news = false;
    size_t begin;
    (void)text;
    if (!th_findings_put_group(p->c, line, &news))
        return false;
    struct th_buf *out = news ? begin_notice(p, "group", &begin) : NULL;
    p->news->stored += news;
    if (out) {
        struct th_json j = th_json_init(out);
        th_findings_put_group_event(&j, line);
        end_notice(out, begin);
    }
    return true;
}

static bool put_withdrawn(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_str incident = th_findings_text_of(line, "incident");
    struct th_str group_event = th_findings_text_of(line, "group_event");
    size_t begin;
    (void)text;
    if (!th_findings_is_id(incident) || !th_findings_is_id(group_event))
        return false;
    struct th_buf *out =
        th_findings_withdraw(p->c, incident) ? begin_notice(p, "withdrawn", &begin) : NULL;
    if (out) {
        struct th_json j = th_json_init(out);
        th_json_open(&j);
        th_findings_text(&j, "id", incident);
        th_findings_text(&j, "group_event", group_event);
        th_json_close(&j);
        end_notice(out, begin);
    }
    p->news->stored++;
    return true;
}

static bool put_device(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_str id = th_findings_text_of(line, "id");
    int64_t first_ns, last_ns;
    if (!th_findings_is_id(id) || !time_of(line, "first", &first_ns) ||
        !time_of(line, "last", &last_ns))
        return false;
    if (is_known(p, "SELECT json FROM devices WHERE id = ?", id, text))
        return true;
    th_sql_run(&p->c->sql, "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        "sssssiis", id, th_findings_text_of(line, "ip"), th_findings_text_of(line, "hostname"),
        th_findings_text_of(line, "mac"), th_findings_text_of(line, "user"), first_ns, last_ns,
        text);
    p->news->stored++;
    return true;
}

static bool put_user(struct putting *p, const json_t *line, struct th_str text)
{
    struct th_str id = th_findings_text_of(line, "id");
    int64_t last_ns;
    if (!th_findings_is_id(id) || !time_of(line, "last", &last_ns))
        return false;
    if (is_known(p, "SELECT json FROM credentials WHERE id = ?", id, text))
        return true;
    th_sql_run(&p->c->sql, "INSERT OR REPLACE INTO credentials VALUES (?, ?, ?, ?)", "ssis", id,
        th_findings_text_of(line, "name"), last_ns, text);
    p->news->stored++;
    return true;
}

static bool put_learning(struct putting *p, const json_t *line, struct th_str text)
{
    int64_t time_ns;
    if (!time_of(line, "time", &time_ns))
        return false;
    th_sql_run(&p->c->sql, "INSERT OR REPLACE INTO facts VALUES ('learning', ?)", "s", text);
    th_sql_run(&p->c->sql, "INSERT OR IGNORE INTO facts VALUES ('learning since', ?)", "s",
        th_findings_text_of(line, "time"));
    p->news->stored++;
    return true;
}

/* Whatever was told of a device, or a user, goes; core tells anew what others have left in their
 * incidents, and what was decided about those stays, without its words. */
static bool put_forget(struct putting *p, const json_t *line, struct th_str text)
{
#define WITH_IT "(SELECT incident FROM incident_devices WHERE device = ?1)"
#define OF_IT_ALONE                                                                                \
    "(SELECT incident FROM incident_devices GROUP BY incident HAVING min(device = ?1))"
    struct th_sql *s = &p->c->sql;
    struct th_str device = th_findings_text_of(line, "device");
    struct th_str sensor = th_findings_text_of(line, "sensor");
    (void)text;
    if (device.len > 0 && !th_findings_is_id(device))
        return false;
    static const char *const of_device[] = {
        "DELETE FROM states WHERE incident IN " OF_IT_ALONE,
        "DELETE FROM joins WHERE elder IN " OF_IT_ALONE,
        "UPDATE states SET comment = '' WHERE incident IN " WITH_IT,
        "DELETE FROM incident_breaches WHERE incident IN " WITH_IT,
        "DELETE FROM incidents WHERE id IN " WITH_IT,
        "DELETE FROM incident_devices WHERE incident IN " WITH_IT,
        "DELETE FROM breaches WHERE device = ?1", "DELETE FROM devices WHERE id = ?1",
        "DELETE FROM credentials WHERE id = ?1",
        "UPDATE breaches SET json = json_set(json, '$.device', NULL) WHERE json ->> '$.device.id' "
        "= ?1", /* of a user who was at it */
    };
#undef WITH_IT
#undef OF_IT_ALONE
    for (size_t i = 0; device.len > 0 && i < TH_ARRAY_LEN(of_device); i++)
        th_sql_run(s, of_device[i], "s", device);
    if (device.len > 0) {
        th_findings_forget_permits(p->c, device);
        th_findings_forget_groups(p->c, device);
    }
    if (sensor.len > 0)
        th_sql_run(s, "DELETE FROM sensors WHERE id = ?", "s", sensor);
    return true;
}

static bool put_held(struct putting *p, const json_t *line, struct th_str text)
{
    (void)text;
    if (!th_findings_put_held(p->c, line))
        return false;
    p->news->stored++;
    return true;
}

static bool put_line(struct putting *p, struct th_str text)
{
    static const struct {
        const char *kind;
        bool (*put)(struct putting *p, const json_t *line, struct th_str text);
    } kinds[] = {{"breach", put_breach}, {"incident", put_incident}, {"joined", put_joined},
        {"group-event", put_group}, {"withdrawn", put_withdrawn}, {"device", put_device},
        {"user", put_user}, {"learning", put_learning}, {"forget", put_forget},
        {"permit", put_held}};
    if (text.len > TH_FINDING_MAX_BYTES)
        return false;
    json_t *line = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool taken = false;
    for (size_t i = 0; i < TH_ARRAY_LEN(kinds) && line; i++)
        if (th_str_is(th_findings_text_of(line, "kind"), kinds[i].kind))
            taken = kinds[i].put(p, line, text);
    json_decref(line);
    return taken;
}

int th_findings_put(
    struct th_catalogue *c, struct th_str lines, int64_t now_ns, struct th_findings_news *news)
{
    struct putting p = {.c = c, .news = news, .now_ns = now_ns};
    *news = (struct th_findings_news){0};
    th_sql_begin(&c->sql);
    while (lines.len > 0) {
        struct th_str line = th_str_split(&lines, '\n');
        if (line.len > 0 && !put_line(&p, line))
            news->refused++;
    }
    int err = th_sql_commit(&c->sql);
    if (err < 0) {
        th_buf_done(&news->notices);
        *news = (struct th_findings_news){0};
    }
    return err;
}

/* ---- from the log ---- */

void th_findings_follow(struct th_catalogue *c)
{
    th_sql_begin(&c->sql);
}

void th_findings_follow_events(struct th_catalogue *c, int64_t hour_ns, uint64_t events)
{
    th_sql_run(&c->sql,
        "INSERT INTO hours VALUES (?, ?) ON CONFLICT DO UPDATE SET events = events + "
        "excluded.events",
        "ii", th_time_floor(hour_ns, TH_NS_PER_HOUR), (int64_t)events);
}

void th_findings_follow_sensor(struct th_catalogue *c, struct th_str id, struct th_str status)
{
    th_sql_run(&c->sql,
        "INSERT INTO sensors VALUES (?, ?, 0, 0) ON CONFLICT DO UPDATE SET status = "
        "excluded.status",
        "ss", id, status);
}

void th_findings_follow_silent(struct th_catalogue *c, struct th_str id, bool silent)
{
    th_sql_run(&c->sql, "UPDATE sensors SET silent = ? WHERE id = ?", "is", (int64_t)silent, id);
}

bool th_findings_follow_state(struct th_catalogue *c, struct th_str incident, struct th_str state,
    struct th_str by, int64_t at_ns, struct th_str comment)
{
    if (!th_findings_is_id(incident) ||
        !(th_str_is(state, "open") || th_str_is(state, "acknowledged")))
        return false;
    char home[TH_FINDING_ID_ROOM];
    int64_t since_ns;
    if (th_findings_home(c, incident, home, &since_ns)) {
        if (at_ns <= since_ns)
            return true; /* about what it was before, and over with that */
        incident = th_str_c(home);
    }
    /* Of what joined it later, and of a later alert, nothing was known when it was decided: that is
     * still to be seen. */
    if (th_sql_number(&c->sql, 0, "SELECT count(*) FROM joins WHERE elder = ? AND at >= ?", "si",
            incident, at_ns) > 0 ||
        th_sql_number(&c->sql, 0,
            "SELECT count(*) FROM incidents WHERE id = ? AND alerted >= ? AND json ->> '$.alerts' "
            "> 0",
            "si", incident, at_ns) > 0)
        state = th_str_c("open");
    th_sql_run(&c->sql, "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", "sssis", incident,
        state, by, at_ns, comment);
    return true;
}

void th_findings_follow_settings(struct th_catalogue *c, struct th_str json)
{
    th_sql_run(&c->sql, "INSERT OR REPLACE INTO facts VALUES ('settings', ?)", "s", json);
}

void th_findings_settings(struct th_catalogue *c, struct th_buf *out)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&c->sql, "SELECT json FROM facts WHERE name = 'settings'", "");
    if (th_sql_row(&c->sql, q))
        th_buf_str(out, th_sql_text(q, 0));
    c->sql.err = 0;
}

int64_t th_findings_reached_ns(struct th_catalogue *c)
{
    int64_t v = th_sql_number(
        &c->sql, 0, "SELECT CAST(json AS INTEGER) FROM facts WHERE name = 'now_ns'", "");
    c->sql.err = 0;
    return v;
}

int th_findings_follow_commit(struct th_catalogue *c, uint64_t position, int64_t time_ns)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)time_ns);
    th_sql_run(&c->sql, "INSERT OR REPLACE INTO facts VALUES ('now_ns', ?)", "z", text);
    th_catalogue_save_position(c, "store", position);
    return th_sql_commit(&c->sql);
}
