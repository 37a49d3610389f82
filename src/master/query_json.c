/* SPDX-License-Identifier: Apache-2.0 */
#include "query_json.h"

#include <inttypes.h>

/* The words of docs/events.md. */
static const char *type_word(enum th_type type)
{
    switch (type) {
    case TH_TYPE_TIME: return "time";
    case TH_TYPE_INTERVAL: return "seconds";
    case TH_TYPE_COUNT: return "count";
    case TH_TYPE_INT: return "integer";
    case TH_TYPE_PORT: return "port";
    case TH_TYPE_DOUBLE: return "number";
    case TH_TYPE_BOOL: return "bool";
    case TH_TYPE_ADDR: return "address";
    case TH_TYPE_MAC: return "MAC";
    case TH_TYPE_STRING: return "string";
    case TH_TYPE_STRINGS: return "list of strings";
    case TH_TYPE_INTERVALS: return "list of seconds";
    case TH_TYPE_ADDRS: return "list of addresses";
    }
    return "";
}

struct th_select_place query_row_place(const struct th_duck_result *rows, size_t row, unsigned kind)
{
    return (struct th_select_place){.time_ns = th_duck_i64(rows, TH_SELECT_TIME, row),
        .kind = kind,
        .source = th_duck_u64(rows, TH_SELECT_SOURCE, row),
        .seq = th_duck_u64(rows, TH_SELECT_SEQ, row)};
}

/* Bytes of another length than an address are none: null. */
static void put_addr(struct th_json *j, struct th_str bytes)
{
    struct th_addr a;
    if (bytes.len != sizeof(a.b)) {
        th_json_null(j);
        return;
    }
    memcpy(a.b, bytes.p, sizeof(a.b));
    th_json_addr(j, &a);
}

static void put_mac(struct th_json *j, struct th_str bytes)
{
    struct th_mac m;
    char text[TH_MAC_TEXT_LEN];
    if (bytes.len != sizeof(m.b)) {
        th_json_null(j);
        return;
    }
    memcpy(m.b, bytes.p, sizeof(m.b));
    th_json_str(j, th_str_n(text, th_mac_format(&m, text)));
}

static void put_list(struct th_json *j, const struct th_duck_result *rows, size_t column,
    size_t row, enum th_type type)
{
    size_t n = th_duck_list_len(rows, column, row);
    th_json_open_list(j);
    for (size_t i = 0; i < n; i++) {
        if (type == TH_TYPE_STRINGS)
            th_json_str(j, th_duck_item_str(rows, column, row, i));
        else if (type == TH_TYPE_ADDRS)
            put_addr(j, th_duck_item_str(rows, column, row, i));
        else
            th_json_seconds(j, th_duck_item_i64(rows, column, row, i));
    }
    th_json_close_list(j);
}

static void put_value(struct th_json *j, const struct th_duck_result *rows, size_t column,
    size_t row, enum th_type type)
{
    switch (type) {
    case TH_TYPE_TIME: th_json_time(j, th_duck_i64(rows, column, row)); break;
    case TH_TYPE_INTERVAL: th_json_seconds(j, th_duck_i64(rows, column, row)); break;
    case TH_TYPE_COUNT:
    case TH_TYPE_PORT: th_json_u64(j, th_duck_u64(rows, column, row)); break;
    case TH_TYPE_INT: th_json_i64(j, th_duck_i64(rows, column, row)); break;
    case TH_TYPE_DOUBLE: th_json_double(j, th_duck_double(rows, column, row)); break;
    case TH_TYPE_BOOL: th_json_bool(j, th_duck_i64(rows, column, row) != 0); break;
    case TH_TYPE_ADDR: put_addr(j, th_duck_str(rows, column, row)); break;
    case TH_TYPE_MAC: put_mac(j, th_duck_str(rows, column, row)); break;
    case TH_TYPE_STRING: th_json_str(j, th_duck_str(rows, column, row)); break;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: put_list(j, rows, column, row, type); break;
    }
}

