/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to role query asks for: the JSON that the gateway made of it (messages.h), read
 * with every limit, its search text parsed, its user's limits put on the tree.
 */
#ifndef TH_MASTER_QUERY_ASK_H
#define TH_MASTER_QUERY_ASK_H

#include "query/select.h"

#define QUERY_MAX_ROWS 10000u
#define QUERY_DEFAULT_ROWS 100u
#define QUERY_MAX_BUCKETS 120u

enum query_route { QUERY_SEARCH, QUERY_SERIES };

struct query_ask {
    enum query_route route;
    struct th_query *q;
    int64_t from_ns, to_ns; /* the whole of time when not given */
    bool has_from, has_to;
    uint64_t kinds;                 /* bit per kind that is to be searched */
    uint64_t fields[TH_KIND_COUNT]; /* bit per field that is to be shown */
    uint64_t limit;
    bool histogram;
    bool has_after;
    struct th_select_place after;
    const char *unit, *label; /* SERIES: of the feature, static */
};

/* 0; or an HTTP status above 399, with the body of the answer in `error`. Free with _done either
 * way. */
unsigned query_ask_parse(struct th_str json, struct query_ask *ret, struct th_buf *error);
void query_ask_done(struct query_ask *a);
/* {"error": {"code", "message"}} */
void query_error(struct th_buf *out, const char *code, const char *message);

/* A place in the order of rows, as text for a cursor, and back. */
void query_cursor_put(const struct th_select_place *p, struct th_buf *out);
bool query_cursor_parse(struct th_str text, struct th_select_place *ret);

#endif
