/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role intake: the process around intake.h. It moves messages between the edges and intake, and
 * tells it the time.
 *
 * Descriptors: log (its folder), parent, and the edges gateway, core, seal, store, state.
 */
#include <jansson.h>

#include "base/cursor.h"
#include "base/log.h"
#include "clock.h"
#include "intake.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/priv.h"
#include "role_args.h"
#include "roles.h"

#define STATUS_NS INT64_C(1000000000)
#define MESSAGES_A_TURN 256u

enum edge {
    EDGE_CORE = TH_FOLLOWER_CORE, /* the followers first, by their numbers */
    EDGE_SEAL = TH_FOLLOWER_SEAL,
    EDGE_STORE = TH_FOLLOWER_STORE,
    EDGE_STATE = TH_FOLLOWER_STATE,
    EDGE_GATEWAY,
    EDGE_COUNT
};
static const char *const edge_names[EDGE_COUNT] = {
    [EDGE_CORE] = "core",
    [EDGE_SEAL] = "seal",
    [EDGE_STORE] = "store",
    [EDGE_STATE] = "state",
    [EDGE_GATEWAY] = "gateway",
};

struct role {
    struct th_inherited inherited;
    struct th_intake_config config;
    struct th_lock_options lock;
    int log_fd;
    struct th_io io;
    struct th_intake_out out;
    struct th_intake *intake;
    struct th_edges *edges;
    unsigned generation[EDGE_COUNT]; /* of the connection that intake knows of; 0: none */
    int64_t status_mono_ns;
    struct th_buf buf;
};

static struct th_now now(void)
{
    return (struct th_now){
        .wall_ns = th_clock_ns(CLOCK_REALTIME), .mono_ns = th_clock_ns(CLOCK_MONOTONIC)};
}

/* ---- what goes out ---- */

/* A message that cannot be sent is lost with its connection; the other side asks again. */
static void send(struct role *r, unsigned edge, enum th_msg type, uint64_t id)
{
    int err = th_edges_send(r->edges, edge, (uint16_t)type, id, th_buf_view(&r->buf));
    if (err == TH_E_LIMIT)
        th_log(
            TH_LOG_WARN, "intake: %s does not take its messages; one is dropped", edge_names[edge]);
}

static bool is_there(const struct role *r, const struct th_asker *a)
{
    return th_edges_up(r->edges, a->edge) &&
        th_edges_generation(r->edges, a->edge) == a->generation;
}

static void out_answer(void *arg, const struct th_asker *to, unsigned status, struct th_str json)
{
    struct role *r = arg;
    if (!is_there(r, to))
        return;
    th_buf_clear(&r->buf);
    th_buf_le16(&r->buf, (uint16_t)status);
    th_buf_le16(&r->buf, 0);
    th_buf_str(&r->buf, json);
    send(r, to->edge, TH_MSG_ANSWER, to->id);
}

static void out_done(void *arg, const struct th_asker *to, uint64_t position, int err)
{
    struct role *r = arg;
    if (!is_there(r, to))
        return;
    th_buf_clear(&r->buf);
    th_buf_le64(&r->buf, position);
    th_buf_le32(&r->buf, (uint32_t)err);
    send(r, to->edge, TH_MSG_DONE, to->id);
}

static void out_head(void *arg, enum th_follower f, uint64_t position, int64_t wall_ns)
{
    struct role *r = arg;
    th_buf_clear(&r->buf);
    th_buf_le64(&r->buf, position);
    th_buf_le64(&r->buf, (uint64_t)wall_ns);
    send(r, f, TH_MSG_HEAD, 0);
}

