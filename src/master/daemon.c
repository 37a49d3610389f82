/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "instance.h"
#include "lock.h"
#include "role_files.h"
#include "supervise.h"
#include "version.h"

enum { MAX_LISTEN = 16, MAX_ARGS = 96, MAX_QUERIES = 8, FIXED_ROLES = 6, BACKLOG = 512 };

static const char help[] =
    "Usage: thymus-master --instance DIR [OPTION]...\n"
    "\n"
    "Runs the master of one instance, a folder made by `thymusctl instance create DIR`, until it\n"
    "is told to end (SIGTERM, SIGINT).\n"
    "\n"
    "Options:\n"
    "  --ui FILE         the packed user interface; default: the one beside this program\n"
    "  --log-level WORD  error, warn, info or debug; default info\n"
    "  --help, --version\n";

/* A role with all that it gets at each start. */
struct member {
    struct th_role_files files;
    const char *args[MAX_ARGS + 1];
    size_t arg_count;
};

struct master {
    struct th_instance instance;
    const char *path, *log_level, *ui;
    char program[4096];
    char id[17], uid[12], gid[12], log_bytes[24], data_bytes[24], shards[12], number[8][12];
    int lock;
    struct th_renewal *tls;
    struct member members[FIXED_ROLES + MAX_QUERIES];
    struct th_role_spec specs[FIXED_ROLES + MAX_QUERIES];
    size_t count;
    struct th_edge_spec edges[TH_SUPERVISE_MAX_EDGES];
    size_t edge_count;
};

static int complain(const char *what, const char *which, int err)
{
    fprintf(
        stderr, "thymus-master: %s%s%s: %s\n", what, *which ? " " : "", which, th_strerror(err));
    return err;
}

/* ---- members ---- */

static void arg(struct member *m, const char *name, const char *value)
{
    TH_ASSERT(m->arg_count + 2 <= MAX_ARGS);
    m->args[m->arg_count++] = name;
    if (value)
        m->args[m->arg_count++] = value;
}

static struct member *add(struct master *w, const char *name)
{
    struct member *m = &w->members[w->count];
    struct th_role_spec *spec = &w->specs[w->count++];
    *spec = (struct th_role_spec){.name = name, .program = w->program};
    arg(m, "--instance-name", w->instance.name);
    arg(m, "--instance-id", w->id);
    arg(m, "--uid", w->uid);
    arg(m, "--gid", w->gid);
    arg(m, "--log-level", w->log_level);
    return m;
}

static void edge(struct master *w, const char *a, const char *b)
{
    TH_ASSERT(w->edge_count < TH_SUPERVISE_MAX_EDGES);
    w->edges[w->edge_count++] = (struct th_edge_spec){.a = a, .b = b};
}

