/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's part of captures that come over TCP (role_stream.c): opens what it listens on, and
 * the certificates. What goes wrong is said on stderr. */
#ifndef TH_VSENSOR_DAEMON_STREAMS_H
#define TH_VSENSOR_DAEMON_STREAMS_H

#include "config.h"
#include "parent.h"
#include "ring.h"

bool th_daemon_streams_any(const struct th_vsensor_config *c);
/* Adds the role, when it has anything to do, beside the capture role that reads for it. */
int th_daemon_streams_add(struct th_parent *p, const struct th_vsensor_config *c,
    struct th_member *capture) TH_WARN_UNUSED;
/* The ends of its connections that are known by address, at most room; how many. */
size_t th_daemon_streams_own(
    const struct th_vsensor_config *c, struct th_ring_own *ret, size_t room);

#endif
