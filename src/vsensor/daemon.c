/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "feed_inputs.h"
#include "lookup.h"
#include "parent.h"
#include "ring.h"
#include "version.h"

enum { MAX_LOCAL_NETWORKS = 64, NOBODY_ID = 65534 };
static const int lookup_ms = 5000;
static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";
static const size_t max_ca_bytes = 4u << 20;

struct sensor {
    struct th_vsensor_config config;
    const char *path, *log_level, *rate;
    bool feed;
    int feed_status; /* what is known before it begins */
    unsigned uid, gid;
    int spool, state;
    struct th_parent *parent;
};

static int complain(const struct sensor *s, const char *what, const char *which, int err)
{
    return th_parent_complain(s->parent, what, which, err);
}

/* ---- what the sensor owns ---- */

static int find_user(struct sensor *s)
{
    s->uid = s->gid = NOBODY_ID;
    if (geteuid() == 0 && s->config.user) {
        const struct passwd *p = getpwnam(s->config.user);
        if (!p || p->pw_uid == 0 || p->pw_gid == 0)
            return complain(s, "no such user, or root:", s->config.user, -EINVAL);
        s->uid = p->pw_uid;
        s->gid = p->pw_gid;
    }
    th_parent_ids(s->parent, s->uid, s->gid);
    return 0;
}

/* Made when it is not there; the roles' user's when root makes or opens it. */
static int open_folder(const struct sensor *s, const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return complain(s, "folder cannot be made:", path, -errno);
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain(s, "folder cannot be opened:", path, -errno);
    if (geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0)
        return complain(s, "folder cannot be given to its user:", path, -errno);
    return TH_TAKE_FD(fd);
}

/* One parent a sensor: two would write one spool. */
static int open_own(struct sensor *s)
{
    TH_AUTOFREE char *what = th_xasprintf("%s: this sensor", s->path);
    int r = find_user(s);
    if (r == 0)
        r = s->spool = open_folder(s, s->config.spool);
    if (r >= 0)
        r = s->state = open_folder(s, s->config.state);
    return r < 0 ? r : th_parent_lock(s->parent, s->state, "lock", what);
}

/* ---- link ---- */

/* The authorities as a file in memory: the role has no file system to read them from. */
static int give_authorities(struct sensor *s, struct th_member *m)
{
    const char *path = s->config.master_ca ? s->config.master_ca : system_ca;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (s->config.master_pin)
        return 0;
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : th_fd_read_to_end(fd, max_ca_bytes, &b);
    if (r < 0)
        return complain(s, "certificates of authorities cannot be read:", path, r);
    int memory = th_role_files_memory(th_buf_view(&b));
    if (memory < 0)
        return memory;
    th_role_files_add(&m->files, "ca", memory);
    return 0;
}

