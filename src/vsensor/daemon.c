/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "daemon_streams.h"
#include "feed_inputs.h"
#include "filter.h"
#include "flow_socket.h"
#include "folders.h"
#include "keep/lane.h"
#include "lookup.h"
#include "nic.h"
#include "parent.h"
#include "ring.h"
#include "version.h"

enum { MAX_LOCAL_NETWORKS = 64, MAX_OWN = 2 * TH_LOOKUP_MAX, MAX_FILTER_BYTES = 4 << 20 };
static const int lookup_ms = 5000;
static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";
static const size_t max_ca_bytes = 4u << 20;

struct sensor {
    struct th_vsensor_config config;
    const char *path, *log_level, *rate;
    bool feed;
    int feed_status; /* what is known before it begins */
    struct th_folders_owner owner;
    int spool, state;
    int filter_fd; /* of the configuration, compiled; -1: it has none */
    struct th_filter *filter;
    struct th_parent *parent;
};

static int complain(const struct sensor *s, const char *what, const char *which, int err)
{
    return th_parent_complain(s->parent, what, which, err);
}

/* ---- what the sensor owns ---- */

/* One parent a sensor: two would write one spool. */
static int open_own(struct sensor *s)
{
    TH_AUTOFREE char *what = th_xasprintf("%s: this sensor", s->path);
    int r = th_folders_owner(&s->config, &s->owner);
    if (r == 0) {
        th_parent_ids(s->parent, s->owner.uid, s->owner.gid);
        r = s->spool = th_folders_open(s->config.spool, &s->owner);
    }
    if (r >= 0)
        r = s->state = th_folders_open(s->config.state, &s->owner);
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

/* The interfaces' own counts of what they lose, and where these stand now. */
static int give_interfaces(struct sensor *s, struct th_member *m)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    TH_AUTOCLOSE int fd = open("/proc/net/dev", O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : th_fd_read_to_end(fd, TH_NIC_MAX_TEXT, &text);
    for (size_t i = 0; r == 0 && i < s->config.interfaces.count; i++) {
        char nic[96];
        uint64_t count = 0;
        const char *name = s->config.interfaces.v[i];
        bool known = th_nic_count(th_buf_view(&text), name, &count);
        snprintf(nic, sizeof(nic), known ? "%s=%llu" : "%s", name, (unsigned long long)count);
        th_member_arg(m, "--nic", nic);
    }
    return r < 0 ? r : th_role_files_open(&m->files, "nic", "/proc/net/dev", false);
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
    if (r == 0 && !s->feed)
        r = give_interfaces(s, m);
    return r < 0 ? r : give_authorities(s, m);
}

/* ---- keep ---- */

/* What a capture role is to keep; headers, when nothing is said. */
static void tell_rules(const struct sensor *s, struct th_member *worker)
{
    TH_AUTOBUF struct th_buf rules = TH_BUF_INIT;
    for (size_t i = 0; i < s->config.keep_rules.count; i++)
        th_buf_printf(&rules, "%s%s", i ? ";" : "", s->config.keep_rules.v[i]);
    th_buf_u8(&rules, '\0');
    if (s->config.keep_payload)
        th_member_arg(worker, "--keep-payload", s->config.keep_payload);
    if (s->config.keep_rules.count)
        th_member_arg(worker, "--keep-rules", (const char *)rules.p);
}

/* The memory that it shares with a worker; the parent holds it, so that it outlives both. */
static int share_lane(
    const struct sensor *s, struct th_member *keep, struct th_member *worker, int bell)
{
    TH_AUTOCLOSE int lane = th_lane_make();
    if (lane < 0)
        return complain(s, "memory for packets cannot be had:", "lane", lane);
    int r = th_member_give(keep, "lane", lane);
    if (r == 0)
        r = th_member_give(worker, "lane", lane);
    if (r == 0)
        r = th_member_give(worker, "bell", bell);
    tell_rules(s, worker);
    return r;
}

static int add_keep(struct sensor *s, struct th_member *const *workers)
{
    if (!s->config.keep)
        return 0;
    struct th_member *m = th_parent_add(s->parent, "keep");
    th_parent_edge(s->parent, "keep", "link");
    th_member_number(m, "--keep-bytes", s->config.keep_bytes);
    th_member_number(m, "--keep-hours", s->config.keep_hours);
    TH_AUTOCLOSE int folder = th_folders_open(s->config.keep, &s->owner);
    TH_AUTOCLOSE int key = folder < 0 ? folder : th_folders_keep_key(s->state, true);
    TH_AUTOCLOSE int log = key < 0 ? key : th_folders_packets_log(s->state);
    if (log < 0)
        return log;
    TH_AUTOCLOSE int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0)
        return complain(s, "keep cannot be woken:", "eventfd", -errno);
    int r = th_member_give(m, "keep", folder);
    if (r == 0)
        r = th_member_give(m, "keep-key", key);
    if (r == 0)
        r = th_member_give(m, "packets-log", log);
    if (r == 0)
        r = th_member_give(m, "bell", bell);
    if (r == 0)
        r = th_member_give_lock(m);
    for (unsigned i = 0; r == 0 && i < s->config.workers; i++)
        r = share_lane(s, m, workers[i], bell);
    return r;
}

