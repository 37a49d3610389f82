/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role core of a daemon: turns the poll loop, takes positions from intake, runs the log in
 * slices (live.h), sends what was found to store and seal (outbox.h), saves checkpoints. Its
 * helpers do what the lead orders.
 *
 * Descriptors: parent, intake, store, seal, log and checkpoints (folders), model, model-names,
 * prior.
 */
#include <signal.h>

#include "base/cursor.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint.h"
#include "clock.h"
#include "journal/journal.h"
#include "live.h"
#include "messages.h"
#include "outbox.h"
#include "priv/priv.h"
#include "sections.h"
#include "status.h"

/* Records in one turn of the loop: a quarter of a second's work at the most. */
#define SLICE_RECORDS 16u
#define SAVE_EVERY_NS TH_NS_PER_MIN
#define SAVE_SHARE 20
#define SAVE_RETRY_NS (10 * TH_NS_PER_S)
/* What may wait for store and seal before no more is read. */
#define OUTBOX_BYTES ((size_t)64 << 20)
#define PREFIX "core"

enum { EDGE_INTAKE, EDGE_STORE, EDGE_SEAL, EDGES };
static const char *const edge_names[EDGES] = {"intake", "store", "seal"};

struct live_role {
    struct th_core *core;
    struct th_live live;
    bool begun;
    int log_fd, checkpoints_fd;
    struct th_io log, checkpoints;
    uint64_t log_epoch;
    /* the lead's */
    struct th_edges *edges;
    struct th_outbox *outbox;
    unsigned intake_generation;
    uint64_t head, saved, applied; /* positions */
    /* A checkpoint that was taken and waits until store and seal have all that was told before. */
    struct th_buf cut;
    uint64_t cut_position, cut_mark;
    int64_t saved_record_ns;
    int64_t now_ns, status_ns, save_not_before_ns;
    int save_err;
    uint64_t lost_records; /* of the log, gone before they were read */
    uint64_t damaged_told;
};

/* ---- what was found ---- */

static void send_findings(void *arg, struct th_str lines)
{
    struct live_role *r = arg;
    th_outbox_add(r->outbox, EDGE_STORE, TH_MSG_FINDINGS, lines, true);
}

static void send_metrics(void *arg, int64_t epoch_ns, struct th_str frames)
{
    struct live_role *r = arg;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, (uint64_t)epoch_ns);
    if (frames.len > TH_IPC_MAX_BODY - body.len) {
        th_log(TH_LOG_WARN, "measures of an hour are too many to be kept: %u bytes", frames.len);
        return;
    }
    th_buf_str(&body, frames);
    th_outbox_add(r->outbox, EDGE_SEAL, TH_MSG_METRICS, th_buf_view(&body), false);
}

static void send_forget(void *arg, uint64_t position, uint64_t entity, uint64_t sensor)
{
    struct live_role *r = arg;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    th_buf_le64(&body, entity);
    th_buf_le64(&body, sensor);
    th_outbox_add(r->outbox, EDGE_SEAL, TH_MSG_FORGET, th_buf_view(&body), false);
}

/* ---- beginning ---- */

static void make_live(struct live_role *r)
{
    struct th_live_out out = {
        .findings = send_findings, .metrics = send_metrics, .forget = send_forget, .arg = r};
    if (r->core->crew.number != 0)
        out = (struct th_live_out){0};
    th_live_init(&r->live, r->core, th_follow_new(&r->log), &out, r->core->options.instance);
}

static void drop_live(struct live_role *r)
{
    struct th_follow *follow = r->live.follow;
    th_live_done(&r->live);
    th_follow_free(follow);
}

/* From the newest checkpoint that can be loaded, or from nothing. *ret_position is UINT64_MAX when
 * it is to begin where the log does. */
static int load(struct live_role *r, uint64_t *ret_position)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    uint64_t epoch = 0;
    *ret_position = UINT64_MAX;
    for (unsigned skip = 0;; skip++) {
        make_live(r);
        int err = th_checkpoint_load(&r->checkpoints, PREFIX, &skip, &whole);
        if (err == -ENOENT)
            return th_core_load_prior(r->core);
        if (err == 0)
            err = th_live_load(&r->live, &whole, &epoch, ret_position);
        if (err == 0)
            break;
        th_log(TH_LOG_ERROR, "a checkpoint cannot be used, the one before it is: %s",
            th_strerror(err));
        drop_live(r);
        *ret_position = UINT64_MAX;
    }
    if (epoch != r->log_epoch) {
        th_log(
            TH_LOG_WARN, "the log was made new since the last checkpoint: what was learned stays");
        *ret_position = UINT64_MAX;
    }
    return 0;
}

