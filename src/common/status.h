/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of what a role says of itself each second (priv/edge.h has the form of it). */
#ifndef TH_COMMON_STATUS_H
#define TH_COMMON_STATUS_H

#include "base/json.h"

void th_status_count(struct th_json *j, const char *name, uint64_t v);
/* An object of "problems". severity: "error", "warn", "info"; code: a word for programs; text: a
 * sentence for people, and what to do. */
void th_status_problem(struct th_json *j, const char *severity, const char *code, const char *text);
/* The same while it is `on`, for one that comes and goes. Where it begins the log has the text as
 * well, at most once a minute, because not every status is shown somewhere. now_ns: monotonic. */
struct th_status_told {
    bool on;
    int64_t logged_ns; /* 0: not yet */
};
void th_status_while(struct th_json *j, struct th_status_told *told, bool on, int64_t now_ns,
    const char *severity, const char *code, const char *text);
/* The same for something that failed, if err is negative: `what` is a format for the error's text.
 * A full disk has the code "disk_full" whatever failed for it. */
void th_status_failure(struct th_json *j, const char *code, const char *what, int err)
    __attribute__((format(printf, 3, 0)));

#endif
