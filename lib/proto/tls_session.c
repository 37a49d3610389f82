/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_session.h"

#include "crypto/hash.h"

#include "tls_traits.h"

#define TEXT_MAX 512u /* a name or list of names that is kept */

enum { CLIENT = TH_TLS_CLIENT, SERVER = TH_TLS_SERVER };

static void set_text(struct th_tls_text *t, struct th_str s)
{
    free(t->p);
    t->len = TH_MIN(s.len, TEXT_MAX);
    t->p = t->len ? th_xmalloc(t->len) : NULL;
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

struct th_str th_tls_text_view(const struct th_tls_text *t)
{
    return t->len ? th_str_n(t->p, t->len) : th_str_c("");
}

static void set_chain(
    struct th_ev_ssl *ev, struct th_conn *c, const struct th_tls_session *s, int who)
{
    const struct th_tls_chain *chain = &s->chain[who];
    struct th_str *list =
        chain->certs ? th_arena_alloc(&c->pr->scratch, chain->certs * sizeof(*list)) : NULL;
    if (!list)
        return;
    for (unsigned i = 0; i < chain->certs; i++)
        list[i] = th_str_n(chain->fuid[i], TH_FUID_LEN - 1);
    if (who == SERVER)
        TH_SET(ev, SSL, cert_chain_fuids, (struct th_strs){list, chain->certs});
    else
        TH_SET(ev, SSL, client_cert_chain_fuids, (struct th_strs){list, chain->certs});
}

static void set_client(struct th_ev_ssl *ev, struct th_conn *c, const struct th_tls_session *s)
{
    struct th_str *list =
        s->alpn_count ? th_arena_alloc(&c->pr->scratch, s->alpn_count * sizeof(*list)) : NULL;
    const char *at = s->alpn.p;
    uint32_t n = 0, used = 0;
    for (; list && n < s->alpn_count && used + s->alpn_len[n] <= s->alpn.len; n++) {
        list[n] = th_str_n(at + used, s->alpn_len[n]);
        used += s->alpn_len[n];
    }
    TH_SET_TEXT(ev, SSL, server_name, th_tls_text_view(&s->sni));
    TH_SET(ev, SSL, ja3, th_str_c(s->ja3));
    TH_SET(ev, SSL, ja4, th_str_c(s->ja4));
    TH_SET(ev, SSL, client_version, th_tls_version_name(&c->pr->scratch, s->client_best));
    if (n)
        TH_SET(ev, SSL, client_alpn, (struct th_strs){list, n});
    if (s->ech)
        TH_SET(ev, SSL, ech, true);
}

void th_tls_emit(struct th_conn *c, struct th_tls_session *s, bool established)
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
        TH_SET_TEXT(&ev, SSL, next_protocol, th_tls_text_view(&s->next_protocol));
    }
    if (s->group)
        TH_SET(&ev, SSL, curve, th_tls_group_name(a, s->group));
    TH_SET(&ev, SSL, resumed, s->resumed);
    if (s->alerted)
        TH_SET(&ev, SSL, last_alert, th_tls_alert_name(a, s->alert));
    TH_SET(&ev, SSL, established, established);
    set_chain(&ev, c, s, SERVER);
    set_chain(&ev, c, s, CLIENT);
    TH_SET_TEXT(&ev, SSL, subject, th_tls_text_view(&s->subject));
    TH_SET_TEXT(&ev, SSL, issuer, th_tls_text_view(&s->issuer));
    if (s->has_validity) {
        TH_SET(&ev, SSL, not_valid_before, s->not_before_ns);
        TH_SET(&ev, SSL, not_valid_after, s->not_after_ns);
    }
    if (s->cert_faults)
        TH_SET(&ev, SSL, cert_faults, th_cert_fault_names(a, s->cert_faults));
    enum th_service names = th_tls_resolver(c, s);
    if (names != TH_SVC_NONE)
        th_conn_service(c, names);
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
}

void th_tls_took_client_hello(struct th_tls_session *s, const struct th_tls_hello *h)
{
    s->have_client = true;
    s->client_best = h->best;
    s->ech = h->ech;
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
    th_ja4(h, s->transport, s->ja4);
}

