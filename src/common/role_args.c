/* SPDX-License-Identifier: Apache-2.0 */
#include "role_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

enum { FIRST = 3 }; /* behind the program and --role NAME */

static bool take_id(const char *value, unsigned *ret)
{
    uint64_t v = 0;
    if (!th_str_u64(th_str_c(value), &v) || v > UINT32_MAX)
        return false;
    *ret = (unsigned)v;
    return true;
}

static bool take_instance(const char *value, struct th_role_args *ret)
{
    char *end = NULL;
    errno = 0;
    ret->instance_id = value;
    ret->instance = strtoull(value, &end, 16);
    return errno == 0 && *end == 0 && end != value;
}

/* 1: taken, 0: it is none of these, negative: the value is wrong. */
static int take_common(
    const char *name, const char *value, enum th_log_level *level, struct th_role_args *ret)
{
    bool good = true;
    if (strcmp(name, "--instance-name") == 0)
        ret->instance_name = value;
    else if (strcmp(name, "--instance-id") == 0)
        good = take_instance(value, ret);
    else if (strcmp(name, "--uid") == 0)
        good = take_id(value, &ret->uid);
    else if (strcmp(name, "--gid") == 0)
        good = take_id(value, &ret->gid);
    else if (strcmp(name, "--log-level") == 0)
        good = th_log_level_parse(value, level);
    else
        return 0;
    return good ? 1 : -EINVAL;
}

int th_role_args_read(int argc, char **argv, const char *log_name, th_role_option *option,
    void *arg, struct th_role_args *ret)
{
    enum th_log_level level = TH_LOG_INFO;
    *ret = (struct th_role_args){.instance_name = "", .instance_id = ""};
    if (argc < FIRST || (argc - FIRST) % 2 != 0)
        return -EINVAL;
    for (int i = FIRST; i < argc; i += 2) {
        int r = take_common(argv[i], argv[i + 1], &level, ret);
        if (r < 0 || (r == 0 && (!option || !option(arg, argv[i], argv[i + 1]))))
            return -EINVAL;
    }
    th_log_set(level, log_name);
    return 0;
}
