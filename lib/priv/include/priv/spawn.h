/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a parent starts a role: fork and exec of a program with `--role NAME` and
 * nothing inherited but named descriptors. The names travel in a manifest on
 * descriptor 3. Files by the thousand are handed over one at a time through a socket
 * (SCM_RIGHTS), so that no limit on open files is met and a role holds only what it
 * is reading.
 */
#ifndef TH_PRIV_SPAWN_H
#define TH_PRIV_SPAWN_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define TH_ROLE_MAX_FDS 256u
#define TH_SPAWN_MAX_ARGS 512u

struct th_role_fd {
    int fd;
    const char *tag; /* what it is for: "input", "spool", "out", "models", "state" */
};

/* Starts program with --role and args (NULL-terminated, at most TH_SPAWN_MAX_ARGS; may be NULL);
 * stdin, stdout and stderr
 * stay. The role ends when the thread that started it does. */
int th_spawn(const char *program, const char *role, const struct th_role_fd *fds, size_t count,
    const char *const args[], pid_t *ret_pid) TH_WARN_UNUSED;
/* Path of a sibling program of the one that runs ("thymus-master"), in ret (bytes long). */
int th_sibling_program(const char *name, char *ret, size_t bytes) TH_WARN_UNUSED;

/* In the role, first of all: reads the manifest. Descriptors get CLOEXEC. */
struct th_inherited {
    struct th_role_fd fds[TH_ROLE_MAX_FDS];
    size_t count;
};
int th_inherit(struct th_inherited *ret) TH_WARN_UNUSED;
/* The descriptor with this tag, or -1; the n-th one of equal tags. */
int th_inherit_get(const struct th_inherited *in, const char *tag, size_t n);

/* Handing over files. The parent answers requests for input `index` with a descriptor or an
 * errno; the list of names travels first. */
struct th_handoff_server; /* parent's side */
int th_handoff_new(const char *const *paths, size_t count, struct th_handoff_server **ret_server,
    int *ret_role_fd) TH_WARN_UNUSED;
int th_handoff_server_fd(const struct th_handoff_server *s); /* poll it for reading */
/* Answers what is waiting; 0, or -EPIPE when the role is gone. */
int th_handoff_serve(struct th_handoff_server *s);
void th_handoff_free(struct th_handoff_server *s);

struct th_handoff; /* the role's side */
int th_handoff_attach(int fd, struct th_handoff **ret) TH_WARN_UNUSED;
void th_handoff_detach(struct th_handoff *h);
size_t th_handoff_count(const struct th_handoff *h);
/* Name of an input as the user gave it, for messages; NULL past the end. */
const char *th_handoff_name(const struct th_handoff *h, size_t index);
/* Opens input `index` for reading: a fresh descriptor that the caller closes, or -errno, for which
 * th_input_strerror (inputs.h) has words. "-" is
 * standard input; unless that is a regular file it can be taken once. */
int th_handoff_open(struct th_handoff *h, size_t index) TH_WARN_UNUSED;

#endif