/* ---- live capture ---- */

/* Where the sensor itself connects to: watching that would make events of sending events, and see
 * what streams bring twice. */
static size_t find_own(const struct sensor *s, struct th_ring_own own[MAX_OWN])
{
    char host[256], port[6];
    struct th_addr found[TH_LOOKUP_MAX];
    uint64_t number = 0;
    if (!th_vsensor_config_peer(&s->config, host, port) || !th_str_u64(th_str_c(port), &number))
        return 0;
    int n = th_lookup(host, lookup_ms, found);
    if (n < 0)
        th_log(TH_LOG_WARN,
            "%s has no address at the moment: the sensor's own traffic to it will be seen", host);
    for (int i = 0; i < n; i++)
        own[i] = (struct th_ring_own){.addr = found[i], .port = (uint16_t)number};
    size_t count = n < 0 ? 0 : (size_t)n;
    return count + th_daemon_streams_own(&s->config, own + count, MAX_OWN - count);
}

static int open_rings(struct sensor *s, struct th_member *const *workers, const char *interface,
    const struct th_ring_config *config)
{
    int fds[TH_VSENSOR_MAX_WORKERS], seen;
    uint32_t linktype;
    char ring[96];
    int r = th_ring_open(interface, config, fds, &seen, &linktype);
    if (r == -EPERM || r == -EACCES) {
        fprintf(stderr, "thymus-vsensor: interface %s: watching it takes root or CAP_NET_RAW\n",
            interface);
        return r;
    }
    if (r == TH_E_CONFIG) {
        fprintf(stderr, "thymus-vsensor: interface %s: filter does not apply to its kind of link\n",
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
    if (seen >= 0)
        th_role_files_add(&workers[0]->files, "seen", seen);
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
    th_member_number(m, "--memory", s->config.memory_bytes / s->config.workers);
    for (size_t k = 0; k < s->config.local_networks.count; k++)
        th_member_arg(m, "--local-net", s->config.local_networks.v[k]);
    for (size_t k = 0; k < s->config.exclude_networks.count; k++)
        th_member_arg(m, "--exclude-net", s->config.exclude_networks.v[k]);
    return m;
}

static int add_captures(struct sensor *s)
{
    struct th_ring_own own[MAX_OWN];
    struct th_member *workers[TH_VSENSOR_MAX_WORKERS] = {0};
    const struct th_ring_config config = {.bytes = s->config.ring_bytes,
        .workers = (unsigned)s->config.workers,
        .own = own,
        .own_count = find_own(s, own),
        .filter = s->filter};
    int r = 0;
    if (s->config.local_networks.count > MAX_LOCAL_NETWORKS)
        return complain(s, "local_networks:", "too many", -E2BIG);
    TH_ASSERT(config.workers > 0); /* the configuration was checked */
    for (unsigned i = 0; i < config.workers; i++)
        workers[i] = add_worker(s, i);
    for (size_t i = 0; r == 0 && i < s->config.interfaces.count; i++)
        r = open_rings(s, workers, s->config.interfaces.v[i], &config);
    if (r == 0)
        r = add_keep(s, workers);
    if (r == 0 && s->filter && th_daemon_streams_any(&s->config))
        r = th_member_give(workers[0], "filter", s->filter_fd);
    return r < 0 ? r : th_daemon_streams_add(s->parent, &s->config, workers[0]);
}

/* ---- flow exporters ---- */

static int add_collect(struct sensor *s)
{
    const struct th_conf_list *listen = &s->config.flow_listen, *from = &s->config.flow_from;
    struct th_member *m = th_parent_add(s->parent, "collect");
    th_parent_edge(s->parent, "collect", "link");
    for (size_t i = 0; i < listen->count; i++) {
        int fd = th_flow_socket_open(listen->v[i]);
        if (fd < 0)
            return complain(s, "flow_listen: cannot listen on", listen->v[i], fd);
        th_role_files_add(&m->files, "flow", fd);
    }
    for (size_t i = 0; i < from->count; i++)
        th_member_arg(m, "--flow-from", from->v[i]);
    for (size_t i = 0; i < s->config.exclude_networks.count; i++)
        th_member_arg(m, "--exclude-net", s->config.exclude_networks.v[i]);
    return 0;
}

/* ---- logs of others ---- */

static int add_follow(struct sensor *s)
{
    const struct th_conf_list *logs = &s->config.eve_follow;
    struct th_member *m = th_parent_add(s->parent, "follow");
    th_parent_edge(s->parent, "follow", "link");
    m->spec.logs = th_logs_new((const char *const *)logs->v, logs->count);
    for (size_t i = 0; i < logs->count; i++)
        th_member_arg(m, "--eve", logs->v[i]);
    for (size_t i = 0; i < s->config.exclude_networks.count; i++)
        th_member_arg(m, "--exclude-net", s->config.exclude_networks.v[i]);
    TH_AUTOCLOSE int book = th_folders_follow_book(s->state);
    int r = book < 0 ? book : th_member_give(m, "book", book);
    return r < 0 ? r : th_member_give_lock(m);
}

static int add_feed(struct sensor *s, char *const *paths, size_t count)
{
    struct th_member *m = th_parent_add(s->parent, "feed");
    th_parent_edge(s->parent, "feed", "link");
    m->spec.once = true;
    if (s->rate)
        th_member_arg(m, "--rate", s->rate);
    return th_feed_inputs(
        paths, count, &s->config, s->filter_fd, s->spool, s->log_level, &m->files);
}

/* ---- the parent ---- */

static int add_producer(struct sensor *s, char *const *paths, size_t count)
{
    const bool captures = th_vsensor_config_captures(&s->config),
               collects = s->config.flow_listen.count > 0, follows = s->config.eve_follow.count > 0;
    if (s->feed)
        return add_feed(s, paths, count);
    if (!captures && !collects && !follows)
        th_log(TH_LOG_WARN,
            "sensor %s: there are no interfaces, no pcap_listen, pcap_connect, flow_listen or "
            "eve_follow: nothing is watched, the spool is sent",
            s->config.name);
    int r = captures ? add_captures(s) : 0;
    if (r == 0 && collects)
        r = add_collect(s);
    return r == 0 && follows ? add_follow(s) : r;
}

static int supervise(struct sensor *s)
{
    th_log(TH_LOG_INFO, "sensor %s: starting", s->config.name);
    int status = th_parent_run(s->parent, "link");
    th_log(TH_LOG_INFO, "sensor %s: ended", s->config.name);
    return status;
}

/* Compiled here, once: interfaces have it in the kernel, captures in the role that reads them. */
static int make_filter(struct sensor *s)
{
    char error[1024];
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (!s->config.filter)
        return 0;
    s->filter_fd = th_filter_make(s->config.filter, error, sizeof(error));
    if (s->filter_fd < 0) {
        fprintf(stderr, "thymus-vsensor: %s, line %zu: filter: %s\n", s->path,
            s->config.filter_line, error);
        return s->filter_fd;
    }
    int r = th_fd_read_to_end(s->filter_fd, MAX_FILTER_BYTES, &b);
    return r < 0 ? r : th_filter_read(th_buf_view(&b), &s->filter);
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
    if (make_filter(s) < 0)
        return 2;
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
    s->spool = s->state = s->filter_fd = -1;
    int decided = parse(s, argc, argv);
    if (decided < 0)
        decided = run(s, argv + optind, (size_t)(argc - optind));
    th_parent_free(s->parent);
    th_vsensor_config_done(&s->config);
    th_closep(&s->spool);
    th_closep(&s->state);
    th_closep(&s->filter_fd);
    th_filter_free(s->filter);
    free(s);
    return decided;
}
