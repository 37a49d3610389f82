/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include "base/json.h"
#include "base/log.h"

static const size_t flush_bytes = 64 * 1024;

static void flush(struct th_core *core)
{
    for (size_t at = 0; at < core->out.len && !core->out_failed;) {
        ssize_t n = write(core->out_fd, core->out.p + at, core->out.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            th_log(TH_LOG_ERROR, "findings cannot be written: %s", th_strerror(-errno));
            core->out_failed = true;
            break;
        }
        at += (size_t)n;
    }
    th_buf_clear(&core->out);
}

/* Takes one finished line over. */
void th_core_write(struct th_core *core, struct th_buf *line)
{
    th_buf_put(&core->out, line->p, line->len);
    th_buf_clear(line);
    if (core->out.len >= flush_bytes)
        flush(core);
}

double th_core_threshold(const struct th_core *core)
{
    return th_scorer_threshold(core->shard.scorer, core->options.alerts_per_day,
        (double)TH_MAX(th_identity_count(core->shard.identity), 1u));
}

void th_core_report_trials(struct th_core *core)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    for (unsigned i = 0; i < core->trials; i++) {
        const struct th_model_info *info = th_models_info(core->models, i);
        struct th_json j = th_json_init(&line);
        th_json_open(&j);
        th_json_key(&j, "kind");
        th_json_str(&j, th_str_c("trial"));
        th_json_key(&j, "model");
        th_json_str(&j, th_str_c(info->id));
        th_json_key(&j, "name");
        th_json_str(&j, th_str_c(info->name));
        th_json_close(&j);
        th_buf_u8(&line, '\n');
        th_core_write(core, &line);
    }
}

static void report_group_event(void *arg, const struct th_group_event *e)
{
    struct th_core *core = arg;
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    double threshold = th_core_threshold(core);
    core->group_events++;
    core->alerts += th_group_event_alerts(e, threshold);
    th_group_event_json(e, threshold, core->shard.identity, &line);
    th_core_write(core, &line);
}

void th_core_report_epoch(struct th_core *core)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    for (size_t i = 0; i < core->shard.breach_count; i++) {
        const struct th_breach *b = &core->shard.breaches[i];
        th_breach_json(b, core->models, core->shard.identity, &line);
        th_core_write(core, &line);
        if (!b->group_event)
            th_incidents_add(core->incidents, b, th_core_threshold(core), b->end_ns);
    }
    core->breaches += core->shard.breach_count;
    th_groups_report(core->shard.groups, report_group_event, core);
}

static void report_incident(void *arg, const struct th_incident *i)
{
    struct th_core *core = arg;
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    core->incident_count++;
    core->alerts += i->new_alerts;
    th_incident_json(i, core->shard.identity, &line);
    th_core_write(core, &line);
}

void th_core_report_incidents(struct th_core *core)
{
    th_incidents_report(core->incidents, report_incident, core);
}

static const char *const status_words[] = {
    [TH_SOURCE_READ] = "read",
    [TH_SOURCE_PARTIAL] = "partial",
    [TH_SOURCE_NOT_MINE] = "unknown-format",
    [TH_SOURCE_UNREADABLE] = "unreadable",
    [TH_SOURCE_DUPLICATE] = "duplicate",
};

static void report_input(
    struct th_core *core, const char *name, const char *status, struct th_str message)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_json j = th_json_init(&line);
    th_json_open(&j);
    th_json_key(&j, "kind");
    th_json_str(&j, th_str_c("error"));
    th_json_key(&j, "input");
    th_json_str(&j, th_str_c(name));
    th_json_key(&j, "status");
    th_json_str(&j, th_str_c(status));
    th_json_key(&j, "message");
    th_json_str(&j, message);
    th_json_close(&j);
    th_buf_u8(&line, '\n');
    th_core_write(core, &line);
}

size_t th_core_report_inputs(struct th_core *core)
{
    size_t count = 0;
    size_t unread = 0;
    const struct th_merge_input *inputs = th_merge_inputs(core->merge, &count);
    for (size_t i = 0; i < core->names.count; i++) {
        const struct th_merge_input *in = i < count && inputs[i].known ? &inputs[i] : NULL;
        uint32_t status = in ? in->info.status : TH_SOURCE_UNREADABLE;
        if (status == TH_SOURCE_READ || status == TH_SOURCE_DUPLICATE)
            continue;
        struct th_str message =
            in ? in->info.message : th_str_c("its reader ended before it was read");
        if (status == TH_SOURCE_NOT_MINE && message.len == 0)
            message = th_str_c(
                "neither a capture, nor a log of Zeek, Suricata or a VPC, nor a Thymus spool");
        if (status >= TH_ARRAY_LEN(status_words))
            status = TH_SOURCE_UNREADABLE;
        report_input(core, core->names.v[i], status_words[status], message);
        unread++;
    }
    return unread;
}

static void put_u64(struct th_json *j, const char *key, uint64_t v)
{
    th_json_key(j, key);
    th_json_u64(j, v);
}

