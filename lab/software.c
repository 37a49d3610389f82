/* SPDX-License-Identifier: Apache-2.0 */
#include "software.h"

#include "crypto/hash.h"

#include <stdio.h>

#define EXT_SNI 0xffffu /* stands for extension 0, which would end the list */

static const uint16_t modern[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
    0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0};
static const uint16_t modern_b[] = {0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c,
    0xc030, 0xc00a, 0xc009, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0};
static const uint16_t modern_c[] = {0x1301, 0x1302, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xc02f,
    0xcca8, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009d, 0x009c, 0x0035, 0x002f, 0xc008, 0xc012, 0x000a,
    0};
static const uint16_t system13[] = {0x1302, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e,
    0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009d, 0x009c, 0x003d, 0x003c,
    0x0035, 0x002f, 0};
static const uint16_t openssl[] = {0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8,
    0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014,
    0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff, 0};
static const uint16_t golang[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013,
    0xc00a, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0xc012, 0x000a, 0x1301, 0x1302, 0x1303, 0};
static const uint16_t java[] = {0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xcca8,
    0xc02f, 0x009f, 0xccaa, 0x00a3, 0x009e, 0x00a2, 0xc024, 0xc028, 0xc023, 0xc027, 0x006b, 0x006a,
    0x0067, 0x0040, 0x00ff, 0};
static const uint16_t embedded[] = {0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc0ad, 0xc0ac, 0xc024, 0xc023,
    0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff, 0};
static const uint16_t old[] = {0xc014, 0xc00a, 0x0039, 0x0038, 0x0035, 0xc013, 0xc009, 0x0033,
    0x002f, 0x000a, 0x0005, 0x00ff, 0};
static const uint16_t agent[] = {
    0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc02b, 0xc02f, 0x00ff, 0};
static const uint16_t implant[] = {
    0xc02f, 0xc02b, 0xc030, 0xc02c, 0x009e, 0x0067, 0x009c, 0x002f, 0};

static const uint16_t ext_a[] = {
    45, 23, 5, 13, 18, 43, 51, 11, 10, 65281, 35, EXT_SNI, 17513, 27, 16, 0};
static const uint16_t ext_a2[] = {
    65281, EXT_SNI, 27, 43, 16, 10, 35, 5, 51, 13, 45, 23, 11, 18, 17513, 0};
static const uint16_t ext_b[] = {EXT_SNI, 23, 65281, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28, 0};
static const uint16_t ext_c[] = {EXT_SNI, 23, 65281, 10, 11, 16, 5, 13, 18, 51, 45, 43, 27, 0};
static const uint16_t ext_system[] = {EXT_SNI, 5, 10, 11, 13, 35, 16, 23, 43, 51, 45, 65281, 0};
static const uint16_t ext_system_old[] = {EXT_SNI, 5, 10, 11, 13, 35, 23, 65281, 0};
static const uint16_t ext_openssl[] = {EXT_SNI, 11, 10, 16, 22, 23, 13, 43, 45, 51, 0};
static const uint16_t ext_go[] = {EXT_SNI, 5, 10, 11, 13, 65281, 16, 18, 43, 51, 0};
static const uint16_t ext_java[] = {EXT_SNI, 5, 10, 11, 13, 50, 17, 23, 43, 45, 51, 0};
static const uint16_t ext_embedded[] = {EXT_SNI, 13, 10, 11, 22, 23, 35, 0};
static const uint16_t ext_old[] = {EXT_SNI, 11, 10, 35, 0};
static const uint16_t ext_next[] = {
    EXT_SNI, 51, 13, 43, 16, 65281, 10, 5, 45, 27, 23, 18, 35, 11, 65037, 17513, 0};
static const uint16_t ext_agent[] = {EXT_SNI, 11, 10, 35, 16, 22, 23, 13, 43, 45, 51, 0};
static const uint16_t ext_implant[] = {EXT_SNI, 10, 11, 13, 23, 65281, 0};

static const uint16_t groups_new[] = {29, 23, 24, 0};
static const uint16_t groups_b[] = {29, 23, 24, 25, 256, 257, 0};
static const uint16_t groups_next[] = {4588, 29, 23, 24, 0};
static const uint16_t groups_old[] = {23, 24, 25, 0};
static const uint16_t sig_new[] = {
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0};
static const uint16_t sig_old[] = {0x0401, 0x0403, 0x0501, 0x0503, 0x0201, 0x0203, 0};

