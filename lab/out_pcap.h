/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of the flows, as a capture on a mirror port would have them: Ethernet, IPv4 and
 * IPv6, ARP, UDP, and TCP with handshakes, acknowledgements and ends; inside them DNS, HTTP, TLS
 * hellos and certificates, DHCP. Checksums are right. Nanosecond pcap, link type Ethernet.
 *
 * Payload past the cap is not written: it stands in large segments that are cut short, as a
 * capture behind receive offload with a short snapshot length has them. So byte counts stay right
 * and a day of an office fits on a disk.
 */
#ifndef TH_LAB_OUT_PCAP_H
#define TH_LAB_OUT_PCAP_H

#include "sim.h"

struct lab_pcap;
/* path "-" is standard output. */
int lab_pcap_open(const char *path, const struct lab_options *opt, struct lab_pcap **ret);
/* Where the flows come from; before the first. */
void lab_pcap_use(struct lab_pcap *p, struct lab_pool *pool);
/* A lab_flow_sink. */
int lab_pcap_flow(void *arg, struct lab_flow *f);
/* Writes all packets before until_ns. */
int lab_pcap_drain(struct lab_pcap *p, int64_t until_ns);
int lab_pcap_close(struct lab_pcap *p);

/* pcap_frame.c: a frame of a flow. Payload bytes that are not given count as zeros in the checksum
 * and are not in out. */
struct lab_packet {
    unsigned dir;
    uint8_t flags; /* TCP */
    uint32_t seq, ack;
    uint32_t payload_len; /* on the wire */
    struct th_str payload;
    int64_t since_ns; /* begin of the flow, for time stamps */
    uint16_t ip_id;
};
#define LAB_FIN 1u
#define LAB_SYN 2u
#define LAB_RST 4u
#define LAB_PSH 8u
#define LAB_ACK 16u
/* Returns the length on the wire. */
uint32_t lab_frame(const struct lab_flow *f, const struct lab_packet *k, struct th_buf *out);
void lab_frame_arp(const struct th_ev_arp *e, struct th_buf *out);

#endif
