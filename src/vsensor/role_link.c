/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role link: takes frames from capture or feed into the spool, and sends what is in the spool to
 * the master. A producer hears that a frame is saved when it is on the disk, and not before.
 * Recorded input waits while the spool is half full; live capture is always taken, the spool then
 * drops its oldest and says so to the master.
 *
 * What the master asks for of kept packets goes to the role keep, and its answer up
 * (link_packets.h).
 *
 * Descriptors: parent, capture, collect and follow, or feed, perhaps keep, folders "spool" and
 * "state", files "config", "token", "ca", "nic" (nic.h).
 */
#include "role_link.h"

#include <jansson.h>
#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "clock.h"
#include "config.h"
#include "crypto/random.h"
#include "link/client.h"
#include "link_packets.h"
#include "link_status.h"
#include "lookup.h"
#include "messages.h"
#include "nic.h"
#include "post.h"
#include "priv/edge.h"
#include "priv/priv.h"
#include "problems.h"
#include "role_args.h"
#include "role_live.h"
#include "version.h"

static const int64_t status_ns = TH_NS_PER_S;
static const int64_t retry_disk_ns = TH_NS_PER_S;
static const int64_t farewell_ns = 4 * TH_NS_PER_S;
static const int64_t log_each_ns = TH_NS_PER_MIN;
/* A master that is not to be reached for so long may have another address by now. */
static const int64_t lookup_again_ns = 5 * TH_NS_PER_MIN;
static const int64_t lookup_failed_ns = 15 * TH_NS_PER_S;
static const unsigned turn_frames = 64; /* between two syncs */
static const int lookup_ms = 10000;

/* Workers of live capture, collect and follow, or feed. The keep of packets may be. */
enum { CAPTURE, FEED = TH_VSENSOR_MAX_WORKERS, COLLECT, FOLLOW, PRODUCERS, KEEP = PRODUCERS };
static const char *const edge_names[] = {"capture", "capture.1", "capture.2", "capture.3",
    "capture.4", "capture.5", "capture.6",
    "capture.7", [FEED] = "feed", [COLLECT] = "collect", [FOLLOW] = "follow", [KEEP] = "keep"};

/* What a producer is owed. */
struct producer {
    uint64_t added;      /* in the spool, to be told when it is synced */
    uint64_t saved;      /* told */
    unsigned generation; /* of the connection that this is about */
    bool drain;          /* wants to know when the master has all below drain_next */
    uint64_t drain_id, drain_next;
};

/* A message that the disk had no room for. */
struct held {
    bool is;
    unsigned edge;
    uint16_t type;
    uint64_t id;
    struct th_buf body;
};

struct role {
    struct th_lock_options lock;
    struct th_role_folder folders[2];
    int spool_fd, state_fd, config_fd, token_fd, ca_fd;
    struct th_io spool_io, state_io;
    struct th_vsensor_config config;
    struct th_own own;
    struct th_post *post;
    struct th_link *link;
    struct th_edges *edges;
    struct producer producers[PRODUCERS];
    struct th_relay relay;
    int64_t lookup_ns;  /* not reached for so long: its name is looked up again; 0: it has none */
    bool dirty;         /* something was added and not synced */
    bool failed;        /* what was added is not on the disk, and will not be */
    int64_t disk_at_ns; /* when a failing disk is tried again */
    int disk_error;
    struct held held;
    int64_t status_at_ns, unreached_ns, logged_ns;
    bool logged;
    enum th_link_standing standing; /* that was logged */
    struct th_capture_counts captures[TH_VSENSOR_MAX_WORKERS];
    struct th_kept kept;
    struct th_problems problems;
    struct th_link_urgent told; /* with the last report */
    struct th_nic nic;
    int nic_fd; /* /proc/net/dev of where it captures; negative: nothing is watched */
};

/* ---- what the client asks for ---- */

static int on_batch(void *arg, uint64_t sequence, struct th_str *ret_envelope, uint64_t *ret_next)
{
    struct role *w = arg;
    return th_post_get(w->post, sequence, ret_envelope, ret_next);
}

static int on_acknowledged(void *arg, uint64_t next)
{
    struct role *w = arg;
    int r = th_post_acknowledge(w->post, next);
    if (r == -ERANGE)
        return r;
    if (r < 0)
        th_log(TH_LOG_WARN, "spool: what the master has cannot be removed: %s", th_strerror(r));
    return 0;
}

