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

struct lab_json;
/* One file a kind in dir, which is made when it is not there. */
int lab_json_open(const char *dir, struct lab_json **ret);
int lab_json_put(struct lab_json *j, const struct th_event *ev);
int lab_json_close(struct lab_json *j);

#endif
