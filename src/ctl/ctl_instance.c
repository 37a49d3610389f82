/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_instance.h"

#include <getopt.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "instance.h"

static const char help[] =
    "Usage: thymusctl instance create DIR --name NAME [OPTION]...\n"
    "       thymusctl instance pin DIR\n"
    "\n"
    "create makes a new instance of the master in the folder: configuration, keys, certificate. "
    "pin\n"
    "prints what sensors know its certificate by (master_pin in their configuration).\n"
    "\n"
    "Options of create:\n"
    "  --name NAME       letters, digits and hyphens\n"
    "  --listen ADDRESS  where it listens, like 127.0.0.1:8443; default [::]:443\n"
    "  --host-name NAME  of the user interface; default: this machine's\n"
    "  --user NAME       whom its processes become when root starts it; default nobody\n"
    "\n"
    "Start it with: thymus-master --instance DIR\n";

static int mistake(const char *what)
{
    fprintf(stderr, "thymusctl instance: %s; see thymusctl instance --help\n", what);
    return 2;
}

static int create(const char *path, const struct th_instance_new *config)
{
    char error[1024];
    if (!config->name)
        return mistake("create needs --name");
    if (th_instance_create(path, config, error, sizeof(error)) < 0) {
        fprintf(stderr, "thymusctl: %s\n", error);
        return 1;
    }
    printf("instance %s is made in %s\nstart it with: thymus-master --instance %s\n", config->name,
        path, path);
    return 0;
}

static int pin(const char *path)
{
    struct th_instance i = TH_INSTANCE_INIT;
    char error[1024];
    char text[64];
    int r = th_instance_open(path, &i, error, sizeof(error));
    if (r == 0 && (r = th_instance_pin(&i, text)) < 0)
        snprintf(error, sizeof(error), "%s/keys/tls.crt: %s", path, th_strerror(r));
    th_instance_done(&i);
    if (r < 0) {
        fprintf(stderr, "thymusctl: %s\n", error);
        return 1;
    }
    return printf("%s\n", text) < 0;
}

int ctl_instance(int argc, char **argv)
{
    enum { OPT_NAME = 1, OPT_LISTEN, OPT_HOST, OPT_USER, OPT_HELP };
    static const struct option longs[] = {{"name", required_argument, NULL, OPT_NAME},
        {"listen", required_argument, NULL, OPT_LISTEN},
        {"host-name", required_argument, NULL, OPT_HOST},
        {"user", required_argument, NULL, OPT_USER}, {"help", no_argument, NULL, OPT_HELP}, {0}};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct th_instance_new config = {.listen = "[::]:443",
        .user = "nobody",
        .now_ns = (int64_t)now.tv_sec * TH_NS_PER_S + now.tv_nsec};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case OPT_NAME: config.name = optarg; break;
        case OPT_LISTEN: config.listen = optarg; break;
        case OPT_HOST: config.host_name = optarg; break;
        case OPT_USER: config.user = optarg; break;
        case OPT_HELP: return fputs(help, stdout) < 0;
        default: return mistake("unknown or incomplete option");
        }
    }
    if (argc - optind != 2)
        return mistake("a command and a folder were expected");
    if (strcmp(argv[optind], "create") == 0)
        return create(argv[optind + 1], &config);
    if (strcmp(argv[optind], "pin") == 0)
        return pin(argv[optind + 1]);
    return mistake("create and pin are known");
}
