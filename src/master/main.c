/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon.h"
#include "roles.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} roles[] = {
    {"import", role_import},
    {"core", role_core},
    {"intake", role_intake},
    {"gateway", role_gateway},
    {"state", role_state},
    {"seal", role_seal},
    {"store", role_store},
    {"query", role_query},
    {"recall", role_recall},
};

int main(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "--role") != 0)
        return master_daemon(argc, argv);
    th_log_set(TH_LOG_INFO, "thymus-master");
    for (size_t i = 0; i < TH_ARRAY_LEN(roles); i++)
        if (strcmp(argv[2], roles[i].name) == 0)
            return roles[i].run(argc, argv);
    fprintf(stderr, "thymus-master: no such role: %s\n", argv[2]);
    return 2;
}
