/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's part of reading files: starts the reading roles (capture, import)
 * over one list of inputs, hands each the files that it asks for, shows on stderr how
 * far they are, and tells at the end what became of each input. It parses nothing.
 */
#ifndef TH_PRIV_READERS_H
#define TH_PRIV_READERS_H

#include <sys/types.h>

#include "priv/progress.h"
#include "priv/spawn.h"

#define TH_READERS_MAX 4u

struct th_readers;
/* The paths are copied. show: draw progress on stderr. */
struct th_readers *th_readers_new(const char *const *paths, size_t count, bool show);
void th_readers_free(struct th_readers *r); /* ends roles that still run */
/* Starts a role with descriptors "handoff" and "progress" and those given. */
int th_readers_start(struct th_readers *r, const char *program, const char *role,
    const struct th_role_fd *fds, size_t fd_count, const char *const args[]) TH_WARN_UNUSED;
/* Serves until every role has ended: 0, or TH_E_ROLE_FAILED when one did not end well. */
int th_readers_run(struct th_readers *r) TH_WARN_UNUSED;
/* What the role that knew most about this input said of it; NULL when none said anything. */
const struct th_progress *th_readers_result(const struct th_readers *r, size_t input);
uint64_t th_readers_events(const struct th_readers *r); /* of all roles */

/* How a process ended, for a person: "ended with status 1", "was stopped: it tried what its role
 * may not do (SIGSYS)", ... */
void th_exit_text(int wait_status, char *ret, size_t bytes);

#endif
