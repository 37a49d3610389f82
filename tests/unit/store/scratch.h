/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test program's own, and a database that may read it. */
#ifndef TH_TEST_SCRATCH_H
#define TH_TEST_SCRATCH_H

#include "folder.h"
#include "store/duck.h"

static struct th_duck *duck;

static int begin(void **state)
{
    (void)state;
    if (folder_make() < 0)
        return -1;
    const char *const folders[] = {folder};
    struct th_duck_config config = {
        .memory_bytes = 256u << 20, .folders = folders, .folder_count = 1};
    return th_duck_open(&config, &duck, NULL);
}

static int end(void **state)
{
    (void)state;
    th_duck_close(duck);
    return folder_remove();
}

#endif
