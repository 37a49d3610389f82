/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, as every part of Thymus sees them: one struct a kind, generated from
 * events.def. All of them begin with `struct th_event`, so a pointer to that is
 * a pointer to any. Strings and lists are views: whoever made the event owns the
 * bytes and says how long they live (a decoder: until its next batch; the
 * analysers: until the sink returns).
 *
 * A field that is not set is zero and has no bit in `set`.
 */
#ifndef TH_EVENT_EVENT_H
#define TH_EVENT_EVENT_H

#include "base/addr.h"
#include "base/str.h"
#include "base/time.h"

enum th_kind {
#define TH_KIND(KIND, name, id, help) TH_KIND_##KIND = id,
#define TH_FIELD(...)
#define TH_KIND_END(KIND)
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END
    TH_KIND_COUNT
};

enum th_type {
    TH_TYPE_TIME,      /* int64_t, ns since 1970 */
    TH_TYPE_INTERVAL,  /* int64_t, ns */
    TH_TYPE_COUNT,     /* uint64_t */
    TH_TYPE_INT,       /* int64_t */
    TH_TYPE_PORT,      /* uint16_t */
    TH_TYPE_DOUBLE,    /* double */
    TH_TYPE_BOOL,      /* bool */
    TH_TYPE_ADDR,      /* struct th_addr */
    TH_TYPE_MAC,       /* struct th_mac */
    TH_TYPE_STRING,    /* struct th_str */
    TH_TYPE_STRINGS,   /* struct th_strs */
    TH_TYPE_INTERVALS, /* struct th_spans */
    TH_TYPE_ADDRS      /* struct th_addrs */
};

struct th_strs {
    const struct th_str *v;
    uint32_t n;
};

struct th_spans {
    const int64_t *v;
    uint32_t n;
};

struct th_addrs {
    const struct th_addr *v;
    uint32_t n;
};

#define TH_CTYPE_TIME int64_t
#define TH_CTYPE_INTERVAL int64_t
#define TH_CTYPE_COUNT uint64_t
#define TH_CTYPE_INT int64_t
#define TH_CTYPE_PORT uint16_t
#define TH_CTYPE_DOUBLE double
#define TH_CTYPE_BOOL bool
#define TH_CTYPE_ADDR struct th_addr
#define TH_CTYPE_MAC struct th_mac
#define TH_CTYPE_STRING struct th_str
#define TH_CTYPE_STRINGS struct th_strs
#define TH_CTYPE_INTERVALS struct th_spans
#define TH_CTYPE_ADDRS struct th_addrs

/* What every event carries, whatever its kind. */
struct th_event {
    uint64_t set;    /* bit i: field i of the kind (TH_F_KIND_field) is set */
    int64_t time_ns; /* event time, by which events are ordered: when the record was complete
                        (a connection's end or its part's, a lookup's answer), never before ts */
    uint64_t source; /* id of the source: a sensor's, or the hash of a file's content */
    uint64_t seq;    /* number in the source, from 0 */
    uint16_t kind;   /* enum th_kind */
};

#define TH_KIND(KIND, name, id, help)                                                              \
    struct th_ev_##name {                                                                          \
        struct th_event h;
#define TH_FIELD(KIND, name, id, TYPE, zeek, unit, help) TH_CTYPE_##TYPE name;
#define TH_KIND_END(KIND)                                                                          \
    }                                                                                              \
    ;
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END

/* th_ev_CONN is struct th_ev_conn: for macros that know a field's kind in capitals. */
#define TH_KIND(KIND, name, id, help) typedef struct th_ev_##name th_ev_##KIND;
#define TH_FIELD(...)
#define TH_KIND_END(KIND)
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END

/* TH_F_CONN_uid and so on: the number of a field inside its kind, its bit in `set`. */
#define TH_KIND(KIND, name, id, help) enum {
#define TH_FIELD(KIND, name, id, TYPE, zeek, unit, help) TH_F_##KIND##_##name,
#define TH_KIND_END(KIND)                                                                          \
    TH_F_##KIND##_COUNT                                                                            \
    }                                                                                              \
    ;
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END

/* Room for one event of any kind. */
union th_any_event {
    struct th_event h;
#define TH_KIND(KIND, name, id, help) struct th_ev_##name name;
#define TH_FIELD(...)
#define TH_KIND_END(KIND)
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END
};

/* TH_SET(&ev, DNS, rcode, 3): assigns and marks as set. */
#define TH_SET(ev, KIND, field, ...)                                                               \
    do {                                                                                           \
        (ev)->field = __VA_ARGS__;                                                                 \
        (ev)->h.set |= UINT64_C(1) << TH_F_##KIND##_##field;                                       \
    } while (0)
#define TH_HAS(ev, KIND, field) (((ev)->h.set >> TH_F_##KIND##_##field & 1) != 0)

struct th_field_info {
    const char *name; /* C name */
    const char *zeek; /* Zeek's name, with dots */
    const char *unit;
    const char *help;
    uint16_t offset; /* in the kind's struct, bytes */
    uint8_t id;      /* wire id */
    uint8_t type;    /* enum th_type */
};

struct th_kind_info {
    const char *name; /* Zeek's _path */
    const char *help;
    const struct th_field_info *fields;
    uint16_t field_count;
    uint16_t size_bytes; /* of the kind's struct */
    uint64_t refers;     /* bit i: field i is a string or a list, whose bytes lie elsewhere */
};

/* By number or name; NULL for none. Static storage. */
const struct th_kind_info *th_kind_get(unsigned kind);
int th_kind_find(struct th_str name); /* kind number, or -1 */
/* All kinds in order: their numbers may have holes. */
#define TH_EACH_KIND(k)                                                                            \
    for (unsigned k = 1; k < TH_KIND_COUNT; k++)                                                   \
        if (!th_kind_get(k)) {                                                                     \
        } else
/* Index of the field with this Zeek name, or -1; "id_orig_h" is taken for "id.orig_h". */
int th_field_find(const struct th_kind_info *k, struct th_str zeek_name);
/* Size of a value of this type in a struct, bytes. */
size_t th_type_size(enum th_type type);

static inline const void *th_event_field(const struct th_event *ev, const struct th_field_info *f)
{
    return (const uint8_t *)ev + f->offset;
}

/* Connections come last among events of equal time: what a lookup or a handshake in them said
 * is then known when they are judged, whichever file it stood in. */
static inline unsigned th_kind_rank(unsigned kind)
{
    return kind == TH_KIND_CONN ? TH_KIND_COUNT : kind;
}

/* Order of events: (time, kind, source, seq). Negative, zero or positive. */
static inline int th_event_cmp(const struct th_event *a, const struct th_event *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->kind != b->kind)
        return th_kind_rank(a->kind) < th_kind_rank(b->kind) ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Where events go: returns 0, or a negative error that ends the producer's work. */
struct th_sink {
    int (*put)(void *arg, const struct th_event *ev);
    void *arg;
};

static inline int th_sink_put(const struct th_sink *s, const struct th_event *ev)
{
    return s->put(s->arg, ev);
}

#endif
