/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role stream: takes and makes the connections over which captures come (PCAP-over-IP), ends their
 * TLS, and gives the bytes to capture, which alone reads them. While capture has enough, nothing is
 * read here and the sender waits: nothing is lost on the way. A capture that was started anew has
 * seen the head of no stream, so that all connections are ended and begin anew as well.
 *
 * Descriptors: parent, capture, "listen" for each --listen (in the same order), files "tls" (key
 * and certificate), "client-ca", "ca".
 */
#include "role_stream.h"

#include <signal.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "clock.h"
#include "crypto/random.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/priv.h"
#include "role_args.h"
#include "status.h"
#include "stream_peers.h"

static const int64_t status_ns = TH_NS_PER_S;
static const int64_t recent_ns = TH_NS_PER_MIN; /* so long a problem stays on System Status */
static const int64_t lookup_again_ns = 5 * TH_NS_PER_MIN;
static const int lookup_ms = 5000;
static const size_t enough_bytes = 1u << 20; /* that wait for capture */
enum { CAPTURE, MAX_PEM_BYTES = 4 << 20, LINES_A_MINUTE = 20 };
static const char *const edge_names[] = {"capture"};

struct role {
    struct th_lock_options lock;
    struct th_edges *edges;
    unsigned generation; /* of capture that knows our streams */
    struct th_stream_peers peers;
    const char *pin;
    uint64_t limit;
    int64_t now_ns, status_at_ns;
    int64_t lines_at_ns; /* when the minute began whose lines are counted */
    unsigned lines;
    uint64_t unsaid; /* of them, for which there was no line */
    struct th_status_told refused_told;
    int64_t broken_ns;
    char broken[400]; /* the last stream that was damaged */
    char tls_problem[320];
};

/* ---- what is said ---- */

/* Strangers may come as often as they like, and are not to fill the log. */
static bool may_log(struct role *w)
{
    if (w->now_ns - w->lines_at_ns > TH_NS_PER_MIN) {
        if (w->unsaid)
            th_log(TH_LOG_INFO, "%llu more about streams in the last minute were not said",
                (unsigned long long)w->unsaid);
        w->lines_at_ns = w->now_ns;
        w->lines = 0;
        w->unsaid = 0;
    }
    if (w->lines++ < LINES_A_MINUTE)
        return true;
    w->unsaid++;
    return false;
}

static void on_begin(void *arg, const struct th_stream_conn *c)
{
    struct role *w = arg;
    int r = th_edges_send(w->edges, CAPTURE, TH_SENSOR_STREAM_BEGIN, c->id, th_str_c(c->name));
    (void)r; /* a capture that is gone is found by its generation */
    if (may_log(w))
        th_log(TH_LOG_INFO, "a capture comes from %s%s", c->name, c->tls ? " (TLS)" : "");
}

static void on_bytes(void *arg, const struct th_stream_conn *c, struct th_str bytes)
{
    struct role *w = arg;
    int r = th_edges_send(w->edges, CAPTURE, TH_SENSOR_STREAM_BYTES, c->id, bytes);
    (void)r;
}

static void on_end(void *arg, const struct th_stream_conn *c, const char *why)
{
    struct role *w = arg;
    bool again = c->target && *why && strcmp(c->target->problem, why) == 0;
    if (c->said) {
        int r = th_edges_send(w->edges, CAPTURE, TH_SENSOR_STREAM_END, c->id, th_str_c(""));
        (void)r;
    }
    if (again || (!c->said && !*why) || !may_log(w))
        return;
    if (*why)
        th_log(TH_LOG_WARN, "no capture from %s: %s%s", c->name, why,
            c->target ? "; it is tried again" : "");
    else
        th_log(TH_LOG_INFO, "the capture from %s has ended after %llu bytes", c->name,
            (unsigned long long)c->bytes);
}

static bool on_full(void *arg)
{
    const struct role *w = arg;
    return th_edges_queued(w->edges, CAPTURE) > enough_bytes;
}

static void put_problems(struct role *w, struct th_json *j)
{
    const struct th_stream_peers *p = &w->peers;
    char text[640];
    th_json_key(j, "problems");
    th_json_open_list(j);
    for (unsigned i = 0; i < p->target_count; i++) {
        const struct th_stream_target *t = &p->targets[i];
        if (!t->problem[0])
            continue;
        snprintf(
            text, sizeof(text), "no capture from %s: %s; it is tried again", t->name, t->problem);
        th_status_problem(j, "error", "stream_away", text);
    }
    if (w->broken_ns && w->now_ns - w->broken_ns < recent_ns)
        th_status_problem(j, "warn", "stream_damaged", w->broken);
    snprintf(text, sizeof(text),
        "more than %u captures came at once (pcap_streams): further ones are refused", p->limit);
    th_status_while(j, &w->refused_told, p->refused_ns && w->now_ns - p->refused_ns < recent_ns,
        w->now_ns, "error", "streams_refused", text);
    if (w->tls_problem[0])
        th_status_problem(j, "error", "certificate_unusable", w->tls_problem);
    th_json_close_list(j);
}