static const struct lab_tls profiles[LAB_TLS_COUNT] = {
    [LAB_TLS_BROWSER_A] = {"browser-a", 0x0304, true, modern, ext_a, groups_new, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_BROWSER_A2] = {"browser-a2", 0x0304, true, modern, ext_a2, groups_new, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_BROWSER_B] = {"browser-b", 0x0304, false, modern_b, ext_b, groups_b, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_BROWSER_C] = {"browser-c", 0x0304, true, modern_c, ext_c, groups_new, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_SYSTEM] = {"system", 0x0304, false, system13, ext_system, groups_new, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_SYSTEM_OLD] = {"system-old", 0x0303, false, system13 + 2, ext_system_old, groups_new,
        sig_old, ""},
    [LAB_TLS_APP] = {"app", 0x0304, true, modern, ext_c, groups_new, sig_new, "h2,http/1.1"},
    [LAB_TLS_MOBILE] = {"mobile", 0x0304, false, modern, ext_c, groups_new, sig_new, "h2,http/1.1"},
    [LAB_TLS_OPENSSL] = {"openssl", 0x0304, false, openssl, ext_openssl, groups_b, sig_new,
        "http/1.1"},
    [LAB_TLS_GO] = {"go", 0x0304, false, golang, ext_go, groups_new, sig_new, "h2,http/1.1"},
    [LAB_TLS_JAVA] = {"java", 0x0304, false, java, ext_java, groups_b, sig_new, ""},
    [LAB_TLS_EMBEDDED] = {"embedded", 0x0303, false, embedded, ext_embedded, groups_old, sig_old,
        ""},
    [LAB_TLS_EMBEDDED_OLD] = {"embedded-old", 0x0302, false, old, ext_old, groups_old, sig_old, ""},
    [LAB_TLS_BROWSER_NEXT] = {"browser-next", 0x0304, true, modern, ext_next, groups_next, sig_new,
        "h2,http/1.1"},
    [LAB_TLS_AGENT] = {"agent", 0x0304, false, agent, ext_agent, groups_new, sig_new, "http/1.1"},
    [LAB_TLS_IMPLANT] = {"implant", 0x0303, false, implant, ext_implant, groups_old, sig_old, ""},
};

static void list_dec(struct th_buf *b, const uint16_t *v, bool sni)
{
    bool first = true;
    for (; *v; v++) {
        if (*v == EXT_SNI && !sni)
            continue;
        th_buf_printf(b, "%s%u", first ? "" : "-", *v == EXT_SNI ? 0u : *v);
        first = false;
    }
}

static bool has_ext(const struct lab_tls *t, uint16_t ext)
{
    for (const uint16_t *v = t->extensions; *v; v++)
        if (*v == ext)
            return true;
    return false;
}

static void ja3(struct lab_tls *t, bool sni)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    uint8_t digest[TH_MD5_LEN];
    th_buf_printf(&b, "%u,", t->version > 0x0303 ? 0x0303u : t->version);
    list_dec(&b, t->ciphers, sni);
    th_buf_puts(&b, ",");
    list_dec(&b, t->extensions, sni);
    th_buf_puts(&b, ",");
    list_dec(&b, t->groups, sni);
    th_buf_puts(&b, ",0");
    th_md5(b.p, b.len, digest);
    th_hex(digest, sizeof digest, t->ja3[!sni]);
}

/* Sorted four-digit hexadecimal numbers, comma-separated. */
static unsigned sorted_hex(struct th_buf *b, const uint16_t *v, bool skip_names)
{
    uint16_t s[64];
    unsigned n = 0;
    for (; *v && n < 64; v++) {
        if (skip_names && (*v == EXT_SNI || *v == 16))
            continue;
        unsigned at = n++;
        for (; at > 0 && s[at - 1] > *v; at--)
            s[at] = s[at - 1];
        s[at] = *v;
    }
    for (unsigned i = 0; i < n; i++)
        th_buf_printf(b, "%s%04x", i ? "," : "", s[i]);
    return n;
}

