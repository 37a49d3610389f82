/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a packet is kept. Rules are tried in their order, the first that fits decides; what
 * none fits has the rules' own amount. A rule is a text:
 *
 *     [NETWORK] [PROTOCOL[/PORT]] AMOUNT        at least one of the first two
 *
 *     10.1.0.0/16 none        tcp/443 headers        10.2.0.0/16 udp/53 all        tcp 64
 *
 * PROTOCOL: tcp, udp, sctp, icmp, icmp6, gre, esp, arp, or a number of IP's; PORT: of either end.
 * AMOUNT: none; headers (up to the end of the transport header: no byte of payload); a number, so
 * many bytes of the payload; all. A packet in a tunnel fits by what it is inside as well as by what
 * it came in. A fragment has no ports: of the rules with ports those fit that keep less of it than
 * the rules' own amount.
 */
#ifndef TH_KEEP_RULES_H
#define TH_KEEP_RULES_H

#include "packet/decode.h"

#define TH_KEEP_MAX_RULES 64u

/* Bytes of payload, or one of these. */
#define TH_KEEP_NONE (-1)
#define TH_KEEP_HEADERS 0
#define TH_KEEP_ALL INT32_MAX

struct th_keep_rule {
    bool has_net;
    struct th_subnet net;
    uint16_t proto; /* TH_KEEP_ANY_PROTO, of IP, or TH_KEEP_ARP */
    uint16_t port;  /* 0: any */
    int32_t payload;
};
#define TH_KEEP_ANY_PROTO UINT16_MAX
#define TH_KEEP_ARP 256u

struct th_keep_rules {
    struct th_keep_rule v[TH_KEEP_MAX_RULES];
    size_t count;
    int32_t payload; /* of what no rule fits */
};

bool th_keep_amount_parse(struct th_str text, int32_t *ret);
bool th_keep_rule_parse(struct th_str text, struct th_keep_rule *ret);

/* Bytes of a frame that are kept, 0 for none of it. outer is the frame as th_decode reads it, inner
 * the same or what is in its tunnels; both point into it. Packets without addresses are never kept:
 * nobody could ask for them. */
uint32_t th_keep_rules_len(const struct th_keep_rules *rules, const uint8_t *frame,
    const struct th_pkt *outer, const struct th_pkt *inner);

#endif
