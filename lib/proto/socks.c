/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): where a proxy is asked to connect and what it answers is
 * one `socks` event; what then flows is looked at anew. A password is passed over.
 */
#include "analysers.h"
#include "framing.h"
#include "login.h"

#define STEP_MAX_BYTES 600u /* of one message */

enum step { STEP_METHODS, STEP_METHOD, STEP_LOGIN, STEP_LOGIN_ANSWER, STEP_REQUEST, STEP_ANSWER };

struct place {
    bool has_addr;
    struct th_addr addr;
    struct th_text name;
    uint16_t port;
};

struct state {
    struct th_hold hold[2];
    struct th_login login;
    struct th_text user;
    struct place asked, bound;
    int64_t first_ns;
    enum step step; /* what comes next */
    uint8_t version;
    bool has_request, answered;
    uint8_t answer;
};

/* Methods as they are in use: none, GSSAPI, a password, and the few others registered. */
static bool five(const struct th_probe_in *in)
{
    size_t n = th_probe_at(in, 1);
    bool yes = th_probe_at(in, 0) == 5 && n && n <= 9 && in->len == 2 + n;
    for (size_t i = 0; yes && i < n; i++)
        yes = th_probe_at(in, 2 + i) <= 9;
    return yes;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    bool four = th_probe_at(in, 0) == 4 && in->len >= 9 && in->dst == 1080 &&
        (th_probe_at(in, 1) == 1 || th_probe_at(in, 1) == 2) && th_probe_at(in, in->len - 1) == 0;
    return in->ip_proto == 6 && (four || five(in)) ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

/* RFC 1928 5: kind of address, address, port. */
static void place5(struct th_cur *c, struct place *ret)
{
    unsigned kind = th_cur_u8(c);
    struct th_str s = {.p = ""};
    if (kind == 3)
        s = th_cur_bytes(c, th_cur_u8(c));
    else if (kind == 1 || kind == 4)
        s = th_cur_bytes(c, kind == 1 ? 4 : 16);
    else
        th_cur_fail(c);
    ret->port = th_cur_be16(c);
    if (c->failed)
        return;
    ret->has_addr = kind != 3;
    if (kind == 3)
        th_text_set(&ret->name, s);
    else
        ret->addr = kind == 1 ? th_addr_v4((const uint8_t *)s.p) : th_addr_v6((const uint8_t *)s.p);
}

static struct th_str status_name(const struct state *s)
{
    static const char *const names[] = {"succeeded", "general SOCKS server failure",
        "connection not allowed by ruleset", "Network unreachable", "Host unreachable",
        "Connection refused", "TTL expired", "Command not supported", "Address type not supported"};
    static const char *const old[] = {"succeeded", "general SOCKS server failure",
        "request failed because client is not running identd",
        "request failed because client's identd could not confirm the user"};
    if (s->version == 4)
        return th_str_c(s->answer >= 90 && s->answer < 94 ? old[s->answer - 90] : "unknown");
    return th_str_c(s->answer < TH_ARRAY_LEN(names) ? names[s->answer] : "unknown");
}

static void emit(struct th_conn *c, const struct state *s, int64_t time_ns)
{
    struct th_ev_socks ev = {0};
    TH_CONN_ID(&ev, SOCKS, c, s->first_ns);
    TH_SET(&ev, SOCKS, version, s->version);
    TH_SET_TEXT(&ev, SOCKS, user, th_text_get(&s->user));
    if (s->answered) {
        TH_SET(&ev, SOCKS, status, status_name(s));
        if (s->bound.has_addr)
            TH_SET(&ev, SOCKS, bound_host, s->bound.addr);
        TH_SET_TEXT(&ev, SOCKS, bound_name, th_text_get(&s->bound.name));
        TH_SET(&ev, SOCKS, bound_p, s->bound.port);
    }
    if (s->asked.has_addr)
        TH_SET(&ev, SOCKS, request_host, s->asked.addr);
    TH_SET_TEXT(&ev, SOCKS, request_name, th_text_get(&s->asked.name));
    TH_SET(&ev, SOCKS, request_p, s->asked.port);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->first_ns));
}

static void request4(struct state *s, struct th_cur *c)
{
    th_cur_u8(c);
    s->asked.port = th_cur_be16(c);
    struct th_str addr = th_cur_bytes(c, 4);
    th_text_set(&s->user, th_cur_cstr(c));
    if (c->failed)
        return;
    const uint8_t *b = (const uint8_t *)addr.p;
    s->asked.has_addr = b[0] || b[1] || b[2] || !b[3];
    if (s->asked.has_addr)
        s->asked.addr = th_addr_v4(b);
    else
        th_text_set(&s->asked.name, th_cur_cstr(c)); /* 4a */
}

