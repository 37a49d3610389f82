/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SNMP versions 1, 2c and 3 (RFC 1157, RFC 3416, RFC 3412): what was asked and answered is counted;
 * one `snmp` event a flow. A community is a password: that one was seen is told, as a `login`, and
 * the community itself is passed over.
 */
#include "analysers.h"
#include "der.h"
#include "login.h"

#define MESSAGES_MAX 4096u /* of a direction, then it is enough */
#define BINDINGS_MAX 1024u /* in a message */

enum pdu {
    PDU_GET = 0xa0,
    PDU_GET_NEXT,
    PDU_RESPONSE,
    PDU_SET,
    PDU_TRAP_V1,
    PDU_GET_BULK,
    PDU_INFORM,
    PDU_TRAP,
    PDU_REPORT
};

enum { V1 = 0, V2C = 1, V3 = 3, FLAG_PRIVATE = 2, TIME_TICKS = 0x43 };

struct state {
    int64_t first_ns, last_ns, up_since_ns;
    unsigned version;
    uint32_t messages[2];
    uint64_t gets, bulks, responses, sets, traps;
    struct th_text description, user;
    bool any, has_up_since, encrypted;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    size_t at = th_probe_at(in, 1) & 0x80 ? 2 + (th_probe_at(in, 1) & 0x7fu) : 2;
    unsigned version = th_probe_at(in, at + 2);
    bool yes = th_probe_at(in, 0) == TH_DER_SEQUENCE && in->len > at + 8 &&
        th_probe_at(in, at) == TH_DER_INTEGER && th_probe_at(in, at + 1) == 1 &&
        (version <= V2C || version == V3) &&
        (th_probe_at(in, at + 3) == TH_DER_OCTET_STRING ||
            th_probe_at(in, at + 3) == TH_DER_SEQUENCE);
    if (yes && th_probe_on_port(in, 162))
        return in->dst == 162 ? TH_PROBE_CLIENT : TH_PROBE_SERVER;
    return th_probe_by_port(in, yes, 161);
}

/* What a device says of itself: sysDescr and sysUpTime (RFC 3418). */
static void known_value(
    struct state *s, struct th_str oid, const struct th_der *value, int64_t time_ns)
{
    static const uint8_t descr[] = {0x2b, 6, 1, 2, 1, 1, 1, 0},
                         uptime[] = {0x2b, 6, 1, 2, 1, 1, 3, 0};
    struct th_cur body = value->body;
    if (oid.len != sizeof(descr))
        return;
    if (memcmp(oid.p, descr, sizeof(descr)) == 0 && value->tag == TH_DER_OCTET_STRING) {
        th_text_set(&s->description, th_der_rest(&body));
    } else if (memcmp(oid.p, uptime, sizeof(uptime)) == 0 && value->tag == TIME_TICKS) {
        int64_t ticks = th_der_int(&body);
        s->has_up_since = !body.failed && ticks >= 0 && ticks <= UINT32_MAX;
        s->up_since_ns = s->has_up_since ? time_ns - ticks * (TH_NS_PER_S / 100) : 0;
    }
}

/* How many values the message is about. */
static uint64_t bindings(struct state *s, struct th_cur *pdu, bool response, int64_t time_ns)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 3; i++)
        th_der_expect(pdu, TH_DER_INTEGER); /* id, and two more that depend on the kind */
    struct th_cur list = th_der_expect(pdu, TH_DER_SEQUENCE);
    while (th_cur_left(&list) && n < BINDINGS_MAX) {
        struct th_cur one = th_der_expect(&list, TH_DER_SEQUENCE);
        struct th_cur oid = th_der_expect(&one, TH_DER_OID);
        struct th_der value;
        if (!th_der_next(&one, &value))
            break;
        n++;
        if (response)
            known_value(s, th_der_rest(&oid), &value, time_ns);
    }
    return n;
}

static void on_pdu(struct state *s, struct th_cur *at, int64_t time_ns)
{
    struct th_der pdu;
    if (!th_der_next(at, &pdu))
        return;
    switch (pdu.tag) {
    case PDU_GET:
    case PDU_GET_NEXT: s->gets += bindings(s, &pdu.body, false, time_ns); break;
    case PDU_GET_BULK: s->bulks += bindings(s, &pdu.body, false, time_ns); break;
    case PDU_SET: s->sets += bindings(s, &pdu.body, false, time_ns); break;
    case PDU_RESPONSE: s->responses += bindings(s, &pdu.body, true, time_ns); break;
    case PDU_TRAP_V1:
    case PDU_INFORM:
    case PDU_TRAP: s->traps++; break;
    default: break;
    }
}

