/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search language (docs/search.md): a line of text becomes a tree whose names are resolved
 * against events.def and whose values are of the types that their fields have. A tree has
 * been checked whole: whoever evaluates it (query/select.h) can only find it right.
 *
 *     orig_bytes:>10MB AND NOT (service:ssl OR ip:10.0.0.0/8) "login failed"
 *
 * A condition on a field that a kind of event lacks is neither true nor false of that kind, and so
 * is its NOT: a kind is searched when the whole can be true of it (th_query_kinds).
 * A field that the kind has, but which is not set in an event, makes the condition false and its
 * NOT true.
 *
 * A tree owns its bytes; it is read only after th_query_restrict, the one place where the
 * limits of a user enter.
 */
#ifndef TH_QUERY_QUERY_H
#define TH_QUERY_QUERY_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

#define TH_QUERY_MAX_TEXT 4096u  /* bytes of a query */
#define TH_QUERY_MAX_DEPTH 32u   /* parentheses and NOTs within each other */
#define TH_QUERY_MAX_TERMS 128u  /* conditions */
#define TH_QUERY_MAX_STARS 8u    /* wildcards in a value */
#define TH_QUERY_MAX_SCOPE 1024u /* networks and entities of a restriction, each */

enum th_query_op {
    TH_QUERY_IS,    /* field:value */
    TH_QUERY_ABOVE, /* field:>value */
    TH_QUERY_FROM,  /* field:>=value */
    TH_QUERY_BELOW, /* field:<value */
    TH_QUERY_TO,    /* field:<=value */
    TH_QUERY_RANGE, /* field:a..b, both ends included */
    TH_QUERY_SET    /* field:*, the field is set */
};

/* Names that stand for several fields, or for what every event has. */
enum th_query_name {
    TH_QUERY_FIELD, /* none of these: fields of events.def with this name */
    TH_QUERY_ENTITY,
    TH_QUERY_DEVICE,
    TH_QUERY_HOST,
    TH_QUERY_IP,
    TH_QUERY_PORT,
    TH_QUERY_MAC,
    TH_QUERY_USER,
    TH_QUERY_KIND,
    TH_QUERY_TIME
};

struct th_query_name_info {
    const char *name;
    const char *help;
    enum th_query_name id;
};
/* All of them but FIELD, for help and completion. */
extern const struct th_query_name_info th_query_names[9];

/* How a value can be read; a bit each. A value is read in every way that a field it is meant for
 * has use for. */
enum th_query_type {
    TH_QUERY_TEXT = 1,
    TH_QUERY_NUMBER = 2,    /* COUNT, INT, PORT: a whole number */
    TH_QUERY_REAL = 4,      /* DOUBLE */
    TH_QUERY_SPAN = 8,      /* INTERVAL, INTERVALS */
    TH_QUERY_INSTANT = 16,  /* TIME */
    TH_QUERY_FLAG = 32,     /* BOOL */
    TH_QUERY_NET = 64,      /* ADDR, ADDRS */
    TH_QUERY_HARDWARE = 128 /* MAC */
};
unsigned th_query_type_of(enum th_type type);

struct th_query_value {
    struct th_str text;                /* as meant: without escapes, quotes and wildcards */
    uint16_t star[TH_QUERY_MAX_STARS]; /* where in the text a wildcard stands, ascending */
    uint8_t star_count;
    unsigned types; /* th_query_type: which of the following hold */
    int64_t number;
    double real;
    int64_t span_ns;
    int64_t instant_ns;
    bool flag;
    struct th_addr net_low, net_high;
    struct th_mac mac_low, mac_high;
};

struct th_query_term {
    enum th_query_name name;
    struct th_str field; /* Zeek's name, when name is FIELD */
    uint8_t kind;        /* only this kind's field ("dns.query"); 0: any */
    enum th_query_op op;
    struct th_query_value a, b; /* b: the end of a RANGE */
};

enum th_query_node_type {
    TH_QUERY_ALL,  /* true of every event */
    TH_QUERY_NONE, /* true of none (only by restriction) */
    TH_QUERY_AND,
    TH_QUERY_OR,
    TH_QUERY_NOT,
    TH_QUERY_TERM,
    TH_QUERY_WORD /* a free word: term.a; any text field contains it, or (types has NET or
                     HARDWARE) any address is it */
};

struct th_query_node {
    enum th_query_node_type type;
    struct th_query_node *child; /* the first, of AND, OR (two or more) and NOT (one) */
    struct th_query_node *next;  /* sibling */
    struct th_query_term term;
};

struct th_query;
struct th_query_error {
    uint32_t at;    /* offset in the text, bytes */
    char text[240]; /* one sentence, printable ASCII: what was expected there */
};

/* Text to tree. TH_E_MALFORMED or TH_E_LIMIT with err filled in. */
int th_query_parse(
    struct th_str text, struct th_query **ret, struct th_query_error *err) TH_WARN_UNUSED;
void th_query_free(struct th_query *q);
TH_DEFINE_CLEANUP(struct th_query, th_query_free)
#define TH_AUTOQUERY TH_CLEANUP(th_query_freep)
const struct th_query_node *th_query_root(const struct th_query *q);
/* The canonical text: reads back as the same tree. A restriction is not part of it. */
void th_query_print(const struct th_query *q, struct th_buf *out);

/* What a user may see: events in which an address lies in one of the networks, or one of the
 * entities took part. With neither, nothing. */
struct th_query_scope {
    const struct th_subnet *nets;
    size_t net_count;
    const struct th_str *entities; /* ids as text */
    size_t entity_count;
};
/* From now on the tree is (scope) AND (what was asked). May be called once. TH_E_LIMIT. */
int th_query_restrict(struct th_query *q, const struct th_query_scope *scope) TH_WARN_UNUSED;

/* Bit per enum th_kind: the kinds of which the tree can be true. */
uint64_t th_query_kinds(const struct th_query *q);
/* Is field number `index` of this kind one of those that the term means? */
bool th_query_means(const struct th_query_term *t, unsigned kind, unsigned index);
/* Text in these fields is compared with case: ids, whose letters differ by it. */
bool th_query_has_case(const struct th_field_info *f);
/* Resolves a name as a query has it; false when there is none. */
bool th_query_resolve(struct th_str name, struct th_query_term *ret);

#endif
