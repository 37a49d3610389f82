/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cursor.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "priv/edge.h"
#include "priv/readers.h"

static const int64_t delay_min_ns = 200 * TH_NS_PER_MS;
static const int64_t delay_max_ns = 5 * TH_NS_PER_S;
static const int64_t old_enough_ns = 30 * TH_NS_PER_S; /* dies later: not young any more */
static const int64_t stop_ns = 8 * TH_NS_PER_S;        /* then roles are killed */

struct role {
    const struct th_role_spec *spec;
    pid_t pid;                                 /* 0: not running */
    int parent;                                /* our end of its parent socket; -1 */
    int64_t started_ns, start_at_ns, delay_ns; /* monotonic */
    unsigned restarts;
    char last_exit[96];
};

struct supervisor {
    const struct th_supervise_config *config;
    struct role roles[TH_SUPERVISE_MAX_ROLES];
    int signals;
    bool look; /* at the files that may have changed */
    bool stopping;
    int64_t stop_at_ns;
    int status; /* exit */
    int64_t told_ns;
    uint8_t storage[TH_PARENT_MAX_BYTES];
};

static struct role *find(struct supervisor *s, const char *name)
{
    for (size_t i = 0; i < s->config->role_count; i++)
        if (strcmp(s->roles[i].spec->name, name) == 0)
            return &s->roles[i];
    return NULL;
}

/* The name after "--role": without its number. */
static void role_word(const struct th_role_spec *spec, char ret[64])
{
    snprintf(ret, 64, "%s", spec->name);
    char *dot = strchr(ret, '.');
    if (dot)
        *dot = 0;
}

/* ---- starting ---- */

/* Makes the role's edges; hands the other ends to the peers that run. Those that do not run get
 * theirs when they start. */
static size_t make_edges(
    struct supervisor *s, const struct role *r, struct th_role_fd *fds, size_t count, size_t max)
{
    for (size_t i = 0; i < s->config->edge_count; i++) {
        const struct th_edge_spec *e = &s->config->edges[i];
        bool is_a = strcmp(e->a, r->spec->name) == 0;
        if (!is_a && strcmp(e->b, r->spec->name) != 0)
            continue;
        const char *other = is_a ? e->b : e->a;
        const struct role *peer = find(s, other);
        int pair[2];
        if (!peer || peer->pid == 0 || count == max)
            continue;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
            th_log(TH_LOG_ERROR, "edge %s-%s cannot be made: %s", r->spec->name, other,
                th_strerror(-errno));
            continue;
        }
        struct th_str none = {.p = "", .len = 0};
        int err = th_parent_send(peer->parent, TH_PARENT_EDGE, r->spec->name, none, pair[1]);
        if (err < 0)
            th_log(TH_LOG_WARN, "edge %s-%s cannot be handed over: %s", r->spec->name, other,
                th_strerror(err));
        close(pair[1]);
        fds[count++] = (struct th_role_fd){.fd = pair[0], .tag = other};
    }
    return count;
}

/* Says that there are newer files. What cannot be sent now is given at the role's next start. */
static void tell_files(const struct role *r)
{
    TH_AUTOBUF struct th_buf bytes = TH_BUF_INIT;
    struct th_renewal_news news;
    if (!r->spec->renewal || r->pid == 0 || !th_renewal_news(r->spec->renewal, &news))
        return;
    th_buf_le64(&bytes, news.number);
    if (news.fd < 0)
        th_buf_puts(&bytes, news.reason);
    int err = th_parent_send(
        r->parent, TH_PARENT_FILE, th_renewal_tag(r->spec->renewal), th_buf_view(&bytes), news.fd);
    if (err < 0)
        th_log(TH_LOG_WARN, "role %s cannot be told of new files: %s", r->spec->name,
            th_strerror(err));
}

static size_t give_files(const struct role *r, struct th_role_fd *fds, size_t count)
{
    int given[2];
    size_t n = r->spec->renewal ? th_renewal_given(r->spec->renewal, given) : 0;
    for (size_t i = 0; i < n; i++)
        fds[count++] = (struct th_role_fd){.fd = given[i], .tag = th_renewal_tag(r->spec->renewal)};
    return count;
}

/* A log that is another file now. */
static void tell_logs(const struct role *r)
{
    struct th_log_news news;
    while (r->spec->logs && r->pid != 0 && th_logs_look(r->spec->logs, &news)) {
        TH_AUTOBUF struct th_buf bytes = TH_BUF_INIT;
        TH_AUTOCLOSE int fd = news.fd;
        th_buf_le64(&bytes, 0); /* nobody says that it is good */
        if (fd < 0)
            th_buf_puts(&bytes, news.reason);
        int err = th_parent_send(r->parent, TH_PARENT_FILE, news.tag, th_buf_view(&bytes), fd);
        if (err < 0) { /* too busy, or gone: then it gets all when it starts */
            th_logs_again(r->spec->logs, news.log);
            return;
        }
    }
}

