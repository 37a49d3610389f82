/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role seal of a daemon: follows the log, tells by a copy of identity whom each event is about, and
 * lays the events to rest as segments (seal.h). The store makes segments visible; its answer is
 * what counts, and a restart begins at the position that the store has.
 *
 * Its identity must be that of the position: it is kept as it was when rows were cut off, and
 * saved, at most once a minute, when the store has taken those rows. A restart reads the log from
 * there on, and stores nothing again that is stored.
 *
 * Descriptors: parent, intake, store, core, and the folders segments, log, checkpoints.
 */
#include <getopt.h>
#include <limits.h>
#include <time.h>

#include "base/cursor.h"
#include "base/json.h"
#include "base/log.h"
#include "base/seal.h"
#include "checkpoint.h"
#include "event/batch.h"
#include "follow.h"
#include "identity/identity.h"
#include "journal/journal.h"
#include "messages.h"
#include "outbox.h"
#include "priv/priv.h"
#include "roles.h"
#include "seal.h"

enum { MAX_NETS = 64, MAX_METRICS = 8, MAX_CHUNKS = 8 };
/* Merging has a database of its own: it takes long, and what comes in does not wait for it. */
#define MEMORY_BYTES (UINT64_C(288) << 20)
#define MERGE_MEMORY_BYTES (UINT64_C(576) << 20)
#define TEMP_BYTES (UINT64_C(8) << 30)
#define SAVE_EVERY_NS TH_NS_PER_MIN
#define RETRY_NS (5 * TH_NS_PER_S)
#define MERGE_EVERY_NS (10 * TH_NS_PER_S)
#define SLICE_RECORDS 16u
#define CHECKPOINT_MAGIC 0x4c534854u /* "THSL" */
#define CHECKPOINT_VERSION 1u
#define PREFIX "seal"

enum { EDGE_INTAKE, EDGE_STORE, EDGE_CORE, EDGES };
static const char *const edge_names[EDGES] = {"intake", "store", "core"};

struct waiting {
    uint64_t id;
    struct th_buf body;
};

struct seal_role {
    struct th_inherited inherited;
    struct th_subnet local[MAX_NETS];
    size_t local_count;
    uint64_t instance, uid, gid, seal_age_s;
    int segments_fd, log_fd, checkpoints_fd;
    char path[4096], temp[4200];
    struct th_io segments, log, checkpoints;
    struct th_duck *duck, *merge_duck;
    struct th_edges *edges;
    struct th_outbox *outbox;
    int64_t now_ns, wall_ns;

    struct th_follow *follow;
    struct th_identity *identity;
    bool begun, head_known;
    unsigned asked_generation, intake_generation;
    uint64_t log_epoch, head, applied, stored_from, saved;
    int64_t newest_ns;    /* event time */
    int64_t first_row_ns; /* when the oldest row in memory came */

    struct th_seal_rows rows;
    struct th_seal_folder folder, merge_folder;
    struct th_seal_unit unit, merge;
    bool working;          /* unit is being written */
    bool merging;          /* so is merge */
    uint64_t cut_position; /* up to which rows were taken out of memory */
    int64_t not_before_ns; /* after an error */
    int write_err;

    enum th_seal_what sent[3]; /* changes that are with the store */
    size_t sent_count;
    bool committing; /* one of rows is */
    uint64_t commit_id, committed;
    struct th_buf cut; /* checkpoint of the position being committed; empty: none is due */
    int64_t save_ns;
    int save_err;

    struct waiting metrics[MAX_METRICS], chunks[MAX_CHUNKS];
    size_t metrics_count, chunk_count;
    uint64_t metrics_id; /* of core's message that waits for the store */
    bool metrics_committing, merge_committing, catalogue_asked;
    uint64_t merge_rows; /* at most in a merged file: less when that took too much memory */
    int64_t merge_ns, status_ns;

    uint64_t count_rows, count_files, count_bytes, count_merges, count_chunks, count_skipped,
        count_refused, lost_records;
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * TH_NS_PER_S + t.tv_nsec;
}

/* ---- events ---- */

