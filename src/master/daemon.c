/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "instance.h"
#include "listen.h"
#include "parent.h"
#include "version.h"

enum { MAX_LISTEN = 16, MAX_PROXIES = 16, MAX_NETWORKS = 64 };

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

struct master {
    struct th_instance instance;
    const char *path, *log_level, *ui;
    struct th_parent *parent;
};

static struct th_member *add(struct master *w, const char *name)
{
    char id[17];
    struct th_member *m = th_parent_add(w->parent, name);
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)w->instance.id);
    th_member_arg(m, "--instance-name", w->instance.name);
    th_member_arg(m, "--instance-id", id);
    return m;
}

static int give_folder(struct master *w, struct th_member *m, enum th_instance_folder folder)
{
    return th_member_give(m, th_instance_folder_name(folder), w->instance.folders[folder]);
}

static int give_key(struct master *w, struct th_member *m, const char *tag, const char *name)
{
    int fd = openat(w->instance.folders[TH_INSTANCE_KEYS], name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return th_parent_complain(w->parent, "a key cannot be opened:", name, -errno);
    th_role_files_add(&m->files, tag, fd);
    return 0;
}

/* ---- sockets ---- */

static int give_listen(struct master *w, struct th_member *m)
{
    for (size_t i = 0; i < w->instance.listen.count && i < MAX_LISTEN; i++) {
        int fd = th_listen_open(w->instance.listen.v[i]);
        if (fd < 0)
            return th_parent_complain(w->parent, "cannot listen on", w->instance.listen.v[i], fd);
        th_role_files_add(&m->files, "listen", fd);
    }
    return 0;
}

/* The operator's way in: a socket that only the owner of the folder reaches. */
static int give_control(struct master *w, struct th_member *m)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    TH_AUTOFREE char *path = th_xasprintf("%s/run/control", w->path);
    unlinkat(w->instance.folders[TH_INSTANCE_RUN], "control", 0);
    TH_AUTOCLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return th_parent_complain(w->parent, "no control socket", "", -errno);
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
        return th_parent_complain(w->parent, "the control socket cannot be made:", path, r);
    th_role_files_add(&m->files, "control", TH_TAKE_FD(fd));
    return 0;
}

/* ---- the roles ---- */

static int pass_list(
    struct th_member *m, const char *name, const struct th_conf_list *l, size_t most)
{
    if (l->count > most)
        return th_parent_complain(m->parent, "the list is too long that is given as", name, -E2BIG);
    for (size_t i = 0; i < l->count; i++)
        th_member_arg(m, name, l->v[i]);
    return 0;
}

static int fill_gateway(struct master *w, struct th_member *m)
{
    static const char *const tls_files[] = {"tls.key", "tls.crt"};
    char ui[4096];
    int r = pass_list(m, "--proxy-from", &w->instance.proxy_from, MAX_PROXIES);
    if (r == 0)
        r = give_listen(w, m);
    if (r == 0)
        r = th_renewal_new("tls", w->instance.folders[TH_INSTANCE_KEYS], tls_files,
            TH_ARRAY_LEN(tls_files), &m->spec.renewal);
    if (r == 0 && w->ui)
        r = th_role_files_open(&m->files, "ui", w->ui, false);
    else if (r == 0 && th_sibling_program("../share/thymus/ui.pack", ui, sizeof(ui)) == 0)
        r = th_role_files_open(&m->files, "ui", ui, true);
    return r;
}

static int fill_intake(struct master *w, struct th_member *m)
{
    th_member_number(m, "--log-bytes", w->instance.log_bytes);
    return give_folder(w, m, TH_INSTANCE_LOG);
}

static int fill_state(struct master *w, struct th_member *m)
{
    th_member_arg(m, "--host-name", w->instance.host_name);
    th_member_arg(m, "--time-zone", w->instance.time_zone ? w->instance.time_zone : "UTC");
    th_member_number(m, "--data-bytes", w->instance.data_bytes);
    th_member_arg(m, "--approve-sensors", w->instance.approve_sensors ? "yes" : "no");
    int r = give_folder(w, m, TH_INSTANCE_STATE);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_LOG);
    if (r == 0)
        r = give_key(w, m, "instance-key", "instance.key");
    return r < 0 ? r : give_control(w, m);
}

/* Of Debian's package ieee-data. */
static const char makers_path[] = "/usr/share/ieee-data/oui.csv";

