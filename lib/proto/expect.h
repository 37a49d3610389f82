/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows that another one has announced: the data of FTP, the transfers of TFTP. Their own bytes say
 * nothing of what they are; who announces one says who will begin it, where to, and what it
 * carries. One table a worker, which has the flows of a pair of hosts together (ADR 21); the oldest
 * entry goes when it is full, and none stays long.
 */
#ifndef TH_PROTO_EXPECT_H
#define TH_PROTO_EXPECT_H

#include "analyser.h"
#include "text.h"

#define TH_EXPECT_MAX 256u

struct th_expected {
    struct th_addr from, to;
    uint16_t to_port;
    uint8_t ip_proto;
    const struct th_analyser *an; /* its state begins with a th_expected */
    int64_t until_ns;
    struct th_text name; /* of the file; empty: it is something else, as a list */
};

/* until_ns is set here. */
void th_expect(struct th_proto *pr, const struct th_expected *e, int64_t now_ns);
/* Begins the analyser of a flow that was announced, once; false: it was not. */
bool th_expect_begin(struct th_proto *pr, struct th_flow *f, int64_t now_ns);
/* What the table takes up: nothing until there is an announcement. */
size_t th_expect_bytes(const struct th_proto *pr);
void th_expect_done(struct th_proto *pr);

#endif
