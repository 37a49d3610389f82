/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_TEST_FILLED_H
#define TH_TEST_FILLED_H

#include "event/event.h"

/* An event of any kind with every field set. */
static inline void fill(union th_any_event *ev, unsigned kind, int64_t n)
{
    static const struct th_addr addrs[] = {{{[10] = 0xff, 0xff, 10, 0, 0, 1}}, {{0x20, 0x01}}};
    static const struct th_str strs[] = {
        {"one", 3}, {"a longer one than twelve", 24}, {"\xff'\0", 3}};
    static const int64_t spans[] = {-1, 0, INT64_MAX};
    const struct th_kind_info *info = th_kind_get(kind);
    memset(ev, 0, sizeof(*ev));
    ev->h = (struct th_event){
        .kind = (uint16_t)kind, .time_ns = 1000 - n, .source = 5, .seq = (uint64_t)n};
    for (unsigned i = 0; i < info->field_count; i++) {
        void *v = (uint8_t *)ev + info->fields[i].offset;
        ev->h.set |= UINT64_C(1) << i;
        switch ((enum th_type)info->fields[i].type) {
        case TH_TYPE_TIME:
        case TH_TYPE_INTERVAL:
        case TH_TYPE_INT: *(int64_t *)v = -n; break;
        case TH_TYPE_COUNT: *(uint64_t *)v = UINT64_MAX - (uint64_t)n; break;
        case TH_TYPE_PORT: *(uint16_t *)v = 65535; break;
        case TH_TYPE_DOUBLE: *(double *)v = 0.5; break;
        case TH_TYPE_BOOL: *(bool *)v = true; break;
        case TH_TYPE_ADDR: *(struct th_addr *)v = addrs[0]; break;
        case TH_TYPE_MAC: *(struct th_mac *)v = (struct th_mac){{1, 2, 3, 4, 5, 6}}; break;
        case TH_TYPE_STRING: *(struct th_str *)v = strs[n % 3]; break;
        case TH_TYPE_STRINGS:
            *(struct th_strs *)v = (struct th_strs){strs, (uint32_t)(n % 4)};
            break;
        case TH_TYPE_INTERVALS: *(struct th_spans *)v = (struct th_spans){spans, 3}; break;
        case TH_TYPE_ADDRS: *(struct th_addrs *)v = (struct th_addrs){addrs, 2}; break;
        }
    }
}

#endif
