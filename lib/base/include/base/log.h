/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for daemons and programs, never for libraries: one JSON object a
 * line on stderr. Whoever decides logs, once: what happened, to which object,
 * why, what happens next. The level is the only global of the project.
 */
#ifndef TH_BASE_LOG_H
#define TH_BASE_LOG_H

#include "base/str.h"

enum th_log_level { TH_LOG_ERROR, TH_LOG_WARN, TH_LOG_INFO, TH_LOG_DEBUG };

void th_log_set(enum th_log_level level, const char *program);
/* "error", "warn", "info", "debug" to a level; false for any other word. */
bool th_log_level_parse(const char *word, enum th_log_level *ret);
/* A line with a message made by printf; control characters are escaped. The time is the wall
 * clock's, the one place below the daemons that reads it. */
void th_log(enum th_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