static int give_folder(struct master *w, struct member *m, enum th_instance_folder folder)
{
    int fd = fcntl(w->instance.folders[folder], F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return complain("no more descriptors", "", -errno);
    th_role_files_add(&m->files, th_instance_folder_name(folder), fd);
    return 0;
}

/* For who writes or listens: see lock.h. */
static int give_lock(struct master *w, struct member *m)
{
    int fd = fcntl(w->lock, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return complain("no more descriptors", "", -errno);
    th_role_files_add(&m->files, "lock", fd);
    return 0;
}

static int give_key(struct master *w, struct member *m, const char *tag, const char *name)
{
    int fd = openat(w->instance.folders[TH_INSTANCE_KEYS], name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain("a key cannot be opened:", name, -errno);
    th_role_files_add(&m->files, tag, fd);
    return 0;
}

/* ---- sockets ---- */

static int listen_on(const struct addrinfo *a)
{
    int on = 1;
    TH_AUTOCLOSE int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (a->ai_family == AF_INET6) {
        int off = 0; /* "[::]:443" takes IPv4 as well */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return TH_TAKE_FD(fd);
}

/* "127.0.0.1:8443", "[::]:443", "name:443" */
static int open_listen(const char *text)
{
    TH_AUTOFREE char *host = th_xstrdup(text);
    char *port = strrchr(host, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (!port)
        return -EINVAL;
    *port++ = 0;
    char *name = host;
    size_t len = strlen(host);
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        name = host + 1;
    }
    if (getaddrinfo(*name ? name : NULL, port, &hints, &found) != 0)
        return -EADDRNOTAVAIL;
    int fd = listen_on(found);
    freeaddrinfo(found);
    return fd;
}

static int give_listen(struct master *w, struct member *m)
{
    for (size_t i = 0; i < w->instance.listen.count && i < MAX_LISTEN; i++) {
        int fd = open_listen(w->instance.listen.v[i]);
        if (fd < 0)
            return complain("cannot listen on", w->instance.listen.v[i], fd);
        th_role_files_add(&m->files, "listen", fd);
    }
    return 0;
}

/* The operator's way in: a socket that only the owner of the folder reaches. */
static int give_control(struct master *w, struct member *m)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    TH_AUTOFREE char *path = th_xasprintf("%s/run/control", w->path);
    unlinkat(w->instance.folders[TH_INSTANCE_RUN], "control", 0);
    TH_AUTOCLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return complain("no control socket", "", -errno);
    if (strlen(path) >= sizeof(addr.sun_path)) {
        /* A path this long goes by the folder's descriptor. */
        snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/control",
            w->instance.folders[TH_INSTANCE_RUN]);
    } else {
        memcpy(addr.sun_path, path, strlen(path) + 1);
    }
    mode_t before = umask(0177);
    int r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
    umask(before);
    if (r == 0 && listen(fd, 16) < 0)
        r = -errno;
    if (r < 0)
        return complain("the control socket cannot be made:", path, r);
    th_role_files_add(&m->files, "control", TH_TAKE_FD(fd));
    return 0;
}

/* ---- the roles ---- */

static void pass_list(struct member *m, const char *name, const struct th_conf_list *l)
{
    for (size_t i = 0; i < l->count && m->arg_count + 2 <= MAX_ARGS; i++)
        arg(m, name, l->v[i]);
}

static int add_gateway(struct master *w)
{
    static const char *const tls_files[] = {"tls.key", "tls.crt"};
    char ui[4096];
    struct member *m = add(w, "gateway");
    arg(m, "--host-name", w->instance.host_name);
    pass_list(m, "--proxy-from", &w->instance.proxy_from);
    int r = give_listen(w, m);
    if (r == 0)
        r = th_renewal_new("tls", w->instance.folders[TH_INSTANCE_KEYS], tls_files,
            TH_ARRAY_LEN(tls_files), &w->tls);
    if (r == 0 && w->ui)
        r = th_role_files_open(&m->files, "ui", w->ui, false);
    else if (r == 0 && th_sibling_program("../share/thymus/ui.pack", ui, sizeof(ui)) == 0)
        r = th_role_files_open(&m->files, "ui", ui, true);
    return r;
}

static int add_intake(struct master *w)
{
    struct member *m = add(w, "intake");
    arg(m, "--log-bytes", w->log_bytes);
    return give_folder(w, m, TH_INSTANCE_LOG);
}

static int add_state(struct master *w)
{
    struct member *m = add(w, "state");
    arg(m, "--host-name", w->instance.host_name);
    arg(m, "--time-zone", w->instance.time_zone ? w->instance.time_zone : "UTC");
    arg(m, "--approve-sensors", w->instance.approve_sensors ? "yes" : "no");
    int r = give_folder(w, m, TH_INSTANCE_STATE);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_LOG);
    if (r == 0)
        r = give_key(w, m, "instance-key", "instance.key");
    return r < 0 ? r : give_control(w, m);
}

static int add_core(struct master *w)
{
    char models[4096];
    struct member *m = add(w, "core");
    arg(m, "--live", NULL);
    arg(m, "--shards", w->shards);
    pass_list(m, "--local-net", &w->instance.local_networks);
    int r = give_folder(w, m, TH_INSTANCE_LOG);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_CHECKPOINTS);
    if (r == 0)
        r = th_find_models(NULL, models, sizeof(models));
    if (r == 0)
        r = th_role_files_models(&m->files, models);
    if (r < 0)
        return r;
    TH_AUTOFREE char *prior = th_xasprintf("%s/prior.bin", models);
    return th_role_files_open(&m->files, "prior", prior, true);
}

static int add_store(struct master *w)
{
    struct member *m = add(w, "store");
    arg(m, "--data-bytes", w->data_bytes);
    int r = give_folder(w, m, TH_INSTANCE_SEGMENTS);
    return r < 0 ? r : give_folder(w, m, TH_INSTANCE_LOG);
}

static int add_seal(struct master *w)
{
    struct member *m = add(w, "seal");
    arg(m, "--data-bytes", w->data_bytes);
    pass_list(m, "--local-net", &w->instance.local_networks);
    int r = give_folder(w, m, TH_INSTANCE_SEGMENTS);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_LOG);
    return r < 0 ? r : give_folder(w, m, TH_INSTANCE_CHECKPOINTS);
}

static int add_writers(struct master *w)
{
    int (*const adders[])(struct master *) = {add_intake, add_state, add_store, add_seal, add_core};
    int r = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(adders) && r == 0; i++) {
        r = adders[i](w);
        if (r == 0)
            r = give_lock(w, &w->members[w->count - 1]);
    }
    return r;
}

static int add_queries(struct master *w)
{
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < w->instance.queries; i++) {
        snprintf(w->number[i], sizeof(w->number[i]), "query.%u", (unsigned)i);
        struct member *m = add(w, w->number[i]);
        r = give_folder(w, m, TH_INSTANCE_SEGMENTS);
        edge(w, "gateway", w->number[i]);
        edge(w, "store", w->number[i]);
    }
    return r;
}

