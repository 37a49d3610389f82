/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client Hello and Server Hello (RFC 8446 4.1, RFC 5246 7.4.1) out of the bytes of
 * a handshake message, and the fingerprints made of them. All views point into the
 * message. Shared by TLS, and by whatever else carries these messages.
 */
#ifndef TH_PROTO_TLS_HELLO_H
#define TH_PROTO_TLS_HELLO_H

#include "base/arena.h"
#include "base/cursor.h"

#define TH_TLS_MAX_EXTENSIONS 128u
#define TH_TLS_MAX_ALPN 16u
#define TH_MD5_HEX_LEN 33
#define TH_JA4_LEN 37

/* A list of 16-bit numbers as it stands in the message. */
struct th_be16_list {
    const uint8_t *p;
    uint32_t n;
};

static inline uint16_t th_be16_at(const struct th_be16_list *l, uint32_t i)
{
    return (uint16_t)(l->p[2 * i] << 8 | l->p[2 * i + 1]);
}

/* RFC 8701: values that mean nothing, to keep servers tolerant. */
static inline bool th_tls_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* OpenSSL's version 1.0 before the RFC, too. */
static inline bool th_tls_dtls(uint16_t version)
{
    return version >> 8 == 0xfe || version == 0x0100;
}

struct th_tls_hello {
    uint16_t version; /* as the field says; the newest of the extension: `best` */
    uint16_t best;
    uint16_t highest;                         /* of a client, drafts and all: JA4's */
    bool has_ext_version, has_highest, retry; /* retry: a Hello Retry Request */
    struct th_str session_id;
    struct th_be16_list ciphers; /* a server's: one */
    struct th_be16_list groups, sig_algs, versions;
    struct th_str points; /* EC point formats, bytes */
    uint16_t extensions[TH_TLS_MAX_EXTENSIONS];
    uint32_t extension_count;
    bool has_sni;
    struct th_str sni;
    struct th_str alpn[TH_TLS_MAX_ALPN];
    uint32_t alpn_count;
    uint16_t key_group; /* a server's key share */
    bool psk;           /* pre_shared_key: a server that took one */
    bool ech;           /* encrypted_client_hello, or GREASE that looks like it */
};

/* The body of a handshake message. False: malformed (what was read before the fault is set). */
bool th_tls_client_hello(struct th_cur body, struct th_tls_hello *ret);
bool th_tls_server_hello(struct th_cur body, struct th_tls_hello *ret);
/* SSLv2-compatible Client Hello (RFC 5246 E.2), from the message type on; ciphers: three bytes
 * each, of which the TLS ones are copied into the arena. */
bool th_tls_v2_hello(struct th_cur body, struct th_arena *arena, struct th_tls_hello *ret);

/* JA3 and JA3S: MD5 in hexadecimal of the hello's numbers; GREASE left out. */
void th_ja3(const struct th_tls_hello *h, char out[TH_MD5_HEX_LEN]);
void th_ja3s(const struct th_tls_hello *h, char out[TH_MD5_HEX_LEN]);
/* JA4 of a client, after FoxIO's specification (the open one of that family). transport: 't'
 * for TCP, 'q' for QUIC, 'd' for DTLS. */
void th_ja4(const struct th_tls_hello *h, char transport, char out[TH_JA4_LEN]);

/* Names as Zeek prints them; unknown ones as "unknown-NUMBER" in the arena. */
struct th_str th_tls_version_name(struct th_arena *a, uint16_t version);
struct th_str th_tls_cipher_name(struct th_arena *a, uint16_t cipher);
struct th_str th_tls_group_name(struct th_arena *a, uint16_t group);
struct th_str th_tls_alert_name(struct th_arena *a, uint8_t alert);

#endif
