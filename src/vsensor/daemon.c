/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "feed_inputs.h"
#include "lock.h"
#include "lookup.h"
#include "ring.h"
#include "role_files.h"
#include "supervise.h"
#include "version.h"

enum { MAX_ARGS = 2 * 64 + 2 * TH_VSENSOR_MAX_INTERFACES + 16, NOBODY_ID = 65534 };
static const int lookup_ms = 5000;
static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";
static const size_t max_ca_bytes = 4u << 20;

/* A role with all that it gets at each start. */
struct member {
    struct th_role_files files;
    const char *args[MAX_ARGS + 1];
    size_t arg_count;
};

struct sensor {
    struct th_vsensor_config config;
    const char *path, *log_level, *rate;
    bool feed;
    int feed_status; /* what is known before it begins */
    char program[4096];
    unsigned uid, gid;
    char uid_text[12], gid_text[12], ring_text[24];
    char rings[TH_VSENSOR_MAX_INTERFACES][96];
    int spool, state, lock;
    struct member producers[TH_VSENSOR_MAX_WORKERS], link;
    size_t producer_count;
};

static const char *const worker_names[TH_VSENSOR_MAX_WORKERS] = {"capture", "capture.1",
    "capture.2", "capture.3", "capture.4", "capture.5", "capture.6", "capture.7"};
static const char *const worker_numbers[TH_VSENSOR_MAX_WORKERS] = {
    "0", "1", "2", "3", "4", "5", "6", "7"};

static int complain(const char *what, const char *which, int err)
{
    fprintf(
        stderr, "thymus-vsensor: %s%s%s: %s\n", what, *which ? " " : "", which, th_strerror(err));
    return err;
}

static void arg(struct member *m, const char *name, const char *value)
{
    TH_ASSERT(m->arg_count + 2 <= MAX_ARGS);
    m->args[m->arg_count++] = name;
    if (value)
        m->args[m->arg_count++] = value;
}

static void common_args(struct sensor *s, struct member *m)
{
    arg(m, "--uid", s->uid_text);
    arg(m, "--gid", s->gid_text);
    arg(m, "--log-level", s->log_level);
}

/* ---- what the sensor owns ---- */

static int find_user(struct sensor *s)
{
    s->uid = s->gid = NOBODY_ID;
    if (geteuid() == 0 && s->config.user) {
        const struct passwd *p = getpwnam(s->config.user);
        if (!p || p->pw_uid == 0 || p->pw_gid == 0)
            return complain("no such user, or root:", s->config.user, -EINVAL);
        s->uid = p->pw_uid;
        s->gid = p->pw_gid;
    }
    snprintf(s->uid_text, sizeof(s->uid_text), "%u", s->uid);
    snprintf(s->gid_text, sizeof(s->gid_text), "%u", s->gid);
    return 0;
}

/* Made when it is not there; the roles' user's when root makes or opens it. */
static int open_folder(const struct sensor *s, const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return complain("folder cannot be made:", path, -errno);
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain("folder cannot be opened:", path, -errno);
    if (geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0)
        return complain("folder cannot be given to its user:", path, -errno);
    return TH_TAKE_FD(fd);
}

/* One parent a sensor: two would write one spool. */
static int take_lock(struct sensor *s)
{
    s->lock = th_lock_take(s->state, "lock");
    if (s->lock == -EBUSY)
        fprintf(stderr, "thymus-vsensor: %s: this sensor is running already\n", s->path);
    else if (s->lock < 0)
        complain("state folder: no lock", "", s->lock);
    return TH_MIN(s->lock, 0);
}

static int open_own(struct sensor *s)
{
    int r = find_user(s);
    if (r == 0)
        r = s->spool = open_folder(s, s->config.spool);
    if (r >= 0)
        r = s->state = open_folder(s, s->config.state);
    return r < 0 ? r : take_lock(s);
}

/* ---- link ---- */

/* The authorities as a file in memory: the role has no file system to read them from. */
static int give_authorities(struct sensor *s)
{
    const char *path = s->config.master_ca ? s->config.master_ca : system_ca;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (s->config.master_pin)
        return 0;
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain("certificates of authorities cannot be read:", path, -errno);
    b.limit = max_ca_bytes;
    for (;;) {
        uint8_t *to = th_buf_reserve(&b, 65536);
        ssize_t n = to ? read(fd, to, 65536) : -1;
        if (n < 0)
            return complain(
                "certificates of authorities cannot be read:", path, to ? -errno : TH_E_LIMIT);
        if (n == 0)
            break;
        th_buf_commit(&b, (size_t)n);
    }
    int memory = th_role_files_memory(th_buf_view(&b));
    if (memory < 0)
        return memory;
    th_role_files_add(&s->link.files, "ca", memory);
    return 0;
}

