/* SPDX-License-Identifier: Apache-2.0 */
#include "event/json.h"

#include "base/json.h"
#include "event/community_id.h"

static void put_list(struct th_json *j, const struct th_field_info *f, const void *at)
{
    th_json_open_list(j);
    if (f->type == TH_TYPE_STRINGS) {
        const struct th_strs *list = at;
        for (uint32_t i = 0; i < list->n; i++)
            th_json_str(j, list->v[i]);
    } else if (f->type == TH_TYPE_ADDRS) {
        const struct th_addrs *list = at;
        for (uint32_t i = 0; i < list->n; i++)
            th_json_addr(j, &list->v[i]);
    } else {
        const struct th_spans *list = at;
        for (uint32_t i = 0; i < list->n; i++)
            th_json_seconds(j, list->v[i]);
    }
    th_json_close_list(j);
}

static void put_mac(struct th_json *j, const struct th_mac *m)
{
    char text[TH_MAC_TEXT_LEN];
    th_json_str(j, th_str_n(text, th_mac_format(m, text)));
}

static void put_text(struct th_json *j, const struct th_event *ev, const struct th_field_info *f)
{
    char room[TH_COMMUNITY_ID_LEN];
    th_json_str(j, th_event_text(ev, f, room));
}

static void put_value(struct th_json *j, const struct th_event *ev, const struct th_field_info *f)
{
    const void *at = th_event_field(ev, f);
    switch ((enum th_type)f->type) {
    case TH_TYPE_TIME:
    case TH_TYPE_INTERVAL: th_json_seconds(j, *(const int64_t *)at); break;
    case TH_TYPE_COUNT: th_json_u64(j, *(const uint64_t *)at); break;
    case TH_TYPE_INT: th_json_i64(j, *(const int64_t *)at); break;
    case TH_TYPE_PORT: th_json_u64(j, *(const uint16_t *)at); break;
    case TH_TYPE_DOUBLE: th_json_double(j, *(const double *)at); break;
    case TH_TYPE_BOOL: th_json_bool(j, *(const bool *)at); break;
    case TH_TYPE_ADDR: th_json_addr(j, at); break;
    case TH_TYPE_MAC: put_mac(j, at); break;
    case TH_TYPE_STRING: put_text(j, ev, f); break;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: put_list(j, f, at); break;
    }
}

void th_event_json(const struct th_event *ev, unsigned flags, struct th_buf *out)
{
    const struct th_kind_info *kind = th_kind_get(ev->kind);
    struct th_json j = th_json_init(out);
    if (!kind)
        return;
    th_json_open(&j);
    if (flags & TH_EVENT_JSON_PATH) {
        th_json_key(&j, "_path");
        th_json_str(&j, th_str_c(kind->name));
    }
    for (unsigned i = 0; i < kind->field_count; i++) {
        if (!(ev->set >> i & 1))
            continue;
        th_json_key(&j, kind->fields[i].zeek);
        put_value(&j, ev, &kind->fields[i]);
    }
    th_json_close(&j);
}
