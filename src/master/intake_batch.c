/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of an envelope: read, found its sensor, signature, epoch, sequence; then into the log,
 * or held until those before it have come, or refused. Nothing of it is believed before its
 * signature was checked.
 */
#include "base/json.h"
#include "base/log.h"
#include "intake_i.h"

#define RETRY_AFTER_S 5u

/* ---- answers ---- */

void th_intake_answer_error(struct th_intake *in, const struct th_asker *to, unsigned status,
    const char *code, const char *message)
{
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_json_open(&j);
    th_json_key(&j, "error");
    th_json_open(&j);
    th_json_key(&j, "code");
    th_json_str(&j, th_str_c(code));
    th_json_key(&j, "message");
    th_json_str(&j, th_str_c(message));
    th_json_close(&j);
    if (status == 403) {
        th_json_key(&j, "status");
        th_json_str(&j, th_str_c(code));
    }
    if (status == 503) {
        th_json_key(&j, "retry_after_s");
        th_json_u64(&j, RETRY_AFTER_S);
    }
    th_json_close(&j);
    in->out->answer(in->out->arg, to, status, th_buf_view(&out));
}

void th_intake_answer_next(
    struct th_intake *in, const struct th_asker *to, unsigned status, uint64_t epoch, uint64_t next)
{
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_json_open(&j);
    th_json_key(&j, "epoch");
    th_json_u64(&j, epoch);
    th_json_key(&j, "next");
    th_json_u64(&j, next);
    th_json_close(&j);
    in->out->answer(in->out->arg, to, status, th_buf_view(&out));
}

static const struct {
    unsigned status;
    const char *code, *message;
} refusals[TH_REFUSALS] = {
    [TH_REFUSED_UNKNOWN_SENSOR] = {401, "unknown_sensor",
        "The sensor is not known to this master; enrol it with a token."},
    [TH_REFUSED_PENDING] = {403, "pending",
        "The sensor waits to be authorised by an administrator of the master."},
    [TH_REFUSED_REVOKED] = {403, "revoked",
        "The sensor was revoked by an administrator of the master."},
    [TH_REFUSED_BAD_SIGNATURE] = {401, "bad_signature",
        "The batch is not signed by the sensor that it names, or was altered on its way."},
    [TH_REFUSED_WRONG_INSTANCE] = {401, "wrong_instance",
        "The batch is meant for another master; enrol the sensor here."},
    [TH_REFUSED_BOMB] = {413, "bomb", "The batch is larger, or unpacks to more, than is taken."},
    [TH_REFUSED_MALFORMED] = {400, "malformed", "The batch is not of the form that it claims."},
    [TH_REFUSED_FULL] = {503, "full",
        "The master has no room for more at the moment; keep the batch and send it again later."},
};

static void count_refusal(struct th_intake *in, enum th_refusal why, uint64_t sensor)
{
    in->refused[why]++;
    if (sensor)
        th_intake_live(in, sensor)->refused[why]++;
}

/* sensor 0: unknown, or nothing is proven about who sent it. */
static void refuse(
    struct th_intake *in, const struct th_asker *to, enum th_refusal why, uint64_t sensor)
{
    count_refusal(in, why, sensor);
    th_intake_answer_error(in, to, refusals[why].status, refusals[why].code, refusals[why].message);
}

/* ---- what is held ---- */

/* Where the sensor's spool of this epoch goes on. */
static uint64_t expected(const struct th_log_sensor *n, uint64_t epoch)
{
    return epoch > n->epoch ? 0 : n->next;
}

static void refuse_reordered(
    struct th_intake *in, const struct th_asker *to, uint64_t sensor, uint64_t epoch)
{
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, sensor);
    epoch = TH_MAX(epoch, n->epoch);
    count_refusal(in, TH_REFUSED_REORDERED, sensor);
    th_intake_answer_next(in, to, 409, epoch, expected(n, epoch));
}

static void drop_held(struct th_intake *in, size_t i)
{
    in->held_bytes -= in->held[i].bytes.len;
    th_buf_done(&in->held[i].bytes);
    in->held[i] = in->held[--in->held_count];
}

void th_intake_drop_held(struct th_intake *in)
{
    while (in->held_count)
        drop_held(in, in->held_count - 1);
}

void th_intake_release_held(struct th_intake *in, struct th_now now)
{
    for (size_t i = in->held_count; i-- > 0;) {
        const struct th_intake_held h = in->held[i];
        if (h.until_mono_ns > now.mono_ns)
            continue;
        drop_held(in, i);
        refuse_reordered(in, &h.asker, h.sensor, h.epoch);
    }
}

