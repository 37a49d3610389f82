/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of other programs that a role follows. They may be readable by root alone, and are renamed
 * and made anew while the daemon runs: the parent opens them, parses nothing of them, and hands
 * over a descriptor whenever a path stands for another file than before. A role that starts gets
 * first what was rotated lately and lies beside the log under a longer name ("eve.json.1",
 * "eve.json-20261130"), oldest first, because it may not have been read to its end; then the log.
 */
#ifndef TH_COMMON_LOGS_H
#define TH_COMMON_LOGS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "priv/spawn.h"

#define TH_LOGS_MAX 8u
#define TH_LOGS_MAX_ROTATED 4u /* of each log, the latest */
#define TH_LOGS_MAX_GIVEN (TH_LOGS_MAX * (TH_LOGS_MAX_ROTATED + 1))

struct th_logs;
/* At most TH_LOGS_MAX; copied. None has to be there. Log i is tagged "log.i". */
struct th_logs *th_logs_new(const char *const *paths, size_t count);
void th_logs_free(struct th_logs *l);
TH_DEFINE_CLEANUP(struct th_logs, th_logs_free)
/* What a role gets when it starts: opened now, the caller's to close. How many. */
size_t th_logs_given(struct th_logs *l, struct th_role_fd ret[TH_LOGS_MAX_GIVEN]);

struct th_log_news {
    size_t log;
    const char *tag;
    int fd;             /* the caller's; -1: it is not there, or cannot be read */
    const char *reason; /* then why */
};
/* True: one of them is another file than at the last look, or than what was given. */
bool th_logs_look(struct th_logs *l, struct th_log_news *ret);
/* The news did not arrive: it will be one again. */
void th_logs_again(struct th_logs *l, size_t log);

#endif
