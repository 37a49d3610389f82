/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every analyser there is, by name. The order in which they are asked stands in
 * registry.c.
 */
#ifndef TH_PROTO_ANALYSERS_H
#define TH_PROTO_ANALYSERS_H

#include "analyser.h"

extern const struct th_analyser th_dns_analyser;
extern const struct th_analyser th_http_analyser;
extern const struct th_analyser th_tls_analyser;
extern const struct th_analyser th_ssh_analyser;
extern const struct th_analyser th_dhcp_analyser;

#endif