static void tell_status(struct role *w)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    const struct th_stream_counts *c = &w->peers.counts;
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "streams_begun", c->begun);
    th_status_count(&j, "streams_ended", c->ended);
    th_status_count(&j, "streams_damaged", c->broken);
    th_status_count(&j, "connections_failed", c->failed);
    th_status_count(&j, "connections_refused", c->refused);
    th_status_count(&j, "stream_bytes", c->bytes);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "streams", th_stream_peers_open(&w->peers));
    th_status_count(&j, "streams_limit", w->peers.limit);
    th_status_count(&j, "waiting_bytes", th_edges_queued(w->edges, CAPTURE));
    th_json_close(&j);
    put_problems(w, &j);
    th_json_close(&j);
    th_edges_status(w->edges, th_buf_view(&b));
}

/* ---- certificates ---- */

static int read_file(int fd, struct th_buf *ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0 || st.st_size > MAX_PEM_BYTES)
        return TH_E_LIMIT;
    uint8_t *to = th_buf_reserve(ret, (size_t)st.st_size);
    if (pread(fd, to, (size_t)st.st_size, 0) != st.st_size)
        return -EIO;
    th_buf_commit(ret, (size_t)st.st_size);
    return 0;
}

static int show_identity(struct role *w, int fd)
{
    TH_AUTOBUF struct th_buf pem = TH_BUF_INIT;
    TH_CLEANUP(th_tls_identity_unrefp) struct th_tls_identity *identity = NULL;
    int r = read_file(fd, &pem);
    if (r == 0)
        r = th_tls_identity_new(th_buf_view(&pem), &identity);
    th_wipe(pem.p, pem.len);
    if (r == 0)
        th_tls_rules_show(w->peers.server, identity);
    return r;
}

static void refuse_identity(struct role *w, const char *reason)
{
    snprintf(w->tls_problem, sizeof(w->tls_problem),
        "pcap_key and pcap_cert cannot be used (%s): the certificate from before is still shown",
        reason);
    th_log(TH_LOG_ERROR, "%s", w->tls_problem);
}

/* The newest that is of use. */
static int first_identity(struct role *w, const struct th_inherited *in)
{
    int r = -ENOENT;
    for (size_t i = 0; r < 0 && th_inherit_get(in, "tls", i) >= 0; i++) {
        r = show_identity(w, th_inherit_get(in, "tls", i));
        if (r < 0)
            refuse_identity(w, th_strerror(r));
    }
    return r;
}

static void look_for_identity(struct role *w)
{
    struct th_edges_file f;
    if (!th_edges_file(w->edges, &f))
        return;
    int r = f.fd < 0 ? TH_E_CONFIG : show_identity(w, f.fd);
    bool none = f.fd < 0;
    th_closep(&f.fd);
    if (r < 0) {
        refuse_identity(w, none ? f.reason : th_strerror(r));
        return;
    }
    w->tls_problem[0] = '\0';
    th_edges_file_taken(w->edges, &f);
    th_log(TH_LOG_INFO, "a new certificate is shown to those who come from now on");
}

static int make_rules(struct role *w, const struct th_inherited *in)
{
    TH_AUTOBUF struct th_buf client_ca = TH_BUF_INIT, ca = TH_BUF_INIT;
    int client_fd = th_inherit_get(in, "client-ca", 0), ca_fd = th_inherit_get(in, "ca", 0);
    int r = client_fd < 0 ? 0 : read_file(client_fd, &client_ca);
    if (r == 0 && ca_fd >= 0)
        r = read_file(ca_fd, &ca);
    if (r == 0 && th_inherit_get(in, "tls", 0) >= 0) {
        r = th_tls_rules_server(th_buf_view(&client_ca), &w->peers.server);
        if (r == 0)
            r = first_identity(w, in);
    }
    if (r == 0 && (w->pin || ca_fd >= 0))
        r = th_tls_rules_client(th_buf_view(&ca), w->pin, &w->peers.client);
    if (r < 0)
        th_log(
            TH_LOG_ERROR, "certificates for captures over TLS cannot be used: %s", th_strerror(r));
    return r;
}

/* ---- the loop ---- */

static void hear_capture(struct role *w)
{
    struct th_ipc_message m;
    while (th_edges_receive(w->edges, CAPTURE, &m) > 0) {
        if (m.type != TH_SENSOR_STREAM_STOP)
            continue;
        struct th_str rest = m.body;
        struct th_str name = th_str_split(&rest, '\n');
        char why[300];
        snprintf(why, sizeof(why), "%.*s", (int)rest.len, rest.p);
        w->broken_ns = w->now_ns;
        snprintf(w->broken, sizeof(w->broken), "the capture from %.*s was damaged: %s",
            (int)TH_MIN(name.len, 80u), name.p, why);
        if (!th_stream_peers_stop(&w->peers, m.id, why, w->now_ns) && may_log(w))
            th_log(TH_LOG_WARN, "%s", w->broken);
    }
}

