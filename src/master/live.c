/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include "forget.h"
#include "permits.h"

/* A look costs about 15 us a window: it comes as seldom as keeps it below a twentieth of the time,
 * and no more often than each second. */
#define LOOK_EVERY_NS TH_NS_PER_S
#define LOOK_NS_PER_WINDOW (300 * TH_NS_PER_US)

void th_live_init(struct th_live *l, struct th_core *core, struct th_follow *follow,
    const struct th_live_out *out, uint64_t instance)
{
    struct th_shard_config config = {
        .key = th_follow_key(instance),
        .partitions = th_crew_partitions(core->crew.number, core->crew.size),
        .local = core->options.local,
        .local_count = core->options.local_count,
        .models = core->models,
        .oui = core->oui,
        .measure = true,
    };
    *l = (struct th_live){.core = core,
        .follow = follow,
        .out = *out,
        .record_ns = TH_TIME_UNSET,
        .epoch_ns = TH_TIME_UNSET,
        .look_ns = TH_TIME_UNSET,
        .look_every_ns = LOOK_EVERY_NS};
    core->resumed_ns = TH_TIME_UNSET;
    th_shard_init(&core->shard, &config);
    if (core->crew.number == 0)
        core->incidents = th_incidents_new(core->models, core->shard.identity);
}

void th_live_done(struct th_live *l)
{
    th_incidents_free(TH_TAKE(l->core->incidents));
    th_shard_done(&l->core->shard);
    th_buf_done(&l->lines);
    free(l->told);
    *l = (struct th_live){0};
}

/* ---- hours ---- */

