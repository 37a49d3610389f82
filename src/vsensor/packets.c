/* SPDX-License-Identifier: Apache-2.0 */
#include "packets.h"

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "folders.h"
#include "link/packets.h"
#include "packets_log.h"
#include "priv/readers.h"
#include "priv/results.h"
#include "role_files.h"

enum { EXIT_GIVEN = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PARTLY = 3 };

struct asking {
    const char *path, *out, *log_level;
    struct th_packets_request wish;
    bool has_host;
    struct th_vsensor_config config;
    struct th_folders_owner owner;
    int state, log;
    char by[64];
    struct th_results results;
    struct th_role_files files; /* of the role */
    struct th_keep_found found;
    char problem[512];
};

/* ---- what is asked for ---- */

static int usage_error(const char *what)
{
    fprintf(stderr, "thymus-vsensor: %s; see thymus-vsensor(8)\n", what);
    return EXIT_USAGE;
}

static bool take_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
    return th_str_u64(th_str_c(text), ret) && *ret >= least && *ret <= most;
}

enum {
    OPT_CONFIG = 1,
    OPT_PACKETS,
    OPT_HOST,
    OPT_PEER,
    OPT_PORT,
    OPT_PEER_PORT,
    OPT_PROTO,
    OPT_FROM,
    OPT_TO,
    OPT_LIMIT,
    OPT_LEVEL
};

/* NULL, or what is wrong. */
static const char *take_option(struct asking *a, int option, const char *value)
{
    struct th_packets_request *w = &a->wish;
    struct th_str text = th_str_c(value);
    uint64_t number = 0;
    switch (option) {
    case OPT_CONFIG: a->path = value; return NULL;
    case OPT_PACKETS: a->out = value; return NULL;
    case OPT_LEVEL: a->log_level = value; return NULL;
    case OPT_HOST:
        a->has_host = th_addr_parse(text, &w->host);
        return a->has_host ? NULL : "--host is an address";
    case OPT_PEER:
        w->has_peer = th_addr_parse(text, &w->peer);
        return w->has_peer ? NULL : "--peer is an address";
    case OPT_PORT:
    case OPT_PEER_PORT:
        if (!take_number(value, 1, UINT16_MAX, &number))
            return "--port and --peer-port are numbers from 1 to 65535";
        *(option == OPT_PORT ? &w->port : &w->peer_port) = (uint16_t)number;
        return NULL;
    case OPT_PROTO:
        if (!take_number(value, 1, UINT8_MAX, &number))
            return "--proto is a number of IP's, 1 to 255";
        w->proto = (uint8_t)number;
        return NULL;
    case OPT_FROM:
        return th_time_parse_rfc3339(text, &w->from_ns) ? NULL : "--from is a time (RFC 3339)";
    case OPT_TO: return th_time_parse_rfc3339(text, &w->to_ns) ? NULL : "--to is a time (RFC 3339)";
    case OPT_LIMIT:
        return take_number(value, 1, TH_PACKETS_MAX_BYTES, &w->limit_bytes)
            ? NULL
            : "--limit is a number of bytes up to 1073741824";
    default: return "unknown or incomplete option";
    }
}

/* Exit status when it is decided already, else -1. */
static int parse(struct asking *a, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, OPT_CONFIG},
        {"packets", required_argument, NULL, OPT_PACKETS},
        {"host", required_argument, NULL, OPT_HOST}, {"peer", required_argument, NULL, OPT_PEER},
        {"port", required_argument, NULL, OPT_PORT},
        {"peer-port", required_argument, NULL, OPT_PEER_PORT},
        {"proto", required_argument, NULL, OPT_PROTO}, {"from", required_argument, NULL, OPT_FROM},
        {"to", required_argument, NULL, OPT_TO}, {"limit", required_argument, NULL, OPT_LIMIT},
        {"log-level", required_argument, NULL, OPT_LEVEL}, {0}};
    enum th_log_level level = TH_LOG_INFO;
    a->log_level = "info";
    a->wish.to_ns = th_clock_ns(CLOCK_REALTIME);
    a->wish.limit_bytes = TH_PACKETS_MAX_BYTES;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        const char *wrong = take_option(a, c, optarg);
        if (wrong)
            return usage_error(wrong);
    }
    if (!a->path || !a->out)
        return usage_error("--packets needs --config and a file to write to");
    if (!a->has_host)
        return usage_error("--packets needs --host: whose packets?");
    if (optind < argc)
        return usage_error("--packets takes no paths");
    if (a->wish.to_ns < a->wish.from_ns)
        return usage_error("--to is before --from");
    if (!th_log_level_parse(a->log_level, &level))
        return usage_error("--log-level is error, warn, info or debug");
    th_log_set(level, "thymus-vsensor");
    return -1;
}

/* ---- the role that gives it ---- */

static int open_all(struct asking *a)
{
    TH_AUTOBUF struct th_buf wish = TH_BUF_INIT;
    int folder = open(a->config.keep, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        fprintf(stderr, "thymus-vsensor: folder of kept packets %s: %s\n", a->config.keep,
            th_strerror(-errno));
        return -1;
    }
    th_role_files_add(&a->files, "keep", folder);
    a->state = open(a->config.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->state < 0) {
        fprintf(
            stderr, "thymus-vsensor: state folder %s: %s\n", a->config.state, th_strerror(-errno));
        return -1;
    }
    int key = th_folders_keep_key(a->state, false);
    if (key < 0)
        return -1;
    th_role_files_add(&a->files, "keep-key", key);
    th_packets_request_put(&wish, &a->wish);
    int memory = th_role_files_memory(th_buf_view(&wish));
    if (memory < 0)
        return -1;
    th_role_files_add(&a->files, "wish", memory);
    a->log = th_folders_packets_log(a->state);
    return a->log < 0 ? -1 : th_folders_owner(&a->config, &a->owner);
}