static void on_overtaken(void *arg, uint64_t epoch)
{
    struct role *w = arg;
    int64_t wall_ns = th_clock_ns(CLOCK_REALTIME);
    uint64_t fresh = TH_MAX(epoch + 1, (uint64_t)wall_ns);
    const struct th_spool *spool = th_post_spool(w->post);
    int r = th_post_renew(w->post, fresh, wall_ns);
    th_log(TH_LOG_WARN,
        "the master has a later spool of this sensor: a new one is begun, what the "
        "old one had not sent is told as a gap");
    if (r < 0) {
        w->disk_error = r;
        w->failed = true;
        return;
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        w->producers[i].drain_next = th_spool_next(spool);
    th_link_begin(w->link, fresh, th_spool_first(spool));
}

static void on_refused(void *arg, uint64_t sequence, const char *message)
{
    struct role *w = arg;
    th_log(TH_LOG_ERROR, "the master refuses batch %llu for good: %s; it is told as a gap",
        (unsigned long long)sequence, message);
    th_post_refuse(w->post, sequence);
}

static void on_enrolled(void *arg, uint64_t sensor, uint64_t instance)
{
    struct role *w = arg;
    int r = th_own_enrolled(&w->state_io, &w->own, sensor, instance);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "state folder: the enrolment cannot be kept: %s", th_strerror(r));
        w->own.sensor = sensor;
        w->own.instance = instance;
    }
    th_log(TH_LOG_INFO, "enrolled as sensor %016llx of instance %016llx",
        (unsigned long long)sensor, (unsigned long long)instance);
}

static void on_command(void *arg, const struct th_link_command *command)
{
    struct role *w = arg;
    if (strcmp(command->type, "packets") == 0) {
        if (!th_relay_command(&w->relay, command, th_clock_ns(CLOCK_MONOTONIC)))
            th_link_drop_part(w->link);
        return;
    }
    th_log(TH_LOG_INFO, "command %s of type %s: this sensor knows no such command", command->id,
        command->type);
}

static int on_part(void *arg, struct th_link_part *ret)
{
    struct role *w = arg;
    return th_relay_part(&w->relay, ret);
}

static void on_part_done(void *arg, int err)
{
    struct role *w = arg;
    th_relay_part_done(&w->relay, err, th_clock_ns(CLOCK_MONOTONIC));
}

/* By all workers together. */
static struct th_capture_counts captured(const struct role *w)
{
    struct th_capture_counts sum = {0};
    for (unsigned i = 0; i < TH_ARRAY_LEN(w->captures); i++)
        th_capture_counts_add(&sum, &w->captures[i]);
    return sum;
}

static void on_status(void *arg, struct th_buf *out)
{
    struct role *w = arg;
    struct th_link_status s;
    struct th_capture_counts sum = captured(w);
    th_link_status(w->link, 0, &s);
    uint32_t problems = th_problems_now(&w->problems, th_clock_ns(CLOCK_MONOTONIC));
    th_link_report_put(out, &s, w->post, &sum, w->nic.lost, &w->kept, problems, w->relay.id);
    th_link_urgent_get(w->post, &sum, w->nic.lost, &w->kept, problems, &w->told);
}

static bool on_has_news(void *arg)
{
    const struct role *w = arg;
    struct th_link_urgent now;
    struct th_capture_counts sum = captured(w);
    uint32_t problems = th_problems_now(&w->problems, th_clock_ns(CLOCK_MONOTONIC));
    th_link_urgent_get(w->post, &sum, w->nic.lost, &w->kept, problems, &now);
    return now.drops != w->told.drops || now.nic_lost != w->told.nic_lost ||
        now.lost != w->told.lost || now.refused != w->told.refused ||
        now.interfaces_down != w->told.interfaces_down || now.spool != w->told.spool ||
        now.keep != w->told.keep || now.problems != w->told.problems;
}