static int add_event(struct seal_role *r, const struct th_event *ev, bool store)
{
    struct th_who who;
    char entity[TH_ENTITY_TEXT_LEN] = "";
    char peer[TH_ENTITY_TEXT_LEN] = "";
    if (ev->kind == TH_KIND_METRIC) { /* core alone makes these */
        r->count_refused++;
        return 0;
    }
    th_identity_event(r->identity, ev, &who);
    r->newest_ns = TH_MAX(r->newest_ns, ev->time_ns);
    if (!store) {
        r->count_skipped++;
        return 0;
    }
    if (who.orig)
        th_entity_text(who.orig->id, entity);
    if (who.resp)
        th_entity_text(who.resp->id, peer);
    if (r->rows.rows == 0)
        r->first_row_ns = r->now_ns;
    int err = th_seal_rows_add(&r->rows, ev, th_str_c(entity), th_str_c(peer));
    if (err == 0)
        r->count_rows++;
    return err;
}

static int read_record(struct seal_role *r)
{
    struct th_follow_record record;
    const struct th_event *ev;
    int n = th_follow_next(r->follow, r->head, &record);
    if (n <= 0)
        return n;
    bool store = record.position >= r->stored_from;
    while (record.what == TH_FOLLOW_BATCH && n > 0 && (n = th_follow_event(r->follow, &ev)) > 0) {
        int err = add_event(r, ev, store);
        if (err < 0)
            return err;
    }
    r->applied = record.position + 1;
    return n < 0 ? n : 1;
}

static int read_slice(struct seal_role *r)
{
    for (unsigned i = 0; i < SLICE_RECORDS && r->applied < r->head; i++) {
        int n = read_record(r);
        if (n < 0)
            return n;
        if (th_seal_rows_full(&r->rows))
            break;
    }
    return 0;
}

/* ---- what the identity is at a position ---- */

static void cut_checkpoint(struct seal_role *r)
{
    th_buf_clear(&r->cut);
    if (r->now_ns - r->save_ns < SAVE_EVERY_NS)
        return;
    TH_AUTOBUF struct th_buf identity = TH_BUF_INIT;
    th_identity_save(r->identity, &identity);
    size_t begin = th_seal_begin(&r->cut, CHECKPOINT_MAGIC, CHECKPOINT_VERSION);
    th_buf_le64(&r->cut, r->log_epoch);
    th_buf_le64(&r->cut, r->applied);
    th_buf_le64(&r->cut, (uint64_t)r->newest_ns);
    th_buf_str(&r->cut, th_buf_view(&identity));
    th_seal_end(&r->cut, begin);
}

static void tell_intake(struct seal_role *r, enum th_msg type, uint64_t position)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    (void)th_edges_send(r->edges, EDGE_INTAKE, (uint16_t)type, 0, th_buf_view(&body));
}

static void save_checkpoint(struct seal_role *r)
{
    if (r->cut.len == 0)
        return;
    int before = r->save_err;
    r->save_err = th_checkpoint_save(&r->checkpoints, PREFIX, &r->cut);
    if (r->save_err == 0) {
        r->saved = r->committed;
        r->save_ns = r->now_ns;
        tell_intake(r, TH_MSG_SAVED, r->saved);
    } else if (before == 0) {
        th_log(TH_LOG_ERROR,
            "a checkpoint cannot be saved: %s; it is tried again with the next rows",
            th_strerror(r->save_err));
    }
    th_buf_clear(&r->cut);
}

static void make_identity(struct seal_role *r)
{
    struct th_identity_config config = {
        .key = th_follow_key(r->instance), .local = r->local, .local_count = r->local_count};
    th_identity_free(r->identity);
    r->identity = th_identity_new(&config);
}

static int load_checkpoint(struct seal_role *r, const struct th_buf *whole, uint64_t *ret_position)
{
    struct th_cur c;
    int err = th_seal_open(whole->p, whole->len, CHECKPOINT_MAGIC, CHECKPOINT_VERSION, &c);
    if (err < 0)
        return err;
    uint64_t epoch = th_cur_le64(&c);
    uint64_t position = th_cur_le64(&c);
    int64_t newest_ns = (int64_t)th_cur_le64(&c);
    size_t left = th_cur_left(&c);
    struct th_str identity = th_cur_bytes(&c, left);
    if (c.failed)
        return TH_E_TRUNCATED;
    err = th_identity_load(r->identity, (const uint8_t *)identity.p, identity.len);
    if (err < 0)
        return err;
    r->newest_ns = newest_ns;
    *ret_position = epoch == r->log_epoch ? position : 0;
    return 0;
}

