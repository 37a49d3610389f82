/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the kernel runs over each packet of an interface, in its classic BPF (Linux,
 * Documentation/networking/filter.rst), and the one that says which packets are not wanted; which
 * worker gets one says ring_fan.h.
 */
#ifndef TH_VSENSOR_RING_FILTER_H
#define TH_VSENSOR_RING_FILTER_H

#include <linux/filter.h>

#include "ring.h"

#define TH_RING_MAX_FILTER 4096u /* what the kernel takes */

struct th_ring_program {
    struct sock_filter v[TH_RING_MAX_FILTER];
    unsigned short count;
};

/* One more instruction. */
void th_ring_step(struct th_ring_program *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no);

/* Nothing passes. */
void th_ring_filter_none(struct th_ring_program *p);
/* All but the sensor's own connections to its master, as many of these as there is room for, and of
 * the rest what the filter (NULL: none) lets pass. */
void th_ring_filter_own(struct th_ring_program *p, const struct th_ring_own *own, size_t own_count,
    const struct th_filter_step *filter, uint32_t filter_steps);

#endif
