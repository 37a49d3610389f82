/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT 3.1, 3.1.1 and 5.0 (OASIS): sessions, published topics with their sizes, subscriptions.
 * Payloads are passed over; a session that says who it is becomes a `login`, too, without its
 * password.
 */
#include "analysers.h"

#include "login.h"

#define LOOK_BYTES 1024u
#define MAX_TOPICS 8u
#define MAX_PENDING 4u

enum { CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK };
enum { UNSUBSCRIBE = 10, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH };

struct subscription {
    bool used, remove;
    uint16_t id;
    uint8_t count;
    int64_t time_ns;
    struct th_text topic[MAX_TOPICS];
};

struct state {
    struct th_frames frames;
    bool connected, told;
    uint8_t version;
    int64_t first_ns;
    struct th_login login;
    struct th_text name, client_id, will_topic, user;
    struct subscription *pending[MAX_PENDING];
    unsigned next;
    struct th_repeat repeat;
};

/* A CONNECT: its remaining length takes one to four bytes, then comes the protocol's name. */
static enum th_probe probe(const struct th_probe_in *in)
{
    static const char *const names[] = {"\0\4MQTT", "\0\6MQIsdp"};
    if (th_probe_at(in, 0) != CONNECT << 4)
        return TH_PROBE_NO;
    for (size_t i = 2; i <= 5; i++)
        for (size_t k = 0; k < TH_ARRAY_LEN(names); k++) {
            size_t n = k ? 8 : 6;
            if (in->len >= i + n && memcmp(in->p + i, names[k], n) == 0)
                return TH_PROBE_CLIENT;
        }
    return TH_PROBE_NO;
}

/* Variable byte integer (MQTT 5.0 1.5.5): at most four bytes. */
static uint32_t varint(struct th_cur *c)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        unsigned b = th_cur_u8(c);
        v |= (b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    th_cur_fail(c);
    return 0;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    size_t had = th_cur_left(&c);
    unsigned type = th_cur_u8(&c) >> 4;
    uint32_t rest = varint(&c);
    if (type == 0)
        return TH_FRAME_BAD;
    if (c.failed)
        return had >= 5 ? TH_FRAME_BAD : TH_FRAME_SHORT;
    return (int64_t)(had - th_cur_left(&c)) + rest;
}

static struct th_str field(struct th_cur *c)
{
    return th_cur_bytes(c, th_cur_be16(c));
}

static void skip_properties(const struct state *s, struct th_cur *c)
{
    if (s->version == 5)
        th_cur_skip(c, varint(c));
}

static const char *version_name(unsigned version)
{
    return version == 3 ? "3.1" : version == 4 ? "3.1.1" : version == 5 ? "5.0" : "";
}

/* status: -1 for none. */
static void tell_connect(struct th_conn *c, struct state *s, int status, int64_t time_ns)
{
    static const char *const old[] = {"Connection Accepted",
        "Refused: unacceptable protocol version", "Refused: identifier rejected",
        "Refused: server unavailable", "Refused: bad user name or password",
        "Refused: not authorized"};
    struct th_ev_mqtt_connect ev = {0};
    if (!s->connected || s->told)
        return;
    s->told = true;
    TH_CONN_ID(&ev, MQTT_CONNECT, c, s->first_ns);
    TH_SET_TEXT(&ev, MQTT_CONNECT, proto_name, th_text_get(&s->name));
    TH_SET_TEXT(&ev, MQTT_CONNECT, proto_version, th_str_c(version_name(s->version)));
    TH_SET_TEXT(&ev, MQTT_CONNECT, client_id, th_text_get(&s->client_id));
    if (status >= 0)
        TH_SET(&ev, MQTT_CONNECT, connect_status,
            status < (int)TH_ARRAY_LEN(old)
                ? th_str_c(old[status])
                : th_arena_printf(&c->pr->scratch, "Refused: 0x%02x", (unsigned)status));
    TH_SET_TEXT(&ev, MQTT_CONNECT, will_topic, th_text_get(&s->will_topic));
    TH_SET_TEXT(&ev, MQTT_CONNECT, user, th_text_get(&s->user));
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->first_ns));
    th_login_end(
        c, &s->login, TH_SVC_MQTT, th_login_result_of(status < 0 ? -1 : status == 0), time_ns);
}

static void on_connect(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    if (s->connected) /* a second one: the broker hangs up (MQTT 5.0 3.1) */
        return;
    th_conn_service(c, TH_SVC_MQTT);
    s->connected = true;
    s->first_ns = time_ns;
    th_text_set_field(&s->name, field(m));
    s->version = th_cur_u8(m);
    unsigned flags = th_cur_u8(m);
    th_cur_skip(m, 2);
    skip_properties(s, m);
    th_text_set_field(&s->client_id, field(m));
    if (flags & 4) {
        skip_properties(s, m);
        th_text_set_field(&s->will_topic, field(m));
        th_cur_skip(m, th_cur_be16(m));
    }
    if (flags & 0x80)
        th_text_set_field(&s->user, field(m));
    if (flags & 0xc0) {
        th_login_begin(&s->login, th_str_c("CONNECT"), (flags & 0x40) != 0, time_ns);
        s->login.user = s->user;
    }
}

