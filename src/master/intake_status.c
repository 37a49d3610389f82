/* SPDX-License-Identifier: Apache-2.0 */
/* What System Status is told, and what intake knows of sensors beside the log. */
#include "base/json.h"
#include "intake_i.h"

#define MAX_STATUS_BYTES (56u << 10)
#define AHEAD_SHOWN_NS (60 * TH_NS_PER_S)

static const char *const refusal_words[TH_REFUSALS] = {
#define X(name, word) word,
    TH_INTAKE_REFUSALS(X)
#undef X
};

struct th_intake_live *th_intake_live(struct th_intake *in, uint64_t sensor)
{
    size_t low = 0;
    size_t high = in->live_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (in->live[mid].id < sensor)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < in->live_count && in->live[low].id == sensor)
        return &in->live[low];
    in->live = th_xreallocarray(in->live, in->live_count + 1, sizeof(*in->live));
    memmove(&in->live[low + 1], &in->live[low], (in->live_count - low) * sizeof(*in->live));
    in->live_count++;
    in->live[low] = (struct th_intake_live){.id = sensor, .heard_mono_ns = in->began_mono_ns};
    return &in->live[low];
}

static void put_u64(struct th_json *j, const char *key, uint64_t v)
{
    th_json_key(j, key);
    th_json_u64(j, v);
}

static void put_seconds(struct th_json *j, const char *key, int64_t ns)
{
    th_json_key(j, key);
    int64_t ms = ns / TH_NS_PER_MS;
    th_json_double(j, (double)ms / 1000.0);
}

static void put_text(struct th_json *j, const char *key, const char *text)
{
    th_json_key(j, key);
    th_json_str(j, th_str_c(text));
}

static void put_id(struct th_json *j, const char *key, uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    put_text(j, key, text);
}

static void put_refusals(struct th_json *j, const char *key, const uint64_t counts[TH_REFUSALS])
{
    th_json_key(j, key);
    th_json_open(j);
    for (unsigned i = 0; i < TH_REFUSALS; i++)
        put_u64(j, refusal_words[i], counts[i]);
    th_json_close(j);
}

/* ---- sources ---- */

static void update_rates(struct th_intake *in, struct th_now now)
{
    int64_t span = now.mono_ns - in->rate_mono_ns;
    if (span < TH_NS_PER_S / 2)
        return;
    in->rate_mono_ns = now.mono_ns;
    for (size_t i = 0; i < in->state.sensor_count; i++) {
        const struct th_log_sensor *n = &in->state.sensors[i];
        struct th_intake_live *l = th_intake_live(in, n->id);
        double rate = (double)(n->events - TH_MIN(l->rate_events, n->events)) * 1e9 / (double)span;
        l->rate_events_s = l->rate_events ? 0.7 * l->rate_events_s + 0.3 * rate : 0;
        if (l->rate_events_s < 0.01)
            l->rate_events_s = 0;
        l->rate_events = n->events;
    }
}

static void put_source(
    struct th_intake *in, struct th_json *j, const struct th_log_sensor *n, struct th_now now)
{
    const struct th_intake_live *l = th_intake_live(in, n->id);
    th_json_open(j);
    put_id(j, "sensor", n->id);
    put_text(j, "name", n->name);
    put_text(j, "status", th_sensor_status_word(n->status));
    th_json_key(j, "silent");
    th_json_bool(j, n->down);
    th_json_key(j, "last_batch");
    if (n->heard_ns == TH_TIME_UNSET)
        th_json_null(j);
    else
        th_json_time(j, n->heard_ns);
    th_json_key(j, "rate_events_s");
    th_json_double(j, l->rate_events_s);
    if (n->watermark_ns == TH_TIME_UNSET || l->replay) {
        th_json_key(j, "lag_s");
        th_json_null(j);
    } else {
        put_seconds(j, "lag_s", th_time_sub(now.wall_ns, n->watermark_ns));
    }
    put_seconds(j, "clock_offset_s", n->clock_offset_ns);
    put_u64(j, "batches", n->batches);
    put_u64(j, "events", n->events);
    th_json_key(j, "lost");
    th_json_open(j);
    put_u64(j, "spool_dropped", n->lost_events);
    put_u64(j, "spool_dropped_batches", n->lost_batches);
    put_u64(j, "gaps", n->gaps);
    th_json_close(j);
    put_refusals(j, "refused", l->refused);
    th_json_close(j);
}

static void put_sources(struct th_intake *in, struct th_json *j, struct th_now now)
{
    size_t left_out = 0;
    th_json_key(j, "sources");
    th_json_open_list(j);
    for (size_t i = 0; i < in->state.sensor_count; i++) {
        if (j->out->len < MAX_STATUS_BYTES)
            put_source(in, j, &in->state.sensors[i], now);
        else
            left_out++;
    }
    th_json_close_list(j);
    put_u64(j, "sources_left_out", left_out);
}

/* ---- the log ---- */

