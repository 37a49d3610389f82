/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of events out of DuckDB, as the API's JSON. Text in them was chosen by strangers. */
#ifndef TH_MASTER_QUERY_JSON_H
#define TH_MASTER_QUERY_JSON_H

#include "base/json.h"
#include "query/select.h"
#include "store/duck.h"

/* Where a row of th_select_rows stands in the order. */
struct th_select_place query_row_place(
    const struct th_duck_result *rows, size_t row, unsigned kind);
/* {"_kind", "_time", "_id", "_entity", "_peer", the fields that are set}; `fields` as given to
 * th_select_rows. */
void query_row_put(struct th_json *j, const struct th_duck_result *rows, size_t row, unsigned kind,
    uint64_t fields);
/* {"time", "observed", ...} of a row of kind metric with all its fields. */
void query_point_put(struct th_json *j, const struct th_duck_result *rows, size_t row);
/* [{"name", "type", "unit"}] of the fields that these kinds have, each name once. */
void query_columns_put(struct th_json *j, uint64_t kinds, const uint64_t fields[TH_KIND_COUNT]);

#endif
