/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/time.h"
#include "findings_lines.h"

static void pages_go_on_where_they_ended(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_breach(&lines, "b1", "d1", 3, 10);
    add_breach(&lines, "b2", "d1", 5, 20);
    add_breach(&lines, "b3", "d2", 5, 30);
    add_breach(&lines, "b4", "d2", 1, 40);
    add_breach(&lines, "b5", "d1", 9, 50);
    put_quietly(c, &lines);
    assert_pages(c, th_findings_breaches, "breaches", first_page, "b5 b3 |b2 b1 |b4 |");
    struct th_findings_page page = first_page;
    page.device = th_str_c("d2");
    assert_pages(c, th_findings_breaches, "breaches", page, "b3 b4 |");
    page = first_page;
    assert_true(th_time_parse_rfc3339(th_str_c("2026-01-02T03:00:00Z"), &page.from_ns));
    assert_true(th_time_parse_rfc3339(th_str_c("2026-01-02T05:30:00Z"), &page.to_ns));
    assert_pages(c, th_findings_breaches, "breaches", page, "b1 |");
    static const char *const bad[] = {"x", "1", "1.", ".b1", "9999999999999999999999.b"};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        page.cursor = th_str_c(bad[i]);
        assert_int_equal(th_findings_breaches(c, &page, &out), -EINVAL);
    }
}

static void a_replay_changes_nothing(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    for (int round = 0; round < 2; round++) {
        add_breach(&lines, "b1", "d1", 3, 10);
        add_incident(&lines, "i1", "d1", 3, 10, false, "\"b1\"");
        struct th_findings_news news = put(c, &lines);
        assert_int_equal(news.stored, round == 0 ? 2 : 0);
        assert_int_equal(news.refused, 0);
        assert_true((news.notices.len > 0) == (round == 0));
        th_buf_done(&news.notices);
    }
    add_incident(&lines, "i1", "d1", 3, 60, true, "\"b1\"");
    struct th_findings_news news = put(c, &lines);
    assert_int_equal(news.stored, 1);
    assert_memory_equal(news.notices.p, "\x08incident", 9);
    th_buf_done(&news.notices);
    assert_pages(c, th_findings_incidents, "incidents", first_page, "i1 |");
}

/* What a look told, until its hour has ended. */
static void a_breach_is_early_until_it_is_confirmed(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    for (int ended = 0; ended < 2; ended++) {
        struct th_buf out = TH_BUF_INIT;
        add_breach(&lines, "b1", "d1", 3, 10);
        if (!ended) {
            lines.len -= 2; /* } and the line's end */
            th_buf_puts(&lines, ",\"early\":true}\n");
        }
        put_quietly(c, &lines);
        assert_int_equal(th_findings_breach(c, th_str_c("b1"), &out), 0);
        json_t *v = parsed(&out);
        assert_int_equal(json_is_true(json_object_get(v, "early")), !ended);
        json_decref(v);
    }
}

static void an_incident_has_its_breaches_in_whatever_order(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    struct th_buf out = TH_BUF_INIT;
    add_incident(&lines, "i1", "d1", 3, 55.5, true, "\"b1\",\"b2\"");
    add_breach(&lines, "b2", "d1", 4, 20);
    add_breach(&lines, "b1", "d1", 3, 10);
    put_quietly(c, &lines);
    assert_int_equal(th_findings_incident(c, th_str_c("i1"), &out), 0);
    json_t *v = parsed(&out);
    assert_string_equal(json_string_value(json_object_get(v, "state")), "open");
    assert_string_equal(json_string_value(json_object_get(v, "title")),
        "<img src=x onerror=alert(1)>\"'; DROP TABLE breaches; --\x1b[2J");
    assert_int_equal(json_array_size(json_object_get(v, "timeline")), 2);
    const json_t *b = json_array_get(json_object_get(v, "timeline"), 0);
    assert_string_equal(json_string_value(json_object_get(b, "id")), "b1");
    assert_string_equal(json_string_value(json_object_get(b, "incident")), "i1");
    assert_null(json_object_get(b, "evidence"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(b, "reason"), "feature")), "beacon");
    b = json_object_get(v, "lead"); /* the one of the highest score */
    assert_string_equal(json_string_value(json_object_get(b, "id")), "b2");
    assert_string_equal(json_string_value(json_object_get(b, "incident")), "i1");
    assert_int_equal(json_array_size(json_object_get(v, "tactics")), 1);
    assert_int_equal(json_integer_value(json_object_get(v, "late_hours")), 6);
    json_decref(v);
    assert_int_equal(th_findings_breach(c, th_str_c("b1"), &out), 0);
    v = parsed(&out);
    assert_int_equal(json_array_size(json_object_get(v, "evidence")), 1);
    assert_int_equal(json_integer_value(json_object_get(v, "hours")), 3);
    assert_string_equal(json_string_value(json_object_get(v, "since")), "s");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(v, "model"), "id")), "beacon");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(v, "model"), "name")), "A beacon");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(v, "model"), "description")),
        "What it is");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(v, "evidence"), 0), "label")),
        "how regular");
    json_decref(v);
    assert_int_equal(th_findings_breach(c, th_str_c("b3"), &out), -ENOENT);
    assert_int_equal(th_findings_incident(c, th_str_c("' OR 1=1"), &out), -ENOENT);
    th_buf_done(&out);
}

