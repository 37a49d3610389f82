/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program by which the kernel picks a worker for a packet (PACKET_FANOUT_CBPF). Its answer is
 * made of the two addresses of the packet, the same both ways, so that all that two hosts say to
 * each other, fragments too, is one worker's. Of a tunnel those of the packet inside count, so that
 * a mirror's traffic does not fall on one worker: VXLAN, GENEVE, GRE (over UDP too) with IP,
 * Ethernet or ERSPAN, IP in IP, GTP-U, two deep. DHCP goes to the first, who then sees both sides
 * of it.
 */
#ifndef TH_VSENSOR_RING_FAN_H
#define TH_VSENSOR_RING_FAN_H

#include "ring_filter.h"

/* link_bytes: of the link header, which what goes out still has before it. */
void th_ring_fan(struct th_ring_program *p, uint32_t link_bytes);

#endif
