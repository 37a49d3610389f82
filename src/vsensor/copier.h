/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture's part of keeping packets: of each frame that the engine reads, as much as the rules say
 * is copied into the memory that capture shares with keep (keep/lane.h). It never waits.
 */
#ifndef TH_VSENSOR_COPIER_H
#define TH_VSENSOR_COPIER_H

#include "keep/lane.h"
#include "keep/rules.h"
#include "proto/engine.h"

struct th_copier {
    struct th_keep_rules rules;
    struct th_lane_writer *lane;
};

/* An option of the role's command line: "keep-payload", or "keep-rules", which stand between
 * semicolons. */
bool th_copier_option(struct th_copier *c, const char *name, const char *value);
/* What the engine calls (struct th_engine_config, seen); arg is a copier. */
void th_copier_seen(void *arg, const struct th_frame *frame, const struct th_pkt *outer,
    const struct th_pkt *inner);

#endif