static void out_set_aside(void *arg, enum th_follower f, const uint64_t *positions, size_t count)
{
    struct role *r = arg;
    th_buf_clear(&r->buf);
    th_buf_le32(&r->buf, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        th_buf_le64(&r->buf, positions[i]);
    send(r, f, TH_MSG_SET_ASIDE, 0);
}

/* ---- what comes in ---- */

static void hear_follower(struct role *r, enum th_follower f, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    uint64_t position = th_cur_le64(&c);
    if (c.failed)
        return;
    switch (m->type) {
    case TH_MSG_SAVED: th_intake_saved(r->intake, f, position); break;
    case TH_MSG_APPLIED: th_intake_applied(r->intake, f, position, now()); break;
    case TH_MSG_DAMAGED:
        th_intake_damaged(r->intake, f, position, (int32_t)th_cur_le32(&c), now());
        break;
    case TH_MSG_SET_ASIDE:
        th_intake_refused(r->intake, f, position, th_cur_bytes(&c, th_cur_left(&c)), now());
        break;
    default: break;
    }
}

static void hear(struct role *r, unsigned edge, const struct th_ipc_message *m)
{
    const struct th_asker from = {.edge = edge, .generation = r->generation[edge], .id = m->id};
    if (edge == EDGE_GATEWAY && m->type == TH_MSG_BATCH)
        th_intake_batch(r->intake, &from, m->body, now());
    else if (edge == EDGE_STATE && m->type == TH_MSG_CONTROL)
        th_intake_control(r->intake, &from, m->body, now());
    else if (edge < TH_FOLLOWER_COUNT)
        hear_follower(r, (enum th_follower)edge, m);
}

/* Tells intake of followers that went, and of those that came. */
static void watch(struct role *r, unsigned edge)
{
    unsigned generation = th_edges_up(r->edges, edge) ? th_edges_generation(r->edges, edge) : 0;
    if (generation == r->generation[edge])
        return;
    unsigned before = r->generation[edge];
    r->generation[edge] = generation;
    if (edge >= TH_FOLLOWER_COUNT)
        return;
    if (before)
        th_intake_down(r->intake, (enum th_follower)edge, now());
    if (generation)
        th_intake_up(r->intake, (enum th_follower)edge, now());
}

static void hear_all(struct role *r)
{
    for (unsigned edge = 0; edge < EDGE_COUNT; edge++) {
        struct th_ipc_message m;
        watch(r, edge);
        for (unsigned i = 0; i < MESSAGES_A_TURN && th_edges_receive(r->edges, edge, &m) > 0; i++)
            hear(r, edge, &m);
        watch(r, edge);
    }
}

/* ---- the role ---- */

static void tell_status(struct role *r, struct th_now t)
{
    if (t.mono_ns - r->status_mono_ns < STATUS_NS)
        return;
    r->status_mono_ns = t.mono_ns;
    th_buf_clear(&r->buf);
    th_intake_status(r->intake, t, &r->buf);
    th_edges_status(r->edges, th_buf_view(&r->buf));
}

static int run(struct role *r)
{
    int err = 0;
    while (err == 0 && !th_edges_stopping(r->edges)) {
        int timeout_ms = th_intake_timeout_ms(r->intake, now());
        err = th_edges_wait(r->edges, NULL, 0, timeout_ms);
        if (err < 0)
            return 0; /* the parent is gone: what was not answered is sent again */
        hear_all(r);
        struct th_now t = now();
        err = th_intake_turn(r->intake, t);
        tell_status(r, t);
    }
    struct th_now end = now();
    end.mono_ns += STATUS_NS; /* what came in still gets its sync and its answer */
    return err < 0 ? err : th_intake_turn(r->intake, end);
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct role *r = arg;
    return strcmp(name, "--log-bytes") == 0 && th_str_u64(th_str_c(value), &r->config.log_bytes);
}

static int read_options(struct role *r, int argc, char **argv)
{
    struct th_role_args args;
    int err = th_role_args_read(argc, argv, "thymus-master", take_option, r, &args);
    r->config.instance = args.instance;
    r->lock.uid = args.uid;
    r->lock.gid = args.gid;
    return err;
}

static int set_up(struct role *r, int argc, char **argv)
{
    int err = th_inherit(&r->inherited);
    if (err == 0)
        err = read_options(r, argc, argv);
    if (err < 0)
        return err;
    r->log_fd = th_inherit_get(&r->inherited, "log", 0);
    if (r->log_fd < 0)
        return -EBADF;
    th_io_folder(&r->io, &r->log_fd);
    r->out = (struct th_intake_out){.answer = out_answer,
        .done = out_done,
        .head = out_head,
        .set_aside = out_set_aside,
        .arg = r};
    const struct th_role_folder folder = {.fd = r->log_fd, .write = true};
    r->lock.folders = &folder;
    r->lock.folder_count = 1;
    json_object_seed(0); /* it reads a file for that, which the lock forbids */
    err = th_role_lock_with(TH_ROLE_INTAKE, &r->lock);
    r->lock.folders = NULL;
    if (err < 0)
        return err;
    struct th_now t = now();
    r->config.epoch = (uint64_t)t.wall_ns;
    r->edges = th_edges_new(&r->inherited, edge_names, EDGE_COUNT);
    return th_intake_open(&r->io, &r->config, &r->out, t, &r->intake);
}

int role_intake(int argc, char **argv)
{
    struct role *r = th_xcalloc(1, sizeof(*r));
    int err = set_up(r, argc, argv);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "intake: cannot start: %s", th_strerror(err));
    } else {
        th_log(TH_LOG_INFO, "intake: the log goes on at position %llu",
            (unsigned long long)th_intake_synced(r->intake));
        err = run(r);
        if (err < 0)
            th_log(TH_LOG_ERROR, "intake: %s; starting anew", th_strerror(err));
    }
    th_intake_close(r->intake);
    th_edges_free(r->edges);
    th_buf_done(&r->buf);
    free(r);
    return err < 0 ? 1 : 0;
}