static void people_decide_about_incidents(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_incident(&lines, "i1", "d1", 3, 50, true, "");
    add_incident(&lines, "i2", "d1", 4, 60, true, "");
    put_quietly(c, &lines);
    th_findings_follow(c);
    assert_true(th_findings_follow_state(
        c, th_str_c("i1"), th_str_c("acknowledged"), th_str_c("ann"), 5, th_str_c("")));
    assert_false(th_findings_follow_state(
        c, th_str_c("i1"), th_str_c("gone"), th_str_c("ann"), 5, th_str_c("")));
    assert_int_equal(th_findings_follow_commit(c, 12, 99), 0);
    assert_int_equal(th_catalogue_position(c, "store"), 12);
    struct th_findings_page page = first_page;
    page.state = th_str_c("");
    assert_pages(c, th_findings_incidents, "incidents", page, "i2 |");
    page.state = th_str_c("acknowledged");
    assert_pages(c, th_findings_incidents, "incidents", page, "i1 |");
    /* What core tells later leaves the decision alone. */
    add_incident(&lines, "i1", "d1", 3, 70, true, "");
    put_quietly(c, &lines);
    assert_pages(c, th_findings_incidents, "incidents", page, "i1 |");
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    page.state = th_str_c("none");
    assert_int_equal(th_findings_incidents(c, &page, &out), -EINVAL);
}

static void add_joined(struct th_buf *out, const char *younger, const char *elder, int hour)
{
    th_buf_printf(out,
        "{\"kind\":\"joined\",\"time\":\"2026-01-02T%02d:00:00Z\",\"incident\":\"%s\","
        "\"into\":\"%s\"}\n",
        hour, younger, elder);
}

/* Its id, state, breaches and devices as "i1 open b1 b2 | d1", and that its time line agrees. */
static void assert_incident(struct th_catalogue *c, const char *asked, const char *want)
{
    struct th_buf out = TH_BUF_INIT;
    char got[256];
    size_t i;
    json_t *item;
    assert_int_equal(th_findings_incident(c, th_str_c(asked), &out), 0);
    json_t *v = parsed(&out);
    const json_t *breaches = json_object_get(v, "breaches");
    const json_t *timeline = json_object_get(v, "timeline");
    snprintf(got, sizeof(got), "%s %s", json_string_value(json_object_get(v, "id")),
        json_string_value(json_object_get(v, "state")));
    assert_int_equal(json_array_size(breaches), json_array_size(timeline));
    json_array_foreach(breaches, i, item)
    {
        const json_t *b = json_array_get(timeline, i);
        assert_true(json_equal(item, json_object_get(b, "id")));
        assert_true(json_equal(json_object_get(v, "id"), json_object_get(b, "incident")));
        snprintf(got + strlen(got), sizeof(got) - strlen(got), " %s", json_string_value(item));
    }
    assert_string_equal(got, want);
    json_decref(v);
}

/* Two incidents, with a breach each; then the second is part of the first. */
static void put_two(struct th_catalogue *c)
{
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_breach(&lines, "b1", "d1", 3, 10);
    add_breach(&lines, "b2", "d2", 4, 20);
    add_incident(&lines, "i1", "d1", 3, 50, false, "\"b1\"");
    add_incident(&lines, "i2", "d2", 4, 60, true, "\"b2\"");
    put_quietly(c, &lines);
}

static void put_join(struct th_catalogue *c)
{
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_breach(&lines, "b3", "d1", 5, 20);
    add_joined(&lines, "i2", "i1", 5);
    add_incident(&lines, "i1", "d1", 3, 60, true, "\"b1\",\"b2\",\"b3\"");
    put_quietly(c, &lines);
}

/* A breach that turned out to be part of a group event. */
static void add_part(
    struct th_buf *out, const char *id, const char *device, int hour, const char *event)
{
    add_breach(out, id, device, hour, 30);
    out->len -= 2; /* } and the line's end */
    th_buf_printf(out, ",\"group_event\":\"%s\"}\n", event);
}

