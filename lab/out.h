/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where events go: a spool of batch frames, a folder of Zeek-named JSON logs, or
 * only a count. A writer is made for one run and closed once: only then is all on
 * disk, and every error told.
 */
#ifndef TH_LAB_OUT_H
#define TH_LAB_OUT_H

#include "base/err.h"
#include "event/event.h"

struct lab_spool;
/* path "-" is standard output. source is the id of the events' source. */
int lab_spool_open(const char *path, uint64_t source, struct lab_spool **ret);
int lab_spool_put(struct lab_spool *s, const struct th_event *ev);
/* Writes what is pending and the frame about the source. Frees s. */
int lab_spool_close(struct lab_spool *s);

/* Spools by day and injection in dir, which is made when it is not there: day-N.spool holds what
 * the office does on its day N (0: the first), inject-K-N.spool what the K-th injection does on it.
 * Any choice of them is an office with those attacks, since an injection never changes the
 * background. */
struct lab_parts;
int lab_parts_open(const char *dir, uint64_t source, int64_t start_ns, struct lab_parts **ret);
/* flow_id: of the flow that the event is of. */
int lab_parts_put(struct lab_parts *p, uint64_t flow_id, const struct th_event *ev);
int lab_parts_close(struct lab_parts *p);

struct lab_json;
/* One file a kind in dir, which is made when it is not there. */
int lab_json_open(const char *dir, struct lab_json **ret);
int lab_json_put(struct lab_json *j, const struct th_event *ev);
int lab_json_close(struct lab_json *j);

#endif
