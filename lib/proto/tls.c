/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.0 to 1.3 and SSL 3 over TCP (RFC 8446, RFC 5246): the handshake as far as it is
 * in the clear. Records are taken apart as they come; handshake messages are put
 * together across records. Once both sides are through, or one has given up, the `ssl` event is
 * made and nothing more is wanted. Certificates of TLS 1.2 and before become `x509` events.
 */
#include "analysers.h"
#include "tls_session.h"

#define RECORD_MAX_BYTES (16384u + 2048u)

enum record { REC_CCS = 20, REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23, REC_HEARTBEAT = 24 };

enum { CLIENT = TH_TLS_CLIENT, SERVER = TH_TLS_SERVER };

struct side {
    struct th_hold message; /* a handshake message in the making */
    uint8_t head[5];        /* a record's header in the making */
    uint8_t head_len;
    uint8_t type;
    uint32_t left;       /* of the record */
    uint8_t alert_len;   /* bytes of an alert seen */
    bool encrypted;      /* it changed its cipher */
    bool sent_encrypted; /* and sent something after that */
};

struct state {
    struct side side[2];
    struct th_tls_session session;
    bool started;
};

/* RFC 5246 E.2: two bytes of length with the top bit set, type, version, three lengths. */
static bool v2_hello(const uint8_t *p, size_t len)
{
    if (len < 11 || !(p[0] & 0x80) || p[2] != 1 || !((p[3] == 3 && p[4] <= 3) || p[3] == 0))
        return false;
    size_t total = (size_t)(p[0] & 0x7f) << 8 | p[1];
    size_t ciphers = (size_t)p[5] << 8 | p[6], id = (size_t)p[7] << 8 | p[8];
    size_t random = (size_t)p[9] << 8 | p[10];
    return (p[3] == 3 || p[4] == 2) && ciphers && ciphers % 3 == 0 && (id == 0 || id == 16) &&
        random >= 16 && random <= 32 && total == 9 + ciphers + id + random;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (v2_hello(in->p, in->len))
        return TH_PROBE_CLIENT;
    if (th_probe_at(in, 0) != REC_HANDSHAKE || (in->len > 1 && th_probe_at(in, 1) != 3) ||
        (in->len > 2 && th_probe_at(in, 2) > 4))
        return in->len < 11 && th_probe_at(in, 0) & 0x80 && in->dst == 443 ? TH_PROBE_MORE
                                                                           : TH_PROBE_NO;
    if (in->len < 6)
        return TH_PROBE_MORE;
    size_t record = (size_t)th_probe_at(in, 3) << 8 | th_probe_at(in, 4);
    if (record < 4 || record > RECORD_MAX_BYTES)
        return TH_PROBE_NO;
    return th_probe_at(in, 5) == TH_TLS_CLIENT_HELLO ? TH_PROBE_CLIENT
        : th_probe_at(in, 5) == TH_TLS_SERVER_HELLO  ? TH_PROBE_SERVER
                                                     : TH_PROBE_NO;
}

static enum th_verdict handshake(
    struct th_conn *c, struct state *s, int who, const uint8_t *p, size_t len, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    bool ok;
    enum th_verdict v = TH_GO_ON;
    struct th_cur cur = th_hold_join(&sd->message, p, len, TH_TLS_HANDSHAKE_MAX_BYTES + len, &ok);
    while (v == TH_GO_ON && th_cur_left(&cur) >= 4) {
        struct th_cur at = cur;
        unsigned type = th_cur_u8(&at);
        size_t n = th_cur_be24(&at);
        if (n > TH_TLS_HANDSHAKE_MAX_BYTES)
            return s->session.have_client || s->session.have_server ? TH_DONE_DIR : TH_BAIL;
        if (th_cur_left(&at) < n)
            break;
        struct th_cur body = th_cur_sub(&at, n);
        cur = at;
        v = th_tls_message(c, &s->session, who, type, &body, time_ns);
        if (v == TH_GO_ON)
            th_conn_service(c, TH_SVC_SSL);
    }
    if (v == TH_GO_ON && !th_hold_keep(&sd->message, &cur, TH_TLS_HANDSHAKE_MAX_BYTES))
        return TH_DONE_DIR;
    return v;
}

static bool established(const struct state *s)
{
    return !s->session.fatal && s->side[CLIENT].sent_encrypted && s->side[SERVER].sent_encrypted;
}