static void put_id(struct th_json *j, const char *key, struct th_str id)
{
    th_json_key(j, key);
    if (id.len)
        th_json_str(j, id);
    else
        th_json_null(j);
}

void query_row_put(struct th_json *j, const struct th_duck_result *rows, size_t row, unsigned kind,
    uint64_t fields)
{
    const struct th_kind_info *k = th_kind_get(kind);
    struct th_select_place p = query_row_place(rows, row, kind);
    char id[48];
    snprintf(id, sizeof(id), "%016" PRIx64 "-%" PRIu64, p.source, p.seq);
    th_json_open(j);
    th_json_key(j, "_kind");
    th_json_str(j, th_str_c(k->name));
    th_json_key(j, "_time");
    th_json_time(j, p.time_ns);
    th_json_key(j, "_id");
    th_json_str(j, th_str_c(id));
    put_id(j, "_entity", th_duck_str(rows, TH_SELECT_ENTITY, row));
    put_id(j, "_peer", th_duck_str(rows, TH_SELECT_PEER, row));
    size_t column = TH_SELECT_FIXED_COUNT;
    for (unsigned i = 0; i < k->field_count; i++) {
        if (!(fields >> i & 1))
            continue;
        if (!th_duck_is_null(rows, column, row)) {
            th_json_key(j, k->fields[i].zeek);
            put_value(j, rows, column, row, (enum th_type)k->fields[i].type);
        }
        column++;
    }
    th_json_close(j);
}

void query_point_put(struct th_json *j, const struct th_duck_result *rows, size_t row)
{
    static const struct {
        const char *name;
        unsigned field;
    } members[] = {{"observed", TH_F_METRIC_observed}, {"expected", TH_F_METRIC_expected},
        {"low", TH_F_METRIC_low}, {"high", TH_F_METRIC_high}, {"p", TH_F_METRIC_p}};
    size_t begin = TH_SELECT_FIXED_COUNT + TH_F_METRIC_ts;
    th_json_open(j);
    th_json_key(j, "time");
    th_json_time(j,
        th_duck_is_null(rows, begin, row) ? th_duck_i64(rows, TH_SELECT_TIME, row)
                                          : th_duck_i64(rows, begin, row));
    for (size_t i = 0; i < TH_ARRAY_LEN(members); i++) {
        size_t column = TH_SELECT_FIXED_COUNT + members[i].field;
        th_json_key(j, members[i].name);
        if (th_duck_is_null(rows, column, row))
            th_json_null(j);
        else
            th_json_double(j, th_duck_double(rows, column, row));
    }
    th_json_close(j);
}

static bool named_before(unsigned kind, unsigned index, uint64_t kinds, const uint64_t *fields)
{
    const char *name = th_kind_get(kind)->fields[index].zeek;
    for (unsigned k = 1; k <= kind; k++) {
        const struct th_kind_info *info = th_kind_get(k);
        unsigned end = k == kind ? index : info ? info->field_count : 0;
        for (unsigned i = 0; kinds >> k & 1 && i < end; i++)
            if (fields[k] >> i & 1 && strcmp(info->fields[i].zeek, name) == 0)
                return true;
    }
    return false;
}

void query_columns_put(struct th_json *j, uint64_t kinds, const uint64_t fields[TH_KIND_COUNT])
{
    th_json_open_list(j);
    TH_EACH_KIND (kind) {
        const struct th_kind_info *k = th_kind_get(kind);
        for (unsigned i = 0; kinds >> kind & 1 && i < k->field_count; i++) {
            if (!(fields[kind] >> i & 1) || named_before(kind, i, kinds, fields))
                continue;
            th_json_open(j);
            th_json_key(j, "name");
            th_json_str(j, th_str_c(k->fields[i].zeek));
            th_json_key(j, "type");
            th_json_str(j, th_str_c(type_word((enum th_type)k->fields[i].type)));
            th_json_key(j, "unit");
            th_json_str(j, th_str_c(k->fields[i].unit));
            th_json_close(j);
        }
    }
    th_json_close_list(j);
}
