/* SPDX-License-Identifier: Apache-2.0 */
/* Writes pcap (draft-ietf-opsawg-pcap), with nanoseconds; little-endian. */
#ifndef TH_KEEP_PCAP_OUT_H
#define TH_KEEP_PCAP_OUT_H

#include "base/buf.h"
#include "keep/records.h"

#define KEEP_PCAP_HEAD_BYTES 24u

void keep_pcap_head(struct th_buf *out, uint32_t linktype);
/* Whether a file of this link type can have it, and what it takes there. */
bool keep_pcap_takes(uint32_t linktype, const struct th_keep_record *r, size_t *ret_bytes);
void keep_pcap_packet(struct th_buf *out, uint32_t linktype, const struct th_keep_record *r);

#endif
