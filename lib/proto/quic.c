/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC versions 1 and 2 and their late drafts (RFC 9000, RFC 9001, RFC 9369): Initial packets are
 * opened with the keys that their connection id gives, their CRYPTO frames put in order, and the
 * hellos in them read as TLS reads its own. One `quic` event a connection, and an `ssl` event like
 * that of any other handshake. Google's versions before the standard are only recognised.
 */
#include "analysers.h"
#include "pieces.h"
#include "tls_session.h"

#include "crypto/hash.h"
#include "crypto/quic.h"

#define CRYPTO_MAX_BYTES 16384u /* of a side's handshake */
#define DATAGRAMS_MAX 24u       /* of a direction, then it is enough */
#define FRAMES_MAX 256u         /* in a packet that are no padding */
#define KEYS_MAX 6u             /* times that keys are derived */
#define HISTORY_MAX 24u

enum { CLIENT = TH_TLS_CLIENT, SERVER = TH_TLS_SERVER };
enum packet { PKT_INITIAL, PKT_0RTT, PKT_HANDSHAKE, PKT_RETRY };

struct cid {
    uint8_t len;
    bool known;
    uint8_t b[TH_QUIC_CID_MAX];
};

struct side {
    struct th_pieces crypto;
    struct th_quic_keys keys;
    struct cid scid;
    uint32_t used; /* bytes of whole messages in `crypto` */
    uint8_t datagrams;
    bool hello_over; /* nothing more is looked for in its CRYPTO frames */
};

struct state {
    struct side side[2];
    struct th_tls_session session;
    uint32_t version, keys_version;
    struct cid first_dcid, keys_dcid;
    uint8_t keys_derived;
    bool keyed, opened, got_further, retried;
    uint8_t history_len;
    char history[HISTORY_MAX];
};

struct header {
    uint8_t first;
    uint32_t version;
    struct th_str dcid, scid;
    enum packet type;
    size_t pn_at;      /* from the packet's begin */
    struct th_str all; /* the packet */
};

/* RFC 9000 17.2, RFC 9369, the drafts, and Google's. */
static bool known_version(uint32_t v)
{
    return v == TH_QUIC_V1 || v == TH_QUIC_V2 || v >> 8 == 0xff0000 || v >> 8 == 0x513034 ||
        v >> 8 == 0x513035 || v >> 8 == 0x543035;
}

/* Google's public header: flags, 8 bytes of connection id, version. */
static bool is_old_google(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    unsigned flags = th_cur_u8(&c);
    th_cur_skip(&c, 8);
    uint32_t version = th_cur_be32(&c) >> 8;
    return in->len >= 30 && (flags & 0x89) == 0x09 &&
        (version == 0x513032 || version == 0x513033 || version == 0x513034);
}

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    bool is_long = in->len >= 20 && (th_cur_u8(&c) & 0xc0) == 0xc0 &&
        known_version(th_cur_be32(&c)) && th_cur_u8(&c) <= TH_QUIC_CID_MAX;
    if (!is_long && !is_old_google(in))
        return TH_PROBE_NO;
    return in->src == 443 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* RFC 9000 16 */
static uint64_t varint(struct th_cur *c)
{
    uint64_t v = th_cur_u8(c);
    unsigned more = (1u << (v >> 6)) - 1;
    for (v &= 0x3f; more; more--)
        v = v << 8 | th_cur_u8(c);
    return v;
}

static void history(struct state *s, int who, char letter)
{
    if (who == CLIENT)
        letter = (char)(letter - 32);
    if (s->history_len == HISTORY_MAX ||
        (s->history_len && s->history[s->history_len - 1] == letter))
        return;
    s->history[s->history_len++] = letter;
}

static void set_cid(struct cid *c, struct th_str s)
{
    c->len = (uint8_t)TH_MIN(s.len, TH_QUIC_CID_MAX);
    c->known = true;
    memcpy(c->b, s.p, c->len);
}

static struct th_str cid_view(const struct cid *c)
{
    return th_str_n(c->b, c->len);
}

static bool derive(struct state *s, uint32_t version, struct th_str dcid)
{
    if (s->keys_derived == KEYS_MAX)
        return false;
    s->keys_derived++;
    if (!th_quic_initial_keys(version, dcid, &s->side[CLIENT].keys, &s->side[SERVER].keys))
        return false;
    s->keyed = true;
    s->keys_version = version;
    set_cid(&s->keys_dcid, dcid);
    return true;
}