static int give(struct sensor *s, const char *tag, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return complain("no more descriptors", "", -errno);
    th_role_files_add(&s->link.files, tag, copy);
    return 0;
}

static int make_link(struct sensor *s)
{
    common_args(s, &s->link);
    int r = give(s, "spool", s->spool);
    if (r == 0)
        r = give(s, "state", s->state);
    if (r == 0)
        r = give(s, "lock", s->lock); /* see lock.h */
    if (r == 0)
        r = th_role_files_open(&s->link.files, "config", s->path, false);
    if (r == 0 && s->config.token_file)
        r = th_role_files_open(&s->link.files, "token", s->config.token_file, false);
    return r < 0 ? r : give_authorities(s);
}

/* ---- live capture ---- */

/* Where the sensor itself connects to: watching that would make events of sending events. */
static size_t find_own(const struct sensor *s, struct th_ring_own own[TH_LOOKUP_MAX])
{
    char host[256], port[6];
    struct th_addr found[TH_LOOKUP_MAX];
    uint64_t number = 0;
    if (!th_vsensor_config_peer(&s->config, host, port) || !th_str_u64(th_str_c(port), &number))
        return 0;
    int n = th_lookup(host, lookup_ms, found);
    if (n < 0)
        th_log(TH_LOG_WARN,
            "%s has no address at the moment: the sensor's own traffic to it will "
            "be seen",
            host);
    for (int i = 0; i < n; i++)
        own[i] = (struct th_ring_own){.addr = found[i], .port = (uint16_t)number};
    return n < 0 ? 0 : (size_t)n;
}

static int open_rings(struct sensor *s, size_t i, const struct th_ring_config *config)
{
    const char *interface = s->config.interfaces.v[i];
    int fds[TH_VSENSOR_MAX_WORKERS];
    uint32_t linktype;
    int r = th_ring_open(interface, config, fds, &linktype);
    if (r == -EPERM || r == -EACCES) {
        fprintf(stderr, "thymus-vsensor: interface %s: watching it takes root or CAP_NET_RAW\n",
            interface);
        return r;
    }
    if (r < 0)
        return complain("interface cannot be watched:", interface, r);
    snprintf(s->rings[i], sizeof(s->rings[i]), "%u/%s", linktype, interface);
    for (size_t k = 0; k < s->producer_count; k++) {
        th_role_files_add(&s->producers[k].files, "ring", fds[k]);
        arg(&s->producers[k], "--ring", s->rings[i]);
    }
    return 0;
}

static int make_captures(struct sensor *s)
{
    struct th_ring_own own[TH_LOOKUP_MAX];
    const struct th_ring_config config = {.bytes = s->config.ring_bytes,
        .workers = (unsigned)s->config.workers,
        .own = own,
        .own_count = find_own(s, own)};
    int r = 0;
    s->producer_count = s->config.interfaces.count ? s->config.workers : 0;
    snprintf(s->ring_text, sizeof(s->ring_text), "%llu", (unsigned long long)s->config.ring_bytes);
    for (size_t k = 0; k < s->producer_count; k++) {
        struct member *m = &s->producers[k];
        common_args(s, m);
        arg(m, "--live", NULL);
        arg(m, "--worker", worker_numbers[k]);
        arg(m, "--ring-bytes", s->ring_text);
        for (size_t i = 0; i < s->config.local_networks.count && i < 64; i++)
            arg(m, "--local-net", s->config.local_networks.v[i]);
    }
    for (size_t i = 0; r == 0 && i < s->config.interfaces.count; i++)
        r = open_rings(s, i, &config);
    return r;
}

static int make_feed(struct sensor *s, char *const *paths, size_t count)
{
    struct member *m = &s->producers[0];
    s->producer_count = 1;
    if (s->rate)
        arg(m, "--rate", s->rate);
    return th_feed_inputs(paths, count, &s->config, s->spool, s->log_level, &m->files);
}

/* ---- the parent ---- */

static struct th_role_spec spec_of(const struct sensor *s, const char *name, struct member *m)
{
    return (struct th_role_spec){.name = name,
        .program = s->program,
        .fds = m->files.v,
        .fd_count = m->files.count,
        .args = m->args};
}

