/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is judged of a TLS session beside its numbers: faults of the server's certificate as anybody
 * who looks sees them, and whether names are asked for in it (DNS over TLS, HTTPS or QUIC).
 */
#ifndef TH_PROTO_TLS_TRAITS_H
#define TH_PROTO_TLS_TRAITS_H

#include "tls_session.h"
#include "x509.h"

enum th_cert_fault {
    TH_CERT_SELF_SIGNED = 1,   /* issued by itself, by name */
    TH_CERT_EXPIRED = 2,       /* at the time it was seen */
    TH_CERT_NOT_YET_VALID = 4, /* the same */
    TH_CERT_OTHER_NAME = 8     /* the client asked for a name it does not have */
};

unsigned th_cert_faults(const struct th_x509 *x, struct th_str sni, int64_t time_ns);
/* Their names, in the arena. */
struct th_strs th_cert_fault_names(struct th_arena *a, unsigned faults);

/* DOT, DOQ or DOH for a session in which names are asked for, as far as its port, its protocol, or
 * the name or address of a public resolver tell; else NONE. */
enum th_service th_tls_resolver(const struct th_conn *c, const struct th_tls_session *s);

#endif