static void add_group(
    struct th_buf *out, const char *id, int hour, bool alert, const char *devices, const char *b)
{
    th_buf_printf(out,
        "{\"kind\":\"group-event\",\"id\":\"%s\",\"start\":\"2026-01-02T%02d:00:00Z\",\"end\":"
        "\"2026-01-02T%02d:00:00Z\",\"first\":\"2026-01-02T%02d:05:00Z\",\"last\":\"2026-01-02T%"
        "02d:"
        "50:00Z\",\"group\":\"client\",\"feature\":\"bytes-in\",\"features\":[\"bytes-in\"],"
        "\"devices\":2,\"did\":2,\"of\":9,\"usual\":0.3,\"shared\":[{\"kind\":\"destination\","
        "\"text\":"
        "\"" HOSTILE "\",\"devices\":2}],\"discounted\":true,\"score\":30,\"alert\":%s,"
        "\"sentence\":\"" HOSTILE "\",\"members\":[%s],\"breaches\":[%s]}\n",
        id, hour, hour + 1, hour, hour, alert ? "true" : "false", devices, b);
}

static void add_withdrawn(struct th_buf *out, const char *incident, const char *event)
{
    th_buf_printf(out,
        "{\"kind\":\"withdrawn\",\"time\":\"2026-01-02T05:00:00Z\",\"incident\":\"%s\","
        "\"group_event\":\"%s\"}\n",
        incident, event);
}

/* Early it was two incidents; one of them has something else that stays. */
static void put_patch_day(struct th_catalogue *c)
{
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_device(&lines, "d1", "one", 4);
    add_device(&lines, "d2", "two", 4);
    add_breach(&lines, "b1", "d1", 4, 30);
    add_breach(&lines, "b2", "d2", 4, 30);
    add_breach(&lines, "b3", "d2", 4, 50);
    add_incident(&lines, "i1", "d1", 4, 30, true, "\"b1\"");
    add_incident(&lines, "i2", "d2", 4, 50, true, "\"b2\",\"b3\"");
    put_quietly(c, &lines);
    add_part(&lines, "b1", "d1", 4, "g1");
    add_part(&lines, "b2", "d2", 4, "g1");
    add_breach(&lines, "b3", "d2", 4, 50);
    add_group(&lines, "g1", 4, true, "{\"id\":\"d1\"},{\"id\":\"d2\"}", "\"b1\",\"b2\"");
    add_withdrawn(&lines, "i1", "g1");
    add_incident(&lines, "i2", "d2", 4, 50, true, "\"b3\"");
    put_quietly(c, &lines);
}

/* Ids in a list of an object, each with a space. */
static void assert_ids(const json_t *object, const char *key, const char *want)
{
    char got[256] = "";
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(object, key), i, item) snprintf(got + strlen(got),
        sizeof(got) - strlen(got), "%s ", json_string_value(json_object_get(item, "id")));
    assert_string_equal(got, want);
}

static void what_a_group_did_is_one(void **state)
{
    struct th_catalogue *c = *state;
    struct th_buf out = TH_BUF_INIT;
    for (int round = 0; round < 2; round++) { /* told again after a restart, all of it */
        put_patch_day(c);
        assert_pages(c, th_findings_incidents, "incidents", first_page, "i2 |");
        assert_incident(c, "i2", "i2 open b3");
        assert_int_equal(th_findings_incident(c, th_str_c("i1"), &out), -ENOENT);
        assert_pages(c, th_findings_group_events, "group_events", first_page, "g1 |");
        assert_int_equal(th_findings_group_event(c, th_str_c("g1"), &out), 0);
        json_t *v = parsed(&out);
        assert_ids(v, "members", "d1 d2 ");
        assert_ids(v, "breaches", "b1 b2 ");
        assert_int_equal(json_integer_value(json_object_get(v, "devices")), 2);
        assert_true(json_is_true(json_object_get(v, "alert")));
        json_decref(v);
        assert_int_equal(th_findings_breach(c, th_str_c("b1"), &out), 0);
        v = parsed(&out);
        assert_string_equal(json_string_value(json_object_get(v, "group_event")), "g1");
        assert_true(json_is_null(json_object_get(v, "incident")));
        json_decref(v);
    }
    /* On the page of a member: the event, and no incident that is gone. */
    assert_int_equal(th_findings_device(c, th_str_c("d1"), &out), 0);
    json_t *v = parsed(&out);
    assert_ids(v, "group_events", "g1 ");
    assert_ids(v, "incidents", "");
    assert_ids(v, "breaches", "b1 ");
    json_decref(v);
    assert_int_equal(th_findings_group_event(c, th_str_c("g2"), &out), -ENOENT);
    th_buf_done(&out);
}