static int fill_core(struct master *w, struct th_member *m)
{
    char models[4096];
    th_member_arg(m, "--live", NULL);
    th_member_number(m, "--shards", w->instance.shards);
    int r = pass_list(m, "--local-net", &w->instance.local_networks, MAX_NETWORKS);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_LOG);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_CHECKPOINTS);
    if (r == 0)
        r = th_find_models(NULL, models, sizeof(models));
    if (r == 0)
        r = th_role_files_models(&m->files, models);
    if (r < 0)
        return r;
    TH_AUTOFREE char *prior = th_xasprintf("%s/prior.bin", models);
    r = th_role_files_open(&m->files, "prior", prior, true);
    return r < 0 ? r : th_role_files_open(&m->files, "makers", makers_path, true);
}

static int fill_store(struct master *w, struct th_member *m)
{
    th_member_number(m, "--data-bytes", w->instance.data_bytes);
    int r = give_folder(w, m, TH_INSTANCE_SEGMENTS);
    return r < 0 ? r : give_folder(w, m, TH_INSTANCE_LOG);
}

static int fill_seal(struct master *w, struct th_member *m)
{
    int r = pass_list(m, "--local-net", &w->instance.local_networks, MAX_NETWORKS);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_SEGMENTS);
    if (r == 0)
        r = give_folder(w, m, TH_INSTANCE_LOG);
    return r < 0 ? r : give_folder(w, m, TH_INSTANCE_CHECKPOINTS);
}

/* With the lock, as all that write have it, and who listens: a new master cannot before it is gone.
 */
static int add_locking(
    struct master *w, const char *name, int (*fill)(struct master *w, struct th_member *m))
{
    struct th_member *m = add(w, name);
    int r = fill(w, m);
    return r == 0 ? th_member_give_lock(m) : r;
}

static int add_writers(struct master *w)
{
    static const struct {
        const char *name;
        int (*fill)(struct master *w, struct th_member *m);
    } writers[] = {{"intake", fill_intake}, {"state", fill_state}, {"store", fill_store},
        {"seal", fill_seal}, {"core", fill_core}};
    int r = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(writers) && r == 0; i++)
        r = add_locking(w, writers[i].name, writers[i].fill);
    return r;
}

static int add_queries(struct master *w)
{
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < w->instance.queries; i++) {
        char name[16];
        snprintf(name, sizeof(name), "query.%u", (unsigned)i);
        r = give_folder(w, add(w, name), TH_INSTANCE_SEGMENTS);
        th_parent_edge(w->parent, "gateway", name);
        th_parent_edge(w->parent, "store", name);
    }
    return r;
}

static void add_edges(struct master *w)
{
    static const struct th_edge_spec fixed[] = {{"gateway", "intake"}, {"gateway", "state"},
        {"gateway", "store"}, {"state", "intake"}, {"core", "intake"}, {"seal", "intake"},
        {"store", "intake"}, {"core", "store"}, {"core", "seal"}, {"seal", "store"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(fixed); i++)
        th_parent_edge(w->parent, fixed[i].a, fixed[i].b);
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

static int open_instance(struct master *w)
{
    char error[1024];
    int r = th_instance_open(w->path, &w->instance, error, sizeof(error));
    if (r < 0)
        fprintf(stderr, "thymus-master: %s\n", error);
    return r;
}

static int prepare(struct master *w)
{
    TH_AUTOFREE char *what = th_xasprintf("%s: a master of this instance", w->path);
    int r = th_parent_new("thymus-master", w->log_level, &w->parent);
    if (r < 0)
        return r;
    th_parent_ids(w->parent, w->instance.uid, w->instance.gid);
    r = th_parent_lock(w->parent, w->instance.folders[TH_INSTANCE_RUN], "master.lock", what);
    if (r == 0)
        r = add_writers(w);
    if (r == 0)
        r = add_queries(w);
    if (r == 0)
        r = add_locking(w, "gateway", fill_gateway);
    add_edges(w);
    return r;
}

static int run(struct master *w)
{
    if (open_instance(w) < 0)
        return 2;
    if (prepare(w) < 0)
        return 1;
    th_log(TH_LOG_INFO, "instance %s: starting", w->instance.name);
    int status = th_parent_run(w->parent, "gateway");
    th_log(TH_LOG_INFO, "instance %s: ended", w->instance.name);
    return status;
}

int master_daemon(int argc, char **argv)
{
    struct master *w = th_xcalloc(1, sizeof(*w));
    w->instance = TH_INSTANCE_INIT;
    int decided = parse(w, argc, argv);
    if (decided < 0)
        decided = run(w);
    th_parent_free(w->parent);
    th_instance_done(&w->instance);
    free(w);
    return decided;
}
