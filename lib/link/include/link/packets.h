/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wish for kept packets, as it goes from a person to the keep of a sensor: a JSON object, the
 * same in the API's request, in the master's command of type "packets" and between a sensor's
 * roles.
 *
 *     {"host": "10.0.0.1", "peer": "192.0.2.7", "port": 443, "peer_port": 50000, "proto": 6,
 *      "from": "2026-11-30T10:00:00Z", "to": "2026-11-30T10:05:00Z", "limit_bytes": 16777216}
 *
 * host, from and to have to be there. A packet fits when one end is host (with port) and the other
 * is peer (with peer_port), either way round; what is not said fits all.
 *
 * The answer ends with another object, as the keep says it or, where that cannot, role link:
 *
 *     {"packets": 9, "bytes": 1200, "cut": false, "oldest": "2026-11-30T04:00:00Z",
 *      "problem": "", "again": false}
 *
 * cut: there were more than limit_bytes; oldest: of all that the sensor keeps; again: the keep
 * ended before its answer did, the same wish may well be answered.
 */
#ifndef TH_LINK_PACKETS_H
#define TH_LINK_PACKETS_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define TH_PACKETS_MAX_REQUEST 1024u             /* bytes of its JSON */
#define TH_PACKETS_MAX_BYTES (UINT64_C(1) << 30) /* of an answer, as pcap */
#define TH_PACKETS_DEFAULT_BYTES (UINT64_C(64) << 20)
#define TH_PACKETS_PART_BYTES (256u << 10) /* of an answer, at most, in one message or POST */

struct th_packets_request {
    struct th_addr host, peer;
    bool has_peer;
    uint16_t port, peer_port; /* 0: any */
    uint8_t proto;            /* IP protocol; 0: any */
    int64_t from_ns, to_ns;   /* both included; whole microseconds */
    uint64_t limit_bytes;     /* 1 to TH_PACKETS_MAX_BYTES */
};

/* TH_E_MALFORMED: not such an object; *ret_why says, for a person, what is wrong (static text). */
int th_packets_request_read(
    struct th_str json, struct th_packets_request *ret, const char **ret_why) TH_WARN_UNUSED;
void th_packets_request_put(struct th_buf *out, const struct th_packets_request *r);
/* Whether a packet between these two is asked for; its time is not looked at. */
bool th_packets_request_fits(const struct th_packets_request *r, const struct th_addr *src,
    const struct th_addr *dst, uint16_t src_port, uint16_t dst_port, uint8_t proto);

#endif
