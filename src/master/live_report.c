/* SPDX-License-Identifier: Apache-2.0 */
/* What the lead tells: lines of findings, and what closed hours measured. */
#include "live.h"

#include "base/json.h"

/* What an ordinary device does every other day (20: an hour in 40) can wait for its hour's end; in
 * a young organisation, where all scores are small, half the threshold. An hour that came late, or
 * from which the device went on to the next, has nothing to wait for. */
#define EARLY_SCORE 20.0
/* Points by which a breach has become worse, so that it is told again before its hour ends. */
#define WORSE 1.0
#define LINES_BYTES (1u << 20)

void th_live_flush(struct th_live *l)
{
    if (l->lines.len > 0 && l->out.findings)
        l->out.findings(l->out.arg, th_buf_view(&l->lines));
    th_buf_clear(&l->lines);
}

static void line_ended(struct th_live *l)
{
    if (l->lines.len >= LINES_BYTES)
        th_live_flush(l);
}

/* ---- what was told early ---- */

static size_t told_at(const struct th_live *l, uint64_t id)
{
    size_t low = 0;
    size_t high = l->told_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->told[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Notes that it is told now; false when it was told as bad before. */
static bool is_news(struct th_live *l, const struct th_breach *b)
{
    size_t at = told_at(l, b->id);
    if (at < l->told_count && l->told[at].id == b->id) {
        bool worse = b->score >= l->told[at].score + WORSE;
        if (worse)
            l->told[at].score = b->score;
        return worse;
    }
    if (l->told_count == l->told_cap) {
        l->told_cap = l->told_cap ? 2 * l->told_cap : 64;
        l->told = th_xreallocarray(l->told, l->told_cap, sizeof(*l->told));
    }
    memmove(l->told + at + 1, l->told + at, (l->told_count - at) * sizeof(*l->told));
    l->told[at] = (struct th_told){.id = b->id, .score = b->score, .end_ns = b->end_ns};
    l->told_count++;
    return true;
}

static void forget_told(struct th_live *l, int64_t epoch_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->told_count; i++)
        if (l->told[i].end_ns > epoch_ns)
            l->told[kept++] = l->told[i];
    l->told_count = kept;
}

/* ---- breaches and incidents ---- */

static void report_breach(struct th_live *l, const struct th_breach *b, double threshold)
{
    struct th_core *core = l->core;
    th_breach_json(b, core->models, core->shard.identity, &l->lines);
    line_ended(l);
    if (b->group_event)
        th_incidents_withdraw(core->incidents, b->id, b->group_event);
    else
        th_incidents_add(core->incidents, b, threshold, l->record_ns);
    core->breaches++;
}

static void report_group_event(void *arg, const struct th_group_event *e)
{
    struct th_live *l = arg;
    th_group_event_json(e, th_core_threshold(l->core), l->core->shard.identity, &l->lines);
    line_ended(l);
    l->core->group_events++;
}

static void report_incident(void *arg, const struct th_incident *i)
{
    struct th_live *l = arg;
    th_incident_json(i, l->core->shard.identity, &l->lines);
    line_ended(l);
    l->core->incident_count++;
}

static void report_joined(void *arg, uint64_t younger, uint64_t elder)
{
    struct th_live *l = arg;
    th_incident_joined_json(l->record_ns, younger, elder, &l->lines);
    line_ended(l);
}

static void report_withdrawn(void *arg, uint64_t incident, uint64_t group_event)
{
    struct th_live *l = arg;
    th_incident_withdrawn_json(l->record_ns, incident, group_event, &l->lines);
    line_ended(l);
}

/* What became one first: the elder's new telling has the breaches of both. */
static void report_incidents(struct th_live *l)
{
    th_incidents_report_withdrawn(l->core->incidents, report_withdrawn, l);
    th_incidents_report_joined(l->core->incidents, report_joined, l);
    th_incidents_report(l->core->incidents, report_incident, l);
}

static void report_permit(void *arg, const struct th_permit *p)
{
    struct th_live *l = arg;
    th_permit_json(p, &l->lines);
    line_ended(l);
}

/* ---- devices ---- */

static void put_text(struct th_json *j, const char *key, const char *text)
{
    th_json_key(j, key);
    if (text && *text)
        th_json_str(j, th_str_c(text));
    else
        th_json_null(j);
}

static void put_time(struct th_json *j, const char *key, int64_t time_ns)
{
    th_json_key(j, key);
    th_json_time(j, time_ns);
}

static void put_addresses(struct th_json *j, const struct th_identity *id, uint32_t slot)
{
    struct th_binding v[8];
    size_t n = th_identity_history(id, slot, v, TH_ARRAY_LEN(v));
    th_json_key(j, "addresses");
    th_json_open_list(j);
    for (size_t i = 0; i < n; i++) {
        th_json_open(j);
        th_json_key(j, "ip");
        th_json_addr(j, &v[i].addr);
        put_time(j, "from", v[i].from_ns);
        th_json_key(j, "to");
        if (v[i].to_ns == INT64_MAX)
            th_json_null(j);
        else
            th_json_time(j, v[i].to_ns);
        th_json_close(j);
    }
    th_json_close_list(j);
}

static const char *device_kind(const struct th_entity *e, const struct th_known *k)
{
    if (e->gateway)
        return "gateway";
    if (!k || k->habit == TH_HABIT_NEW)
        return "new";
    return k->habit == TH_HABIT_SERVER ? "server" : "client";
}

/* What its traffic shows of it: traits.h. */
static void put_traits(struct th_json *j, const struct th_core *core, const struct th_entity *e)
{
    put_text(j, "type", th_device_type_name(e->type));
    put_text(j, "os", th_os_name(e->os));
    struct th_str maker = e->has_mac ? th_oui_maker(core->oui, &e->mac) : (struct th_str){0};
    th_json_key(j, "maker");
    if (maker.len)
        th_json_str(j, maker);
    else
        th_json_null(j);
    th_json_key(j, "random_mac");
    th_json_bool(j, e->has_mac && th_mac_is_random(&e->mac));
    th_json_key(j, "shared");
    th_json_bool(j, e->shared);
    th_json_key(j, "offers");
    th_json_open_list(j);
    for (unsigned i = 0; i < TH_OFFER_COUNT; i++)
        if (e->offers >> i & 1)
            th_json_str(j, th_str_c(th_offer_name(i)));
    th_json_close_list(j);
}

static void report_device(struct th_live *l, const struct th_entity *e, const struct th_known *k)
{
    if (!e || e->kind != TH_ENTITY_DEVICE)
        return;
    char id[TH_ENTITY_TEXT_LEN];
    char mac[TH_MAC_TEXT_LEN] = "";
    struct th_json j = th_json_init(&l->lines);
    th_entity_text(e->id, id);
    if (e->has_mac)
        th_mac_format(&e->mac, mac);
    th_json_open(&j);
    put_text(&j, "kind", "device");
    put_text(&j, "id", id);
    th_json_key(&j, "ip");
    th_json_addr(&j, &e->addr);
    put_text(&j, "mac", mac);
    put_text(&j, "hostname", e->hostname);
    put_text(&j, "user", e->user);
    put_time(&j, "first", e->first_ns);
    put_time(&j, "last", e->last_ns);
    th_json_key(&j, "learned_hours");
    th_json_double(&j, k ? k->learned_hours : 0);
    put_text(&j, "device_kind", device_kind(e, k));
    put_traits(&j, l->core, e);
    put_addresses(&j, l->core->shard.identity, e->slot);
    th_json_close(&j);
    th_buf_u8(&l->lines, '\n');
    line_ended(l);
}

static void report_user(struct th_live *l, const struct th_net_user *u, const struct th_known *k)
{
    char id[TH_ENTITY_TEXT_LEN];
    struct th_json j = th_json_init(&l->lines);
    th_entity_text(u->id, id);
    th_json_open(&j);
    put_text(&j, "kind", "user");
    put_text(&j, "id", id);
    put_text(&j, "name", u->name);
    put_time(&j, "first", u->first_ns);
    put_time(&j, "last", u->last_ns);
    th_json_key(&j, "learned_hours");
    th_json_double(&j, k->learned_hours);
    th_json_close(&j);
    th_buf_u8(&l->lines, '\n');
    line_ended(l);
}

/* The latest that were told without a name. */
static void note_nameless(struct th_live *l, uint32_t slot)
{
    if (l->nameless_count == TH_LIVE_NAMELESS)
        memmove(l->nameless, l->nameless + 1, --l->nameless_count * sizeof(l->nameless[0]));
    l->nameless[l->nameless_count++] = slot;
}

/* A device that was new before its name came is told again with it; an hour is long to wait. */
static void report_names(struct th_live *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->nameless_count; i++) {
        const struct th_entity *e = th_identity_slot(l->core->shard.identity, l->nameless[i]);
        if (e && e->hostname[0])
            report_device(l, e, NULL);
        else
            l->nameless[kept++] = l->nameless[i];
    }
    l->nameless_count = kept;
}

