/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kerberos 5 (RFC 4120) over UDP and TCP 88: each request for a ticket with its
 * answer. What is encrypted stays unread; names, times and ciphers are in the clear.
 */
#include "analysers.h"

#include "base/buf.h"
#include "der.h"
#include "krb.h"

#define MESSAGE_MAX_BYTES 65536u
#define TEXT_MAX 255u
#define NUMBERS_MAX 16u /* ciphers and kinds of pre-authentication kept of a request */
#define PA_FOR_USER 129

/* Application tags as bytes. */
enum { AS_REQ = 0x6a, AS_REP = 0x6b, TGS_REQ = 0x6c, TGS_REP = 0x6d, KRB_ERROR = 0x7e };

struct text {
    uint8_t len;
    char p[TEXT_MAX];
};

struct numbers {
    uint8_t n;
    int32_t v[NUMBERS_MAX];
};

/* A request that waits for its answer. */
struct request {
    bool waiting, tgs, forwardable, renewable;
    int64_t time_ns;
    int64_t from_ns, till_ns;
    bool has_from, has_till;
    uint32_t options;
    struct numbers ciphers, preauth;
    struct text client, realm, service, for_user;
};

struct state {
    struct th_hold hold[2];
    struct request request;
};

static void set_text(struct text *t, struct th_str s)
{
    t->len = (uint8_t)TH_MIN(s.len, TEXT_MAX);
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

static bool app_tag(uint8_t tag)
{
    return (tag >= AS_REQ && tag <= TGS_REP) || tag == KRB_ERROR;
}

/* Application tag, length, sequence, its length, then [1] or [0] with the version 5. */
static enum th_probe look(const uint8_t *p, size_t len)
{
    struct th_cur c = th_cur_init(p, len);
    uint8_t tag = th_cur_u8(&c);
    if (!app_tag(tag))
        return TH_PROBE_NO;
    for (int i = 0; i < 2; i++) {
        uint8_t n = th_cur_u8(&c);
        th_cur_skip(&c, n > 0x80 ? n & 0x7f : 0);
        if (i == 0 && th_cur_u8(&c) != TH_DER_SEQUENCE)
            return TH_PROBE_NO;
    }
    uint8_t first = th_cur_u8(&c);
    bool five = (first == 0xa0 || first == 0xa1) && th_cur_u8(&c) == 3 && th_cur_u8(&c) == 2 &&
        th_cur_u8(&c) == 1 && th_cur_u8(&c) == 5;
    if (!five || c.failed)
        return TH_PROBE_NO;
    return tag == AS_REQ || tag == TGS_REQ ? TH_PROBE_CLIENT : TH_PROBE_SERVER;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (in->ip_proto != 6)
        return look(in->p, in->len);
    if (th_probe_at(in, 0) || in->len < 16)
        return in->len < 16 && in->dst == 88 && !th_probe_at(in, 0) ? TH_PROBE_MORE : TH_PROBE_NO;
    return look(in->p + 4, in->len - 4);
}

/* PrincipalName: a type and the parts, joined by '/'. */
static void principal(struct th_cur field, struct text *ret)
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_MAX};
    struct th_cur seq = th_der_expect(&field, TH_DER_SEQUENCE);
    struct th_cur part;
    th_der_optional(&seq, TH_DER_CONTEXT(0), &part);
    if (!th_der_optional(&seq, TH_DER_CONTEXT(1), &part))
        return;
    struct th_cur names = th_der_expect(&part, TH_DER_SEQUENCE);
    struct th_der d;
    for (bool first = true; th_der_next(&names, &d); first = false) {
        th_buf_puts(&b, first ? "" : "/");
        th_buf_str(&b, th_der_rest(&d.body));
    }
    set_text(ret, th_buf_view(&b));
}

static void string(struct th_cur field, struct text *ret)
{
    struct th_der d;
    if (th_der_next(&field, &d))
        set_text(ret, th_der_rest(&d.body));
}

static bool time_field(struct th_cur field, int64_t *ret_ns)
{
    struct th_der d;
    return th_der_next(&field, &d) && th_der_time(d.tag, d.body, ret_ns);
}

static void add_number(struct numbers *n, struct th_cur body)
{
    int64_t v = th_der_int(&body);
    if (!body.failed && n->n < NUMBERS_MAX && v >= INT32_MIN && v <= INT32_MAX)
        n->v[n->n++] = (int32_t)v;
}