static void note_hour(struct th_live *l, int64_t time_ns)
{
    int64_t end = th_time_add(th_time_floor(time_ns, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
    if (l->epoch_ns != TH_TIME_UNSET && end <= l->epoch_ns) {
        l->late = true;
        return;
    }
    size_t at = l->hour_count;
    while (at > 0 && l->hours[at - 1] > end)
        at--;
    if (at > 0 && l->hours[at - 1] == end)
        return;
    if (l->hour_count == TH_LIVE_MAX_HOURS) {
        l->late = true; /* closed with the next that is known */
        return;
    }
    memmove(l->hours + at + 1, l->hours + at, (l->hour_count - at) * sizeof(l->hours[0]));
    l->hours[at] = end;
    l->hour_count++;
}

static int close_epoch(struct th_live *l, int64_t epoch_ns)
{
    struct th_core *core = l->core;
    int r = th_crew_epoch(&core->crew, &core->shard, epoch_ns);
    if (r < 0)
        return r;
    l->epoch_ns = epoch_ns;
    l->late = false;
    l->epochs++;
    if (core->crew.number == 0)
        th_live_report_epoch(l, epoch_ns);
    return 0;
}

/* Hours without events are no epochs: a log with a gap and one without conclude the same. */
static int close_hours(struct th_live *l, int64_t until_ns)
{
    size_t closed = 0;
    int r = 0;
    bool late = l->late;
    while (r == 0 && closed < l->hour_count && l->hours[closed] <= until_ns)
        r = close_epoch(l, l->hours[closed++]);
    memmove(l->hours, l->hours + closed, (l->hour_count - closed) * sizeof(l->hours[0]));
    l->hour_count -= closed;
    if (r == 0 && closed == 0 && late && (l->epoch_ns == TH_TIME_UNSET || until_ns > l->epoch_ns))
        r = close_epoch(l, until_ns);
    return r;
}

/* ---- records ---- */

static int take_batch(struct th_live *l)
{
    const struct th_event *ev;
    struct th_core *core = l->core;
    int r;
    int64_t hour = TH_TIME_UNSET;
    while ((r = th_follow_event(l->follow, &ev)) > 0) {
        th_shard_event(&core->shard, ev);
        core->last_ns = core->events++ ? TH_MAX(core->last_ns, ev->time_ns) : ev->time_ns;
        if (hour == TH_TIME_UNSET || th_time_sub(ev->time_ns, hour) < 0 ||
            th_time_sub(ev->time_ns, hour) >= TH_NS_PER_HOUR) {
            hour = th_time_floor(ev->time_ns, TH_NS_PER_HOUR);
            note_hour(l, ev->time_ns);
        }
    }
    return r;
}

static void forget(struct th_live *l, uint64_t position, const struct th_control *c)
{
    uint64_t entity;
    uint64_t sensor;
    th_forget_read(c, l->core->shard.identity, &entity, &sensor);
    if (entity != 0)
        th_shard_forget(&l->core->shard, entity);
    if (l->core->crew.number == 0 && (entity != 0 || sensor != 0))
        th_live_report_forgotten(l, position, entity, sensor);
}

/* It counts from here on; who looks sees it before the next hour ends. */
static void set_budget(struct th_live *l, double alerts_per_day)
{
    l->core->options.alerts_per_day = alerts_per_day;
    if (l->core->crew.number == 0 && l->epoch_ns != TH_TIME_UNSET)
        th_live_report_learning(l);
}

/* Whatever is scored from here on goes by it; what was told stays told. */
static void permit(struct th_live *l, const struct th_control *c)
{
    struct th_permit p;
    struct th_permits *all = th_scorer_permits(l->core->shard.scorer);
    if (c->type == TH_CONTROL_PERMIT && th_permit_read(c->object, &p))
        th_permits_add(all, &p);
    else if (c->type == TH_CONTROL_PERMIT_END && th_json_hex64(c->object, "id", &p.id))
        th_permits_end(all, p.id);
}

/* What is no control is intake's fault and nobody's to act on. */
static int take_control(struct th_live *l, uint64_t position, struct th_str body)
{
    struct th_control c;
    int64_t hour_ns;
    int r = 0;
    if (th_control_get(body, &c) < 0)
        return 0;
    double budget = json_number_value(json_object_get(c.object, "alerts_per_day"));
    if (c.type == TH_CONTROL_EPOCH && th_json_int64(c.object, "hour_ns", &hour_ns))
        r = close_hours(l, th_time_floor(hour_ns, TH_NS_PER_HOUR));
    else if (c.type == TH_CONTROL_SETTINGS && budget > 0)
        set_budget(l, budget);
    else if (c.type == TH_CONTROL_FORGET)
        forget(l, position, &c);
    else
        permit(l, &c);
    th_control_done(&c);
    return r;
}

static int look(struct th_live *l)
{
    struct th_core *core = l->core;
    uint64_t windows;
    int r = th_crew_look(&core->crew, &core->shard, &windows);
    if (r < 0)
        return r;
    l->looks++;
    l->windows_looked += windows;
    l->look_ns = l->record_ns;
    l->look_every_ns =
        LOOK_EVERY_NS + LOOK_NS_PER_WINDOW * (int64_t)TH_MIN(windows, UINT64_C(1) << 20);
    if (core->crew.number == 0)
        th_live_report_look(l);
    return 0;
}

/* By the log's own clock, which may be set back. */
static bool look_due(const struct th_live *l)
{
    int64_t since = th_time_sub(l->record_ns, l->look_ns);
    return l->look_ns == TH_TIME_UNSET || since >= l->look_every_ns || since < 0;
}

int th_live_run(struct th_live *l, uint64_t end)
{
    struct th_follow_record rec;
    int r;
    while ((r = th_follow_next(l->follow, end, &rec)) > 0) {
        l->record_ns = rec.time_ns;
        if (rec.what == TH_FOLLOW_BATCH)
            r = take_batch(l);
        else if (rec.what == TH_FOLLOW_CONTROL)
            r = take_control(l, rec.position, rec.control);
        if (r >= 0 && look_due(l))
            r = look(l);
        if (r < 0)
            break;
    }
    th_live_flush(l);
    return r;
}