static int begin(struct live_role *r, uint64_t head)
{
    uint64_t first;
    uint64_t next;
    uint64_t position = UINT64_MAX;
    int err = th_journal_extent(&r->log, &first, &next, &r->log_epoch);
    if (err == 0)
        err = load(r, &position);
    if (err < 0)
        return err;
    if (position < first) {
        r->lost_records = first - position;
        th_log(TH_LOG_WARN, "the log begins behind the last checkpoint: %llu records are missing",
            (unsigned long long)r->lost_records);
    }
    if (position < first || position > head)
        position = first;
    err = th_follow_seek(r->live.follow, position);
    if (err == 0)
        err = th_follow_scan(r->live.follow, head);
    r->begun = err == 0;
    r->applied = r->saved = position;
    r->saved_record_ns = r->live.record_ns;
    return err;
}

/* ---- a helper ---- */

/* The edges are the lead's: when it ends they are down. */
static void leave_edges(struct live_role *r)
{
    static const char *const tags[] = {"parent", "intake", "store", "seal"};
    for (size_t i = 0; i < TH_ARRAY_LEN(tags); i++) {
        int fd = th_inherit_get(&r->core->inherited, tags[i], 0);
        if (fd >= 0)
            close(fd);
    }
}

static int help(struct live_role *r)
{
    leave_edges(r);
    for (;;) {
        enum th_crew_order order;
        uint64_t arg;
        TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
        int err = th_crew_await(&r->core->crew, &order, &arg);
        if (err < 0 || order == TH_CREW_END)
            return 0; /* the lead has ended, or was killed */
        if (!r->begun)
            err = begin(r, arg);
        else if (order == TH_CREW_ADVANCE)
            err = th_live_run(&r->live, arg);
        else
            err = th_live_save(&r->live, r->log_epoch, &whole);
        if (err == TH_E_ROLE_FAILED || err == -ECONNRESET || err == -EPIPE)
            return 0;
        if (err < 0)
            return err;
    }
}

/* ---- the lead ---- */

static void tell_intake(struct live_role *r, enum th_msg type, uint64_t position)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    (void)th_edges_send(r->edges, EDGE_INTAKE, (uint16_t)type, 0, th_buf_view(&body));
}

static void tell_damage(struct live_role *r)
{
    uint64_t position;
    int err;
    while (r->begun && th_follow_damage(r->live.follow, &position, &err)) {
        TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
        th_buf_le64(&body, position);
        th_buf_le32(&body, (uint32_t)err);
        (void)th_edges_send(r->edges, EDGE_INTAKE, TH_MSG_DAMAGED, 0, th_buf_view(&body));
        if (r->damaged_told++ < 10)
            th_log(TH_LOG_WARN, "a batch at position %llu of the log is damaged: %s; skipped",
                (unsigned long long)position, th_strerror(err));
    }
}

static void hear(struct live_role *r)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, EDGE_INTAKE, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t head = th_cur_le64(&c);
        if (m.type == TH_MSG_HEAD && !c.failed)
            r->head = TH_MAX(r->head, head);
    }
    for (unsigned edge = EDGE_STORE; edge <= EDGE_SEAL; edge++)
        while (th_edges_receive(r->edges, edge, &m) > 0)
            if (m.type == TH_MSG_DONE)
                th_outbox_done(r->outbox, edge, m.id, m.body, r->now_ns);
    unsigned generation = th_edges_generation(r->edges, EDGE_INTAKE);
    if (r->begun && generation != r->intake_generation) {
        r->intake_generation = generation;
        tell_intake(r, TH_MSG_SAVED, r->saved);
        tell_intake(r, TH_MSG_APPLIED, r->applied);
    }
}

static bool work_waits(const struct live_role *r)
{
    return r->begun ? r->applied < r->head : r->head > 0;
}

/* Once a minute of the log's time; where that passes fast (a history, a backlog), so seldom that
 * saving takes no more than a twentieth. */
static bool save_due(const struct live_role *r)
{
    int64_t since = th_time_sub(r->live.record_ns, r->saved_record_ns);
    bool wanted = since >= SAVE_EVERY_NS || since < 0 || r->save_err < 0;
    return r->begun && r->cut.len == 0 && r->applied > r->saved &&
        r->now_ns >= r->save_not_before_ns && wanted;
}