/* The parent passes on what the others say of themselves; a role that went down says nothing. */
static void hear_statuses(struct role *w, int64_t now_ns)
{
    const char *name;
    struct th_str json;
    while (th_edges_role_status(w->edges, &name, &json)) {
        th_problems_hear(&w->problems, json, now_ns);
        if (strcmp(name, "keep") == 0)
            th_kept_read(json, &w->kept);
        if (strcmp(name, edge_names[COLLECT]) == 0 && json.len > 0)
            th_capture_counts_read(json, &w->captures[TH_SENSOR_COLLECTOR]);
        if (strcmp(name, edge_names[FOLLOW]) == 0 && json.len > 0)
            th_capture_counts_read(json, &w->captures[TH_SENSOR_FOLLOWER]);
        for (unsigned i = CAPTURE; i < w->config.workers && json.len > 0; i++)
            if (strcmp(name, edge_names[i]) == 0)
                th_capture_counts_read(json, &w->captures[i]);
    }
}

/* ---- frames in ---- */

/* Recorded input is told to be saved only while the spool has room: it then sends no more. */
static bool must_wait(const struct role *w, unsigned edge)
{
    const struct th_spool *s = th_post_spool(w->post);
    return edge == FEED && th_spool_bytes(s) > th_spool_limit(s) / 2;
}

/* 1 or 0, or negative: the message is to be tried again. */
static int take(struct role *w, struct producer *p, const struct th_ipc_message *m, int64_t wall_ns)
{
    int r = 0;
    switch (m->type) {
    case TH_SENSOR_FRAME:
    case TH_SENSOR_REPLAY:
        r = th_post_frame(w->post, m->type == TH_SENSOR_REPLAY, m->body, wall_ns);
        break;
    case TH_SENSOR_LOST: r = th_post_lost(w->post, m->body, wall_ns); break;
    case TH_SENSOR_DRAIN:
        p->drain = true;
        p->drain_id = m->id;
        p->drain_next = th_spool_next(th_post_spool(w->post));
        return 0;
    default: return 0;
    }
    if (r >= 0)
        p->added = TH_MAX(p->added, m->id);
    w->dirty |= r > 0;
    return r;
}

static void disk_failed(struct role *w, int error, int64_t now_ns)
{
    if (w->disk_error == 0)
        th_log(TH_LOG_ERROR, "spool: %s; nothing is taken until it can be written again",
            th_strerror(error));
    w->disk_error = error;
    w->disk_at_ns = now_ns + retry_disk_ns;
}

/* Keeps the message for a later try; its producer waits meanwhile. */
static void hold(struct role *w, unsigned edge, const struct th_ipc_message *m)
{
    struct held *h = &w->held;
    h->is = true;
    h->edge = edge;
    h->type = m->type;
    h->id = m->id;
    th_buf_clear(&h->body);
    th_buf_str(&h->body, m->body);
}

static void try_held(struct role *w, int64_t now_ns, int64_t wall_ns)
{
    struct held *h = &w->held;
    const struct th_ipc_message m = {.type = h->type, .id = h->id, .body = th_buf_view(&h->body)};
    if (!h->is || now_ns < w->disk_at_ns)
        return;
    int r = take(w, &w->producers[h->edge], &m, wall_ns);
    if (r < 0) {
        disk_failed(w, r, now_ns);
        return;
    }
    h->is = false;
    w->disk_error = 0;
    th_log(TH_LOG_INFO, "spool: it can be written again");
}

static void hear(struct role *w, unsigned edge, int64_t now_ns, int64_t wall_ns)
{
    struct producer *p = &w->producers[edge];
    struct th_ipc_message m;
    unsigned generation = th_edges_generation(w->edges, edge);
    if (generation != p->generation)
        *p = (struct producer){.generation = generation};
    for (unsigned n = 0; n < turn_frames && !w->held.is; n++) {
        if (th_edges_receive(w->edges, edge, &m) <= 0)
            return;
        int r = take(w, p, &m, wall_ns);
        if (r < 0) {
            hold(w, edge, &m);
            disk_failed(w, r, now_ns);
        }
    }
}

static void sync_spool(struct role *w, int64_t now_ns)
{
    int r = w->dirty ? th_post_sync(w->post) : 0;
    if (r < 0) {
        disk_failed(w, r, now_ns);
        w->failed = true;
        return;
    }
    w->dirty = false;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        struct producer *p = &w->producers[i];
        struct th_str none = {.p = "", .len = 0};
        if (p->added > p->saved && !must_wait(w, i) &&
            th_edges_send(w->edges, i, TH_SENSOR_SAVED, p->added, none) == 0)
            p->saved = p->added;
    }
}

