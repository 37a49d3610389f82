/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that can be read off the wire. Every protocol that sees one tells it here, and one kind of
 * event, `login`, says who, how, with what success, and whether the password (or what stands for
 * one) was in the clear. Passwords themselves are never copied: not into an event, not into a
 * state.
 */
#ifndef TH_PROTO_LOGIN_H
#define TH_PROTO_LOGIN_H

#include "analyser.h"
#include "lines.h"

#define TH_LOGIN_METHOD_MAX 24u
/* Logins that one connection tells: who guesses on asks for no more events. */
#define TH_LOGIN_MAX 1000u

enum th_login_result { TH_LOGIN_UNKNOWN, TH_LOGIN_OK, TH_LOGIN_FAILED };

/* success: -1 for unknown. */
static inline enum th_login_result th_login_result_of(int success)
{
    return success < 0 ? TH_LOGIN_UNKNOWN : success ? TH_LOGIN_OK : TH_LOGIN_FAILED;
}

/* One attempt, from the user's name to the answer. */
struct th_login {
    bool begun, clear;
    uint8_t method_len;
    uint16_t told; /* so far, in this connection */
    int64_t time_ns;
    struct th_text user;
    char method[TH_LOGIN_METHOD_MAX];
};

/* Begins one; the method is kept in upper case. The first attempt is zeroed memory. */
void th_login_begin(struct th_login *l, struct th_str method, bool clear, int64_t time_ns);
/* What the two agreed on later. */
void th_login_method(struct th_login *l, struct th_str method, bool clear);
/* The event of an attempt that was begun; the attempt is then empty again. */
void th_login_end(struct th_conn *c, struct th_login *l, enum th_service service,
    enum th_login_result result, int64_t time_ns);
/* A mechanism of SASL (RFC 4422) that shows the password or a token that is as good as one. */
bool th_sasl_is_clear(struct th_str mechanism);
/* What a client answers in such a mechanism, in base64: takes the user's name out of it. */
void th_sasl_user(struct th_login *l, struct th_str encoded);
/* What a character of base64 (RFC 4648) stands for; -1 for any other. */
extern const int8_t th_base64_values[];
static inline int th_base64_value(char ch)
{
    return ch >= '+' && ch <= 'z' ? th_base64_values[ch - '+'] : -1;
}
/* Decodes up to its end or the first other character; the length, at most cap. */
uint32_t th_base64(struct th_str encoded, char *ret, uint32_t cap);
/* Decodes base64 after `skip` bytes of value `end` up to the next one and no further:
 * what lies behind never exists here. The length, at most cap; 0 when no `end` comes before cap,
 * unless whole is set. */
uint32_t th_base64_until(
    struct th_str encoded, char end, unsigned skip, bool whole, char *ret, uint32_t cap);

#endif
