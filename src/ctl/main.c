/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "analyse.h"
#include "base/mem.h"
#include "ctl_instance.h"
#include "ctl_packets.h"
#include "ctl_remote.h"
#include "ctl_selftest.h"
#include "ctl_snapshot.h"
#include "role_report.h"
#include "version.h"

static const char help[] =
    "Usage: thymusctl COMMAND [OPTION]...\n"
    "\n"
    "Commands:\n"
    "  analyse PATH...   what is not normal in packet captures, logs, or a stored past\n"
    "  model test FILE PATH...   what models would have told in the past\n"
    "  why DEVICE TIME PATH...   why an hour of a device was, or was not, flagged\n"
    "  instance ...      make an instance of the master; its pin\n"
    "  token, user, sensor, permit, audit   ask a running master\n"
    "  packets           packets that sensors keep: ask for them, get them\n"
    "  selftest          prove a running instance from the sensor to the finding\n"
    "  snapshot, restore one consistent cut of an instance, and an instance out of one\n"
    "\n"
    "thymusctl COMMAND --help tells more. Also: --help, --version.\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"analyse", ctl_analyse},
    {"audit", ctl_remote},
    {"instance", ctl_instance},
    {"model", ctl_model},
    {"packets", ctl_packets},
    {"permit", ctl_remote},
    {"restore", ctl_restore},
    {"selftest", ctl_selftest},
    {"sensor", ctl_remote},
    {"snapshot", ctl_snapshot},
    {"token", ctl_remote},
    {"user", ctl_remote},
    {"why", ctl_why},
};

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--role") == 0 && strcmp(argv[2], "report") == 0)
        return role_report(argc, argv);
    for (size_t i = 0; argc > 1 && i < TH_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return printf("thymusctl %s\n", TH_VERSION) < 0;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0;
    fprintf(stderr, "thymusctl: %s%s; see thymusctl --help\n",
        argc > 1 ? "no such command: " : "no command given", argc > 1 ? argv[1] : "");
    return 2;
}
