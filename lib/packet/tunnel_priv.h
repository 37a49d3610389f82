/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each reads the header of a tunnel from the cursor, sets what tells one tunnel of its kind from
 * others, and says by an ethertype what is inside; 0 for nothing that we read.
 */
#ifndef TH_PACKET_TUNNEL_PRIV_H
#define TH_PACKET_TUNNEL_PRIV_H

#include "decode_priv.h"

#define TH_INSIDE_WLAN 0x10000u /* a frame of 802.11, which has no ethertype */

uint32_t th_tunnel_capwap(struct th_cur *c, struct th_tunnel *t);
uint32_t th_tunnel_tzsp(struct th_cur *c, struct th_tunnel *t);
uint32_t th_tunnel_l2tp_udp(struct th_cur *c, struct th_tunnel *t);
uint32_t th_tunnel_l2tp_ip(struct th_cur *c, struct th_tunnel *t);

#endif
