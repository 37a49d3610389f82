/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets for datagrams of exporters: the parent opens them, the collect role reads them. */
#ifndef TH_VSENSOR_FLOW_SOCKET_H
#define TH_VSENSOR_FLOW_SOCKET_H

#include <sys/socket.h>

#include "base/addr.h"
#include "base/err.h"

#define TH_FLOW_SOCKET_MAX_BYTES 65536u

/* "192.0.2.1:2055", "[2001:db8::1]:2055"; 0.0.0.0 and [::] are all addresses of a family. False:
 * it is none. */
bool th_flow_address_parse(
    const char *text, struct sockaddr_storage *ret, socklen_t *ret_len) TH_WARN_UNUSED;
/* Bound, and nothing can be sent by it. A descriptor, or -errno. */
int th_flow_socket_open(const char *text) TH_WARN_UNUSED;
/* 1 and one datagram, 0 none at the moment, or -errno. ret_dropped: how many the kernel has had no
 * room for since the socket was opened, as this datagram tells. */
int th_flow_socket_read(int fd, uint8_t buffer[TH_FLOW_SOCKET_MAX_BYTES], size_t *ret_len,
    struct th_addr *ret_from, uint32_t *ret_dropped) TH_WARN_UNUSED;

#endif
