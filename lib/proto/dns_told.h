/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS query and its answer that came some other way than in a flow of their own. */
#ifndef TH_PROTO_DNS_TOLD_H
#define TH_PROTO_DNS_TOLD_H

#include "analyser.h"

/* Makes the event, or none when neither is a DNS message; empty: was not seen. */
void th_dns_told(struct th_conn *c, int64_t asked_ns, struct th_str query, int64_t answered_ns,
    struct th_str answer);

#endif
