/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of an interface out of the ring that the kernel fills (AF_PACKET, TPACKET_V3; Linux,
 * Documentation/networking/packet_mmap.rst). The parent opens it, the capture role reads it; a role
 * that is started anew goes on where the one before was. A frame is the kernel's until its block
 * was filled or 50 ms old; what has no room is dropped and counted by the kernel.
 */
#ifndef TH_VSENSOR_RING_H
#define TH_VSENSOR_RING_H

#include "base/addr.h"
#include "base/err.h"
#include "packet/filter.h"

#define TH_RING_BLOCK_BYTES (1u << 20)
#define TH_RING_RETIRE_MS 50

/* ---- the parent's side ---- */

/* The address and port that the sensor itself connects to: its own connections there are not
 * seen. */
struct th_ring_own {
    struct th_addr addr;
    uint16_t port;
};
struct th_ring_config {
    uint64_t bytes;   /* of each ring, rounded to blocks */
    unsigned workers; /* at least 1: rings that share the frames, all that two hosts say to each
                         other in one of them (ring_filter.h) */
    const struct th_ring_own *own;
    size_t own_count;
    const struct th_filter *filter; /* what else is wanted, compiled; NULL: all */
};
/* Opens one descriptor a worker and binds it. With a filter ret_seen is a descriptor that takes
 * nothing and counts what the filter is asked about (th_ring_seen); else -1.
 * ret_linktype: the LINKTYPE_ number of the frames. 0 or -errno (-ENODEV: no such interface;
 * TH_E_CONFIG: the filter says nothing of its link type; -EPERM: not allowed; -ENETDOWN: it is
 * down, and this kernel lets several workers share none that is); then no descriptor is left open.
 */
int th_ring_open(const char *interface, const struct th_ring_config *config, int *fds,
    int *ret_seen, uint32_t *ret_linktype) TH_WARN_UNUSED;

/* ---- the role's side ---- */

struct th_ring_frame {
    int64_t time_ns; /* kernel's wall clock */
    const uint8_t *data;
    uint32_t cap_len, wire_len;
};
struct th_ring_counts {
    uint64_t packets, drops, freezes; /* by the kernel: put into the ring, without room in it */
};

struct th_ring;
/* Maps the ring of the descriptor, which stays the caller's; bytes as the parent gave them. */
int th_ring_map(int fd, uint64_t bytes, struct th_ring **ret) TH_WARN_UNUSED;
void th_ring_free(struct th_ring *r);
/* 1 and a frame, valid until the next call; 0: none at the moment. */
int th_ring_next(struct th_ring *r, struct th_ring_frame *ret);
/* The next frame is at hand, and leaves those before it valid. */
bool th_ring_ready(const struct th_ring *r);
/* No block of frames is begun: each was read to its end, and is the kernel's again. */
bool th_ring_settled(struct th_ring *r);
/* Adds what the kernel counted since the last call. */
int th_ring_count(const struct th_ring *r, struct th_ring_counts *sum);
/* Adds the packets that a filter was asked about since the last call. */
int th_ring_seen(int seen_fd, uint64_t *sum);
/* 1: the interface of this name is up, 0: it is down, negative: there is none. Any socket does. */
int th_ring_is_up(int fd, const char *interface);

#endif
