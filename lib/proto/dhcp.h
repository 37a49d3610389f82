/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP transactions of one worker. Messages of one transaction travel in several
 * flows (broadcast, relay, unicast), so they are collected here and not in a flow.
 */
#ifndef TH_PROTO_DHCP_H
#define TH_PROTO_DHCP_H

#include "analyser.h"

struct th_dhcp_table;
struct th_dhcp_table *th_dhcp_table_new(void);
void th_dhcp_table_free(struct th_dhcp_table *t);
/* Writes the transactions that are over by now. */
void th_dhcp_advance(struct th_proto *pr, int64_t now_ns);
/* Writes all. */
void th_dhcp_flush(struct th_proto *pr);

#endif
