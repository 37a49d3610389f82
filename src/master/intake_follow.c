/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The followers of the log. What they have saved may be trimmed. One that keeps dying at the same
 * place is led through it record by record: its head is held at the next one, so that the one
 * alone in its hands when it dies is the culprit. When that happened twice, and the record
 * is a batch, the batch is set aside by a control. A follower killed at random gets
 * further each time, and is never led.
 */
#include "base/log.h"
#include "intake_i.h"

#define STUCK_LIVES 2u
#define SUSPECT_DEATHS 2u
#define TRIM_FILES 8u /* at a time */
#define MAX_REASON_BYTES 200u

/* ---- heads ---- */

static uint64_t head_of(const struct th_intake *in, const struct th_intake_follower *f)
{
    uint64_t synced = th_journal_synced(in->log);
    if (!f->stepping)
        return synced;
    /* All below best was applied once: no need to go there in steps. It begins when it has a record
     * to read, and says only then where it is. */
    uint64_t next = (f->applied_known ? f->applied : th_journal_first(in->log)) + 1;
    uint64_t step = TH_MAX(f->best, next);
    return TH_MIN(step, synced);
}

static void tell_head(struct th_intake *in, enum th_follower which, struct th_now now)
{
    struct th_intake_follower *f = &in->followers[which];
    f->head = head_of(in, f);
    in->out->head(in->out->arg, which, f->head, now.wall_ns);
}

void th_intake_tell_heads(struct th_intake *in, struct th_now now)
{
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
        if (in->followers[f].up && in->followers[f].head != head_of(in, &in->followers[f]))
            tell_head(in, (enum th_follower)f, now);
}

static void tell_set_aside(struct th_intake *in, enum th_follower f)
{
    in->out->set_aside(in->out->arg, f, in->state.quarantined, in->state.quarantined_count);
}

void th_intake_up(struct th_intake *in, enum th_follower which, struct th_now now)
{
    struct th_intake_follower *f = &in->followers[which];
    f->up = true;
    f->applied_known = false;
    f->best_before = f->best;
    tell_set_aside(in, which);
    tell_head(in, which, now);
}

/* ---- setting aside ---- */

static bool is_set_aside(const struct th_intake *in, uint64_t position)
{
    for (size_t i = 0; i < in->state.quarantined_count; i++)
        if (in->state.quarantined[i] == position)
            return true;
    return false;
}

/* The record's type there, or negative. */
static int type_at(const struct th_intake *in, uint64_t position)
{
    struct th_journal_reader *r = th_journal_reader_new(in->io);
    struct th_journal_record rec = {0};
    int err = th_journal_seek(r, position);
    if (err == 0)
        err = th_journal_read(r, th_journal_synced(in->log), &rec);
    th_journal_reader_free(r);
    return err < 0 ? err : err == 0 ? -ENOENT : rec.type;
}

