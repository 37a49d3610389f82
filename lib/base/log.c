/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <time.h>

#include "base/json.h"
#include "base/time.h"

static enum th_log_level threshold = TH_LOG_INFO;
static const char *program_name = "thymus";

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void th_log_set(enum th_log_level level, const char *program)
{
    threshold = level;
    program_name = program;
}

bool th_log_level_parse(const char *word, enum th_log_level *ret)
{
    for (unsigned i = 0; i < TH_ARRAY_LEN(level_names); i++) {
        if (strcmp(word, level_names[i]) == 0) {
            *ret = (enum th_log_level)i;
            return true;
        }
    }
    return false;
}

void th_log(enum th_log_level level, const char *fmt, ...)
{
    if (level > threshold)
        return;
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_json j = th_json_init(&line);
    th_json_open(&j);
    th_json_key(&j, "time");
    th_json_time(&j, now.tv_sec * TH_NS_PER_S + now.tv_nsec);
    th_json_key(&j, "level");
    th_json_str(&j, th_str_c(level_names[level]));
    th_json_key(&j, "program");
    th_json_str(&j, th_str_c(program_name));
    th_json_key(&j, "msg");
    th_json_str(&j, th_str_c(msg));
    th_json_close(&j);
    th_buf_u8(&line, '\n');
    ssize_t n = write(STDERR_FILENO, line.p, line.len);
    (void)n; /* nowhere left to complain */
}
