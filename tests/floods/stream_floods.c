/* SPDX-License-Identifier: Apache-2.0 */
/* Bombs inside protocols: names of the greatest length, heads and chains without an end, messages
 * that are never completed, nesting, and texts that are all different. */
#include <string.h>

#include "base/mem.h"
#include "rig.h"

/* A connection that begins as its protocol does and then says the same until it has said so much:
 * what is never complete has to be kept, as long as anybody is to understand it. */
struct endless {
    uint16_t port;
    const char *begin;
    uint32_t begin_len;
    const char *again;
    uint32_t again_len;
    uint32_t bytes; /* of one connection */
    bool server;    /* says it */
};

static void endless(struct rig *r, const void *how)
{
    const struct endless *x = how;
    struct th_buf all = TH_BUF_INIT;
    th_buf_put(&all, x->begin, x->begin_len);
    while (all.len < x->bytes)
        th_buf_put(&all, x->again, x->again_len);
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        stream_open(r, &s, n, x->port);
        stream_say(r, &s, x->server, all.p, all.len);
    }
    th_buf_done(&all);
}

#define ENDLESS(var, port, begin, again, bytes, server)                                            \
    static const struct endless var = {                                                            \
        port, begin, sizeof(begin) - 1, again, sizeof(again) - 1, bytes, server}

ENDLESS(http_line, 80, "GET /", "a", 16000, false);
ENDLESS(http_heads, 80, "GET / HTTP/1.1\r\n", "X-Header: value of it\r\n", 1000000, false);
ENDLESS(http_pipeline, 80, "",
    "GET /long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long "
    "HTTP/1.1\r\nHost: a.example\r\nUser-Agent: "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
    300000, false);
ENDLESS(smtp_line, 25, "220 mail.example ESMTP\r\n", "250-a ", 200000, true);
ENDLESS(imap_literal, 143, "* OK IMAP4rev1 ready\r\n", "a1 LOGIN {4294967295}\r\n", 200000, true);
ENDLESS(sip_head, 5060, "INVITE sip:b@b.example SIP/2.0\r\n", "Via: SIP/2.0/TCP a.example\r\n",
    60000, false);
ENDLESS(dns_tcp, 53,
    "\xff\xff\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
    "a\x00\x00\x01\x00\x01",
    "\x00", 60000, false);
/* A ClientHello of 65,000 bytes, in records of 4 KiB, whose last byte never comes. */
ENDLESS(tls_hello, 443, "\x16\x03\x01\x10\x00\x01\x00\xfd\xe8\x03\x03", "a", 4096 + 5, false);
ENDLESS(ssh_kex, 22, "SSH-2.0-a\r\n\x00\x00\x88\x00\x04\x14", "a", 33000, false);
ENDLESS(krb, 88,
    "\x00\x00\xff\x00\x6a\x82\xfe\xfc\x30\x82\xfe\xf8\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a", "a",
    60000, false);
ENDLESS(smb_message, 445, "\x00\x00\xff\xff\xfeSMB\x40\x00", "\x00", 16000, false);
/* An index that names an entry of 4,000 bytes, once for each byte of the frame. */
ENDLESS(ldap_nest, 389, "",
    "\x30\x84\x00\x00\x40\x00\x02\x01\x01\x60\x84\x00\x00\x3f\xf0\x30\x84\x00\x00\x3f\xe0", 60000,
    false);

static const char *analyses_given_up(const struct flood_end *end)
{
    if (!end->engine.analyses_given_up)
        return "so much cannot have been kept";
    return end->cut < end->engine.analyses_given_up ? "records do not tell of analyses given up"
                                                    : NULL;
}

/* ---- TLS ---- */

static void put_hello(struct th_buf *b, uint32_t n, uint32_t name_len)
{
    uint32_t body = 2 + 32 + 1 + 2 + 4 + 2 + 2 + 4 + 5 + name_len;
    th_buf_clear(b);
    th_buf_put(b, "\x16\x03\x01", 3);
    th_buf_be16(b, (uint16_t)(body + 4));
    th_buf_be32(b, 1u << 24 | body);
    th_buf_be16(b, 0x0303);
    for (unsigned i = 0; i < 8; i++)
        th_buf_be32(b, mixed(n + i));
    th_buf_u8(b, 0);
    th_buf_be16(b, 4);
    th_buf_be32(b, mixed(n) & 0x7f7f7f7f);
    th_buf_be16(b, 0x0100);
    th_buf_be16(b, (uint16_t)(4 + 5 + name_len));
    th_buf_be16(b, 0);
    th_buf_be16(b, (uint16_t)(5 + name_len));
    th_buf_be16(b, (uint16_t)(3 + name_len));
    th_buf_u8(b, 0);
    th_buf_be16(b, (uint16_t)name_len);
    for (uint32_t i = 0; i < name_len; i++)
        th_buf_u8(b, (uint8_t)('a' + (mixed(n + i / 4) >> i % 4 * 4) % 26));
}