/* The newest identity that is not ahead of what is stored. */
static void load_identity(struct seal_role *r, uint64_t *ret_position)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    *ret_position = 0;
    for (unsigned skip = 0;; skip++) {
        uint64_t position = 0;
        make_identity(r);
        int err = th_checkpoint_load(&r->checkpoints, PREFIX, &skip, &whole);
        if (err == -ENOENT)
            return;
        if (err == 0)
            err = load_checkpoint(r, &whole, &position);
        if (err == 0 && position <= r->stored_from) {
            *ret_position = position;
            return;
        }
        th_log(TH_LOG_WARN, "a checkpoint cannot be used, the one before it is: %s",
            err < 0 ? th_strerror(err) : "it is ahead of the segments");
    }
}

/* ---- beginning ---- */

struct cleaning {
    struct seal_role *r;
    const struct th_catalogue_file *files;
    size_t count;
};

/* What the store does not know was never visible: a crash left it behind. */
static int clean_name(void *arg, const char *name)
{
    const struct cleaning *c = arg;
    size_t len = strlen(name);
    if (len < 8 || (strcmp(name + len - 8, ".parquet") != 0 && strcmp(name + len - 4, ".new") != 0))
        return 0;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->files[i].name, name) == 0)
            return 0;
    (void)c->r->segments.remove(c->r->segments.arg, name);
    return 0;
}

static int begin(struct seal_role *r, const struct th_catalogue_file *files, size_t count)
{
    uint64_t first;
    uint64_t next;
    uint64_t position;
    struct cleaning cleaning = {.r = r, .files = files, .count = count};
    int err = r->segments.list(r->segments.arg, clean_name, &cleaning);
    if (err == 0)
        err = th_journal_extent(&r->log, &first, &next, &r->log_epoch);
    if (err < 0)
        return err;
    r->follow = th_follow_new(&r->log);
    load_identity(r, &position);
    if (r->stored_from < first) {
        r->lost_records = first - r->stored_from;
        if (r->stored_from > 0)
            th_log(TH_LOG_WARN, "the log begins behind the segments: %llu records are missing",
                (unsigned long long)r->lost_records);
        else
            r->lost_records = 0;
    }
    position = TH_MAX(position, first);
    if (position > next)
        position = next;
    err = th_follow_seek(r->follow, position);
    if (err == 0)
        err = th_follow_scan(r->follow, r->head);
    if (err < 0)
        return err;
    r->applied = r->saved = position;
    r->committed = r->cut_position = r->stored_from;
    r->save_ns = r->now_ns - SAVE_EVERY_NS;
    r->begun = true;
    tell_intake(r, TH_MSG_SAVED, r->saved);
    return 0;
}

/* ---- what the store says ---- */

/* {"position": n, "files": [...]} */
static int take_catalogue(struct seal_role *r, struct th_str body)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    uint64_t position = th_cur_le64(&c);
    size_t left = th_cur_left(&c);
    struct th_str json = th_cur_bytes(&c, left);
    struct th_catalogue_file *files = NULL;
    size_t count = 0;
    int err = c.failed ? TH_E_TRUNCATED : th_catalogue_files_get(json, &files, &count);
    if (err < 0)
        return err;
    if (!r->begun) {
        r->stored_from = position;
        err = begin(r, files, count);
    } else if (!r->merging && !r->merge_committing) {
        struct th_catalogue_file *merge = NULL;
        size_t n = th_seal_merge_choose(files, count, r->newest_ns, r->merge_rows, &merge);
        if (n > 0) {
            th_seal_unit_of_merge(&r->merge, merge, n);
            r->merging = true;
        } else {
            r->merge_ns = r->now_ns + MERGE_EVERY_NS;
        }
    }
    r->catalogue_asked = false;
    free(files);
    return err;
}

