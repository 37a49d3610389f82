/* SPDX-License-Identifier: Apache-2.0 */
/* Files: what to write next, its steps, and telling the store. */
#include "base/log.h"
#include "base/time.h"
#include "seal_role.h"

#define RETRY_NS (5 * TH_NS_PER_S)

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
    th_outbox_add(r->outbox, SEAL_STORE, TH_MSG_COMMIT, th_buf_view(&body), false);
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
            r->edges, SEAL_STORE, TH_MSG_CHUNK, r->chunks[i].id, th_buf_view(&body));
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
    if (n > 0) {
        commit_unit(r, &r->merge);
    } else {
        merge_failed(r, n);
        seal_forget_failed(r);
    }
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
        (th_seal_rows_full(&r->rows) || seal_forget_needs_rows(r) ||
            r->now_ns - r->first_row_ns >= (int64_t)r->seal_age_s * TH_NS_PER_S);
}

/* Positions without rows (controls) count, too: else the log could not be trimmed. */
static bool position_due(const struct seal_role *r)
{
    return r->rows.rows == 0 && r->applied > r->committed &&
        r->now_ns - r->save_ns >= 5 * SEAL_SAVE_EVERY_NS;
}

static void begin_rows(struct seal_role *r)
{
    seal_cut_checkpoint(r);
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
        seal_begin_metrics(r);
    }
}

static void look_for_merges(struct seal_role *r)
{
    if (r->forget.stage != SEAL_FORGET_NONE || r->merging || r->merge_committing ||
        r->catalogue_asked || r->now_ns < r->merge_ns || !th_edges_up(r->edges, SEAL_STORE))
        return;
    r->merge_ns = r->now_ns + SEAL_MERGE_EVERY_NS;
    r->catalogue_asked =
        th_edges_send(r->edges, SEAL_STORE, TH_MSG_CATALOGUE, 0, th_str_c("")) == 0;
}

int seal_work(struct seal_role *r, bool *ret_idle)
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
    seal_forget_step(r, ret_idle);
    look_for_merges(r);
    if (r->merging) {
        *ret_idle = false;
        step_merge(r);
    }
    /* Rows stay as they are while files are made of them. */
    if (r->working || r->applied >= r->head || th_seal_rows_full(&r->rows))
        return 0;
    *ret_idle = false;
    int err = seal_read_slice(r);
    seal_tell_intake(r, TH_MSG_APPLIED, r->applied);
    return err;
}