static int supervise(struct sensor *s)
{
    struct th_role_spec roles[1 + TH_VSENSOR_MAX_WORKERS];
    struct th_edge_spec edges[TH_VSENSOR_MAX_WORKERS];
    roles[0] = spec_of(s, "link", &s->link);
    for (size_t k = 0; k < s->producer_count; k++) {
        const char *name = s->feed ? "feed" : worker_names[k];
        roles[1 + k] = spec_of(s, name, &s->producers[k]);
        roles[1 + k].once = s->feed;
        edges[k] = (struct th_edge_spec){.a = name, .b = "link"};
    }
    const struct th_supervise_config config = {.roles = roles,
        .role_count = 1 + s->producer_count,
        .edges = edges,
        .edge_count = s->producer_count,
        .status_to = "link"};
    if (s->producer_count == 0)
        th_log(TH_LOG_WARN, "sensor %s: interfaces is empty: nothing is watched, the spool is sent",
            s->config.name);
    th_log(TH_LOG_INFO, "sensor %s: starting", s->config.name);
    int status = th_supervise(&config);
    th_log(TH_LOG_INFO, "sensor %s: ended", s->config.name);
    return status;
}

static int run(struct sensor *s, char *const *paths, size_t count)
{
    char error[1024];
    TH_AUTOCLOSE int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("configuration cannot be read:", s->path, -errno);
        return 2;
    }
    int r = th_vsensor_config_read(fd, s->path, &s->config, error, sizeof(error));
    if (r < 0) {
        fprintf(stderr, "thymus-vsensor: %s\n", error);
        return 2;
    }
    r = open_own(s);
    if (r == 0)
        r = th_sibling_program("thymus-vsensor", s->program, sizeof(s->program));
    if (r == 0)
        r = make_link(s);
    if (r == 0 && s->feed)
        r = make_feed(s, paths, count);
    else if (r == 0)
        r = make_captures(s);
    if (r < 0)
        return 1;
    int status = supervise(s);
    return status == 0 ? r : status;
}

static int usage_error(const char *what)
{
    fprintf(stderr, "thymus-vsensor: %s; see thymus-vsensor --help\n", what);
    return 2;
}

/* Exit status when it is decided already, else -1. */
static int parse(struct sensor *s, int argc, char **argv)
{
    enum { OPT_CONFIG = 1, OPT_FEED, OPT_LEVEL, OPT_RATE };
    static const struct option longs[] = {{"config", required_argument, NULL, OPT_CONFIG},
        {"feed", no_argument, NULL, OPT_FEED}, {"log-level", required_argument, NULL, OPT_LEVEL},
        {"rate", required_argument, NULL, OPT_RATE}, {0}};
    uint64_t rate = 0;
    enum th_log_level level = TH_LOG_INFO;
    s->log_level = "info";
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case OPT_CONFIG: s->path = optarg; break;
        case OPT_FEED: s->feed = true; break;
        case OPT_LEVEL: s->log_level = optarg; break;
        case OPT_RATE: s->rate = optarg; break;
        default: return usage_error("unknown or incomplete option");
        }
    }
    if (!s->path)
        return usage_error("no configuration given");
    if (!th_log_level_parse(s->log_level, &level))
        return usage_error("--log-level is error, warn, info or debug");
    if (s->feed != (optind < argc))
        return usage_error(s->feed ? "--feed needs at least one path" : "paths are for --feed");
    if (s->rate && (!s->feed || !th_str_u64(th_str_c(s->rate), &rate) || rate == 0))
        return usage_error("--rate is a number of events a second, with --feed");
    th_log_set(level, "thymus-vsensor");
    return -1;
}

int vsensor_daemon(int argc, char **argv)
{
    struct sensor *s = th_xcalloc(1, sizeof(*s));
    s->spool = s->state = s->lock = -1;
    int decided = parse(s, argc, argv);
    if (decided < 0)
        decided = run(s, argv + optind, (size_t)(argc - optind));
    for (size_t k = 0; k < TH_VSENSOR_MAX_WORKERS; k++)
        th_role_files_done(&s->producers[k].files);
    th_role_files_done(&s->link.files);
    th_vsensor_config_done(&s->config);
    th_closep(&s->spool);
    th_closep(&s->state);
    th_closep(&s->lock);
    free(s);
    return decided;
}
