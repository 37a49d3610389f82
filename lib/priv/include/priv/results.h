/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a parent opens for its roles to write. They are written without a name
 * (where the file system can, else under a temporary one) and take their place only when all went
 * well: an older result is not destroyed by a run that fails.
 */
#ifndef TH_PRIV_RESULTS_H
#define TH_PRIV_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "priv/spawn.h"

struct th_result {
    int fd;
    bool drop_empty;
    bool unnamed;           /* has no name yet */
    char *path, *temporary; /* NULL: standard output, a device */
    char tag[64];
};

#define TH_RESULTS_MAX 120u
struct th_results {
    struct th_result v[TH_RESULTS_MAX];
    size_t count;
};

/* Opens a file to be handed over with this tag; "-" is standard output. drop_empty: an empty file
 * is not kept, and one of that name from an earlier run goes. */
int th_results_add(
    struct th_results *r, const char *tag, const char *path, bool drop_empty) TH_WARN_UNUSED;
/* Puts the files in place. */
int th_results_keep(struct th_results *r) TH_WARN_UNUSED;
/* Removes what was not kept. */
void th_results_done(struct th_results *r);

#endif
