/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow's id (base/id.h): a keyed hash of its first packet's time, ends and sequence number. So
 * the same capture gives the same ids, whatever else the table holds.
 */
#include "flow_priv.h"

void th_flow_uid(const struct th_hash_key *key, const struct th_pkt *pkt, char out[TH_UID_LEN])
{
    struct {
        int64_t time_ns;
        uint8_t addr[32];
        uint32_t seq;
        uint16_t port[2], vlan, inner_vlan;
        uint32_t zero; /* no padding: its bytes would be hashed too */
        uint64_t proto;
    } id = {.time_ns = pkt->time_ns,
        .seq = pkt->seq,
        .port = {pkt->src_port, pkt->dst_port},
        .vlan = pkt->vlan,
        .inner_vlan = pkt->inner_vlan,
        .proto = pkt->proto};
    _Static_assert(sizeof(id) == 64, "the hashed bytes are all set");
    memcpy(id.addr, pkt->src.b, 16);
    memcpy(id.addr + 16, pkt->dst.b, 16);
    th_id_text('C', th_siphash(key, &id, sizeof(id)), out);
}
