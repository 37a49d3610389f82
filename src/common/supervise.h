/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parent of a daemon does after it has opened everything: starts the roles,
 * connects them by edges (priv/edge.h), starts a role that died again (after 0.2 s, and up to 5 s
 * when it dies young), connects it anew, passes every role's status on to one of them, hands over
 * files that changed (renewal.h; where there are any, SIGHUP looks at once) or are others (logs.h),
 * and ends all when it
 * is told to (SIGTERM, SIGINT). It parses nothing.
 */
#ifndef TH_COMMON_SUPERVISE_H
#define TH_COMMON_SUPERVISE_H

#include "base/err.h"
#include "logs.h"
#include "priv/spawn.h"
#include "renewal.h"

#define TH_SUPERVISE_MAX_ROLES 24u
#define TH_SUPERVISE_MAX_EDGES 48u

struct th_role_spec {
    const char *name; /* "query.1": what its peers call it; the part before the dot is the role */
    const char *program;
    const struct th_role_fd *fds; /* given to it at every start; stay open */
    size_t fd_count;
    struct th_renewal *renewal; /* files that it gets besides, and anew when they change; or NULL */
    struct th_logs *logs;       /* logs of others that it follows (logs.h); or NULL */
    const char *const *args;    /* NULL-terminated */
    bool
        once; /* when it ends well, all end (a feed that is through); its end badly ends all, too */
};

struct th_edge_spec {
    const char *a, *b; /* names of roles */
};

struct th_supervise_config {
    const struct th_role_spec *roles;
    size_t role_count;
    const struct th_edge_spec *edges;
    size_t edge_count;
    const char *status_to; /* the role that gets every role's status; NULL: none */
};

/* Runs until told to end, or until a `once` role ended. Exit status for main. */
int th_supervise(const struct th_supervise_config *config);

#endif
