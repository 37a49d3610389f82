/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor of a self-test: a folder of its own below TMPDIR, and thymus-vsensor --feed over it.
 */
#ifndef TH_CTL_SELFTEST_SENSOR_H
#define TH_CTL_SELFTEST_SENSOR_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct th_selftest_sensor {
    char folder[256];
    pid_t pid; /* 0: it does not run */
};

struct th_selftest_config {
    const char *name, *listen, *pin, *token;
    const char *user; /* whom its processes become when root starts them; NULL: nobody */
    struct th_str events;
};

/* On failure *ret_path (the caller's) is what it was about. */
int th_selftest_sensor_start(struct th_selftest_sensor *s, const struct th_selftest_config *config,
    char **ret_path) TH_WARN_UNUSED;
/* 0 while it runs, 1 when it has ended well, negative when it has failed. */
int th_selftest_sensor_look(struct th_selftest_sensor *s);
/* The last line that it wrote; the caller's. */
char *th_selftest_sensor_said(const struct th_selftest_sensor *s);
/* Ends it, if it runs, and removes its folder. */
void th_selftest_sensor_remove(struct th_selftest_sensor *s);

#endif
