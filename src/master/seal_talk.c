/* SPDX-License-Identifier: Apache-2.0 */
/* What the others say: the store, core, intake. */
#include "base/cursor.h"
#include "base/log.h"
#include "base/time.h"
#include "event/batch.h"
#include "seal_role.h"

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
        err = seal_begin(r, files, count);
    } else if (r->forget.stage == SEAL_FORGET_LISTS) {
        seal_forget_list(r, TH_TAKE(files), count);
    } else if (!r->merging && !r->merge_committing) {
        struct th_catalogue_file *merge = NULL;
        size_t n = th_seal_merge_choose(files, count, r->newest_ns, r->merge_rows, &merge);
        if (n > 0) {
            th_seal_unit_of_merge(&r->merge, merge, n);
            r->merging = true;
        } else {
            r->merge_ns = r->now_ns + SEAL_MERGE_EVERY_NS;
        }
    }
    r->catalogue_asked = false;
    free(files);
    return err;
}

void seal_answer_core(struct seal_role *r, uint64_t id, int err)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, 0);
    th_buf_le32(&body, (uint32_t)err);
    (void)th_edges_send(r->edges, SEAL_CORE, TH_MSG_DONE, id, th_buf_view(&body));
}

/* Changes are answered one after the other, in the order in which they were sent. */
static void take_done(struct seal_role *r, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    (void)th_cur_le64(&c);
    int err = (int)th_cur_le32(&c);
    if (!th_outbox_done(r->outbox, SEAL_STORE, m->id, m->body, r->now_ns) || c.failed || err < 0)
        return; /* an old answer, or one that has it sent again */
    enum th_seal_what what = r->sent[0];
    memmove(r->sent, r->sent + 1, --r->sent_count * sizeof(r->sent[0]));
    if (what == TH_SEAL_ROWS_UNIT) {
        r->committing = false;
        r->committed = r->commit_id;
        seal_save_checkpoint(r);
    } else if (what == TH_SEAL_METRICS_UNIT) {
        r->metrics_committing = false;
        seal_answer_core(r, r->metrics_id, 0);
    } else {
        r->merge_committing = false;
    }
}

/* Chunks that an earlier store knew of are nobody's now; nor would anybody hear of those that are
 * being written, whose rows would then count as told. Whoever asked is answered all the same: the
 * store that is there may have asked before we knew where the log begins. */
static void forget_chunks(struct seal_role *r)
{
    if (r->working && r->unit.what == TH_SEAL_CHUNK_UNIT) {
        th_seal_unit_drop(&r->unit, &r->folder);
        r->working = false;
    }
    th_seal_rows_unchunk(&r->rows);
}

static int hear_store(struct seal_role *r)
{
    struct th_ipc_message m;
    int err = 0;
    while (err == 0 && th_edges_receive(r->edges, SEAL_STORE, &m) > 0) {
        if (m.type == TH_MSG_CATALOGUE)
            err = take_catalogue(r, m.body);
        else if (m.type == TH_MSG_DONE)
            take_done(r, &m);
        else if (m.type == TH_MSG_CHUNK && r->chunk_count < SEAL_MAX_CHUNKS)
            r->chunks[r->chunk_count++].id = m.id;
    }
    unsigned generation = th_edges_generation(r->edges, SEAL_STORE);
    if (r->head_known && th_edges_up(r->edges, SEAL_STORE) && generation != r->asked_generation) {
        r->asked_generation = generation;
        forget_chunks(r);
        r->catalogue_asked =
            th_edges_send(r->edges, SEAL_STORE, TH_MSG_CATALOGUE, 0, th_str_c("")) == 0;
    }
    return err;
}

static void hear_core(struct seal_role *r)
{
    struct th_ipc_message m;
    while (r->metrics_count < SEAL_MAX_METRICS && th_edges_receive(r->edges, SEAL_CORE, &m) > 0) {
        if (m.type == TH_MSG_FORGET)
            seal_forget_begin(r, m.id, m.body);
        if (m.type != TH_MSG_METRICS)
            continue;
        struct seal_waiting *w = &r->metrics[r->metrics_count++];
        *w = (struct seal_waiting){.id = m.id};
        th_buf_str(&w->body, m.body);
    }
}

static void hear_intake(struct seal_role *r)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, SEAL_INTAKE, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t head = th_cur_le64(&c);
        if (m.type != TH_MSG_HEAD || c.failed)
            continue;
        r->head = TH_MAX(r->head, head);
        r->head_known = r->head > 0;
    }
    unsigned generation = th_edges_generation(r->edges, SEAL_INTAKE);
    if (r->begun && generation != r->intake_generation) {
        r->intake_generation = generation;
        seal_tell_intake(r, TH_MSG_SAVED, r->saved);
        seal_tell_intake(r, TH_MSG_APPLIED, r->applied);
    }
}

int seal_hear(struct seal_role *r)
{
    hear_intake(r);
    hear_core(r);
    return hear_store(r);
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

void seal_begin_metrics(struct seal_role *r)
{
    struct seal_waiting w = r->metrics[0];
    struct th_seal_rows *rows = th_xcalloc(1, sizeof(*rows));
    memmove(r->metrics, r->metrics + 1, --r->metrics_count * sizeof(w));
    rows->duck = r->duck;
    struct th_cur c = th_cur_init(w.body.p, w.body.len);
    int64_t epoch_ns = (int64_t)th_cur_le64(&c);
    int err = c.failed || epoch_ns == 0 ? TH_E_MALFORMED : add_metrics(r, &c, rows);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "metrics of an epoch cannot be stored: %s", th_strerror(err));
        seal_answer_core(r, w.id, 0); /* the same bytes again would be no better */
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
