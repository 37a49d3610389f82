/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "daemon.h"
#include "packets.h"
#include "read.h"
#include "role_capture.h"
#include "role_collect.h"
#include "role_feed.h"
#include "role_follow.h"
#include "role_keep.h"
#include "role_link.h"
#include "role_live.h"
#include "role_packets.h"
#include "role_stream.h"

static bool has(int argc, char **argv, const char *option)
{
    size_t len = strlen(option);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], option, len) == 0 && (argv[i][len] == '\0' || argv[i][len] == '='))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } roles[] = {{"link", role_link}, {"feed", role_feed}, {"collect", role_collect},
        {"follow", role_follow}, {"keep", role_keep}, {"packets", role_packets},
        {"stream", role_stream}};
    if (argc < 3 || strcmp(argv[1], "--role") != 0)
        return has(argc, argv, "--packets") ? vsensor_packets(argc, argv)
            : has(argc, argv, "--config")   ? vsensor_daemon(argc, argv)
                                            : vsensor_read(argc, argv);
    for (size_t i = 0; i < TH_ARRAY_LEN(roles); i++)
        if (strcmp(argv[2], roles[i].name) == 0)
            return roles[i].run(argc, argv);
    if (strcmp(argv[2], "capture") == 0)
        return has(argc, argv, "--live") ? role_live(argc, argv) : role_capture(argc, argv);
    fprintf(stderr, "thymus-vsensor: no such role: %s\n", argv[2]);
    return 2;
}
