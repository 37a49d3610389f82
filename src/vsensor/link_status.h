/* SPDX-License-Identifier: Apache-2.0 */
/* The link role's status as JSON (priv/edge.h says its form). */
#ifndef TH_VSENSOR_LINK_STATUS_H
#define TH_VSENSOR_LINK_STATUS_H

#include "link/client.h"
#include "link/problems.h"
#include "link_packets.h"
#include "post.h"

/* What the capture role counted, out of its own status (which may hold whatever a packet made of
 * it).
 */
struct th_capture_counts {
    uint64_t packets, drops, copies, events;
    uint64_t excluded; /* left out on purpose, by who reads them */
    uint64_t filter_seen,
        filter_passed;       /* that the kernel's filter was asked about, and let pass */
    uint64_t evicted;        /* flows that had to end early, for want of memory */
    uint64_t bytes_given_up; /* of streams, that were waited for and given up for want of memory */
    uint64_t holes;          /* in streams, that were given up for want of memory */
    uint64_t fragments_dropped; /* that became no packet */
    uint64_t analyses_given_up; /* of connections, for want of memory */
    uint64_t interfaces, interfaces_down;
};
void th_capture_counts_read(struct th_str json, struct th_capture_counts *ret);
/* Left out on purpose, also by the kernel. Workers tell their part of it within a second of each
 * other, so that it is right as soon as a second was like the one before. */
uint64_t th_capture_counts_left_out(const struct th_capture_counts *sum);
/* What the keep role counted, out of its status. */
struct th_kept {
    bool on; /* packets are kept here */
    uint64_t packets, dropped, bytes, limit_bytes, oldest_s, failing;
};
void th_kept_read(struct th_str json, struct th_kept *ret);
/* Of what the master is told, that which it should hear soon when it changes. */
struct th_link_urgent {
    uint64_t drops, nic_lost, lost, refused, interfaces_down;
    uint64_t spool;    /* how full it is, in sixteenths */
    uint64_t keep;     /* 0: no packets are kept, 1: they are, 2: it fails */
    uint32_t problems; /* a set (link/problems.h) */
};
void th_link_urgent_get(const struct th_post *post, const struct th_capture_counts *capture,
    uint64_t nic_lost, const struct th_kept *kept, uint32_t problems, struct th_link_urgent *ret);
/* What workers of one sensor counted, each of its share of the packets; all watch the same
 * interfaces. */
void th_capture_counts_add(struct th_capture_counts *sum, const struct th_capture_counts *of_one);
/* What the master is told of this sensor: numbers, and codes of what is wrong (link/problems.h).
 * nic_lost: packets that its interfaces lost. Of kept packets nothing where none are. asked:
 * command of the packets that are on their way; "": none. */
void th_link_report_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_capture_counts *capture, uint64_t nic_lost,
    const struct th_kept *kept, uint32_t problems, const char *asked);

/* disk_error: negative while the spool cannot be written, else 0. */
void th_link_status_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_relay *relay, int disk_error);

#endif
