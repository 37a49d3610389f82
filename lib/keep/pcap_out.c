/* SPDX-License-Identifier: Apache-2.0 */
#include "pcap_out.h"

#include "base/mem.h"
#include "base/time.h"

enum { ETHERNET = 1, RAW = 101, PACKET_BYTES = 16, ETHER_BYTES = 14 };
static const uint32_t magic_ns = 0xa1b23c4d;

void keep_pcap_head(struct th_buf *out, uint32_t linktype)
{
    th_buf_le32(out, magic_ns);
    th_buf_le16(out, 2);
    th_buf_le16(out, 4);
    th_buf_le64(out, 0); /* UTC */
    th_buf_le32(out, TH_KEEP_MAX_FRAME);
    th_buf_le32(out, linktype);
}

/* A packet that begins with its IP header, in a file of frames. */
static bool needs_ether(uint32_t linktype, const struct th_keep_record *r)
{
    return linktype == ETHERNET && r->linktype == RAW && r->len > 0;
}

bool keep_pcap_takes(uint32_t linktype, const struct th_keep_record *r, size_t *ret_bytes)
{
    *ret_bytes = PACKET_BYTES + (size_t)r->len + (needs_ether(linktype, r) ? ETHER_BYTES : 0);
    return r->linktype == linktype || needs_ether(linktype, r);
}

void keep_pcap_packet(struct th_buf *out, uint32_t linktype, const struct th_keep_record *r)
{
    /* What is before 1970 or past 2106 no such file can say. */
    const int64_t time_ns = TH_MAX(r->time_ns, 0);
    const bool ether = needs_ether(linktype, r);
    const uint32_t more = ether ? ETHER_BYTES : 0;
    th_buf_le32(out, (uint32_t)(time_ns / TH_NS_PER_S));
    th_buf_le32(out, (uint32_t)(time_ns % TH_NS_PER_S));
    th_buf_le32(out, r->len + more);
    th_buf_le32(out, TH_MIN(r->wire_len, UINT32_MAX - more) + more);
    if (ether) {
        static const uint8_t macs[12];
        th_buf_put(out, macs, sizeof(macs));
        th_buf_be16(out, r->frame[0] >> 4 == 6 ? 0x86dd : 0x0800);
    }
    th_buf_put(out, r->frame, r->len);
}
