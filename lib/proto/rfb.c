/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFB, the protocol of VNC (RFC 6143): versions, how the client authenticates and whether that
 * went well, and what the server calls its desktop. After the handshake nothing is read.
 */
#include "analysers.h"

#include "login.h"

#define LOOK_BYTES 512u
#define VERSION_BYTES 12u

enum { SEC_INVALID, SEC_NONE, SEC_VNC };
enum step { VERSIONS, SECURITY, CHALLENGE, RESULT, INIT };

struct state {
    struct th_hold hold[2];
    enum step step;
    bool has_version[2], has_auth, auth, has_init, shared, answered;
    uint8_t minor;
    uint32_t method;
    uint16_t width, height;
    int64_t first_ns, last_ns, chosen_ns;
    char version[2][VERSION_BYTES]; /* client, server */
    struct th_text desktop;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    bool yes = in->len >= VERSION_BYTES && memcmp(in->p, "RFB 00", 6) == 0 &&
        th_probe_at(in, 7) == '.' && th_probe_at(in, 11) == '\n';
    return yes ? TH_PROBE_SERVER : TH_PROBE_NO;
}

static const char *method_name(uint32_t method)
{
    static const struct th_named names[] = {{SEC_INVALID, "Invalid"}, {SEC_NONE, "None"},
        {SEC_VNC, "VNC"}, {5, "RA2"}, {6, "RA2ne"}, {16, "Tight"}, {17, "Ultra"}, {18, "TLS"},
        {19, "VeNCrypt"}, {20, "SASL"}, {21, "MD5"}, {22, "xvp"}, {30, "Apple Remote Desktop"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].number == method)
            return names[i].name;
    return "unknown";
}

/* "003" and "008" of "RFB 003.008\n". */
static bool read_version(struct state *s, int who, struct th_cur *c)
{
    struct th_str text = th_cur_bytes(c, VERSION_BYTES);
    if (c->failed)
        return false;
    memcpy(s->version[who], text.p, VERSION_BYTES);
    s->has_version[who] = true;
    uint64_t minor = 0;
    if (th_str_u64(th_str_n(text.p + 8, 3), &minor) && who == 0)
        s->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    return true;
}

static void chosen(struct state *s, uint32_t method)
{
    s->method = method;
    s->chosen_ns = s->last_ns;
    s->answered = true;
    /* Before 3.8 nothing is said of an authentication that was not asked for. */
    s->step = method == SEC_NONE ? (s->minor == 8 ? RESULT : INIT) : CHALLENGE;
    if (method == SEC_NONE && s->minor < 8)
        s->has_auth = s->auth = true;
}

/* A challenge of 16 bytes and its answer are passed over; other methods are not followed. */
static enum th_verdict from_server(struct state *s, struct th_cur *c, bool *ret_more)
{
    *ret_more = false;
    switch (s->step) {
    case VERSIONS: return TH_GO_ON;
    case SECURITY: {
        if (s->minor == 3) {
            uint32_t method = th_cur_be32(c);
            if (!c->failed)
                chosen(s, method);
            return !c->failed && method == SEC_INVALID ? TH_DONE : TH_GO_ON;
        }
        unsigned n = th_cur_u8(c);
        if (c->failed)
            return TH_GO_ON;
        s->answered = true;
        th_cur_skip(c, n);
        return n ? TH_GO_ON : TH_DONE;
    }
    case CHALLENGE:
        if (s->method != SEC_VNC)
            return TH_DONE;
        th_cur_skip(c, 16);
        if (!c->failed)
            s->step = RESULT;
        return TH_GO_ON;
    case RESULT: {
        uint32_t result = th_cur_be32(c);
        if (c->failed)
            return TH_GO_ON;
        s->has_auth = true;
        s->auth = result == 0;
        s->step = INIT;
        *ret_more = true;
        return s->auth ? TH_GO_ON : TH_DONE;
    }
    case INIT: {
        s->width = th_cur_be16(c);
        s->height = th_cur_be16(c);
        th_cur_skip(c, 16);
        size_t name_len = th_cur_be32(c);
        th_text_set_field(&s->desktop, th_cur_bytes(c, TH_MIN(name_len, 128u)));
        s->has_init = !c->failed;
        return c->failed ? TH_GO_ON : TH_DONE;
    }
    }
    return TH_DONE;
}

