/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.0 to 1.3 and SSL 3 over TCP (RFC 8446, RFC 5246): the handshake as far as it is
 * in the clear. Records are taken apart as they come; handshake messages are put
 * together across records. Once both sides are through, or one has given up, the `ssl` event is
 * made and nothing more is wanted. Certificates of TLS 1.2 and before become `x509` events.
 */
#include "analysers.h"
#include "files.h"
#include "tls_hello.h"
#include "x509.h"

#include "crypto/hash.h"

#define HANDSHAKE_MAX_BYTES (192u << 10)
#define RECORD_MAX_BYTES (16384u + 2048u)
#define CHAIN_MAX 10u
#define TEXT_MAX 512u /* a name or list of names that is kept */

enum record { REC_CCS = 20, REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23, REC_HEARTBEAT = 24 };

enum message {
    MSG_CLIENT_HELLO = 1,
    MSG_SERVER_HELLO = 2,
    MSG_CERTIFICATE = 11,
    MSG_SERVER_KEY_EXCHANGE = 12
};

enum { CLIENT, SERVER };

struct side {
    struct th_hold message; /* a handshake message in the making */
    uint8_t head[5];        /* a record's header in the making */
    uint8_t head_len;
    uint8_t type;
    uint32_t left;       /* of the record */
    uint8_t alert_len;   /* bytes of an alert seen */
    bool encrypted;      /* it changed its cipher */
    bool sent_encrypted; /* and sent something after that */
    uint8_t certs;
    char fuid[CHAIN_MAX][TH_FUID_LEN];
};

/* Text that outlives its packet. */
struct text {
    char *p;
    uint32_t len;
};

struct state {
    struct side side[2];
    int64_t first_ns, last_ns;
    bool started, have_client, have_server, emitted, resumed, has_validity, alerted, fatal;
    uint8_t alert;
    uint16_t client_best, version, cipher, group;
    uint32_t alpn_count;
    uint16_t alpn_len[TH_TLS_MAX_ALPN];
    struct text sni, alpn, next_protocol, subject, issuer;
    int64_t not_before_ns, not_after_ns;
    char ja3[TH_MD5_HEX_LEN], ja3s[TH_MD5_HEX_LEN], ja4[TH_JA4_LEN];
};

static void set_text(struct text *t, struct th_str s)
{
    free(t->p);
    t->len = TH_MIN(s.len, TEXT_MAX);
    t->p = t->len ? th_xmalloc(t->len) : NULL;
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

static struct th_str get_text(const struct text *t)
{
    return t->len ? th_str_n(t->p, t->len) : th_str_c("");
}

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
    return th_probe_at(in, 5) == MSG_CLIENT_HELLO ? TH_PROBE_CLIENT
        : th_probe_at(in, 5) == MSG_SERVER_HELLO  ? TH_PROBE_SERVER
                                                  : TH_PROBE_NO;
}

static void set_chain(struct th_ev_ssl *ev, struct th_conn *c, const struct state *s, int who)
{
    const struct side *sd = &s->side[who];
    struct th_str *list =
        sd->certs ? th_arena_alloc(&c->pr->scratch, sd->certs * sizeof(*list)) : NULL;
    if (!list)
        return;
    for (unsigned i = 0; i < sd->certs; i++)
        list[i] = th_str_n(sd->fuid[i], TH_FUID_LEN - 1);
    if (who == SERVER)
        TH_SET(ev, SSL, cert_chain_fuids, (struct th_strs){list, sd->certs});
    else
        TH_SET(ev, SSL, client_cert_chain_fuids, (struct th_strs){list, sd->certs});
}

static void set_client(struct th_ev_ssl *ev, struct th_conn *c, const struct state *s)
{
    struct th_str *list =
        s->alpn_count ? th_arena_alloc(&c->pr->scratch, s->alpn_count * sizeof(*list)) : NULL;
    const char *at = s->alpn.p;
    uint32_t n = 0, used = 0;
    for (; list && n < s->alpn_count && used + s->alpn_len[n] <= s->alpn.len; n++) {
        list[n] = th_str_n(at + used, s->alpn_len[n]);
        used += s->alpn_len[n];
    }
    TH_SET_TEXT(ev, SSL, server_name, get_text(&s->sni));
    TH_SET(ev, SSL, ja3, th_str_c(s->ja3));
    TH_SET(ev, SSL, ja4, th_str_c(s->ja4));
    TH_SET(ev, SSL, client_version, th_tls_version_name(&c->pr->scratch, s->client_best));
    if (n)
        TH_SET(ev, SSL, client_alpn, (struct th_strs){list, n});
}

