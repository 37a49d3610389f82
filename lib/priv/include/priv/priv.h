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

#include "base/err.h"

enum th_role {
#define TH_ROLE(NAME, name, ...) TH_ROLE_##NAME,
#include "priv/roles.def"
#undef TH_ROLE
    TH_ROLE_COUNT
};

/* Locks this process for good: no new privileges, not dumpable, seccomp filter (a forbidden call
 * ends the process), Landlock where the kernel has it. `landlock` false leaves Landlock out, for
 * the test that seccomp alone holds. */
int th_role_lock(enum th_role role, bool landlock) TH_WARN_UNUSED;
/* Drops root to the given ids for good; no-op when not root. */
int th_drop_ids(unsigned uid, unsigned gid) TH_WARN_UNUSED;

#endif
