/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS needs around a connection that somebody else makes: what the connection has to be before
 * anything is said over it, and the certificate and key that a server shows itself with.
 */
#ifndef TH_CRYPTO_TLS_H
#define TH_CRYPTO_TLS_H

#include <gnutls/abstract.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* What GnuTLS may agree on: TLS 1.2 and 1.3; AES-256-GCM and ChaCha20-Poly1305; forward secrecy. */
extern const char th_tls_priorities[];
/* session is GnuTLS's, its handshake done: version 1.2 or later, AES-256-GCM or
 * ChaCha20-Poly1305, and a key exchange that is forward secret. */
bool th_tls_is_strong(void *session);

/* A server's key with its certificate and the chain behind that. Counted: a connection that shows
 * it holds it, so that a newer one can take its place at any time. */
struct th_tls_identity;
/* PEM: the private key first, then the certificates, the server's own before its issuers.
 * TH_E_MALFORMED: no key, no certificate, or too many; TH_E_CONFIG: the key is another's. */
int th_tls_identity_new(struct th_str pem, struct th_tls_identity **ret) TH_WARN_UNUSED;
struct th_tls_identity *th_tls_identity_ref(struct th_tls_identity *id);
void th_tls_identity_unref(struct th_tls_identity *id);
TH_DEFINE_CLEANUP(struct th_tls_identity, th_tls_identity_unref)
/* Until when the server's own certificate holds, UTC ns. */
int64_t th_tls_identity_until_ns(const struct th_tls_identity *id);
/* As gnutls_certificate_retrieve_function2 gives it; it belongs to id. */
void th_tls_identity_show(struct th_tls_identity *id, gnutls_pcert_st **ret_certificates,
    unsigned *ret_count, gnutls_privkey_t *ret_key);

#endif