static void a_browser_hears_of_groups(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_incident(&lines, "i1", "d1", 4, 30, true, "\"b1\"");
    put_quietly(c, &lines);
    add_group(&lines, "g1", 4, false, "{\"id\":\"d1\"}", "\"b1\"");
    struct th_findings_news news = put(c, &lines);
    assert_memory_equal(news.notices.p, "\x05group", 6);
    th_buf_done(&news.notices);
    add_group(&lines, "g1", 4, false, "{\"id\":\"d1\"}", "\"b1\"");
    news = put(c, &lines);
    assert_int_equal(news.notices.len, 0);
    assert_int_equal(news.stored, 0);
    add_withdrawn(&lines, "i1", "g1");
    news = put(c, &lines);
    assert_memory_equal(news.notices.p, "\x09withdrawn", 10);
    th_buf_done(&news.notices);
    th_buf_puts(&lines, "{\"kind\":\"group-event\",\"id\":\"G 1\"}\n{\"kind\":\"withdrawn\"}\n");
    news = put(c, &lines);
    assert_int_equal(news.refused, 2);
    th_buf_done(&news.notices);
}

/* Of a device that is forgotten nothing is left in what its group did. */
static void a_member_is_forgotten(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    struct th_buf out = TH_BUF_INIT;
    put_patch_day(c);
    th_buf_puts(&lines, "{\"kind\":\"forget\",\"device\":\"d1\",\"sensor\":\"\"}\n");
    put_quietly(c, &lines);
    assert_int_equal(th_findings_group_event(c, th_str_c("g1"), &out), 0);
    json_t *v = parsed(&out);
    assert_ids(v, "members", "d2 ");
    assert_ids(v, "breaches", "b2 ");
    json_decref(v);
    th_buf_done(&out);
}

static void what_became_one_is_one(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    put_two(c);
    add_joined(&lines, "i2", "i1", 5);
    struct th_findings_news news = put(c, &lines);
    static const char notice[] = "\x06joined\x17\0\0\0{\"id\":\"i2\",\"into\":\"i1\"}";
    assert_int_equal(news.notices.len, sizeof(notice) - 1);
    assert_memory_equal(news.notices.p, notice, sizeof(notice) - 1);
    th_buf_done(&news.notices);
    put_join(c);
    assert_pages(c, th_findings_incidents, "incidents", first_page, "i1 |");
    assert_incident(c, "i1", "i1 open b1 b2 b3");
    assert_incident(c, "i2", "i1 open b1 b2 b3"); /* a link of yesterday */
    /* A core that begins again from its checkpoint tells all of it again. */
    put_two(c);
    assert_incident(c, "i1", "i1 open b1 b2 b3");
    put_join(c);
    assert_pages(c, th_findings_incidents, "incidents", first_page, "i1 |");
    assert_incident(c, "i2", "i1 open b1 b2 b3");
    /* Into one that is itself joined later, before and after. */
    add_breach(&lines, "b0", "d3", 1, 20);
    add_incident(&lines, "i0", "d3", 1, 20, false, "\"b0\"");
    add_joined(&lines, "i1", "i0", 6);
    add_incident(&lines, "i3", "d3", 1, 20, false, "\"b3\"");
    add_joined(&lines, "i3", "i1", 7);
    add_joined(&lines, "i0", "i2", 8); /* none is part of itself */
    put_quietly(c, &lines);
    assert_pages(c, th_findings_incidents, "incidents", first_page, "i0 |");
    assert_incident(c, "i2", "i0 open b0 b1 b2 b3");
    assert_incident(c, "i3", "i0 open b0 b1 b2 b3");
}

/* Which had forgotten it, and began a new one with its breach. */
static void one_without_a_breach_left_went_where_they_are(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    put_two(c);
    add_breach(&lines, "b4", "d2", 5, 20);
    add_incident(&lines, "i4", "d2", 4, 60, true, "\"b4\",\"b2\"");
    put_quietly(c, &lines);
    assert_pages(c, th_findings_incidents, "incidents", first_page, "i4 i1 |");
    assert_incident(c, "i2", "i4 open b2 b4");
}

static void decide(struct th_catalogue *c, const char *incident, const char *decision, int hour)
{
    int64_t at_ns;
    TH_AUTOFREE char *time = th_xasprintf("2026-01-02T%02d:30:00Z", hour);
    assert_true(th_time_parse_rfc3339(th_str_c(time), &at_ns));
    th_findings_follow(c);
    assert_true(th_findings_follow_state(
        c, th_str_c(incident), th_str_c(decision), th_str_c("ann"), at_ns, th_str_c("words")));
    assert_int_equal(th_findings_follow_commit(c, 1, at_ns), 0);
}

