/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LDAP (RFC 4511) over TCP and CLDAP: operations become `ldap` and `ldap_search` events
 * (ldap_ops.c), simple binds a `login`, NTLM binds are taken out. After StartTLS the stream is
 * handed on.
 */
#include "analysers.h"

#include "ldap_ops.h"
#include "login.h"
#include "ntlm.h"

#define LOOK_BYTES 8192u /* of one message */
#define START_TLS "1.3.6.1.4.1.1466.20037"
#define CLDAP_MAX_MESSAGES 8u /* of a datagram */
#define SIMPLE 0x80u          /* tag of a password in a bind */

struct state {
    struct th_frames frames;
    struct th_login login;
    struct th_ldap_ops ops;
    bool start_tls;
    struct th_ntlm *ntlm;
};

static bool operation(uint8_t tag)
{
    return tag == 0x42 || tag == 0x4a || tag == 0x50 || (tag >= 0x60 && tag <= 0x79);
}

static enum th_service service(const struct th_conn *c)
{
    return c->flow->proto == 6 ? TH_SVC_LDAP : TH_SVC_LDAP_UDP;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    if (th_cur_u8(&c) != TH_DER_SEQUENCE)
        return TH_PROBE_NO;
    if (in->len < 9)
        return in->ip_proto == 6 && (in->dst == 389 || in->src == 389) ? TH_PROBE_MORE
                                                                       : TH_PROBE_NO;
    uint8_t n = th_cur_u8(&c);
    th_cur_skip(&c, n > 0x80 ? n & 0x7f : 0);
    if (n == 0x80 || n > 0x84 || th_cur_u8(&c) != TH_DER_INTEGER)
        return TH_PROBE_NO;
    size_t id = th_cur_u8(&c);
    if (!id || id > 4)
        return TH_PROBE_NO;
    th_cur_skip(&c, id);
    uint8_t tag = th_cur_u8(&c);
    if (c.failed || !operation(tag))
        return TH_PROBE_NO;
    bool answer = tag == 0x61 || tag == 0x64 || tag == 0x65 || tag == 0x73 || tag == 0x78 ||
        tag == 0x67 || tag == 0x69 || tag == 0x6b || tag == 0x6d || tag == 0x6f;
    return answer ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    /* Anything else is a sealed buffer (SASL): nothing more to read. */
    bool bad = th_cur_u8(&c) != TH_DER_SEQUENCE;
    uint32_t n = th_cur_u8(&c), head = 2;
    if (n >= 0x80) {
        uint32_t bytes = n & 0x7f;
        bad = bad || !bytes || bytes > 4;
        head += bytes;
        for (n = 0; bytes && !bad; bytes--)
            n = n << 8 | th_cur_u8(&c);
        bad = bad || n > (64u << 20);
    }
    return bad ? TH_FRAME_BAD : c.failed ? TH_FRAME_SHORT : (int64_t)head + n;
}

/* RFC 4511 4.2: of a simple bind the name; the password is looked for and not read. Other binds are
 * told by what they carry. */
static void simple_bind(struct th_login *l, struct th_cur op, int64_t time_ns)
{
    th_der_expect(&op, TH_DER_INTEGER);
    struct th_cur name = th_der_expect(&op, TH_DER_OCTET_STRING), password;
    if (op.failed || !th_der_optional(&op, SIMPLE, &password))
        return;
    if (!th_cur_left(&name) && !th_cur_left(&password)) /* nobody */
        return;
    th_login_begin(l, th_str_c("SIMPLE"), th_cur_left(&password) > 0, time_ns);
    th_text_set(&l->user, th_der_rest(&name));
}

static void bound(struct th_conn *c, struct state *s, int64_t time_ns, int64_t code)
{
    if (code < 0 || code == 14)
        return;
    th_ntlm_outcome(s->ntlm, c, time_ns, code == 0);
    th_login_end(c, &s->login, service(c), th_login_result_of(code == 0), time_ns);
}

static void request(struct th_conn *c, struct state *s, unsigned tag, int64_t id, struct th_cur op,
    struct th_str raw, int64_t time_ns)
{
    switch (tag) {
    case TH_LDAP_BIND:
        th_ntlm_look(&s->ntlm, c, time_ns, (const uint8_t *)raw.p, raw.len);
        th_login_end(c, &s->login, service(c), TH_LOGIN_UNKNOWN, time_ns);
        simple_bind(&s->login, op, time_ns);
        break;
    case TH_LDAP_EXTENDED:
        s->start_tls = memmem(raw.p, raw.len, START_TLS, sizeof(START_TLS) - 1);
        break;
    case TH_LDAP_SEARCH:
    case TH_LDAP_MODIFY:
    case TH_LDAP_ADD:
    case TH_LDAP_DELETE:
    case TH_LDAP_RENAME:
    case TH_LDAP_COMPARE: break;
    default: return;
    }
    th_ldap_request(&s->ops, c, tag, id, op, time_ns);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    struct th_cur cur = msg;
    struct th_str raw = th_der_rest(&msg);
    th_cur_skip(&cur, 1);
    uint8_t n = th_cur_u8(&cur);
    th_cur_skip(&cur, n > 0x80 ? n & 0x7f : 0);
    struct th_cur id_body = th_der_expect(&cur, TH_DER_INTEGER);
    int64_t id = th_der_int(&id_body);
    uint8_t tag = th_cur_u8(&cur);
    n = th_cur_u8(&cur);
    th_cur_skip(&cur, n > 0x80 ? n & 0x7f : 0);
    if (cur.failed || id_body.failed || !operation(tag))
        return TH_FRAME_GO_ON;
    th_conn_service(c, service(c));
    if (ch->from_client) {
        request(c, s, tag, id, cur, raw, ch->time_ns);
        return TH_FRAME_GO_ON;
    }
    th_ldap_answer(&s->ops, c, tag, id, cur, ch->time_ns);
    if (tag == TH_LDAP_BIND_DONE) {
        th_ntlm_look(&s->ntlm, c, ch->time_ns, (const uint8_t *)raw.p, raw.len);
        bound(c, s, ch->time_ns, th_ldap_result_read(cur).code);
    }
    return tag == TH_LDAP_EXTENDED_DONE && s->start_tls && th_ldap_result_read(cur).code == 0
        ? TH_FRAME_RESTART
        : TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    if (c->flow->proto == 6)
        return th_frames_data(c, state, ch);
    struct th_cur all = th_cur_init(ch->p, ch->len);
    struct th_der d;
    for (unsigned i = 0; i < CLDAP_MAX_MESSAGES && th_der_next(&all, &d); i++)
        message(c, state, ch, th_cur_init(d.raw.p, d.raw.len));
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_ldap_ops_done(&s->ops, c);
    th_login_end(c, &s->login, service(c), TH_LOGIN_UNKNOWN, time_ns);
    th_ntlm_end(s->ntlm, c);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return th_ldap_ops_held(&s->ops) + th_ntlm_held(s->ntlm);
}

const struct th_analyser th_ldap_analyser = {
    .service = TH_SVC_LDAP,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = data,
    .end = end,
};
