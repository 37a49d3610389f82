/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances as inputs of an analysis: the folder of an instance, or of a snapshot of one, stands
 * for what it has stored. The parent opens its folders and starts a role for each; a running master
 * neither waits nor notices.
 */
#ifndef TH_CTL_PAST_H
#define TH_CTL_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "instance.h"
#include "options.h"
#include "priv/inputs.h"

struct ctl_instance_input {
    struct th_instance conf; /* its configuration alone */
    int segments, log;       /* folders */
    unsigned uid, gid;       /* whose they are */
};

struct ctl_past {
    struct ctl_instance_input *v;
    size_t count;
};

/* True: the path is an instance's, and was taken, if need be as a problem among the inputs. Its
 * local networks become those of the analysis when none were named; the options then refer to
 * them. */
bool ctl_past_take(
    struct ctl_past *p, struct ctl_options *o, const char *path, struct th_inputs *problems);
/* Reads them all into the spool; the first has this number among the inputs. 0, or
 * TH_E_ROLE_FAILED and others. */
int ctl_past_read(const struct ctl_past *p, const struct ctl_options *o, size_t first_input,
    int spool_fd) TH_WARN_UNUSED;
void ctl_past_done(struct ctl_past *p);

#endif
