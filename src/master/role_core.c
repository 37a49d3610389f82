/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role core over recorded input: merges what capture and import wrote, follows who
 * is who, learns, scores, joins incidents, and writes findings as JSON lines.
 *
 * Descriptors: spool (one or more), names (inputs, NUL-separated), model (files), model-names
 * (their paths), trial (a file of models that take the place of those), prior, state-in, out; and
 * to be written: state-out, prior-out.
 */
#include <getopt.h>

#include "base/log.h"
#include "core.h"
#include "priv/priv.h"
#include "roles.h"
#include "sections.h"

enum {
    OPT_BUDGET = 1,
    OPT_SHARDS,
    OPT_WITHOUT,
    OPT_LOCAL_NET,
    OPT_ROLE,
    OPT_CHECK,
    OPT_UNTIL,
    OPT_WHY,
    OPT_LIVE,
    OPT_INSTANCE_NAME,
    OPT_INSTANCE_ID,
    OPT_UID,
    OPT_GID,
    OPT_LOG_LEVEL
};

static bool parse_hex64(struct th_str s, uint64_t *ret)
{
    char *end;
    char text[17];
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    *ret = strtoull(text, &end, 16);
    return *end == '\0';
}

static bool set_log_level(struct th_str arg, enum th_log_level *level)
{
    char text[8] = "";
    if (arg.len >= sizeof(text))
        return false;
    memcpy(text, arg.p, arg.len);
    return th_log_level_parse(text, level);
}

/* What the parent of an instance says. */
static bool parse_live(int option, struct th_str arg, struct th_core_options *ret)
{
    enum th_log_level level = TH_LOG_INFO;
    switch (option) {
    case OPT_LIVE: return ret->live = true;
    case OPT_INSTANCE_NAME: return true;
    case OPT_INSTANCE_ID: return parse_hex64(arg, &ret->instance);
    case OPT_UID: return th_str_u64(arg, &ret->uid) && ret->uid <= UINT32_MAX;
    case OPT_GID: return th_str_u64(arg, &ret->gid) && ret->gid <= UINT32_MAX;
    case OPT_LOG_LEVEL:
        if (!set_log_level(arg, &level))
            return false;
        th_log_set(level, "core");
        return true;
    default: return false;
    }
}

static int parse_options(int argc, char **argv, struct th_core_options *ret)
{
    static const struct option longs[] = {
        {"budget", required_argument, NULL, OPT_BUDGET},
        {"shards", required_argument, NULL, OPT_SHARDS},
        {"without", required_argument, NULL, OPT_WITHOUT},
        {"local-net", required_argument, NULL, OPT_LOCAL_NET},
        {"role", required_argument, NULL, OPT_ROLE},
        {"check", no_argument, NULL, OPT_CHECK},
        {"until", required_argument, NULL, OPT_UNTIL},
        {"why", required_argument, NULL, OPT_WHY},
        {"live", no_argument, NULL, OPT_LIVE},
        {"instance-name", required_argument, NULL, OPT_INSTANCE_NAME},
        {"instance-id", required_argument, NULL, OPT_INSTANCE_ID},
        {"uid", required_argument, NULL, OPT_UID},
        {"gid", required_argument, NULL, OPT_GID},
        {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
        {0},
    };
    uint64_t shards = 1;
    *ret = (struct th_core_options){.alerts_per_day = 5, .until_ns = TH_TIME_UNSET};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        struct th_str arg = th_str_c(optarg ? optarg : "");
        bool ok = c == OPT_ROLE;
        if (c == OPT_BUDGET)
            ok = th_str_double(arg, &ret->alerts_per_day) && ret->alerts_per_day > 0;
        else if (c == OPT_SHARDS)
            ok = th_str_u64(arg, &shards) && shards >= 1 && shards <= TH_CREW_MAX;
        else if (c == OPT_LOCAL_NET)
            ok = ret->local_count < TH_CORE_MAX_NETS &&
                th_subnet_parse(arg, &ret->local[ret->local_count++]);
        else if (c == OPT_WITHOUT)
            ok = th_without_parse(arg, &ret->without);
        else if (c == OPT_CHECK)
            ok = ret->check = true;
        else if (c == OPT_WHY)
            ok = (ret->why = optarg) != NULL;
        else if (c == OPT_UNTIL)
            ok = th_time_parse_rfc3339(arg, &ret->until_ns);
        else if (c >= OPT_LIVE)
            ok = parse_live(c, arg, ret);
        if (!ok)
            return -EINVAL;
    }
    ret->shards = (unsigned)shards;
    return 0;
}