static bool established(const struct state *s)
{
    return !s->fatal && s->side[CLIENT].sent_encrypted && s->side[SERVER].sent_encrypted;
}

static void emit(struct th_conn *c, struct state *s)
{
    struct th_ev_ssl ev = {0};
    struct th_arena *a = &c->pr->scratch;
    if (s->emitted || !(s->have_client || s->have_server))
        return;
    s->emitted = true;
    TH_CONN_ID(&ev, SSL, c, s->first_ns);
    if (s->have_client)
        set_client(&ev, c, s);
    if (s->have_server) {
        TH_SET(&ev, SSL, version, th_tls_version_name(a, s->version));
        TH_SET(&ev, SSL, cipher, th_tls_cipher_name(a, s->cipher));
        TH_SET(&ev, SSL, ja3s, th_str_c(s->ja3s));
        TH_SET_TEXT(&ev, SSL, next_protocol, get_text(&s->next_protocol));
    }
    if (s->group)
        TH_SET(&ev, SSL, curve, th_tls_group_name(a, s->group));
    TH_SET(&ev, SSL, resumed, s->resumed);
    if (s->alerted)
        TH_SET(&ev, SSL, last_alert, th_tls_alert_name(a, s->alert));
    TH_SET(&ev, SSL, established, established(s));
    set_chain(&ev, c, s, SERVER);
    set_chain(&ev, c, s, CLIENT);
    TH_SET_TEXT(&ev, SSL, subject, get_text(&s->subject));
    TH_SET_TEXT(&ev, SSL, issuer, get_text(&s->issuer));
    if (s->has_validity) {
        TH_SET(&ev, SSL, not_valid_before, s->not_before_ns);
        TH_SET(&ev, SSL, not_valid_after, s->not_after_ns);
    }
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
}

static void on_client_hello(struct state *s, const struct th_tls_hello *h)
{
    s->have_client = true;
    s->client_best = h->best;
    set_text(&s->sni, h->sni);
    char names[TEXT_MAX];
    uint32_t used = 0;
    for (s->alpn_count = 0; s->alpn_count < h->alpn_count; s->alpn_count++) {
        const struct th_str *name = &h->alpn[s->alpn_count];
        if (used + name->len > sizeof(names))
            break;
        memcpy(names + used, name->p, name->len);
        used += name->len;
        s->alpn_len[s->alpn_count] = (uint16_t)name->len;
    }
    set_text(&s->alpn, th_str_n(names, used));
    th_ja3(h, s->ja3);
    th_ja4(h, 't', s->ja4);
}

static void on_server_hello(struct state *s, const struct th_tls_hello *h)
{
    if (h->retry)
        return;
    s->have_server = true;
    s->version = h->best;
    s->cipher = h->ciphers.n ? th_be16_at(&h->ciphers, 0) : 0;
    if (h->key_group)
        s->group = h->key_group;
    s->resumed = h->psk;
    if (h->alpn_count)
        set_text(&s->next_protocol, h->alpn[0]);
    th_ja3s(h, s->ja3s);
}

static bool is_13(const struct state *s)
{
    return s->version == 0x0304 || s->version >> 8 == 0x7f;
}

