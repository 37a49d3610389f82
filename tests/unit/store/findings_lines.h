/* SPDX-License-Identifier: Apache-2.0 */
/* A catalogue in a folder of its own, lines as core tells them, and what is read back. */
#ifndef TH_TESTS_FINDINGS_LINES_H
#define TH_TESTS_FINDINGS_LINES_H

#include "unit.h"

#include <jansson.h>

#include "folder.h"
#include "store/findings.h"

static inline int begin(void **state)
{
    if (folder_make() < 0)
        return -1;
    TH_AUTOFREE char *path = path_of("catalogue.db");
    return th_catalogue_open(path, (struct th_catalogue **)state);
}

static inline int end(void **state)
{
    th_catalogue_close(*state);
    return folder_remove();
}

#define HOSTILE "<img src=x onerror=alert(1)>\\\"'; DROP TABLE breaches; --\\u001b[2J"

/* A breach of device `d` in hour `hour` of 2 January 2026. */
static inline void add_breach(
    struct th_buf *out, const char *id, const char *device, int hour, double score)
{
    th_buf_printf(out,
        "{\"kind\":\"breach\",\"id\":\"%s\",\"time\":\"2026-01-02T%02d:30:00Z\",\"start\":\"2026-"
        "01-"
        "02T%02d:00:00Z\",\"end\":\"2026-01-02T%02d:59:00Z\",\"device\":{\"id\":\"%s\",\"ip\":"
        "\"10.0.0.1\",\"mac\":null,\"hostname\":\"" HOSTILE
        "\"},\"peer\":null,\"model\":\"beacon\","
        "\"name\":\"A beacon\",\"description\":\"What it "
        "is\",\"version\":2,\"score\":%g,\"rarity\":2,\"technique\":\"T1071\","
        "\"tactic\":\"command-and-control\",\"late_hours\":6,\"hours\":3,\"since\":\"s\","
        "\"evidence\":[{\"feature\":\"beacon\","
        "\"label\":\"how regular\","
        "\"observed\":1,\"sentence\":\"" HOSTILE "\"}]}\n",
        id, hour, hour, hour, device, score);
}

static inline void add_incident(struct th_buf *out, const char *id, const char *device, int hour,
    double score, bool alert, const char *breaches)
{
    th_buf_printf(out,
        "{\"kind\":\"incident\",\"id\":\"%s\",\"start\":\"2026-01-02T%02d:00:00Z\",\"end\":\"2026-"
        "01-"
        "02T%02d:59:00Z\",\"score\":%g,\"alert\":%s,\"title\":\"" HOSTILE
        "\",\"summary\":\"words\","
        "\"devices\":[{\"id\":\"%s\",\"ip\":\"10.0.0.1\",\"mac\":null,\"hostname\":null}],"
        "\"breaches\":[%s]}\n",
        id, hour, hour, score, alert ? "true" : "false", device, breaches);
}

static inline void add_device(struct th_buf *out, const char *id, const char *name, int hour)
{
    th_buf_printf(out,
        "{\"kind\":\"device\",\"id\":\"%s\",\"ip\":\"10.0.0.1\",\"mac\":\"02:00:00:00:00:01\","
        "\"hostname\":\"%s\",\"user\":null,\"first\":\"2026-01-01T00:00:00Z\",\"last\":\"2026-01-"
        "02T%02d:00:00Z\",\"learned_hours\":17.5,\"device_kind\":\"client\",\"addresses\":[{\"ip\":"
        "\"10.0.0.1\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":null}]}\n",
        id, name, hour);
}

static inline struct th_findings_news put(struct th_catalogue *c, struct th_buf *lines)
{
    struct th_findings_news news;
    assert_int_equal(th_findings_put(c, th_buf_view(lines), 1000, &news), 0);
    th_buf_clear(lines);
    return news;
}

static inline void put_quietly(struct th_catalogue *c, struct th_buf *lines)
{
    struct th_findings_news news = put(c, lines);
    th_buf_done(&news.notices);
}

static inline json_t *parsed(struct th_buf *out)
{
    json_error_t error;
    /* Nothing that could end a script or steer a terminal is in the bytes themselves. */
    for (size_t i = 0; i < out->len; i++)
        assert_true(out->p[i] >= 0x20 && out->p[i] != '<' && out->p[i] != '>' && out->p[i] != '&');
    json_t *v = json_loadb((const char *)out->p, out->len, JSON_REJECT_DUPLICATES, &error);
    if (!v)
        print_message("%s: %.*s\n", error.text, (int)out->len, (const char *)out->p);
    assert_non_null(v);
    th_buf_done(out);
    return v;
}

static const struct th_findings_page first_page = {
    .state = {"all", 3}, .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = 2};

typedef int page_fn(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out);

/* Ids of all pages, each with a space; pages end with '|'. */
static inline void assert_pages(struct th_catalogue *c, page_fn *fn, const char *key,
    struct th_findings_page page, const char *want)
{
    char got[512] = "";
    char cursor[128] = "";
    for (unsigned pages = 0; pages < 10; pages++) {
        struct th_buf out = TH_BUF_INIT;
        page.cursor = th_str_c(cursor);
        assert_int_equal(fn(c, &page, &out), 0);
        json_t *v = parsed(&out);
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(v, key), i, item) snprintf(got + strlen(got),
            sizeof(got) - strlen(got), "%s ", json_string_value(json_object_get(item, "id")));
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "|");
        const char *next = json_string_value(json_object_get(v, "next"));
        snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
        json_decref(v);
        if (!*cursor)
            break;
    }
    assert_string_equal(got, want);
}

#endif