static int load_names(struct th_core *core, const char *tag, struct th_core_names *ret)
{
    int fd = th_inherit_get(&core->inherited, tag, 0);
    int r = fd >= 0 ? th_sections_read(fd, &ret->text) : 0;
    if (r < 0)
        return r;
    th_buf_u8(&ret->text, 0);
    const char *text = (const char *)ret->text.p;
    for (size_t at = 0; at + 1 < ret->text.len; at += strlen(text + at) + 1) {
        ret->v = th_xreallocarray(ret->v, ret->count + 1, sizeof(*ret->v));
        ret->v[ret->count++] = text + at;
    }
    return 0;
}

static void names_done(struct th_core_names *n)
{
    th_buf_done(&n->text);
    free(n->v);
}

/* To a person at a terminal, who asked for this; the text quotes the file. */
static void tell_mistake(const char *name, const struct th_model_error *err)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    th_buf_printf(&line, "thymusctl: %s:%d: %s", name, err->line, err->text);
    for (size_t i = 0; i < line.len; i++)
        if (line.p[i] < ' ' || line.p[i] == 0x7f)
            line.p[i] = '?';
    fprintf(stderr, "%.*s\n", (int)line.len, (const char *)line.p);
}

static int load_model_file(struct th_core *core, int fd, const char *name)
{
    TH_AUTOBUF struct th_buf yaml = TH_BUF_INIT;
    struct th_model_error err = {0};
    int r = th_sections_read(fd, &yaml);
    if (r == 0)
        r = th_models_add(core->models, (const char *)yaml.p, yaml.len, &err);
    if (r < 0 && !err.text[0])
        snprintf(err.text, sizeof(err.text), "%s", th_strerror(r));
    if (r < 0 && core->options.check)
        tell_mistake(name, &err);
    else if (r < 0)
        th_log(TH_LOG_ERROR, "model file %s, line %d: %s", name, err.line, err.text);
    return r;
}

int th_core_load_models(struct th_core *core)
{
    core->models = th_models_new();
    int fd = th_inherit_get(&core->inherited, "trial", 0);
    int r = fd >= 0 ? load_model_file(core, fd, "on trial") : 0;
    core->trials = th_models_count(core->models);
    if (fd >= 0)
        th_models_keep(core->models);
    for (size_t i = 0; r == 0; i++) {
        fd = th_inherit_get(&core->inherited, "model", i);
        if (fd < 0)
            break;
        r = load_model_file(
            core, fd, i < core->model_names.count ? core->model_names.v[i] : "without a name");
    }
    return r;
}

static int open_spools(struct th_core *core)
{
    int fds[8];
    size_t count = 0;
    while (count < TH_ARRAY_LEN(fds) &&
        (fds[count] = th_inherit_get(&core->inherited, "spool", count)) >= 0)
        count++;
    return th_merge_open(fds, count, &core->merge);
}

/* Where no private address appears, what is inside has to be found first. */
static int infer_networks(struct th_core *core)
{
    const struct th_event *ev;
    int r;
    if (core->options.local_count > 0)
        return 0;
    struct th_site *site = th_site_new();
    while ((r = th_merge_next(core->merge, &ev)) > 0)
        th_site_event(site, ev);
    if (r == 0)
        core->options.local_count = th_site_networks(site, core->options.local, TH_CORE_MAX_NETS);
    th_site_free(site);
    return r < 0 ? r : th_merge_rewind(core->merge);
}

static void count_event(struct th_core *core, const struct th_event *ev)
{
    if (core->events++ == 0)
        core->first_ns = core->last_ns = ev->time_ns;
    core->first_ns = TH_MIN(core->first_ns, ev->time_ns);
    core->last_ns = TH_MAX(core->last_ns, ev->time_ns);
    if (ev->kind < TH_KIND_COUNT)
        core->kind_events[ev->kind]++;
    int64_t hour = th_time_floor(ev->time_ns, TH_NS_PER_HOUR);
    if (core->hour_count == 0 || core->hours[core->hour_count - 1].hour_ns != hour) {
        if (core->hour_count == TH_CORE_MAX_HOURS)
            return;
        core->hours[core->hour_count++].hour_ns = hour;
        core->hours[core->hour_count - 1].events = 0;
    }
    core->hours[core->hour_count - 1].events++;
}

static int close_epoch(struct th_core *core, int64_t epoch_ns)
{
    int r = th_crew_epoch(&core->crew, &core->shard, epoch_ns);
    if (r == 0 && core->crew.number == 0)
        th_core_report_epoch(core);
    if (r == 0)
        th_core_why_epoch(core);
    return r;
}

