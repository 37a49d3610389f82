/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A search text of any bytes: refused at a place within it, or a tree that prints as text which
 * reads back as a tree with the same text, and whose SQL is made of our own words and numbered
 * parameters.
 */
#include <stdio.h>

#include "base/mem.h"
#include "query/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sql(const struct th_query *q, unsigned kind)
{
    struct th_select *s = th_select_new();
    struct th_str file = th_str_c("file");
    struct th_select_from from = {.kind = kind, .files = &file, .file_count = 1, .watched = true};
    th_select_rows(s, q, &from, UINT64_MAX, NULL, 10);
    char number[16];
    size_t count = th_select_param_count(s);
    /* Every parameter is used: DuckDB refuses one that is not. */
    for (size_t i = 1; i <= count; i++) {
        snprintf(number, sizeof(number), "$%zu", i);
        TH_ASSERT(strstr(th_select_text(s), number));
    }
    for (const char *c = th_select_text(s); *c; c++)
        TH_ASSERT(*c >= ' ' && *c <= '~' && *c != ';');
    th_select_free(s);
}

static void check_round_trip(const struct th_query *q)
{
    TH_AUTOBUF struct th_buf first = TH_BUF_INIT, second = TH_BUF_INIT;
    struct th_query *again = NULL;
    struct th_query_error err;
    th_query_print(q, &first);
    if (first.len > TH_QUERY_MAX_TEXT)
        return; /* quotes and escapes made it too long to be read again */
    TH_ASSERT(th_query_parse(th_buf_view(&first), &again, &err) == 0);
    th_query_print(again, &second);
    TH_ASSERT(th_str_eq(th_buf_view(&first), th_buf_view(&second)));
    TH_ASSERT(th_query_kinds(q) == th_query_kinds(again));
    th_query_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_query *q = NULL;
    struct th_query_error err = {0};
    int r = th_query_parse(th_str_n(data, size), &q, &err);
    if (r != 0) {
        TH_ASSERT(r == TH_E_MALFORMED || r == TH_E_LIMIT);
        TH_ASSERT(err.at <= size && err.text[0]);
        return 0;
    }
    check_round_trip(q);
    TH_EACH_KIND (kind)
        if (kind % 4 == 1)
            check_sql(q, kind);
    th_query_free(q);
    return 0;
}
