/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS around a connection that only reads, by GnuTLS. Rules say how this side shows itself and whom
 * it believes; a connection is driven by its descriptor, which does not block and stays the
 * caller's. Nothing is read before the other side was checked.
 */
#ifndef TH_VSENSOR_TLS_CONN_H
#define TH_VSENSOR_TLS_CONN_H

#include <sys/types.h>

#include "crypto/tls.h"

struct th_tls_rules;
/* A server's; with client_ca (PEM, else empty) only those whom it vouches for may come. */
int th_tls_rules_server(struct th_str client_ca, struct th_tls_rules **ret) TH_WARN_UNUSED;
/* A client's: the server has this pin (crypto/certificate.h), or without one is vouched for by ca.
 */
int th_tls_rules_client(
    struct th_str ca, const char *pin, struct th_tls_rules **ret) TH_WARN_UNUSED;
/* What a server shows to those who come from now on. */
void th_tls_rules_show(struct th_tls_rules *r, struct th_tls_identity *identity);
void th_tls_rules_free(struct th_tls_rules *r);
TH_DEFINE_CLEANUP(struct th_tls_rules, th_tls_rules_free)

struct th_tls_conn;
/* host: whose certificate a client wants; a server's is NULL. */
struct th_tls_conn *th_tls_conn_new(struct th_tls_rules *r, int fd, const char *host);
void th_tls_conn_free(struct th_tls_conn *c);
/* Bytes, 0 at the end, -EAGAIN when it has to wait; another error ends it. */
ssize_t th_tls_conn_read(struct th_tls_conn *c, uint8_t *to, size_t room);
bool th_tls_conn_is_open(const struct th_tls_conn *c);       /* the handshake is done */
short th_tls_conn_events(const struct th_tls_conn *c);       /* what it waits for, for poll */
const char *th_tls_conn_reason(const struct th_tls_conn *c); /* why it ended, a few words */

#endif