/* The reason as printable ASCII: it comes from a role that reads hostile bytes. */
static const char *plain(struct th_str s, char ret[MAX_REASON_BYTES + 1])
{
    size_t n = TH_MIN((size_t)s.len, (size_t)MAX_REASON_BYTES);
    for (size_t i = 0; i < n; i++)
        ret[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
    ret[n] = 0;
    return ret;
}

static void set_aside(struct th_intake *in, enum th_follower which, uint64_t position,
    struct th_str reason, struct th_now now)
{
    if (is_set_aside(in, position))
        return;
    int type = type_at(in, position);
    if (type != TH_RECORD_BATCH) {
        th_log(TH_LOG_ERROR, "intake: %s cannot get past position %llu, which is no batch",
            th_follower_names[which], (unsigned long long)position);
        return;
    }
    char text[MAX_REASON_BYTES + 1];
    json_t *members = json_pack("{s:I,s:s,s:s}", "position", (json_int_t)position, "reason",
        plain(reason, text), "follower", th_follower_names[which]);
    if (th_intake_control_append(in, TH_CONTROL_QUARANTINE, members, now, NULL) < 0)
        return;
    th_log(TH_LOG_ERROR, "intake: the batch at position %llu is set aside, because of %s",
        (unsigned long long)position, th_follower_names[which]);
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
        if (in->followers[f].up)
            tell_set_aside(in, (enum th_follower)f);
}

void th_intake_damaged(
    struct th_intake *in, enum th_follower f, uint64_t position, int err, struct th_now now)
{
    (void)now;
    for (size_t i = 0; i < in->damaged_count; i++)
        if (in->damaged[i] == position)
            return; /* another follower, or the same one again */
    if (in->damaged_count == TH_INTAKE_DAMAGED_MAX)
        return;
    in->damaged[in->damaged_count++] = position;
    th_log(TH_LOG_ERROR, "intake: %s cannot read the batch at position %llu to its end: %s",
        th_follower_names[f], (unsigned long long)position, th_strerror(err));
}

void th_intake_refused(struct th_intake *in, enum th_follower f, uint64_t position,
    struct th_str reason, struct th_now now)
{
    if (position < th_journal_synced(in->log))
        set_aside(in, f, position, reason, now);
}

static void suspect(struct th_intake *in, enum th_follower which, struct th_now now)
{
    struct th_intake_follower *f = &in->followers[which];
    f->suspect_deaths = f->suspect_deaths && f->suspect == f->applied ? f->suspect_deaths + 1 : 1;
    f->suspect = f->applied;
    if (f->suspect_deaths < SUSPECT_DEATHS)
        return;
    set_aside(in, which, f->suspect, th_str_c("whoever reads it dies"), now);
    f->suspect_deaths = 0;
    f->stuck = 0;
    f->stepping = false; /* the control that sets it aside lies further on */
}

void th_intake_down(struct th_intake *in, enum th_follower which, struct th_now now)
{
    struct th_intake_follower *f = &in->followers[which];
    if (!f->up)
        return;
    f->up = false;
    for (size_t i = 0; i < in->control_count; i++) /* it will apply them when it is up again */
        in->controls[i].followers &= ~(1u << which);
    bool had_work = f->applied_known && f->applied < f->head;
    if (f->best > f->best_before)
        f->stuck = 0;
    else if (had_work)
        f->stuck++;
    if (f->stepping && had_work && f->head == f->applied + 1)
        suspect(in, which, now);
    if (f->stuck >= STUCK_LIVES && !f->stepping) {
        f->stepping = true;
        f->step_until = th_journal_synced(in->log);
        th_log(TH_LOG_WARN, "intake: %s died twice without getting past position %llu",
            th_follower_names[which], (unsigned long long)f->best);
    }
}

/* ---- positions ---- */

/* A log that grows all the time is never applied to its end: what counts is when the end was
 * where the follower is now, and that is known for one place at a time. */
static void note_lag(const struct th_intake *in, struct th_intake_follower *f, struct th_now now)
{
    uint64_t end = th_journal_synced(in->log);
    if (f->applied >= f->mark) {
        f->caught_up_mono_ns = f->mark_mono_ns ? f->mark_mono_ns : now.mono_ns;
        f->mark = end;
        f->mark_mono_ns = now.mono_ns;
    }
    if (f->applied == end)
        f->caught_up_mono_ns = now.mono_ns;
}

void th_intake_applied(
    struct th_intake *in, enum th_follower which, uint64_t position, struct th_now now)
{
    struct th_intake_follower *f = &in->followers[which];
    if (position > th_journal_synced(in->log))
        return; /* it speaks of another log; status shows that it does not move */
    f->applied = position;
    f->applied_known = true;
    f->best = TH_MAX(f->best, position);
    note_lag(in, f, now);
    if (f->stepping && position >= f->step_until) {
        f->stepping = false;
        f->stuck = 0;
    }
    if (f->head != head_of(in, f))
        tell_head(in, which, now);
    th_intake_settle_controls(in, now);
}

void th_intake_saved(struct th_intake *in, enum th_follower which, uint64_t position)
{
    struct th_intake_follower *f = &in->followers[which];
    if (position > th_journal_synced(in->log))
        return;
    f->saved = position;
    f->saved_known = true;
}

/* ---- trimming ---- */

static uint64_t saved_by_all(const struct th_intake *in)
{
    uint64_t least = UINT64_MAX;
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
        least = TH_MIN(least, in->followers[f].saved_known ? in->followers[f].saved : 0);
    return least;
}

/* When the file that begins there was begun; TH_TIME_UNSET when it cannot be told. */
static int64_t begun_ns(const struct th_intake *in, uint64_t first)
{
    struct th_journal_reader *r = th_journal_reader_new(in->io);
    struct th_journal_record rec = {0};
    int err = th_journal_seek(r, first);
    if (err == 0)
        err = th_journal_read(r, th_journal_synced(in->log), &rec);
    th_journal_reader_free(r);
    return err == 1 ? rec.time_ns : TH_TIME_UNSET;
}

void th_intake_trim(struct th_intake *in, struct th_now now)
{
    uint64_t saved = saved_by_all(in);
    for (unsigned i = 0; i < TRIM_FILES; i++) {
        uint64_t first;
        uint64_t end;
        if (th_journal_oldest_file(in->log, &first, &end) < 0 || end > saved)
            return;
        /* Getting full: what all have saved goes early. */
        bool pressed = in->full || th_journal_bytes(in->log) / 90 >= in->config.log_bytes / 100;
        int64_t begun = begun_ns(in, end);
        if (!pressed &&
            (begun == TH_TIME_UNSET || th_time_sub(now.wall_ns, begun) < in->config.keep_ns))
            return;
        int err = th_journal_trim(in->log, end, NULL);
        if (err < 0) {
            th_log(TH_LOG_ERROR, "intake: an old file of the log cannot be removed: %s",
                th_strerror(err));
            return;
        }
    }
}
