/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "base/err.h"
#include "base/log.h"
#include "base/time.h"

static const int64_t log_each_ns = TH_NS_PER_MIN;

void th_status_count(struct th_json *j, const char *name, uint64_t v)
{
    th_json_key(j, name);
    th_json_u64(j, v);
}

void th_status_problem(struct th_json *j, const char *severity, const char *code, const char *text)
{
    th_json_open(j);
    th_json_key(j, "severity");
    th_json_str(j, th_str_c(severity));
    th_json_key(j, "code");
    th_json_str(j, th_str_c(code));
    th_json_key(j, "text");
    th_json_str(j, th_str_c(text));
    th_json_close(j);
}

void th_status_while(struct th_json *j, struct th_status_told *told, bool on, int64_t now_ns,
    const char *severity, const char *code, const char *text)
{
    bool begins = on && !told->on;
    told->on = on;
    if (on)
        th_status_problem(j, severity, code, text);
    if (!begins || (told->logged_ns && now_ns - told->logged_ns < log_each_ns))
        return;
    told->logged_ns = now_ns;
    th_log(strcmp(severity, "error") == 0 ? TH_LOG_ERROR : TH_LOG_WARN, "%s", text);
}

void th_status_failure(struct th_json *j, const char *code, const char *what, int err)
{
    char text[320];
    if (err >= 0)
        return;
    snprintf(text, sizeof(text), what, th_strerror(err));
    th_status_problem(j, "error", err == -ENOSPC ? "disk_full" : code, text);
}