static void on_server_hello(struct th_tls_session *s, const struct th_tls_hello *h)
{
    s->version = h->best; /* of a retry too: what follows, a change of cipher among it, is 1.3's */
    if (h->retry)
        return;
    s->have_server = true;
    s->cipher = h->ciphers.n ? th_be16_at(&h->ciphers, 0) : 0;
    if (h->key_group)
        s->group = h->key_group;
    s->resumed = h->psk;
    if (h->alpn_count)
        set_text(&s->next_protocol, h->alpn[0]);
    th_ja3s(h, s->ja3s);
}

bool th_tls_is_13(const struct th_tls_session *s)
{
    return s->version == 0x0304 || s->version == 0xfefc || s->version >> 8 == 0x7f;
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
    struct th_conn *c, struct th_tls_session *s, int who, struct th_str der, int64_t time_ns)
{
    struct th_tls_chain *chain = &s->chain[who];
    struct th_x509 x;
    uint8_t digest[TH_SHA256_LEN];
    char fingerprint[2 * TH_SHA256_LEN + 1];
    if (chain->looked_at == TH_TLS_CHAIN_MAX)
        return;
    chain->looked_at++;
    if (!th_x509_parse((const uint8_t *)der.p, der.len, &c->pr->scratch, &x)) {
        th_conn_weird(c, time_ns, "SSL_bad_certificate");
        return;
    }
    char *fuid = chain->fuid[chain->certs++];
    th_fuid(c, fuid);
    th_sha256(der.p, der.len, digest);
    th_hex(digest, sizeof(digest), fingerprint);
    if (who == SERVER && chain->certs == 1) {
        set_text(&s->subject, x.subject);
        set_text(&s->issuer, x.issuer);
        s->has_validity = x.has_validity;
        s->not_before_ns = x.not_before_ns;
        s->not_after_ns = x.not_after_ns;
        s->cert_faults = (uint8_t)th_cert_faults(&x, th_tls_text_view(&s->sni), time_ns);
    }
    emit_x509(c, &x, fuid, chain->certs == 1, who == CLIENT, fingerprint, time_ns);
}

/* RFC 5246 7.4.2 */
static void on_chain(
    struct th_conn *c, struct th_tls_session *s, int who, struct th_cur *body, int64_t time_ns)
{
    struct th_cur list = th_cur_sub(body, th_cur_be24(body));
    while (th_cur_left(&list)) {
        struct th_str der = th_cur_bytes(&list, th_cur_be24(&list));
        if (!list.failed)
            on_certificate(c, s, who, der, time_ns);
    }
}

/* RFC 8422 5.4: named_curve is type 3. */
static void on_key_exchange(struct th_tls_session *s, struct th_cur *body)
{
    if (th_cur_u8(body) == 3)
        s->group = th_cur_be16(body);
}

enum th_verdict th_tls_message(struct th_conn *c, struct th_tls_session *s, int who, unsigned type,
    struct th_cur *body, int64_t time_ns)
{
    struct th_tls_hello h;
    switch (type) {
    case TH_TLS_CLIENT_HELLO:
        if (who != CLIENT || !th_tls_client_hello(*body, &h))
            return s->have_client ? TH_DONE_DIR : TH_BAIL;
        if (!s->have_client)
            th_tls_took_client_hello(s, &h);
        break;
    case TH_TLS_SERVER_HELLO:
        if (who != SERVER || !th_tls_server_hello(*body, &h))
            return s->have_client ? TH_DONE_DIR : TH_BAIL;
        on_server_hello(s, &h);
        break;
    case TH_TLS_CERTIFICATE:
        if (!th_tls_is_13(s))
            on_chain(c, s, who, body, time_ns);
        break;
    case TH_TLS_SERVER_KEY_EXCHANGE: on_key_exchange(s, body); break;
    default: break;
    }
    return TH_GO_ON;
}

void th_tls_session_done(struct th_tls_session *s)
{
    free(s->sni.p);
    free(s->alpn.p);
    free(s->next_protocol.p);
    free(s->subject.p);
    free(s->issuer.p);
}