static void tell_drained(struct role *w)
{
    struct th_link_status s;
    struct producer *p = &w->producers[FEED];
    struct th_str none = {.p = "", .len = 0};
    th_link_status(w->link, 0, &s);
    if (p->drain && s.acknowledged >= p->drain_next &&
        th_edges_send(w->edges, FEED, TH_SENSOR_DRAINED, p->drain_id, none) == 0)
        p->drain = false;
}

/* ---- what is told ---- */

static const char *const standings[] = {[TH_LINK_UNKNOWN] = "not enrolled",
    [TH_LINK_PENDING] = "pending: somebody has to authorise it at the master",
    [TH_LINK_AUTHORISED] = "authorised",
    [TH_LINK_REVOKED] = "revoked"};

/* A change is logged at once, a lasting trouble once a minute. */
static void log_changes(struct role *w, const struct th_link_status *s, int64_t now_ns)
{
    if (s->standing != w->standing)
        th_log(TH_LOG_INFO, "this sensor is %s", standings[s->standing]);
    w->standing = s->standing;
    if (s->problem && (!w->logged || now_ns - w->logged_ns > log_each_ns)) {
        th_log(TH_LOG_WARN, "%s", s->problem);
        w->logged = true;
        w->logged_ns = now_ns;
    } else if (!s->problem && w->logged) {
        th_log(TH_LOG_INFO, "the master takes batches again");
        w->logged = false;
    }
}

