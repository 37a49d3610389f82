/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of seconds are binary fractions: times are rounded to the microsecond that was printed.
 */
#include <math.h>

#include "base/buf.h"
#include "event/value.h"

struct th_str th_value_json_text(const json_t *j)
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
static bool put_scalar(struct th_arena *a, enum th_type type, const json_t *j, void *at)
{
    if (json_is_string(j))
        return th_value_text(type, th_value_json_text(j), at);
    if (type == TH_TYPE_BOOL && json_is_boolean(j)) {
        *(bool *)at = json_is_true(j);
        return true;
    }
    if (type == TH_TYPE_STRING && json_is_integer(j)) {
        *(struct th_str *)at = th_arena_printf(a, "%lld", (long long)json_integer_value(j));
        return true;
    }
    return json_is_number(j) && put_number(type, j, at);
}

/* Sets in a field that is a string elsewhere (conn's service): joined by commas. */
static bool put_joined(struct th_arena *a, const json_t *list, struct th_str *at)
{
    struct th_buf text TH_AUTOBUF = TH_BUF_INIT;
    size_t i;
    json_t *e;
    json_array_foreach(list, i, e)
    {
        if (i)
            th_buf_u8(&text, ',');
        th_buf_str(&text, th_value_json_text(e));
    }
    *at = th_arena_str(a, th_buf_view(&text));
    return true;
}

static bool put_element(struct th_arena *a, enum th_type type, const json_t *j, void *v, uint32_t i)
{
    if (type == TH_TYPE_INTERVALS)
        return put_scalar(a, TH_TYPE_INTERVAL, j, &((int64_t *)v)[i]);
    if (type == TH_TYPE_STRINGS)
        return put_scalar(a, TH_TYPE_STRING, j, &((struct th_str *)v)[i]);
    return put_scalar(a, TH_TYPE_ADDR, j, &((struct th_addr *)v)[i]);
}

static bool put_list(struct th_arena *a, enum th_type type, const json_t *j, void *at)
{
    size_t given = json_is_array(j) ? json_array_size(j) : 1;
    uint32_t room = (uint32_t)TH_MIN(given, TH_VALUE_MAX_ELEMENTS);
    void *v = th_value_list_new(a, type, room, at);
    bool all = room == given;
    uint32_t n = 0;
    for (uint32_t i = 0; i < room; i++) {
        bool ok = put_element(a, type, json_is_array(j) ? json_array_get(j, i) : j, v, n);
        n += ok;
        all &= ok;
    }
    th_value_list_cut(type, at, n);
    return all;
}

bool th_value_json(struct th_arena *a, struct th_event *ev, unsigned field, const json_t *j)
{
    const struct th_field_info *f = &th_kind_get(ev->kind)->fields[field];
    enum th_type type = (enum th_type)f->type;
    void *at = (uint8_t *)ev + f->offset;
    bool ok;
    if (th_value_is_list(type))
        ok = put_list(a, type, j, at);
    else if (type == TH_TYPE_STRING && json_is_array(j))
        ok = put_joined(a, j, at);
    else
        ok = put_scalar(a, type, j, at);
    if (ok || th_value_is_list(type))
        ev->set |= UINT64_C(1) << field;
    else
        memset(at, 0, th_type_size(type));
    return ok;
}
