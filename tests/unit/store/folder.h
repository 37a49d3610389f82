/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test program's own. */
#ifndef TH_TEST_FOLDER_H
#define TH_TEST_FOLDER_H

#include <stdlib.h>

#include "base/mem.h"

static char folder[64];

/* Negative when it cannot be made. */
static inline int folder_make(void)
{
    strcpy(folder, "/tmp/test_store.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_remove(void)
{
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", folder);
    return system(command);
}

static inline char *path_of(const char *name)
{
    return th_xasprintf("%s/%s", folder, name);
}

#endif
