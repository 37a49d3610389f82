/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/query: the tree's owner, the lexer, and what values are read by. */
#ifndef TH_QUERY_I_H
#define TH_QUERY_I_H

#include "base/arena.h"
#include "query/query.h"

struct th_query {
    struct th_arena arena;
    struct th_query_node *root;
    struct th_query_node *asked; /* root without the restriction */
};

/* ---- lex.c: text to tokens ---- */

enum query_token_type {
    TOKEN_END,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_ITEM
};

struct query_token {
    enum query_token_type type;
    uint32_t at;         /* offset */
    struct th_str name;  /* of "name:value", else empty */
    struct th_str value; /* as written, behind operator and quote; escapes still in it */
    uint32_t value_at;
    enum th_query_op op;
    bool quoted;
};

struct query_lexer {
    struct th_str text;
    uint32_t at;
    struct th_query_error *err;
};
/* 0 and a token, or TH_E_MALFORMED. */
int query_lex(struct query_lexer *l, struct query_token *ret);
/* The value without escapes and wildcards, written to out (as many bytes as it has raw). */
int query_unescape(
    struct query_lexer *l, const struct query_token *t, char *out, struct th_query_value *ret);
/* Fills the error in; returns TH_E_MALFORMED. */
int query_fail(struct th_query_error *err, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- value.c: values by type ---- */

/* Reads v->text (and its wildcards) as each of the wanted types; fills types and values in. */
void query_read_value(struct th_query_value *v, unsigned wanted);
/* An address or a network in CIDR form; when open, an IPv4 prefix of whole bytes ("10.1.").
 * First and last address of it. */
bool query_read_net(struct th_str text, bool open, struct th_addr *low, struct th_addr *high);
/* The same of a hardware address ("00:16:3e:"). */
bool query_read_mac(struct th_str text, bool open, struct th_mac *low, struct th_mac *high);
/* First and last address of a network. */
void query_net_ends(const struct th_subnet *net, struct th_addr *low, struct th_addr *high);
/* "a number such as 443 or 10MB", for errors; one type. */
const char *query_type_text(enum th_query_type type);

/* ---- names.c ---- */

/* Types of all fields that the term means, over all kinds. */
unsigned query_term_types(const struct th_query_term *t);
bool query_name_is(const char *zeek, struct th_str name);

#endif