static void answer_core(struct seal_role *r, uint64_t id, int err)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, 0);
    th_buf_le32(&body, (uint32_t)err);
    (void)th_edges_send(r->edges, EDGE_CORE, TH_MSG_DONE, id, th_buf_view(&body));
}

/* Changes are answered one after the other, in the order in which they were sent. */
static void take_done(struct seal_role *r, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    (void)th_cur_le64(&c);
    int err = (int)th_cur_le32(&c);
    if (!th_outbox_done(r->outbox, EDGE_STORE, m->id, m->body, r->now_ns) || c.failed || err < 0)
        return; /* an old answer, or one that has it sent again */
    enum th_seal_what what = r->sent[0];
    memmove(r->sent, r->sent + 1, --r->sent_count * sizeof(r->sent[0]));
    if (what == TH_SEAL_ROWS_UNIT) {
        r->committing = false;
        r->committed = r->commit_id;
        save_checkpoint(r);
    } else if (what == TH_SEAL_METRICS_UNIT) {
        r->metrics_committing = false;
        answer_core(r, r->metrics_id, 0);
    } else {
        r->merge_committing = false;
    }
}

static int hear_store(struct seal_role *r)
{
    struct th_ipc_message m;
    int err = 0;
    while (err == 0 && th_edges_receive(r->edges, EDGE_STORE, &m) > 0) {
        if (m.type == TH_MSG_CATALOGUE)
            err = take_catalogue(r, m.body);
        else if (m.type == TH_MSG_DONE)
            take_done(r, &m);
        else if (m.type == TH_MSG_CHUNK && r->chunk_count < MAX_CHUNKS)
            r->chunks[r->chunk_count++].id = m.id;
    }
    unsigned generation = th_edges_generation(r->edges, EDGE_STORE);
    if (r->head_known && th_edges_up(r->edges, EDGE_STORE) && generation != r->asked_generation) {
        r->asked_generation = generation;
        r->chunk_count = 0;
        /* Chunks that an earlier store knew of are nobody's now. */
        for (size_t i = 0; i < r->rows.count; i++)
            r->rows.tables[i].chunked = 0;
        r->catalogue_asked =
            th_edges_send(r->edges, EDGE_STORE, TH_MSG_CATALOGUE, 0, th_str_c("")) == 0;
    }
    return err;
}

static void hear_core(struct seal_role *r)
{
    struct th_ipc_message m;
    while (r->metrics_count < MAX_METRICS && th_edges_receive(r->edges, EDGE_CORE, &m) > 0) {
        if (m.type != TH_MSG_METRICS)
            continue;
        struct waiting *w = &r->metrics[r->metrics_count++];
        *w = (struct waiting){.id = m.id};
        th_buf_str(&w->body, m.body);
    }
}

static void hear_intake(struct seal_role *r)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, EDGE_INTAKE, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t head = th_cur_le64(&c);
        if (m.type != TH_MSG_HEAD || c.failed)
            continue;
        r->head = TH_MAX(r->head, head);
        r->head_known = r->head > 0;
    }
    unsigned generation = th_edges_generation(r->edges, EDGE_INTAKE);
    if (r->begun && generation != r->intake_generation) {
        r->intake_generation = generation;
        tell_intake(r, TH_MSG_SAVED, r->saved);
        tell_intake(r, TH_MSG_APPLIED, r->applied);
    }
}

/* ---- metrics of core ---- */

static int add_metrics(struct seal_role *r, struct th_cur *c, struct th_seal_rows *rows)
{
    struct th_batch_reader *reader = th_batch_reader_new();
    int err = 0;
    uint64_t seq = 0;
    while (err == 0 && th_cur_left(c) >= TH_FRAME_HEAD_BYTES) {
        enum th_frame_type type;
        uint32_t len;
        struct th_batch_head head;
        struct th_event *ev;
        const uint8_t *frame = c->p;
        err = th_frame_head(frame, &type, &len);
        th_cur_skip(c, (size_t)TH_FRAME_HEAD_BYTES + (err == 0 ? len : 0));
        if (err == 0 && c->failed)
            err = TH_E_TRUNCATED;
        if (err == 0)
            err = th_batch_open(reader, frame, TH_FRAME_HEAD_BYTES + len, &head);
        for (int n = 1; err == 0 && (n = th_batch_next(reader, &ev)) != 0;) {
            err = n < 0 ? n : 0;
            if (err == 0 && ev->kind == TH_KIND_METRIC) {
                const struct th_ev_metric *m = (const struct th_ev_metric *)ev;
                ev->seq = seq++;
                err = th_seal_rows_add(rows, ev, m->entity, th_str_c(""));
            }
        }
    }
    th_batch_reader_free(reader);
    (void)r;
    return err;
}

