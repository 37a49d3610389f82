/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the configuration has them. */
#ifndef TH_VSENSOR_ENDPOINT_H
#define TH_VSENSOR_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#define TH_HOST_LEN 256
#define TH_PORT_LEN 6

/* "scheme://[user:password@]host[:port][/...]" into host and port; brackets of an IPv6 address go.
 * Without a default port one has to stand there. */
bool th_url_split(const char *url, const char *scheme, const char *default_port,
    char host[TH_HOST_LEN], char port[TH_PORT_LEN]);

/* Captures that come over TCP at once, and the ways in which they may. */
#define TH_STREAMS_MAX 32u
#define TH_STREAM_LISTENERS_MAX 8u
#define TH_STREAM_TARGETS_MAX 16u

/* Where they come from. */
struct th_endpoint {
    bool tls;
    const char *address; /* the text without its scheme; borrowed */
    char host[TH_HOST_LEN], port[TH_PORT_LEN];
    uint16_t number; /* the port */
};
/* "host:port", "tcp://host:port" or "tls://host:port"; an IPv6 address stands in brackets. */
bool th_endpoint_parse(const char *text, struct th_endpoint *ret);

#endif
