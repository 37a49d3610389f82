/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as state takes it: JSON, from the gateway (which reads hostile bytes itself, so this
 * is hostile, too) or from the operator's control socket. At most TH_STATE_MAX_REQUEST bytes; every
 * member that is read is held against its form and length here or by th_state_text.
 *
 *   {"route", "address", "agent", "path": {"id"}, "params": {}, "body": {},
 *    "user": {"session": key}  or  "cookies": {"session", "login"}, "csrf"}
 *
 * Who asks is looked up by what only they can have; the other members of "user", and "now_ns", are
 * not believed and not read.
 */
#ifndef TH_MASTER_STATE_REQUEST_H
#define TH_MASTER_STATE_REQUEST_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

#define TH_STATE_MAX_REQUEST (64u << 10)
#define TH_STATE_MAX_ROUTE 48u

struct th_state_request {
    json_t *root; /* owned; all else points into it */
    struct th_str route, address, agent, id;
    struct th_str session_key, session_cookie, login_cookie, csrf;
    const json_t *params, *body; /* objects, or NULL */
};

/* 0, TH_E_LIMIT or TH_E_MALFORMED. */
int th_state_request_parse(struct th_str text, struct th_state_request *ret) TH_WARN_UNUSED;
void th_state_request_done(struct th_state_request *r);

/* A text member of 1 to max_bytes bytes without control characters; false: missing or not so. */
bool th_state_text(const json_t *object, const char *key, size_t max_bytes, struct th_str *ret);
/* The same of a string that may have any content (a password). */
bool th_state_secret(const json_t *object, const char *key, size_t max_bytes, struct th_str *ret);

#endif