static void emit_x509(struct th_conn *c, const struct th_x509 *x, const char *fuid, bool host,
    bool client, const char *fingerprint, int64_t time_ns)
{
    struct th_ev_x509 ev = {.h.kind = TH_KIND_X509};
    TH_SET(&ev, X509, ts, time_ns);
    TH_SET(&ev, X509, id, th_str_n(fuid, TH_FUID_LEN - 1));
    TH_SET(&ev, X509, certificate_version, x->version);
    TH_SET(&ev, X509, certificate_serial, x->serial);
    TH_SET(&ev, X509, certificate_subject, x->subject);
    TH_SET(&ev, X509, certificate_issuer, x->issuer);
    if (x->has_validity) {
        TH_SET(&ev, X509, certificate_not_valid_before, x->not_before_ns);
        TH_SET(&ev, X509, certificate_not_valid_after, x->not_after_ns);
    }
    TH_SET(&ev, X509, certificate_key_alg, x->key_alg);
    TH_SET(&ev, X509, certificate_sig_alg, x->sig_alg);
    if (x->key_type)
        TH_SET(&ev, X509, certificate_key_type, th_str_c(x->key_type));
    if (x->key_bits)
        TH_SET(&ev, X509, certificate_key_length, x->key_bits);
    TH_SET_TEXT(&ev, X509, certificate_exponent, x->exponent);
    TH_SET_TEXT(&ev, X509, certificate_curve, x->curve);
    if (x->dns.n)
        TH_SET(&ev, X509, san_dns, (struct th_strs){x->dns.v, x->dns.n});
    if (x->uri.n)
        TH_SET(&ev, X509, san_uri, (struct th_strs){x->uri.v, x->uri.n});
    if (x->email.n)
        TH_SET(&ev, X509, san_email, (struct th_strs){x->email.v, x->email.n});
    if (x->ip_count)
        TH_SET(&ev, X509, san_ip, (struct th_addrs){x->ip, x->ip_count});
    if (x->has_basic)
        TH_SET(&ev, X509, basic_constraints_ca, x->is_ca);
    if (x->has_path_len)
        TH_SET(&ev, X509, basic_constraints_path_len, x->path_len);
    TH_SET(&ev, X509, host_cert, host);
    TH_SET(&ev, X509, client_cert, client);
    TH_SET(&ev, X509, fingerprint, th_str_c(fingerprint));
    th_proto_emit(c->pr, &ev.h, time_ns);
}

static void on_certificate(
    struct th_conn *c, struct state *s, int who, struct th_str der, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct th_x509 x;
    uint8_t digest[TH_SHA256_LEN];
    char fingerprint[2 * TH_SHA256_LEN + 1];
    if (sd->certs == CHAIN_MAX)
        return;
    if (!th_x509_parse((const uint8_t *)der.p, der.len, &c->pr->scratch, &x)) {
        th_conn_weird(c, time_ns, "SSL_bad_certificate");
        return;
    }
    char *fuid = sd->fuid[sd->certs++];
    th_fuid(c, fuid);
    th_sha256(der.p, der.len, digest);
    th_hex(digest, sizeof(digest), fingerprint);
    if (who == SERVER && sd->certs == 1) {
        set_text(&s->subject, x.subject);
        set_text(&s->issuer, x.issuer);
        s->has_validity = x.has_validity;
        s->not_before_ns = x.not_before_ns;
        s->not_after_ns = x.not_after_ns;
    }
    emit_x509(c, &x, fuid, sd->certs == 1, who == CLIENT, fingerprint, time_ns);
}

/* RFC 5246 7.4.2 */
static void on_chain(
    struct th_conn *c, struct state *s, int who, struct th_cur *body, int64_t time_ns)
{
    struct th_cur list = th_cur_sub(body, th_cur_be24(body));
    while (th_cur_left(&list)) {
        struct th_str der = th_cur_bytes(&list, th_cur_be24(&list));
        if (!list.failed)
            on_certificate(c, s, who, der, time_ns);
    }
}

/* RFC 8422 5.4: named_curve is type 3. */
static void on_key_exchange(struct state *s, struct th_cur *body)
{
    if (th_cur_u8(body) == 3)
        s->group = th_cur_be16(body);
}

