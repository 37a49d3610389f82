/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that last: files, databases and folders, written and synced before they count.
 */
#ifndef TH_CTL_COPY_H
#define TH_CTL_COPY_H

#include <stdbool.h>

#include "base/err.h"

/* Copies a file into a folder under the same name, with its mode and, as root, its owner; synced.
 * link: a hard link where the file system can, for files that never change. -ENOENT when it is
 * not there (any more). */
int copy_file(int from_folder, int to_folder, const char *name, bool link) TH_WARN_UNUSED;
/* Copies an SQLite database that may be in use (one consistent state of it). */
int copy_database(const char *from_path, const char *to_path) TH_WARN_UNUSED;
/* 0 when SQLite finds it whole, else TH_E_MALFORMED. */
int check_database(const char *path) TH_WARN_UNUSED;
/* Calls fn for every plain file of the folder in order of name. */
int each_file(int folder, int (*fn)(void *arg, const char *name), void *arg) TH_WARN_UNUSED;

#endif