static void hash12(const struct th_buf *b, char out[13])
{
    uint8_t digest[TH_SHA256_LEN];
    char hex[2 * TH_SHA256_LEN + 1];
    th_sha256(b->p, b->len, digest);
    th_hex(digest, sizeof digest, hex);
    memcpy(out, hex, 12);
    out[12] = '\0';
}

static unsigned count(const uint16_t *v, bool sni)
{
    unsigned n = 0;
    for (; *v; v++)
        n += *v != EXT_SNI || sni;
    return n;
}

static void ja4(struct lab_tls *t, bool sni)
{
    TH_AUTOBUF struct th_buf c = TH_BUF_INIT, e = TH_BUF_INIT;
    char hc[13], he[13];
    sorted_hex(&c, t->ciphers, false);
    sorted_hex(&e, t->extensions, true);
    if (has_ext(t, 13)) {
        th_buf_puts(&e, "_");
        for (const uint16_t *v = t->sigalgs; *v; v++)
            th_buf_printf(&e, "%s%04x", v == t->sigalgs ? "" : ",", *v);
    }
    hash12(&c, hc);
    hash12(&e, he);
    const char *alpn = !*t->alpn ? "00" : t->alpn[1] == '2' ? "h2" : "h1";
    snprintf(t->ja4[!sni], sizeof t->ja4[0], "t%s%c%02u%02u%s_%s_%s",
        t->version == 0x0304       ? "13"
            : t->version == 0x0303 ? "12"
                                   : "11",
        sni ? 'd' : 'i', count(t->ciphers, true), count(t->extensions, sni), alpn, hc, he);
}

size_t lab_user_agent(
    enum lab_os os, enum lab_tls_id browser, unsigned major, char *out, size_t size)
{
    static const char *const platform[] = {"Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7", "Linux; Android 14; K", "X11; Linux x86_64",
        "Embedded"};
    if (browser == LAB_TLS_BROWSER_B)
        return (size_t)snprintf(out, size, "Mozilla/5.0 (%s; rv:%u.0) Gecko/20100101 Firefox/%u.0",
            platform[os], major, major);
    if (browser == LAB_TLS_BROWSER_C)
        return (size_t)snprintf(out, size,
            "Mozilla/5.0 (%s) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%u.1 "
            "Safari/605.1.15",
            platform[os], major - 107);
    return (size_t)snprintf(out, size,
        "Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%u.0.0.0 Safari/537.36",
        platform[os], major);
}

static void put_list(struct th_buf *out, const uint16_t *v)
{
    for (; *v; v++)
        th_buf_be16(out, *v);
}

static void ext_sni(struct th_buf *b, struct th_str sni)
{
    th_buf_be16(b, (uint16_t)(sni.len + 3));
    th_buf_u8(b, 0);
    th_buf_be16(b, (uint16_t)sni.len);
    th_buf_str(b, sni);
}

static void ext_alpn(struct th_buf *b, struct th_str names)
{
    th_buf_be16(b, (uint16_t)(names.len + 1)); /* each comma stands for a length byte */
    while (names.len) {
        struct th_str one = th_str_split(&names, ',');
        th_buf_u8(b, (uint8_t)one.len);
        th_buf_str(b, one);
    }
}

static void ext_versions(struct th_buf *b, const struct lab_tls *t)
{
    th_buf_u8(b, (uint8_t)(t->grease ? 6 : 4));
    if (t->grease)
        th_buf_be16(b, 0x3a3a);
    th_buf_be16(b, 0x0304);
    th_buf_be16(b, 0x0303);
}

static void ext_body(struct th_buf *b, const struct lab_tls *t, uint16_t ext, struct th_str sni)
{
    uint8_t key[32];
    memset(key, 0x42, sizeof key);
    switch (ext) {
    case EXT_SNI: ext_sni(b, sni); break;
    case 5: th_buf_put(b, "\1\0\0\0\0", 5); break;
    case 10:
        th_buf_be16(b, (uint16_t)(2 * count(t->groups, true)));
        put_list(b, t->groups);
        break;
    case 11: th_buf_put(b, "\1\0", 2); break;
    case 13:
    case 34:
    case 50:
        th_buf_be16(b, (uint16_t)(2 * count(t->sigalgs, true)));
        put_list(b, t->sigalgs);
        break;
    case 16: ext_alpn(b, th_str_c(t->alpn)); break;
    case 27: th_buf_put(b, "\2\0\2", 3); break;
    case 28: th_buf_put(b, "\x40\1", 2); break;
    case 43: ext_versions(b, t); break;
    case 45: th_buf_put(b, "\1\1", 2); break;
    case 51:
        th_buf_put(b, "\0\x24\0\x1d\0\x20", 6);
        th_buf_put(b, key, sizeof key);
        break;
    case 17513: th_buf_put(b, "\0\3\2h2", 5); break;
    case 65281: th_buf_u8(b, 0); break;
    default: break;
    }
}