/* RFC 9000 19: those that an Initial may hold. False: the rest is not understood. */
static bool frame(struct state *s, int who, struct th_cur *c)
{
    struct side *sd = &s->side[who];
    uint64_t type = varint(c);
    switch (type) {
    case 0x01: return true;
    case 0x02:
    case 0x03: {
        varint(c);
        varint(c);
        uint64_t ranges = varint(c);
        varint(c);
        for (uint64_t i = 0; i < ranges && !c->failed; i++) {
            varint(c);
            varint(c);
        }
        for (unsigned i = 0; type == 0x03 && i < 3; i++)
            varint(c);
        return !c->failed;
    }
    case 0x06: {
        uint64_t offset = varint(c), len = varint(c);
        if (len > th_cur_left(c))
            return false;
        struct th_str data = th_cur_bytes(c, (size_t)len);
        return sd->hello_over ||
            th_pieces_put(&sd->crypto, offset, data.p, data.len, CRYPTO_MAX_BYTES);
    }
    case 0x1c: history(s, who, 'c'); return false;
    default: return false;
    }
}

static void frames(struct state *s, int who, struct th_str content)
{
    struct th_cur c = th_cur_init(content.p, content.len);
    for (unsigned n = 0; n < FRAMES_MAX; n++) {
        while (th_cur_left(&c) && !th_cur_peek(&c, 0)) /* padding */
            c.p++;
        if (!th_cur_left(&c) || !frame(s, who, &c))
            return;
    }
}

/* The hello as soon as it is whole. */
static void messages(struct th_conn *c, struct state *s, int who, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    while (!sd->hello_over) {
        struct th_cur cur =
            th_cur_init(sd->crypto.p + sd->used, th_pieces_ready(&sd->crypto) - sd->used);
        unsigned type = th_cur_u8(&cur);
        size_t n = th_cur_be24(&cur);
        if (cur.failed || (n > th_cur_left(&cur) && n <= CRYPTO_MAX_BYTES))
            return;
        struct th_cur body = th_cur_sub(&cur, n);
        sd->used += (uint32_t)(4 + n);
        if (cur.failed || th_tls_message(c, &s->session, who, type, &body, time_ns) != TH_GO_ON)
            sd->hello_over = true;
        else if (type == TH_TLS_CLIENT_HELLO || type == TH_TLS_SERVER_HELLO)
            sd->hello_over =
                who == CLIENT || s->session.have_server; /* not after a retry request */
        if (sd->hello_over)
            history(s, who, 's');
    }
    th_pieces_done(&sd->crypto);
}

/* A server may answer a version 1 in version 2 (RFC 9369 4.1); after a Retry the connection id is
 * another one. */
static bool open_initial(
    struct th_conn *c, struct state *s, int who, const struct header *h, struct th_str *ret_content)
{
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        struct th_str dcid = who == CLIENT && attempt ? h->dcid : cid_view(&s->keys_dcid);
        bool other = h->version != s->keys_version || !th_str_eq(dcid, cid_view(&s->keys_dcid));
        if ((!s->keyed || other) && !derive(s, h->version, s->keyed ? dcid : h->dcid))
            return false;
        if (attempt && !other)
            return false;
        uint8_t *copy = th_arena_alloc(&c->pr->scratch, h->all.len);
        if (!copy)
            return false;
        memcpy(copy, h->all.p, h->all.len);
        if (th_quic_open(&s->side[who].keys, copy, h->all.len, h->pn_at, ret_content))
            return true;
    }
    return false;
}

static void initial(
    struct th_conn *c, struct state *s, int who, const struct header *h, int64_t time_ns)
{
    struct th_str content;
    history(s, who, 'i');
    /* Without the client's first packet there are no keys. */
    if (s->side[who].hello_over || (who == SERVER && !s->keyed) ||
        !open_initial(c, s, who, h, &content))
        return;
    s->opened = true;
    s->version = h->version;
    frames(s, who, content);
    messages(c, s, who, time_ns);
}

static enum packet type_of(uint32_t version, uint8_t first)
{
    unsigned bits = first >> 4 & 3u;
    return (enum packet)(version == TH_QUIC_V2 ? (bits + 3) & 3u : bits);
}

/* A long header up to the packet number; the cursor goes behind the packet. */
static bool header(struct th_cur *c, struct header *h)
{
    const uint8_t *begin = c->p;
    h->first = th_cur_u8(c);
    h->version = th_cur_be32(c);
    size_t dcid_len = th_cur_u8(c);
    h->dcid = th_cur_bytes(c, dcid_len);
    size_t scid_len = th_cur_u8(c);
    h->scid = th_cur_bytes(c, scid_len);
    if (c->failed || dcid_len > TH_QUIC_CID_MAX || scid_len > TH_QUIC_CID_MAX)
        return false;
    h->type = type_of(h->version, h->first);
    if (!h->version || h->type == PKT_RETRY) {
        th_cur_skip(c, th_cur_left(c));
        return true;
    }
    if (h->type == PKT_INITIAL) {
        uint64_t token = varint(c);
        if (token > th_cur_left(c))
            return false;
        th_cur_skip(c, (size_t)token);
    }
    uint64_t len = varint(c);
    if (c->failed || len > th_cur_left(c))
        return false;
    h->pn_at = (size_t)(c->p - begin);
    th_cur_skip(c, (size_t)len);
    h->all = th_str_n(begin, (size_t)(c->p - begin));
    return true;
}