/* The two become one at 5; whether the log's decisions or core's findings are stored first. */
static void what_waits_for_a_person_stays_open(void **state)
{
    static const struct {
        const char *elder, *younger; /* decided before, at 4 */
        const char *later;           /* about the younger, at 6 */
        const char *want;
    } cases[] = {
        {"open", "acknowledged", NULL, "i1 open b1 b2 b3"},
        {"acknowledged", NULL, NULL, "i1 open b1 b2 b3"},
        {"acknowledged", "acknowledged", NULL, "i1 acknowledged b1 b2 b3"},
        {"open", NULL, "acknowledged", "i1 acknowledged b1 b2 b3"},
        {"acknowledged", "acknowledged", "open", "i1 open b1 b2 b3"},
    };
    for (size_t i = 0; i < 2 * TH_ARRAY_LEN(cases); i++) {
        struct th_catalogue *c = NULL;
        bool log_first = i % 2;
        (void)state;
        assert_int_equal(th_catalogue_open(":memory:", &c), 0);
        put_two(c);
        decide(c, "i1", cases[i / 2].elder, 4);
        if (cases[i / 2].younger)
            decide(c, "i2", cases[i / 2].younger, 4);
        if (!log_first)
            put_join(c);
        if (cases[i / 2].later)
            decide(c, "i2", cases[i / 2].later, 6);
        if (log_first)
            put_join(c);
        assert_incident(c, "i1", cases[i / 2].want);
        put_join(c); /* and again */
        assert_incident(c, "i1", cases[i / 2].want);
        th_catalogue_close(c);
    }
}

/* The log is read behind core's conclusion: a decision from before it speaks of the elder alone. */
static void a_decision_read_late_does_not_speak_of_both(void **state)
{
    struct th_catalogue *c = *state;
    put_two(c);
    put_join(c); /* at 5 */
    decide(c, "i1", "acknowledged", 4);
    assert_incident(c, "i1", "i1 open b1 b2 b3");
    decide(c, "i2", "acknowledged", 4);
    assert_incident(c, "i1", "i1 open b1 b2 b3");
    decide(c, "i1", "acknowledged", 6);
    assert_incident(c, "i1", "i1 acknowledged b1 b2 b3");
}

static void become_an_alert(struct th_catalogue *c, double score, unsigned alerts, int hour)
{
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_incident(&lines, "i1", "d1", 3, score, true, "");
    lines.len -= strlen("}\n");
    th_buf_printf(&lines, ",\"alerts\":%u,\"alerted\":\"2026-01-02T%02d:00:00Z\"}\n", alerts, hour);
    put_quietly(c, &lines);
}

/* Both were acknowledged behind their alerts, at 6 and at 8: the elder, told with the later alert
 * of the younger, asks for nothing. */
static void what_was_seen_of_both_stays_acknowledged(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    put_two(c);
    become_an_alert(c, 40, 1, 5);
    decide(c, "i1", "acknowledged", 6);
    decide(c, "i2", "acknowledged", 8);
    add_joined(&lines, "i2", "i1", 9);
    put_quietly(c, &lines);
    become_an_alert(c, 45, 1, 7);
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    assert_int_equal(th_findings_incident(c, th_str_c("i1"), &out), 0);
    json_t *v = parsed(&out);
    assert_string_equal(json_string_value(json_object_get(v, "state")), "acknowledged");
    json_decref(v);
}

/* An alert at 5, and a worse one at 7: what was decided between them is over with the second,
 * whether the log or core's finding is read first. */
