/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that an analysis opens for its roles besides the inputs: scratch space,
 * models, prior, saved state.
 */
#ifndef TH_CTL_FILES_H
#define TH_CTL_FILES_H

#include <stdbool.h>

#include "base/str.h"
#include "priv/spawn.h"

enum { CTL_MAX_MODELS = 200 };

struct ctl_fds {
    struct th_role_fd v[TH_ROLE_MAX_FDS];
    size_t count;
};

/* Takes the descriptor over; the tag must outlive it. */
void ctl_fds_add(struct ctl_fds *f, const char *tag, int fd);
void ctl_fds_done(struct ctl_fds *f);

/* All of these say on stderr what is wrong and return a negative error. */

/* A file without a name in TMPDIR, /var/tmp or /tmp. */
int ctl_scratch(void) TH_WARN_UNUSED;
/* A memory file with these bytes, at its beginning. */
int ctl_memory(struct th_str bytes) TH_WARN_UNUSED;
/* When standard input is a stream, puts its content into a scratch file in its place: several
 * roles look at each input. */
int ctl_settle_stdin(void) TH_WARN_UNUSED;
/* The folder of models: given, installed, or of the source tree. */
int ctl_find_models(const char *given, char *ret, size_t bytes) TH_WARN_UNUSED;
/* Every *.yaml of the folder, in order of name, as "model"; their paths as "model-names". */
int ctl_add_models(struct ctl_fds *f, const char *folder) TH_WARN_UNUSED;
/* A file as this tag; with `optional`, none is no error. */
int ctl_add_file(
    struct ctl_fds *f, const char *tag, const char *path, bool optional) TH_WARN_UNUSED;
/* Makes the state's folder when it is missing and takes it for this run alone (ret_lock). */
int ctl_lock_state(const char *folder, int *ret_lock) TH_WARN_UNUSED;

#endif