/* Another capture knows none of what was begun. */
static bool look_at_capture(struct role *w)
{
    bool up = th_edges_up(w->edges, CAPTURE);
    unsigned generation = th_edges_generation(w->edges, CAPTURE);
    if (!up || generation != w->generation) {
        if (th_stream_peers_open(&w->peers) && may_log(w))
            th_log(TH_LOG_WARN, "capture was away: all streams begin anew");
        th_stream_peers_drop(&w->peers, w->now_ns);
    }
    w->generation = generation;
    return up;
}

/* A peer of a name that is away for long may have another address by now. This role cannot ask: it
 * ends, when no other stream is ended by that, and its next asks. */
static bool should_look_up(const struct role *w)
{
    struct th_addr number;
    bool away = false;
    for (unsigned i = 0; i < w->peers.target_count; i++) {
        const struct th_stream_target *t = &w->peers.targets[i];
        away |= t->away_since_ns && w->now_ns - t->away_since_ns > lookup_again_ns &&
            !th_addr_parse(th_str_c(t->at.host), &number);
    }
    return away && th_stream_peers_open(&w->peers) == 0;
}

static int turn(struct role *w)
{
    struct pollfd fds[TH_STREAM_LISTENERS_MAX + TH_STREAMS_MAX];
    bool up = th_edges_up(w->edges, CAPTURE);
    size_t n = th_stream_peers_poll(&w->peers, up, fds);
    int64_t left_ms = (w->status_at_ns - w->now_ns) / TH_NS_PER_MS + 1;
    int r = th_edges_wait(w->edges, fds, n, (int)TH_MAX(left_ms, 0));
    w->now_ns = th_clock_ns(CLOCK_MONOTONIC);
    if (r < 0)
        return r;
    hear_capture(w);
    if (look_at_capture(w))
        th_stream_peers_turn(&w->peers, up, fds, n, w->now_ns);
    look_for_identity(w);
    if (w->now_ns >= w->status_at_ns) {
        tell_status(w);
        w->status_at_ns = w->now_ns + status_ns;
    }
    return should_look_up(w) ? -EAGAIN : 0;
}

/* ---- the role ---- */

static bool add_listener(struct role *w, const char *value)
{
    struct th_stream_peers *p = &w->peers;
    if (p->listener_count == TH_STREAM_LISTENERS_MAX)
        return false;
    p->listeners[p->listener_count].fd = -1;
    p->listeners[p->listener_count++].tls = strcmp(value, "tls") == 0;
    return true;
}

static bool add_target(struct role *w, const char *value)
{
    struct th_stream_peers *p = &w->peers;
    if (p->target_count == TH_STREAM_TARGETS_MAX)
        return false;
    struct th_stream_target *t = &p->targets[p->target_count++];
    if (!th_endpoint_parse(value, &t->at))
        return false;
    snprintf(t->name, sizeof(t->name), "%s", t->at.address);
    return true;
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct role *w = arg;
    if (strcmp(name, "--listen") == 0)
        return add_listener(w, value);
    if (strcmp(name, "--connect") == 0)
        return add_target(w, value);
    if (strcmp(name, "--streams") == 0)
        return th_str_u64(th_str_c(value), &w->limit);
    if (strcmp(name, "--pin") != 0)
        return false;
    w->pin = value;
    return true;
}

static int open_all(struct role *w)
{
    static const struct th_stream_ops ops = {
        .begin = on_begin, .bytes = on_bytes, .end = on_end, .full = on_full};
    struct th_inherited in;
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    w->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    th_stream_peers_init(&w->peers, &ops, w, (unsigned)TH_MIN(w->limit, TH_STREAMS_MAX));
    for (unsigned i = 0; i < w->peers.listener_count; i++) {
        w->peers.listeners[i].fd = th_inherit_get(&in, "listen", i);
        if (w->peers.listeners[i].fd < 0)
            return -EBADF;
    }
    for (unsigned i = 0; i < w->peers.target_count; i++) {
        struct th_stream_target *t = &w->peers.targets[i];
        int n = th_lookup(t->at.host, lookup_ms, t->addrs);
        t->addr_count = n < 0 ? 0 : (unsigned)n;
    }
    signal(SIGPIPE, SIG_IGN);
    return make_rules(w, &in);
}

int role_stream(int argc, char **argv)
{
    struct role *w = th_xcalloc(1, sizeof(*w));
    struct th_role_args args;
    int r = th_role_args_read(argc, argv, "thymus-vsensor stream", take_option, w, &args);
    w->lock.uid = args.uid;
    w->lock.gid = args.gid;
    if (r == 0)
        r = open_all(w);
    if (r == 0)
        r = th_role_lock_with(TH_ROLE_STREAM, &w->lock);
    w->now_ns = th_clock_ns(CLOCK_MONOTONIC);
    while (r == 0 && !th_edges_stopping(w->edges))
        r = turn(w);
    if (r == -EAGAIN)
        th_log(TH_LOG_INFO, "a peer was not reached: its name is looked up again");
    else if (r < 0 && r != -EPIPE)
        th_log(TH_LOG_ERROR, "streams stopped: %s", th_strerror(r));
    th_stream_peers_done(&w->peers);
    th_edges_free(w->edges);
    free(w);
    return r < 0 ? 1 : 0;
}
