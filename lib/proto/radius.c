/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RADIUS (RFC 2865, RFC 2866): requests and their answers by identifier, one `radius` event each.
 * Who came with which hardware address and was given which IP address is in them. Passwords are
 * passed over.
 */
#include "analysers.h"
#include "lines.h"

#define PENDING_MAX 16u    /* requests of a flow that wait for their answer */
#define EVENTS_MAX 100000u /* of a flow */
#define AUTHENTICATOR_BYTES 16u

enum code {
    CODE_REQUEST = 1,
    CODE_ACCEPT = 2,
    CODE_REJECT = 3,
    CODE_ACCT_REQUEST = 4,
    CODE_ACCT_RESPONSE = 5,
    CODE_CHALLENGE = 11
};

enum attribute {
    AT_USER_NAME = 1,
    AT_NAS_IP = 4,
    AT_FRAMED_IP = 8,
    AT_REPLY_MESSAGE = 18,
    AT_CALLING_STATION = 31,
    AT_ACCT_STATUS = 40,
    AT_TUNNEL_CLIENT = 66,
    AT_CONNECT_INFO = 77
};

struct request {
    bool used, has_framed, has_nas;
    uint8_t id, code, acct_status;
    uint8_t authenticator[AUTHENTICATOR_BYTES];
    int64_t time_ns;
    struct th_addr framed, nas;
    struct th_text user, mac, tunnel, info, reply;
};

struct state {
    struct request *pending; /* PENDING_MAX of them */
    unsigned next;
    uint32_t events;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    static const uint16_t ports[] = {1812, 1813, 1645, 1646, 3799};
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    /* RFC 2865 3: what lies behind the length is padding. */
    bool yes = in->len >= 20 && th_probe_at(in, 0) && th_probe_at(in, 0) <= 45 && len >= 20 &&
        len <= in->wire_len;
    for (size_t i = 0; yes && i < TH_ARRAY_LEN(ports); i++)
        if (th_probe_on_port(in, ports[i]))
            return th_probe_by_port(in, yes, ports[i]);
    return TH_PROBE_NO;
}

static bool address(struct th_str v, struct th_addr *ret)
{
    if (v.len == 4)
        *ret = th_addr_v4((const uint8_t *)v.p);
    return v.len == 4;
}

static void attribute(struct request *r, unsigned type, struct th_str v)
{
    switch (type) {
    case AT_USER_NAME: th_text_set(&r->user, v); break;
    case AT_NAS_IP: r->has_nas = address(v, &r->nas); break;
    case AT_FRAMED_IP: r->has_framed = address(v, &r->framed); break;
    case AT_REPLY_MESSAGE: th_text_set(&r->reply, v); break;
    case AT_CALLING_STATION: th_text_set(&r->mac, v); break;
    case AT_ACCT_STATUS: r->acct_status = v.len == 4 ? (uint8_t)v.p[3] : 0; break;
    case AT_TUNNEL_CLIENT: /* a tag may come first (RFC 2868 3.3) */
        th_text_set(&r->tunnel, v.len && (uint8_t)v.p[0] < 0x20 ? th_str_n(v.p + 1, v.len - 1) : v);
        break;
    case AT_CONNECT_INFO: th_text_set(&r->info, v); break;
    default: break;
    }
}

static void attributes(struct request *r, struct th_cur *c)
{
    while (th_cur_left(c) >= 2) {
        unsigned type = th_cur_u8(c), len = th_cur_u8(c);
        if (len < 2)
            return;
        struct th_str v = th_cur_bytes(c, len - 2);
        if (!c->failed)
            attribute(r, type, v);
    }
}

static struct th_str status_name(unsigned status)
{
    static const char *const names[] = {"", "Start", "Stop", "Interim-Update"};
    return th_str_c(status < TH_ARRAY_LEN(names) ? names[status] : "");
}

