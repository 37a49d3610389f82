/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role recall: the stored events of one instance to sorted runs of events (recall.h).
 *
 * Descriptors: the folders segments and log of the instance, spool (to be written), progress
 * (optional).
 */
#include <inttypes.h>
#include <jansson.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "priv/inputs.h"
#include "priv/priv.h"
#include "priv/progress.h"
#include "priv/spawn.h"
#include "recall.h"
#include "role_args.h"
#include "roles.h"

#define MEMORY_BYTES (UINT64_C(512) << 20)
/* Beside the segments that are open at once. */
#define OTHER_FILES 64u
#define TELL_EVERY 50000u

/* ---- what comes out ---- */

void recall_tell(const struct recall *r, bool done)
{
    struct th_progress p = {.done = done,
        .status = (uint8_t)r->info.status,
        .bytes = r->info.bytes,
        .events = r->info.events};
    if (r->progress_fd < 0)
        return;
    if (done && r->problems.len)
        snprintf(p.text, sizeof(p.text), "%.*s", (int)r->problems.len, (const char *)r->problems.p);
    th_progress_put(r->progress_fd, &p);
}

struct th_buf *recall_problem(struct recall *r)
{
    if (r->problems.len)
        th_buf_puts(&r->problems, "; ");
    return &r->problems;
}

int recall_put(void *arg, const struct th_event *ev)
{
    struct recall *r = arg;
    struct th_source_info *i = &r->info;
    if (ev->time_ns >= r->until_ns || ev->kind == TH_KIND_METRIC)
        return 0;
    i->first_ns = i->events ? TH_MIN(i->first_ns, ev->time_ns) : ev->time_ns;
    i->last_ns = i->events ? TH_MAX(i->last_ns, ev->time_ns) : ev->time_ns;
    if (++i->events % TELL_EVERY == 0)
        recall_tell(r, false);
    r->write_err = th_run_writer_put(r->runs, ev);
    return r->write_err;
}

static int write_spool(void *arg, struct th_str bytes)
{
    const struct recall *r = arg;
    return th_fd_write(r->spool_fd, bytes);
}

/* ---- one instance ---- */

static void say_unheld(struct recall *r, int err, size_t count)
{
    switch (err) {
    case TH_E_VERSION:
        th_buf_printf(recall_problem(r),
            "a newer version of Thymus wrote its catalogue of segments: use that version's "
            "thymusctl");
        break;
    case TH_E_MALFORMED:
        th_buf_printf(recall_problem(r), "its catalogue of segments is damaged");
        break;
    case TH_E_LIMIT:
        th_buf_printf(recall_problem(r),
            "it has more than %u segments in that time: give an earlier --to",
            TH_CATALOGUE_MAX_FILES);
        break;
    case -EMFILE:
        th_buf_printf(recall_problem(r),
            "%zu segments are to be open at once, more than the system lets a process have: raise "
            "the limit (ulimit -Hn)",
            count);
        break;
    case -EACCES:
    case -EPERM: th_buf_printf(recall_problem(r), "%s", th_input_strerror(err)); break;
    default:
        th_buf_printf(
            recall_problem(r), "its catalogue of segments cannot be read: %s", th_strerror(err));
        break;
    }
}

/* The log first: a running master cuts it off behind what it seals meanwhile. */
static int read_all(struct recall *r)
{
    struct recall_held held = RECALL_HELD_INIT;
    int err = recall_hold(r, &held);
    if (err < 0 && err != -ENOENT) {
        say_unheld(r, err, held.count);
        recall_held_done(&held);
        return 0;
    }
    err = recall_log(r, held.position);
    if (err == 0)
        err = recall_segments(r, &held);
    recall_held_done(&held);
    return err < 0 ? err : th_run_writer_flush(r->runs);
}

static void judge(struct recall *r)
{
    char until[TH_TIME_TEXT_LEN] = "";
    uint64_t oversize = th_run_writer_oversize(r->runs);
    if (r->until_ns != INT64_MAX)
        th_time_rfc3339(r->until_ns, until);
    if (r->info.events == 0 && r->problems.len == 0)
        th_buf_printf(
            recall_problem(r), "nothing is stored there%s%s", *until ? " of before " : "", until);
    if (oversize)
        th_buf_printf(recall_problem(r), "%" PRIu64 " events were too large", oversize);
    if (r->problems.len)
        r->info.status = r->info.events ? TH_SOURCE_PARTIAL : TH_SOURCE_UNREADABLE;
}

