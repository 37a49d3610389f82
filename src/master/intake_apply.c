/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a record of the log changes in intake's knowledge. A new record goes through here right
 * after it was appended, an old one when intake starts: so both ways lead to the same.
 */
#include "crypto/base64.h"
#include "intake_i.h"

/* A replay that says "nothing more comes, ever" closes the hour of its last event. */
static int64_t said_complete(const struct th_envelope *e)
{
    if (e->complete_until_ns < INT64_MAX - TH_NS_PER_DAY)
        return e->complete_until_ns;
    if (e->events == 0 || e->last_ns < 0)
        return TH_TIME_UNSET;
    return th_time_add(th_time_floor(e->last_ns, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
}

int64_t th_intake_watermark(
    const struct th_envelope *e, const struct th_record_batch *b, int64_t taken_ns)
{
    int64_t until = said_complete(e);
    if (until == TH_TIME_UNSET)
        return until;
    return TH_MIN(th_time_add(until, b->clock_offset_ns), taken_ns);
}

static int apply_batch(struct th_intake *in, int64_t time_ns, struct th_str body)
{
    struct th_record_batch b = {0};
    struct th_envelope e = {0};
    int err = th_record_batch_get(body, &b);
    if (err == 0)
        err = th_envelope_get((const uint8_t *)b.envelope.p, b.envelope.len, &e);
    if (err < 0)
        return err;
    struct th_log_sensor *n = th_log_sensor_find(&in->state, e.sensor);
    if (!n)
        return TH_E_MALFORMED;
    n->epoch = e.epoch;
    n->next = e.sequence + 1;
    n->heard_ns = time_ns;
    n->clock_offset_ns = b.clock_offset_ns;
    n->watermark_ns = TH_MAX(n->watermark_ns, th_intake_watermark(&e, &b, time_ns));
    n->batches++;
    n->events += e.events;
    if (in->state.epoch_hour_ns == TH_TIME_UNSET && e.events > 0) {
        int64_t first = TH_MIN(th_time_add(e.first_ns, b.clock_offset_ns), time_ns);
        in->state.epoch_hour_ns = th_time_floor(TH_MAX(first, 0), TH_NS_PER_HOUR);
    }
    return 0;
}

struct sensor_change {
    uint64_t id;
    enum th_sensor_status status;
    bool has_key, has_name;
    uint8_t key[TH_SIGN_PUBLIC_BYTES];
    struct th_str name;
};

static int read_sensor(const struct th_intake *in, const json_t *c, struct sensor_change *ret)
{
    struct th_str text;
    *ret = (struct sensor_change){0};
    if (!th_json_hex64(c, "id", &ret->id) || !th_json_text(c, "status", &text) ||
        !th_sensor_status_parse(text, &ret->status))
        return TH_E_MALFORMED;
    ret->has_name = th_json_text(c, "name", &ret->name);
    ret->has_key = th_json_text(c, "key", &text);
    if (ret->has_key && th_base64url_get(text, ret->key, sizeof(ret->key)) < 0)
        return TH_E_MALFORMED;
    if (th_log_sensor_find(&in->state, ret->id))
        return 0;
    if (!ret->has_key)
        return TH_E_MALFORMED;
    return in->state.sensor_count < TH_SUMMARY_MAX_SENSORS ? 0 : TH_E_LIMIT;
}

static int apply_sensor(struct th_intake *in, const json_t *c)
{
    struct sensor_change change;
    int err = read_sensor(in, c, &change);
    if (err < 0)
        return err;
    struct th_log_sensor *n = th_log_sensor_add(&in->state, change.id);
    n->status = change.status;
    if (change.has_key)
        memcpy(n->key, change.key, sizeof(n->key));
    if (change.has_name)
        snprintf(n->name, sizeof(n->name), "%.*s", (int)change.name.len, change.name.p);
    return 0;
}

/* A sensor goes only when nothing of it is taken any more. Whom else it names is for core and seal.
 */
static int check_forget(const struct th_intake *in, const json_t *c)
{
    uint64_t id;
    struct th_str whom;
    if (!json_object_get(c, "sensor"))
        return th_json_text(c, "entity", &whom) || th_json_text(c, "address", &whom)
            ? 0
            : TH_E_MALFORMED;
    if (!th_json_hex64(c, "sensor", &id))
        return TH_E_MALFORMED;
    const struct th_log_sensor *n = th_log_sensor_find(&in->state, id);
    return !n || n->status == TH_SENSOR_REVOKED ? 0 : TH_E_REFUSED;
}

static int apply_forget(struct th_intake *in, const json_t *c)
{
    uint64_t id;
    int err = check_forget(in, c);
    if (err == 0 && th_json_hex64(c, "sensor", &id))
        th_log_sensor_remove(&in->state, id);
    return err;
}

int th_intake_check(const struct th_intake *in, const struct th_control *c)
{
    struct sensor_change change;
    switch (c->type) {
    case TH_CONTROL_SENSOR: return read_sensor(in, c->object, &change);
    case TH_CONTROL_FORGET: return check_forget(in, c->object);
    default: return 0;
    }
}

static int apply_gap(struct th_intake *in, int64_t time_ns, const json_t *c)
{
    uint64_t id;
    int64_t epoch;
    int64_t sequence;
    int64_t batches;
    int64_t events;
    if (!th_json_hex64(c, "sensor", &id) || !th_json_int64(c, "epoch", &epoch) ||
        !th_json_int64(c, "sequence", &sequence) || !th_json_int64(c, "batches", &batches) ||
        !th_json_int64(c, "events", &events))
        return TH_E_MALFORMED;
    struct th_log_sensor *n = th_log_sensor_find(&in->state, id);
    if (!n)
        return TH_E_MALFORMED;
    n->epoch = (uint64_t)epoch;
    n->next = (uint64_t)sequence + (uint64_t)batches;
    n->heard_ns = time_ns;
    n->gaps++;
    n->lost_batches += (uint64_t)batches;
    n->lost_events += (uint64_t)events;
    return 0;
}

static int apply_down(struct th_intake *in, const json_t *c, bool down)
{
    uint64_t id;
    struct th_log_sensor *n =
        th_json_hex64(c, "sensor", &id) ? th_log_sensor_find(&in->state, id) : NULL;
    if (!n)
        return TH_E_MALFORMED;
    n->down = down;
    return 0;
}

static int apply_quarantine(struct th_intake *in, const json_t *c)
{
    struct th_log_summary *s = &in->state;
    int64_t position;
    if (!th_json_int64(c, "position", &position))
        return TH_E_MALFORMED;
    if (s->quarantined_count == TH_SUMMARY_MAX_QUARANTINED) { /* the oldest is long trimmed */
        s->quarantined_count--;
        memmove(s->quarantined, s->quarantined + 1, s->quarantined_count * sizeof(*s->quarantined));
    }
    s->quarantined =
        th_xreallocarray(s->quarantined, s->quarantined_count + 1, sizeof(*s->quarantined));
    s->quarantined[s->quarantined_count++] = (uint64_t)position;
    return 0;
}

static int apply_control(struct th_intake *in, int64_t time_ns, struct th_str body)
{
    struct th_control c;
    int64_t hour;
    int err = th_control_get(body, &c);
    if (err < 0)
        return err;
    switch (c.type) {
    case TH_CONTROL_SENSOR: err = apply_sensor(in, c.object); break;
    case TH_CONTROL_FORGET: err = apply_forget(in, c.object); break;
    case TH_CONTROL_SOURCE_GAP: err = apply_gap(in, time_ns, c.object); break;
    case TH_CONTROL_SOURCE_DOWN: err = apply_down(in, c.object, true); break;
    case TH_CONTROL_SOURCE_UP: err = apply_down(in, c.object, false); break;
    case TH_CONTROL_QUARANTINE: err = apply_quarantine(in, c.object); break;
    case TH_CONTROL_EPOCH:
        err = th_json_int64(c.object, "hour_ns", &hour) ? 0 : TH_E_MALFORMED;
        if (err == 0)
            in->state.epoch_hour_ns = hour;
        break;
    default: break; /* not intake's business */
    }
    th_control_done(&c);
    return err;
}

int th_intake_apply(struct th_intake *in, uint8_t type, int64_t time_ns, struct th_str body)
{
    switch (type) {
    case TH_RECORD_BATCH: return apply_batch(in, time_ns, body);
    case TH_RECORD_CONTROL: return apply_control(in, time_ns, body);
    case TH_RECORD_SUMMARY: {
        struct th_log_summary s;
        int err = th_log_summary_get(body, &s);
        if (err < 0)
            return err;
        th_log_summary_done(&in->state);
        in->state = s;
        return 0;
    }
    default: return TH_E_MALFORMED;
    }
}
