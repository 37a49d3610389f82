/* SPDX-License-Identifier: Apache-2.0 */
#include "x509.h"

#include "base/buf.h"
#include "crypto/hash.h"

#define NAME_TEXT_MAX 4096u

struct oid_name {
    const char *oid; /* as on the wire */
    uint8_t len;
    const char *name;
};

#define OID(bytes, name)                                                                           \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name                                                             \
    }

/* Short names of attributes as OpenSSL, and so Zeek, prints them. */
static const struct oid_name attributes[] = {
    OID("\x55\x04\x03", "CN"),
    OID("\x55\x04\x04", "SN"),
    OID("\x55\x04\x05", "serialNumber"),
    OID("\x55\x04\x06", "C"),
    OID("\x55\x04\x07", "L"),
    OID("\x55\x04\x08", "ST"),
    OID("\x55\x04\x09", "street"),
    OID("\x55\x04\x0a", "O"),
    OID("\x55\x04\x0b", "OU"),
    OID("\x55\x04\x0c", "title"),
    OID("\x55\x04\x0d", "description"),
    OID("\x55\x04\x0f", "businessCategory"),
    OID("\x55\x04\x11", "postalCode"),
    OID("\x55\x04\x29", "name"),
    OID("\x55\x04\x2a", "GN"),
    OID("\x55\x04\x2b", "initials"),
    OID("\x55\x04\x2e", "dnQualifier"),
    OID("\x55\x04\x61", "organizationIdentifier"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", "unstructuredName"),
    OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    OID("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", "jurisdictionL"),
    OID("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", "jurisdictionST"),
    OID("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", "jurisdictionC"),
};

static const struct oid_name algorithms[] = {
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "rsaEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", "md2WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "md5WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "sha1WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "rsassaPss"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "sha256WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", "sha384WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", "sha512WithRSAEncryption"),
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", "sha224WithRSAEncryption"),
    OID("\x2b\x0e\x03\x02\x1d", "sha1WithRSA"),
    OID("\x2a\x86\x48\xce\x38\x04\x01", "dsaEncryption"),
    OID("\x2a\x86\x48\xce\x38\x04\x03", "dsaWithSHA1"),
    OID("\x60\x86\x48\x01\x65\x03\x04\x03\x02", "dsa_with_SHA256"),
    OID("\x2a\x86\x48\xce\x3d\x02\x01", "id-ecPublicKey"),
    OID("\x2a\x86\x48\xce\x3d\x04\x01", "ecdsa-with-SHA1"),
    OID("\x2a\x86\x48\xce\x3d\x04\x03\x01", "ecdsa-with-SHA224"),
    OID("\x2a\x86\x48\xce\x3d\x04\x03\x02", "ecdsa-with-SHA256"),
    OID("\x2a\x86\x48\xce\x3d\x04\x03\x03", "ecdsa-with-SHA384"),
    OID("\x2a\x86\x48\xce\x3d\x04\x03\x04", "ecdsa-with-SHA512"),
    OID("\x2b\x65\x6e", "X25519"),
    OID("\x2b\x65\x70", "ED25519"),
    OID("\x2b\x65\x71", "ED448"),
};

static const struct {
    struct oid_name oid;
    uint16_t bits;
} curves[] = {
    {OID("\x2a\x86\x48\xce\x3d\x03\x01\x01", "prime192v1"), 192},
    {OID("\x2a\x86\x48\xce\x3d\x03\x01\x07", "prime256v1"), 256},
    {OID("\x2b\x81\x04\x00\x21", "secp224r1"), 224},
    {OID("\x2b\x81\x04\x00\x22", "secp384r1"), 384},
    {OID("\x2b\x81\x04\x00\x23", "secp521r1"), 521},
    {OID("\x2b\x81\x04\x00\x0a", "secp256k1"), 256},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x07", "brainpoolP256r1"), 256},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", "brainpoolP384r1"), 384},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", "brainpoolP512r1"), 512},
};

