/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request with its response: collects lines of either head and becomes an
 * event. Texts are copied into one bounded block.
 */
#ifndef TH_PROTO_HTTP_TXN_H
#define TH_PROTO_HTTP_TXN_H

#include "base/buf.h"

#include "files.h"

#define TH_HTTP_TEXT_MAX 24576u /* text kept of one transaction */
#define TH_HTTP_PROXIED_MAX 4u

/* Text inside the block. */
struct th_http_text {
    uint32_t at, len;
};

/* How a message's body is framed, gathered from its head. */
struct th_http_framing {
    bool has_length, chunked, encoded, close, to_http2;
    uint64_t length;
    uint64_t range_total; /* of Content-Range, 0 unknown */
    struct th_http_text filename;
};

struct th_http_txn {
    struct th_http_txn *next;
    int64_t time_ns, last_ns;
    uint32_t depth;
    struct th_buf block;
    struct th_http_text method, host, uri, referrer, version, user_agent, origin, username, reason,
        info_reason;
    struct th_http_text proxied[TH_HTTP_PROXIED_MAX];
    uint8_t proxied_count;
    bool has_request, has_response;
    bool request_done, response_done;
    bool basic; /* the request carries a user and a password */
    uint16_t status, info;
    uint64_t body_len[2]; /* request, response */
    struct th_http_framing framing[2];
    char fuid[2][TH_FUID_LEN];
    const char *mime[2];
};

/* Puts text into the block; nothing when it is full. */
struct th_http_text th_http_keep(struct th_http_txn *t, struct th_str s);
struct th_str th_http_get(const struct th_http_txn *t, struct th_http_text x);
/* "GET / HTTP/1.1" and "HTTP/1.1 200 OK"; false when it is neither. */
bool th_http_request_line(struct th_http_txn *t, struct th_str line);
bool th_http_status_line(struct th_str line, struct th_str *ret_version, unsigned *ret_status,
    struct th_str *ret_reason);
/* A header line of the request (side 0) or the response (side 1). */
void th_http_header(struct th_http_txn *t, int side, struct th_str line);
/* The same of a name and its value. */
void th_http_field(struct th_http_txn *t, int side, struct th_str name, struct th_str value);
void th_http_emit(struct th_conn *c, const struct th_http_txn *t);
/* The login that a transaction's basic authentication is. */
void th_http_login(struct th_conn *c, const struct th_http_txn *t);
void th_http_txn_free(struct th_http_txn *t);
/* A known method with a blank behind it at the begin of s: its length, or 0. */
uint32_t th_http_method_len(struct th_str s);

#endif
