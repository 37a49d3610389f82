/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the capture role takes from its command line. The parent checks it by the same
 * code before it starts the role.
 */
#ifndef TH_VSENSOR_OPTIONS_H
#define TH_VSENSOR_OPTIONS_H

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "packet/filter.h"
#include "priv/spawn.h"

#define TH_VSENSOR_MAX_NETS 64u

struct th_capture_options {
    struct th_subnet local[TH_VSENSOR_MAX_NETS];
    size_t local_count;
    struct th_subnet exclude[TH_VSENSOR_MAX_NETS];
    size_t exclude_count;
    uint64_t max_hash_bytes; /* 0: the engine's default */
    uint64_t memory_bytes;   /* the same */
    enum th_log_level log_level;
};

/* The filter that the parent gave, as "filter"; NULL: none. */
int th_capture_filter(const struct th_inherited *in, struct th_filter **ret) TH_WARN_UNUSED;
/* One option by its long name; false when the value is not valid. */
bool th_capture_option(struct th_capture_options *o, const char *name, const char *value);

#endif
