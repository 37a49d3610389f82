/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the capture role's events go, by the descriptors that it was given: "spool"
 * (batch frames), "json" (one stream of lines with _path), or "json.KIND" (a file a kind,
 * Zeek's JSON logs). Events come nearly sorted and leave in sorted runs.
 */
#ifndef TH_VSENSOR_OUTPUTS_H
#define TH_VSENSOR_OUTPUTS_H

#include "event/batch.h"
#include "priv/spawn.h"

struct th_outputs;
/* NULL when none of the descriptors is there. */
struct th_outputs *th_outputs_new(const struct th_inherited *in);
void th_outputs_free(struct th_outputs *o);
/* The input that the next events come from. These three: 0, or -errno of the write that failed. */
int th_outputs_input(struct th_outputs *o, uint32_t input) TH_WARN_UNUSED;
int th_outputs_put(struct th_outputs *o, const struct th_event *ev) TH_WARN_UNUSED;
/* What became of an input; after its last event. */
int th_outputs_source(struct th_outputs *o, const struct th_source_info *info) TH_WARN_UNUSED;
/* Writes all that is held. */
int th_outputs_flush(struct th_outputs *o) TH_WARN_UNUSED;

#endif
