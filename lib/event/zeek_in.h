/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the Zeek reader share: zeek_in.c decides what a line is and sends
 * events off, zeek_tsv.c and zeek_json.c take lines apart.
 */
#ifndef TH_EVENT_ZEEK_IN_H
#define TH_EVENT_ZEEK_IN_H

#include "base/arena.h"
#include "base/buf.h"
#include "event/value.h"
#include "event/zeek.h"

#define TH_ZEEK_NO_FIELD (-1)
#define TH_ZEEK_MAX_NAME_BYTES 128u

enum { TH_ZEEK_TSV = 1, TH_ZEEK_JSON = 2 };

struct th_zeek_name {
    char text[TH_ZEEK_MAX_NAME_BYTES];
    uint32_t len;
};

/* State of a tab-separated log: what its header lines said. */
struct th_zeek_header {
    char separator;
    struct th_zeek_name set_separator, empty, unset, path;
    int16_t column[TH_ZEEK_MAX_COLUMNS]; /* field of the kind, or TH_ZEEK_NO_FIELD */
    uint32_t columns;                    /* 0 before #fields */
    struct th_buf fields;                /* the #fields line: #path may come after it */
};

struct th_zeek {
    const struct th_sink *sink;
    struct th_zeek_name file_path; /* what the file's name says */
    struct th_zeek_result counts;
    unsigned forms;             /* TH_ZEEK_TSV, TH_ZEEK_JSON as seen */
    uint64_t kinds_seen;        /* bit k: lines of kind k */
    struct th_buf unused_names; /* of logs without a use here, separated by spaces */
    struct th_buf complaints;   /* the first few */
    unsigned complaint_count;
    struct th_buf format, message; /* of th_zeek_result */
    struct th_zeek_header header;
    struct th_arena memory; /* of the line's lists and unescaped texts */
    union th_any_event ev;  /* being built */
};

/* A view of a name; and a copy, cut to its room. */
static inline struct th_str th_zeek_text(const struct th_zeek_name *n)
{
    return th_str_n(n->text, n->len);
}
void th_zeek_name_set(struct th_zeek_name *n, struct th_str s);

/* Says what is wrong with the current line, for the first few. */
void th_zeek_complain(struct th_zeek *z, const char *what, struct th_str detail);

/* Begins an event of this log in z->ev. NULL: a log without a use, counted. */
const struct th_kind_info *th_zeek_begin(struct th_zeek *z, struct th_str path);
/* Completes what the line left open and gives the event to the sink. */
int th_zeek_end(struct th_zeek *z, const struct th_kind_info *kind);
/* Field of this name in a log of this kind, other versions' names included. */
int th_zeek_field(const struct th_kind_info *kind, struct th_str name);

int th_zeek_tsv_header(struct th_zeek *z, struct th_str line);
int th_zeek_tsv_row(struct th_zeek *z, struct th_str line);
void th_zeek_tsv_reset(struct th_zeek_header *h);
int th_zeek_json_row(struct th_zeek *z, struct th_str line);

#endif