static void add_edges(struct master *w)
{
    static const struct th_edge_spec fixed[] = {{"gateway", "intake"}, {"gateway", "state"},
        {"gateway", "store"}, {"state", "intake"}, {"core", "intake"}, {"seal", "intake"},
        {"store", "intake"}, {"core", "store"}, {"core", "seal"}, {"seal", "store"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(fixed); i++)
        edge(w, fixed[i].a, fixed[i].b);
}

static int add_all(struct master *w)
{
    int r = add_writers(w);
    if (r == 0)
        r = add_queries(w);
    if (r == 0)
        r = add_gateway(w);
    if (r == 0) /* it has the listening sockets: a new master cannot listen before it is gone */
        r = give_lock(w, &w->members[w->count - 1]);
    add_edges(w);
    for (size_t i = 0; i < w->count; i++) {
        w->specs[i].fds = w->members[i].files.v;
        w->specs[i].fd_count = w->members[i].files.count;
        w->specs[i].args = w->members[i].args;
        if (strcmp(w->specs[i].name, "gateway") == 0)
            w->specs[i].renewal = w->tls;
    }
    return r;
}

/* ---- the parent ---- */

static int usage_error(const char *what)
{
    fprintf(stderr, "thymus-master: %s; see thymus-master --help\n", what);
    return 2;
}

/* Exit status when it is decided already, else -1. */
static int parse(struct master *w, int argc, char **argv)
{
    enum { OPT_INSTANCE = 1, OPT_UI, OPT_LEVEL, OPT_HELP, OPT_VERSION };
    static const struct option longs[] = {{"instance", required_argument, NULL, OPT_INSTANCE},
        {"ui", required_argument, NULL, OPT_UI}, {"log-level", required_argument, NULL, OPT_LEVEL},
        {"help", no_argument, NULL, OPT_HELP}, {"version", no_argument, NULL, OPT_VERSION}, {0}};
    enum th_log_level level = TH_LOG_INFO;
    w->log_level = "info";
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case OPT_INSTANCE: w->path = optarg; break;
        case OPT_UI: w->ui = optarg; break;
        case OPT_LEVEL: w->log_level = optarg; break;
        case OPT_HELP: return fputs(help, stdout) < 0;
        case OPT_VERSION: return printf("thymus-master %s\n", TH_VERSION) < 0;
        default: return usage_error("unknown or incomplete option");
        }
    }
    if (!w->path)
        return usage_error("no instance given");
    if (!th_log_level_parse(w->log_level, &level))
        return usage_error("--log-level is error, warn, info or debug");
    th_log_set(level, "thymus-master");
    return -1;
}

static void format_args(struct master *w)
{
    const struct th_instance *i = &w->instance;
    snprintf(w->id, sizeof(w->id), "%016llx", (unsigned long long)i->id);
    snprintf(w->uid, sizeof(w->uid), "%u", i->uid);
    snprintf(w->gid, sizeof(w->gid), "%u", i->gid);
    snprintf(w->log_bytes, sizeof(w->log_bytes), "%llu", (unsigned long long)i->log_bytes);
    snprintf(w->data_bytes, sizeof(w->data_bytes), "%llu", (unsigned long long)i->data_bytes);
    snprintf(w->shards, sizeof(w->shards), "%u", (unsigned)i->shards);
}

/* One master an instance. */
static int take_lock(struct master *w)
{
    w->lock = th_lock_take(w->instance.folders[TH_INSTANCE_RUN], "master.lock");
    if (w->lock == -EBUSY)
        fprintf(
            stderr, "thymus-master: %s: a master of this instance is running already\n", w->path);
    else if (w->lock < 0)
        complain("run/master.lock", "", w->lock);
    return TH_MIN(w->lock, 0);
}

static int run(struct master *w)
{
    char error[1024];
    int r = th_instance_open(w->path, &w->instance, error, sizeof(error));
    if (r < 0) {
        fprintf(stderr, "thymus-master: %s\n", error);
        return 2;
    }
    r = take_lock(w);
    if (r == 0)
        r = th_sibling_program("thymus-master", w->program, sizeof(w->program));
    if (r < 0)
        return 1;
    format_args(w);
    if (add_all(w) < 0)
        return 1;
    struct th_supervise_config config = {.roles = w->specs,
        .role_count = w->count,
        .edges = w->edges,
        .edge_count = w->edge_count,
        .status_to = "gateway"};
    th_log(TH_LOG_INFO, "instance %s: starting", w->instance.name);
    r = th_supervise(&config);
    th_log(TH_LOG_INFO, "instance %s: ended", w->instance.name);
    return r;
}

int master_daemon(int argc, char **argv)
{
    struct master *w = th_xcalloc(1, sizeof(*w));
    w->instance = TH_INSTANCE_INIT;
    w->lock = -1;
    int decided = parse(w, argc, argv);
    if (decided < 0)
        decided = run(w);
    for (size_t i = 0; i < w->count; i++)
        th_role_files_done(&w->members[i].files);
    th_renewal_free(w->tls);
    th_instance_done(&w->instance);
    if (w->lock >= 0)
        close(w->lock);
    free(w);
    return decided;
}
