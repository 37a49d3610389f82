/* SPDX-License-Identifier: Apache-2.0 */
/* The link role's status as JSON (priv/edge.h says its form). */
#ifndef TH_VSENSOR_LINK_STATUS_H
#define TH_VSENSOR_LINK_STATUS_H

#include "link/client.h"
#include "post.h"

/* What the capture role counted, out of its own status (which may hold whatever a packet made of
 * it).
 */
struct th_capture_counts {
    uint64_t packets, drops, events;
    uint64_t interfaces, interfaces_down;
};
void th_capture_counts_read(struct th_str json, struct th_capture_counts *ret);
/* Of what the master is told, that which it should hear soon when it changes. */
struct th_link_urgent {
    uint64_t drops, lost, refused, interfaces_down;
    uint64_t spool; /* how full it is, in sixteenths */
};
void th_link_urgent_get(const struct th_post *post, const struct th_capture_counts *capture,
    struct th_link_urgent *ret);
void th_capture_counts_add(struct th_capture_counts *sum, const struct th_capture_counts *of_one);
/* What the master is told of this sensor: numbers only. */
void th_link_report_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_capture_counts *capture);

/* disk_error: negative while the spool cannot be written, else 0. */
void th_link_status_put(
    struct th_buf *out, const struct th_link_status *s, const struct th_post *post, int disk_error);

#endif
