/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controls: those that others ask for, and those that intake writes itself because time passed:
 * ticks, sources that fell silent, hours of event time that are over.
 */
#include "base/log.h"
#include "intake_i.h"

json_t *th_intake_hex(uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    return json_string(text);
}

static int append_object(
    struct th_intake *in, const json_t *object, struct th_now now, uint64_t *ret_position)
{
    struct th_buf body TH_AUTOBUF = TH_BUF_INIT;
    int err = th_control_put(&body, object);
    if (err == 0)
        err = th_intake_append(in, TH_RECORD_CONTROL, th_buf_view(&body), now, ret_position);
    return err;
}

int th_intake_control_append(struct th_intake *in, enum th_control_type type, json_t *members,
    struct th_now now, uint64_t *ret_position)
{
    TH_ASSERT(members);
    json_object_set_new(members, "type", json_string(th_control_word(type)));
    json_object_set_new(members, "at_ns", json_integer(now.wall_ns));
    json_object_set_new(members, "by", json_string("system"));
    int err = append_object(in, members, now, ret_position);
    json_decref(members);
    return err;
}

/* ---- asked for ---- */

static bool may_be_asked_for(enum th_control_type type)
{
    switch (type) {
    case TH_CONTROL_TICK:
    case TH_CONTROL_EPOCH:
    case TH_CONTROL_SOURCE_DOWN:
    case TH_CONTROL_SOURCE_UP:
    case TH_CONTROL_SOURCE_GAP:
    case TH_CONTROL_QUARANTINE: return false; /* intake alone knows these */
    default: return true;
    }
}

static int named(const json_t *names, unsigned *ret)
{
    size_t i;
    const json_t *v;
    *ret = 0;
    if (!json_is_array(names))
        return TH_E_MALFORMED;
    json_array_foreach((json_t *)names, i, v)
    {
        unsigned f = 0;
        while (f < TH_FOLLOWER_COUNT &&
            (!json_is_string(v) || strcmp(json_string_value(v), th_follower_names[f]) != 0))
            f++;
        if (f == TH_FOLLOWER_COUNT)
            return TH_E_MALFORMED;
        *ret |= 1u << f;
    }
    return 0;
}

/* Who has to have applied a control before whoever asked for it sees what it changed: not core,
 * which may be hours behind while it reads a history. */
static unsigned concerned(enum th_control_type type)
{
    switch (type) {
    case TH_CONTROL_SENSOR:
    case TH_CONTROL_FORGET: /* the others take as long as their segments are many */
    case TH_CONTROL_SETTINGS: return 1u << TH_FOLLOWER_STATE;
    case TH_CONTROL_ACK:
    case TH_CONTROL_PERMIT:
    case TH_CONTROL_PERMIT_END: return 1u << TH_FOLLOWER_STATE | 1u << TH_FOLLOWER_STORE;
    default: return (1u << TH_FOLLOWER_COUNT) - 1;
    }
}

/* Those of them that follow at the moment. */
static unsigned following(const struct th_intake *in, enum th_control_type type)
{
    unsigned mask = concerned(type);
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
        if (!in->followers[f].up || !in->followers[f].applied_known)
            mask &= ~(1u << f);
    return mask;
}

/* Reads it, takes "followers" out and sets at_ns: what is left goes into the log. */
static int prepare(struct th_intake *in, struct th_str json, struct th_now now, json_t **ret,
    unsigned *ret_followers)
{
    struct th_control c = {.at_ns = now.wall_ns};
    if (json.len > TH_CONTROL_MAX_BYTES)
        return TH_E_LIMIT;
    json_t *o = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *names = json_object_get(o, "followers");
    struct th_buf body TH_AUTOBUF = TH_BUF_INIT;
    int err = json_is_object(o) ? 0 : TH_E_MALFORMED;
    bool are_named = names;
    if (err == 0 && names)
        err = named(names, ret_followers);
    if (err == 0) {
        json_object_del(o, "followers");
        json_object_set_new(o, "at_ns", json_integer(now.wall_ns));
        err = th_control_put(&body, o);
    }
    if (err == 0)
        err = th_control_get(th_buf_view(&body), &c);
    if (err == 0) {
        err = may_be_asked_for(c.type) ? th_intake_check(in, &c) : TH_E_REFUSED;
        if (!are_named)
            *ret_followers = following(in, c.type);
        th_control_done(&c);
    }
    if (err < 0)
        json_decref(o);
    else
        *ret = o;
    return err;
}