static int add_link(struct sensor *s)
{
    struct th_member *m = th_parent_add(s->parent, "link");
    int r = th_member_give(m, "spool", s->spool);
    if (r == 0)
        r = th_member_give(m, "state", s->state);
    if (r == 0)
        r = th_member_give_lock(m);
    if (r == 0)
        r = th_role_files_open(&m->files, "config", s->path, false);
    if (r == 0 && s->config.token_file)
        r = th_role_files_open(&m->files, "token", s->config.token_file, false);
    return r < 0 ? r : give_authorities(s, m);
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

static int open_rings(struct sensor *s, struct th_member *const *workers, const char *interface,
    const struct th_ring_config *config)
{
    int fds[TH_VSENSOR_MAX_WORKERS];
    uint32_t linktype;
    char ring[96];
    int r = th_ring_open(interface, config, fds, &linktype);
    if (r == -EPERM || r == -EACCES) {
        fprintf(stderr, "thymus-vsensor: interface %s: watching it takes root or CAP_NET_RAW\n",
            interface);
        return r;
    }
    if (r < 0)
        return complain(s, "interface cannot be watched:", interface, r);
    snprintf(ring, sizeof(ring), "%u/%s", linktype, interface);
    for (unsigned i = 0; i < config->workers; i++) {
        th_role_files_add(&workers[i]->files, "ring", fds[i]);
        th_member_arg(workers[i], "--ring", ring);
    }
    return 0;
}

static struct th_member *add_worker(struct sensor *s, unsigned i)
{
    char name[16] = "capture";
    if (i > 0)
        snprintf(name, sizeof(name), "capture.%u", i);
    struct th_member *m = th_parent_add(s->parent, name);
    th_parent_edge(s->parent, name, "link");
    th_member_arg(m, "--live", NULL);
    th_member_number(m, "--worker", i);
    th_member_number(m, "--ring-bytes", s->config.ring_bytes);
    for (size_t k = 0; k < s->config.local_networks.count; k++)
        th_member_arg(m, "--local-net", s->config.local_networks.v[k]);
    return m;
}

static int add_captures(struct sensor *s)
{
    struct th_ring_own own[TH_LOOKUP_MAX];
    struct th_member *workers[TH_VSENSOR_MAX_WORKERS];
    const struct th_ring_config config = {.bytes = s->config.ring_bytes,
        .workers = (unsigned)s->config.workers,
        .own = own,
        .own_count = find_own(s, own)};
    int r = 0;
    if (s->config.local_networks.count > MAX_LOCAL_NETWORKS)
        return complain(s, "local_networks:", "too many", -E2BIG);
    for (unsigned i = 0; i < config.workers; i++)
        workers[i] = add_worker(s, i);
    for (size_t i = 0; r == 0 && i < s->config.interfaces.count; i++)
        r = open_rings(s, workers, s->config.interfaces.v[i], &config);
    return r;
}

static int add_feed(struct sensor *s, char *const *paths, size_t count)
{
    struct th_member *m = th_parent_add(s->parent, "feed");
    th_parent_edge(s->parent, "feed", "link");
    m->spec.once = true;
    if (s->rate)
        th_member_arg(m, "--rate", s->rate);
    return th_feed_inputs(paths, count, &s->config, s->spool, s->log_level, &m->files);
}

/* ---- the parent ---- */

static int add_producer(struct sensor *s, char *const *paths, size_t count)
{
    if (!s->feed && s->config.interfaces.count == 0) {
        th_log(TH_LOG_WARN, "sensor %s: interfaces is empty: nothing is watched, the spool is sent",
            s->config.name);
        return 0;
    }
    return s->feed ? add_feed(s, paths, count) : add_captures(s);
}

static int supervise(struct sensor *s)
{
    th_log(TH_LOG_INFO, "sensor %s: starting", s->config.name);
    int status = th_parent_run(s->parent, "link");
    th_log(TH_LOG_INFO, "sensor %s: ended", s->config.name);
    return status;
}

/* 0, or an exit status. */
static int read_config(struct sensor *s)
{
    char error[1024];
    TH_AUTOCLOSE int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain(s, "configuration cannot be read:", s->path, -errno);
        return 2;
    }
    if (th_vsensor_config_read(fd, s->path, &s->config, error, sizeof(error)) < 0) {
        fprintf(stderr, "thymus-vsensor: %s\n", error);
        return 2;
    }
    return 0;
}

static int run(struct sensor *s, char *const *paths, size_t count)
{
    if (th_parent_new("thymus-vsensor", s->log_level, &s->parent) < 0)
        return 1;
    int status = read_config(s);
    if (status != 0)
        return status;
    int r = open_own(s);
    if (r == 0)
        r = add_link(s);
    if (r == 0)
        r = add_producer(s, paths, count);
    if (r < 0)
        return 1;
    status = supervise(s);
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
    s->spool = s->state = -1;
    int decided = parse(s, argc, argv);
    if (decided < 0)
        decided = run(s, argv + optind, (size_t)(argc - optind));
    th_parent_free(s->parent);
    th_vsensor_config_done(&s->config);
    th_closep(&s->spool);
    th_closep(&s->state);
    free(s);
    return decided;
}