static int start_role(struct supervisor *s, struct role *r)
{
    struct th_role_fd fds[TH_ROLE_MAX_FDS];
    char word[64];
    int pair[2];
    size_t count = 0;
    size_t kept = r->spec->fd_count;
    if (kept + TH_EDGES_MAX + TH_LOGS_MAX_GIVEN + 3 > TH_ROLE_MAX_FDS)
        return -E2BIG;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    fds[count++] = (struct th_role_fd){.fd = pair[1], .tag = "parent"};
    for (size_t i = 0; i < kept; i++)
        fds[count++] = r->spec->fds[i];
    count = give_files(r, fds, count);
    size_t own = count;
    if (r->spec->logs)
        count += th_logs_given(r->spec->logs, fds + count);
    count = make_edges(s, r, fds, count, count + TH_EDGES_MAX);
    role_word(r->spec, word);
    int err = th_spawn(r->spec->program, word, fds, count, r->spec->args, &r->pid);
    for (size_t i = own; i < count; i++)
        close(fds[i].fd);
    close(pair[1]);
    if (err < 0) {
        close(pair[0]);
        r->pid = 0;
        return err;
    }
    r->parent = pair[0];
    r->started_ns = th_clock_ns(CLOCK_MONOTONIC);
    tell_files(r); /* the role is to say whether they are good */
    return 0;
}

static void schedule(struct role *r, int64_t now_ns)
{
    bool young = r->started_ns == 0 || now_ns - r->started_ns < old_enough_ns;
    r->delay_ns = young && r->delay_ns ? TH_MIN(2 * r->delay_ns, delay_max_ns) : delay_min_ns;
    r->start_at_ns = now_ns + r->delay_ns;
}

static void start_due(struct supervisor *s)
{
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    for (size_t i = 0; i < s->config->role_count && !s->stopping; i++) {
        struct role *r = &s->roles[i];
        if (r->pid != 0 || r->start_at_ns > now_ns)
            continue;
        int err = start_role(s, r);
        if (err < 0) {
            th_log(TH_LOG_ERROR, "role %s cannot be started: %s; trying again", r->spec->name,
                th_strerror(err));
            schedule(r, now_ns);
        }
    }
}

/* ---- ending ---- */

static void stop_all(struct supervisor *s, int status)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->status = status;
    s->stop_at_ns = th_clock_ns(CLOCK_MONOTONIC) + stop_ns;
    struct th_str none = {.p = "", .len = 0};
    for (size_t i = 0; i < s->config->role_count; i++) {
        int err =
            s->roles[i].pid ? th_parent_send(s->roles[i].parent, TH_PARENT_STOP, "", none, -1) : 0;
        if (err < 0)
            kill(s->roles[i].pid, SIGTERM);
    }
}

static bool any_running(const struct supervisor *s)
{
    for (size_t i = 0; i < s->config->role_count; i++)
        if (s->roles[i].pid)
            return true;
    return false;
}

static void buried(struct supervisor *s, struct role *r, int wait_status)
{
    bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    th_exit_text(wait_status, r->last_exit, sizeof(r->last_exit));
    r->pid = 0;
    close(r->parent);
    r->parent = -1;
    if (s->stopping) {
        if (!well)
            th_log(TH_LOG_WARN, "role %s %s while ending", r->spec->name, r->last_exit);
        return;
    }
    if (r->spec->once) {
        stop_all(s, WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1);
        return;
    }
    r->restarts++;
    schedule(r, th_clock_ns(CLOCK_MONOTONIC));
    th_log(TH_LOG_ERROR, "role %s %s; starting it again", r->spec->name, r->last_exit);
}

static void reap(struct supervisor *s)
{
    int status;
    for (size_t i = 0; i < s->config->role_count; i++) {
        struct role *r = &s->roles[i];
        if (r->pid && waitpid(r->pid, &status, WNOHANG) == r->pid)
            buried(s, r, status);
    }
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop_all(s, 0);
        else if (info.ssi_signo == SIGHUP)
            s->look = true;
}

/* ---- files that change ---- */

static void look_at_files(struct supervisor *s, int64_t now_ns)
{
    for (size_t i = 0; i < s->config->role_count; i++) {
        const struct role *r = &s->roles[i];
        if (r->spec->renewal && th_renewal_look(r->spec->renewal, now_ns, s->look))
            tell_files(r);
        tell_logs(r);
    }
    s->look = false;
}

