/* SPDX-License-Identifier: Apache-2.0 */
#include "members.h"

#include <math.h>

void member_str(struct th_json *j, const char *key, struct th_str s)
{
    th_json_key(j, key);
    th_json_str(j, s);
}

void member_text(struct th_json *j, const char *key, const char *s)
{
    member_str(j, key, th_str_c(s));
}

void member_time(struct th_json *j, const char *key, int64_t time_ns)
{
    th_json_key(j, key);
    th_json_time(j, time_ns);
}

void member_number(struct th_json *j, const char *key, double v)
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

double digits4(double v)
{
    return as_printed("%.4g", v);
}

double thousandths(double v)
{
    return as_printed("%.3f", v);
}

void member_id(struct th_json *j, const char *key, uint64_t id)
{
    char text[20];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    member_text(j, key, text);
}

void th_device_json(struct th_json *j, const struct th_identity *id, uint64_t entity)
{
    const struct th_entity *e = th_identity_find(id, entity);
    char text[TH_ENTITY_TEXT_LEN];
    char mac[TH_MAC_TEXT_LEN];
    th_entity_text(entity, text);
    th_json_open(j);
    member_text(j, "id", text);
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
        member_text(j, "user", e->user);
    th_json_close(j);
}

void th_net_user_json(struct th_json *j, const struct th_identity *id, uint64_t entity)
{
    const struct th_net_user *u = th_identity_user(id, entity);
    char text[TH_ENTITY_TEXT_LEN];
    th_entity_text(entity, text);
    th_json_open(j);
    member_text(j, "id", text);
    th_json_key(j, "name");
    if (u)
        th_json_str(j, th_str_c(u->name));
    else
        th_json_null(j);
    th_json_close(j);
}

void member_signal(struct th_json *j, const struct th_signal *s)
{
    const struct th_feature_info *f = th_feature_get(s->feature);
    TH_AUTOBUF struct th_buf sentence = TH_BUF_INIT;
    member_text(j, "feature", f->name);
    member_text(j, "label", f->help);
    member_number(j, "observed", digits4(s->observed));
    bool usual = sentence_has_usual(s);
    member_number(j, "expected", usual ? digits4(s->expected) : NAN);
    member_number(j, "p", digits4(pow(10, -fmin(s->lgp, 300))));
    member_number(j, "low", usual ? digits4(s->low) : NAN);
    member_number(j, "high", usual ? digits4(s->high) : NAN);
    member_text(j, "unit", f->unit);
    member_time(j, "first", s->first_ns);
    member_time(j, "last", s->last_ns);
    if (s->has_peer) {
        TH_AUTOBUF struct th_buf peer = TH_BUF_INIT;
        text_peer(&peer, &s->peer);
        member_str(j, "peer", th_buf_view(&peer));
    }
    if (sentence_tells_popularity(s)) {
        bool users = th_feature_is_user(s->feature);
        th_json_key(j, users ? "peer_users" : "peer_devices");
        th_json_u64(j, s->peer_devices);
        th_json_key(j, users ? "all_users" : "all_devices");
        th_json_u64(j, s->org_devices);
    }
    if (s->detail[0]) {
        TH_AUTOBUF struct th_buf detail = TH_BUF_INIT;
        text_plain(&detail, th_str_n(s->detail, strnlen(s->detail, sizeof(s->detail))));
        member_str(j, "detail", th_buf_view(&detail));
    }
    th_signal_sentence(s, &sentence);
    member_str(j, "sentence", th_buf_view(&sentence));
}