static bool is_oid(const struct th_cur *body, const struct oid_name *oid)
{
    return th_cur_left(body) == oid->len && memcmp(body->p, oid->oid, oid->len) == 0;
}

static struct th_str oid_name(
    struct th_arena *a, const struct th_cur *body, const struct oid_name *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_oid(body, &table[i]))
            return th_str_c(table[i].name);
    return th_der_oid_text(a, *body);
}

/* RFC 2253 2.4, with bytes above ASCII as \XX. */
static void put_value(struct th_buf *b, struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool edge_blank = ch == ' ' && (i == 0 || i + 1 == s.len);
        if (ch < 0x20 || ch >= 0x7f)
            th_buf_printf(b, "\\%02X", ch);
        else if (strchr(",+\"\\<>;", ch) || edge_blank || (ch == '#' && i == 0))
            th_buf_printf(b, "\\%c", ch);
        else
            th_buf_u8(b, ch);
    }
}

/* UTF-16 of which only what is ASCII or Latin is expected; printed like UTF-8 would be. */
static void put_bmp(struct th_buf *b, struct th_str s)
{
    for (uint32_t i = 0; i + 1 < s.len; i += 2) {
        unsigned v = (unsigned)(uint8_t)s.p[i] << 8 | (uint8_t)s.p[i + 1];
        char utf8[3];
        uint32_t n = 0;
        if (v < 0x80) {
            utf8[n++] = (char)v;
        } else if (v < 0x800) {
            utf8[n++] = (char)(0xc0 | v >> 6);
            utf8[n++] = (char)(0x80 | (v & 0x3f));
        } else {
            utf8[n++] = (char)(0xe0 | v >> 12);
            utf8[n++] = (char)(0x80 | (v >> 6 & 0x3f));
            utf8[n++] = (char)(0x80 | (v & 0x3f));
        }
        put_value(b, th_str_n(utf8, n));
    }
}

static void put_rdn(struct th_buf *b, struct th_arena *a, struct th_cur *set)
{
    bool first = true;
    while (th_cur_left(set)) {
        struct th_cur pair = th_der_expect(set, TH_DER_SEQUENCE);
        struct th_cur oid = th_der_expect(&pair, TH_DER_OID);
        struct th_der value;
        if (set->failed || pair.failed || !th_der_next(&pair, &value))
            return;
        th_buf_puts(b, first ? "" : "+");
        th_buf_str(b, oid_name(a, &oid, attributes, TH_ARRAY_LEN(attributes)));
        th_buf_u8(b, '=');
        struct th_str text = th_der_rest(&value.body);
        if (value.tag == TH_DER_BMP_STRING)
            put_bmp(b, text);
        else
            put_value(b, text);
        first = false;
    }
}

/* RFC 2253: the last comes first. */
static struct th_str name_text(struct th_arena *a, struct th_cur body)
{
    enum { MAX_RDNS = 32 };
    struct th_cur sets[MAX_RDNS];
    unsigned n = 0;
    while (th_cur_left(&body) && n < MAX_RDNS) {
        struct th_cur set = th_der_expect(&body, TH_DER_SET);
        if (!body.failed)
            sets[n++] = set;
    }
    TH_AUTOBUF struct th_buf b = {.limit = NAME_TEXT_MAX};
    while (n) {
        put_rdn(&b, a, &sets[--n]);
        if (n)
            th_buf_u8(&b, ',');
    }
    return th_arena_str(a, th_buf_view(&b));
}

static struct th_str serial_text(struct th_arena *a, struct th_cur body)
{
    while (th_cur_left(&body) > 1 && th_cur_peek(&body, 0) == 0)
        th_cur_skip(&body, 1);
    size_t n = TH_MIN(th_cur_left(&body), 64u);
    char *hex = th_arena_alloc(a, 2 * n + 1);
    if (!hex)
        return th_str_c("");
    th_hex(body.p, n, hex);
    for (size_t i = 0; i < 2 * n; i++)
        if (hex[i] >= 'a')
            hex[i] = (char)(hex[i] - 32);
    return th_str_n(hex, 2 * n);
}