/* Runs all events through the shard. Leaves the last epoch open; ret_epoch_ns is its end. */
static int run_events(struct th_core *core, int64_t *ret_epoch_ns)
{
    const struct th_event *ev;
    int64_t epoch_ns = TH_TIME_UNSET;
    int r;
    if (core->resumed_ns != TH_TIME_UNSET)
        epoch_ns = th_time_add(th_time_floor(core->resumed_ns, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
    while ((r = th_merge_next(core->merge, &ev)) > 0) {
        if (core->options.until_ns != TH_TIME_UNSET && ev->time_ns >= core->options.until_ns)
            continue;
        if (ev->time_ns >= epoch_ns) {
            if (epoch_ns != TH_TIME_UNSET && (r = close_epoch(core, epoch_ns)) < 0)
                return r;
            epoch_ns = th_time_add(th_time_floor(ev->time_ns, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
        }
        th_shard_event(&core->shard, ev);
        count_event(core, ev);
    }
    *ret_epoch_ns = epoch_ns;
    return r;
}

static int analyse(struct th_core *core)
{
    int64_t epoch_ns = TH_TIME_UNSET;
    int r = th_core_why_nobody(core) ? 0 : run_events(core, &epoch_ns);
    if (r < 0)
        return r;
    /* What is kept has its last hour still open: a later run goes on inside it, tells it again
     * under the same ids, and concludes what one run over both inputs would have. A prior is made
     * of closed hours only. */
    r = th_core_keep(core);
    if (r == 0 && epoch_ns != TH_TIME_UNSET)
        r = close_epoch(core, epoch_ns);
    if (r == 0)
        r = th_core_save_kept(core);
    if (r == 0)
        r = th_core_save_prior(core);
    if (r == 0)
        r = th_core_why_gather(core);
    return r < 0 ? r : th_crew_gather_stats(&core->crew, &core->shard, &core->stats);
}

static int set_up(struct th_core *core)
{
    int r = load_names(core, "names", &core->names);
    if (r == 0)
        r = load_names(core, "model-names", &core->model_names);
    if (r == 0)
        r = th_core_load_models(core);
    if (r == 0)
        r = open_spools(core);
    if (r == 0)
        r = infer_networks(core);
    if (r < 0)
        return r;
    struct th_shard_config config = {
        /* A fixed key: the same input must give the same findings, ids included. Tables stay
         * bounded whatever is in them. Daemons use the key of their instance. */
        .key = {.k0 = 0x5468796d75732031, .k1 = 0x6f66666c696e6520},
        .partitions = th_crew_partitions(core->crew.number, core->crew.size),
        .without = core->options.without,
        .local = core->options.local,
        .local_count = core->options.local_count,
        .models = core->models,
    };
    th_shard_init(&core->shard, &config);
    if (core->crew.number == 0)
        core->incidents = th_incidents_new(core->models, core->shard.identity);
    if (core->crew.number == 0)
        th_core_report_trials(core);
    r = th_core_load(core);
    return r < 0 ? r : th_core_why_find(core, &config);
}

/* Reads the models and ends. A mistake was told. */
static int check_models(struct th_core *core)
{
    int r = th_role_lock(TH_ROLE_CORE, true);
    if (r == 0)
        r = load_names(core, "model-names", &core->model_names);
    return r < 0 ? r : th_core_load_models(core);
}

static int finish(struct th_core *core)
{
    if (core->crew.number != 0)
        return 0;
    th_core_report_incidents(core);
    size_t unread = th_core_report_inputs(core);
    th_core_report_why(core, unread);
    th_core_report_summary(core, unread);
    if (core->out_failed)
        return -EIO;
    int r = th_crew_join(&core->crew);
    return r < 0 ? r : unread ? 3 : 0;
}

static void tear_down(struct th_core *core)
{
    th_incidents_free(core->incidents);
    th_shard_done(&core->shard);
    th_merge_free(core->merge);
    th_core_why_done(core);
    th_models_free(core->models);
    th_oui_free(core->oui);
    th_buf_done(&core->out);
    th_buf_done(&core->kept);
    th_buf_done(&core->kept_incidents);
    names_done(&core->names);
    names_done(&core->model_names);
    free(core);
}

int role_core(int argc, char **argv)
{
    struct th_core *core = th_xcalloc(1, sizeof(*core));
    core->resumed_ns = TH_TIME_UNSET;
    int r = parse_options(argc, argv, &core->options);
    if (r == 0)
        r = th_core_why_parse(core);
    if (r == 0)
        r = th_inherit(&core->inherited);
    if (r == 0 && core->options.live) {
        r = th_core_live(core);
        tear_down(core);
        return r;
    }
    if (r == 0 && core->options.check) {
        r = check_models(core);
        tear_down(core);
        return r < 0 ? 1 : 0;
    }
    core->out_fd = r == 0 ? th_inherit_get(&core->inherited, "out", 0) : -1;
    if (r == 0 && core->out_fd < 0)
        r = -EBADF;
    if (r == 0)
        r = th_crew_start(&core->crew, core->options.shards);
    if (r == 0)
        r = th_role_lock(TH_ROLE_CORE, true);
    if (r == 0)
        r = set_up(core);
    if (r == 0)
        r = analyse(core);
    if (r == 0)
        r = finish(core);
    if (r < 0)
        th_log(TH_LOG_ERROR, "core stopped: %s", th_strerror(r));
    tear_down(core);
    return r < 0 ? 1 : r;
}
