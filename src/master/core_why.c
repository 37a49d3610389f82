/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `thymusctl why` in core: who is meant is found by reading all events once before, since a device
 * may get its name after the hour that is asked for; the shard of the device explains the hour; the
 * lead writes the line.
 */
#include "core.h"

#include "base/json.h"

/* What is known of devices when all events were seen. The shard's own begins with the same, and
 * must see the events in their time. */
static int identity_of_all(struct th_core *core, struct th_identity *id)
{
    TH_AUTOBUF struct th_buf before = TH_BUF_INIT;
    const struct th_event *ev;
    struct th_who who;
    th_identity_save(core->shard.identity, &before);
    int r = th_identity_load(id, before.p, before.len);
    if (r < 0)
        return r;
    while ((r = th_merge_next(core->merge, &ev)) > 0)
        if (core->options.until_ns == TH_TIME_UNSET || ev->time_ns < core->options.until_ns)
            th_identity_event(id, ev, &who);
    return r < 0 ? r : th_merge_rewind(core->merge);
}

int th_core_why_parse(struct th_core *core)
{
    const char *text = core->options.why;
    return !text || th_why_parse(th_str_c(text), &core->why) ? 0 : -EINVAL;
}

int th_core_why_find(struct th_core *core, const struct th_shard_config *config)
{
    if (!core->options.why)
        return 0;
    struct th_identity_config identity = {.key = config->key,
        .local = config->local,
        .local_count = config->local_count,
        .oui = config->oui};
    core->why_identity = th_identity_new(&identity);
    int r = identity_of_all(core, core->why_identity);
    if (r < 0)
        return r;
    th_why_find(&core->why, core->why_identity);
    core->shard.why = &core->why;
    return 0;
}

bool th_core_why_nobody(const struct th_core *core)
{
    return core->options.why && core->why.entity == 0;
}

void th_core_why_epoch(struct th_core *core)
{
    if (!core->why.news)
        return;
    core->why.threshold = th_core_threshold(core);
    core->why.news = false;
}

int th_core_why_gather(struct th_core *core)
{
    if (!core->options.why || core->why.entity == 0)
        return 0;
    unsigned owner = th_entity_partition(core->why.entity) % core->crew.size;
    if (core->crew.number == owner)
        th_why_json(&core->why, core->models, &core->why_text);
    return th_crew_gather_text(&core->crew, owner, &core->why_text);
}

static void put_devices(const struct th_core *core, struct th_json *j)
{
    const struct th_why *why = &core->why;
    bool user = th_entity_is_user(why->entity);
    th_json_key(j, "device");
    if (why->entity && !user)
        th_device_json(j, core->why_identity, why->entity);
    else
        th_json_null(j);
    if (user) {
        th_json_key(j, "user");
        th_net_user_json(j, core->why_identity, why->entity);
    }
    th_json_key(j, "similar");
    th_json_open_list(j);
    for (uint32_t i = 0; i < why->similar_count; i++)
        th_device_json(j, core->why_identity, why->similar[i]);
    th_json_close_list(j);
}

void th_core_report_why(struct th_core *core, size_t unread)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_json j = th_json_init(&line);
    if (!core->options.why)
        return;
    th_json_open(&j);
    th_json_key(&j, "kind");
    th_json_str(&j, th_str_c("why"));
    th_json_key(&j, "asked");
    th_json_str(&j, th_str_c(core->why.device));
    th_json_key(&j, "start");
    th_json_time(&j, core->why.hour_ns);
    th_json_key(&j, "end");
    th_json_time(&j, th_time_add(core->why.hour_ns, TH_NS_PER_HOUR));
    th_json_key(&j, "budget_per_day");
    th_json_double(&j, core->options.alerts_per_day);
    th_json_key(&j, "unread");
    th_json_u64(&j, unread);
    put_devices(core, &j);
    th_json_key(&j, "activity");
    if (core->why_text.len)
        th_buf_str(&line, th_buf_view(&core->why_text)); /* JSON already */
    else
        th_json_null(&j);
    th_json_close(&j);
    th_buf_u8(&line, '\n');
    th_core_write(core, &line);
}

void th_core_why_done(struct th_core *core)
{
    th_why_done(&core->why);
    th_identity_free(core->why_identity);
    th_buf_done(&core->why_text);
}
