/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LDAP operations that wait for their result (RFC 4511 4): what was done to which object, what was
 * searched for. In go the bodies of requests and answers; out come `ldap` and `ldap_search`
 * events. Of a filter the attributes are told and, as of statements (ADR 24), no value but of
 * attributes whose values are numbers and classes of the schema.
 */
#ifndef TH_PROTO_LDAP_OPS_H
#define TH_PROTO_LDAP_OPS_H

#include "der.h"
#include "framing.h"

#define TH_LDAP_PENDING_MAX 16u

/* Application tags of the operations. */
enum {
    TH_LDAP_BIND = 0x60,
    TH_LDAP_BIND_DONE = 0x61,
    TH_LDAP_SEARCH = 0x63,
    TH_LDAP_ENTRY = 0x64,
    TH_LDAP_SEARCH_DONE = 0x65,
    TH_LDAP_MODIFY = 0x66,
    TH_LDAP_ADD = 0x68,
    TH_LDAP_DELETE = 0x4a,
    TH_LDAP_RENAME = 0x6c,
    TH_LDAP_COMPARE = 0x6e,
    TH_LDAP_REFERENCE = 0x73,
    TH_LDAP_EXTENDED = 0x77,
    TH_LDAP_EXTENDED_DONE = 0x78
};

struct th_ldap_op {
    uint8_t tag, scope, deref;
    int32_t id;
    uint32_t version; /* of a bind; 0: unknown */
    uint64_t results;
    int64_t time_ns;
    struct th_text object, argument, attributes; /* attributes: with commas */
};

struct th_ldap_ops {
    struct th_ldap_op *pending; /* TH_LDAP_PENDING_MAX of them, once there is one */
    uint32_t count;
    struct th_repeat told;
};

/* LDAPResult; code -1: it cannot be read. */
struct th_ldap_result {
    int64_t code;
    struct th_str message;
};
struct th_ldap_result th_ldap_result_read(struct th_cur body);

void th_ldap_request(struct th_ldap_ops *o, struct th_conn *c, unsigned tag, int64_t id,
    struct th_cur body, int64_t time_ns);
void th_ldap_answer(struct th_ldap_ops *o, struct th_conn *c, unsigned tag, int64_t id,
    struct th_cur body, int64_t time_ns);
static inline size_t th_ldap_ops_held(const struct th_ldap_ops *o)
{
    return o->pending ? TH_LDAP_PENDING_MAX * sizeof(*o->pending) : 0;
}
/* Tells what was not answered, and frees. */
void th_ldap_ops_done(struct th_ldap_ops *o, struct th_conn *c);

/* A filter as text (RFC 4515), values masked; what is behind a cut is left out. */
struct th_str th_ldap_filter(struct th_arena *a, struct th_cur body);

#endif