static void hold(struct th_intake *in, const struct th_asker *from, const struct th_envelope *e,
    struct th_str bytes, struct th_now now)
{
    unsigned of_sensor = 0;
    for (size_t i = in->held_count; i-- > 0;) {
        if (in->held[i].sensor != e->sensor)
            continue;
        if (in->held[i].epoch == e->epoch && in->held[i].sequence == e->sequence) {
            const struct th_intake_held twice = in->held[i]; /* sent again: the later one waits */
            drop_held(in, i);
            refuse_reordered(in, &twice.asker, twice.sensor, twice.epoch);
            continue;
        }
        of_sensor++;
    }
    if (of_sensor >= TH_INTAKE_HOLD_PER_SENSOR || in->held_count >= TH_INTAKE_HOLD_MAX ||
        in->held_bytes + bytes.len > TH_INTAKE_HOLD_BYTES) {
        refuse_reordered(in, from, e->sensor, e->epoch);
        return;
    }
    in->held = th_xreallocarray(in->held, in->held_count + 1, sizeof(*in->held));
    struct th_intake_held *h = &in->held[in->held_count++];
    *h = (struct th_intake_held){.asker = *from,
        .sensor = e->sensor,
        .epoch = e->epoch,
        .sequence = e->sequence,
        .until_mono_ns = now.mono_ns + TH_INTAKE_HOLD_NS};
    th_buf_str(&h->bytes, bytes);
    in->held_bytes += bytes.len;
}

/* ---- into the log ---- */

static bool ahead(const struct th_envelope *e, int64_t offset_ns, int64_t wall_ns)
{
    int64_t limit = th_time_add(wall_ns, TH_CLOCK_TOLERANCE_NS);
    bool ended = e->complete_until_ns >= INT64_MAX - TH_NS_PER_DAY;
    return (e->events > 0 && th_time_add(e->last_ns, offset_ns) > limit) ||
        (!ended && th_time_add(e->complete_until_ns, offset_ns) > limit);
}

static int append_batch(struct th_intake *in, const struct th_envelope *e, struct th_str bytes,
    struct th_intake_live *live, struct th_now now)
{
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, e->sensor);
    struct th_record_batch b = {.envelope = bytes};
    live->replay = e->flags & TH_ENVELOPE_REPLAY;
    if (!live->replay)
        b.clock_offset_ns =
            th_clock_offset(&live->clock, n->clock_offset_ns, e->sent_ns, now.wall_ns, now.mono_ns);
    if (ahead(e, b.clock_offset_ns, now.wall_ns)) {
        b.flags |= TH_RECORD_CLOCK_AHEAD;
        live->ahead_mono_ns = TH_MAX(now.mono_ns, 1);
    }
    if (n->down) {
        int err = th_intake_control_append(in, TH_CONTROL_SOURCE_UP,
            json_pack("{s:o}", "sensor", th_intake_hex(e->sensor)), now, NULL);
        if (err < 0)
            return err;
    }
    th_buf_clear(&in->record);
    th_record_batch_put(&in->record, &b);
    int err = th_intake_append(in, TH_RECORD_BATCH, th_buf_view(&in->record), now, NULL);
    if (err < 0)
        return err;
    in->batches++;
    in->events += e->events;
    in->bytes += bytes.len;
    return 0;
}

/* What a sensor missed, or its full spool dropped: number and times go into the log in the batches'
 * place. */
static int append_gap(struct th_intake *in, const struct th_envelope *e, uint64_t from,
    const struct th_envelope_gap *gap, struct th_now now)
{
    uint64_t batches = e->sequence + gap->batches - from;
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, e->sensor);
    json_t *members =
        json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "sensor", th_intake_hex(e->sensor), "name",
            n->name, "epoch", (json_int_t)e->epoch, "sequence", (json_int_t)from, "batches",
            (json_int_t)batches, "events", (json_int_t)TH_MIN(gap->events, (uint64_t)INT64_MAX),
            "first_ns", (json_int_t)th_time_add(gap->first_ns, n->clock_offset_ns), "last_ns",
            (json_int_t)th_time_add(gap->last_ns, n->clock_offset_ns));
    int err = th_intake_control_append(in, TH_CONTROL_SOURCE_GAP, members, now, NULL);
    if (err == 0)
        th_log(TH_LOG_WARN,
            "intake: sensor %016llx has a gap: %llu batches with %llu events are missing",
            (unsigned long long)e->sensor, (unsigned long long)batches,
            (unsigned long long)gap->events);
    return err;
}

enum verdict { TAKEN, HELD, ANSWERED };

