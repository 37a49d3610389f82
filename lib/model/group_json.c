/* SPDX-License-Identifier: Apache-2.0 */
#include "members.h"
#include "model/group.h"

/* Of a very large group, as many are named; all are counted. */
#define MAX_NAMED 1024u
#define MAX_BREACHES 4096u

static const char *const did[TH_FEATURE_COUNT] = {
#define TH_GROUP_FEATURE(NAME, ABOUT, did, why) [TH_FEAT_##NAME] = did,
#include "group_features.def"
#undef TH_GROUP_FEATURE
};

const char *th_shared_name(enum th_shared kind)
{
    static const char *const names[TH_SHARED_COUNT] = {"destination", "port", "client"};
    return names[kind];
}

static const char *group_name(enum th_habit group)
{
    return group == TH_HABIT_SERVER ? "server" : "client";
}

bool th_group_event_alerts(const struct th_group_event *e, double threshold)
{
    return e->breach_count > 0 && e->score >= threshold;
}

/* "38 of 172 clients sent more to outside than usual; 36 have update.example in common" */
static void put_sentence(const struct th_group_event *e, struct th_buf *out)
{
    th_buf_printf(out, "%u of %u %ss ", e->did, e->active, group_name(e->group));
    if (did[e->feature])
        th_buf_puts(out, did[e->feature]);
    else
        th_buf_printf(out, "stood out at once: %s", th_feature_get(e->feature)->help);
    if (e->shared_count > 0)
        th_buf_printf(out, "; %u have %s in common", e->shared[0].devices, e->shared[0].text);
}

static void put_shared(struct th_json *j, const struct th_group_event *e)
{
    th_json_key(j, "shared");
    th_json_open_list(j);
    for (uint32_t i = 0; i < e->shared_count; i++) {
        th_json_open(j);
        member_text(j, "kind", th_shared_name(e->shared[i].kind));
        member_text(j, "text", e->shared[i].text);
        th_json_key(j, "devices");
        th_json_u64(j, e->shared[i].devices);
        th_json_close(j);
    }
    th_json_close_list(j);
}

static void put_features(struct th_json *j, const struct th_group_event *e)
{
    th_json_key(j, "features");
    th_json_open_list(j);
    for (uint32_t i = 0; i < e->feature_count; i++)
        th_json_str(j, th_str_c(th_feature_get(e->features[i])->name));
    th_json_close_list(j);
}

void th_group_event_json(const struct th_group_event *e, double threshold,
    const struct th_identity *id, struct th_buf *out)
{
    TH_AUTOBUF struct th_buf sentence = TH_BUF_INIT;
    struct th_json j = th_json_init(out);
    put_sentence(e, &sentence);
    th_json_open(&j);
    member_text(&j, "kind", "group-event");
    member_id(&j, "id", e->id);
    member_time(&j, "start", e->start_ns);
    member_time(&j, "end", e->end_ns);
    member_time(&j, "first", e->first_ns);
    member_time(&j, "last", e->last_ns);
    member_text(&j, "group", group_name(e->group));
    member_text(&j, "feature", th_feature_get(e->feature)->name);
    put_features(&j, e);
    th_json_key(&j, "devices");
    th_json_u64(&j, e->device_count);
    th_json_key(&j, "did");
    th_json_u64(&j, e->did);
    th_json_key(&j, "of");
    th_json_u64(&j, e->active);
    member_number(&j, "usual", digits4(e->usual));
    put_shared(&j, e);
    th_json_key(&j, "discounted");
    th_json_bool(&j, e->discounted);
    member_number(&j, "score", thousandths(e->score));
    th_json_key(&j, "alert");
    th_json_bool(&j, th_group_event_alerts(e, threshold));
    member_str(&j, "sentence", th_buf_view(&sentence));
    th_json_key(&j, "members");
    th_json_open_list(&j);
    for (uint32_t i = 0; i < TH_MIN(e->device_count, MAX_NAMED); i++)
        th_device_json(&j, id, e->devices[i]);
    th_json_close_list(&j);
    th_json_key(&j, "breaches");
    th_json_open_list(&j);
    for (uint32_t i = 0; i < TH_MIN(e->breach_count, MAX_BREACHES); i++) {
        char text[20];
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)e->breaches[i]);
        th_json_str(&j, th_str_c(text));
    }
    th_json_close_list(&j);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}
