/* SPDX-License-Identifier: Apache-2.0 */
#include "members.h"

static void put_peer(struct th_json *j, const struct th_identity *id, const struct th_signal *s,
    const struct th_peer *p)
{
    const struct th_entity *e = p->inside ? th_identity_slot(id, p->slot) : NULL;
    char text[TH_ENTITY_TEXT_LEN];
    th_json_open(j);
    th_json_key(j, "ip");
    if (p->has_addr)
        th_json_addr(j, &p->addr);
    else
        th_json_null(j);
    th_json_key(j, "host");
    if (p->host.len)
        th_json_str(j, p->host);
    else
        th_json_null(j);
    th_json_key(j, "port");
    if (p->port)
        th_json_u64(j, p->port);
    else
        th_json_null(j);
    if (p->domain.len)
        member_str(j, "domain", p->domain);
    th_json_key(j, "inside");
    th_json_bool(j, p->inside);
    if (e) {
        th_entity_text(e->id, text);
        member_text(j, "device", text);
    }
    if (s) {
        th_json_key(j, th_feature_is_user(s->feature) ? "users" : "devices");
        th_json_u64(j, s->peer_devices);
    }
    th_json_close(j);
}

static void put_evidence(struct th_json *j, const struct th_signal *s)
{
    th_json_open(j);
    member_signal(j, s);
    th_json_close(j);
}

static const struct th_signal *signal_of_peer(const struct th_breach *b)
{
    for (uint32_t i = 0; i < b->evidence_count; i++)
        if (b->evidence[i].has_peer && b->evidence[i].peer.key == b->peer.key)
            return &b->evidence[i];
    return NULL;
}

static void put_entity(struct th_json *j, const struct th_identity *id, const struct th_breach *b)
{
    bool user = th_entity_is_user(b->entity);
    uint64_t device = user ? b->source : b->entity;
    th_json_key(j, "device");
    if (device)
        th_device_json(j, id, device);
    else
        th_json_null(j);
    if (!user)
        return;
    th_json_key(j, "user");
    th_net_user_json(j, id, b->entity);
}

/* Devices, or users, in the order in which they came. */
static void put_entities(
    struct th_json *j, const struct th_identity *id, const struct th_incident *i, bool users)
{
    th_json_open_list(j);
    for (uint32_t k = 0; k < i->device_count; k++) {
        if (th_entity_is_user(i->devices[k]) != users)
            continue;
        if (users)
            th_net_user_json(j, id, i->devices[k]);
        else
            th_device_json(j, id, i->devices[k]);
    }
    th_json_close_list(j);
}

static bool has_users(const struct th_incident *i)
{
    for (uint32_t k = 0; k < i->device_count; k++)
        if (th_entity_is_user(i->devices[k]))
            return true;
    return false;
}

void th_breach_json(const struct th_breach *b, const struct th_models *m,
    const struct th_identity *id, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    const struct th_model_info *info = th_models_info(m, b->model);
    th_json_open(&j);
    member_text(&j, "kind", "breach");
    member_id(&j, "id", b->id);
    member_time(&j, "time", b->time_ns);
    member_time(&j, "start", b->start_ns);
    member_time(&j, "end", b->end_ns);
    put_entity(&j, id, b);
    th_json_key(&j, "peer");
    if (b->has_peer)
        put_peer(&j, id, signal_of_peer(b), &b->peer);
    else
        th_json_null(&j);
    member_text(&j, "model", info->id);
    member_text(&j, "name", info->name);
    member_text(&j, "description", info->description);
    th_json_key(&j, "version");
    th_json_u64(&j, info->version);
    member_number(&j, "score", thousandths(b->score));
    member_number(&j, "rarity", digits4(b->lgp));
    member_text(&j, "technique", info->technique);
    member_text(&j, "tactic", info->tactic);
    if (b->late_hours) {
        th_json_key(&j, "late_hours");
        th_json_u64(&j, b->late_hours);
    }
    if (b->hours > 1) {
        th_json_key(&j, "hours");
        th_json_u64(&j, b->hours);
        member_time(&j, "since", b->since_ns);
    }
    if (b->early) {
        th_json_key(&j, "early");
        th_json_bool(&j, true);
    }
    if (b->group_event)
        member_id(&j, "group_event", b->group_event);
    th_json_key(&j, "evidence");
    th_json_open_list(&j);
    for (uint32_t i = 0; i < b->evidence_count; i++)
        put_evidence(&j, &b->evidence[i]);
    th_json_close_list(&j);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}

void th_incident_json(const struct th_incident *i, const struct th_identity *id, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    member_text(&j, "kind", "incident");
    member_id(&j, "id", i->id);
    member_time(&j, "start", i->start_ns);
    member_time(&j, "end", i->end_ns);
    th_json_key(&j, "devices");
    put_entities(&j, id, i, false);
    if (has_users(i)) {
        th_json_key(&j, "users");
        put_entities(&j, id, i, true);
    }
    member_number(&j, "score", thousandths(i->score));
    th_json_key(&j, "alert");
    th_json_bool(&j, i->alerts > 0);
    th_json_key(&j, "alerts");
    th_json_u64(&j, i->alerts);
    th_json_key(&j, "alerted");
    if (i->alerts)
        th_json_time(&j, i->alert_ns);
    else
        th_json_null(&j);
    member_text(&j, "title", i->title);
    member_text(&j, "summary", i->summary);
    th_json_key(&j, "breaches");
    th_json_open_list(&j);
    for (uint32_t k = 0; k < i->breach_count; k++) {
        char text[20];
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)i->breaches[k]);
        th_json_str(&j, th_str_c(text));
    }
    th_json_close_list(&j);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}

void th_incident_joined_json(int64_t time_ns, uint64_t younger, uint64_t elder, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    member_text(&j, "kind", "joined");
    member_time(&j, "time", time_ns);
    member_id(&j, "incident", younger);
    member_id(&j, "into", elder);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}

void th_incident_withdrawn_json(
    int64_t time_ns, uint64_t incident, uint64_t group_event, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    member_text(&j, "kind", "withdrawn");
    member_time(&j, "time", time_ns);
    member_id(&j, "incident", incident);
    member_id(&j, "group_event", group_event);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}