static void what_becomes_worse_opens_again(void **state)
{
    static const struct {
        int decided;
        const char *want;
    } cases[] = {{6, "i1 open"}, {8, "i1 acknowledged"}};
    for (size_t i = 0; i < 2 * TH_ARRAY_LEN(cases); i++) {
        struct th_catalogue *c = NULL;
        bool log_first = i % 2;
        (void)state;
        assert_int_equal(th_catalogue_open(":memory:", &c), 0);
        become_an_alert(c, 40, 1, 5);
        if (log_first)
            decide(c, "i1", "acknowledged", cases[i / 2].decided);
        become_an_alert(c, 45, 1, 5);
        if (log_first)
            assert_incident(c, "i1", "i1 acknowledged");
        become_an_alert(c, 60, 2, 7);
        if (!log_first)
            decide(c, "i1", "acknowledged", cases[i / 2].decided);
        assert_incident(c, "i1", cases[i / 2].want);
        become_an_alert(c, 61, 2, 7);
        assert_incident(c, "i1", cases[i / 2].want);
        th_catalogue_close(c);
    }
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

/* Version 1 did not hear of joinings: the younger's row stayed, and its breach went. */
static void a_catalogue_of_version_1_is_brought_up(void **state)
{
    char path[96];
    put_two(*state);
    decide(*state, "i2", "acknowledged", 4);
    th_catalogue_close(*state);
    snprintf(path, sizeof(path), "%s/catalogue.db", folder);
    run_sql(path,
        "DROP TABLE joins; DROP INDEX incident_devices_incident;"
        "UPDATE incident_breaches SET incident = 'i1' WHERE breach = 'b2';"
        "DROP TABLE permits; DROP TABLE permits_held; DROP TABLE group_events; "
        "DROP TABLE group_devices; DROP TABLE credentials; PRAGMA user_version = 1");
    for (int i = 0; i < 2; i++) { /* once, and then it is as it is */
        if (i > 0)
            th_catalogue_close(*state);
        assert_int_equal(th_catalogue_open(path, (struct th_catalogue **)state), 0);
        assert_pages(*state, th_findings_incidents, "incidents", first_page, "i1 |");
        assert_incident(*state, "i1", "i1 open b1 b2");
        assert_incident(*state, "i2", "i1 open b1 b2");
    }
}

static void devices_are_found_and_sorted(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    struct th_buf out = TH_BUF_INIT;
    add_device(&lines, "da", "zebra", 1);
    add_device(&lines, "db", "Apple", 3);
    add_device(&lines, "dc", "mango", 2);
    add_breach(&lines, "b1", "dc", 3, 33.25);
    add_breach(&lines, "b2", "dc", 4, 12);
    add_breach(&lines, "b3", "da", 4, 7);
    add_incident(&lines, "i1", "dc", 3, 33.25, false, "\"b1\"");
    put_quietly(c, &lines);
    struct th_findings_page page = first_page;
    assert_pages(c, th_findings_devices, "devices", page, "db dc |da |");
    page.sort = th_str_c("score");
    assert_pages(c, th_findings_devices, "devices", page, "dc da |db |");
    page.sort = th_str_c("name");
    assert_pages(c, th_findings_devices, "devices", page, "db dc |da |");
    page.text = th_str_c("MAN");
    assert_pages(c, th_findings_devices, "devices", page, "dc |");
    page.text = th_str_c("%");
    assert_pages(c, th_findings_devices, "devices", page, "|");
    page.sort = th_str_c("colour");
    assert_int_equal(th_findings_devices(c, &page, &out), -EINVAL);
    assert_int_equal(th_findings_device(c, th_str_c("dc"), &out), 0);
    json_t *v = parsed(&out);
    assert_true(json_number_value(json_object_get(v, "score")) == 33.25);
    assert_int_equal(json_array_size(json_object_get(v, "breaches")), 2);
    assert_int_equal(json_array_size(json_object_get(v, "incidents")), 1);
    assert_int_equal(json_array_size(json_object_get(v, "addresses")), 1);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(v, "features"), 0)), "beacon");
    json_decref(v);
    assert_int_equal(th_findings_device(c, th_str_c("dx"), &out), -ENOENT);
    th_buf_done(&out);
}

static void the_overview_counts(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    struct th_buf out = TH_BUF_INIT;
    int64_t now_ns;
    assert_true(th_time_parse_rfc3339(th_str_c("2026-01-02T12:10:00Z"), &now_ns));
    assert_int_equal(th_findings_overview(c, 0, now_ns, &out), 0); /* of an empty one */
    json_decref(parsed(&out));
    add_incident(&lines, "i1", "d1", 3, 50, true, "");
    add_incident(&lines, "i2", "d1", 12, 60, false, "");
    add_device(&lines, "da", "zebra", 1);
    th_buf_puts(&lines,
        "{\"kind\":\"learning\",\"time\":\"2026-01-02T11:00:00Z\",\"devices\":1,"
        "\"device_hours\":12.5,\"calibration\":\"own\",\"alerts_per_day\":5,"
        "\"threshold\":61.5}\n");
    put_quietly(c, &lines);
    th_findings_follow(c);
    th_findings_follow_events(c, now_ns, 7);
    th_findings_follow_events(c, now_ns + 1, 5);
    th_findings_follow_sensor(c, th_str_c("01"), th_str_c("authorised"));
    th_findings_follow_sensor(c, th_str_c("02"), th_str_c("pending"));
    th_findings_follow_silent(c, th_str_c("01"), true);
    assert_int_equal(th_findings_follow_commit(c, 5, now_ns), 0);
    assert_int_equal(th_findings_overview(c, 12.5, 0, &out), 0);
    json_t *v = parsed(&out);
    assert_string_equal(
        json_string_value(json_object_get(v, "now")), "2026-01-02T12:10:00.000000Z");
    assert_int_equal(json_integer_value(json_object_get(v, "devices")), 1);
    assert_int_equal(json_integer_value(json_object_get(v, "incidents_open")), 1);
    assert_int_equal(json_integer_value(json_object_get(v, "alerts_today")), 1);
    assert_int_equal(json_integer_value(json_object_get(v, "alert_budget")), 5);
    assert_true(json_number_value(json_object_get(v, "threshold")) == 61.5);
    const json_t *hours = json_object_get(v, "activity");
    assert_int_equal(json_array_size(hours), 24);
    const json_t *hour = json_array_get(hours, 23);
    assert_int_equal(json_integer_value(json_object_get(hour, "events")), 12);
    assert_int_equal(json_integer_value(json_object_get(hour, "incidents")), 1);
    const json_t *sensors = json_object_get(v, "sensors");
    assert_int_equal(json_integer_value(json_object_get(sensors, "authorised")), 1);
    assert_int_equal(json_integer_value(json_object_get(sensors, "pending")), 1);
    assert_int_equal(json_integer_value(json_object_get(sensors, "silent")), 1);
    assert_string_equal(json_string_value(json_object_get(json_object_get(v, "learning"), "since")),
        "2026-01-02T11:00:00Z");
    json_decref(v);
}

