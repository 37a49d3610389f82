/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a parent opens for its roles besides their inputs: models, prior, and bytes
 * that it hands over in a memory file.
 */
#ifndef TH_COMMON_ROLE_FILES_H
#define TH_COMMON_ROLE_FILES_H

#include <stdbool.h>

#include "base/str.h"
#include "priv/spawn.h"

enum { TH_MAX_MODEL_FILES = 200 };

/* Open descriptors with their tags; they are closed by _done. */
struct th_role_files {
    struct th_role_fd v[TH_ROLE_MAX_FDS];
    size_t count;
};

/* Takes the descriptor over; the tag must outlive it. */
void th_role_files_add(struct th_role_files *f, const char *tag, int fd);
void th_role_files_done(struct th_role_files *f);

/* All of these say on stderr what is wrong and return a negative error. */

/* A memory file with these bytes, at its beginning; whoever gets it cannot change it. */
int th_role_files_memory(struct th_str bytes) TH_WARN_UNUSED;
/* A file as this tag; with `optional`, none is no error. */
int th_role_files_open(
    struct th_role_files *f, const char *tag, const char *path, bool optional) TH_WARN_UNUSED;
/* The folder of models: given, installed, or of the source tree. */
int th_find_models(const char *given, char *ret, size_t bytes) TH_WARN_UNUSED;
/* Every *.yaml of the folder, in order of name, as "model"; their paths as "model-names". */
int th_role_files_models(struct th_role_files *f, const char *folder) TH_WARN_UNUSED;

#endif
