/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"

static void put_str(struct th_json *j, const char *key, struct th_str s)
{
    th_json_key(j, key);
    th_json_str(j, s);
}

static void put_text(struct th_json *j, const char *key, const char *s)
{
    put_str(j, key, th_str_c(s));
}

static void put_time(struct th_json *j, const char *key, int64_t time_ns)
{
    th_json_key(j, key);
    th_json_time(j, time_ns);
}

static void put_number(struct th_json *j, const char *key, double v)
{
    th_json_key(j, key);
    th_json_double(j, v);
}

static double as_printed(const char *format, double v)
{
    char text[400];
    double ret = v;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), format, v);
#pragma GCC diagnostic pop
    th_str_double(th_str_c(text), &ret);
    return ret;
}

/* Four significant digits: what a reader can use. */
static double digits4(double v)
{
    return as_printed("%.4g", v);
}

static double thousandths(double v)
{
    return as_printed("%.3f", v);
}

static void put_id(struct th_json *j, const char *key, uint64_t id)
{
    char text[20];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    put_text(j, key, text);
}

static void put_device(struct th_json *j, const struct th_identity *id, uint64_t entity)
{
    const struct th_entity *e = th_identity_find(id, entity);
    char text[TH_ENTITY_TEXT_LEN];
    char mac[TH_MAC_TEXT_LEN];
    th_entity_text(entity, text);
    th_json_open(j);
    put_text(j, "id", text);
    th_json_key(j, "ip");
    if (e)
        th_json_addr(j, &e->addr);
    else
        th_json_null(j);
    th_json_key(j, "mac");
    if (e && e->has_mac) {
        th_mac_format(&e->mac, mac);
        th_json_str(j, th_str_c(mac));
    } else {
        th_json_null(j);
    }
    th_json_key(j, "hostname");
    if (e && e->hostname[0])
        th_json_str(j, th_str_c(e->hostname));
    else
        th_json_null(j);
    if (e && e->user[0])
        put_text(j, "user", e->user);
    th_json_close(j);
}

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
        put_str(j, "domain", p->domain);
    th_json_key(j, "inside");
    th_json_bool(j, p->inside);
    if (e) {
        th_entity_text(e->id, text);
        put_text(j, "device", text);
    }
    if (s) {
        th_json_key(j, "devices");
        th_json_u64(j, s->peer_devices);
    }
    th_json_close(j);
}

static void put_evidence(struct th_json *j, const struct th_signal *s)
{
    const struct th_feature_info *f = th_feature_get(s->feature);
    TH_AUTOBUF struct th_buf sentence = TH_BUF_INIT;
    th_json_open(j);
    put_text(j, "feature", f->name);
    put_text(j, "label", f->help);
    put_number(j, "observed", digits4(s->observed));
    bool usual = sentence_has_usual(s);
    put_number(j, "expected", usual ? digits4(s->expected) : NAN);
    put_number(j, "p", digits4(pow(10, -fmin(s->lgp, 300))));
    put_number(j, "low", usual ? digits4(s->low) : NAN);
    put_number(j, "high", usual ? digits4(s->high) : NAN);
    put_text(j, "unit", f->unit);
    put_time(j, "first", s->first_ns);
    put_time(j, "last", s->last_ns);
    if (s->has_peer) {
        TH_AUTOBUF struct th_buf peer = TH_BUF_INIT;
        text_peer(&peer, &s->peer);
        put_str(j, "peer", th_buf_view(&peer));
    }
    if (sentence_tells_popularity(s)) {
        th_json_key(j, "peer_devices");
        th_json_u64(j, s->peer_devices);
        th_json_key(j, "all_devices");
        th_json_u64(j, s->org_devices);
    }
    if (s->detail[0]) {
        TH_AUTOBUF struct th_buf detail = TH_BUF_INIT;
        text_plain(&detail, th_str_n(s->detail, strnlen(s->detail, sizeof(s->detail))));
        put_str(j, "detail", th_buf_view(&detail));
    }
    th_signal_sentence(s, &sentence);
    put_str(j, "sentence", th_buf_view(&sentence));
    th_json_close(j);
}

static const struct th_signal *signal_of_peer(const struct th_breach *b)
{
    for (uint32_t i = 0; i < b->evidence_count; i++)
        if (b->evidence[i].has_peer && b->evidence[i].peer.key == b->peer.key)
            return &b->evidence[i];
    return NULL;
}

void th_breach_json(const struct th_breach *b, const struct th_models *m,
    const struct th_identity *id, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    const struct th_model_info *info = th_models_info(m, b->model);
    th_json_open(&j);
    put_text(&j, "kind", "breach");
    put_id(&j, "id", b->id);
    put_time(&j, "time", b->time_ns);
    put_time(&j, "start", b->start_ns);
    put_time(&j, "end", b->end_ns);
    th_json_key(&j, "device");
    put_device(&j, id, b->entity);
    th_json_key(&j, "peer");
    if (b->has_peer)
        put_peer(&j, id, signal_of_peer(b), &b->peer);
    else
        th_json_null(&j);
    put_text(&j, "model", info->id);
    put_text(&j, "name", info->name);
    put_text(&j, "description", info->description);
    th_json_key(&j, "version");
    th_json_u64(&j, info->version);
    put_number(&j, "score", thousandths(b->score));
    put_number(&j, "rarity", digits4(b->lgp));
    put_text(&j, "technique", info->technique);
    put_text(&j, "tactic", info->tactic);
    if (b->late_hours) {
        th_json_key(&j, "late_hours");
        th_json_u64(&j, b->late_hours);
    }
    if (b->early) {
        th_json_key(&j, "early");
        th_json_bool(&j, true);
    }
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
    put_text(&j, "kind", "incident");
    put_id(&j, "id", i->id);
    put_time(&j, "start", i->start_ns);
    put_time(&j, "end", i->end_ns);
    th_json_key(&j, "devices");
    th_json_open_list(&j);
    for (uint32_t k = 0; k < i->device_count; k++)
        put_device(&j, id, i->devices[k]);
    th_json_close_list(&j);
    put_number(&j, "score", thousandths(i->score));
    th_json_key(&j, "alert");
    th_json_bool(&j, i->alert);
    put_text(&j, "title", i->title);
    put_text(&j, "summary", i->summary);
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
    put_text(&j, "kind", "joined");
    put_time(&j, "time", time_ns);
    put_id(&j, "incident", younger);
    put_id(&j, "into", elder);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}
