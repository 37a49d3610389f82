/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exporter or a log says of a flow: packets of one direction, or of both, of one 5-tuple
 * within some time, seen at one point of the network. pair.h makes connections of them.
 */
#ifndef TH_FLOWLOG_RECORD_H
#define TH_FLOWLOG_RECORD_H

#include "base/addr.h"
#include "base/time.h"

enum {
    TH_TCP_FIN = 1,
    TH_TCP_SYN = 2,
    TH_TCP_RST = 4,
    TH_TCP_ACK = 16,
};

enum { TH_IP_ICMP = 1, TH_IP_TCP = 6, TH_IP_UDP = 17, TH_IP_ICMP6 = 58 };

struct th_flow_record {
    int64_t first_ns, last_ns;
    struct th_addr src, dst;
    uint16_t src_port, dst_port; /* ICMP: type and code */
    uint16_t vlan;               /* 0: not told */
    uint8_t proto;
    uint8_t flags[2]; /* TCP, of all packets; [1]: the way back */
    bool has_flags;
    bool both;         /* [1] was told as well (RFC 5103) */
    bool src_began;    /* the exporter says so */
    bool goes_on;      /* the exporter says that more of it follows */
    bool rejected;     /* the packets were not let through */
    uint32_t sampling; /* one packet in so many was looked at; 0 and 1: all. Counts are scaled. */
    uint64_t bytes[2], pkts[2]; /* IP bytes */
    uint64_t point;             /* where it was seen; any number that tells points apart */
    struct th_str told_by;      /* as conn.told_by */
};

#endif
