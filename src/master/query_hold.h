/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a search, as the store lists them: while the hold lasts, none of them is
 * removed. HOLD asks {"kinds": [names], "from_ns", "to_ns"}; CATALOGUE answers {"hold", "hot":
 * false when the newest rows could not be had in time, "files": [{"kind", "file", "rows", "bytes",
 * "first_ns", "last_ns"}]}; RELEASE gives the hold back (u64).
 */
#ifndef TH_MASTER_QUERY_HOLD_H
#define TH_MASTER_QUERY_HOLD_H

#include "base/arena.h"
#include "query_run.h"

#define QUERY_MAX_FILES 200000u

/* The body of HOLD. */
void query_hold_ask(const struct query_ask *a, struct th_buf *out);

struct query_hold {
    uint64_t id;
    struct query_file *files;
    size_t count;
    bool without_newest;   /* the newest rows could not be had in time */
    struct th_arena arena; /* of the paths */
};
/* Reads CATALOGUE. Paths begin with `folder`. Negative when it is none, ret then only has the id.
 */
int query_hold_parse(struct th_str json, const char *folder, struct query_hold *ret) TH_WARN_UNUSED;
void query_hold_done(struct query_hold *h);

#endif
