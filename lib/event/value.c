/* SPDX-License-Identifier: Apache-2.0 */
#include "event/value.h"

/* "T" and "F" in tab-separated logs, words in JSON. */
static bool parse_bool(struct th_str s, bool *ret)
{
    *ret = th_str_is(s, "T") || th_str_is(s, "true");
    return *ret || th_str_is(s, "F") || th_str_is(s, "false");
}

/* Counts are whole, but other writers than Zeek print them as "12.0". */
static bool parse_count(struct th_str s, uint64_t *ret)
{
    double d;
    if (th_str_u64(s, ret))
        return true;
    if (!th_str_double(s, &d) || d < 0 || d > 9e15 || d != (double)(uint64_t)d)
        return false;
    *ret = (uint64_t)d;
    return true;
}

static bool parse_port(struct th_str s, uint16_t *ret)
{
    uint64_t v;
    if (!th_str_u64(s, &v) || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

bool th_value_text(enum th_type type, struct th_str s, void *at)
{
    switch (type) {
    case TH_TYPE_TIME: return th_time_parse_epoch(s, at) || th_time_parse_rfc3339(s, at);
    case TH_TYPE_INTERVAL: return th_time_parse_epoch(s, at);
    case TH_TYPE_COUNT: return parse_count(s, at);
    case TH_TYPE_INT: return th_str_i64(s, at);
    case TH_TYPE_PORT: return parse_port(s, at);
    case TH_TYPE_DOUBLE: return th_str_double(s, at);
    case TH_TYPE_BOOL: return parse_bool(s, at);
    case TH_TYPE_ADDR: return th_addr_parse(s, at);
    case TH_TYPE_MAC: return th_mac_parse(s, at);
    case TH_TYPE_STRING: *(struct th_str *)at = s; return true;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: break;
    }
    return false;
}

void *th_value_list_new(struct th_arena *a, enum th_type type, uint32_t n, void *at)
{
    size_t size = type == TH_TYPE_STRINGS ? sizeof(struct th_str)
        : type == TH_TYPE_ADDRS           ? sizeof(struct th_addr)
                                          : sizeof(int64_t);
    void *v = th_arena_alloc(a, (n ? n : 1) * size);
    TH_ASSERT(v);
    if (type == TH_TYPE_STRINGS)
        *(struct th_strs *)at = (struct th_strs){v, n};
    else if (type == TH_TYPE_ADDRS)
        *(struct th_addrs *)at = (struct th_addrs){v, n};
    else
        *(struct th_spans *)at = (struct th_spans){v, n};
    return v;
}

bool th_value_element(enum th_type type, struct th_str text, void *elements, uint32_t i)
{
    switch (type) {
    case TH_TYPE_STRINGS: ((struct th_str *)elements)[i] = text; return true;
    case TH_TYPE_ADDRS: return th_addr_parse(text, &((struct th_addr *)elements)[i]);
    case TH_TYPE_INTERVALS: return th_time_parse_epoch(text, &((int64_t *)elements)[i]);
    default: return false;
    }
}

void th_value_list_cut(enum th_type type, void *at, uint32_t n)
{
    if (type == TH_TYPE_STRINGS)
        ((struct th_strs *)at)->n = n;
    else if (type == TH_TYPE_ADDRS)
        ((struct th_addrs *)at)->n = n;
    else
        ((struct th_spans *)at)->n = n;
}