static struct th_str algorithm(struct th_arena *a, struct th_cur seq, struct th_cur *ret_params)
{
    struct th_cur oid = th_der_expect(&seq, TH_DER_OID);
    *ret_params = seq;
    return oid_name(a, &oid, algorithms, TH_ARRAY_LEN(algorithms));
}

/* Bits of an unsigned integer's body. */
static uint32_t int_bits(struct th_cur body)
{
    while (th_cur_left(&body) > 1 && th_cur_peek(&body, 0) == 0)
        th_cur_skip(&body, 1);
    uint8_t top = th_cur_peek(&body, 0);
    if (!top)
        return 0;
    return (uint32_t)th_cur_left(&body) * 8 - (uint32_t)__builtin_clz((unsigned)top << 24);
}

static void rsa_key(struct th_arena *a, struct th_cur bits, struct th_x509 *ret)
{
    ret->key_type = "rsa";
    th_cur_skip(&bits, 1); /* unused bits */
    struct th_cur key = th_der_expect(&bits, TH_DER_SEQUENCE);
    struct th_cur modulus = th_der_expect(&key, TH_DER_INTEGER);
    struct th_cur exponent = th_der_expect(&key, TH_DER_INTEGER);
    if (key.failed)
        return;
    ret->key_bits = int_bits(modulus);
    int64_t e = th_der_int(&exponent);
    if (!exponent.failed)
        ret->exponent = th_arena_printf(a, "%lld", (long long)e);
}

static void public_key(struct th_arena *a, struct th_cur spki, struct th_x509 *ret)
{
    struct th_cur params;
    ret->key_alg = algorithm(a, th_der_expect(&spki, TH_DER_SEQUENCE), &params);
    struct th_cur bits = th_der_expect(&spki, TH_DER_BIT_STRING);
    if (th_str_is(ret->key_alg, "rsaEncryption")) {
        rsa_key(a, bits, ret);
    } else if (th_str_is(ret->key_alg, "id-ecPublicKey")) {
        struct th_cur oid = th_der_expect(&params, TH_DER_OID);
        ret->key_type = "ecdsa";
        for (size_t i = 0; i < TH_ARRAY_LEN(curves) && !params.failed; i++) {
            if (!is_oid(&oid, &curves[i].oid))
                continue;
            ret->curve = th_str_c(curves[i].oid.name);
            ret->key_bits = curves[i].bits;
        }
    } else if (th_str_is(ret->key_alg, "dsaEncryption")) {
        struct th_cur domain = th_der_expect(&params, TH_DER_SEQUENCE);
        struct th_cur p = th_der_expect(&domain, TH_DER_INTEGER);
        ret->key_type = "dsa";
        ret->key_bits = domain.failed ? 0 : int_bits(p);
    }
}

static void add_name(struct th_arena *a, struct th_x509_names *names, struct th_str s)
{
    if (names->n == names->cap) {
        uint32_t cap = names->cap ? names->cap * 2 : 8;
        struct th_str *v = cap <= TH_X509_MAX_SAN ? th_arena_alloc(a, cap * sizeof(*v)) : NULL;
        if (!v)
            return;
        if (names->n)
            memcpy(v, names->v, names->n * sizeof(*v));
        names->v = v;
        names->cap = cap;
    }
    names->v[names->n++] = s;
}

static void add_ip(struct th_arena *a, struct th_x509 *ret, struct th_str s)
{
    enum { MAX_IPS = 64 };
    if (!ret->ip)
        ret->ip = th_arena_alloc(a, MAX_IPS * sizeof(*ret->ip));
    if (!ret->ip || ret->ip_count == MAX_IPS)
        return;
    if (s.len == 4)
        ret->ip[ret->ip_count++] = th_addr_v4((const uint8_t *)s.p);
    else if (s.len == 16)
        ret->ip[ret->ip_count++] = th_addr_v6((const uint8_t *)s.p);
}

