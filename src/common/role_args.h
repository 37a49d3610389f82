/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a role of a daemon is started: "--role NAME", then pairs of a name and a value. What every
 * role is told is read here; the rest is the role's own.
 */
#ifndef TH_COMMON_ROLE_ARGS_H
#define TH_COMMON_ROLE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct th_role_args {
    const char *instance_name, *instance_id; /* "" when nothing was said; they are argv's */
    uint64_t instance;                       /* instance_id; 0 */
    unsigned uid, gid;                       /* to become; 0: it stays who it is */
};

/* An option of the role's own; false: the name is not known, or the value is none for it. */
typedef bool th_role_option(void *arg, const char *name, const char *value);

/* Sets the level of the log and its name. -EINVAL: an option is not one that a parent gives. option
 * may be NULL. */
int th_role_args_read(int argc, char **argv, const char *log_name, th_role_option *option,
    void *arg, struct th_role_args *ret) TH_WARN_UNUSED;

#endif
