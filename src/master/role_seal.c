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
#include <limits.h>

#include "base/json.h"
#include "base/log.h"
#include "clock.h"
#include "priv/priv.h"
#include "role_args.h"
#include "roles.h"
#include "seal_role.h"
#include "status.h"

#define TEMP_BYTES (UINT64_C(8) << 30)

static const char *const edge_names[SEAL_EDGES] = {"intake", "store", "core"};

/* ---- status ---- */

static void tell_status(struct seal_role *r)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_json j = th_json_init(&text);
    int refused = 0;
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "rows", r->count_rows);
    th_status_count(&j, "files", r->count_files);
    th_status_count(&j, "bytes", r->count_bytes);
    th_status_count(&j, "merges", r->count_merges);
    th_status_count(&j, "chunks", r->count_chunks);
    th_status_count(&j, "rows_known", r->count_skipped);
    th_status_count(&j, "refused", r->count_refused);
    th_status_count(&j, "rows_forgotten", r->count_forgotten);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "position", r->applied);
    th_status_count(&j, "committed", r->committed);
    th_status_count(&j, "saved", r->saved);
    th_status_count(&j, "lag_records", r->head - TH_MIN(r->applied, r->head));
    th_status_count(&j, "rows_in_memory", r->rows.rows);
    th_json_close(&j);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    if (r->write_err < 0)
        th_status_failure(&j, "segments",
            "Events cannot be written to segments/: %s. Make room there; nothing is lost as long "
            "as "
            "the log is kept.",
            r->write_err);
    if (r->save_err < 0)
        th_status_failure(&j, "checkpoint",
            "A checkpoint cannot be saved in checkpoints/: %s. Make room there.", r->save_err);
    if (th_outbox_refused(r->outbox, &refused) > 0 && !th_outbox_empty(r->outbox))
        th_status_failure(&j, "catalogue",
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
    r->edges = th_edges_new(&r->inherited, edge_names, SEAL_EDGES);
    r->outbox = th_outbox_new();
    while (err == 0 && !th_edges_stopping(r->edges)) {
        err = th_edges_wait(r->edges, NULL, 0, idle ? 250 : 0);
        r->now_ns = th_clock_ns(CLOCK_MONOTONIC);
        if (err < 0)
            break;
        err = seal_hear(r);
        if (err == 0)
            err = seal_work(r, &idle);
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
    int err = open_duck(r, TH_SEAL_MEMORY_BYTES, &r->duck);
    if (err == 0)
        err = open_duck(r, TH_SEAL_MERGE_MEMORY_BYTES, &r->merge_duck);
    r->rows.duck = r->duck;
    r->folder = (struct th_seal_folder){.duck = r->duck,
        .io = &r->segments,
        .path = r->path,
        .start = (uint64_t)th_clock_ns(CLOCK_REALTIME)};
    r->merge_folder = r->folder;
    r->merge_folder.duck = r->merge_duck;
    r->merge_folder.start++;
    return err;
}

static int lock(const struct seal_role *r)
{
    const struct th_role_folder folders[] = {
        {r->segments_fd, true}, {r->log_fd, false}, {r->checkpoints_fd, true}};
    struct th_lock_options options = {.uid = r->args.uid,
        .gid = r->args.gid,
        .folders = folders,
        .folder_count = TH_ARRAY_LEN(folders)};
    return th_role_lock_with(TH_ROLE_SEAL, &options);
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct seal_role *r = arg;
    struct th_str v = th_str_c(value);
    if (strcmp(name, "--local-net") == 0)
        return r->local_count < SEAL_MAX_NETS && th_subnet_parse(v, &r->local[r->local_count++]);
    if (strcmp(name, "--seal-rows") == 0)
        return th_str_u64(v, &r->rows.max_rows);
    return strcmp(name, "--seal-age-s") == 0 && th_str_u64(v, &r->seal_age_s);
}

static void tear_down(struct seal_role *r)
{
    if (r->working)
        th_seal_unit_done(&r->unit);
    if (r->merging)
        th_seal_unit_done(&r->merge);
    th_seal_rows_done(&r->rows);
    seal_forget_done(r);
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
    int err = th_role_args_read(argc, argv, "thymus-master seal", take_option, r, &r->args);
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
