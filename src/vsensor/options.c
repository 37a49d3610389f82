/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <unistd.h>

#include "base/fd.h"
#include "proto/engine.h"

enum { MAX_FILTER_BYTES = 4 << 20 };

int th_capture_filter(const struct th_inherited *in, struct th_filter **ret)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    int fd = th_inherit_get(in, "filter", 0);
    if (fd < 0)
        return 0;
    int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : th_fd_read_to_end(fd, MAX_FILTER_BYTES, &b);
    return r < 0 ? r : th_filter_read(th_buf_view(&b), ret);
}

bool th_capture_option(struct th_capture_options *o, const char *name, const char *value)
{
    if (strcmp(name, "local-net") == 0)
        return o->local_count < TH_VSENSOR_MAX_NETS &&
            th_subnet_parse(th_str_c(value), &o->local[o->local_count++]);
    if (strcmp(name, "exclude-net") == 0)
        return o->exclude_count < TH_VSENSOR_MAX_NETS &&
            th_subnet_parse(th_str_c(value), &o->exclude[o->exclude_count++]);
    if (strcmp(name, "hash-limit") == 0)
        return th_str_u64(th_str_c(value), &o->max_hash_bytes) && o->max_hash_bytes > 0;
    if (strcmp(name, "memory") == 0)
        return th_str_u64(th_str_c(value), &o->memory_bytes) &&
            o->memory_bytes >= TH_ENGINE_MEMORY_MIN_BYTES;
    if (strcmp(name, "log-level") == 0)
        return th_log_level_parse(value, &o->log_level);
    return false;
}