static int64_t rows_of(struct th_catalogue *c, page_fn *fn, const char *key)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_findings_page page = first_page;
    page.state = th_str_c("all");
    assert_int_equal(fn(c, &page, &out), 0);
    json_t *answer = parsed(&out);
    int64_t n = (int64_t)json_array_size(json_object_get(answer, key));
    json_decref(answer);
    return n;
}

static void what_is_forgotten_is_nowhere(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    add_breach(&lines, "b1", "daaaaaaaaaa", 1, 60);
    add_breach(&lines, "b2", "dbbbbbbbbbb", 2, 50);
    add_incident(&lines, "i1", "daaaaaaaaaa", 1, 60, true, "\"b1\"");
    add_incident(&lines, "i2", "dbbbbbbbbbb", 2, 50, false, "\"b2\"");
    add_device(&lines, "daaaaaaaaaa", "one", 1);
    add_device(&lines, "dbbbbbbbbbb", "two", 2);
    put_quietly(c, &lines);
    th_buf_puts(&lines, "{\"kind\":\"forget\",\"device\":\"daaaaaaaaaa\",\"sensor\":null}\n");
    put_quietly(c, &lines);
    assert_int_equal(rows_of(c, th_findings_incidents, "incidents"), 1);
    assert_int_equal(rows_of(c, th_findings_breaches, "breaches"), 1);
    assert_int_equal(rows_of(c, th_findings_devices, "devices"), 1);
    assert_int_equal(th_findings_device(c, th_str_c("daaaaaaaaaa"), &lines), -ENOENT);
    assert_int_equal(th_findings_incident(c, th_str_c("i1"), &lines), -ENOENT);
    th_buf_clear(&lines);
    assert_int_equal(th_findings_device(c, th_str_c("dbbbbbbbbbb"), &lines), 0);
}

static void lines_that_are_none_are_left_out(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    th_buf_puts(&lines,
        "not json\n{}\n[]\n{\"kind\":\"cat\"}\n{\"kind\":\"breach\",\"id\":\"../x\"}\n"
        "{\"kind\":\"incident\",\"id\":\"i9\",\"start\":\"yesterday\"}\n\n"
        "{\"kind\":\"permit\",\"id\":\"i9\",\"held\":1,\"last\":\"2026-01-03T03:00:00Z\"}\n");
    add_breach(&lines, "b1", "d1", 3, 1e300);
    struct th_findings_news news = put(c, &lines);
    assert_int_equal(news.refused, 7);
    assert_int_equal(news.stored, 1);
    th_buf_done(&news.notices);
}

/* A breach about user u1, from device d1 or from none of ours. */
static void add_users_breach(struct th_buf *out, const char *id, const char *device, int hour)
{
    th_buf_printf(out,
        "{\"kind\":\"breach\",\"id\":\"%s\",\"time\":\"2026-01-02T%02d:30:00Z\",\"start\":"
        "\"2026-01-02T%02d:00:00Z\",\"end\":\"2026-01-02T%02d:59:00Z\",\"device\":%s,\"user\":{"
        "\"id\":\"u1\",\"name\":\"anna\"},\"peer\":null,\"model\":\"m\",\"name\":\"n\","
        "\"description\":\"d\",\"version\":1,\"score\":30,\"rarity\":2,\"technique\":\"T1078\","
        "\"tactic\":\"lateral-movement\",\"evidence\":[{\"feature\":\"user-targets\",\"label\":"
        "\"l\",\"observed\":1,\"sentence\":\"s\"}]}\n",
        id, hour, hour, hour, device);
}