/* RFC 1929 2; the password is stepped over. */
static void password(struct state *s, struct th_cur *c, int64_t time_ns)
{
    unsigned version = th_cur_u8(c);
    struct th_str user = th_cur_bytes(c, th_cur_u8(c));
    th_cur_skip(c, th_cur_u8(c));
    if (c->failed || version != 1) {
        th_cur_fail(c);
        return;
    }
    th_text_set(&s->user, user);
    th_login_begin(&s->login, th_str_c("PASSWORD"), true, time_ns);
    s->login.user = s->user;
}

/* One message of the client out of the cursor, which fails when it is not whole. False: it is none.
 */
static bool client_step(struct state *s, struct th_cur *c, int64_t time_ns)
{
    switch (s->step) {
    case STEP_METHODS:
        s->version = th_cur_u8(c);
        if (s->version == 4) {
            request4(s, c);
            s->has_request = !c->failed;
            s->step = c->failed ? s->step : STEP_ANSWER;
            return true;
        }
        th_cur_skip(c, th_cur_u8(c));
        s->step = c->failed ? s->step : STEP_METHOD;
        return c->failed || s->version == 5;
    case STEP_LOGIN:
        password(s, c, time_ns);
        s->step = c->failed ? s->step : STEP_LOGIN_ANSWER;
        return true;
    case STEP_REQUEST: {
        unsigned version = th_cur_u8(c), command = th_cur_u8(c);
        th_cur_u8(c);
        place5(c, &s->asked);
        s->has_request = !c->failed;
        s->step = c->failed ? s->step : STEP_ANSWER;
        return c->failed || (version == 5 && command >= 1 && command <= 3);
    }
    default: return false; /* speaks out of turn */
    }
}

static bool server_step(struct th_conn *c, struct state *s, struct th_cur *cur, int64_t time_ns)
{
    switch (s->step) {
    case STEP_METHOD: {
        unsigned version = th_cur_u8(cur), method = th_cur_u8(cur);
        if (cur->failed)
            return true;
        s->step = method == 2 ? STEP_LOGIN : STEP_REQUEST;
        return version == 5 && (method == 0 || method == 2);
    }
    case STEP_LOGIN_ANSWER: {
        unsigned version = th_cur_u8(cur), status = th_cur_u8(cur);
        if (cur->failed)
            return true;
        th_login_end(c, &s->login, TH_SVC_SOCKS, status ? TH_LOGIN_FAILED : TH_LOGIN_OK, time_ns);
        s->step = STEP_REQUEST;
        return version == 1;
    }
    case STEP_ANSWER: {
        unsigned version = th_cur_u8(cur);
        uint8_t answer = th_cur_u8(cur);
        if (s->version == 4) {
            s->bound.port = th_cur_be16(cur);
            struct th_str addr = th_cur_bytes(cur, 4);
            s->bound.has_addr = !cur->failed;
            if (s->bound.has_addr)
                s->bound.addr = th_addr_v4((const uint8_t *)addr.p);
        } else {
            th_cur_u8(cur);
            place5(cur, &s->bound);
        }
        s->answered = !cur->failed;
        s->answer = answer;
        return cur->failed || version == (s->version == 4 ? 0 : 5);
    }
    default: return false;
    }
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_hold *h = &s->hold[ch->dir];
    bool ok;
    if (!s->first_ns)
        s->first_ns = ch->time_ns;
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, STEP_MAX_BYTES + ch->len, &ok);
    while (th_cur_left(&cur) && !s->answered) {
        struct th_cur at = cur;
        if (!(ch->from_client ? client_step(s, &at, ch->time_ns)
                              : server_step(c, s, &at, ch->time_ns)))
            return c->service_count ? TH_DONE : TH_BAIL;
        if (at.failed)
            break;
        cur = at;
        if (!ch->from_client)
            th_conn_service(c, TH_SVC_SOCKS);
    }
    if (s->answered) {
        /* The rest may lie in the held bytes: they must outlive this state. */
        struct th_hold held = *h;
        *h = (struct th_hold){0};
        struct th_chunk rest = *ch;
        rest.p = cur.p;
        rest.len = rest.wire_len = th_cur_left(&cur);
        enum th_verdict v = th_conn_restart(c, &rest);
        th_hold_done(&held);
        return v;
    }
    if (th_hold_keep(h, &cur, STEP_MAX_BYTES))
        return TH_GO_ON;
    return c->service_count ? TH_DONE : TH_BAIL;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_login_end(c, &s->login, TH_SVC_SOCKS, TH_LOGIN_UNKNOWN, time_ns);
    if (s->has_request)
        emit(c, s, time_ns);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->hold[0].cap + s->hold[1].cap;
}

const struct th_analyser th_socks_analyser = {
    .service = TH_SVC_SOCKS,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
