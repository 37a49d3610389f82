/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDP (MS-RDPBCGR 2.2.1.1): the connection request with its cookie, and which
 * protection was chosen. With TLS the stream is handed on.
 */
#include "analysers.h"

#define REQUEST_MAX_BYTES 1024u
#define COOKIE_MAX 127u

enum { X224_REQUEST = 0xe0, X224_CONFIRM = 0xd0 };

struct state {
    struct th_hold hold[2];
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

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    bool ok;
    struct th_hold *h = &s->hold[ch->dir];
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, REQUEST_MAX_BYTES + ch->len, &ok);
    struct th_cur at = cur;
    th_cur_skip(&at, 2);
    size_t len = th_cur_be16(&at);
    if (!at.failed && (len < 11 || len > REQUEST_MAX_BYTES || cur.p[0] != 3))
        return c->service_count ? TH_DONE : TH_BAIL;
    struct th_cur body = th_cur_sub(&at, len - 4);
    if (at.failed)
        return th_hold_keep(h, &cur, REQUEST_MAX_BYTES) ? TH_GO_ON : TH_BAIL;
    th_cur_skip(&body, 1);
    unsigned type = th_cur_u8(&body);
    th_cur_skip(&body, 5);
    if (!s->requested && !s->confirmed)
        s->first_ns = ch->time_ns;
    s->last_ns = ch->time_ns;
    th_conn_service(c, TH_SVC_RDP);
    bool request = type == X224_REQUEST && ch->from_client;
    bool confirm = type == X224_CONFIRM && !ch->from_client;
    if (request)
        on_request(s, &body);
    else if (confirm)
        on_confirm(s, &body);
    th_hold_done(h); /* the body lay in it */
    if (!confirm)
        return request ? TH_GO_ON : TH_DONE;
    if (!s->protocol || s->failed)
        return TH_DONE;
    struct th_chunk rest = *ch;
    rest.len = rest.wire_len = 0;
    return th_conn_restart(c, &rest);
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    emit(c, s);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

const struct th_analyser th_rdp_analyser = {
    .service = TH_SVC_RDP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