/* RFC 5280 4.2.1.6 */
static void alt_names(struct th_arena *a, struct th_cur names, struct th_x509 *ret)
{
    struct th_der d;
    while (th_der_next(&names, &d)) {
        struct th_str s = th_der_rest(&d.body);
        switch (d.tag) {
        case 0x81: add_name(a, &ret->email, s); break;
        case 0x82: add_name(a, &ret->dns, s); break;
        case 0x86: add_name(a, &ret->uri, s); break;
        case 0x87: add_ip(a, ret, s); break;
        default: break;
        }
    }
}

static void basic_constraints(struct th_cur body, struct th_x509 *ret)
{
    struct th_cur value;
    ret->has_basic = true;
    if (th_der_optional(&body, TH_DER_BOOLEAN, &value))
        ret->is_ca = th_cur_u8(&value) != 0;
    if (th_der_optional(&body, TH_DER_INTEGER, &value)) {
        int64_t n = th_der_int(&value);
        ret->has_path_len = !value.failed && n >= 0;
        ret->path_len = ret->has_path_len ? (uint64_t)n : 0;
    }
}

static void extensions(struct th_arena *a, struct th_cur list, struct th_x509 *ret)
{
    static const struct oid_name san = OID("\x55\x1d\x11", "");
    static const struct oid_name basic = OID("\x55\x1d\x13", "");
    while (th_cur_left(&list)) {
        struct th_cur ext = th_der_expect(&list, TH_DER_SEQUENCE);
        struct th_cur oid = th_der_expect(&ext, TH_DER_OID);
        struct th_cur critical;
        th_der_optional(&ext, TH_DER_BOOLEAN, &critical);
        struct th_cur value = th_der_expect(&ext, TH_DER_OCTET_STRING);
        if (list.failed || ext.failed)
            return;
        if (is_oid(&oid, &san))
            alt_names(a, th_der_expect(&value, TH_DER_SEQUENCE), ret);
        else if (is_oid(&oid, &basic))
            basic_constraints(th_der_expect(&value, TH_DER_SEQUENCE), ret);
    }
}

static void validity(struct th_cur seq, struct th_x509 *ret)
{
    struct th_der from, till;
    if (th_der_next(&seq, &from) && th_der_next(&seq, &till))
        ret->has_validity = th_der_time(from.tag, from.body, &ret->not_before_ns) &&
            th_der_time(till.tag, till.body, &ret->not_after_ns);
}

bool th_x509_parse(const uint8_t *der, size_t len, struct th_arena *a, struct th_x509 *ret)
{
    *ret = (struct th_x509){.version = 1};
    struct th_cur all = th_cur_init(der, len);
    struct th_cur cert = th_der_expect(&all, TH_DER_SEQUENCE);
    struct th_cur tbs = th_der_expect(&cert, TH_DER_SEQUENCE);
    struct th_cur part, params;
    if (th_der_optional(&tbs, TH_DER_CONTEXT(0), &part)) {
        struct th_cur v = th_der_expect(&part, TH_DER_INTEGER);
        ret->version = (unsigned)(th_der_int(&v) + 1) & 0xff;
    }
    ret->serial = serial_text(a, th_der_expect(&tbs, TH_DER_INTEGER));
    ret->sig_alg = algorithm(a, th_der_expect(&tbs, TH_DER_SEQUENCE), &params);
    ret->issuer = name_text(a, th_der_expect(&tbs, TH_DER_SEQUENCE));
    validity(th_der_expect(&tbs, TH_DER_SEQUENCE), ret);
    ret->subject = name_text(a, th_der_expect(&tbs, TH_DER_SEQUENCE));
    struct th_cur spki = th_der_expect(&tbs, TH_DER_SEQUENCE);
    if (tbs.failed || cert.failed || all.failed)
        return false;
    public_key(a, spki, ret);
    /* Unique identifiers [1] and [2] are of the past. */
    th_der_optional(&tbs, 0x81, &part);
    th_der_optional(&tbs, 0x82, &part);
    if (th_der_optional(&tbs, TH_DER_CONTEXT(3), &part))
        extensions(a, th_der_expect(&part, TH_DER_SEQUENCE), ret);
    return true;
}
