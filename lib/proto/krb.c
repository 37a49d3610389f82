/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kerberos 5 (RFC 4120) over UDP and TCP 88: each request for a ticket with its
 * answer. What is encrypted stays unread; names, times and ciphers are in the clear.
 */
#include "analysers.h"

#include "base/buf.h"
#include "der.h"

#define MESSAGE_MAX_BYTES 65536u
#define TEXT_MAX 255u

/* Application tags as bytes. */
enum { AS_REQ = 0x6a, AS_REP = 0x6b, TGS_REQ = 0x6c, TGS_REP = 0x6d, KRB_ERROR = 0x7e };

struct text {
    uint8_t len;
    char p[TEXT_MAX];
};

/* A request that waits for its answer. */
struct request {
    bool waiting, tgs, forwardable, renewable;
    int64_t time_ns;
    int64_t from_ns, till_ns;
    bool has_from, has_till;
    struct text client, realm, service;
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
            r->forwardable = options >> 30 & 1;
            r->renewable = options >> 23 & 1;
            break;
        }
        case TH_DER_CONTEXT(1): principal(d.body, &r->client); break;
        case TH_DER_CONTEXT(2): string(d.body, &r->realm); break;
        case TH_DER_CONTEXT(3): principal(d.body, &r->service); break;
        case TH_DER_CONTEXT(4): r->has_from = time_field(d.body, &r->from_ns); break;
        case TH_DER_CONTEXT(5): r->has_till = time_field(d.body, &r->till_ns); break;
        default: break;
        }
    }
}

static struct th_str cipher_name(struct th_arena *a, int64_t etype)
{
    switch (etype) {
    case 1: return th_str_c("des-cbc-crc");
    case 3: return th_str_c("des-cbc-md5");
    case 16: return th_str_c("des3-cbc-sha1");
    case 17: return th_str_c("aes128-cts-hmac-sha1-96");
    case 18: return th_str_c("aes256-cts-hmac-sha1-96");
    case 19: return th_str_c("aes128-cts-hmac-sha256-128");
    case 20: return th_str_c("aes256-cts-hmac-sha384-192");
    case 23: return th_str_c("rc4-hmac");
    case 24: return th_str_c("rc4-hmac-exp");
    default: return th_arena_printf(a, "unknown-%lld", (long long)etype);
    }
}

/* RFC 4120 7.5.9 */
static struct th_str error_name(struct th_arena *a, int64_t code)
{
    static const char *const names[] = {"KDC_ERR_NONE", "KDC_ERR_NAME_EXP", "KDC_ERR_SERVICE_EXP",
        "KDC_ERR_BAD_PVNO", "KDC_ERR_C_OLD_MAST_KVNO", "KDC_ERR_S_OLD_MAST_KVNO",
        "KDC_ERR_C_PRINCIPAL_UNKNOWN", "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        "KDC_ERR_PRINCIPAL_NOT_UNIQUE", "KDC_ERR_NULL_KEY", "KDC_ERR_CANNOT_POSTDATE",
        "KDC_ERR_NEVER_VALID", "KDC_ERR_POLICY", "KDC_ERR_BADOPTION", "KDC_ERR_ETYPE_NOSUPP",
        "KDC_ERR_SUMTYPE_NOSUPP", "KDC_ERR_PADATA_TYPE_NOSUPP", "KDC_ERR_TRTYPE_NOSUPP",
        "KDC_ERR_CLIENT_REVOKED", "KDC_ERR_SERVICE_REVOKED", "KDC_ERR_TGT_REVOKED",
        "KDC_ERR_CLIENT_NOTYET", "KDC_ERR_SERVICE_NOTYET", "KDC_ERR_KEY_EXPIRED",
        "KDC_ERR_PREAUTH_FAILED", "KDC_ERR_PREAUTH_REQUIRED", "KDC_ERR_SERVER_NOMATCH",
        "KDC_ERR_MUST_USE_USER2USER", "KDC_ERR_PATH_NOT_ACCEPTED",
        "KDC_ERR_SVC_UNAVAILABLE", [31] = "KRB_AP_ERR_BAD_INTEGRITY", "KRB_AP_ERR_TKT_EXPIRED",
        "KRB_AP_ERR_TKT_NYV", "KRB_AP_ERR_REPEAT", "KRB_AP_ERR_NOT_US", "KRB_AP_ERR_BADMATCH",
        "KRB_AP_ERR_SKEW", [41] = "KRB_AP_ERR_MODIFIED", [52] = "KRB_ERR_RESPONSE_TOO_BIG",
        [60] = "KRB_ERR_GENERIC", [68] = "KDC_ERR_WRONG_REALM"};
    if (code >= 0 && code < (int64_t)TH_ARRAY_LEN(names) && names[code])
        return th_str_c(names[code]);
    return th_arena_printf(a, "unknown-%lld", (long long)code);
}

struct answer {
    bool error;
    int64_t code, etype;
    bool has_etype;
    struct text client, realm, service;
};

static struct th_str with_realm(
    struct th_arena *a, const struct text *name, const struct text *realm)
{
    if (!name->len)
        return th_str_c("");
    return th_arena_printf(a, "%.*s/%.*s", name->len, name->p, realm->len, realm->p);
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
        TH_SET(&ev, KERBEROS, error_msg, error_name(a, ans->code));
    if (r->has_from)
        TH_SET(&ev, KERBEROS, from, r->from_ns);
    if (r->has_till)
        TH_SET(&ev, KERBEROS, till, r->till_ns);
    if (ans && ans->has_etype)
        TH_SET(&ev, KERBEROS, cipher, cipher_name(a, ans->etype));
    if (r->waiting) {
        TH_SET(&ev, KERBEROS, forwardable, r->forwardable);
        TH_SET(&ev, KERBEROS, renewable, r->renewable);
    }
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, ts));
    *r = (struct request){0};
}

static void ticket(struct th_cur field, struct answer *ans)
{
    struct th_cur app = th_der_expect(&field, 0x61);
    struct th_cur seq = th_der_expect(&app, TH_DER_SEQUENCE);
    struct th_der d;
    while (th_der_next(&seq, &d)) {
        if (d.tag == TH_DER_CONTEXT(2))
            principal(d.body, &ans->service);
        if (d.tag != TH_DER_CONTEXT(3))
            continue;
        struct th_cur enc = th_der_expect(&d.body, TH_DER_SEQUENCE);
        struct th_cur etype = th_der_expect(&enc, TH_DER_CONTEXT(0));
        struct th_cur number = th_der_expect(&etype, TH_DER_INTEGER);
        ans->etype = th_der_int(&number);
        ans->has_etype = !number.failed;
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
        while (th_der_next(&seq, &d))
            if (d.tag == TH_DER_CONTEXT(4))
                req_body(d.body, &s->request);
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

const struct th_analyser th_krb_analyser = {
    .service = TH_SVC_KRB,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
