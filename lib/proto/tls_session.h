/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the messages of a handshake say, whoever carried them: TLS over TCP, DTLS and QUIC bring
 * their messages here one by one and get one `ssl` event, and an `x509` event for each
 * certificate. Texts are copied: they outlive their packets.
 */
#ifndef TH_PROTO_TLS_SESSION_H
#define TH_PROTO_TLS_SESSION_H

#include "files.h"
#include "tls_hello.h"

#define TH_TLS_CHAIN_MAX 10u
#define TH_TLS_HANDSHAKE_MAX_BYTES (192u << 10) /* of one message */

enum th_tls_message {
    TH_TLS_CLIENT_HELLO = 1,
    TH_TLS_SERVER_HELLO = 2,
    TH_TLS_CERTIFICATE = 11,
    TH_TLS_SERVER_KEY_EXCHANGE = 12
};

enum { TH_TLS_CLIENT, TH_TLS_SERVER };

struct th_tls_text {
    char *p;
    uint32_t len;
};

struct th_tls_chain {
    uint8_t certs, looked_at; /* good ones; all, so that bad ones have an end as well */
    char fuid[TH_TLS_CHAIN_MAX][TH_FUID_LEN];
};

/* Zeroed at first; `transport` is for JA4 (tls_hello.h), the rest is set here and only read. */
struct th_tls_session {
    char transport;
    bool have_client, have_server, emitted, resumed, has_validity, alerted, fatal;
    bool ech;
    uint8_t alert, cert_faults; /* cert_faults: tls_traits.h */
    uint16_t client_best, version, cipher, group;
    uint32_t alpn_count;
    uint16_t alpn_len[TH_TLS_MAX_ALPN];
    int64_t first_ns, last_ns; /* of the messages: the carrier's to set */
    int64_t not_before_ns, not_after_ns;
    struct th_tls_text sni, alpn, next_protocol, subject, issuer;
    struct th_tls_chain chain[2];
    char ja3[TH_MD5_HEX_LEN], ja3s[TH_MD5_HEX_LEN], ja4[TH_JA4_LEN];
};

/* One whole handshake message. TH_BAIL: it is none, and nothing before it was. */
enum th_verdict th_tls_message(struct th_conn *c, struct th_tls_session *s, int who, unsigned type,
    struct th_cur *body, int64_t time_ns);
void th_tls_took_client_hello(struct th_tls_session *s, const struct th_tls_hello *h);
bool th_tls_is_13(const struct th_tls_session *s);
struct th_str th_tls_text_view(const struct th_tls_text *t);
/* The event, once, if there was a hello. */
void th_tls_emit(struct th_conn *c, struct th_tls_session *s, bool established);
void th_tls_session_done(struct th_tls_session *s);
/* Bytes of the texts. */
static inline uint32_t th_tls_session_held(const struct th_tls_session *s)
{
    return s->sni.len + s->alpn.len + s->next_protocol.len + s->subject.len + s->issuer.len;
}

#endif
