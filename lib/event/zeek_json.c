/* SPDX-License-Identifier: Apache-2.0 */
/* Zeek's JSON writer: an object a line. Numbers of seconds are binary fractions: times are rounded
 * to the microsecond that Zeek printed. */
#include <jansson.h>
#include <math.h>

#include "zeek_in.h"

static void unref(json_t **j)
{
    json_decref(*j);
}

static struct th_str text_of(const json_t *j)
{
    return json_is_string(j) ? th_str_n(json_string_value(j), json_string_length(j))
                             : (struct th_str){"", 0};
}

static bool seconds(double d, double unit, int64_t *ret_ns)
{
    if (!isfinite(d) || fabs(d) > 9.2e9)
        return false;
    *ret_ns = llround(d * unit) * (TH_NS_PER_S / (int64_t)unit);
    return true;
}

static bool put_number(enum th_type type, const json_t *j, void *at)
{
    double d = json_number_value(j);
    json_int_t i = json_integer_value(j);
    bool whole = json_is_integer(j);
    switch (type) {
    case TH_TYPE_TIME: return seconds(d, 1e6, at);
    case TH_TYPE_INTERVAL: return seconds(d, 1e9, at);
    case TH_TYPE_COUNT:
        if (!whole && (d < 0 || d > 9e15 || d != floor(d)))
            return false;
        *(uint64_t *)at = whole ? (uint64_t)i : (uint64_t)d;
        return !whole || i >= 0;
    case TH_TYPE_INT: *(int64_t *)at = i; return whole;
    case TH_TYPE_PORT: *(uint16_t *)at = (uint16_t)i; return whole && i >= 0 && i <= UINT16_MAX;
    case TH_TYPE_DOUBLE: *(double *)at = d; return true;
    default: return false;
    }
}

/* A value that stands alone: a scalar of its type, or what Zeek versions put in its place. */
static bool put_scalar(struct th_zeek *z, enum th_type type, json_t *j, void *at)
{
    if (json_is_string(j))
        return th_zeek_scalar(type, text_of(j), at);
    if (type == TH_TYPE_BOOL && json_is_boolean(j)) {
        *(bool *)at = json_is_true(j);
        return true;
    }
    if (type == TH_TYPE_STRING && json_is_integer(j)) {
        *(struct th_str *)at =
            th_arena_printf(&z->memory, "%lld", (long long)json_integer_value(j));
        return true;
    }
    return json_is_number(j) && put_number(type, j, at);
}

/* Sets in a field that is a string elsewhere (conn's service): joined by commas. */
static bool put_joined(struct th_zeek *z, json_t *list, struct th_str *at)
{
    struct th_buf text TH_AUTOBUF = TH_BUF_INIT;
    size_t i;
    json_t *e;
    json_array_foreach(list, i, e)
    {
        if (i)
            th_buf_u8(&text, ',');
        th_buf_str(&text, text_of(e));
    }
    *at = th_arena_str(&z->memory, th_buf_view(&text));
    return true;
}

static bool put_element(struct th_zeek *z, enum th_type type, json_t *j, void *v, uint32_t i)
{
    if (type == TH_TYPE_INTERVALS)
        return put_scalar(z, TH_TYPE_INTERVAL, j, &((int64_t *)v)[i]);
    if (type == TH_TYPE_STRINGS)
        return put_scalar(z, TH_TYPE_STRING, j, &((struct th_str *)v)[i]);
    return put_scalar(z, TH_TYPE_ADDR, j, &((struct th_addr *)v)[i]);
}

static bool put_list(struct th_zeek *z, enum th_type type, json_t *j, void *at)
{
    size_t given = json_is_array(j) ? json_array_size(j) : 1;
    uint32_t room = (uint32_t)TH_MIN(given, TH_ZEEK_MAX_ELEMENTS);
    void *v = th_zeek_list_new(z, type, room, at);
    bool all = room == given;
    uint32_t n = 0;
    for (uint32_t i = 0; i < room; i++) {
        bool ok = put_element(z, type, json_is_array(j) ? json_array_get(j, i) : j, v, n);
        n += ok;
        all &= ok;
    }
    th_zeek_list_cut(type, at, n);
    return all;
}

static void put_member(struct th_zeek *z, const struct th_kind_info *kind, int field, json_t *j)
{
    const struct th_field_info *f = &kind->fields[field];
    enum th_type type = (enum th_type)f->type;
    void *at = (uint8_t *)&z->ev + f->offset;
    bool ok;
    if (th_zeek_is_list(type))
        ok = put_list(z, type, j, at);
    else if (type == TH_TYPE_STRING && json_is_array(j))
        ok = put_joined(z, j, at);
    else
        ok = put_scalar(z, type, j, at);
    if (ok || th_zeek_is_list(type)) {
        z->ev.h.set |= UINT64_C(1) << field;
        return;
    }
    memset(at, 0, th_type_size(type));
    z->counts.bad_values++;
    th_zeek_complain(z, f->zeek, text_of(j));
}

/* Members of an object; those of an object inside it have its name before theirs (id.orig_h). */
static void put_members(
    struct th_zeek *z, const struct th_kind_info *kind, json_t *object, struct th_str before)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        struct th_str name = th_str_c(key);
        if (before.len)
            name = th_arena_printf(&z->memory, "%.*s.%s", (int)before.len, before.p, key);
        if (json_is_object(value) && before.len == 0) {
            put_members(z, kind, value, name);
            continue;
        }
        int field = json_is_null(value) ? TH_ZEEK_NO_FIELD : th_zeek_field(kind, name);
        if (field != TH_ZEEK_NO_FIELD)
            put_member(z, kind, field, value);
    }
}

static struct th_str path_of(const struct th_zeek *z, const json_t *object)
{
    static const char *const names[] = {"_path", "@stream", "_stream"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++) {
        struct th_str path = text_of(json_object_get(object, names[i]));
        if (path.len)
            return path;
    }
    return th_zeek_text(&z->file_path);
}

int th_zeek_json_row(struct th_zeek *z, struct th_str line)
{
    json_error_t error;
    json_t *object __attribute__((cleanup(unref))) =
        json_loadb(line.p, line.len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "not JSON", th_str_c(object ? "" : error.text));
        return 0;
    }
    struct th_str path = path_of(z, object);
    if (path.len == 0) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "neither the line nor the file's name says which log it is of",
            (struct th_str){"", 0});
        return 0;
    }
    z->forms |= TH_ZEEK_JSON;
    const struct th_kind_info *kind = th_zeek_begin(z, path);
    if (!kind)
        return 0;
    put_members(z, kind, object, (struct th_str){"", 0});
    return th_zeek_end(z, kind);
}
