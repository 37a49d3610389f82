/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest_ask.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control.h"

enum { PATIENCE_MS = 40000, BEHIND_S = 5 };

const char *th_selftest_text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

json_t *th_selftest_find(const json_t *list, const char *key, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v)
    {
        if (strcmp(th_selftest_text(v, key), text) == 0)
            return v;
    }
    return NULL;
}

static void no_answer(struct th_selftest_asked *a, int err)
{
    a->no_master = err == -ENOENT || err == -ECONNREFUSED;
    if (a->no_master)
        snprintf(a->trouble, sizeof(a->trouble),
            "No master runs on %s; start it with: thymus-master --instance %s", a->instance,
            a->instance);
    else
        snprintf(a->trouble, sizeof(a->trouble),
            "The master on %s does not answer: %s. Look into its log.", a->instance,
            th_strerror(err));
}

json_t *th_selftest_ask(struct th_selftest_asked *a, const char *route, json_t *body)
{
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    unsigned status = 0;
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    TH_ASSERT(text);
    int r = th_control_ask(a->instance, route, th_str_c(text), PATIENCE_MS, &status, &got);
    free(text);
    a->trouble[0] = '\0';
    if (r < 0) {
        no_answer(a, r);
        return NULL;
    }
    json_t *answer = json_loadb((const char *)got.p, got.len, 0, NULL);
    if (status < 300 && answer)
        return answer;
    snprintf(a->trouble, sizeof(a->trouble), "The master refuses (%u): %s", status,
        th_selftest_text(json_object_get(answer, "error"), "message"));
    json_decref(answer);
    return NULL;
}

json_t *th_selftest_read(struct th_selftest_asked *a, const char *route, json_t *params)
{
    return th_selftest_ask(
        a, "ctl.api", json_pack("{s:s, s:o*}", "route", route, "params", params));
}

static void add_roles(struct th_buf *out, const json_t *status)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(status, "roles"), i, v)
    {
        const char *state = th_selftest_text(v, "state");
        if (strcmp(state, "up") != 0)
            th_buf_printf(
                out, " Part \"%.40s\" of the master is %.20s.", th_selftest_text(v, "name"), state);
    }
    json_array_foreach(json_object_get(json_object_get(status, "log"), "followers"), i, v)
    {
        double lag_s = json_number_value(json_object_get(v, "lag_s"));
        json_int_t records = json_integer_value(json_object_get(v, "lag_records"));
        if (lag_s > BEHIND_S && records > 0)
            th_buf_printf(out, " Part \"%.40s\" has %lld records of the log unread, for %.0f s.",
                th_selftest_text(v, "name"), (long long)records, lag_s);
    }
}

char *th_selftest_why(struct th_selftest_asked *a)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    json_t *status = th_selftest_read(a, "status", NULL);
    if (!status)
        th_buf_printf(&out, " %s", a->trouble);
    size_t i;
    json_t *v;
    add_roles(&out, status);
    json_array_foreach(json_object_get(status, "problems"), i, v)
    {
        if (strcmp(th_selftest_text(v, "severity"), "error") == 0)
            th_buf_printf(&out, " %.200s", th_selftest_text(v, "text"));
    }
    json_decref(status);
    th_buf_u8(&out, 0);
    return th_xstrdup((const char *)out.p);
}
