/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same packet seen twice: a mirror at each end of a conversation, a port mirrored in and out,
 * a tunnel watched at both its mouths. A copy is what agrees in everything but what a router or a
 * switch changes on the way (link header, TTL, checksum), within two seconds, and came another way
 * than the first, or the same way at once under the same IPv4 identification (RFC 6864: not used
 * again by its sender while the packet lives). What is sent again is no copy.
 */
#ifndef TH_PACKET_DEDUP_H
#define TH_PACKET_DEDUP_H

#include "base/hash.h"
#include "packet/decode.h"

#define TH_DEDUP_WINDOW_MS 2000
#define TH_DEDUP_SAME_WAY_MS 5

struct th_dedup;
/* Remembers as many packets as fit into 2^bits entries of 8 bytes (at least 8 of them); with more
 * in two seconds some copies are not known as such. */
struct th_dedup *th_dedup_new(const struct th_hash_key *key, unsigned bits);
void th_dedup_free(struct th_dedup *d);
/* True when it is a copy of one before, which came by *ret_way. way: any number that tells apart
 * where packets come from. */
bool th_dedup_is_copy(
    struct th_dedup *d, const struct th_pkt *pkt, uint16_t way, uint16_t *ret_way);

#endif