static void put_log(struct th_intake *in, struct th_json *j, struct th_now now)
{
    uint64_t synced = th_journal_synced(in->log);
    th_json_key(j, "log");
    th_json_open(j);
    put_u64(j, "first", th_journal_first(in->log));
    put_u64(j, "next", synced);
    put_u64(j, "bytes", th_journal_bytes(in->log));
    put_u64(j, "limit", in->config.log_bytes);
    th_json_key(j, "followers");
    th_json_open_list(j);
    for (unsigned i = 0; i < TH_FOLLOWER_COUNT; i++) {
        struct th_intake_follower *f = &in->followers[i];
        /* One that was started again begins where it had saved, whatever its last life had read. */
        uint64_t position = f->up && f->applied_known ? f->applied : f->saved;
        if (position == synced || f->caught_up_mono_ns == 0)
            f->caught_up_mono_ns = now.mono_ns;
        th_json_open(j);
        put_text(j, "name", th_follower_names[i]);
        th_json_key(j, "up");
        th_json_bool(j, f->up);
        put_u64(j, "position", position);
        put_u64(j, "saved", f->saved);
        put_u64(j, "lag_records", synced - TH_MIN(synced, position));
        put_seconds(j, "lag_s", now.mono_ns - f->caught_up_mono_ns);
        th_json_close(j);
    }
    th_json_close_list(j);
    th_json_close(j);
}

/* ---- problems ---- */

static void put_problem(struct th_json *j, const char *severity, const char *code, const char *text,
    int64_t since_ns, const char *object)
{
    th_json_open(j);
    put_text(j, "severity", severity);
    put_text(j, "code", code);
    put_text(j, "text", text);
    th_json_key(j, "since");
    th_json_time(j, since_ns);
    put_text(j, "object", object);
    th_json_close(j);
}

static void put_clock_problem(
    struct th_intake *in, struct th_json *j, const struct th_log_sensor *n, struct th_now now)
{
    const struct th_intake_live *l = th_intake_live(in, n->id);
    char id[17];
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)n->id);
    if (n->clock_offset_ns != 0) {
        double s = (double)n->clock_offset_ns / 1e9;
        TH_AUTOFREE char *text = th_xasprintf("The clock of sensor %.64s is %.1f s %s. Times are "
                                              "corrected; set its clock, best by NTP.",
            n->name, s < 0 ? -s : s, s < 0 ? "ahead" : "behind");
        put_problem(j, "warn", "clock", text, n->heard_ns, id);
    }
    if (l->ahead_mono_ns && now.mono_ns - l->ahead_mono_ns < AHEAD_SHOWN_NS) {
        TH_AUTOFREE char *text =
            th_xasprintf("Sensor %.64s sends events with times that lie ahead of this master's "
                         "clock. They are stored as they are and move no other source's time.",
                n->name);
        put_problem(j, "warn", "clock_ahead", text, n->heard_ns, id);
    }
}

static void put_sensor_problems(struct th_intake *in, struct th_json *j, struct th_now now)
{
    for (size_t i = 0; i < in->state.sensor_count && j->out->len < MAX_STATUS_BYTES; i++) {
        const struct th_log_sensor *n = &in->state.sensors[i];
        char id[17];
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)n->id);
        if (n->status != TH_SENSOR_AUTHORISED)
            continue;
        put_clock_problem(in, j, n, now);
        /* Recorded input that has come to its end is no loss. */
        const struct th_intake_live *l = th_intake_live(in, n->id);
        if (n->down && !l->replay) {
            TH_AUTOFREE char *text = th_xasprintf("Nothing has come from sensor %.64s. Look "
                                                  "whether it runs and reaches this master.",
                n->name);
            put_problem(j, "warn", "source_silent", text, n->heard_ns, id);
        }
    }
}

static void put_problems(struct th_intake *in, struct th_json *j, struct th_now now)
{
    th_json_key(j, "problems");
    th_json_open_list(j);
    if (in->full)
        put_problem(j, "error", "log_full",
            "The log has reached its limit, or its disk is nearly full: sensors keep their "
            "batches and wait. Make room on the disk, raise log_bytes, or look which role is "
            "behind.",
            in->full_since.wall_ns, "log");
    if (in->disk_error) {
        TH_AUTOFREE char *text = th_xasprintf("The log cannot be written: %s. Sensors keep their "
                                              "batches and wait. Look at the disk of log/.",
            th_strerror(in->disk_error));
        put_problem(j, "error", "log_write", text, in->disk_error_at.wall_ns, "log");
    }
    if (in->state.quarantined_count) {
        TH_AUTOFREE char *text = th_xasprintf("%zu batches could not be read by a role and were "
                                              "set aside; their events are missing. Please report "
                                              "it.",
            in->state.quarantined_count);
        put_problem(j, "warn", "quarantine", text, now.wall_ns, "log");
    }
    if (in->damaged_count) {
        TH_AUTOFREE char *text = th_xasprintf("%zu batches are damaged: some of their events are "
                                              "missing. Look whether the sensors have the same "
                                              "version as this master.",
            in->damaged_count);
        put_problem(j, "warn", "damaged", text, now.wall_ns, "log");
    }
    put_sensor_problems(in, j, now);
    th_json_close_list(j);
}

void th_intake_status(struct th_intake *in, struct th_now now, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    update_rates(in, now);
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    put_u64(&j, "batches", in->batches);
    put_u64(&j, "events", in->events);
    put_u64(&j, "bytes", in->bytes);
    put_u64(&j, "controls", in->controls_taken);
    put_u64(&j, "ticks", in->ticks);
    put_u64(&j, "syncs", in->syncs);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    put_u64(&j, "held", in->held_count);
    put_u64(&j, "held_bytes", in->held_bytes);
    put_u64(&j, "waiting", in->waiting_count);
    put_u64(&j, "log_bytes", th_journal_bytes(in->log));
    put_u64(&j, "disk_free_bytes", in->free_bytes);
    put_u64(&j, "set_aside", in->state.quarantined_count);
    put_u64(&j, "damaged", in->damaged_count);
    th_json_close(&j);
    put_problems(in, &j, now);
    put_refusals(&j, "refusals", in->refused);
    put_log(in, &j, now);
    put_sources(in, &j, now);
    th_json_close(&j);
}
