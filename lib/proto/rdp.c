/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDP (MS-RDPBCGR 2.2.1.1): the connection request with its cookie, and which
 * protection was chosen. With TLS the stream is handed on.
 */
#include "analysers.h"

#include "framing.h"

#define REQUEST_MAX_BYTES 1024u
#define COOKIE_MAX 127u

enum { X224_REQUEST = 0xe0, X224_CONFIRM = 0xd0 };

struct state {
    struct th_frames frames;
    int64_t first_ns, last_ns;
    bool requested, confirmed, failed;
    uint32_t protocol;
    uint8_t cookie_len;
    char cookie[COOKIE_MAX];
};

/* TPKT (RFC 1006) with an X.224 connection request; on port 102 it is something else. */
static enum th_probe probe(const struct th_probe_in *in)
{
    if (th_probe_at(in, 0) != 3 || in->dst == 102 || in->src == 102)
        return TH_PROBE_NO;
    if (in->len < 11)
        return in->dst == 3389 ? TH_PROBE_MORE : TH_PROBE_NO;
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    if (th_probe_at(in, 1) || len > REQUEST_MAX_BYTES || th_probe_at(in, 5) != X224_REQUEST ||
        th_probe_at(in, 6) || th_probe_at(in, 7))
        return TH_PROBE_NO;
    if (in->len != len || th_probe_at(in, 4) + 5u > len)
        return in->len < len ? TH_PROBE_MORE : TH_PROBE_NO;
    bool named = memmem(in->p + 11, in->len - 11, "Cookie: mstshash=", 17) != NULL;
    bool negotiates =
        in->len >= 19 && th_probe_at(in, in->len - 8) == 1 && th_probe_at(in, in->len - 6) == 8;
    return named || negotiates || in->dst == 3389 ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static void on_request(struct state *s, struct th_cur *c)
{
    static const char word[] = "Cookie: mstshash=";
    size_t left = th_cur_left(c);
    const uint8_t *at = left ? memmem(c->p, left, word, sizeof(word) - 1) : NULL;
    s->requested = true;
    if (!at)
        return;
    at += sizeof(word) - 1;
    struct th_str name = th_str_n(at, (size_t)(c->end - at));
    name = th_str_trim(th_str_split(&name, '\r'));
    s->cookie_len = (uint8_t)TH_MIN(name.len, COOKIE_MAX);
    memcpy(s->cookie, name.p, s->cookie_len);
}

static void on_confirm(struct state *s, struct th_cur *c)
{
    s->confirmed = true;
    unsigned type = th_cur_u8(c);
    th_cur_skip(c, 3);
    s->failed = type == 3;
    s->protocol = th_cur_le32(c);
    if (c->failed)
        s->protocol = 0;
}

static void emit(struct th_conn *c, struct state *s)
{
    static const char *const names[] = {
        "RDP", "SSL", "HYBRID", NULL, "RDSTLS", NULL, NULL, NULL, "HYBRID_EX"};
    struct th_ev_rdp ev = {0};
    if (!s->requested)
        return;
    TH_CONN_ID(&ev, RDP, c, s->first_ns);
    TH_SET_TEXT(&ev, RDP, cookie, th_str_n(s->cookie, s->cookie_len));
    if (s->confirmed && s->failed)
        TH_SET(&ev, RDP, result, th_str_c("failed"));
    else if (s->confirmed && s->protocol)
        TH_SET(&ev, RDP, result, th_str_c("encrypted"));
    if (s->confirmed && !s->failed && s->protocol < TH_ARRAY_LEN(names) && names[s->protocol])
        TH_SET(&ev, RDP, security_protocol, th_str_c(names[s->protocol]));
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    s->requested = false;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    unsigned version = th_cur_u8(&c);
    th_cur_skip(&c, 1);
    unsigned len = th_cur_be16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return len < 11 || len > REQUEST_MAX_BYTES || version != 3 ? TH_FRAME_BAD : (int64_t)len;
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    th_cur_skip(&msg, 5);
    unsigned type = th_cur_u8(&msg);
    th_cur_skip(&msg, 5);
    if (!s->requested && !s->confirmed)
        s->first_ns = ch->time_ns;
    s->last_ns = ch->time_ns;
    th_conn_service(c, TH_SVC_RDP);
    if (type == X224_REQUEST && ch->from_client) {
        on_request(s, &msg);
        return TH_FRAME_GO_ON;
    }
    if (type != X224_CONFIRM || ch->from_client)
        return TH_FRAME_DONE;
    on_confirm(s, &msg);
    return s->protocol && !s->failed ? TH_FRAME_RESTART : TH_FRAME_DONE;
}

static const struct th_framing framing = {
    .look_bytes = REQUEST_MAX_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    emit(c, s);
}

const struct th_analyser th_rdp_analyser = {
    .service = TH_SVC_RDP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