static void on_alert(struct state *s, struct side *sd, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++, sd->alert_len++) {
        if (sd->alert_len == 0)
            s->session.fatal = s->session.fatal || p[i] == 2;
        else if (sd->alert_len == 1)
            s->session.alert = p[i];
    }
    s->session.alerted = s->session.alerted || sd->alert_len >= 2;
}

/* A piece of a record's body. */
static enum th_verdict piece(
    struct th_conn *c, struct state *s, int who, const uint8_t *p, size_t len, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    s->session.last_ns = time_ns;
    switch (sd->type) {
    case REC_HANDSHAKE:
        if (!sd->encrypted)
            return handshake(c, s, who, p, len, time_ns);
        sd->sent_encrypted = true;
        return TH_GO_ON;
    case REC_CCS:
        if (who == SERVER && !sd->encrypted && !th_tls_is_13(&s->session) &&
            s->session.have_server && !s->side[CLIENT].encrypted &&
            !s->session.chain[SERVER].certs && s->session.have_client)
            s->session.resumed = true;
        /* In TLS 1.3 it is for show (RFC 8446 D.4). */
        sd->encrypted = !th_tls_is_13(&s->session) && (who == SERVER || s->session.have_server);
        return TH_GO_ON;
    case REC_ALERT:
        if (!sd->encrypted)
            on_alert(s, sd, p, len);
        return s->session.fatal && s->session.alerted ? TH_DONE : TH_GO_ON;
    case REC_DATA:
        /* TLS 1.3 hides its handshake in these; early data comes before the server's hello. */
        if (s->session.have_server || who == SERVER)
            sd->sent_encrypted = true;
        return TH_GO_ON;
    default: return TH_GO_ON;
    }
}

static bool new_record(struct side *sd)
{
    sd->type = sd->head[0];
    sd->left = (uint32_t)sd->head[3] << 8 | sd->head[4];
    sd->head_len = 0;
    sd->alert_len = 0;
    return sd->type >= REC_CCS && sd->type <= REC_HEARTBEAT && sd->head[1] == 3 &&
        sd->left <= RECORD_MAX_BYTES;
}

/* The first bytes of a client may be an SSLv2 record. Returns bytes taken, 0 for none. */
static size_t old_hello(struct th_conn *c, struct state *s, const struct th_chunk *ch)
{
    struct th_tls_hello h;
    if (s->session.have_client || !ch->from_client || !v2_hello(ch->p, ch->len))
        return 0;
    size_t n = ((size_t)(ch->p[0] & 0x7f) << 8 | ch->p[1]) + 2;
    if (ch->len < n || !th_tls_v2_hello(th_cur_init(ch->p + 2, n - 2), &c->pr->scratch, &h))
        return 0;
    th_tls_took_client_hello(&s->session, &h);
    th_conn_service(c, TH_SVC_SSL);
    return n;
}

static enum th_verdict records(
    struct th_conn *c, struct state *s, int who, struct th_cur *cur, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    while (th_cur_left(cur)) {
        if (!sd->left) {
            sd->head[sd->head_len++] = th_cur_u8(cur);
            if (sd->head_len < sizeof(sd->head))
                continue;
            if (!new_record(sd))
                return s->session.have_client || s->session.have_server ? TH_DONE_DIR : TH_BAIL;
            continue;
        }
        size_t n = TH_MIN(th_cur_left(cur), (size_t)sd->left);
        struct th_str bytes = th_cur_bytes(cur, n);
        sd->left -= (uint32_t)n;
        enum th_verdict v = piece(c, s, who, (const uint8_t *)bytes.p, n, time_ns);
        if (v != TH_GO_ON)
            return v;
    }
    return TH_GO_ON;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    if (!s->started)
        s->session.first_ns = s->session.last_ns = ch->time_ns;
    s->started = true;
    s->session.transport = 't';
    size_t skip = old_hello(c, s, ch);
    struct th_cur cur = th_cur_init(ch->p + skip, ch->len - skip);
    enum th_verdict v = records(c, s, who, &cur, ch->time_ns);
    if (v != TH_GO_ON)
        return v;
    return established(s) ? TH_DONE : TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    th_tls_emit(c, &s->session, established(s));
    for (int i = 0; i < 2; i++)
        th_hold_done(&s->side[i].message);
    th_tls_session_done(&s->session);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->side[0].message.cap + s->side[1].message.cap + th_tls_session_held(&s->session);
}

const struct th_analyser th_tls_analyser = {
    .service = TH_SVC_SSL,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
