/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "base/log.h"
#include "intake_i.h"

#define DEFAULT_LOG_BYTES (UINT64_C(8) << 30)
#define MIN_FILE_BYTES (UINT64_C(1) << 20)
#define MAX_FILE_BYTES (UINT64_C(64) << 20)

const char *const th_follower_names[TH_FOLLOWER_COUNT] = {
    [TH_FOLLOWER_CORE] = "core",
    [TH_FOLLOWER_SEAL] = "seal",
    [TH_FOLLOWER_STORE] = "store",
    [TH_FOLLOWER_STATE] = "state",
};

/* ---- opening ---- */

/* The last file says all: a summary, and what came after it. */
static int read_back(struct th_intake *in)
{
    uint64_t next = th_journal_next(in->log);
    struct th_journal_record rec;
    if (th_journal_first(in->log) == next)
        return 0;
    uint64_t from = th_journal_file_of(in->log, next - 1);
    struct th_journal_reader *r = th_journal_reader_new(in->io);
    int err = th_journal_seek(r, from);
    while (err == 0 && (err = th_journal_read(r, next, &rec)) == 1) {
        bool good = rec.position != from || rec.type == TH_RECORD_SUMMARY;
        err = good ? th_intake_apply(in, rec.type, rec.time_ns, rec.body) : TH_E_MALFORMED;
    }
    th_journal_reader_free(r);
    return err;
}

static int load(struct th_intake *in)
{
    const struct th_journal_config config = {
        .file_bytes = in->config.file_bytes, .epoch = in->config.epoch};
    th_log_summary_done(&in->state);
    in->state.epoch_hour_ns = TH_TIME_UNSET;
    int err = th_journal_open(in->io, &config, &in->log);
    return err < 0 ? err : read_back(in);
}

static void set_defaults(struct th_intake_config *c)
{
    if (!c->log_bytes)
        c->log_bytes = DEFAULT_LOG_BYTES;
    if (!c->file_bytes)
        c->file_bytes = TH_MAX(MIN_FILE_BYTES, TH_MIN(MAX_FILE_BYTES, c->log_bytes / 64));
    if (!c->reserve_bytes)
        c->reserve_bytes = c->log_bytes / 20;
    if (!c->keep_ns)
        c->keep_ns = TH_NS_PER_DAY;
}

int th_intake_open(const struct th_io *io, const struct th_intake_config *config,
    const struct th_intake_out *out, struct th_now now, struct th_intake **ret)
{
    struct th_intake *in = th_xcalloc(1, sizeof(*in));
    in->io = io;
    in->config = *config;
    in->out = out;
    in->began_mono_ns = in->tick_mono_ns = in->trim_mono_ns = in->rate_mono_ns = now.mono_ns;
    in->room_mono_ns = now.mono_ns - TH_INTAKE_ROOM_NS;
    set_defaults(&in->config);
    int err = load(in);
    if (err < 0) {
        th_intake_close(in);
        return err;
    }
    for (size_t i = 0; i < in->state.sensor_count; i++)
        th_intake_live(in, in->state.sensors[i].id)->heard_mono_ns = now.mono_ns;
    *ret = in;
    return 0;
}

void th_intake_close(struct th_intake *in)
{
    if (!in)
        return;
    th_intake_drop_held(in);
    th_journal_close(in->log);
    th_log_summary_done(&in->state);
    th_buf_done(&in->record);
    free(in->live);
    free(in->held);
    free(in->waiting);
    free(in->controls);
    free(in);
}

uint64_t th_intake_synced(const struct th_intake *in)
{
    return th_journal_synced(in->log);
}

const struct th_log_summary *th_intake_state(const struct th_intake *in)
{
    return &in->state;
}

/* ---- appending ---- */

static void note_disk_error(struct th_intake *in, int err, struct th_now now)
{
    if (in->disk_error == 0) {
        in->disk_error_at = now;
        th_log(TH_LOG_ERROR, "intake: the log cannot be written: %s; sensors are told to wait",
            th_strerror(err));
    }
    in->disk_error = err;
}

static void give_up(struct th_intake *in, int err, struct th_now now);

static int append_one(struct th_intake *in, enum th_record_type type, struct th_str body,
    struct th_now now, uint64_t *ret_position)
{
    uint64_t expected = th_journal_next(in->log);
    uint64_t position;
    int err = th_journal_add(in->log, (uint8_t)type, now.wall_ns, body, &position);
    if (err < 0) {
        note_disk_error(in, err, now);
        if (th_journal_next(in->log) != expected) /* a sync on the way failed */
            give_up(in, err, now);
        return err;
    }
    if (type != TH_RECORD_SUMMARY) {
        err = th_intake_apply(in, (uint8_t)type, now.wall_ns, body);
        TH_ASSERT(err == 0); /* whoever appends has looked at it */
    }
    if (!in->dirty)
        in->dirty_mono_ns = now.mono_ns;
    in->dirty = true;
    in->dirty_bytes += body.len;
    if (ret_position)
        *ret_position = position;
    return 0;
}

int th_intake_append(struct th_intake *in, enum th_record_type type, struct th_str body,
    struct th_now now, uint64_t *ret_position)
{
    struct th_buf summary TH_AUTOBUF = TH_BUF_INIT;
    int err = in->failed;
    if (err == 0 && th_journal_at_file_begin(in->log)) {
        th_log_summary_put(&summary, &in->state);
        err = append_one(in, TH_RECORD_SUMMARY, th_buf_view(&summary), now, NULL);
    }
    if (err == 0)
        err = append_one(in, type, body, now, ret_position);
    return err;
}

