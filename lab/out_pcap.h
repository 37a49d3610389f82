/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of the flows, as a capture on a mirror port would have them: Ethernet, IPv4 and IPv6,
 * ARP, UDP, ICMP and TCP with handshakes, acknowledgements and ends; inside them DNS, HTTP, TLS
 * hellos and certificates, DHCP. Checksums are right. nanosecond pcap, link type Ethernet.
 *
 * Payload past the cap is not written: it stands in large segments that are cut short, as a
 * capture behind receive offload with a short snapshot length has them, so byte counts stay right.
 */
#ifndef TH_LAB_OUT_PCAP_H
#define TH_LAB_OUT_PCAP_H

#include "sim.h"

struct lab_pcap;
/* path "-" is standard output. */
int lab_pcap_open(const char *path, const struct lab_options *opt, struct lab_pcap **ret);
/* A lab_flow_sink: takes what it needs of the flow. */
int lab_pcap_flow(void *arg, struct lab_flow *f);
/* Writes all packets before until_ns. */
int lab_pcap_drain(struct lab_pcap *p, int64_t until_ns);
int lab_pcap_close(struct lab_pcap *p);

#endif
