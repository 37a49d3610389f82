/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tls.h"

#include <gnutls/gnutls.h>

bool th_tls_is_strong(void *session)
{
    gnutls_session_t s = session;
    gnutls_protocol_t version = gnutls_protocol_get_version(s);
    gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(s);
    gnutls_kx_algorithm_t kx = gnutls_kx_get(s);
    bool forward_secret = version == GNUTLS_TLS1_3 || kx == GNUTLS_KX_ECDHE_ECDSA ||
        kx == GNUTLS_KX_ECDHE_RSA || kx == GNUTLS_KX_DHE_RSA;
    return (version == GNUTLS_TLS1_2 || version == GNUTLS_TLS1_3) &&
        (cipher == GNUTLS_CIPHER_AES_256_GCM || cipher == GNUTLS_CIPHER_CHACHA20_POLY1305) &&
        forward_secret;
}