/* A signed envelope of an authorised sensor. */
static enum verdict place(struct th_intake *in, const struct th_asker *from,
    const struct th_envelope *e, struct th_str bytes, struct th_now now)
{
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, e->sensor);
    struct th_intake_live *live = th_intake_live(in, e->sensor);
    struct th_envelope_gap gap = {.batches = 1};
    bool is_gap = e->kind == TH_ENVELOPE_GAP;
    live->heard_mono_ns = now.mono_ns;
    if ((is_gap && th_envelope_gap_get(e->payload, &gap) < 0) || e->epoch > (uint64_t)INT64_MAX ||
        e->sequence >= TH_INTAKE_MAX_SEQUENCE ||
        gap.batches > TH_INTAKE_MAX_SEQUENCE - e->sequence) {
        refuse(in, from, TH_REFUSED_MALFORMED, e->sensor);
        return ANSWERED;
    }
    if (e->epoch < n->epoch) {
        count_refusal(in, TH_REFUSED_REPLAYED, e->sensor);
        th_intake_answer_next(in, from, 409, n->epoch, n->next);
        return ANSWERED;
    }
    uint64_t next = expected(n, e->epoch);
    if (e->sequence + gap.batches <= next) {
        count_refusal(in, TH_REFUSED_REPLAYED, e->sensor);
        th_intake_answer_synced(in, from, e->sensor);
        return ANSWERED;
    }
    if (e->sequence > next) {
        hold(in, from, e, bytes, now);
        return HELD;
    }
    if (in->full || in->failed) {
        refuse(in, from, TH_REFUSED_FULL, e->sensor);
        return ANSWERED;
    }
    int err = is_gap ? append_gap(in, e, next, &gap, now) : append_batch(in, e, bytes, live, now);
    if (err < 0) {
        refuse(in, from, TH_REFUSED_FULL, e->sensor);
        return ANSWERED;
    }
    th_intake_answer_synced(in, from, e->sensor);
    return TAKEN;
}

/* Takes one that waited and whose turn it is now; false when there is none. */
static bool take_held(struct th_intake *in, uint64_t sensor, uint64_t epoch, struct th_now now)
{
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, sensor);
    for (size_t i = 0; i < in->held_count; i++) {
        struct th_intake_held *h = &in->held[i];
        struct th_envelope e;
        if (h->sensor != sensor || h->epoch != epoch || h->sequence > n->next)
            continue;
        struct th_buf bytes TH_AUTOBUF = h->bytes;
        const struct th_asker asker = h->asker;
        in->held_bytes -= bytes.len;
        in->held[i] = in->held[--in->held_count];
        int err = th_envelope_get(bytes.p, bytes.len, &e);
        TH_ASSERT(err == 0); /* it was read before */
        if (n->status != TH_SENSOR_AUTHORISED) {
            refuse(in, &asker, TH_REFUSED_REVOKED, sensor);
            return true;
        }
        return place(in, &asker, &e, th_buf_view(&bytes), now) != HELD;
    }
    return false;
}

/* False: it was refused. */
static bool admit(
    struct th_intake *in, const struct th_asker *from, struct th_str bytes, struct th_envelope *ret)
{
    const uint8_t *data = (const uint8_t *)bytes.p;
    int err =
        bytes.len > TH_RECORD_MAX_ENVELOPE ? TH_E_LIMIT : th_envelope_get(data, bytes.len, ret);
    if (err < 0) {
        refuse(in, from, err == TH_E_LIMIT ? TH_REFUSED_BOMB : TH_REFUSED_MALFORMED, 0);
        return false;
    }
    if (ret->instance != in->config.instance) {
        refuse(in, from, TH_REFUSED_WRONG_INSTANCE, 0);
        return false;
    }
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, ret->sensor);
    if (!n) {
        refuse(in, from, TH_REFUSED_UNKNOWN_SENSOR, 0);
        return false;
    }
    if (th_envelope_verify(data, bytes.len, n->key) < 0) {
        refuse(in, from, TH_REFUSED_BAD_SIGNATURE, 0);
        return false;
    }
    if (n->status != TH_SENSOR_AUTHORISED) {
        refuse(in, from, n->status == TH_SENSOR_PENDING ? TH_REFUSED_PENDING : TH_REFUSED_REVOKED,
            n->id);
        return false;
    }
    return true;
}

void th_intake_batch(
    struct th_intake *in, const struct th_asker *from, struct th_str bytes, struct th_now now)
{
    struct th_envelope e;
    if (!admit(in, from, bytes, &e) || place(in, from, &e, bytes, now) != TAKEN)
        return;
    while (take_held(in, e.sensor, e.epoch, now))
        ;
    th_intake_close_epochs(in, now);
}
