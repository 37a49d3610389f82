/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NTLM (MS-NLMP) inside other protocols: tokens are found by their signature
 * wherever a protocol carries them; a challenge and its answer become one `ntlm` event
 * once the carrying protocol says how it went.
 */
#ifndef TH_PROTO_NTLM_H
#define TH_PROTO_NTLM_H

#include "analyser.h"

struct th_ntlm;

/* Looks for a token in p and takes it in; *n is made when the first is found. */
void th_ntlm_look(
    struct th_ntlm **n, struct th_conn *c, int64_t time_ns, const uint8_t *p, size_t len);
/* True when a user has answered a challenge and the outcome is open. */
bool th_ntlm_pending(const struct th_ntlm *n);
void th_ntlm_outcome(struct th_ntlm *n, struct th_conn *c, int64_t time_ns, bool success);
/* Bytes that it takes up; NULL: none. */
size_t th_ntlm_held(const struct th_ntlm *n);
/* Writes what is pending, without an outcome, and frees it. */
void th_ntlm_end(struct th_ntlm *n, struct th_conn *c);

/* UTF-16 little-endian to UTF-8; what is no character becomes '?'. */
struct th_str th_utf16le(struct th_arena *a, struct th_str s);

#endif