static void packet(
    struct th_conn *c, struct state *s, int who, const struct header *h, int64_t time_ns)
{
    if (!s->version && h->version)
        s->version = h->version;
    if (who == CLIENT && !s->first_dcid.known)
        set_cid(&s->first_dcid, h->dcid);
    if (!h->version) {
        history(s, who, 'v');
        return;
    }
    if (h->type == PKT_RETRY) {
        history(s, who, 'r');
        if (who == SERVER && !s->retried) /* the client obeys the first (RFC 9000 17.2.5.2) */
            s->retried = derive(s, h->version, h->scid);
        return;
    }
    if (!s->side[who].scid.known)
        set_cid(&s->side[who].scid, h->scid);
    switch (h->type) {
    case PKT_INITIAL: initial(c, s, who, h, time_ns); break;
    case PKT_0RTT: history(s, who, 'z'); break;
    default:
        history(s, who, 'h');
        s->got_further = s->got_further || who == CLIENT;
        break;
    }
}

static void packets(
    struct th_conn *c, struct state *s, int who, struct th_cur *cur, int64_t time_ns)
{
    while (th_cur_left(cur)) {
        struct header h = {0};
        if (!(th_cur_peek(cur, 0) & 0x80)) { /* 1-RTT: takes the rest of the datagram */
            s->got_further = s->got_further || who == CLIENT;
            return;
        }
        if (!header(cur, &h))
            return;
        packet(c, s, who, &h, time_ns);
    }
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    if (!s->session.first_ns) {
        s->session.first_ns = ch->time_ns;
        s->session.transport = 'q';
    }
    s->session.last_ns = ch->time_ns;
    th_conn_service(c, TH_SVC_QUIC);
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    packets(c, s, who, &cur, ch->time_ns);
    bool over = ++s->side[who].datagrams == DATAGRAMS_MAX;
    /* The client is heard until it shows that the handshake went on. */
    bool enough = who == SERVER ? s->session.have_server : s->session.have_client && s->got_further;
    return over || enough ? TH_DONE_DIR : TH_GO_ON;
}

static struct th_str version_text(struct th_arena *a, uint32_t v)
{
    if (v == TH_QUIC_V1)
        return th_str_c("1");
    if (v == TH_QUIC_V2)
        return th_str_c("quicv2");
    if (v >> 8 == 0xff0000)
        return th_arena_printf(a, "draft-%u", v & 0xff);
    const char name[] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    for (size_t i = 0; i < sizeof(name); i++)
        if (name[i] < '!' || name[i] > '~')
            return th_arena_printf(a, "0x%08x", v);
    return th_arena_printf(a, "%.4s", name);
}

static struct th_str cid_text(struct th_arena *a, const struct cid *c)
{
    char hex[2 * TH_QUIC_CID_MAX + 1];
    th_hex(c->b, c->len, hex);
    return th_arena_str(a, th_str_c(hex));
}

static void emit(struct th_conn *c, const struct state *s)
{
    struct th_ev_quic ev = {0};
    struct th_arena *a = &c->pr->scratch;
    const struct th_tls_session *t = &s->session;
    TH_CONN_ID(&ev, QUIC, c, t->first_ns);
    TH_SET(&ev, QUIC, version, version_text(a, s->version));
    if (s->first_dcid.known)
        TH_SET(&ev, QUIC, client_initial_dcid, cid_text(a, &s->first_dcid));
    TH_SET_TEXT(&ev, QUIC, client_scid, cid_text(a, &s->side[CLIENT].scid));
    TH_SET_TEXT(&ev, QUIC, server_scid, cid_text(a, &s->side[SERVER].scid));
    TH_SET_TEXT(&ev, QUIC, server_name, th_tls_text_view(&t->sni));
    if (t->alpn_count)
        TH_SET(&ev, QUIC, client_protocol, th_str_n(t->alpn.p, t->alpn_len[0]));
    TH_SET_TEXT(&ev, QUIC, history, th_str_n(s->history, s->history_len));
    TH_SET_TEXT(&ev, QUIC, ja4, th_str_c(t->ja4));
    TH_SET(&ev, QUIC, opened, s->opened);
    th_proto_emit(c->pr, &ev.h, TH_MAX(t->last_ns, t->first_ns));
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    if (s->version) {
        emit(c, s);
        th_tls_emit(c, &s->session, s->session.have_server && s->got_further);
    }
    th_tls_session_done(&s->session);
    for (int i = 0; i < 2; i++)
        th_pieces_done(&s->side[i].crypto);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->side[0].crypto.cap + s->side[1].crypto.cap + th_tls_session_held(&s->session);
}

const struct th_analyser th_quic_analyser = {
    .service = TH_SVC_QUIC,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