static void put_double(struct th_json *j, const char *key, double v)
{
    th_json_key(j, key);
    th_json_double(j, v);
}

/* To a number of decimals that its text then has. */
static double decimals(double v, double per_one)
{
    return (double)(int64_t)(v * per_one + 0.5) / per_one;
}

static uint64_t packets_read(const struct th_core *core)
{
    size_t count;
    uint64_t packets = 0;
    const struct th_merge_input *inputs = th_merge_inputs(core->merge, &count);
    for (size_t i = 0; i < count; i++)
        if (inputs[i].known && inputs[i].info.status != TH_SOURCE_DUPLICATE)
            packets += inputs[i].info.packets;
    return packets;
}

const char *th_core_calibration(const struct th_core *core)
{
    double pooled = core->stats.pooled_device_hours;
    double own = pooled - core->stats.prior_device_hours;
    if (core->stats.prior_device_hours <= 0)
        return "own";
    return own < core->stats.prior_device_hours / 10 ? "prior" : "mixed";
}

static void put_hours(struct th_core *core, struct th_json *j)
{
    th_json_key(j, "events_per_hour");
    th_json_open_list(j);
    for (size_t i = 0; i < core->hour_count; i++) {
        th_json_open(j);
        th_json_key(j, "time");
        th_json_time(j, core->hours[i].hour_ns);
        put_u64(j, "events", core->hours[i].events);
        th_json_close(j);
    }
    th_json_close_list(j);
}

static void put_networks(struct th_core *core, struct th_json *j)
{
    th_json_key(j, "local_networks");
    th_json_open_list(j);
    for (size_t i = 0; i < core->options.local_count; i++) {
        const struct th_subnet *n = &core->options.local[i];
        char text[TH_ADDR_TEXT_LEN + 8];
        size_t len = th_addr_format(&n->addr, text);
        unsigned bits = th_addr_is_v4(&n->addr) && n->bits >= 96 ? n->bits - 96u : n->bits;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "/%u", bits);
        th_json_str(j, th_str_n(text, len));
    }
    th_json_close_list(j);
}

static void put_kinds(struct th_core *core, struct th_json *j)
{
    th_json_key(j, "events_by_kind");
    th_json_open(j);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        if (core->kind_events[k])
            put_u64(j, th_kind_get(k)->name, core->kind_events[k]);
    th_json_close(j);
}

/* Those that were let in; how many of them, and of names that were only tried, were forgotten for
 * others before their time. */
static void put_users(struct th_core *core, struct th_json *j)
{
    struct th_identity_stats s;
    th_identity_stats_get(core->shard.identity, &s);
    put_u64(j, "users", th_identity_users(core->shard.identity));
    put_u64(j, "evicted_users", s.evicted_users + core->stats.evicted_users);
    put_u64(j, "refused_names", s.evicted_names + core->stats.refused_users);
}

void th_core_report_summary(struct th_core *core, size_t unread)
{
    double hours =
        core->events ? (double)(core->last_ns - core->first_ns) / (double)TH_NS_PER_HOUR : 0;
    double days = TH_MAX(hours / 24, 1.0);
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_json j = th_json_init(&line);
    th_json_open(&j);
    th_json_key(&j, "kind");
    th_json_str(&j, th_str_c("summary"));
    th_json_key(&j, "version");
    th_json_str(&j, th_str_c(TH_VERSION));
    if (core->events) {
        th_json_key(&j, "start");
        th_json_time(&j, core->first_ns);
        th_json_key(&j, "end");
        th_json_time(&j, core->last_ns);
    }
    put_double(&j, "hours", decimals(hours, 1000));
    put_u64(&j, "inputs", core->names.count);
    put_u64(&j, "unread", unread);
    put_u64(&j, "events", core->events);
    put_u64(&j, "late_events", core->stats.late_events);
    put_u64(&j, "packets", packets_read(core));
    put_u64(&j, "devices", th_identity_count(core->shard.identity));
    put_users(core, &j);
    put_u64(&j, "device_hours", core->stats.windows);
    put_u64(&j, "breaches", core->breaches);
    put_u64(&j, "incidents", core->incident_count);
    put_u64(&j, "group_events", core->group_events);
    put_u64(&j, "alerts", core->alerts);
    put_double(&j, "budget_per_day", core->options.alerts_per_day);
    put_double(&j, "achieved_per_day", decimals((double)core->alerts / days, 100));
    put_double(&j, "threshold", decimals(th_core_threshold(core), 10));
    th_json_key(&j, "calibration");
    th_json_str(&j, th_str_c(th_core_calibration(core)));
    put_double(&j, "pooled_device_hours", decimals(core->stats.pooled_device_hours, 1));
    put_u64(&j, "models", th_models_count(core->models));
    put_u64(&j, "state_bytes_per_device",
        core->stats.devices ? core->stats.memory_bytes / core->stats.devices : 0);
    put_networks(core, &j);
    put_kinds(core, &j);
    put_hours(core, &j);
    th_json_close(&j);
    th_buf_u8(&line, '\n');
    th_core_write(core, &line);
    flush(core);
}