static int run_slice(struct live_role *r)
{
    uint64_t end = r->begun ? TH_MIN(r->applied + SLICE_RECORDS, r->head) : r->head;
    int err = th_crew_order(&r->core->crew, TH_CREW_ADVANCE, end);
    if (err == 0 && !r->begun)
        return begin(r, end);
    if (err == 0)
        err = th_live_run(&r->live, end);
    if (err < 0)
        return err;
    r->applied = end;
    if (r->saved_record_ns == TH_TIME_UNSET)
        r->saved_record_ns = r->live.record_ns;
    tell_intake(r, TH_MSG_APPLIED, r->applied);
    return 0;
}

/* Keeps what is known at this position: reading goes on while others take what was told. */
static int cut(struct live_role *r)
{
    int err = th_crew_order(&r->core->crew, TH_CREW_SAVE, 0);
    if (err == 0)
        err = th_live_save(&r->live, r->log_epoch, &r->cut);
    if (err < 0)
        return err;
    int64_t ended_ns = th_clock_ns(CLOCK_MONOTONIC);
    r->save_not_before_ns = ended_ns + SAVE_SHARE * (ended_ns - r->now_ns);
    r->saved_record_ns = r->live.record_ns;
    r->cut_position = r->applied;
    r->cut_mark = th_outbox_mark(r->outbox);
    return 0;
}

/* Saves what was kept, when all that was told before is where it belongs: a start from it would
 * not tell that again. A disk that is full holds nobody up: the log keeps what is behind the last
 * checkpoint. */
static void save_cut(struct live_role *r)
{
    if (r->cut.len == 0 || !th_outbox_past(r->outbox, r->cut_mark))
        return;
    int before = r->save_err;
    int64_t began_ns = th_clock_ns(CLOCK_MONOTONIC);
    r->save_err = th_checkpoint_save(&r->checkpoints, PREFIX, &r->cut);
    th_buf_done(&r->cut);
    if (r->save_err < 0) {
        if (before == 0)
            th_log(TH_LOG_ERROR, "a checkpoint cannot be saved: %s; it is tried again",
                th_strerror(r->save_err));
        r->save_not_before_ns = r->now_ns + SAVE_RETRY_NS;
        return;
    }
    r->save_not_before_ns += SAVE_SHARE * (th_clock_ns(CLOCK_MONOTONIC) - began_ns);
    r->saved = r->cut_position;
    tell_intake(r, TH_MSG_SAVED, r->saved);
}

/* ---- status ---- */

static void put_problems(struct live_role *r, struct th_json *j, uint64_t damaged)
{
    char text[256];
    int err;
    th_json_key(j, "problems");
    th_json_open_list(j);
    if (r->save_err < 0) {
        snprintf(text, sizeof(text),
            "What was learned cannot be saved in checkpoints/: %s. Make room there; nothing is "
            "lost "
            "as long as the log is kept.",
            th_strerror(r->save_err));
        th_status_problem(j, "error", r->save_err == -ENOSPC ? "disk_full" : "checkpoint", text);
    }
    if (r->lost_records > 0) {
        snprintf(text, sizeof(text),
            "The log began behind the last checkpoint: %llu records were not learned from.",
            (unsigned long long)r->lost_records);
        th_status_problem(j, "warn", "log_gap", text);
    }
    if (damaged > 0) {
        snprintf(text, sizeof(text), "%llu batches of the log could not be read to their end.",
            (unsigned long long)damaged);
        th_status_problem(j, "warn", "damaged_batch", text);
    }
    if (th_outbox_refused(r->outbox, &err) > 0 && !th_outbox_empty(r->outbox)) {
        snprintf(text, sizeof(text), "Findings cannot be stored: %s. They are sent again.",
            th_strerror(err));
        th_status_problem(j, "error", "findings_refused", text);
    }
    th_json_close_list(j);
}

static void tell_status(struct live_role *r)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_follow_stats f = {0};
    struct th_identity_stats who = {0};
    struct th_json j = th_json_init(&text);
    struct th_live *l = &r->live;
    if (r->begun) {
        th_follow_stats_get(l->follow, &f);
        th_identity_stats_get(r->core->shard.identity, &who);
    }
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "records", f.records);
    th_status_count(&j, "batches", f.batches);
    th_status_count(&j, "events", f.events);
    th_status_count(&j, "damaged", f.damaged);
    th_status_count(&j, "quarantined", f.quarantined);
    th_status_count(&j, "epochs", l->epochs);
    th_status_count(&j, "looks", l->looks);
    th_status_count(&j, "windows_looked", l->windows_looked);
    th_status_count(&j, "early", l->early);
    th_status_count(&j, "breaches", r->core->breaches);
    th_status_count(&j, "evicted_users", who.evicted_users);
    th_status_count(&j, "refused_names", who.evicted_names);
    th_status_count(
        &j, "dropped_memories", r->begun ? th_scorer_dropped(r->core->shard.scorer) : 0);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "position", r->applied);
    th_status_count(&j, "saved", r->saved);
    th_status_count(&j, "lag_records", r->head - TH_MIN(r->applied, r->head));
    th_status_count(&j, "outbox_bytes", th_outbox_bytes(r->outbox));
    th_status_count(&j, "devices", r->begun ? th_identity_count(r->core->shard.identity) : 0);
    th_status_count(&j, "users", r->begun ? th_identity_users(r->core->shard.identity) : 0);
    th_status_count(&j, "shards", r->core->crew.size);
    th_json_close(&j);
    put_problems(r, &j, f.damaged);
    th_json_close(&j);
    th_edges_status(r->edges, th_buf_view(&text));
}

