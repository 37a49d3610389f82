/* SPDX-License-Identifier: Apache-2.0 */
/* The log's events into rows, and the identity that goes with a position of it. */
#include "base/cursor.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/time.h"
#include "checkpoint.h"
#include "forget.h"
#include "gap.h"
#include "journal/journal.h"
#include "seal_role.h"

#define SLICE_RECORDS 16u
#define CHECKPOINT_MAGIC 0x4c534854u /* "THSL" */
#define CHECKPOINT_VERSION 1u
#define PREFIX "seal"

/* ---- events ---- */

static int add_row(struct seal_role *r, const struct th_event *ev, bool store, const char *entity,
    const char *peer)
{
    if (!store) {
        r->count_skipped++;
        return 0;
    }
    if (r->rows.rows == 0)
        r->first_row_ns = r->now_ns;
    int err = th_seal_rows_add(&r->rows, ev, th_str_c(entity), th_str_c(peer));
    if (err == 0)
        r->count_rows++;
    return err;
}

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
    if (who.orig)
        th_entity_text(who.orig->id, entity);
    if (who.resp)
        th_entity_text(who.resp->id, peer);
    return add_row(r, ev, store, entity, peer);
}

/* Who is forgotten: the rows go when core says so; from here on nothing is written under its id.
 * What a sensor has not seen is a row. */
static int take_control(struct seal_role *r, struct th_str body, bool store)
{
    struct th_control c;
    struct th_gap gap;
    uint64_t entity = 0;
    uint64_t sensor;
    int err = 0;
    if (th_control_get(body, &c) < 0)
        return 0;
    if (c.type == TH_CONTROL_FORGET)
        th_forget_read(&c, r->identity, &entity, &sensor);
    if (entity != 0)
        th_identity_forget(r->identity, entity);
    if (th_gap_read(&c, &gap))
        err = add_row(r, &gap.ev.h, store, "", "");
    th_control_done(&c);
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
    int err = record.what == TH_FOLLOW_CONTROL ? take_control(r, record.control, store) : 0;
    if (err < 0)
        return err;
    r->applied = record.position + 1;
    return n < 0 ? n : 1;
}

int seal_read_slice(struct seal_role *r)
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

void seal_cut_checkpoint(struct seal_role *r)
{
    th_buf_clear(&r->cut);
    if (r->now_ns - r->save_ns < SEAL_SAVE_EVERY_NS)
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

void seal_tell_intake(struct seal_role *r, enum th_msg type, uint64_t position)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    (void)th_edges_send(r->edges, SEAL_INTAKE, (uint16_t)type, 0, th_buf_view(&body));
}

void seal_save_checkpoint(struct seal_role *r)
{
    if (r->cut.len == 0)
        return;
    int before = r->save_err;
    r->save_err = th_checkpoint_save(&r->checkpoints, PREFIX, &r->cut);
    if (r->save_err == 0) {
        r->saved = r->committed;
        r->save_ns = r->now_ns;
        seal_tell_intake(r, TH_MSG_SAVED, r->saved);
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
        .key = th_follow_key(r->args.instance), .local = r->local, .local_count = r->local_count};
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

int seal_begin(struct seal_role *r, const struct th_catalogue_file *files, size_t count)
{
    uint64_t first = 0;
    uint64_t next = 0;
    uint64_t position = 0;
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
    r->save_ns = r->now_ns - SEAL_SAVE_EVERY_NS;
    r->begun = true;
    seal_tell_intake(r, TH_MSG_SAVED, r->saved);
    return 0;
}
