/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role query: searches, one at a time; the parent runs several of it. A request waits for its
 * turn, asks the store to hold its files, runs in steps of some milliseconds between which
 * messages are heard, and gives the hold back. A cancelled search, one over its time and one
 * whose asker is gone end at the next step. The role keeps nothing: when it dies, the answers
 * that it owed are lost, and the gateway says so to who asked.
 *
 * Descriptors: parent, gateway, store (edges), segments (folder).
 */
#include <jansson.h>
#include <signal.h>

#include "base/json.h"
#include "base/log.h"
#include "clock.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/priv.h"
#include "query_hold.h"
#include "role_args.h"
#include "roles.h"
#include "store/watch.h"

#define MAX_WAITING 32u
#define TIME_LIMIT_MS 10000
#define SLICE_MS 20 /* of work without hearing messages */
#define STATUS_EVERY_MS 1000
#define MEMORY_BYTES (UINT64_C(512) << 20)

enum { GATEWAY, STORE, EDGES };
static const char *const edge_names[EDGES] = {"gateway", "store"};

enum phase { IDLE, WAITS_FOR_FILES, RUNS };

struct waiting {
    uint64_t id;
    struct th_buf json;
};

struct role {
    struct th_edges *edges;
    struct th_duck *duck;
    int folder_fd;
    char folder[64];
    int time_limit_ms;
    unsigned gateway_generation, store_generation;
    struct waiting waiting[MAX_WAITING]; /* oldest first */
    size_t waiting_count;
    /* the one at work */
    enum phase phase;
    uint64_t id, hold_message;
    int64_t begin_ms;
    struct query_ask ask;
    struct query_hold hold;
    struct query_job *job;
    int64_t heard_ms; /* messages, last */
    bool in_step;     /* the database is at work: what would end the job sets `stop` */
    bool stop, parent_gone;
    /* counted since the start */
    uint64_t answered, refused, cancelled, over_time, failed, rows;
    int64_t status_ms;
};

/* ---- answers ---- */

static void answer(struct role *w, uint64_t id, unsigned status, struct th_str body)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    th_buf_le16(&out, (uint16_t)status);
    th_buf_le16(&out, 0);
    th_buf_str(&out, body);
    /* A gateway that is gone has no asker any more. */
    int r = th_edges_send(w->edges, GATEWAY, TH_MSG_ANSWER, id, th_buf_view(&out));
    (void)r;
}

static void answer_error(
    struct role *w, uint64_t id, unsigned status, const char *code, const char *message)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    query_error(&body, code, message);
    answer(w, id, status, th_buf_view(&body));
}

static void release(struct role *w, uint64_t message, uint64_t hold)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, hold);
    int r = th_edges_send(w->edges, STORE, TH_MSG_RELEASE, message, th_buf_view(&body));
    (void)r; /* a store that is gone holds nothing */
}

/* Ends the one at work, whatever it does. */
static void finish(struct role *w)
{
    query_job_free(TH_TAKE(w->job));
    query_ask_done(&w->ask);
    if (w->phase == RUNS)
        release(w, w->hold_message, w->hold.id);
    query_hold_done(&w->hold);
    w->phase = IDLE;
}

static void fail_job(struct role *w, int err)
{
    w->failed++;
    if (err == -ENOMEM) {
        answer_error(w, w->id, 413, "memory",
            "The search needs more memory than it may use. Ask for a shorter time or fewer rows.");
    } else {
        th_log(TH_LOG_ERROR, "query: a search failed: %s; it was answered with an error",
            th_duck_error(w->duck));
        answer_error(w, w->id, 500, "database",
            "The stored events could not be searched; the log of the master says why.");
    }
    finish(w);
}

static void out_of_time(struct role *w)
{
    w->over_time++;
    answer_error(w, w->id, 408, "time",
        "The search took too long and was ended. Ask for a shorter time, or for one kind of "
        "event.");
    finish(w);
}

/* ---- the work ---- */

static void begin(struct role *w, const struct waiting *next)
{
    TH_AUTOBUF struct th_buf error = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    w->id = next->id;
    w->begin_ms = (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS);
    unsigned status = query_ask_parse(th_buf_view(&next->json), &w->ask, &error);
    if (status) {
        w->refused++;
        answer(w, w->id, status, th_buf_view(&error));
        query_ask_done(&w->ask);
        return;
    }
    query_hold_ask(&w->ask, &body);
    w->hold_message++;
    if (th_edges_send(w->edges, STORE, TH_MSG_HOLD, w->hold_message, th_buf_view(&body)) < 0) {
        w->failed++;
        answer_error(w, w->id, 503, "store",
            "The store is not there at the moment; try again in some seconds.");
        query_ask_done(&w->ask);
        return;
    }
    w->store_generation = th_edges_generation(w->edges, STORE);
    w->phase = WAITS_FOR_FILES;
}