static json_t *credential(struct th_catalogue *c, int want)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    assert_int_equal(th_findings_credential(c, th_str_c("u1"), &out), want);
    return want == 0 ? parsed(&out) : NULL;
}

static void a_user_has_a_page(void **state)
{
    struct th_catalogue *c = *state;
    TH_AUTOBUF struct th_buf lines = TH_BUF_INIT;
    credential(c, -ENOENT);
    /* First of a name that nobody was let in under; then of one that is known. */
    add_users_breach(&lines, "b1", "null", 1);
    add_users_breach(&lines, "b2", "{\"id\":\"d1\",\"ip\":\"10.0.0.1\"}", 2);
    th_buf_puts(&lines,
        "{\"kind\":\"incident\",\"id\":\"i1\",\"start\":\"2026-01-02T01:00:00Z\",\"end\":"
        "\"2026-01-02T02:59:00Z\",\"score\":30,\"alert\":false,\"title\":\"t\",\"summary\":\"s\","
        "\"devices\":[{\"id\":\"d1\"}],\"users\":[{\"id\":\"u1\",\"name\":\"anna\"}],"
        "\"breaches\":[\"b1\",\"b2\"]}\n");
    put_quietly(c, &lines);
    json_t *v = credential(c, 0);
    assert_string_equal(json_string_value(json_object_get(v, "name")), "anna");
    assert_true(json_is_null(json_object_get(v, "first_seen")));
    assert_int_equal(json_array_size(json_object_get(v, "breaches")), 2);
    assert_int_equal(json_array_size(json_object_get(v, "incidents")), 1);
    json_decref(v);
    th_buf_puts(&lines,
        "{\"kind\":\"user\",\"id\":\"u1\",\"name\":\"anna\",\"first\":\"2026-01-01T00:00:00Z\","
        "\"last\":\"2026-01-02T02:00:00Z\",\"learned_hours\":17}\n");
    put_quietly(c, &lines);
    v = credential(c, 0);
    assert_true(json_number_value(json_object_get(v, "learned_hours")) == 17);
    assert_string_equal(
        json_string_value(json_object_get(v, "first_seen")), "2026-01-01T00:00:00Z");
    json_decref(v);
    /* The device that it was at is forgotten: the breach stays, without it. */
    th_buf_puts(&lines, "{\"kind\":\"forget\",\"device\":\"d1\",\"sensor\":\"\"}\n");
    put_quietly(c, &lines);
    v = credential(c, 0);
    json_t *first = json_array_get(json_object_get(v, "breaches"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "id")), "b2");
    assert_true(json_is_null(json_object_get(first, "device")));
    assert_int_equal(json_array_size(json_object_get(v, "incidents")), 0);
    json_decref(v);
    th_buf_puts(&lines, "{\"kind\":\"forget\",\"device\":\"u1\",\"sensor\":\"\"}\n");
    put_quietly(c, &lines);
    credential(c, -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_go_on_where_they_ended, begin, end),
        cmocka_unit_test_setup_teardown(a_replay_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_breach_is_early_until_it_is_confirmed, begin, end),
        cmocka_unit_test_setup_teardown(an_incident_has_its_breaches_in_whatever_order, begin, end),
        cmocka_unit_test_setup_teardown(people_decide_about_incidents, begin, end),
        cmocka_unit_test_setup_teardown(what_became_one_is_one, begin, end),
        cmocka_unit_test_setup_teardown(one_without_a_breach_left_went_where_they_are, begin, end),
        cmocka_unit_test(what_waits_for_a_person_stays_open),
        cmocka_unit_test_setup_teardown(a_decision_read_late_does_not_speak_of_both, begin, end),
        cmocka_unit_test_setup_teardown(what_becomes_worse_opens_again, begin, end),
        cmocka_unit_test_setup_teardown(what_was_seen_of_both_stays_acknowledged, begin, end),
        cmocka_unit_test_setup_teardown(a_catalogue_of_version_1_is_brought_up, begin, end),
        cmocka_unit_test_setup_teardown(devices_are_found_and_sorted, begin, end),
        cmocka_unit_test_setup_teardown(a_user_has_a_page, begin, end),
        cmocka_unit_test_setup_teardown(the_overview_counts, begin, end),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_nowhere, begin, end),
        cmocka_unit_test_setup_teardown(what_a_group_did_is_one, begin, end),
        cmocka_unit_test_setup_teardown(a_browser_hears_of_groups, begin, end),
        cmocka_unit_test_setup_teardown(a_member_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(lines_that_are_none_are_left_out, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