static void begin_metrics(struct seal_role *r)
{
    struct waiting w = r->metrics[0];
    struct th_seal_rows *rows = th_xcalloc(1, sizeof(*rows));
    memmove(r->metrics, r->metrics + 1, --r->metrics_count * sizeof(w));
    rows->duck = r->duck;
    rows->number = r->rows.number;
    struct th_cur c = th_cur_init(w.body.p, w.body.len);
    int64_t epoch_ns = (int64_t)th_cur_le64(&c);
    int err = c.failed || epoch_ns == 0 ? TH_E_MALFORMED : add_metrics(r, &c, rows);
    r->rows.number = rows->number;
    if (err < 0) {
        th_log(TH_LOG_ERROR, "metrics of an epoch cannot be stored: %s", th_strerror(err));
        answer_core(r, w.id, 0); /* the same bytes again would be no better */
        th_seal_rows_done(rows);
    } else {
        th_seal_unit_of_rows(&r->unit, TH_SEAL_METRICS_UNIT, rows);
        r->unit.change.epoch_ns = epoch_ns;
        r->unit.id = w.id;
        r->working = true;
    }
    free(rows);
    th_buf_done(&w.body);
}

/* ---- files ---- */

static void commit_unit(struct seal_role *r, struct th_seal_unit *u)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    if (u->what == TH_SEAL_ROWS_UNIT) {
        u->change.has_position = true;
        u->change.position = r->cut_position;
        r->committing = true;
        r->commit_id = r->cut_position;
    } else if (u->what == TH_SEAL_METRICS_UNIT) {
        r->metrics_committing = true;
        r->metrics_id = u->id;
    } else {
        r->merge_committing = true;
        r->count_merges++;
    }
    for (size_t i = 0; i < u->change.add_count; i++)
        r->count_bytes += u->change.add[i].bytes;
    r->count_files += u->change.add_count;
    th_catalogue_change_put(&body, &u->change);
    TH_ASSERT(r->sent_count < TH_ARRAY_LEN(r->sent));
    r->sent[r->sent_count++] = u->what;
    th_outbox_add(r->outbox, EDGE_STORE, TH_MSG_COMMIT, th_buf_view(&body), false);
}

static void answer_chunks(struct seal_role *r)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    static const struct th_catalogue_change none;
    const struct th_catalogue_change *change = r->working ? &r->unit.change : &none;
    for (size_t i = 0; i < r->chunk_count; i++) {
        th_buf_clear(&body);
        th_buf_le64(&body, r->cut_position);
        th_catalogue_files_put(&body, change->add, i == 0 ? change->add_count : 0);
        (void)th_edges_send(
            r->edges, EDGE_STORE, TH_MSG_CHUNK, r->chunks[i].id, th_buf_view(&body));
    }
    r->count_chunks += change->add_count;
    r->chunk_count = 0;
}

/* What cannot be merged is as good as before: it is tried later, with fewer rows. */
static void merge_failed(struct seal_role *r, int err)
{
    th_log(TH_LOG_WARN, "segments cannot be merged: %s (%s); fewer of them are, in a minute",
        th_strerror(err), th_duck_error(r->merge_duck));
    r->merge_rows = TH_MAX(r->merge_rows / 2, (uint64_t)TH_SEAL_ROWS);
    r->merge_ns = r->now_ns + TH_NS_PER_MIN;
}

static void write_failed(struct seal_role *r, int err)
{
    if (r->write_err == 0)
        th_log(TH_LOG_ERROR, "a segment cannot be written: %s (%s); it is tried again",
            th_strerror(err), th_duck_error(r->duck));
    r->write_err = err;
    r->not_before_ns = r->now_ns + RETRY_NS;
}

