/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS 1.0 and 1.2 over UDP (RFC 4347, RFC 6347): handshake messages are put together from
 * their fragments, one after the other, as long as they are in the clear, and become the same
 * events as those of TLS. Of DTLS 1.3 (RFC 9147) the hellos are in the clear.
 */
#include "analysers.h"
#include "pieces.h"
#include "tls_session.h"

#define DATAGRAMS_MAX 64u /* of a direction, then it is enough */
#define RECORD_HEAD_BYTES 13u

enum { CLIENT = TH_TLS_CLIENT, SERVER = TH_TLS_SERVER };
enum { MSG_HELLO_VERIFY = 3, MSG_FINISHED = 20 };
enum record { REC_CCS = 20, REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23 };

struct side {
    struct th_pieces message;
    uint32_t message_len;
    uint16_t next_seq; /* of the message in the making */
    uint8_t type, datagrams;
    bool making, encrypted;
};

struct state {
    struct side side[2];
    struct th_tls_session session;
};

/* Type, version, and a message of a handshake. */
static enum th_probe probe(const struct th_probe_in *in)
{
    unsigned minor = th_probe_at(in, 2), type = th_probe_at(in, RECORD_HEAD_BYTES);
    bool version = (th_probe_at(in, 1) == 0xfe && (minor == 0xff || minor == 0xfd)) ||
        (th_probe_at(in, 1) == 1 && minor == 0 && type <= MSG_HELLO_VERIFY);
    if (th_probe_at(in, 0) != REC_HANDSHAKE || !version || !type || type > MSG_FINISHED)
        return TH_PROBE_NO;
    return type == TH_TLS_SERVER_HELLO || type == MSG_HELLO_VERIFY ? TH_PROBE_SERVER
                                                                   : TH_PROBE_CLIENT;
}

static enum th_verdict whole(struct th_conn *c, struct state *s, int who, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct th_cur body = th_cur_init(sd->message.p, sd->message_len);
    enum th_verdict v = th_tls_message(c, &s->session, who, sd->type, &body, time_ns);
    th_pieces_done(&sd->message);
    sd->making = false;
    sd->next_seq++;
    return v;
}

/* RFC 6347 4.2.3. A message that comes before the one awaited is whole gives that one up: the rest
 * of it is lost or late. */
static enum th_verdict fragment(
    struct th_conn *c, struct state *s, int who, struct th_cur *cur, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    unsigned type = th_cur_u8(cur);
    uint32_t len = th_cur_be24(cur);
    uint16_t seq = th_cur_be16(cur);
    uint32_t offset = th_cur_be24(cur), part_len = th_cur_be24(cur);
    struct th_str part = th_cur_bytes(cur, part_len);
    if (cur->failed || len > TH_TLS_HANDSHAKE_MAX_BYTES || offset > len || part_len > len - offset)
        return s->session.have_client || s->session.have_server ? TH_DONE_DIR : TH_BAIL;
    if (seq < sd->next_seq) /* sent again */
        return TH_GO_ON;
    if (!sd->making || seq > sd->next_seq) {
        th_pieces_done(&sd->message);
        sd->making = true;
        sd->next_seq = seq;
        sd->type = (uint8_t)type;
        sd->message_len = len;
    }
    if (type != sd->type || len != sd->message_len ||
        !th_pieces_put(&sd->message, offset, part.p, part.len, len))
        return TH_GO_ON;
    return th_pieces_ready(&sd->message) == len ? whole(c, s, who, time_ns) : TH_GO_ON;
}

static enum th_verdict handshake(
    struct th_conn *c, struct state *s, int who, struct th_cur *body, int64_t time_ns)
{
    enum th_verdict v = TH_GO_ON;
    while (v == TH_GO_ON && th_cur_left(body))
        v = fragment(c, s, who, body, time_ns);
    if (v == TH_GO_ON && (s->session.have_client || s->session.have_server))
        th_conn_service(c, TH_SVC_DTLS);
    return v;
}

static void change_cipher(struct state *s, int who)
{
    struct th_tls_session *t = &s->session;
    if (who == SERVER && t->have_client && t->have_server && !s->side[CLIENT].encrypted &&
        !t->chain[SERVER].certs && !th_tls_is_13(t))
        t->resumed = true;
    s->side[who].encrypted = true;
}

static enum th_verdict record(
    struct th_conn *c, struct state *s, int who, struct th_cur *cur, int64_t time_ns)
{
    unsigned type = th_cur_u8(cur);
    th_cur_skip(cur, 2);
    unsigned epoch = th_cur_be16(cur);
    th_cur_skip(cur, 6);
    struct th_cur body = th_cur_sub(cur, th_cur_be16(cur));
    if (cur->failed)
        return TH_GO_ON; /* cut, or of 1.3: another form */
    if (epoch) {
        s->side[who].encrypted = true;
        return TH_GO_ON;
    }
    switch (type) {
    case REC_HANDSHAKE: return handshake(c, s, who, &body, time_ns);
    case REC_CCS: change_cipher(s, who); return TH_GO_ON;
    case REC_ALERT:
        s->session.fatal = s->session.fatal || th_cur_u8(&body) == 2;
        s->session.alert = th_cur_u8(&body);
        s->session.alerted = !body.failed;
        return s->session.fatal ? TH_DONE : TH_GO_ON;
    default: return TH_GO_ON;
    }
}

static bool established(const struct state *s)
{
    return !s->session.fatal && s->side[CLIENT].encrypted && s->side[SERVER].encrypted;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    if (!s->session.first_ns) {
        s->session.first_ns = ch->time_ns;
        s->session.transport = 'd';
    }
    s->session.last_ns = ch->time_ns;
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    enum th_verdict v = TH_GO_ON;
    while (v == TH_GO_ON && th_cur_left(&cur))
        v = record(c, s, who, &cur, ch->time_ns);
    if (v != TH_GO_ON)
        return v;
    if (established(s))
        return TH_DONE;
    return ++s->side[who].datagrams == DATAGRAMS_MAX ? TH_DONE_DIR : TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    th_tls_emit(c, &s->session, established(s));
    th_tls_session_done(&s->session);
    for (int i = 0; i < 2; i++)
        th_pieces_done(&s->side[i].message);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->side[0].message.cap + s->side[1].message.cap + th_tls_session_held(&s->session);
}

const struct th_analyser th_dtls_analyser = {
    .service = TH_SVC_DTLS,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
