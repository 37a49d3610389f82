/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One DNS message (RFC 1035 4.1) out of bytes: header, first question, and all
 * records of the answer section as text, in the words Zeek uses. The texts live in the
 * arena given. Names are lower case; compression pointers must point backwards and are
 * bounded. A message cut short gives what it has, with `bad` set.
 */
#ifndef TH_PROTO_DNS_MSG_H
#define TH_PROTO_DNS_MSG_H

#include "base/arena.h"
#include "base/cursor.h"

#define TH_DNS_HEADER_BYTES 12u
/* A name as text: 255 octets on the wire (RFC 1035 2.3.4) are at most this. */
#define TH_DNS_NAME_MAX 255u
#define TH_DNS_MAX_ANSWERS 256u

enum th_dns_flag {
    TH_DNS_QR = 0x8000,
    TH_DNS_AA = 0x0400,
    TH_DNS_TC = 0x0200,
    TH_DNS_RD = 0x0100,
    TH_DNS_RA = 0x0080
};

struct th_dns_name {
    uint8_t len;
    char text[TH_DNS_NAME_MAX + 1];
};

struct th_dns_msg {
    uint16_t id, flags, counts[4]; /* questions, answers, authority, additional */
    bool has_question;
    bool bad; /* it ends early or is malformed: what follows the fault is missing */
    struct th_dns_name qname;
    uint16_t qtype, qclass;
    const struct th_str *answers;
    const int64_t *ttls_ns;
    uint32_t answer_count;
    struct th_dns_name owner; /* of the first answer */
    uint16_t owner_type, owner_class;
};

/* False when there is not even a header and a plausible question. netbios: it is RFC 1002's name
 * service, where type 33 is a node's status and not SRV. */
bool th_dns_parse(
    const uint8_t *p, size_t len, bool netbios, struct th_arena *arena, struct th_dns_msg *ret);
/* Question number `index` of a message that th_dns_parse took; false when there is none. */
bool th_dns_question(const uint8_t *p, size_t len, unsigned index, struct th_dns_msg *ret);
/* The decoded NetBIOS name (RFC 1001 14.1), or the name itself when it is none. */
struct th_str th_dns_netbios(struct th_arena *arena, struct th_str name);

struct th_str th_dns_type_name(struct th_arena *arena, unsigned type);
struct th_str th_dns_class_name(struct th_arena *arena, unsigned class);
struct th_str th_dns_rcode_name(struct th_arena *arena, unsigned rcode);
/* A type that is in use on the Internet. */
bool th_dns_type_known(unsigned type);

#endif