/* RFC 3412 6, RFC 3414 2.4 */
static void version3(struct state *s, struct th_cur *message, int64_t time_ns)
{
    struct th_cur head = th_der_expect(message, TH_DER_SEQUENCE);
    th_der_expect(&head, TH_DER_INTEGER);
    th_der_expect(&head, TH_DER_INTEGER);
    struct th_cur flags = th_der_expect(&head, TH_DER_OCTET_STRING);
    bool private = th_cur_u8(&flags) & FLAG_PRIVATE;
    struct th_cur security = th_der_expect(message, TH_DER_OCTET_STRING);
    struct th_cur usm = th_der_expect(&security, TH_DER_SEQUENCE);
    th_der_expect(&usm, TH_DER_OCTET_STRING);
    th_der_expect(&usm, TH_DER_INTEGER);
    th_der_expect(&usm, TH_DER_INTEGER);
    struct th_cur user = th_der_expect(&usm, TH_DER_OCTET_STRING);
    if (!usm.failed && th_cur_left(&user))
        th_text_set(&s->user, th_der_rest(&user));
    s->encrypted = s->encrypted || private;
    if (private || message->failed)
        return;
    struct th_cur scoped = th_der_expect(message, TH_DER_SEQUENCE);
    th_der_expect(&scoped, TH_DER_OCTET_STRING);
    th_der_expect(&scoped, TH_DER_OCTET_STRING);
    on_pdu(s, &scoped, time_ns);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    struct th_cur message = th_der_expect(&cur, TH_DER_SEQUENCE);
    struct th_cur number = th_der_expect(&message, TH_DER_INTEGER);
    int64_t version = th_der_int(&number);
    if (message.failed || number.failed || (version != V1 && version != V2C && version != V3))
        return s->any ? TH_GO_ON : TH_BAIL;
    if (!s->any)
        s->first_ns = ch->time_ns;
    s->any = true;
    s->last_ns = ch->time_ns;
    s->version = (unsigned)version;
    th_conn_service(c, TH_SVC_SNMP);
    if (version == V3) {
        version3(s, &message, ch->time_ns);
    } else {
        th_der_expect(&message, TH_DER_OCTET_STRING); /* the community: not looked at */
        on_pdu(s, &message, ch->time_ns);
    }
    return ++s->messages[ch->dir] == MESSAGES_MAX ? TH_DONE_DIR : TH_GO_ON;
}

static void emit(struct th_conn *c, const struct state *s)
{
    struct th_ev_snmp ev = {0};
    TH_CONN_ID(&ev, SNMP, c, s->first_ns);
    TH_SET(&ev, SNMP, duration, s->last_ns - s->first_ns);
    TH_SET(&ev, SNMP, version, th_str_c(s->version == V1 ? "1" : s->version == V2C ? "2c" : "3"));
    TH_SET(&ev, SNMP, get_requests, s->gets);
    TH_SET(&ev, SNMP, get_bulk_requests, s->bulks);
    TH_SET(&ev, SNMP, get_responses, s->responses);
    TH_SET(&ev, SNMP, set_requests, s->sets);
    TH_SET(&ev, SNMP, traps, s->traps);
    TH_SET_TEXT(&ev, SNMP, display_string, th_text_get(&s->description));
    if (s->has_up_since)
        TH_SET(&ev, SNMP, up_since, s->up_since_ns);
    TH_SET_TEXT(&ev, SNMP, user, th_text_get(&s->user));
    if (s->version == V3)
        TH_SET(&ev, SNMP, encrypted, s->encrypted);
    th_proto_emit(c->pr, &ev.h, s->last_ns);
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    if (!s->any)
        return;
    emit(c, s);
    if (s->version == V3)
        return;
    struct th_login l = {0};
    th_login_begin(&l, th_str_c("COMMUNITY"), true, s->first_ns);
    th_login_end(c, &l, TH_SVC_SNMP, s->responses ? TH_LOGIN_OK : TH_LOGIN_UNKNOWN, s->last_ns);
}

const struct th_analyser th_snmp_analyser = {
    .service = TH_SVC_SNMP,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