static void put_extensions(struct th_buf *b, const struct lab_tls *t, struct th_str sni)
{
    if (t->grease)
        th_buf_put(b, "\x2a\x2a\0\0", 4);
    for (const uint16_t *v = t->extensions; *v; v++) {
        struct th_buf body TH_AUTOBUF = TH_BUF_INIT;
        if (*v == EXT_SNI && !sni.len)
            continue;
        ext_body(&body, t, *v, sni);
        th_buf_be16(b, *v == EXT_SNI ? 0 : *v);
        th_buf_be16(b, (uint16_t)body.len);
        th_buf_str(b, th_buf_view(&body));
    }
}

void lab_tls_hello(const struct lab_tls *t, struct th_str sni, uint64_t random, struct th_buf *out)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT, e = TH_BUF_INIT;
    th_buf_be16(&b, t->version > 0x0303 ? 0x0303 : t->version);
    for (int i = 0; i < 4; i++)
        th_buf_le64(&b, random += UINT64_C(0x9e3779b97f4a7c15));
    th_buf_u8(&b, 32);
    for (int i = 0; i < 4; i++)
        th_buf_le64(&b, random += UINT64_C(0x9e3779b97f4a7c15));
    th_buf_be16(&b, (uint16_t)(2 * (count(t->ciphers, true) + t->grease)));
    if (t->grease)
        th_buf_be16(&b, 0x1a1a);
    put_list(&b, t->ciphers);
    th_buf_be16(&b, 0x0100);
    put_extensions(&e, t, sni);
    th_buf_be16(&b, (uint16_t)e.len);
    th_buf_str(&b, th_buf_view(&e));
    th_buf_u8(out, 22);
    th_buf_be16(out, 0x0301);
    th_buf_be16(out, (uint16_t)(b.len + 4));
    th_buf_u8(out, 1);
    th_buf_u8(out, 0);
    th_buf_be16(out, (uint16_t)b.len);
    th_buf_str(out, th_buf_view(&b));
}

static uint32_t hello_len(const struct lab_tls *t, bool sni)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    lab_tls_hello(t, th_str_n("x", sni), 0, &b);
    return (uint32_t)b.len - sni;
}

static void fingerprint(struct lab_tls *t)
{
    for (int sni = 0; sni < 2; sni++) {
        ja3(t, sni);
        ja4(t, sni);
        t->hello_len[!sni] = hello_len(t, sni);
    }
}

void lab_software_init(struct lab_tls *table)
{
    for (unsigned i = 0; i < LAB_TLS_COUNT; i++) {
        table[i] = profiles[i];
        fingerprint(&table[i]);
    }
}

/* A list without some of what stands behind its first entries. */
static const uint16_t *thinned(
    const uint16_t *list, unsigned kept, double p, struct lab_rng *r, struct th_arena *mem)
{
    uint16_t *out = th_arena_alloc(mem, (count(list, true) + 1) * sizeof *out);
    unsigned n = 0;
    for (unsigned i = 0; list[i]; i++)
        if (i < kept || list[i] == EXT_SNI || !lab_chance(r, p))
            out[n++] = list[i];
    out[n] = 0;
    return out;
}

void lab_software_variant(
    const struct lab_tls *like, struct lab_rng *r, struct th_arena *mem, struct lab_tls *ret)
{
    *ret = *like;
    ret->name = "variant";
    ret->ciphers = thinned(like->ciphers, 4, 0.25, r, mem);
    ret->extensions = thinned(like->extensions, 6, 0.15, r, mem);
    fingerprint(ret);
}
