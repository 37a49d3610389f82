/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_hello.h"

#include "base/buf.h"
#include "crypto/hash.h"

#define TEXT_LIMIT (512u << 10)

/* Printing would cost more than all the rest of a handshake. separator: 0 for none. */
static void put_number(struct th_buf *b, char separator, unsigned v)
{
    char text[12];
    size_t at = sizeof(text);
    do
        text[--at] = (char)('0' + v % 10);
    while (v /= 10);
    if (separator)
        text[--at] = separator;
    th_buf_put(b, text + at, sizeof(text) - at);
}

static void put_hex(struct th_buf *b, char separator, uint16_t v)
{
    const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    char text[6] = {separator};
    th_hex(bytes, 2, text + 1);
    th_buf_put(b, text + !separator, 5 - !separator);
}

static void put_list(struct th_buf *b, const struct th_be16_list *l)
{
    bool first = true;
    for (uint32_t i = 0; i < l->n; i++) {
        uint16_t v = th_be16_at(l, i);
        if (th_tls_grease(v))
            continue;
        put_number(b, first ? 0 : '-', v);
        first = false;
    }
}

static void put_extensions(struct th_buf *b, const struct th_tls_hello *h)
{
    bool first = true;
    for (uint32_t i = 0; i < h->extension_count; i++) {
        if (th_tls_grease(h->extensions[i]))
            continue;
        put_number(b, first ? 0 : '-', h->extensions[i]);
        first = false;
    }
}

static void md5_hex(const struct th_buf *b, char out[TH_MD5_HEX_LEN])
{
    uint8_t digest[TH_MD5_LEN];
    th_md5(b->p, b->len, digest);
    th_hex(digest, sizeof(digest), out);
}

/* Version, ciphers, extensions, groups, point formats (salesforce/ja3's README). */
void th_ja3(const struct th_tls_hello *h, char out[TH_MD5_HEX_LEN])
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    put_number(&b, 0, h->version);
    th_buf_u8(&b, ',');
    put_list(&b, &h->ciphers);
    th_buf_u8(&b, ',');
    put_extensions(&b, h);
    th_buf_u8(&b, ',');
    put_list(&b, &h->groups);
    th_buf_u8(&b, ',');
    for (uint32_t i = 0; i < h->points.len; i++)
        put_number(&b, i ? '-' : 0, (uint8_t)h->points.p[i]);
    md5_hex(&b, out);
}

void th_ja3s(const struct th_tls_hello *h, char out[TH_MD5_HEX_LEN])
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    put_number(&b, 0, h->version);
    th_buf_u8(&b, ',');
    put_list(&b, &h->ciphers);
    th_buf_u8(&b, ',');
    put_extensions(&b, h);
    md5_hex(&b, out);
}

static const char *ja4_version(uint16_t version)
{
    switch (version) {
    case 0x0304: return "13";
    case 0x0303: return "12";
    case 0x0302: return "11";
    case 0x0301: return "10";
    case 0x0300: return "s3";
    case 0x0002: return "s2";
    case 0xfeff: return "d1";
    case 0xfefd: return "d2";
    case 0xfefc: return "d3";
    default: return "00";
    }
}

static bool alnum(uint8_t ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal when they are not letters. */
static void ja4_alpn(const struct th_tls_hello *h, char out[2])
{
    out[0] = out[1] = '0';
    if (!h->alpn_count || !h->alpn[0].len)
        return;
    const struct th_str *s = &h->alpn[0];
    uint8_t first = (uint8_t)s->p[0], last = (uint8_t)s->p[s->len - 1];
    if (alnum(first) && alnum(last)) {
        out[0] = (char)first;
        out[1] = (char)last;
        return;
    }
    char hex[3];
    th_hex(&first, 1, hex);
    out[0] = hex[0];
    th_hex(&last, 1, hex);
    out[1] = hex[1];
}

static int compare_u16(const void *a, const void *b)
{
    uint16_t x, y;
    memcpy(&x, a, 2);
    memcpy(&y, b, 2);
    return (x > y) - (x < y);
}

/* The lists of real clients are short; those of others may have tens of thousands. */
static void sort_u16(uint16_t *v, uint32_t n)
{
    const uint32_t few = 64;
    if (n > few) {
        qsort(v, n, sizeof(*v), compare_u16);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        uint16_t one = v[i];
        uint32_t at = i;
        for (; at > 0 && v[at - 1] > one; at--)
            v[at] = v[at - 1];
        v[at] = one;
    }
}

static void put_hex16(struct th_buf *b, const uint16_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put_hex(b, i ? ',' : 0, v[i]);
}

static void hash12(const struct th_buf *b, bool any, char out[13])
{
    uint8_t digest[TH_SHA256_LEN];
    memcpy(out, "000000000000", 13);
    if (!any)
        return;
    th_sha256(b->p, b->len, digest);
    th_hex(digest, 6, out);
}

static uint32_t ja4_ciphers(const struct th_tls_hello *h, char out[13])
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    uint16_t *v TH_AUTOFREE = th_xcalloc((size_t)h->ciphers.n + 1, sizeof(*v));
    uint32_t n = 0;
    for (uint32_t i = 0; i < h->ciphers.n; i++) {
        uint16_t cipher = th_be16_at(&h->ciphers, i);
        if (!th_tls_grease(cipher))
            v[n++] = cipher;
    }
    sort_u16(v, n);
    put_hex16(&b, v, n);
    hash12(&b, n != 0, out);
    return n;
}

static uint32_t ja4_extensions(const struct th_tls_hello *h, char out[13])
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    uint16_t v[TH_TLS_MAX_EXTENSIONS];
    uint32_t n = 0, all = 0;
    for (uint32_t i = 0; i < h->extension_count; i++) {
        uint16_t type = h->extensions[i];
        all += !th_tls_grease(type);
        if (!th_tls_grease(type) && type != 0 && type != 16)
            v[n++] = type;
    }
    sort_u16(v, n);
    put_hex16(&b, v, n);
    bool first = true;
    for (uint32_t i = 0; i < h->sig_algs.n; i++) {
        uint16_t alg = th_be16_at(&h->sig_algs, i);
        if (th_tls_grease(alg))
            continue;
        put_hex(&b, first ? '_' : ',', alg);
        first = false;
    }
    hash12(&b, n != 0, out);
    return all;
}

static char *put_two_digits(char *p, uint32_t n)
{
    n = TH_MIN(n, 99u);
    *p++ = (char)('0' + n / 10);
    *p++ = (char)('0' + n % 10);
    return p;
}

void th_ja4(const struct th_tls_hello *h, char transport, char out[TH_JA4_LEN])
{
    char ciphers[13], extensions[13], alpn[2];
    uint32_t cipher_count = ja4_ciphers(h, ciphers);
    uint32_t extension_count = ja4_extensions(h, extensions);
    ja4_alpn(h, alpn);
    const char *version = ja4_version(h->highest);
    char *p = out;
    *p++ = transport;
    p = mempcpy(p, version, 2);
    *p++ = h->has_sni ? 'd' : 'i';
    p = put_two_digits(p, cipher_count);
    p = put_two_digits(p, extension_count);
    p = mempcpy(p, alpn, 2);
    *p++ = '_';
    p = mempcpy(p, ciphers, 12);
    *p++ = '_';
    memcpy(p, extensions, 13);
}