static void files_taken(const struct role *r, struct th_str bytes)
{
    struct th_cur c = th_cur_init(bytes.p, bytes.len);
    uint64_t number = th_cur_le64(&c);
    if (!c.failed && r->spec->renewal)
        th_renewal_good(r->spec->renewal, number);
}

/* ---- status ---- */

static void pass_status(struct supervisor *s, const char *name, struct th_str json)
{
    struct role *to = s->config->status_to ? find(s, s->config->status_to) : NULL;
    if (!to || to->pid == 0)
        return;
    int err = th_parent_send(to->parent, TH_PARENT_STATUS, name, json, -1);
    (void)err; /* too busy now: the next one comes in a second */
}

static void hear_role(struct supervisor *s, const struct role *r)
{
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    int fd;
    while (
        r->parent >= 0 && th_parent_receive(r->parent, s->storage, &type, name, &bytes, &fd) > 0) {
        if (fd >= 0)
            close(fd); /* none is ever expected from a role */
        if (type == TH_PARENT_STATUS)
            pass_status(s, r->spec->name, bytes);
        else if (type == TH_PARENT_TAKEN)
            files_taken(r, bytes);
    }
}

/* What only the parent knows of the roles, as the status of "supervisor". */
static void tell_roles(struct supervisor *s, int64_t now_ns)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    th_json_open(&j);
    th_json_key(&j, "roles");
    th_json_open_list(&j);
    for (size_t i = 0; i < s->config->role_count; i++) {
        const struct role *r = &s->roles[i];
        th_json_open(&j);
        th_json_key(&j, "name");
        th_json_str(&j, th_str_c(r->spec->name));
        th_json_key(&j, "state");
        th_json_str(&j, th_str_c(r->pid ? "up" : "down"));
        th_json_key(&j, "pid");
        th_json_u64(&j, (uint64_t)r->pid);
        th_json_key(&j, "restarts");
        th_json_u64(&j, r->restarts);
        th_json_key(&j, "up_s");
        th_json_u64(&j, r->pid ? (uint64_t)((now_ns - r->started_ns) / TH_NS_PER_S) : 0);
        th_json_key(&j, "last_exit");
        th_json_str(&j, th_str_c(r->last_exit));
        th_json_close(&j);
    }
    th_json_close_list(&j);
    th_json_close(&j);
    pass_status(s, "supervisor", th_buf_view(&b));
}

/* ---- the loop ---- */

static void wait_some(struct supervisor *s)
{
    struct pollfd fds[1 + TH_SUPERVISE_MAX_ROLES];
    size_t of[1 + TH_SUPERVISE_MAX_ROLES];
    nfds_t n = 1;
    fds[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    for (size_t i = 0; i < s->config->role_count; i++) {
        if (s->roles[i].parent < 0)
            continue;
        of[n] = i;
        fds[n++] = (struct pollfd){.fd = s->roles[i].parent, .events = POLLIN};
    }
    if (poll(fds, n, 100) < 0)
        return;
    for (nfds_t i = 1; i < n; i++)
        if (fds[i].revents & POLLIN)
            hear_role(s, &s->roles[of[i]]);
    if (fds[0].revents)
        take_signals(s);
}

static void kill_the_slow(struct supervisor *s, int64_t now_ns)
{
    if (!s->stopping || now_ns < s->stop_at_ns)
        return;
    for (size_t i = 0; i < s->config->role_count; i++)
        if (s->roles[i].pid)
            kill(s->roles[i].pid, SIGKILL);
}

static bool any_renewal(const struct th_supervise_config *config)
{
    for (size_t i = 0; i < config->role_count; i++)
        if (config->roles[i].renewal)
            return true;
    return false;
}

static int open_signals(const struct th_supervise_config *config)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (any_renewal(config)) /* else it ends the daemon, as it does everywhere */
        sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int th_supervise(const struct th_supervise_config *config)
{
    TH_ASSERT(config->role_count <= TH_SUPERVISE_MAX_ROLES);
    struct supervisor *s = th_xcalloc(1, sizeof(*s));
    s->config = config;
    for (size_t i = 0; i < config->role_count; i++)
        s->roles[i] = (struct role){.spec = &config->roles[i], .parent = -1};
    s->signals = open_signals(config);
    if (s->signals < 0) {
        th_log(TH_LOG_ERROR, "signals cannot be taken: %s", th_strerror(s->signals));
        free(s);
        return 1;
    }
    while (!s->stopping || any_running(s)) {
        int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
        start_due(s);
        wait_some(s);
        reap(s);
        kill_the_slow(s, now_ns);
        look_at_files(s, now_ns);
        if (now_ns - s->told_ns >= TH_NS_PER_S) {
            tell_roles(s, now_ns);
            s->told_ns = now_ns;
        }
    }
    int status = s->status;
    close(s->signals);
    free(s);
    return status;
}