static void look_at_interfaces(struct role *w)
{
    char text[TH_NIC_MAX_TEXT];
    size_t len = 0;
    ssize_t n = w->nic.count > 0 && w->nic_fd >= 0 ? 1 : 0;
    while (n > 0 && len < sizeof(text)) {
        n = pread(w->nic_fd, text + len, sizeof(text) - len, (off_t)len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (len > 0)
        th_nic_read(&w->nic, th_str_n(text, len));
}

static void tell_status(struct role *w, int64_t now_ns)
{
    struct th_link_status s;
    TH_AUTOBUF struct th_buf json = TH_BUF_INIT, progress = TH_BUF_INIT;
    const struct th_spool *spool = th_post_spool(w->post);
    th_link_status(w->link, now_ns, &s);
    log_changes(w, &s, now_ns);
    th_link_status_put(&json, &s, w->post, &w->relay, w->disk_error);
    th_edges_status(w->edges, th_buf_view(&json));
    th_problems_hear(&w->problems, th_buf_view(&json), now_ns);
    th_buf_le64(&progress, th_spool_next(spool));
    th_buf_le64(&progress, th_spool_next(spool) - TH_MIN(s.acknowledged, th_spool_next(spool)));
    th_buf_puts(&progress, s.problem ? s.problem : "");
    int r = th_edges_send(w->edges, FEED, TH_SENSOR_PROGRESS, 0, th_buf_view(&progress));
    (void)r; /* only a feed wants it */
    w->unreached_ns = s.reached || !s.problem ? 0 : w->unreached_ns ? w->unreached_ns : now_ns;
}

/* ---- the loop ---- */

/* Negative ends the role: it starts anew, and its producers send again what was not saved. */
static int turn(struct role *w, int most_ms)
{
    struct pollfd fds[TH_LINK_MAX_FDS];
    int timeout_ms;
    if (w->held.is)
        poll(NULL, 0, 20); /* its edge stays readable: this keeps the loop from spinning */
    size_t n = th_link_poll(w->link, fds, th_clock_ns(CLOCK_MONOTONIC), &timeout_ms);
    int r = th_edges_wait(w->edges, fds, n, TH_MIN(timeout_ms, most_ms));
    if (r < 0)
        return r;
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int64_t wall_ns = th_clock_ns(CLOCK_REALTIME);
    hear_statuses(w, now_ns);
    try_held(w, now_ns, wall_ns);
    for (unsigned i = 0; i < PRODUCERS; i++)
        hear(w, i, now_ns, wall_ns);
    sync_spool(w, now_ns);
    if (!th_relay_turn(&w->relay, now_ns))
        th_link_drop_part(w->link);
    th_link_turn(w->link, fds, n, now_ns, wall_ns);
    tell_drained(w);
    if (now_ns >= w->status_at_ns) {
        look_at_interfaces(w);
        tell_status(w, now_ns);
        w->status_at_ns = now_ns + status_ns;
    }
    if (w->failed)
        return w->disk_error;
    bool again = w->lookup_ns && w->unreached_ns && now_ns - w->unreached_ns > w->lookup_ns;
    return again ? -EAGAIN : 0;
}

/* Whether the master takes what is left at this moment. */
static bool is_sending(const struct role *w)
{
    struct th_link_status s;
    th_link_status(w->link, 0, &s);
    return s.standing == TH_LINK_AUTHORISED && !s.problem &&
        s.acknowledged < th_spool_next(th_post_spool(w->post));
}

static bool is_captured(const struct role *w)
{
    for (unsigned i = CAPTURE; i < w->config.workers; i++)
        if (th_edges_up(w->edges, i))
            return true;
    return th_edges_up(w->edges, COLLECT) || th_edges_up(w->edges, FOLLOW);
}

/* Told to end: capture ends its flows now, and what they become is taken yet, and sent as far as
 * the master takes it in the time that is left. The rest lies in the spool. */
static int say_farewell(struct role *w)
{
    int64_t until_ns = th_clock_ns(CLOCK_MONOTONIC) + farewell_ns;
    int r = 0;
    while (r == 0 && th_clock_ns(CLOCK_MONOTONIC) < until_ns && (is_captured(w) || is_sending(w)))
        r = turn(w, 50);
    return r;
}

static int run(struct role *w)
{
    int r = 0;
    while (r == 0 && !th_edges_stopping(w->edges))
        r = turn(w, 1000);
    if (r == 0)
        r = say_farewell(w);
    return r == -EPIPE ? 0 : r;
}

/* ---- the role ---- */

static int read_token(struct role *w, char *ret, size_t bytes)
{
    if (w->config.token) {
        snprintf(ret, bytes, "%s", w->config.token);
        return 0;
    }
    ssize_t n = pread(w->token_fd, ret, bytes - 1, 0);
    if (n < 0)
        return -errno;
    struct th_str token = th_str_trim(th_str_n(ret, (size_t)n));
    memmove(ret, token.p, token.len);
    ret[token.len] = '\0';
    return token.len ? 0 : TH_E_CONFIG;
}

/* "host:port:address,address" for libcurl, which would need a thread to look names up. NULL: it has
 * nothing to look up, or nothing was found. */
static char *look_up(struct role *w)
{
    char host[256], port[6], text[TH_ADDR_TEXT_LEN];
    struct th_addr found[TH_LOOKUP_MAX], as_text;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_ASSERT(th_vsensor_config_peer(&w->config, host, port)); /* the configuration was checked */
    if (th_addr_parse(th_str_c(host), &as_text))
        return NULL;
    int n = th_lookup(host, lookup_ms, found);
    w->lookup_ns = n < 0 ? lookup_failed_ns : lookup_again_ns;
    if (n < 0) {
        th_log(TH_LOG_WARN, "%s has no address at the moment; looking again soon", host);
        /* An address where nobody is keeps libcurl from asking for itself. */
        return th_xasprintf("%s:%s:127.255.255.254", host, port);
    }
    th_buf_printf(&b, "%s:%s:", host, port);
    for (int i = 0; i < n; i++) {
        bool v4 = th_addr_is_v4(&found[i]);
        th_addr_format(&found[i], text);
        th_buf_printf(&b, v4 ? "%s%s" : "%s[%s]", i ? "," : "", text);
    }
    th_buf_u8(&b, '\0');
    return th_xstrdup((const char *)b.p);
}

static int make_link(struct role *w)
{
    static const struct th_link_ops ops = {.batch = on_batch,
        .acknowledged = on_acknowledged,
        .overtaken = on_overtaken,
        .refused = on_refused,
        .enrolled = on_enrolled,
        .command = on_command,
        .status = on_status,
        .has_news = on_has_news,
        .part = on_part,
        .part_done = on_part_done};
    char token[512], ca[64];
    struct th_link_ops mine = ops;
    mine.arg = w;
    int r = read_token(w, token, sizeof(token));
    if (r < 0)
        return r;
    TH_AUTOFREE char *address = look_up(w);
    const char *addresses[] = {address, NULL};
    snprintf(ca, sizeof(ca), "/proc/self/fd/%d", w->ca_fd);
    struct th_link_config config = {.master = w->config.master,
        .pin = w->config.master_pin,
        .ca_file = ca,
        .proxy = w->config.proxy,
        .addresses = addresses,
        .token = token,
        .name = w->config.name,
        .version = TH_VERSION,
        .key = &w->own.key,
        .sensor = w->own.sensor,
        .instance = w->own.instance,
        .epoch = th_spool_epoch(th_post_spool(w->post)),
        .first = th_spool_first(th_post_spool(w->post))};
    r = th_link_new(&config, &mine, &w->link);
    th_wipe(token, sizeof(token));
    return r;
}

static int open_all(struct role *w)
{
    struct th_inherited in;
    char error[512];
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    w->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    th_relay_init(&w->relay, w->edges, KEEP);
    w->spool_fd = th_inherit_get(&in, "spool", 0);
    w->state_fd = th_inherit_get(&in, "state", 0);
    w->config_fd = th_inherit_get(&in, "config", 0);
    w->token_fd = th_inherit_get(&in, "token", 0);
    w->ca_fd = th_inherit_get(&in, "ca", 0);
    w->nic_fd = th_inherit_get(&in, "nic", 0);
    if (w->spool_fd < 0 || w->state_fd < 0 || w->config_fd < 0)
        return -EBADF;
    th_io_folder(&w->spool_io, &w->spool_fd);
    th_io_folder(&w->state_io, &w->state_fd);
    r = th_vsensor_config_read(w->config_fd, "configuration", &w->config, error, sizeof(error));
    if (r < 0)
        th_log(TH_LOG_ERROR, "%s", error);
    return r;
}

/* After the ids were dropped, so that all files are the sensor's user's. */
static int open_own(struct role *w)
{
    int r = th_own_open(&w->state_io, &w->own);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "state folder: the sensor's key cannot be had: %s", th_strerror(r));
        return r;
    }
    const struct th_post_config config = {.limit_bytes = w->config.spool_bytes,
        .own = &w->own,
        .workers = th_vsensor_config_captures(&w->config) ? (unsigned)w->config.workers : 0,
        .collector = w->config.flow_listen.count > 0,
        .live_lag_ns = th_live_lag_ns(),
        .follower = w->config.eve_follow.count > 0};
    r = th_post_open(&w->spool_io, &config, th_clock_ns(CLOCK_REALTIME), &w->post);
    if (r < 0)
        th_log(TH_LOG_ERROR, "spool folder: %s", th_strerror(r));
    return r;
}

