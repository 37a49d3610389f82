/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes inside the packets: what analysers would find there. Each function appends to out; sizes
 * are those that the flow's records claim.
 */
#ifndef TH_LAB_PCAP_CONTENT_H
#define TH_LAB_PCAP_CONTENT_H

#include "base/buf.h"
#include "flow.h"
#include "software.h"

/* The first record of a kind in the flow, or NULL. */
const struct th_event *lab_flow_find(const struct lab_flow *f, enum th_kind kind);

/* Message `no` of the flow's plan (datagram: its number in the direction), `bytes` long, of which
 * at most `keep` are wanted; fewer may come, the rest counts as zeros. */
void lab_content(const struct lab_flow *f, uint32_t no, unsigned dir, uint64_t bytes, uint64_t keep,
    struct th_buf *out);

/* pcap_dns.c */
void lab_dns_message(const struct th_ev_dns *e, bool answer, struct th_buf *out);
/* pcap_tls.c: the message that opens or ends the handshake, exactly `bytes` long. */
void lab_tls_message(const struct lab_flow *f, const struct th_ev_ssl *e, uint32_t no,
    uint64_t bytes, struct th_buf *out);
/* Application data records that fill `bytes`; stops after keep. */
void lab_tls_data(uint64_t bytes, uint64_t keep, struct th_buf *out);
/* pcap_der.c: a certificate. */
void lab_der_certificate(const struct th_ev_x509 *e, struct th_buf *out);

#endif