/* ---- the loop ---- */

/* Does what can be done now; *ret_idle: nothing, before something comes. */
static int turn(struct live_role *r, bool *ret_idle)
{
    bool due = save_due(r);
    bool ready = due || (work_waits(r) && th_outbox_bytes(r->outbox) <= OUTBOX_BYTES);
    *ret_idle = !ready;
    if (!ready)
        return 0;
    return due ? cut(r) : run_slice(r);
}

static int lead(struct live_role *r)
{
    bool idle = true;
    r->edges = th_edges_new(&r->core->inherited, edge_names, EDGES);
    r->outbox = th_outbox_new();
    int err = 0;
    while (err == 0 && !th_edges_stopping(r->edges)) {
        err = th_edges_wait(r->edges, NULL, 0, idle ? 250 : 0);
        r->now_ns = th_clock_ns(CLOCK_MONOTONIC);
        hear(r);
        if (err == 0)
            err = turn(r, &idle);
        save_cut(r);
        tell_damage(r);
        th_outbox_pump(r->outbox, r->edges, r->now_ns);
        if (r->now_ns - r->status_ns >= TH_NS_PER_S) {
            r->status_ns = r->now_ns;
            tell_status(r);
        }
    }
    if (err == 0 && r->begun && r->applied > r->saved && th_outbox_empty(r->outbox)) {
        th_buf_clear(&r->cut);
        err = cut(r);
        save_cut(r);
    }
    if (err == 0)
        err = th_crew_order(&r->core->crew, TH_CREW_END, 0);
    if (err == 0)
        err = th_crew_join(&r->core->crew);
    return err;
}

static int lock(struct live_role *r)
{
    struct th_role_folder folders[] = {
        {.fd = r->log_fd, .write = false},
        /* helpers read where the lead writes */
        {.fd = r->checkpoints_fd, .write = r->core->crew.number == 0},
    };
    struct th_lock_options options = {.uid = (unsigned)r->core->options.uid,
        .gid = (unsigned)r->core->options.gid,
        .folders = folders,
        .folder_count = TH_ARRAY_LEN(folders)};
    return th_role_lock_with(TH_ROLE_CORE_LIVE, &options);
}

/* Whose MACs are whose; without the list it is not told. */
static int load_makers(struct th_core *core)
{
    TH_AUTOBUF struct th_buf csv = TH_BUF_INIT;
    int fd = th_inherit_get(&core->inherited, "makers", 0);
    int err = fd >= 0 ? th_sections_read(fd, &csv) : 0;
    if (fd >= 0 && err == 0)
        core->oui = th_oui_new(th_buf_view(&csv));
    return err;
}

int th_core_live(struct th_core *core)
{
    struct live_role *r = th_xcalloc(1, sizeof(*r));
    r->core = core;
    r->saved_record_ns = TH_TIME_UNSET;
    r->log_fd = th_inherit_get(&core->inherited, "log", 0);
    r->checkpoints_fd = th_inherit_get(&core->inherited, "checkpoints", 0);
    signal(SIGPIPE, SIG_IGN); /* a peer that was killed */
    int err = r->log_fd < 0 || r->checkpoints_fd < 0 ? -EBADF : 0;
    th_io_folder(&r->log, &r->log_fd);
    th_io_folder(&r->checkpoints, &r->checkpoints_fd);
    if (err == 0)
        err = th_crew_start(&core->crew, core->options.shards);
    if (err == 0)
        err = lock(r);
    if (err == 0)
        err = th_core_load_models(core);
    if (err == 0)
        err = load_makers(core);
    if (err == 0)
        err = core->crew.number == 0 ? lead(r) : help(r);
    if (err < 0)
        th_log(TH_LOG_ERROR, "core stopped: %s", th_strerror(err));
    if (r->live.core)
        drop_live(r);
    th_outbox_free(r->outbox);
    th_edges_free(r->edges);
    th_buf_done(&r->cut);
    free(r);
    return err < 0 ? 1 : 0;
}