/* Whose first hour is closed was told with what was learned in it, and is again when an hour of it
 * closes. */
static void forget_nameless(struct th_live *l, int64_t epoch_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->nameless_count; i++) {
        const struct th_entity *e = th_identity_slot(l->core->shard.identity, l->nameless[i]);
        if (e && e->first_ns >= epoch_ns)
            l->nameless[kept++] = l->nameless[i];
    }
    l->nameless_count = kept;
}

static void report_new_devices(struct th_live *l)
{
    struct th_core *core = l->core;
    uint32_t count = th_identity_count(core->shard.identity);
    report_names(l);
    for (; l->devices_told < count; l->devices_told++) {
        const struct th_entity *e = th_identity_slot(core->shard.identity, l->devices_told);
        report_device(l, e, NULL);
        if (e && !e->hostname[0])
            note_nameless(l, l->devices_told);
    }
}

/* Those whose hour was closed. */
static void report_known(struct th_live *l)
{
    struct th_core *core = l->core;
    const struct th_known *v;
    report_new_devices(l);
    size_t n = th_measures_sort(&core->shard.measures, &v);
    for (size_t i = 0; i < n; i++) {
        const struct th_entity *e = th_identity_find(core->shard.identity, v[i].entity);
        const struct th_net_user *u = th_identity_user(core->shard.identity, v[i].entity);
        if (e)
            report_device(l, e, &v[i]);
        else if (u && u->known)
            report_user(l, u, &v[i]);
    }
}