static void req_body(struct th_cur body, struct request *r)
{
    struct th_cur seq = th_der_expect(&body, TH_DER_SEQUENCE);
    struct th_der d;
    while (th_der_next(&seq, &d)) {
        switch (d.tag) {
        case TH_DER_CONTEXT(0): {
            struct th_cur bits = th_der_expect(&d.body, TH_DER_BIT_STRING);
            th_cur_skip(&bits, 1);
            uint32_t options = th_cur_be32(&bits);
            r->options = bits.failed ? 0 : options;
            r->forwardable = options >> 30 & 1;
            r->renewable = options >> 23 & 1;
            break;
        }
        case TH_DER_CONTEXT(1): principal(d.body, &r->client); break;
        case TH_DER_CONTEXT(2): string(d.body, &r->realm); break;
        case TH_DER_CONTEXT(3): principal(d.body, &r->service); break;
        case TH_DER_CONTEXT(4): r->has_from = time_field(d.body, &r->from_ns); break;
        case TH_DER_CONTEXT(5): r->has_till = time_field(d.body, &r->till_ns); break;
        case TH_DER_CONTEXT(8): {
            struct th_cur list = th_der_expect(&d.body, TH_DER_SEQUENCE);
            struct th_der number;
            while (th_der_next(&list, &number))
                add_number(&r->ciphers, number.body);
            break;
        }
        default: break;
        }
    }
}

/* MS-SFU 2.2.1: in whose name a service asks for a ticket to itself. */
static void for_user(struct th_cur value, struct request *r)
{
    struct th_cur seq = th_der_expect(&value, TH_DER_SEQUENCE), field;
    if (th_der_optional(&seq, TH_DER_CONTEXT(0), &field))
        principal(field, &r->for_user);
}

static void preauth(struct th_cur field, struct request *r)
{
    struct th_cur list = th_der_expect(&field, TH_DER_SEQUENCE), type, value;
    struct th_der d;
    while (th_der_next(&list, &d)) {
        if (!th_der_optional(&d.body, TH_DER_CONTEXT(1), &type))
            continue;
        struct th_cur number = th_der_expect(&type, TH_DER_INTEGER), copy = number;
        add_number(&r->preauth, number);
        if (th_der_int(&copy) != PA_FOR_USER ||
            !th_der_optional(&d.body, TH_DER_CONTEXT(2), &value))
            continue;
        for_user(th_der_expect(&value, TH_DER_OCTET_STRING), r);
    }
}

struct answer {
    bool error;
    int64_t code, etype, reply_etype;
    bool has_etype, has_reply_etype;
    struct text client, realm, service;
};

static struct th_str with_realm(
    struct th_arena *a, const struct text *name, const struct text *realm)
{
    if (!name->len)
        return th_str_c("");
    return th_arena_printf(a, "%.*s/%.*s", name->len, name->p, realm->len, realm->p);
}

static struct th_strs words(struct th_arena *a, const struct numbers *n,
    struct th_str (*word)(struct th_arena *a, int64_t number))
{
    struct th_str *v = th_arena_alloc(a, TH_MAX(n->n, 1u) * sizeof(*v));
    for (unsigned i = 0; i < n->n; i++)
        v[i] = word(a, n->v[i]);
    return (struct th_strs){.v = v, .n = n->n};
}

/* What was asked for and how, beside the names. */
static void set_request(struct th_ev_kerberos *ev, struct th_arena *a, const struct request *r)
{
    struct th_strs options = th_krb_options(a, r->options);
    TH_SET(ev, KERBEROS, forwardable, r->forwardable);
    TH_SET(ev, KERBEROS, renewable, r->renewable);
    if (r->ciphers.n)
        TH_SET(ev, KERBEROS, request_ciphers, words(a, &r->ciphers, th_krb_cipher));
    if (r->preauth.n)
        TH_SET(ev, KERBEROS, preauth, words(a, &r->preauth, th_krb_preauth));
    if (options.n)
        TH_SET(ev, KERBEROS, options, options);
    TH_SET_TEXT(ev, KERBEROS, for_user, th_str_n(r->for_user.p, r->for_user.len));
}

static void emit(
    struct th_conn *c, struct state *s, const struct answer *ans, bool tgs, int64_t time_ns)
{
    struct request *r = &s->request;
    struct th_ev_kerberos ev = {0};
    struct th_arena *a = &c->pr->scratch;
    int64_t ts = r->waiting ? r->time_ns : time_ns;
    TH_CONN_ID(&ev, KERBEROS, c, ts);
    TH_SET(&ev, KERBEROS, request_type, th_str_c(tgs ? "TGS" : "AS"));
    const struct text *client = r->client.len || !ans ? &r->client : &ans->client;
    const struct text *realm = r->realm.len || !ans ? &r->realm : &ans->realm;
    const struct text *service = r->service.len || !ans ? &r->service : &ans->service;
    if (!client->len && ans)
        client = &ans->client;
    TH_SET_TEXT(&ev, KERBEROS, client, with_realm(a, client, realm));
    TH_SET_TEXT(&ev, KERBEROS, service, th_str_n(service->p, service->len));
    if (ans)
        TH_SET(&ev, KERBEROS, success, !ans->error);
    if (ans && ans->error)
        TH_SET(&ev, KERBEROS, error_msg, th_krb_error(a, ans->code));
    if (r->has_from)
        TH_SET(&ev, KERBEROS, from, r->from_ns);
    if (r->has_till)
        TH_SET(&ev, KERBEROS, till, r->till_ns);
    if (ans && ans->has_etype)
        TH_SET(&ev, KERBEROS, cipher, th_krb_cipher(a, ans->etype));
    if (ans && ans->has_reply_etype)
        TH_SET(&ev, KERBEROS, reply_cipher, th_krb_cipher(a, ans->reply_etype));
    if (r->waiting)
        set_request(&ev, a, r);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, ts));
    *r = (struct request){0};
}

