/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a captured frame to addresses, ports and payload. Headers are stripped in
 * place (Ethernet, 802.1Q/QinQ, MPLS, PPPoE, Linux cooked, raw IP, 802.11, ...);
 * nothing is copied; views point into the frame. What is wrong with a packet is one
 * static word (`weird`), in Zeek's spelling where Zeek has one.
 */
#ifndef TH_PACKET_DECODE_H
#define TH_PACKET_DECODE_H

#include "base/addr.h"
#include "base/cursor.h"

enum th_pkt_kind {
    TH_PKT_IP,    /* addresses set; ports when TCP, UDP, SCTP; type and code when ICMP */
    TH_PKT_ARP,   /* l3 is the ARP packet */
    TH_PKT_OTHER, /* link layer only: nothing above that we read */
    TH_PKT_BAD    /* malformed before addresses were known; see weird */
};

struct th_pkt {
    int64_t time_ns;
    uint32_t cap_len;  /* bytes of the frame we have */
    uint32_t wire_len; /* bytes it had on the wire, as the capture claims */
    uint8_t kind;      /* enum th_pkt_kind */
    bool has_mac;
    struct th_mac src_mac, dst_mac;
    uint16_t vlan, inner_vlan; /* 0: none */
    uint16_t ethertype;
    struct th_str l3; /* from the network header to the end of what we have */

    /* kind IP */
    struct th_addr src, dst;
    uint8_t proto; /* transport, after IPv6 extension headers */
    uint8_t ttl;
    bool fragment; /* not the whole datagram: no transport header was read */
    bool more_fragments;
    uint32_t frag_offset; /* bytes */
    uint32_t frag_id;
    uint32_t ip_len; /* length of the IP packet by its header, bytes (never above wire_len's
                        worth; taken from wire_len when the header says 0: segmentation
                        offload) */
    uint16_t src_port, dst_port; /* ICMP: type and code as Zeek does (dst_port: code or the
                                    counterpart type of a request) */
    bool icmp_is_reply;
    uint32_t icmp_rest; /* of its header: identifier and number of an echo */
    /* TCP */
    uint32_t seq, ack;
    uint16_t window;
    uint8_t tcp_flags;     /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 */
    struct th_str payload; /* transport payload that we have */
    uint32_t payload_len;  /* transport payload by the headers: > payload.len when cut */
    const char *weird;     /* static word, or NULL */
    uint16_t tunnel;       /* what it came in: an index of packet/tunnels.h; 0: nothing */
};

enum th_tunnel_kind {
    TH_TUNNEL_NONE,
    TH_TUNNEL_IPIP,
    TH_TUNNEL_GRE,
    TH_TUNNEL_ERSPAN,
    TH_TUNNEL_VXLAN,
    TH_TUNNEL_GENEVE,
    TH_TUNNEL_GTPU,
    TH_TUNNEL_TEREDO,
    TH_TUNNEL_MPLS,
    TH_TUNNEL_CAPWAP,
    TH_TUNNEL_TZSP,
    TH_TUNNEL_L2TP,
    TH_TUNNEL_KINDS
};

/* One header that was taken off: of a mirror it says who mirrors what. */
struct th_tunnel {
    struct th_addr src; /* of the outer packet */
    uint32_t id;        /* VNI, GRE key, ERSPAN session, GTP TEID, L2TP tunnel and session, CAPWAP
                           radio; 0: it has none */
    uint64_t endpoint;  /* GENEVE of a gateway load balancer: through which of its endpoints; 0 */
    uint8_t kind;       /* enum th_tunnel_kind */
};

/* Decodes one frame of a link type (the LINKTYPE_ number of the capture). Always fills time,
 * lengths and kind. TH_E_UNSUPPORTED_LINKTYPE when it cannot be read at all. */
int th_decode(uint32_t linktype, int64_t time_ns, const uint8_t *frame, uint32_t cap_len,
    uint32_t wire_len, struct th_pkt *ret);
bool th_linktype_supported(uint32_t linktype);

enum {
    TH_PORT_L2TP = 1701,
    TH_PORT_GTPU = 2152,
    TH_PORT_TEREDO = 3544,
    TH_PORT_GRE = 4754, /* RFC 8086 */
    TH_PORT_VXLAN = 4789,
    TH_PORT_VXLAN_GPE = 4790,
    TH_PORT_CAPWAP = 5247,
    TH_PORT_GENEVE = 6081,
    TH_PORT_MPLS = 6635,
    TH_PORT_TZSP = 37008
};

static inline bool th_port_is_tunnel(uint16_t port)
{
    switch (port) {
    case TH_PORT_L2TP:
    case TH_PORT_GTPU:
    case TH_PORT_TEREDO:
    case TH_PORT_GRE:
    case TH_PORT_VXLAN:
    case TH_PORT_VXLAN_GPE:
    case TH_PORT_CAPWAP:
    case TH_PORT_GENEVE:
    case TH_PORT_MPLS:
    case TH_PORT_TZSP: return true;
    default: return false;
    }
}

/* A packet that may carry another: IP in IP, GRE, L2TP or MPLS over IP, or over UDP one of those
 * above. Where both sides know but one port it may be that of the sender. */
static inline bool th_pkt_is_tunnel(const struct th_pkt *p)
{
    if (p->kind != TH_PKT_IP)
        return false;
    if (p->proto == 17)
        return th_port_is_tunnel(p->dst_port) || th_port_is_tunnel(p->src_port);
    return p->proto == 4 || p->proto == 41 || p->proto == 47 || p->proto == 115 || p->proto == 137;
}

/* What is inside: true, and *ret is a packet or an ARP message as th_decode gives it, with lengths
 * of its own, and *ret_tunnel what it was in. False: no tunnel, or nothing in it that can be read;
 * both are undefined. */
bool th_decap_inside(const struct th_pkt *outer, struct th_pkt *ret, struct th_tunnel *ret_tunnel);
/* Reads a transport header out of data, which is whole_len bytes by the IP header (more than data
 * when the capture cut it), into a packet whose addresses and proto are known: for datagrams put
 * together from fragments. */
void th_decode_transport(struct th_pkt *pkt, struct th_str data, uint32_t whole_len);

#endif
