/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <stddef.h>

#include "base/mem.h"

#define TH_KIND(KIND, name, id, help)                                                              \
    _Static_assert(TH_F_##KIND##_COUNT <= 64, #KIND " has more than 64 fields");                   \
    static const struct th_field_info fields_##KIND[] = {
#define TH_FIELD(KIND, name, id, TYPE, zeek, unit, help)                                           \
    {#name, zeek, unit, help, offsetof(th_ev_##KIND, name), id, TH_TYPE_##TYPE},
#define TH_KIND_END(KIND)                                                                          \
    }                                                                                              \
    ;
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END

#define REFERS(type)                                                                               \
    ((type) == TH_TYPE_STRING || (type) == TH_TYPE_STRINGS || (type) == TH_TYPE_INTERVALS ||       \
        (type) == TH_TYPE_ADDRS)

static const struct th_kind_info kinds[TH_KIND_COUNT] = {
#define TH_KIND(KIND, name, id, help)                                                              \
    [id] = {#name, help, fields_##KIND, TH_F_##KIND##_COUNT, sizeof(th_ev_##KIND), 0
#define TH_FIELD(KIND, name, id, TYPE, zeek, unit, help)                                           \
    | (uint64_t)REFERS(TH_TYPE_##TYPE) << TH_F_##KIND##_##name
#define TH_KIND_END(KIND)                                                                          \
    }                                                                                              \
    ,
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END
};

const struct th_kind_info *th_kind_get(unsigned kind)
{
    return kind < TH_KIND_COUNT && kinds[kind].name ? &kinds[kind] : NULL;
}

int th_kind_find(struct th_str name)
{
    for (unsigned i = 0; i < TH_KIND_COUNT; i++)
        if (kinds[i].name && th_str_is(name, kinds[i].name))
            return (int)i;
    return -1;
}

static bool same_name(struct th_str given, const char *zeek)
{
    uint32_t i = 0;
    for (; i < given.len && zeek[i]; i++)
        if (given.p[i] != zeek[i] && !(given.p[i] == '_' && zeek[i] == '.'))
            return false;
    return i == given.len && !zeek[i];
}

int th_field_find(const struct th_kind_info *k, struct th_str zeek_name)
{
    for (unsigned i = 0; i < k->field_count; i++)
        if (same_name(zeek_name, k->fields[i].zeek))
            return (int)i;
    return -1;
}

size_t th_type_size(enum th_type type)
{
    static const uint8_t sizes[] = {
        [TH_TYPE_TIME] = sizeof(int64_t),
        [TH_TYPE_INTERVAL] = sizeof(int64_t),
        [TH_TYPE_COUNT] = sizeof(uint64_t),
        [TH_TYPE_INT] = sizeof(int64_t),
        [TH_TYPE_PORT] = sizeof(uint16_t),
        [TH_TYPE_DOUBLE] = sizeof(double),
        [TH_TYPE_BOOL] = sizeof(bool),
        [TH_TYPE_ADDR] = sizeof(struct th_addr),
        [TH_TYPE_MAC] = sizeof(struct th_mac),
        [TH_TYPE_STRING] = sizeof(struct th_str),
        [TH_TYPE_STRINGS] = sizeof(struct th_strs),
        [TH_TYPE_INTERVALS] = sizeof(struct th_spans),
        [TH_TYPE_ADDRS] = sizeof(struct th_addrs),
    };
    return (size_t)type < TH_ARRAY_LEN(sizes) ? sizes[type] : 0;
}