static int lock(struct role *w)
{
    w->folders[0] = (struct th_role_folder){.fd = w->spool_fd, .write = true};
    w->folders[1] = (struct th_role_folder){.fd = w->state_fd, .write = true};
    w->lock.folders = w->folders;
    w->lock.folder_count = TH_ARRAY_LEN(w->folders);
    uint32_t seed;
    th_random_bytes(&seed, sizeof(seed));
    json_object_seed(seed | 1u); /* else it is read from a file, later */
    signal(SIGPIPE, SIG_IGN);    /* a connection that the master closed */
    return th_role_lock_with(TH_ROLE_LINK, &w->lock);
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct role *w = arg;
    return strcmp(name, "--nic") == 0 && th_nic_add(&w->nic, value);
}

int role_link(int argc, char **argv)
{
    struct role *w = th_xcalloc(1, sizeof(*w));
    struct th_role_args args;
    int r = th_role_args_read(argc, argv, "thymus-vsensor link", take_option, w, &args);
    w->lock.uid = args.uid;
    w->lock.gid = args.gid;
    if (r == 0)
        r = open_all(w);
    if (r == 0)
        r = th_drop_ids(w->lock.uid, w->lock.gid);
    if (r == 0)
        r = open_own(w);
    if (r == 0)
        r = make_link(w);
    if (r == 0)
        r = lock(w);
    if (r == 0)
        r = run(w);
    if (r == -EAGAIN)
        th_log(TH_LOG_INFO, "the master was not reached: its name is looked up again");
    else if (r < 0)
        th_log(TH_LOG_ERROR, "link stopped: %s", th_strerror(r));
    th_link_free(w->link);
    th_post_close(w->post);
    th_relay_done(&w->relay);
    th_edges_free(w->edges);
    th_buf_done(&w->held.body);
    th_sign_key_done(&w->own.key);
    th_vsensor_config_done(&w->config);
    free(w);
    return r < 0 ? 1 : 0;
}
