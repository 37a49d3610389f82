/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent of a daemon. It collects, role by role, what each gets at every start (descriptors,
 * arguments, edges), and then supervises them (supervise.h). Whatever fails says on stderr what and
 * why, and returns a negative error.
 *
 *     p = th_parent_new("thymus-master", "info");
 *     m = th_parent_add(p, "intake");
 *     th_member_number(m, "--log-bytes", 1 << 30);
 *     th_member_give(m, "log", fd);
 *     th_parent_edge(p, "gateway", "intake");
 *     status = th_parent_run(p, "gateway");
 */
#ifndef TH_COMMON_PARENT_H
#define TH_COMMON_PARENT_H

#include "role_files.h"
#include "supervise.h"

struct th_parent;
/* program: its name, which is also that of the file beside this one that its roles are. Both texts
 * must outlive it. */
int th_parent_new(
    const char *program, const char *log_level, struct th_parent **ret) TH_WARN_UNUSED;
void th_parent_free(struct th_parent *p);
TH_DEFINE_CLEANUP(struct th_parent, th_parent_free)
/* Whom the roles become; to be told before the first is added. */
void th_parent_ids(struct th_parent *p, unsigned uid, unsigned gid);
/* One daemon a folder (lock.h); `what` stands in the message when there is one already. */
int th_parent_lock(
    struct th_parent *p, int folder, const char *name, const char *what) TH_WARN_UNUSED;
/* Says "program: what which: err"; returns err. */
int th_parent_complain(const struct th_parent *p, const char *what, const char *which, int err);

/* What a role gets at each start. It gets the ids and the level of the log in any case. */
struct th_member {
    struct th_parent *parent;
    struct th_role_files files;
    char *args[TH_SPAWN_MAX_ARGS + 1];
    size_t arg_count;
    struct th_role_spec spec; /* once, renewal, logs: the caller's to set; the rest is filled in */
};
/* name is copied. */
struct th_member *th_parent_add(struct th_parent *p, const char *name);
void th_member_arg(struct th_member *m, const char *name, const char *value); /* NULL: a flag */
void th_member_number(struct th_member *m, const char *name, uint64_t value);
/* A copy of the descriptor. The tag must outlive it. */
int th_member_give(struct th_member *m, const char *tag, int fd) TH_WARN_UNUSED;
/* The daemon's lock, for a role that writes or listens (lock.h). */
int th_member_give_lock(struct th_member *m) TH_WARN_UNUSED;

/* Names of roles; copied. */
void th_parent_edge(struct th_parent *p, const char *a, const char *b);
/* Until all has ended; exit status for main. status_to as supervise.h has it. */
int th_parent_run(struct th_parent *p, const char *status_to);

#endif
