/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate in DER (RFC 5280) out of its record: right in form, with keys and signatures that
 * are only numbers. */
#include "base/mem.h"
#include "pcap_content.h"

#include <time.h>

static void tlv(struct th_buf *out, uint8_t tag, const void *p, size_t n)
{
    th_buf_u8(out, tag);
    if (n < 128) {
        th_buf_u8(out, (uint8_t)n);
    } else if (n < 256) {
        th_buf_u8(out, 0x81);
        th_buf_u8(out, (uint8_t)n);
    } else {
        th_buf_u8(out, 0x82);
        th_buf_be16(out, (uint16_t)n);
    }
    th_buf_put(out, p, n);
}

static void wrap(struct th_buf *out, uint8_t tag, struct th_buf *inner)
{
    tlv(out, tag, inner->p, inner->len);
    th_buf_done(inner);
}

static void attribute(struct th_buf *out, struct th_str key, struct th_str value)
{
    uint8_t oid[3] = {0x55, 4, 3};
    oid[2] = th_str_is(key, "C") ? 6 : th_str_is(key, "O") ? 10 : 3;
    struct th_buf seq = TH_BUF_INIT, set = TH_BUF_INIT;
    tlv(&seq, 6, oid, 3);
    tlv(&seq, oid[2] == 6 ? 0x13 : 0x0c, value.p, value.len);
    wrap(&set, 0x30, &seq);
    wrap(out, 0x31, &set);
}

/* "CN=a,O=b,C=c" is written most specific first, stored least specific first (RFC 4514, 2.1). */
static void dn(struct th_buf *out, struct th_str text)
{
    struct th_str parts[6];
    unsigned n = 0;
    while (text.len && n < TH_ARRAY_LEN(parts))
        parts[n++] = th_str_split(&text, ',');
    struct th_buf names = TH_BUF_INIT;
    while (n > 0) {
        struct th_str value = parts[--n], key = th_str_split(&value, '=');
        attribute(&names, key, value);
    }
    wrap(out, 0x30, &names);
}

static void when(struct th_buf *out, int64_t ns)
{
    time_t t = (time_t)(ns / TH_NS_PER_S);
    struct tm tm;
    char text[24];
    gmtime_r(&t, &tm);
    size_t n =
        strftime(text, sizeof text, tm.tm_year >= 150 ? "%Y%m%d%H%M%SZ" : "%y%m%d%H%M%SZ", &tm);
    tlv(out, tm.tm_year >= 150 ? 0x18 : 0x17, text, n);
}

static void number(struct th_buf *out, struct th_str hex)
{
    uint8_t v[24] = {0};
    size_t n = 1;
    for (uint32_t i = 0; i + 1 < hex.len && n < sizeof v; i += 2) {
        char two[3] = {hex.p[i], hex.p[i + 1], 0};
        v[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    size_t from = n > 1 && !(v[1] & 0x80) ? 1 : 0;
    tlv(out, 2, v + from, n - from);
}

static const uint8_t sha256_rsa[] = {
    0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0};
static const uint8_t rsa[] = {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0};

static void public_key(struct th_buf *out)
{
    uint8_t modulus[257] = {0, 0xc1};
    for (unsigned i = 2; i < sizeof modulus; i++)
        modulus[i] = (uint8_t)(i * 167 + 11);
    struct th_buf key = TH_BUF_INIT, seq = TH_BUF_INIT, bits = TH_BUF_INIT, spki = TH_BUF_INIT;
    tlv(&key, 2, modulus, sizeof modulus);
    tlv(&key, 2, "\1\0\1", 3);
    th_buf_u8(&bits, 0);
    wrap(&bits, 0x30, &key);
    th_buf_put(&seq, rsa, sizeof rsa);
    wrap(&seq, 3, &bits);
    wrap(&spki, 0x30, &seq);
    th_buf_str(out, th_buf_view(&spki));
    th_buf_done(&spki);
}

static void extensions(struct th_buf *out, bool ca)
{
    static const uint8_t is_ca[] = {
        0x30, 15, 6, 3, 0x55, 0x1d, 19, 1, 1, 0xff, 4, 5, 0x30, 3, 1, 1, 0xff};
    static const uint8_t no_ca[] = {0x30, 12, 6, 3, 0x55, 0x1d, 19, 1, 1, 0xff, 4, 2, 0x30, 0};
    struct th_buf list = TH_BUF_INIT, seq = TH_BUF_INIT;
    th_buf_put(&seq, ca ? is_ca : no_ca, ca ? sizeof is_ca : sizeof no_ca);
    wrap(&list, 0x30, &seq);
    wrap(out, 0xa3, &list);
}

void lab_der_certificate(const struct th_ev_x509 *e, struct th_buf *out)
{
    struct th_buf tbs = TH_BUF_INIT, validity = TH_BUF_INIT, all = TH_BUF_INIT;
    tlv(&tbs, 0xa0, "\2\1\2", 3);
    number(&tbs, e->certificate_serial);
    th_buf_put(&tbs, sha256_rsa, sizeof sha256_rsa);
    dn(&tbs, e->certificate_issuer);
    when(&validity, e->certificate_not_valid_before);
    when(&validity, e->certificate_not_valid_after);
    wrap(&tbs, 0x30, &validity);
    dn(&tbs, e->certificate_subject);
    public_key(&tbs);
    extensions(&tbs, e->basic_constraints_ca);
    wrap(&all, 0x30, &tbs);
    th_buf_put(&all, sha256_rsa, sizeof sha256_rsa);
    uint8_t signature[257] = {0};
    for (unsigned i = 1; i < sizeof signature; i++)
        signature[i] = (uint8_t)(i * 91 + e->certificate_subject.len);
    tlv(&all, 3, signature, sizeof signature);
    wrap(out, 0x30, &all);
}
