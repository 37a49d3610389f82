/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two programs that the kernel runs over each packet of an interface, in its classic BPF
 * (Linux, Documentation/networking/filter.rst): which packets are not wanted, and which worker gets
 * one.
 */
#ifndef TH_VSENSOR_RING_FILTER_H
#define TH_VSENSOR_RING_FILTER_H

#include <linux/filter.h>

#include "ring.h"

#define TH_RING_MAX_FILTER 400u

struct th_ring_program {
    struct sock_filter v[TH_RING_MAX_FILTER];
    unsigned short count;
};

/* Nothing passes. */
void th_ring_filter_none(struct th_ring_program *p);
/* All but the sensor's own connections to its master; as many of these as there is room for. */
void th_ring_filter_own(struct th_ring_program *p, const struct th_ring_own *own, size_t own_count);
/*
 * A number by which the kernel picks a worker (PACKET_FANOUT_CBPF): made of the two addresses of a
 * packet, the same both ways, so that all that two hosts say to each other, fragments too, is one
 * worker's. Of VXLAN and GENEVE (with VXLAN, Ethernet or IP in it) those of the packet inside
 * count, so that a mirror's traffic does not fall on one worker. DHCP goes to the first, who then
 * sees both sides of it.
 */
void th_ring_filter_fan(struct th_ring_program *p);

#endif
