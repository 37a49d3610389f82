/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --feed is given, made into spools of batches for the feed role: captures are read by the
 * capture role first, what is none is taken for a spool. The parent parses nothing of either.
 */
#ifndef TH_VSENSOR_FEED_INPUTS_H
#define TH_VSENSOR_FEED_INPUTS_H

#include "config.h"
#include "role_files.h"

/* Adds an "input" for each; filter: of the captures (common/filter.h), -1: none; folder_fd is where
 * a scratch file without a name may lie. Says on stderr what could not be read. 0, or 3 when that
 * was part of it; negative when nothing can be fed. */
int th_feed_inputs(char *const *paths, size_t count, const struct th_vsensor_config *config,
    int filter, int folder_fd, const char *log_level, struct th_role_files *ret) TH_WARN_UNUSED;

#endif
