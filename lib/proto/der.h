/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASN.1 as DER and as much of BER as the field uses (X.690): one element at a time
 * out of a cursor. Indefinite lengths are refused; a tag number is at most 30.
 */
#ifndef TH_PROTO_DER_H
#define TH_PROTO_DER_H

#include "base/arena.h"
#include "base/cursor.h"

enum {
    TH_DER_BOOLEAN = 0x01,
    TH_DER_INTEGER = 0x02,
    TH_DER_BIT_STRING = 0x03,
    TH_DER_OCTET_STRING = 0x04,
    TH_DER_OID = 0x06,
    TH_DER_ENUMERATED = 0x0a,
    TH_DER_UTC_TIME = 0x17,
    TH_DER_GENERALIZED_TIME = 0x18,
    TH_DER_BMP_STRING = 0x1e,
    TH_DER_SEQUENCE = 0x30,
    TH_DER_SET = 0x31
};
/* Context-specific, constructed: [n]. */
#define TH_DER_CONTEXT(n) (0xa0u | (n))

struct th_der {
    uint8_t tag;
    struct th_cur body;
    struct th_str raw; /* with tag and length */
};

/* The next element; false at the end of c and on malformed data (then c has failed). */
bool th_der_next(struct th_cur *c, struct th_der *ret);
/* The next element, which must have this tag: its body. A wrong tag fails c. */
struct th_cur th_der_expect(struct th_cur *c, unsigned tag);
/* The next element's body if it has this tag, else c stays where it is. */
bool th_der_optional(struct th_cur *c, unsigned tag, struct th_cur *ret);
/* An integer's body of at most eight bytes; larger ones fail c. */
int64_t th_der_int(struct th_cur *body);
/* Dotted text of an object identifier's body. */
struct th_str th_der_oid_text(struct th_arena *a, struct th_cur body);
/* UTCTime and GeneralizedTime to ns since 1970; false when it is neither. */
bool th_der_time(unsigned tag, struct th_cur body, int64_t *ret_ns);
/* All that is left of a cursor. */
static inline struct th_str th_der_rest(struct th_cur *c)
{
    return th_cur_bytes(c, th_cur_left(c));
}

#endif