static void on_publish(struct th_conn *c, struct state *s, const struct th_chunk *ch,
    unsigned flags, uint32_t size, struct th_cur *m)
{
    static const char *const levels[] = {"at most once", "at least once", "exactly once", ""};
    struct th_ev_mqtt_publish ev = {0};
    size_t had = th_cur_left(m);
    struct th_str topic = field(m);
    if (flags & 6)
        th_cur_skip(m, 2);
    skip_properties(s, m);
    if (m->failed && had < LOOK_BYTES / 2)
        return;
    size_t head = m->failed ? had : had - th_cur_left(m);
    uint64_t key = th_repeat_key((flags & 7) << 1 | ch->from_client, topic);
    uint32_t due = th_repeat_due(c, &s->repeat, key, ch->time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, MQTT_PUBLISH, c, ch->time_ns);
    TH_SET(&ev, MQTT_PUBLISH, from_client, ch->from_client);
    TH_SET(&ev, MQTT_PUBLISH, retain, (flags & 1) != 0);
    TH_SET(&ev, MQTT_PUBLISH, qos, th_str_c(levels[flags >> 1 & 3]));
    TH_SET_TEXT(&ev, MQTT_PUBLISH, topic, topic);
    TH_SET(&ev, MQTT_PUBLISH, payload_len, size > head ? size - head : 0);
    TH_SET_REPEATS(&ev, MQTT_PUBLISH, due);
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
}

/* granted: -1 when the broker did not answer, or says nothing. */
static void tell_subscription(struct th_conn *c, struct state *s, struct subscription *u, bool ack,
    int granted, int64_t time_ns)
{
    struct th_ev_mqtt_subscribe ev = {0};
    struct th_str topics[MAX_TOPICS];
    u->used = false;
    if (th_repeat_full(c, &s->repeat, time_ns))
        return;
    for (unsigned i = 0; i < u->count; i++)
        topics[i] = th_text_get(&u->topic[i]);
    TH_CONN_ID(&ev, MQTT_SUBSCRIBE, c, u->time_ns);
    TH_SET(
        &ev, MQTT_SUBSCRIBE, action, th_str_c(u->remove ? "MQTT::UNSUBSCRIBE" : "MQTT::SUBSCRIBE"));
    TH_SET(&ev, MQTT_SUBSCRIBE, topics, (struct th_strs){topics, u->count});
    if (granted >= 0)
        TH_SET(&ev, MQTT_SUBSCRIBE, granted_qos_level, (uint64_t)granted);
    TH_SET(&ev, MQTT_SUBSCRIBE, ack, ack);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, u->time_ns));
}

static void on_subscribe(
    struct th_conn *c, struct state *s, int64_t time_ns, bool remove, struct th_cur *m)
{
    struct subscription **at = &s->pending[s->next++ % MAX_PENDING];
    if (!*at)
        *at = th_xcalloc(1, sizeof(**at));
    struct subscription *u = *at;
    if (u->used)
        tell_subscription(c, s, u, false, -1, u->time_ns);
    *u = (struct subscription){
        .used = true, .remove = remove, .id = th_cur_be16(m), .time_ns = time_ns};
    skip_properties(s, m);
    while (th_cur_left(m) && u->count < MAX_TOPICS) {
        struct th_str topic = field(m);
        if (!remove)
            th_cur_skip(m, 1);
        if (!m->failed)
            th_text_set_field(&u->topic[u->count++], topic);
    }
}

static void on_subscribed(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    uint16_t id = th_cur_be16(m);
    skip_properties(s, m);
    int granted = th_cur_left(m) ? th_cur_u8(m) : -1;
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct subscription *u = s->pending[i];
        if (u && u->used && u->id == id) {
            tell_subscription(c, s, u, true, u->remove ? -1 : granted, time_ns);
            return;
        }
    }
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    unsigned first = th_cur_u8(&msg);
    uint32_t size = varint(&msg);
    if (!s->connected && !(first >> 4 == CONNECT && ch->from_client))
        return TH_FRAME_BAIL;
    switch (first >> 4) {
    case CONNECT: on_connect(c, s, ch->time_ns, &msg); break;
    case CONNACK:
        th_cur_skip(&msg, 1);
        tell_connect(c, s, th_cur_left(&msg) ? th_cur_u8(&msg) : -1, ch->time_ns);
        break;
    case PUBLISH: on_publish(c, s, ch, first & 15, size, &msg); break;
    case SUBSCRIBE: on_subscribe(c, s, ch->time_ns, false, &msg); break;
    case UNSUBSCRIBE: on_subscribe(c, s, ch->time_ns, true, &msg); break;
    case SUBACK:
    case UNSUBACK: on_subscribed(c, s, ch->time_ns, &msg); break;
    default: break;
    }
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    tell_connect(c, s, -1, s->first_ns);
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct subscription *u = s->pending[(s->next + i) % MAX_PENDING];
        if (u && u->used)
            tell_subscription(c, s, u, false, -1, u->time_ns);
        free(u);
    }
}

static size_t held(const void *state)
{
    const struct state *s = state;
    size_t n = 0;
    for (unsigned i = 0; i < MAX_PENDING; i++)
        n += s->pending[i] ? sizeof(*s->pending[i]) : 0;
    return n;
}

const struct th_analyser th_mqtt_analyser = {
    .service = TH_SVC_MQTT,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