/* Each client with ciphers and a server name of its own; how: the name's length. */
static void hellos(struct rig *r, const void *how)
{
    struct th_buf b = TH_BUF_INIT;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        put_hello(&b, n, *(const uint32_t *)how);
        stream_open(r, &s, n, 443);
        stream_say(r, &s, 0, b.p, b.len);
    }
    th_buf_done(&b);
}
static const uint32_t short_name = 24, long_name = 16000;

/* Certificate messages of 16,000 bytes that hold nothing but certificates of one byte, without end.
 */
static void chains(struct rig *r, const void *how)
{
    struct th_buf hello = TH_BUF_INIT, b = TH_BUF_INIT;
    (void)how;
    put_hello(&hello, 1, 10);
    th_buf_put(&b, "\x16\x03\x03\x3e\x84\x0b\x00\x3e\x80\x00\x3e\x7d", 12);
    while (b.len < 5 + 16004)
        th_buf_put(&b, "\x00\x00\x01\x30", 4);
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        stream_open(r, &s, n, 443);
        stream_say(r, &s, 0, hello.p, hello.len);
        for (unsigned i = 0; i < 20; i++)
            stream_say(r, &s, 1, b.p, 5 + 16004);
    }
    th_buf_done(&hello);
    th_buf_done(&b);
}

/* ---- HTTP/2 ---- */

/* An entry of 4,000 bytes in the table, then heads that name it thousands of times. */
static void hpack(struct rig *r, const void *how)
{
    struct th_buf b = TH_BUF_INIT;
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        stream_open(r, &s, n, 80);
        th_buf_clear(&b);
        th_buf_puts(&b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        th_buf_put(&b, "\0\0\0\x04\0\0\0\0\0", 9);
        for (uint32_t id = 1; id < 400; id += 2) {
            uint32_t len = id == 1 ? 4007 : 8000;
            th_buf_u8(&b, 0);
            th_buf_be16(&b, (uint16_t)len);
            th_buf_put(&b, "\x01\x04", 2);
            th_buf_be32(&b, id);
            if (id == 1)
                th_buf_put(&b, "\x40\x01h\x7f\x81\x1e", 6); /* a name, a value of 4,000 bytes */
            for (uint32_t i = id == 1 ? 6 : 0; i < len; i++)
                th_buf_u8(&b, id == 1 ? 'v' : 0xbe);
        }
        stream_say(r, &s, 0, b.p, b.len);
    }
    th_buf_done(&b);
}

/* ---- DNS ---- */

static void put_name(struct th_buf *b, uint32_t n)
{
    for (unsigned label = 0; label < 4; label++) {
        unsigned len = label == 3 ? 61 : 63;
        th_buf_u8(b, (uint8_t)len);
        for (unsigned i = 0; i < len; i++)
            th_buf_u8(b, (uint8_t)('a' + (mixed(n * 4 + label) >> i % 28) % 26));
    }
    th_buf_u8(b, 0);
}

/* Names of 255 bytes, all different, never answered. */
static void dns_names(struct rig *r, const void *how)
{
    struct th_buf b = TH_BUF_INIT;
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {
            0x0a010000 | (n >> 3 & 0xffff), 0xc6336401, (uint16_t)(1024 + n % 50000), 53};
        th_buf_clear(&b);
        th_buf_be16(&b, (uint16_t)n);
        th_buf_put(&b, "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10);
        put_name(&b, n);
        th_buf_be32(&b, 0x00010001);
        rig_udp(r, &x, b.p, b.len);
    }
    th_buf_done(&b);
}

/* Names that point at themselves, at one another, and at what points back, in hundreds of records.
 */
