/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that have to go: those about an entity, or those that a sensor sent (core's FORGET). What is
 * in memory becomes segments first. Then each segment is asked how many such rows it has, which its
 * own statistics mostly answer, and those that have some are written anew without them, one after
 * the other, through the place of the merges, which wait meanwhile. Core hears DONE when all are
 * through; it says it again to a seal that was started anew.
 */
#include <inttypes.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/time.h"
#include "seal_role.h"

#define RETRY_NS (5 * TH_NS_PER_S)

static void stop_counting(struct seal_forget *f)
{
    th_duck_result_free(TH_TAKE(f->result));
    th_duck_stmt_free(TH_TAKE(f->stmt));
}

void seal_forget_done(struct seal_role *r)
{
    stop_counting(&r->forget);
    free(r->forget.files);
    r->forget = (struct seal_forget){0};
}

/* {position u64, entity u64, sensor u64}; numbers and our own letters: nothing of it needs quoting.
 */
void seal_forget_begin(struct seal_role *r, uint64_t id, struct th_str body)
{
    struct seal_forget *f = &r->forget;
    struct th_cur c = th_cur_init(body.p, body.len);
    uint64_t position = th_cur_le64(&c);
    uint64_t entity = th_cur_le64(&c);
    uint64_t sensor = th_cur_le64(&c);
    char text[TH_ENTITY_TEXT_LEN];
    if (c.failed || (entity == 0 && sensor == 0)) {
        seal_answer_core(r, id, 0); /* the same bytes again would be no better */
        return;
    }
    seal_forget_done(r);
    f->stage = SEAL_FORGET_WAITS;
    f->id = id;
    f->position = position;
    th_entity_text(entity, text);
    if (entity != 0)
        snprintf(f->gone, sizeof(f->gone), "_entity = '%s' OR _peer = '%s'", text, text);
    size_t n = strlen(f->gone);
    if (sensor != 0)
        snprintf(f->gone + n, sizeof(f->gone) - n, "%s_source = %" PRIu64, n ? " OR " : "", sensor);
}

bool seal_forget_needs_rows(const struct seal_role *r)
{
    const struct seal_forget *f = &r->forget;
    return f->stage == SEAL_FORGET_WAITS && r->applied > f->position && r->committed <= f->position;
}

/* All rows from before the position are in segments that the store knows. */
static bool is_at_rest(const struct seal_role *r)
{
    bool rows = r->committed > r->forget.position ||
        (r->applied > r->forget.position && r->rows.rows == 0 && !r->working && !r->committing);
    return rows && r->metrics_count == 0 && !r->metrics_committing && !r->merging &&
        !r->merge_committing;
}

static void try_again(struct seal_role *r)
{
    struct seal_forget *f = &r->forget;
    stop_counting(f);
    free(TH_TAKE(f->files));
    f->count = f->at = 0;
    f->stage = SEAL_FORGET_WAITS;
    f->not_before_ns = r->now_ns + RETRY_NS;
}

void seal_forget_failed(struct seal_role *r)
{
    if (r->forget.stage == SEAL_FORGET_WRITES)
        try_again(r);
}

void seal_forget_list(struct seal_role *r, struct th_catalogue_file *files, size_t count)
{
    struct seal_forget *f = &r->forget;
    f->files = files;
    f->count = count;
    f->at = 0;
    f->stage = SEAL_FORGET_COUNTS;
}

static int begin_count(struct seal_role *r)
{
    struct seal_forget *f = &r->forget;
    const struct th_catalogue_file *file = &f->files[f->at];
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    TH_AUTOFREE char *path = th_xasprintf("%s/%s", r->merge_folder.path, file->name);
    th_buf_puts(&sql, "SELECT count(*) FROM ");
    th_segment_from(file->kind, (const char *const[]){path}, 1, &sql);
    th_buf_printf(&sql, " WHERE %s", f->gone);
    th_buf_u8(&sql, 0);
    int err = th_duck_prepare(r->merge_duck, (const char *)sql.p, &f->stmt);
    return err < 0 ? err : th_duck_start(f->stmt, &f->result);
}

static int take_count(struct seal_role *r)
{
    struct seal_forget *f = &r->forget;
    size_t rows = 0;
    int err = th_duck_next(f->result, &rows);
    uint64_t n = err > 0 && rows == 1 ? th_duck_u64(f->result, 0, 0) : 0;
    stop_counting(f);
    if (err < 0)
        return err;
    if (n == 0) {
        f->at++;
        return 0;
    }
    th_seal_unit_without(&r->merge, &f->files[f->at], f->gone, n);
    r->merging = true;
    r->count_forgotten += n;
    f->stage = SEAL_FORGET_WRITES;
    return 0;
}

static void count(struct seal_role *r)
{
    struct seal_forget *f = &r->forget;
    if (f->at == f->count) {
        seal_answer_core(r, f->id, 0);
        seal_forget_done(r);
        return;
    }
    int err = f->result ? th_duck_step(f->result) : begin_count(r);
    if (err > 0)
        err = take_count(r);
    if (err < 0) {
        th_log(TH_LOG_WARN, "%s cannot be searched for rows that have to go: %s (%s); tried again",
            f->files[f->at].name, th_strerror(err), th_duck_error(r->merge_duck));
        try_again(r);
    }
}

void seal_forget_step(struct seal_role *r, bool *ret_idle)
{
    struct seal_forget *f = &r->forget;
    switch (f->stage) {
    case SEAL_FORGET_WAITS:
        if (r->now_ns < f->not_before_ns || r->catalogue_asked || !is_at_rest(r) ||
            !th_edges_up(r->edges, SEAL_STORE))
            return;
        r->catalogue_asked =
            th_edges_send(r->edges, SEAL_STORE, TH_MSG_CATALOGUE, 0, th_str_c("")) == 0;
        if (r->catalogue_asked)
            f->stage = SEAL_FORGET_LISTS;
        return;
    case SEAL_FORGET_COUNTS:
        *ret_idle = false;
        count(r);
        return;
    case SEAL_FORGET_WRITES:
        if (!r->merging && !r->merge_committing) {
            f->at++;
            f->stage = SEAL_FORGET_COUNTS;
            *ret_idle = false;
        }
        return;
    default: return;
    }
}
