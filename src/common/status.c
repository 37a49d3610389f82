/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "base/err.h"

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

void th_status_failure(struct th_json *j, const char *code, const char *what, int err)
{
    char text[320];
    if (err >= 0)
        return;
    snprintf(text, sizeof(text), what, th_strerror(err));
    th_status_problem(j, "error", err == -ENOSPC ? "disk_full" : code, text);
}