static void dns_loops(struct rig *r, const void *how)
{
    struct th_buf b = TH_BUF_INIT;
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {
            0xc6336401, 0x0a010000 | (n >> 8 & 0xffff), 53, (uint16_t)(1024 + n % 50000)};
        th_buf_clear(&b);
        th_buf_be16(&b, (uint16_t)n);
        th_buf_put(&b, "\x81\x80\x00\x01\x00\x5a\x00\x00\x00\x00", 10);
        th_buf_put(&b,
            "\x03"
            "a.b\xc0\x0c\x00\x01\x00\x01",
            10);
        for (unsigned i = 0; i < 90; i++) {
            unsigned to = n % 3 == 0 ? (unsigned)b.len : n % 3 == 1 ? (unsigned)b.len + 12 : 12 + i;
            th_buf_be16(&b, (uint16_t)(0xc000 | (to & 0x3fff)));
            th_buf_put(&b, "\x00\x05\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0e", 12);
        }
        rig_udp(r, &x, b.p, b.len);
    }
    th_buf_done(&b);
}

/* Leases that nobody gives. */
static void dhcp_clients(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {0, 0xffffffff, 68, 67};
        uint8_t m[300] = {1, 1, 6, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
            (uint8_t)n, [28] = 2, [30] = (uint8_t)(n >> 16), (uint8_t)(n >> 8),
            (uint8_t)n, [236] = 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 12, 8, 'h', 'o', 's',
            't', [253] = (uint8_t)('a' + n % 26), [254] = 255};
        rig_udp(r, &x, m, sizeof(m));
    }
}

/* Requests to hosts that are all different. */
static void http_hosts(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        char text[160];
        int len = snprintf(text, sizeof(text),
            "GET /%08x HTTP/1.1\r\nHost: %08x.example\r\nUser-Agent: %08x\r\n\r\n", mixed(n),
            mixed(n + 1), mixed(n + 2));
        stream_open(r, &s, n, 80);
        stream_say(r, &s, 0, text, (size_t)len);
        stream_say(r, &s, 1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 39);
    }
}

const struct flood stream_floods[] = {
    {"http_line", 128 * MIB, 96 * MIB, 100000, NULL, endless, &http_line, analyses_given_up},
    {"http_heads", 128 * MIB, 64 * MIB, 50000, NULL, endless, &http_heads, NULL},
    {"http_pipeline", 128 * MIB, 96 * MIB, 60000, NULL, endless, &http_pipeline, NULL},
    {"smtp_line", 128 * MIB, 64 * MIB, 60000, NULL, endless, &smtp_line, NULL},
    {"imap_literal", 128 * MIB, 64 * MIB, 60000, NULL, endless, &imap_literal, NULL},
    {"sip_head", 128 * MIB, 96 * MIB, 60000, NULL, endless, &sip_head, NULL},
    {"dns_tcp", 128 * MIB, 96 * MIB, 100000, NULL, endless, &dns_tcp, analyses_given_up},
    {"tls_hello", 128 * MIB, 96 * MIB, 100000, NULL, endless, &tls_hello, analyses_given_up},
    {"ssh_kex", 128 * MIB, 96 * MIB, 100000, NULL, endless, &ssh_kex, analyses_given_up},
    {"krb", 128 * MIB, 96 * MIB, 100000, NULL, endless, &krb, analyses_given_up},
    {"smb_message", 128 * MIB, 96 * MIB, 100000, NULL, endless, &smb_message, analyses_given_up},
    {"ldap_nest", 128 * MIB, 96 * MIB, 60000, NULL, endless, &ldap_nest, NULL},
    {"tls_names", 128 * MIB, 96 * MIB, 100000, NULL, hellos, &long_name, NULL},
    {"tls_hellos", 128 * MIB, 128 * MIB, 600000, NULL, hellos, &short_name, NULL},
    {"tls_chains", 128 * MIB, 64 * MIB, 60000, NULL, chains, NULL, NULL},
    {"hpack", 128 * MIB, 64 * MIB, 60000, NULL, hpack, NULL, NULL},
    {"dns_names", 128 * MIB, 128 * MIB, 300000, NULL, dns_names, NULL, NULL},
    {"dns_loops", 128 * MIB, 128 * MIB, 100000, NULL, dns_loops, NULL, NULL},
    {"dhcp_clients", 128 * MIB, 64 * MIB, 200000, NULL, dhcp_clients, NULL, NULL},
    {"http_hosts", 128 * MIB, 128 * MIB, 600000, NULL, http_hosts, NULL, NULL},
};
const unsigned stream_flood_count = sizeof(stream_floods) / sizeof(stream_floods[0]);