static void emit(
    struct th_conn *c, struct state *s, struct request *r, unsigned code, int64_t time_ns)
{
    struct th_ev_radius ev = {0};
    r->used = false;
    if (s->events++ >= EVENTS_MAX)
        return;
    TH_CONN_ID(&ev, RADIUS, c, r->time_ns);
    TH_SET_TEXT(&ev, RADIUS, username, th_text_get(&r->user));
    TH_SET_TEXT(&ev, RADIUS, mac, th_text_get(&r->mac));
    if (r->has_framed)
        TH_SET(&ev, RADIUS, framed_addr, r->framed);
    TH_SET_TEXT(&ev, RADIUS, tunnel_client, th_text_get(&r->tunnel));
    TH_SET_TEXT(&ev, RADIUS, connect_info, th_text_get(&r->info));
    TH_SET_TEXT(&ev, RADIUS, reply_msg, th_text_get(&r->reply));
    if (r->code == CODE_REQUEST)
        TH_SET(&ev, RADIUS, result,
            th_str_c(code == CODE_ACCEPT  ? "success"
                    : code == CODE_REJECT ? "failed"
                                          : "unknown"));
    if (code)
        TH_SET(&ev, RADIUS, ttl, TH_MAX(time_ns - r->time_ns, 0));
    TH_SET_TEXT(&ev, RADIUS, acct_status, status_name(r->acct_status));
    if (r->has_nas)
        TH_SET(&ev, RADIUS, nas_addr, r->nas);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, r->time_ns));
}

static struct request *find(struct state *s, unsigned id)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (s->pending[i].used && s->pending[i].id == id)
            return &s->pending[i];
    return NULL;
}

/* The same number again is the same request when its authenticator is, too (RFC 2865 3); with 256
 * numbers one that was never answered comes again soon. */
static void on_request(struct th_conn *c, struct state *s, unsigned code, unsigned id,
    struct th_str authenticator, struct th_cur *cur, int64_t time_ns)
{
    struct request *r = find(s, id);
    if (r && r->code == code && memcmp(r->authenticator, authenticator.p, AUTHENTICATOR_BYTES) == 0)
        return; /* sent again */
    if (!r)
        r = &s->pending[s->next++ % PENDING_MAX];
    if (r->used)
        emit(c, s, r, 0, time_ns);
    *r = (struct request){
        .used = true, .id = (uint8_t)id, .code = (uint8_t)code, .time_ns = time_ns};
    memcpy(r->authenticator, authenticator.p, AUTHENTICATOR_BYTES);
    attributes(r, cur);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    unsigned code = th_cur_u8(&cur), id = th_cur_u8(&cur);
    size_t len = th_cur_be16(&cur);
    struct th_str authenticator = th_cur_bytes(&cur, AUTHENTICATOR_BYTES);
    if (cur.failed || len < 20)
        return TH_GO_ON;
    struct th_cur body = th_cur_sub(&cur, TH_MIN(len - 20, th_cur_left(&cur)));
    th_conn_service(c, TH_SVC_RADIUS);
    if (!s->pending)
        s->pending = th_xcalloc(PENDING_MAX, sizeof(*s->pending));
    if (code == CODE_REQUEST || code == CODE_ACCT_REQUEST) {
        on_request(c, s, code, id, authenticator, &body, ch->time_ns);
        return TH_GO_ON;
    }
    struct request *r = find(s, id);
    bool answers = code == CODE_ACCEPT || code == CODE_REJECT || code == CODE_ACCT_RESPONSE ||
        code == CODE_CHALLENGE;
    if (r && answers) {
        attributes(r, &body);
        if (code == CODE_CHALLENGE) /* the next request goes on with it */
            r->used = false;
        else
            emit(c, s, r, code, ch->time_ns);
    }
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    for (unsigned i = 0; s->pending && i < PENDING_MAX; i++)
        if (s->pending[i].used)
            emit(c, s, &s->pending[i], 0, time_ns);
    free(s->pending);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->pending ? PENDING_MAX * sizeof(*s->pending) : 0;
}

const struct th_analyser th_radius_analyser = {
    .service = TH_SVC_RADIUS,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
