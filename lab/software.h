/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client software: what its TLS hello looks like, and the fingerprints that follow
 * from it (JA3: MD5 over version, ciphers, extensions, groups and point formats in order;
 * JA4: FoxIO's TLS client fingerprint, BSD part). The hello in packets is built from
 * the same lists, so events and packets agree.
 */
#ifndef TH_LAB_SOFTWARE_H
#define TH_LAB_SOFTWARE_H

#include "base/arena.h"
#include "base/buf.h"
#include "rng.h"

enum lab_tls_id {
    LAB_TLS_BROWSER_A,
    LAB_TLS_BROWSER_A2,
    LAB_TLS_BROWSER_B,
    LAB_TLS_BROWSER_C,
    LAB_TLS_SYSTEM, /* of the workstation's operating system */
    LAB_TLS_SYSTEM_OLD,
    LAB_TLS_APP, /* desktop applications built on a browser */
    LAB_TLS_MOBILE,
    LAB_TLS_OPENSSL,
    LAB_TLS_GO,
    LAB_TLS_JAVA,
    LAB_TLS_EMBEDDED,
    LAB_TLS_EMBEDDED_OLD,
    LAB_TLS_IMPLANT,
    LAB_TLS_BROWSER_NEXT, /* what a roll-out brings */
    LAB_TLS_AGENT,
    LAB_TLS_COUNT
};

struct lab_tls {
    const char *name;
    uint16_t version; /* highest offered: 0x0304, 0x0303, 0x0302 */
    bool grease;
    const uint16_t *ciphers, *extensions, *groups, *sigalgs; /* zero-terminated, see .c */
    const char *alpn;                                        /* "h2,http/1.1", "" */
    char ja3[2][33];                                         /* with SNI, without */
    char ja4[2][40];
    uint32_t hello_len[2]; /* bytes of its hello, without the name */
};

/* Fills in the fingerprints; table has LAB_TLS_COUNT entries. */
void lab_software_init(struct lab_tls *table);
/* Another stack like this one, as another version or another build of a library makes it; its lists
 * live in mem. */
void lab_software_variant(
    const struct lab_tls *like, struct lab_rng *r, struct th_arena *mem, struct lab_tls *ret);
/* TLS record with the client hello; hello_len tells its length. */
void lab_tls_hello(
    const struct lab_tls *tls, struct th_str sni, uint64_t random, struct th_buf *out);

enum lab_os { LAB_OS_WINDOWS, LAB_OS_MACOS, LAB_OS_PHONE, LAB_OS_LINUX, LAB_OS_DEVICE };
/* User agent of a browser; major is its version. */
size_t lab_user_agent(
    enum lab_os os, enum lab_tls_id browser, unsigned major, char *out, size_t size);

#endif