static void take_waiting(struct role *w)
{
    while (w->phase == IDLE && w->waiting_count) {
        struct waiting next = w->waiting[0];
        w->waiting_count--;
        memmove(w->waiting, w->waiting + 1, w->waiting_count * sizeof(w->waiting[0]));
        begin(w, &next);
        th_buf_done(&next.json);
    }
}

static void take_files(struct role *w, const struct th_ipc_message *m)
{
    struct query_hold hold;
    int r = query_hold_parse(m->body, w->folder, &hold);
    bool wanted = w->phase == WAITS_FOR_FILES && m->id == w->hold_message;
    if (!wanted) { /* of a search that was ended: given back */
        release(w, m->id, hold.id);
        query_hold_done(&hold);
        return;
    }
    w->hold = hold;
    w->phase = RUNS;
    if (r < 0) {
        th_log(TH_LOG_ERROR, "query: the store's list of files: %s; the search was ended",
            th_strerror(r));
        w->failed++;
        answer_error(w, w->id, 500, "store", "The store's list of files could not be read.");
        finish(w);
        return;
    }
    w->job = query_job_new(w->duck, &w->ask, w->hold.files, w->hold.count);
    if (w->hold.without_newest)
        query_job_without_newest(w->job);
}

static void work(struct role *w)
{
    int64_t slice_end_ms = (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS) + SLICE_MS;
    int r = 0;
    w->in_step = true;
    while (r == 0 && !w->stop && (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS) < slice_end_ms)
        r = query_job_step(w->job);
    w->in_step = false;
    if (w->stop) {
        w->stop = false;
        w->cancelled++;
        finish(w);
    } else if ((th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS) - w->begin_ms > w->time_limit_ms) {
        out_of_time(w);
    } else if (r < 0) {
        fail_job(w, r);
    } else if (r > 0) {
        TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
        query_job_answer(
            w->job, (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS) - w->begin_ms, &body);
        w->answered++;
        w->rows += query_job_rows(w->job);
        answer(w, w->id, 200, th_buf_view(&body));
        finish(w);
    }
}

/* ---- messages ---- */

static void enqueue(struct role *w, const struct th_ipc_message *m)
{
    if (w->waiting_count == MAX_WAITING) {
        w->refused++;
        answer_error(w, m->id, 503, "busy", "Too many searches wait already; try again soon.");
        return;
    }
    struct waiting *next = &w->waiting[w->waiting_count++];
    *next = (struct waiting){.id = m->id};
    th_buf_str(&next->json, m->body);
}

/* Without an answer; at work, the database is left first. */
static void end_job(struct role *w)
{
    if (w->in_step) {
        w->stop = true;
        return;
    }
    w->cancelled++;
    finish(w);
}

static void cancel(struct role *w, uint64_t id)
{
    if (w->phase != IDLE && w->id == id) {
        end_job(w);
        return;
    }
    for (size_t i = 0; i < w->waiting_count; i++) {
        if (w->waiting[i].id != id)
            continue;
        w->cancelled++;
        th_buf_done(&w->waiting[i].json);
        w->waiting_count--;
        memmove(w->waiting + i, w->waiting + i + 1, (w->waiting_count - i) * sizeof(w->waiting[0]));
        return;
    }
}

/* A new gateway knows nothing of what the one before asked. */
static void forget_askers(struct role *w)
{
    for (size_t i = 0; i < w->waiting_count; i++)
        th_buf_done(&w->waiting[i].json);
    w->cancelled += w->waiting_count;
    w->waiting_count = 0;
    if (w->phase != IDLE)
        end_job(w);
}

static void hear(struct role *w)
{
    struct th_ipc_message m;
    if (th_edges_generation(w->edges, GATEWAY) != w->gateway_generation) {
        forget_askers(w);
        w->gateway_generation = th_edges_generation(w->edges, GATEWAY);
    }
    while (th_edges_receive(w->edges, GATEWAY, &m) > 0) {
        if (m.type == TH_MSG_REQUEST)
            enqueue(w, &m);
        else if (m.type == TH_MSG_CANCEL)
            cancel(w, m.id);
    }
    while (th_edges_receive(w->edges, STORE, &m) > 0)
        if (m.type == TH_MSG_CATALOGUE)
            take_files(w, &m);
    bool lost = !th_edges_up(w->edges, STORE) ||
        th_edges_generation(w->edges, STORE) != w->store_generation;
    if (w->phase == WAITS_FOR_FILES && lost) {
        w->failed++;
        answer_error(w, w->id, 503, "store",
            "The store was started anew while it was asked; try again in some seconds.");
        finish(w);
    }
}