/* ---- group commit ---- */

void th_intake_answer_synced(struct th_intake *in, const struct th_asker *to, uint64_t sensor)
{
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, sensor);
    if (!in->dirty) {
        th_intake_answer_next(in, to, 200, n->epoch, n->next);
        return;
    }
    if (in->waiting_count == in->waiting_room) {
        in->waiting_room = in->waiting_room ? in->waiting_room * 2 : 64;
        in->waiting = th_xreallocarray(in->waiting, in->waiting_room, sizeof(*in->waiting));
    }
    in->waiting[in->waiting_count++] = (struct th_intake_waiting){.asker = *to, .sensor = sensor};
}

static void answer_waiting(struct th_intake *in)
{
    for (size_t i = 0; i < in->waiting_count; i++) {
        const struct th_log_sensor *n = th_log_sensor_find(&in->state, in->waiting[i].sensor);
        th_intake_answer_next(in, &in->waiting[i].asker, 200, n->epoch, n->next);
    }
    in->waiting_count = 0;
}

/* Nothing of what waits is in the log, and the state has run ahead of it: whoever waits is told
 * to send again, and the process starts anew from what is there. */
static void give_up(struct th_intake *in, int err, struct th_now now)
{
    note_disk_error(in, err, now);
    in->failed = err;
    for (size_t i = 0; i < in->waiting_count; i++)
        th_intake_answer_error(in, &in->waiting[i].asker, 503, "disk",
            "The master's disk failed to keep the batch; send it again.");
    in->waiting_count = 0;
    for (size_t i = 0; i < in->control_count; i++) {
        const struct th_intake_control_wait *w = &in->controls[i];
        bool kept = w->position < th_journal_synced(in->log);
        in->out->done(in->out->arg, &w->asker, kept ? w->position : 0, kept ? -ETIMEDOUT : err);
    }
    in->control_count = 0;
}

static void commit(struct th_intake *in, struct th_now now)
{
    int err = th_journal_sync(in->log);
    if (err < 0) {
        give_up(in, err, now);
        return;
    }
    in->syncs++;
    in->dirty = false;
    in->dirty_bytes = 0;
    in->disk_error = 0;
    answer_waiting(in);
    th_intake_tell_heads(in, now);
    th_intake_settle_controls(in, now);
}

/* ---- time ---- */

static void look_at_room(struct th_intake *in, struct th_now now)
{
    int64_t left = in->io->free_bytes(in->io->arg);
    uint64_t bytes = th_journal_bytes(in->log);
    bool was = in->full;
    in->free_bytes = left < 0 ? 0 : (uint64_t)left;
    in->full = bytes / 95 >= in->config.log_bytes / 100 ||
        (left >= 0 && in->free_bytes < in->config.reserve_bytes);
    if (in->full && !was) {
        in->full_since = now;
        th_log(TH_LOG_ERROR,
            "intake: the log has %llu of %llu bytes, the disk %llu left: sensors are told to wait",
            (unsigned long long)bytes, (unsigned long long)in->config.log_bytes,
            (unsigned long long)in->free_bytes);
    }
    if (!in->full && was)
        th_log(TH_LOG_INFO, "intake: there is room again, batches are taken");
}

/* True each time that `every` has passed. */
static bool due(int64_t *last_mono_ns, int64_t every_ns, struct th_now now)
{
    if (now.mono_ns - *last_mono_ns < every_ns)
        return false;
    *last_mono_ns = now.mono_ns;
    return true;
}

int th_intake_turn(struct th_intake *in, struct th_now now)
{
    if (in->failed)
        return in->failed;
    if (due(&in->room_mono_ns, TH_INTAKE_ROOM_NS, now))
        look_at_room(in, now);
    if (due(&in->tick_mono_ns, TH_INTAKE_TICK_NS, now))
        th_intake_tick(in, now);
    th_intake_release_held(in, now);
    if (in->dirty &&
        (now.mono_ns - in->dirty_mono_ns >= TH_INTAKE_COMMIT_NS ||
            in->dirty_bytes >= TH_INTAKE_COMMIT_BYTES))
        commit(in, now);
    th_intake_settle_controls(in, now);
    if (due(&in->trim_mono_ns, in->full ? TH_NS_PER_S : TH_INTAKE_TRIM_NS, now))
        th_intake_trim(in, now);
    return in->failed;
}

int th_intake_timeout_ms(const struct th_intake *in, struct th_now now)
{
    int64_t left = in->tick_mono_ns + TH_INTAKE_TICK_NS - now.mono_ns;
    left = TH_MIN(left, in->room_mono_ns + TH_INTAKE_ROOM_NS - now.mono_ns);
    if (in->dirty)
        left = TH_MIN(left, in->dirty_mono_ns + TH_INTAKE_COMMIT_NS - now.mono_ns);
    for (size_t i = 0; i < in->held_count; i++)
        left = TH_MIN(left, in->held[i].until_mono_ns - now.mono_ns);
    return left <= 0 ? 0 : (int)((left + TH_NS_PER_MS - 1) / TH_NS_PER_MS);
}
