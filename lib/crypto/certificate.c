/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/time.h"

static void key_done(gnutls_x509_privkey_t *k)
{
    if (*k)
        gnutls_x509_privkey_deinit(*k);
}

static void crt_done(gnutls_x509_crt_t *c)
{
    if (*c)
        gnutls_x509_crt_deinit(*c);
}

static int add_alternative(gnutls_x509_crt_t crt, const char *name)
{
    struct in6_addr addr;
    unsigned len = 0;
    if (inet_pton(AF_INET, name, &addr) == 1)
        len = 4;
    else if (inet_pton(AF_INET6, name, &addr) == 1)
        len = 16;
    return len ? gnutls_x509_crt_set_subject_alt_name(
                     crt, GNUTLS_SAN_IPADDRESS, &addr, len, GNUTLS_FSAN_APPEND)
               : gnutls_x509_crt_set_subject_alt_name(
                     crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int fill(
    gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct th_certificate_request *q)
{
    uint8_t serial[16];
    int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] &= 0x7f; /* positive, RFC 5280 section 4.1.2.2 */
    if (r >= 0)
        r = gnutls_x509_crt_set_version(crt, 3);
    if (r >= 0)
        r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
    if (r >= 0)
        r = gnutls_x509_crt_set_dn_by_oid(
            crt, GNUTLS_OID_X520_COMMON_NAME, 0, q->host_name, (unsigned)strlen(q->host_name));
    if (r >= 0)
        r = gnutls_x509_crt_set_activation_time(crt, (time_t)(q->from_ns / TH_NS_PER_S));
    if (r >= 0)
        r = gnutls_x509_crt_set_expiration_time(crt, (time_t)(q->until_ns / TH_NS_PER_S));
    if (r >= 0)
        r = add_alternative(crt, q->host_name);
    for (size_t i = 0; r >= 0 && i < q->alternative_count; i++)
        r = add_alternative(crt, q->alternatives[i]);
    if (r >= 0)
        r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    if (r >= 0)
        r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (r >= 0)
        r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (r >= 0)
        r = gnutls_x509_crt_set_key(crt, key);
    if (r >= 0)
        r = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    return r;
}

static void put_pem(struct th_buf *out, gnutls_datum_t *pem)
{
    th_buf_put(out, pem->data, pem->size);
    gnutls_memset(pem->data, 0, pem->size);
    gnutls_free(pem->data);
    pem->data = NULL;
}

int th_certificate_make(const struct th_certificate_request *q, struct th_buf *ret_key_pem,
    struct th_buf *ret_certificate_pem)
{
    TH_CLEANUP(key_done) gnutls_x509_privkey_t key = NULL;
    TH_CLEANUP(crt_done) gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t key_pem = {0};
    gnutls_datum_t crt_pem = {0};
    int r = gnutls_x509_privkey_init(&key);
    if (r >= 0)
        r = gnutls_x509_privkey_generate(
            key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (r >= 0)
        r = gnutls_x509_crt_init(&crt);
    if (r >= 0)
        r = fill(crt, key, q);
    if (r >= 0)
        r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem);
    if (r >= 0)
        put_pem(ret_certificate_pem, &crt_pem);
    if (r >= 0)
        r = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem);
    if (r >= 0)
        put_pem(ret_key_pem, &key_pem);
    return r < 0 ? -EINVAL : 0;
}

int th_certificate_pin(struct th_str pem, char ret[TH_PIN_LEN])
{
    TH_CLEANUP(crt_done) gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t in = {.data = (unsigned char *)pem.p, .size = (unsigned)pem.len};
    uint8_t hash[32];
    size_t len = sizeof(hash);
    gnutls_datum_t raw = {.data = hash, .size = sizeof(hash)};
    gnutls_datum_t text = {0};
    int r = gnutls_x509_crt_init(&crt);
    if (r >= 0)
        r = gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_PEM);
    if (r >= 0)
        r = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, hash, &len);
    if (r >= 0)
        r = gnutls_base64_encode2(&raw, &text);
    if (r < 0)
        return TH_E_MALFORMED;
    snprintf(ret, TH_PIN_LEN, "sha256//%.*s", (int)text.size, (const char *)text.data);
    gnutls_free(text.data);
    return 0;
}
