/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS inside HTTP (RFC 8484), where a sensor behind the end of TLS sees it: a message of type
 * application/dns-message, or the parameter "dns" of a request without a body. The body is gathered
 * in the transaction, which owns it; what comes out is a DNS event like any other.
 */
#ifndef TH_PROTO_DOH_H
#define TH_PROTO_DOH_H

#include "http_txn.h"

/* More of a body of side 0 (request) or 1 (response); nothing for other types. */
void th_doh_body(struct th_http_txn *t, int side, const uint8_t *p, size_t len);
/* The transaction is over: the event of its query and its answer, as far as there are any. */
void th_doh_emit(struct th_conn *c, const struct th_http_txn *t);

#endif