/* Asked by the database while it works, often. */
static bool go_on(void *arg)
{
    struct role *w = arg;
    int64_t now_ms = (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS);
    if (now_ms - w->heard_ms >= SLICE_MS) {
        w->heard_ms = now_ms;
        w->parent_gone |= th_edges_wait(w->edges, NULL, 0, 0) < 0;
        hear(w);
    }
    return !w->stop && !w->parent_gone && !th_edges_stopping(w->edges) &&
        now_ms - w->begin_ms <= w->time_limit_ms;
}

/* ---- status ---- */

static void put_number(struct th_json *j, const char *name, uint64_t v)
{
    th_json_key(j, name);
    th_json_u64(j, v);
}

static void tell_status(struct role *w)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    int64_t now_ms = (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS);
    if (now_ms - w->status_ms < STATUS_EVERY_MS)
        return;
    w->status_ms = now_ms;
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    put_number(&j, "answered", w->answered);
    put_number(&j, "rows", w->rows);
    put_number(&j, "refused", w->refused);
    put_number(&j, "cancelled", w->cancelled);
    put_number(&j, "over_time", w->over_time);
    put_number(&j, "failed", w->failed);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    put_number(&j, "waiting", w->waiting_count);
    put_number(&j, "running", w->phase != IDLE);
    th_json_close(&j);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    th_json_close_list(&j);
    th_json_close(&j);
    th_edges_status(w->edges, th_buf_view(&out));
}

/* ---- start and end ---- */

static int run(struct role *w)
{
    int r = 0;
    while (r >= 0 && !w->parent_gone && !th_edges_stopping(w->edges)) {
        int timeout_ms = w->phase == RUNS ? 0 : w->phase == WAITS_FOR_FILES ? 50 : STATUS_EVERY_MS;
        r = th_edges_wait(w->edges, NULL, 0, timeout_ms);
        hear(w);
        if (w->phase != IDLE &&
            (th_clock_ns(CLOCK_MONOTONIC) / TH_NS_PER_MS) - w->begin_ms > w->time_limit_ms)
            out_of_time(w);
        if (w->phase == RUNS)
            work(w);
        take_waiting(w);
        tell_status(w);
    }
    return r < 0 ? 1 : 0;
}

struct settings {
    struct th_role_args args;
    uint64_t time_limit_ms, memory_bytes;
};

static bool take_option(void *arg, const char *name, const char *value)
{
    struct settings *s = arg;
    struct th_str v = th_str_c(value);
    if (strcmp(name, "--time-limit-ms") == 0)
        return th_str_u64(v, &s->time_limit_ms) && s->time_limit_ms <= 3600000;
    return strcmp(name, "--memory-bytes") == 0 && th_str_u64(v, &s->memory_bytes) &&
        s->memory_bytes <= UINT64_C(1) << 40;
}

static int set_up(struct role *w, const struct settings *s, char **ret_message)
{
    static struct th_inherited in;
    int err = th_inherit(&in);
    if (err < 0)
        return err;
    w->folder_fd = th_inherit_get(&in, "segments", 0);
    if (w->folder_fd < 0)
        return -EBADF;
    w->edges = th_edges_new(&in, edge_names, EDGES);
    w->time_limit_ms = (int)s->time_limit_ms;
    w->gateway_generation = th_edges_generation(w->edges, GATEWAY);
    /* By its descriptor: where the instance lies does not matter, and nothing else is reached. */
    snprintf(w->folder, sizeof(w->folder), "/proc/self/fd/%d", w->folder_fd);
    const char *folder = w->folder;
    struct th_duck_config config = {
        .memory_bytes = s->memory_bytes, .folders = &folder, .folder_count = 1};
    err = th_duck_open(&config, &w->duck, ret_message);
    if (err == 0)
        err = th_duck_watch(w->duck, go_on, w);
    if (err < 0)
        return err;
    json_object_seed(0); /* it reads a file for that, which the lock forbids */
    struct th_role_folder segments = {.fd = w->folder_fd};
    struct th_lock_options lock = {
        .uid = s->args.uid, .gid = s->args.gid, .folders = &segments, .folder_count = 1};
    return th_role_lock_with(TH_ROLE_QUERY, &lock);
}

int role_query(int argc, char **argv)
{
    struct role *w = th_xcalloc(1, sizeof(*w));
    struct settings settings = {.time_limit_ms = TIME_LIMIT_MS, .memory_bytes = MEMORY_BYTES};
    TH_AUTOFREE char *message = NULL;
    int status = 1;
    signal(SIGPIPE, SIG_IGN);
    if (th_role_args_read(argc, argv, "thymus-master", take_option, &settings, &settings.args) <
        0) {
        th_log(TH_LOG_ERROR, "query: an option is not one that its parent gives");
        free(w);
        return 2;
    }
    int err = set_up(w, &settings, &message);
    if (err < 0)
        th_log(TH_LOG_ERROR, "query: cannot start: %s", message ? message : th_strerror(err));
    else
        status = run(w);
    forget_askers(w);
    th_duck_close(w->duck);
    th_edges_free(w->edges);
    free(w);
    return status;
}
