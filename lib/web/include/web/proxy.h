/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol, version 2 (HAProxy's specification, section 2.2): the head that a
 * reverse proxy sends before the first byte of a connection, to say whose it is. It is believed
 * only from configured addresses; version 1 is not taken.
 */
#ifndef TH_WEB_PROXY_H
#define TH_WEB_PROXY_H

#include "base/addr.h"
#include "base/err.h"

#define TH_PROXY_HEAD_BYTES 16u  /* the fixed part */
#define TH_PROXY_MAX_BYTES 1024u /* with addresses and extensions */

struct th_proxy {
    bool local; /* the proxy speaks for itself: the connection's own address counts */
    struct th_addr address;
    uint16_t port;
};

/* Length of the whole head, out of its first TH_PROXY_HEAD_BYTES; TH_E_UNKNOWN_FORMAT: it is none;
 * TH_E_VERSION, TH_E_LIMIT. */
int th_proxy_length(const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;
/* Reads a whole head. TH_E_TRUNCATED, TH_E_MALFORMED and the errors above. */
int th_proxy_parse(const uint8_t *data, size_t len_bytes, struct th_proxy *ret) TH_WARN_UNUSED;

#endif
