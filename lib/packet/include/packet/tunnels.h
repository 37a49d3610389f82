/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in which packets reached the sensor inside others (mirrors of a cloud, ERSPAN, routed
 * tunnels): each chain of outer headers has a small number that a flow can keep, and a text for its
 * record. An outsider could make up any number of them, so that there is a limit: what is past it
 * is read all the same, and only its way is not told.
 */
#ifndef TH_PACKET_TUNNELS_H
#define TH_PACKET_TUNNELS_H

#include "base/buf.h"
#include "base/hash.h"
#include "packet/decode.h"

/* Headers around one packet that are taken off. */
#define TH_TUNNELS_MAX_DEPTH 4u
#define TH_TUNNELS_MAX_WAYS 4096u

struct th_tunnels;
struct th_tunnels *th_tunnels_new(const struct th_hash_key *key);
void th_tunnels_free(struct th_tunnels *t);
/* The number of a way, outermost header first, `depth` of them (at least 1); never 0. Past the
 * limit all further ways have one number. */
uint16_t th_tunnels_way(struct th_tunnels *t, const struct th_tunnel *chain, unsigned depth);
unsigned th_tunnels_depth(const struct th_tunnels *t, uint16_t way);
/* Appends "vxlan/172.31.4.4/42": protocol, outer source, and its id when it has one; of a gateway
 * load balancer its endpoint, too: "geneve/172.31.4.4/0/0123456789abcdef". `level` counts from the
 * outermost. */
void th_tunnels_text(const struct th_tunnels *t, uint16_t way, unsigned level, struct th_buf *out);

#endif
