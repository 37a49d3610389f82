/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer (RFC 8259) over th_buf: it places commas, escapes every string
 * and turns bytes that are not UTF-8 into "\\xHH" text as Zeek
 * does. Control characters, '<', '>' and '&' are written as \u00XX, so that a
 * line may stand inside an HTML script element and on a terminal unharmed.
 */
#ifndef TH_BASE_JSON_H
#define TH_BASE_JSON_H

#include "base/addr.h"
#include "base/buf.h"

struct th_json {
    struct th_buf *out;
    bool comma; /* a value went before on this level */
};

static inline struct th_json th_json_init(struct th_buf *out)
{
    return (struct th_json){.out = out, .comma = false};
}

void th_json_open(struct th_json *j);  /* { */
void th_json_close(struct th_json *j); /* } */
void th_json_open_list(struct th_json *j);
void th_json_close_list(struct th_json *j);
/* A member's name; key must be plain ASCII without quotes. */
void th_json_key(struct th_json *j, const char *key);
void th_json_str(struct th_json *j, struct th_str s);
void th_json_u64(struct th_json *j, uint64_t v);
void th_json_i64(struct th_json *j, int64_t v);
/* Shortest text that reads back as the same number; not finite: null. */
void th_json_double(struct th_json *j, double v);
void th_json_bool(struct th_json *j, bool v);
void th_json_null(struct th_json *j);
/* Seconds with six decimals. */
void th_json_seconds(struct th_json *j, int64_t span_ns);
/* RFC 3339 text. */
void th_json_time(struct th_json *j, int64_t time_ns);
void th_json_addr(struct th_json *j, const struct th_addr *a);

#endif