/* ---- what is forgotten ---- */

void th_live_report_forgotten(
    struct th_live *l, uint64_t position, uint64_t entity, uint64_t sensor)
{
    char id[TH_ENTITY_TEXT_LEN] = "";
    char source[17] = "";
    struct th_json j = th_json_init(&l->lines);
    if (entity != 0) {
        th_incidents_forget(l->core->incidents, entity);
        th_entity_text(entity, id);
    }
    if (sensor != 0)
        snprintf(source, sizeof(source), "%016llx", (unsigned long long)sensor);
    th_json_open(&j);
    put_text(&j, "kind", "forget");
    put_text(&j, "device", id);
    put_text(&j, "sensor", source);
    th_json_close(&j);
    th_buf_u8(&l->lines, '\n');
    report_incidents(l); /* at once: what others have left in them is not missed meanwhile */
    th_live_flush(l);
    if (l->out.forget)
        l->out.forget(l->out.arg, position, entity, sensor);
}

/* ---- what is known of the organisation ---- */

static void put_number(struct th_json *j, const char *key, double v)
{
    th_json_key(j, key);
    th_json_double(j, v);
}

void th_live_report_learning(struct th_live *l)
{
    struct th_core *core = l->core;
    struct th_json j = th_json_init(&l->lines);
    th_learn_stats_get(core->shard.learn, &core->stats);
    th_json_open(&j);
    put_text(&j, "kind", "learning");
    put_time(&j, "time", l->epoch_ns);
    th_json_key(&j, "devices");
    th_json_u64(&j, th_identity_count(core->shard.identity));
    put_number(&j, "device_hours", core->stats.pooled_device_hours);
    put_number(&j, "prior_device_hours", core->stats.prior_device_hours);
    put_text(&j, "calibration", th_core_calibration(core));
    put_number(&j, "alerts_per_day", core->options.alerts_per_day);
    put_number(&j, "threshold", th_core_threshold(core));
    th_json_close(&j);
    th_buf_u8(&l->lines, '\n');
}

void th_live_report_epoch(struct th_live *l, int64_t epoch_ns)
{
    struct th_core *core = l->core;
    double threshold = th_core_threshold(core);
    for (size_t i = 0; i < core->shard.breach_count; i++)
        report_breach(l, &core->shard.breaches[i], threshold);
    th_groups_report(core->shard.groups, report_group_event, l);
    forget_told(l, epoch_ns);
    report_incidents(l);
    report_known(l);
    forget_nameless(l, epoch_ns);
    th_permits_report(th_scorer_permits(core->shard.scorer), report_permit, l);
    th_live_report_learning(l);
    th_live_flush(l);
    if (l->out.metrics)
        l->out.metrics(l->out.arg, epoch_ns, th_buf_view(&core->shard.measures.frames));
}

void th_live_report_look(struct th_live *l)
{
    struct th_core *core = l->core;
    double threshold = th_core_threshold(core);
    double least = TH_MIN(EARLY_SCORE, threshold / 2);
    for (size_t i = 0; i < core->shard.breach_count; i++) {
        struct th_breach *b = &core->shard.breaches[i];
        if ((b->score < least && !b->over) || !is_news(l, b))
            continue;
        b->early = true;
        report_breach(l, b, threshold);
        l->early++;
    }
    report_incidents(l);
    report_new_devices(l);
}
