/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a user means by the paths on a command line: files as they are,
 * folders walked in sorted order, "-" for standard input. Hidden entries of a folder
 * are left out, links are followed, no folder is walked twice for one path. Nothing is opened for
 * reading here but folders.
 */
#ifndef TH_PRIV_INPUTS_H
#define TH_PRIV_INPUTS_H

#include <stddef.h>

#include "base/err.h"

#define TH_INPUTS_MAX 4000000u /* files; a walk stops there and says so */
#define TH_INPUTS_MAX_DEPTH 64u

struct th_input_problem {
    char *path;
    char *message; /* for a person: what is wrong and what to do */
};

struct th_inputs {
    char **paths;
    size_t count;
    struct th_input_problem *problems;
    size_t problem_count;
};

#define TH_INPUTS_INIT ((struct th_inputs){0})

/* Adds what `path` stands for. What cannot be read goes to the problems. */
void th_inputs_add(struct th_inputs *in, const char *path);
/* Adds a problem with a path that the caller looked at itself. */
void th_inputs_problem(struct th_inputs *in, const char *path, const char *message);
void th_inputs_done(struct th_inputs *in);

/* Opens a regular file for reading. -ENODEV for what is neither file nor folder: a device or a
 * pipe could block or do something when opened. */
int th_input_open(const char *path) TH_WARN_UNUSED;
/* Why an input could not be opened, for a person, from th_input_open's or th_handoff_open's
 * error. Static storage. */
const char *th_input_strerror(int err);

#endif
