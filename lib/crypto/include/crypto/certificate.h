/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's own certificate, by GnuTLS: ECDSA P-256, signed by itself, for a master that
 * was not given one by its operator. Sensors know it by its pin.
 */
#ifndef TH_CRYPTO_CERTIFICATE_H
#define TH_CRYPTO_CERTIFICATE_H

#include "base/buf.h"
#include "base/err.h"

struct th_certificate_request {
    const char *host_name;           /* subject and first alternative name */
    const char *const *alternatives; /* host names or addresses, in text */
    size_t alternative_count;
    int64_t from_ns, until_ns; /* validity */
};

/* Appends key and certificate as PEM. The key is a secret: wipe the buffer. */
int th_certificate_make(const struct th_certificate_request *request, struct th_buf *ret_key_pem,
    struct th_buf *ret_certificate_pem) TH_WARN_UNUSED;
/* "sha256//" and base64 of the hash of the public key (RFC 7469, section 2.4): the form that
 * curl takes. */
#define TH_PIN_LEN 64
int th_certificate_pin(struct th_str certificate_pem, char ret[TH_PIN_LEN]) TH_WARN_UNUSED;

#endif