static int open_out(struct asking *a)
{
    if (strcmp(a->out, "-") == 0 && isatty(STDOUT_FILENO)) {
        fprintf(stderr, "thymus-vsensor: packets are not written to a terminal\n");
        return -1;
    }
    int r = th_results_add(&a->results, "out", a->out, false);
    if (r < 0)
        fprintf(stderr, "thymus-vsensor: %s: cannot be written: %s\n", a->out, th_strerror(r));
    return r;
}

/* What the role said of its answer; it has read strangers' packets. */
static void read_found(struct asking *a, struct th_str json)
{
    json_t *said = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    json_int_t packets = json_integer_value(json_object_get(said, "packets"));
    json_int_t bytes = json_integer_value(json_object_get(said, "bytes"));
    const char *problem = json_string_value(json_object_get(said, "problem"));
    a->found.packets = packets > 0 ? (uint64_t)packets : 0;
    a->found.bytes = bytes > 0 ? (uint64_t)bytes : 0;
    a->found.cut = json_is_true(json_object_get(said, "cut"));
    snprintf(a->problem, sizeof(a->problem), "%s", problem ? problem : "");
    json_decref(said);
}

static int start_role(struct asking *a, int found, pid_t *ret_pid)
{
    struct th_role_fd fds[8];
    char program[4096], uid[16], gid[16];
    size_t n = 0;
    for (; n < a->files.count; n++)
        fds[n] = a->files.v[n];
    fds[n++] = (struct th_role_fd){.fd = a->results.v[0].fd, .tag = "out"};
    fds[n++] = (struct th_role_fd){.fd = found, .tag = "found"};
    snprintf(uid, sizeof(uid), "%u", a->owner.uid);
    snprintf(gid, sizeof(gid), "%u", a->owner.gid);
    const char *const args[] = {"--uid", uid, "--gid", gid, "--log-level", a->log_level, NULL};
    int r = th_sibling_program("thymus-vsensor", program, sizeof(program));
    return r < 0 ? r : th_spawn(program, "packets", fds, n, args, ret_pid);
}

/* 0, or negative: there is no answer. */
static int run_role(struct asking *a)
{
    TH_AUTOBUF struct th_buf json = TH_BUF_INIT;
    int pipes[2], status = 0;
    pid_t pid = 0;
    char how[96];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -errno;
    int r = start_role(a, pipes[1], &pid);
    close(pipes[1]);
    if (r == 0)
        r = th_fd_read_to_end(pipes[0], TH_KEEP_STEP_BYTES, &json);
    close(pipes[0]);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 0) {
        th_exit_text(status, how, sizeof(how));
        fprintf(stderr, "thymus-vsensor: the role that finds packets %s\n", how);
        return TH_E_ROLE_FAILED;
    }
    if (r < 0)
        return r;
    read_found(a, th_buf_view(&json));
    return 0;
}

static int tell(const struct asking *a)
{
    fprintf(stderr, "thymus-vsensor: %llu packets, %llu bytes%s\n",
        (unsigned long long)a->found.packets, (unsigned long long)a->found.bytes,
        a->found.cut ? "; there are more: the limit was reached" : "");
    if (*a->problem)
        fprintf(stderr, "thymus-vsensor: %s\n", a->problem);
    return a->found.cut || *a->problem ? EXIT_PARTLY : EXIT_GIVEN;
}

static int give(struct asking *a)
{
    const struct passwd *user = getpwuid(getuid());
    snprintf(a->by, sizeof(a->by), "user %s", user ? user->pw_name : "unknown");
    if (open_all(a) < 0 || open_out(a) < 0)
        return EXIT_FAILED;
    if (th_packets_log_asked(a->log, th_clock_ns(CLOCK_REALTIME), a->by, &a->wish) < 0) {
        fprintf(stderr, "thymus-vsensor: packets.log cannot be written: no packets are given\n");
        return EXIT_FAILED;
    }
    int r = run_role(a);
    if (r == 0)
        r = th_results_keep(&a->results);
    if (th_packets_log_ended(a->log, th_clock_ns(CLOCK_REALTIME), a->by, &a->wish,
            r < 0 ? "failed" : "given", &a->found) < 0)
        fprintf(stderr, "thymus-vsensor: packets.log: the end of a wish cannot be written\n");
    return r < 0 ? EXIT_FAILED : tell(a);
}

static int read_config(struct asking *a)
{
    char error[1024];
    TH_AUTOCLOSE int fd = open(a->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "thymus-vsensor: configuration cannot be read: %s: %s\n", a->path,
            th_strerror(-errno));
        return EXIT_USAGE;
    }
    if (th_vsensor_config_read(fd, a->path, &a->config, error, sizeof(error)) < 0) {
        fprintf(stderr, "thymus-vsensor: %s\n", error);
        return EXIT_USAGE;
    }
    return a->config.keep
        ? -1
        : usage_error("this sensor keeps no packets (keep: in its configuration)");
}

int vsensor_packets(int argc, char **argv)
{
    struct asking a = {.state = -1, .log = -1};
    int decided = parse(&a, argc, argv);
    if (decided < 0)
        decided = read_config(&a);
    if (decided < 0)
        decided = give(&a);
    th_results_done(&a.results);
    th_role_files_done(&a.files);
    th_closep(&a.state);
    th_closep(&a.log);
    th_vsensor_config_done(&a.config);
    return decided;
}