static void step_merge(struct seal_role *r)
{
    int n = th_seal_unit_step(&r->merge, &r->merge_folder);
    if (n == 0)
        return;
    if (n > 0)
        commit_unit(r, &r->merge);
    else
        merge_failed(r, n);
    th_seal_unit_done(&r->merge);
    r->merging = false;
}

static void step_unit(struct seal_role *r)
{
    struct th_seal_unit *u = &r->unit;
    int n = th_seal_unit_step(u, &r->folder);
    if (n == 0)
        return;
    if (n > 0)
        r->write_err = 0;
    else
        write_failed(r, n);
    if (u->what == TH_SEAL_CHUNK_UNIT) {
        answer_chunks(r);
    } else if (n > 0) {
        commit_unit(r, u);
    } else {
        th_seal_unit_again(u);
        return;
    }
    th_seal_unit_done(u);
    r->working = false;
}

/* ---- what to do next ---- */

static bool rows_due(const struct seal_role *r)
{
    return r->rows.rows > 0 &&
        (th_seal_rows_full(&r->rows) ||
            r->now_ns - r->first_row_ns >= (int64_t)r->seal_age_s * TH_NS_PER_S);
}

/* Positions without rows (controls) count, too: else the log could not be trimmed. */
static bool position_due(const struct seal_role *r)
{
    return r->rows.rows == 0 && r->applied > r->committed &&
        r->now_ns - r->save_ns >= 5 * SAVE_EVERY_NS;
}

static void begin_rows(struct seal_role *r)
{
    cut_checkpoint(r);
    r->cut_position = r->applied;
    th_seal_unit_of_rows(&r->unit, TH_SEAL_ROWS_UNIT, &r->rows);
    r->working = true;
}

static void begin_unit(struct seal_role *r)
{
    bool store_free = !r->committing && !r->metrics_committing;
    if (r->chunk_count > 0) {
        r->working = th_seal_unit_of_chunks(&r->unit, &r->rows);
        if (!r->working)
            answer_chunks(r);
    } else if (store_free && (rows_due(r) || position_due(r))) {
        begin_rows(r);
    } else if (store_free && r->metrics_count > 0) {
        begin_metrics(r);
    }
}

static void look_for_merges(struct seal_role *r)
{
    if (r->merging || r->merge_committing || r->catalogue_asked || r->now_ns < r->merge_ns ||
        !th_edges_up(r->edges, EDGE_STORE))
        return;
    r->merge_ns = r->now_ns + MERGE_EVERY_NS;
    r->catalogue_asked =
        th_edges_send(r->edges, EDGE_STORE, TH_MSG_CATALOGUE, 0, th_str_c("")) == 0;
}

static int work(struct seal_role *r, bool *ret_idle)
{
    *ret_idle = true;
    if (!r->begun)
        return 0;
    bool may_write = r->now_ns >= r->not_before_ns;
    if (may_write && !r->working)
        begin_unit(r);
    if (may_write && r->working) {
        *ret_idle = false;
        step_unit(r);
    }
    look_for_merges(r);
    if (r->merging) {
        *ret_idle = false;
        step_merge(r);
    }
    /* Rows stay as they are while files are made of them. */
    if (r->working || r->applied >= r->head || th_seal_rows_full(&r->rows))
        return 0;
    *ret_idle = false;
    int err = read_slice(r);
    tell_intake(r, TH_MSG_APPLIED, r->applied);
    return err;
}

/* ---- status ---- */

static void put_count(struct th_json *j, const char *key, uint64_t v)
{
    th_json_key(j, key);
    th_json_u64(j, v);
}

static void put_problem(struct th_json *j, const char *code, const char *what, int err)
{
    char text[256];
    snprintf(text, sizeof(text), what, th_strerror(err));
    th_json_open(j);
    th_json_key(j, "severity");
    th_json_str(j, th_str_c("error"));
    th_json_key(j, "code");
    th_json_str(j, th_str_c(err == -ENOSPC ? "disk_full" : code));
    th_json_key(j, "text");
    th_json_str(j, th_str_c(text));
    th_json_close(j);
}