static enum th_verdict on_message(struct th_conn *c, struct state *s, int who, unsigned type,
    struct th_cur *body, int64_t time_ns)
{
    struct th_tls_hello h;
    switch (type) {
    case MSG_CLIENT_HELLO:
        if (who != CLIENT || !th_tls_client_hello(*body, &h))
            return s->have_client ? TH_DONE_DIR : TH_BAIL;
        if (!s->have_client)
            on_client_hello(s, &h);
        break;
    case MSG_SERVER_HELLO:
        if (who != SERVER || !th_tls_server_hello(*body, &h))
            return s->have_client ? TH_DONE_DIR : TH_BAIL;
        on_server_hello(s, &h);
        break;
    case MSG_CERTIFICATE:
        if (!is_13(s))
            on_chain(c, s, who, body, time_ns);
        break;
    case MSG_SERVER_KEY_EXCHANGE: on_key_exchange(s, body); break;
    default: break;
    }
    th_conn_service(c, TH_SVC_SSL);
    return TH_GO_ON;
}

static enum th_verdict handshake(
    struct th_conn *c, struct state *s, int who, const uint8_t *p, size_t len, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    bool ok;
    enum th_verdict v = TH_GO_ON;
    struct th_cur cur = th_hold_join(&sd->message, p, len, HANDSHAKE_MAX_BYTES + len, &ok);
    while (v == TH_GO_ON && th_cur_left(&cur) >= 4) {
        struct th_cur at = cur;
        unsigned type = th_cur_u8(&at);
        size_t n = th_cur_be24(&at);
        if (n > HANDSHAKE_MAX_BYTES)
            return s->have_client || s->have_server ? TH_DONE_DIR : TH_BAIL;
        if (th_cur_left(&at) < n)
            break;
        struct th_cur body = th_cur_sub(&at, n);
        cur = at;
        v = on_message(c, s, who, type, &body, time_ns);
    }
    if (v == TH_GO_ON && !th_hold_keep(&sd->message, &cur, HANDSHAKE_MAX_BYTES))
        return TH_DONE_DIR;
    return v;
}

static void on_alert(struct state *s, struct side *sd, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++, sd->alert_len++) {
        if (sd->alert_len == 0)
            s->fatal = s->fatal || p[i] == 2;
        else if (sd->alert_len == 1)
            s->alert = p[i];
    }
    s->alerted = s->alerted || sd->alert_len >= 2;
}

/* A piece of a record's body. */
static enum th_verdict piece(
    struct th_conn *c, struct state *s, int who, const uint8_t *p, size_t len, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    s->last_ns = time_ns;
    switch (sd->type) {
    case REC_HANDSHAKE:
        if (!sd->encrypted)
            return handshake(c, s, who, p, len, time_ns);
        sd->sent_encrypted = true;
        return TH_GO_ON;
    case REC_CCS:
        if (who == SERVER && !sd->encrypted && !is_13(s) && s->have_server &&
            !s->side[CLIENT].encrypted && !sd->certs && s->have_client)
            s->resumed = true;
        /* In TLS 1.3 it is for show (RFC 8446 D.4). */
        sd->encrypted = !is_13(s) && (who == SERVER || s->have_server);
        return TH_GO_ON;
    case REC_ALERT:
        if (!sd->encrypted)
            on_alert(s, sd, p, len);
        return s->fatal && s->alerted ? TH_DONE : TH_GO_ON;
    case REC_DATA:
        /* TLS 1.3 hides its handshake in these; early data comes before the server's hello. */
        if (s->have_server || who == SERVER)
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
    if (s->have_client || !ch->from_client || !v2_hello(ch->p, ch->len))
        return 0;
    size_t n = ((size_t)(ch->p[0] & 0x7f) << 8 | ch->p[1]) + 2;
    if (ch->len < n || !th_tls_v2_hello(th_cur_init(ch->p + 2, n - 2), &c->pr->scratch, &h))
        return 0;
    on_client_hello(s, &h);
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
                return s->have_client || s->have_server ? TH_DONE_DIR : TH_BAIL;
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
        s->first_ns = s->last_ns = ch->time_ns;
    s->started = true;
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
    emit(c, s);
    for (int i = 0; i < 2; i++)
        th_hold_done(&s->side[i].message);
    free(s->sni.p);
    free(s->alpn.p);
    free(s->next_protocol.p);
    free(s->subject.p);
    free(s->issuer.p);
}

const struct th_analyser th_tls_analyser = {
    .service = TH_SVC_SSL,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
