/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/time.h"

enum { MAX_CHAIN = 10, KEY_ID_BYTES = 32 };

const char th_tls_priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA:"
    "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SECP256R1-SHA256:"
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-RSAE-SHA256:"
    "+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+CTYPE-X509:+COMP-NULL:"
    "%SERVER_PRECEDENCE:%SAFE_RENEGOTIATION";

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

/* ---- a server's key and certificates ---- */

struct th_tls_identity {
    unsigned refs;
    gnutls_privkey_t key;
    gnutls_pcert_st certificates[MAX_CHAIN];
    unsigned count;
    int64_t until_ns;
};

static void pubkey_done(gnutls_pubkey_t *k)
{
    if (*k)
        gnutls_pubkey_deinit(*k);
}

static void crt_done(gnutls_x509_crt_t *c)
{
    if (*c)
        gnutls_x509_crt_deinit(*c);
}

/* Whether the first certificate is of this key. */
static int check_pair(struct th_tls_identity *id)
{
    TH_CLEANUP(pubkey_done) gnutls_pubkey_t own = NULL;
    uint8_t ids[2][KEY_ID_BYTES];
    size_t len[2] = {KEY_ID_BYTES, KEY_ID_BYTES};
    int r = gnutls_pubkey_init(&own);
    if (r >= 0)
        r = gnutls_pubkey_import_privkey(own, id->key, 0, 0);
    if (r >= 0)
        r = gnutls_pubkey_get_key_id(own, GNUTLS_KEYID_USE_SHA256, ids[0], &len[0]);
    if (r >= 0)
        r = gnutls_pubkey_get_key_id(
            id->certificates[0].pubkey, GNUTLS_KEYID_USE_SHA256, ids[1], &len[1]);
    if (r < 0)
        return TH_E_MALFORMED;
    return len[0] == len[1] && memcmp(ids[0], ids[1], len[0]) == 0 ? 0 : TH_E_CONFIG;
}

static int read_validity(struct th_tls_identity *id)
{
    TH_CLEANUP(crt_done) gnutls_x509_crt_t crt = NULL;
    int r = gnutls_x509_crt_init(&crt);
    if (r >= 0)
        r = gnutls_x509_crt_import(crt, &id->certificates[0].cert, GNUTLS_X509_FMT_DER);
    if (r < 0)
        return TH_E_MALFORMED;
    time_t until = gnutls_x509_crt_get_expiration_time(crt);
    bool fits = until >= 0 && until <= INT64_MAX / TH_NS_PER_S;
    id->until_ns = fits ? (int64_t)until * TH_NS_PER_S : INT64_MAX;
    return 0;
}

int th_tls_identity_new(struct th_str pem, struct th_tls_identity **ret)
{
    TH_CLEANUP(th_tls_identity_unrefp) struct th_tls_identity *id = th_xcalloc(1, sizeof(*id));
    gnutls_datum_t in = {.data = (unsigned char *)(uintptr_t)pem.p, .size = (unsigned)pem.len};
    id->refs = 1;
    if (pem.len > UINT32_MAX)
        return TH_E_MALFORMED;
    int r = gnutls_privkey_init(&id->key);
    if (r >= 0)
        r = gnutls_privkey_import_x509_raw(id->key, &in, GNUTLS_X509_FMT_PEM, NULL, 0);
    unsigned count = MAX_CHAIN;
    if (r >= 0)
        r = gnutls_pcert_list_import_x509_raw(id->certificates, &count, &in, GNUTLS_X509_FMT_PEM,
            GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (r < 0)
        return TH_E_MALFORMED;
    id->count = count;
    r = count > 0 ? check_pair(id) : TH_E_MALFORMED;
    if (r == 0)
        r = read_validity(id);
    if (r < 0)
        return r;
    *ret = TH_TAKE(id);
    return 0;
}

struct th_tls_identity *th_tls_identity_ref(struct th_tls_identity *id)
{
    id->refs++;
    return id;
}

void th_tls_identity_unref(struct th_tls_identity *id)
{
    if (!id || --id->refs > 0)
        return;
    for (unsigned i = 0; i < id->count; i++)
        gnutls_pcert_deinit(&id->certificates[i]);
    if (id->key)
        gnutls_privkey_deinit(id->key);
    free(id);
}

int64_t th_tls_identity_until_ns(const struct th_tls_identity *id)
{
    return id->until_ns;
}

void th_tls_identity_show(struct th_tls_identity *id, gnutls_pcert_st **ret_certificates,
    unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    *ret_certificates = id->certificates;
    *ret_count = id->count;
    *ret_key = id->key;
}