static void tell_status(struct seal_role *r)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_json j = th_json_init(&text);
    int refused = 0;
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    put_count(&j, "rows", r->count_rows);
    put_count(&j, "files", r->count_files);
    put_count(&j, "bytes", r->count_bytes);
    put_count(&j, "merges", r->count_merges);
    put_count(&j, "chunks", r->count_chunks);
    put_count(&j, "rows_known", r->count_skipped);
    put_count(&j, "refused", r->count_refused);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    put_count(&j, "position", r->applied);
    put_count(&j, "committed", r->committed);
    put_count(&j, "saved", r->saved);
    put_count(&j, "lag_records", r->head - TH_MIN(r->applied, r->head));
    put_count(&j, "rows_in_memory", r->rows.rows);
    th_json_close(&j);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    if (r->write_err < 0)
        put_problem(&j, "segments",
            "Events cannot be written to segments/: %s. Make room there; nothing is lost as long "
            "as "
            "the log is kept.",
            r->write_err);
    if (r->save_err < 0)
        put_problem(&j, "checkpoint",
            "A checkpoint cannot be saved in checkpoints/: %s. Make room there.", r->save_err);
    if (th_outbox_refused(r->outbox, &refused) > 0 && !th_outbox_empty(r->outbox))
        put_problem(&j, "catalogue",
            "The catalogue of segments cannot be written: %s. It is tried again.", refused);
    th_json_close_list(&j);
    th_json_close(&j);
    th_edges_status(r->edges, th_buf_view(&text));
}

/* ---- the role ---- */

static int run(struct seal_role *r)
{
    bool idle = true;
    int err = 0;
    r->edges = th_edges_new(&r->inherited, edge_names, EDGES);
    r->outbox = th_outbox_new();
    while (err == 0 && !th_edges_stopping(r->edges)) {
        err = th_edges_wait(r->edges, NULL, 0, idle ? 250 : 0);
        r->now_ns = clock_ns(CLOCK_MONOTONIC);
        if (err < 0)
            break;
        hear_intake(r);
        hear_core(r);
        err = hear_store(r);
        if (err == 0)
            err = work(r, &idle);
        th_outbox_pump(r->outbox, r->edges, r->now_ns);
        if (r->now_ns - r->status_ns >= TH_NS_PER_S) {
            r->status_ns = r->now_ns;
            tell_status(r);
        }
    }
    return err;
}

static int open_duck(const struct seal_role *r, uint64_t memory_bytes, struct th_duck **ret)
{
    const char *folder = r->path;
    TH_AUTOFREE char *message = NULL;
    struct th_duck_config config = {.memory_bytes = memory_bytes,
        .temp_folder = r->temp,
        .temp_bytes = TEMP_BYTES,
        .folders = &folder,
        .folder_count = 1};
    int err = th_duck_open(&config, ret, &message);
    if (err < 0)
        th_log(TH_LOG_ERROR, "DuckDB cannot be opened: %s", message ? message : "");
    return err;
}

static int open_all(struct seal_role *r)
{
    char link[64];
    r->segments_fd = th_inherit_get(&r->inherited, "segments", 0);
    r->log_fd = th_inherit_get(&r->inherited, "log", 0);
    r->checkpoints_fd = th_inherit_get(&r->inherited, "checkpoints", 0);
    if (r->segments_fd < 0 || r->log_fd < 0 || r->checkpoints_fd < 0)
        return -EBADF;
    th_io_folder(&r->segments, &r->segments_fd);
    th_io_folder(&r->log, &r->log_fd);
    th_io_folder(&r->checkpoints, &r->checkpoints_fd);
    /* DuckDB goes by paths. */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", r->segments_fd);
    ssize_t n = readlink(link, r->path, sizeof(r->path) - 1);
    if (n < 0)
        return -errno;
    snprintf(r->temp, sizeof(r->temp), "%s/temp", r->path);
    int err = open_duck(r, MEMORY_BYTES, &r->duck);
    if (err == 0)
        err = open_duck(r, MERGE_MEMORY_BYTES, &r->merge_duck);
    r->rows.duck = r->duck;
    r->folder = (struct th_seal_folder){.duck = r->duck,
        .io = &r->segments,
        .path = r->path,
        .start = (uint64_t)clock_ns(CLOCK_REALTIME)};
    r->merge_folder = r->folder;
    r->merge_folder.duck = r->merge_duck;
    r->merge_folder.start++;
    return err;
}

