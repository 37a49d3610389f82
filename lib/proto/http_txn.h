/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request with its response: collects lines of either head and becomes an
 * event. Texts are copied into one bounded block.
 */
#ifndef TH_PROTO_HTTP_TXN_H
#define TH_PROTO_HTTP_TXN_H

#include "base/buf.h"

#include "files.h"
#include "ntlm.h"

#define TH_HTTP_TEXT_MAX 24576u /* text kept of one transaction */
#define TH_HTTP_PROXIED_MAX 4u

/* Text inside the block. */
struct th_http_text {
    uint16_t at, len;
};
_Static_assert(TH_HTTP_TEXT_MAX <= UINT16_MAX, "places in the block fit");

/* What one of the two messages has beyond its first line and the headers that most requests have. A
 * request without a body needs none of it, and those that wait for their response are many. */
struct th_http_message {
    /* How the body is framed, gathered from the head. */
    bool has_length, chunked, encoded, to_http2, to_websocket;
    bool form; /* of name=value&... */
    bool json;
    bool dns; /* application/dns-message */
    bool login_clear;
    uint8_t proxied_count;
    char fuid[TH_FUID_LEN];
    uint64_t length;
    uint64_t body_len;
    const char *mime;
    const char *login; /* the method by which the request says who it is; NULL: it does not */
    struct th_http_text filename, type;
    struct th_http_text token; /* of NTLM and Negotiate */
    /* of a request */
    struct th_http_text origin, username;
    struct th_http_text proxied[TH_HTTP_PROXIED_MAX];
    /* of a response; what an interim one before it said */
    struct th_http_text reason, info_reason;
    uint16_t info;
    struct th_buf dns_body; /* of such messages (doh.h) */
};

struct th_http_txn {
    struct th_http_txn *next;
    int64_t time_ns, last_ns;
    char *block;
    struct th_http_message *message[2]; /* request, response; NULL: nothing to say of it */
    uint16_t block_len, block_cap;
    uint32_t depth;
    struct th_http_text method, host, uri, referrer, version, user_agent;
    uint16_t status;
    bool has_request, has_response;
};

struct th_http_txn *th_http_txn_new(int64_t time_ns, uint32_t depth);
/* Of the request (side 0) or the response (side 1), all zero when there is nothing to say. */
const struct th_http_message *th_http_told(const struct th_http_txn *t, int side);
/* The same to write into. */
struct th_http_message *th_http_message(struct th_http_txn *t, int side);
/* An interim response was read: how its body is framed says nothing of the next one's. */
void th_http_forget_framing(struct th_http_txn *t, int side);
/* Puts text into the block; nothing when it is full. */
struct th_http_text th_http_keep(struct th_http_txn *t, struct th_str s);
/* The same of a URI, without its passwords and tokens. */
struct th_http_text th_http_keep_uri(struct th_http_txn *t, struct th_str s);
struct th_str th_http_get(const struct th_http_txn *t, struct th_http_text x);
/* "GET / HTTP/1.1" and "HTTP/1.1 200 OK"; false when it is neither. */
bool th_http_request_line(struct th_http_txn *t, struct th_str line);
bool th_http_status_line(struct th_str line, struct th_str *ret_version, unsigned *ret_status,
    struct th_str *ret_reason);
/* A header line of the request (side 0) or the response (side 1). */
void th_http_header(struct th_http_txn *t, int side, struct th_str line);
/* The same of a name and its value. */
void th_http_field(struct th_http_txn *t, int side, struct th_str name, struct th_str value);
/* Bytes of a side's body: they become its file. */
void th_http_body(struct th_conn *c, struct th_http_txn *t, int side, struct th_file **file,
    const struct th_chunk *ch, struct th_str bytes);
void th_http_emit(struct th_conn *c, const struct th_http_txn *t);
/* Bytes that it takes up, for the memory cap. */
size_t th_http_txn_held(const struct th_http_txn *t);
/* http_auth.c. Values of Authorization and WWW-Authenticate; the first bytes of a request's body.
 */
void th_http_authorization(struct th_http_txn *t, struct th_str value);
void th_http_challenge(struct th_http_txn *t, struct th_str value);
void th_http_form(struct th_http_txn *t, struct th_str body);
bool th_http_refused(const struct th_http_txn *t);
/* The login that a finished transaction is, when it is one: of those that come with every request
 * the first and each refusal, told says that there was one. What of NTLM came in it. */
void th_http_login(struct th_conn *c, const struct th_http_txn *t, bool *told);
void th_http_ntlm(struct th_ntlm **n, struct th_conn *c, const struct th_http_txn *t);
void th_http_txn_free(struct th_http_txn *t);
/* A known method with a blank behind it at the begin of s: its length, or 0. */
uint32_t th_http_method_len(struct th_str s);

#endif
