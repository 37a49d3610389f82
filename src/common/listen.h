/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that a parent listens on for a role of its. */
#ifndef TH_COMMON_LISTEN_H
#define TH_COMMON_LISTEN_H

#include "base/err.h"

/* "127.0.0.1:8443", "[::]:443" (takes IPv4 as well), "name:443": a descriptor that does not block,
 * or negative. */
int th_listen_open(const char *text) TH_WARN_UNUSED;

#endif