static int lock(const struct seal_role *r)
{
    const struct th_role_folder folders[] = {
        {r->segments_fd, true}, {r->log_fd, false}, {r->checkpoints_fd, true}};
    struct th_lock_options options = {.uid = (unsigned)r->uid,
        .gid = (unsigned)r->gid,
        .folders = folders,
        .folder_count = TH_ARRAY_LEN(folders)};
    return th_role_lock_with(TH_ROLE_SEAL, &options);
}

enum { OPT_NAME = 256, OPT_ID, OPT_UID, OPT_GID, OPT_LEVEL, OPT_BYTES, OPT_NET, OPT_ROWS, OPT_AGE };

static int parse_options(int argc, char **argv, struct seal_role *r)
{
    static const struct option longs[] = {{"instance-name", required_argument, NULL, OPT_NAME},
        {"instance-id", required_argument, NULL, OPT_ID}, {"uid", required_argument, NULL, OPT_UID},
        {"gid", required_argument, NULL, OPT_GID},
        {"log-level", required_argument, NULL, OPT_LEVEL},
        {"data-bytes", required_argument, NULL, OPT_BYTES},
        {"local-net", required_argument, NULL, OPT_NET},
        {"seal-rows", required_argument, NULL, OPT_ROWS},
        {"seal-age-s", required_argument, NULL, OPT_AGE}, {0}};
    enum th_log_level level = TH_LOG_INFO;
    bool ok = true;
    optind = 3; /* behind --role seal */
    for (int c; ok && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case OPT_ID: r->instance = strtoull(optarg, NULL, 16); break;
        case OPT_UID: ok = th_str_u64(th_str_c(optarg), &r->uid); break;
        case OPT_GID: ok = th_str_u64(th_str_c(optarg), &r->gid); break;
        case OPT_LEVEL: ok = th_log_level_parse(optarg, &level); break;
        case OPT_NET:
            ok = r->local_count < MAX_NETS &&
                th_subnet_parse(th_str_c(optarg), &r->local[r->local_count++]);
            break;
        case OPT_ROWS: ok = th_str_u64(th_str_c(optarg), &r->rows.max_rows); break;
        case OPT_AGE: ok = th_str_u64(th_str_c(optarg), &r->seal_age_s); break;
        case OPT_NAME:
        case OPT_BYTES: break;
        default: ok = false;
        }
    }
    th_log_set(level, "thymus-master seal");
    return ok ? 0 : -EINVAL;
}

static void tear_down(struct seal_role *r)
{
    if (r->working)
        th_seal_unit_done(&r->unit);
    if (r->merging)
        th_seal_unit_done(&r->merge);
    th_seal_rows_done(&r->rows);
    th_duck_close(r->duck);
    th_duck_close(r->merge_duck);
    th_identity_free(r->identity);
    th_follow_free(r->follow);
    th_outbox_free(r->outbox);
    th_edges_free(r->edges);
    for (size_t i = 0; i < r->metrics_count; i++)
        th_buf_done(&r->metrics[i].body);
    th_buf_done(&r->cut);
    free(r);
}

int role_seal(int argc, char **argv)
{
    struct seal_role *r = th_xcalloc(1, sizeof(*r));
    r->asked_generation = r->intake_generation = UINT_MAX;
    r->newest_ns = INT64_MIN + 1;
    r->merge_rows = TH_SEAL_MERGED_ROWS;
    r->seal_age_s = TH_SEAL_AGE_NS / TH_NS_PER_S;
    int err = parse_options(argc, argv, r);
    if (err == 0)
        err = th_inherit(&r->inherited);
    if (err == 0)
        err = open_all(r);
    if (err == 0)
        err = lock(r);
    if (err == 0)
        err = run(r);
    if (err < 0)
        th_log(TH_LOG_ERROR, "seal stopped: %s", th_strerror(err));
    tear_down(r);
    return err < 0 ? 1 : 0;
}