/* What became of it, to the spool. */
static int conclude(struct recall *r)
{
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT;
    judge(r);
    r->info.source = r->info.input; /* it orders what is of one time in two inputs */
    r->info.format = th_str_c("instance");
    r->info.message = th_buf_view(&r->problems);
    th_source_info_put(&r->info, &frame);
    recall_tell(r, true);
    return write_spool(r, th_buf_view(&frame));
}

/* ---- start and end ---- */

struct settings {
    struct th_role_args args;
    uint64_t input;
    int64_t until_ns;
};

static bool take_option(void *arg, const char *name, const char *value)
{
    struct settings *s = arg;
    struct th_str v = th_str_c(value);
    if (strcmp(name, "--input") == 0)
        return th_str_u64(v, &s->input) && s->input <= UINT32_MAX;
    return strcmp(name, "--until") == 0 && th_time_parse_rfc3339(v, &s->until_ns);
}

/* As many as may have to be open at once; what is refused shows when they are opened. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    rlim_t wanted = TH_CATALOGUE_MAX_FILES + OTHER_FILES;
    limit.rlim_cur = TH_MAX(limit.rlim_cur, TH_MIN(limit.rlim_max, wanted));
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_duck(struct recall *r)
{
    /* Segments are read by their descriptors, which DuckDB takes for the files' own paths as long
     * as they have one. */
    char segments[64];
    const char *const folders[] = {"/proc/self/fd", segments};
    TH_AUTOFREE char *message = NULL;
    struct th_duck_config config = {
        .memory_bytes = MEMORY_BYTES, .folders = folders, .folder_count = TH_ARRAY_LEN(folders)};
    snprintf(segments, sizeof(segments), "/proc/self/fd/%d", r->segments_fd);
    int err = th_duck_open(&config, &r->duck, &message);
    if (err < 0)
        th_log(TH_LOG_ERROR, "recall: DuckDB cannot be opened: %s", message ? message : "");
    return err;
}

static int lock(const struct recall *r, const struct th_role_args *args)
{
    const struct th_role_folder folders[] = {{r->segments_fd, false}, {r->log_fd, false}};
    struct th_lock_options options = {.uid = args->uid,
        .gid = args->gid,
        .folders = folders,
        .folder_count = r->log_fd < 0 ? 1 : 2};
    json_object_seed(0); /* it reads a file for that, which the lock forbids */
    return th_role_lock_with(TH_ROLE_RECALL, &options);
}

static int set_up(struct recall *r, const struct settings *s)
{
    static struct th_inherited in;
    struct th_byte_sink out = {.write = write_spool, .arg = r};
    int err = th_inherit(&in);
    if (err < 0)
        return err;
    r->segments_fd = th_inherit_get(&in, "segments", 0);
    r->log_fd = th_inherit_get(&in, "log", 0);
    r->spool_fd = th_inherit_get(&in, "spool", 0);
    r->progress_fd = th_inherit_get(&in, "progress", 0);
    if (r->segments_fd < 0 || r->spool_fd < 0)
        return -EBADF;
    r->until_ns = s->until_ns;
    r->info.input = (uint32_t)s->input;
    r->runs = th_run_writer_new(&out);
    raise_file_limit();
    err = open_duck(r);
    return err < 0 ? err : lock(r, &s->args);
}

int role_recall(int argc, char **argv)
{
    struct recall r = {.segments_fd = -1, .log_fd = -1, .spool_fd = -1, .progress_fd = -1};
    struct settings settings = {.until_ns = INT64_MAX};
    int err =
        th_role_args_read(argc, argv, "thymus-master", take_option, &settings, &settings.args);
    if (err == 0)
        err = set_up(&r, &settings);
    if (err == 0)
        err = th_run_writer_input(r.runs, r.info.input);
    if (err == 0)
        err = read_all(&r);
    if (err == 0)
        err = conclude(&r);
    if (err < 0)
        th_log(TH_LOG_ERROR, "recall stopped: %s", th_strerror(err));
    th_run_writer_free(r.runs);
    th_duck_close(r.duck);
    th_buf_done(&r.problems);
    return err < 0 ? 1 : 0;
}