static void from_client(struct state *s, struct th_cur *c)
{
    if (!s->has_version[0]) {
        if (read_version(s, 0, c))
            s->step = SECURITY;
        return;
    }
    if (s->step == SECURITY && s->minor >= 7) {
        unsigned method = th_cur_u8(c);
        if (!c->failed)
            chosen(s, method);
    } else if (s->step == INIT) {
        s->shared = th_cur_u8(c) != 0;
    } else {
        th_cur_skip(c, th_cur_left(c)); /* an answer to the challenge */
    }
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_hold *h = &s->hold[ch->dir];
    bool ok, more = true;
    enum th_verdict v = TH_GO_ON;
    if (!s->first_ns)
        s->first_ns = ch->time_ns;
    s->last_ns = ch->time_ns;
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, LOOK_BYTES + ch->len, &ok);
    if (!ch->from_client && !s->has_version[1]) {
        if (!read_version(s, 1, &cur))
            cur.failed = false;
        else if (memcmp(s->version[1], "RFB ", 4) != 0)
            return TH_BAIL;
        else
            th_conn_service(c, TH_SVC_RFB);
    }
    while (v == TH_GO_ON && more && th_cur_left(&cur) && s->has_version[1]) {
        struct th_cur at = cur;
        more = false;
        if (ch->from_client)
            from_client(s, &at);
        else
            v = from_server(s, &at, &more);
        if (at.failed)
            break;
        more = more || at.p != cur.p;
        cur = at;
    }
    if (v != TH_GO_ON)
        return v;
    return th_hold_keep(h, &cur, LOOK_BYTES) ? TH_GO_ON : TH_DONE;
}

static struct th_str part(const struct state *s, int who, size_t at)
{
    return th_str_n(s->version[who] + at, 3);
}

static void emit(struct th_conn *c, struct state *s)
{
    struct th_ev_rfb ev = {0};
    TH_CONN_ID(&ev, RFB, c, s->first_ns);
    if (s->has_version[0]) {
        TH_SET(&ev, RFB, client_major_version, part(s, 0, 4));
        TH_SET(&ev, RFB, client_minor_version, part(s, 0, 8));
    }
    TH_SET(&ev, RFB, server_major_version, part(s, 1, 4));
    TH_SET(&ev, RFB, server_minor_version, part(s, 1, 8));
    if (s->answered)
        TH_SET(&ev, RFB, authentication_method, th_str_c(method_name(s->method)));
    if (s->has_auth)
        TH_SET(&ev, RFB, auth, s->auth);
    if (s->has_init) {
        TH_SET(&ev, RFB, share_flag, s->shared);
        TH_SET_TEXT(&ev, RFB, desktop_name, th_text_get(&s->desktop));
        TH_SET(&ev, RFB, width, s->width);
        TH_SET(&ev, RFB, height, s->height);
    }
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
}

/* A challenge and its answer say nothing of who; other methods are not followed. */
static void tell_login(struct th_conn *c, struct state *s)
{
    struct th_login l = {0};
    if (s->method != SEC_VNC)
        return;
    th_login_begin(&l, th_str_c(method_name(s->method)), false, s->chosen_ns);
    th_login_end(c, &l, TH_SVC_RFB, th_login_result_of(s->has_auth ? s->auth : -1), s->last_ns);
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    if (s->has_version[1])
        emit(c, s);
    tell_login(c, s);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->hold[0].cap + s->hold[1].cap;
}

const struct th_analyser th_rfb_analyser = {
    .service = TH_SVC_RFB,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
