/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role may do. One table (roles.def) says it; the seccomp filter, the
 * Landlock rules, the tests and docs/roles.md come from it. A role opens what it
 * needs, initialises its libraries, calls th_role_lock, and only then reads the first
 * byte from outside.
 */
#ifndef TH_PRIV_PRIV_H
#define TH_PRIV_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum th_right {
#define TH_RIGHT(NAME, help) TH_RIGHT_##NAME,
#include "priv/roles.def"
    TH_RIGHT_COUNT
};

enum th_role {
#define TH_ROLE(NAME, ...) TH_ROLE_##NAME,
#include "priv/roles.def"
    TH_ROLE_COUNT
};

struct th_role_info {
    const char *name;
    const char *program;
    unsigned rights; /* bit per enum th_right */
    const char *does;
    const char *reads; /* hostile bytes */
};
const struct th_role_info *th_role_info(enum th_role role);

/* Locks this process for good: nobody's ids when it is root, no new privileges, not dumpable,
 * ends with its parent; Landlock where the kernel has it; a seccomp filter (a forbidden call ends
 * the process). `landlock` false leaves Landlock out, for the test that seccomp alone holds.
 * 0, also when the kernel has no Landlock (th_landlock_abi tells); else negative, and the caller
 * must end. */
int th_role_lock(enum th_role role, bool landlock) TH_WARN_UNUSED;
/* The same for a role that has folders of its own, or an owner. */
struct th_role_folder {
    int fd; /* an open folder */
    bool write;
};
struct th_lock_options {
    bool no_landlock;                     /* for tests */
    unsigned uid, gid;                    /* whom root becomes; 0: nobody */
    const struct th_role_folder *folders; /* all that Landlock leaves open */
    size_t folder_count;
};
int th_role_lock_with(enum th_role role, const struct th_lock_options *options) TH_WARN_UNUSED;
/* Version of Landlock that the kernel has; 0: none. Not to be called after the lock. */
int th_landlock_abi(void);
/* Landlock alone: no file, no TCP, no signal or abstract socket beyond this process; -ENOSYS
 * where the kernel has none. Part of th_role_lock. */
int th_landlock_deny_all(void) TH_WARN_UNUSED;
/* The same, but for what lies in the folders and, with `connect`, TCP to the outside. */
int th_landlock_allow_only(
    const struct th_role_folder *folders, size_t count, bool connect) TH_WARN_UNUSED;
/* Drops root to the given ids for good; no-op when not root. */
int th_drop_ids(unsigned uid, unsigned gid) TH_WARN_UNUSED;

/* What the table says about a system call number in a role. */
enum th_call_rule { TH_CALL_FORBIDDEN, TH_CALL_CONDITIONAL, TH_CALL_ALLOWED };
enum th_call_rule th_role_call_rule(enum th_role role, int number);
/* The table as a page of documentation (Markdown). */
void th_roles_doc(struct th_buf *out);

#endif
