/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's own record of who asked for kept packets: a file of JSON lines. A line goes in
 * before the first packet goes out, and one when the last has; without the first there are no
 * packets.
 */
#ifndef TH_VSENSOR_PACKETS_LOG_H
#define TH_VSENSOR_PACKETS_LOG_H

#include "keep/search.h"

/* fd appends. by: "master", or the user at the command line. */
int th_packets_log_asked(
    int fd, int64_t now_ns, const char *by, const struct th_packets_request *wish) TH_WARN_UNUSED;
/* how: "given", "failed", or "stopped": then found counts what was found, of which part may have
 * gone out. */
int th_packets_log_ended(int fd, int64_t now_ns, const char *by,
    const struct th_packets_request *wish, const char *how,
    const struct th_keep_found *found) TH_WARN_UNUSED;

#endif
