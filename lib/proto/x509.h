/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An X.509 certificate (RFC 5280) out of DER: what Zeek's x509.log tells. Texts
 * live in the arena given or point into the certificate.
 */
#ifndef TH_PROTO_X509_H
#define TH_PROTO_X509_H

#include "base/addr.h"

#include "der.h"

#define TH_X509_MAX_SAN 256u /* alternative names of one kind that are kept */

struct th_x509_names {
    struct th_str *v;
    uint32_t n, cap;
};

struct th_x509 {
    unsigned version;
    struct th_str serial, subject, issuer;
    bool has_validity;
    int64_t not_before_ns, not_after_ns;
    struct th_str sig_alg, key_alg, curve, exponent;
    const char *key_type; /* "rsa", "dsa", "ecdsa", or NULL */
    uint32_t key_bits;
    struct th_x509_names dns, uri, email;
    struct th_addr *ip;
    uint32_t ip_count;
    bool has_basic, is_ca, has_path_len;
    uint64_t path_len;
};

/* False when it is no certificate; a fault in the extensions only ends them. */
bool th_x509_parse(const uint8_t *der, size_t len, struct th_arena *a, struct th_x509 *ret);

#endif
