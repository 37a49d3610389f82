/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS connection that somebody else made has to be before anything is said over it. */
#ifndef TH_CRYPTO_TLS_H
#define TH_CRYPTO_TLS_H

#include <stdbool.h>

/* session is GnuTLS's, its handshake done: version 1.2 or later, AES-256-GCM or
 * ChaCha20-Poly1305, and a key exchange that is forward secret. */
bool th_tls_is_strong(void *session);

#endif