void th_intake_control(
    struct th_intake *in, const struct th_asker *from, struct th_str json, struct th_now now)
{
    json_t *object;
    unsigned followers = 0;
    uint64_t position;
    int err = prepare(in, json, now, &object, &followers);
    if (err == 0) {
        err = append_object(in, object, now, &position);
        json_decref(object);
    }
    if (err < 0) {
        in->out->done(in->out->arg, from, 0, err);
        return;
    }
    in->controls_taken++;
    in->controls = th_xreallocarray(in->controls, in->control_count + 1, sizeof(*in->controls));
    in->controls[in->control_count++] = (struct th_intake_control_wait){.asker = *from,
        .position = position,
        .followers = followers,
        .until_mono_ns = now.mono_ns + TH_INTAKE_APPLY_NS};
}

/* Followers that still have to apply it. */
static unsigned missing(const struct th_intake *in, const struct th_intake_control_wait *w)
{
    unsigned mask = w->followers;
    for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++) {
        const struct th_intake_follower *fw = &in->followers[f];
        if (fw->up && fw->applied_known && fw->applied > w->position)
            mask &= ~(1u << f);
    }
    return mask;
}

void th_intake_settle_controls(struct th_intake *in, struct th_now now)
{
    uint64_t synced = th_journal_synced(in->log);
    for (size_t i = in->control_count; i-- > 0;) {
        const struct th_intake_control_wait w = in->controls[i];
        unsigned still = missing(in, &w);
        if (w.position >= synced || (still && now.mono_ns < w.until_mono_ns))
            continue;
        in->controls[i] = in->controls[--in->control_count];
        in->out->done(in->out->arg, &w.asker, w.position, still ? -ETIMEDOUT : 0);
    }
}

/* ---- as time passes ---- */

static void write_down(struct th_intake *in, struct th_now now)
{
    for (size_t i = 0; i < in->state.sensor_count; i++) {
        const struct th_log_sensor *n = &in->state.sensors[i];
        const struct th_intake_live *live = th_intake_live(in, n->id);
        if (n->down || n->heard_ns == TH_TIME_UNSET ||
            now.mono_ns - live->heard_mono_ns < TH_INTAKE_SILENT_NS)
            continue;
        if (th_intake_control_append(in, TH_CONTROL_SOURCE_DOWN,
                json_pack("{s:o}", "sensor", th_intake_hex(n->id)), now, NULL) < 0)
            return;
        th_log(TH_LOG_WARN, "intake: sensor %016llx (%s) is silent; nothing waits for it now",
            (unsigned long long)n->id, n->name);
    }
}

void th_intake_tick(struct th_intake *in, struct th_now now)
{
    write_down(in, now);
    th_intake_close_epochs(in, now);
    if (th_intake_control_append(in, TH_CONTROL_TICK,
            json_pack("{s:I}", "wall_ns", (json_int_t)now.wall_ns), now, NULL) == 0)
        in->ticks++;
}

/* The organisation's watermark: the least of the sources that are heard. One that is behind the
 * last closed hour is late already, and holds nobody back. */
static int64_t watermark(const struct th_intake *in)
{
    int64_t least = TH_TIME_UNSET;
    for (size_t i = 0; i < in->state.sensor_count; i++) {
        const struct th_log_sensor *n = &in->state.sensors[i];
        if (n->down || n->status != TH_SENSOR_AUTHORISED || n->watermark_ns == TH_TIME_UNSET ||
            n->watermark_ns < in->state.epoch_hour_ns)
            continue;
        least = least == TH_TIME_UNSET ? n->watermark_ns : TH_MIN(least, n->watermark_ns);
    }
    return least;
}

void th_intake_close_epochs(struct th_intake *in, struct th_now now)
{
    int64_t mark = watermark(in);
    if (mark == TH_TIME_UNSET || in->state.epoch_hour_ns == TH_TIME_UNSET || in->failed)
        return;
    int64_t hour = th_time_floor(mark, TH_NS_PER_HOUR);
    if (hour <= in->state.epoch_hour_ns)
        return;
    int err = th_intake_control_append(
        in, TH_CONTROL_EPOCH, json_pack("{s:I}", "hour_ns", (json_int_t)hour), now, NULL);
    (void)err; /* noted by append, and tried again with the next batch or tick */
}
