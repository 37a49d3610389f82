/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One daemon a folder. The lock is on an open file, and roles that write or listen are given that
 * file too: a daemon that was killed stays locked until the last of its roles is gone, so that
 * two never write one journal, and the sockets are free again.
 */
#ifndef TH_COMMON_LOCK_H
#define TH_COMMON_LOCK_H

#include "base/err.h"

/* Opens (makes) the file and locks it; waits for the rest of a daemon that is going. The
 * descriptor, -EBUSY, or another error. */
int th_lock_take(int folder, const char *name) TH_WARN_UNUSED;

#endif
