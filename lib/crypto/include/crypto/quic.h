/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protection of QUIC's Initial packets (RFC 9001 5, RFC 9369 3.3). Its keys follow from the
 * connection id that the client chose, which stands in the packet: whoever sees the packet can open
 * it. This hides nothing and is no secret.
 */
#ifndef TH_CRYPTO_QUIC_H
#define TH_CRYPTO_QUIC_H

#include "base/str.h"

#define TH_QUIC_V1 0x00000001u
#define TH_QUIC_V2 0x6b3343cfu
#define TH_QUIC_CID_MAX 20u

struct th_quic_keys {
    uint8_t key[16], iv[12], hp[16];
};

/* Of the client's Initials and of the server's. False: a version whose keys are not known (known:
 * 1, 2, drafts 23 to 34). */
bool th_quic_initial_keys(uint32_t version, struct th_str dcid, struct th_quic_keys *ret_client,
    struct th_quic_keys *ret_server);
/* Opens a packet of len bytes in place, of which pn_at come before the packet number; returns where
 * its content begins and its length, false when the tag is wrong (the packet is then spoilt). */
bool th_quic_open(const struct th_quic_keys *k, uint8_t *packet, size_t len, size_t pn_at,
    struct th_str *ret_content);

#endif
