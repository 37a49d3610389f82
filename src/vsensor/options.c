/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

bool th_capture_option(struct th_capture_options *o, const char *name, const char *value)
{
    if (strcmp(name, "local-net") == 0)
        return o->local_count < TH_VSENSOR_MAX_NETS &&
            th_subnet_parse(th_str_c(value), &o->local[o->local_count++]);
    if (strcmp(name, "hash-limit") == 0)
        return th_str_u64(th_str_c(value), &o->max_hash_bytes) && o->max_hash_bytes > 0;
    if (strcmp(name, "log-level") == 0)
        return th_log_level_parse(value, &o->log_level);
    return false;
}