/* EncryptedData: its cipher is in the clear. */
static bool sealed_with(struct th_cur field, int64_t *ret_etype)
{
    struct th_cur enc = th_der_expect(&field, TH_DER_SEQUENCE);
    struct th_cur etype = th_der_expect(&enc, TH_DER_CONTEXT(0));
    struct th_cur number = th_der_expect(&etype, TH_DER_INTEGER);
    *ret_etype = th_der_int(&number);
    return !number.failed;
}

static void ticket(struct th_cur field, struct answer *ans)
{
    struct th_cur app = th_der_expect(&field, 0x61);
    struct th_cur seq = th_der_expect(&app, TH_DER_SEQUENCE);
    struct th_der d;
    while (th_der_next(&seq, &d)) {
        if (d.tag == TH_DER_CONTEXT(2))
            principal(d.body, &ans->service);
        if (d.tag == TH_DER_CONTEXT(3))
            ans->has_etype = sealed_with(d.body, &ans->etype);
    }
}

static void reply(struct th_cur seq, struct answer *ans)
{
    struct th_der d;
    while (th_der_next(&seq, &d)) {
        switch (d.tag) {
        case TH_DER_CONTEXT(3): string(d.body, &ans->realm); break;
        case TH_DER_CONTEXT(4): principal(d.body, &ans->client); break;
        case TH_DER_CONTEXT(5): ticket(d.body, ans); break;
        case TH_DER_CONTEXT(6):
            ans->has_reply_etype = sealed_with(d.body, &ans->reply_etype);
            break;
        default: break;
        }
    }
}

static void error(struct th_cur seq, struct answer *ans)
{
    struct th_der d;
    ans->error = true;
    while (th_der_next(&seq, &d)) {
        switch (d.tag) {
        case TH_DER_CONTEXT(6): {
            struct th_cur number = th_der_expect(&d.body, TH_DER_INTEGER);
            ans->code = th_der_int(&number);
            break;
        }
        case TH_DER_CONTEXT(8): principal(d.body, &ans->client); break;
        case TH_DER_CONTEXT(9): string(d.body, &ans->realm); break;
        case TH_DER_CONTEXT(10): principal(d.body, &ans->service); break;
        default: break;
        }
    }
}

static bool message(
    struct th_conn *c, struct state *s, int64_t time_ns, const uint8_t *p, size_t len)
{
    struct th_cur all = th_cur_init(p, len);
    struct th_der app;
    if (!th_der_next(&all, &app) || !app_tag(app.tag))
        return false;
    struct th_cur seq = th_der_expect(&app.body, TH_DER_SEQUENCE);
    if (app.body.failed)
        return false;
    th_conn_service(c, c->flow->proto == 6 ? TH_SVC_KRB_TCP : TH_SVC_KRB);
    if (app.tag == AS_REQ || app.tag == TGS_REQ) {
        if (s->request.waiting)
            emit(c, s, NULL, s->request.tgs, s->request.time_ns);
        s->request =
            (struct request){.waiting = true, .tgs = app.tag == TGS_REQ, .time_ns = time_ns};
        struct th_der d;
        while (th_der_next(&seq, &d)) {
            if (d.tag == TH_DER_CONTEXT(3))
                preauth(d.body, &s->request);
            if (d.tag == TH_DER_CONTEXT(4))
                req_body(d.body, &s->request);
        }
        return true;
    }
    struct answer ans = {0};
    if (app.tag == KRB_ERROR)
        error(seq, &ans);
    else
        reply(seq, &ans);
    emit(c, s, &ans, app.tag == TGS_REP || (app.tag == KRB_ERROR && s->request.tgs), time_ns);
    return true;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (c->flow->proto != 6) {
        message(c, s, ch->time_ns, ch->p, ch->len);
        return TH_GO_ON;
    }
    bool ok;
    struct th_hold *h = &s->hold[ch->dir];
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, MESSAGE_MAX_BYTES + ch->len, &ok);
    while (th_cur_left(&cur) >= 4) {
        struct th_cur at = cur;
        size_t len = th_cur_be32(&at);
        if (len > MESSAGE_MAX_BYTES - 4)
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
        if (th_cur_left(&at) < len)
            break;
        struct th_str bytes = th_cur_bytes(&at, len);
        cur = at;
        if (!message(c, s, ch->time_ns, (const uint8_t *)bytes.p, len))
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
    }
    return th_hold_keep(h, &cur, MESSAGE_MAX_BYTES) ? TH_GO_ON : TH_DONE_DIR;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    if (s->request.waiting)
        emit(c, s, NULL, s->request.tgs, s->request.time_ns);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->hold[0].cap + s->hold[1].cap;
}

const struct th_analyser th_krb_analyser = {
    .service = TH_SVC_KRB,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
