/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an analysis opens besides its inputs, models and prior: scratch space, the folder of saved
 * state.
 */
#ifndef TH_CTL_FILES_H
#define TH_CTL_FILES_H

#include "base/err.h"

/* All of these say on stderr what is wrong and return a negative error. */

/* A file without a name in TMPDIR, /var/tmp or /tmp. */
int ctl_scratch(void) TH_WARN_UNUSED;
/* When standard input is a stream, puts its content into a scratch file in its place: several
 * roles look at each input. */
int ctl_settle_stdin(void) TH_WARN_UNUSED;
/* Makes the state's folder when it is missing and takes it for this run alone (ret_lock). */
int ctl_lock_state(const char *folder, int *ret_lock) TH_WARN_UNUSED;

#endif
