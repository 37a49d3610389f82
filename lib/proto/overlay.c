/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay.h"

void th_overlay_id_set(struct th_overlay_id *id, struct th_str bytes)
{
    id->len = (uint8_t)TH_MIN(bytes.len, TH_OVERLAY_ID_BYTES);
    if (id->len)
        memcpy(id->b, bytes.p, id->len);
}

static struct th_str hex(struct th_arena *a, const struct th_overlay_id *id)
{
    static const char digits[] = "0123456789abcdef";
    char *p = th_arena_alloc(a, 2 * TH_OVERLAY_ID_BYTES);
    for (unsigned i = 0; i < id->len; i++) {
        p[2 * i] = digits[id->b[i] >> 4];
        p[2 * i + 1] = digits[id->b[i] & 15];
    }
    return th_str_n(p, 2u * id->len);
}

void th_overlay_emit(struct th_conn *c, struct th_overlay *o)
{
    struct th_ev_overlay ev = {0};
    struct th_arena *a = &c->pr->scratch;
    struct th_str vendors[TH_OVERLAY_VENDORS];
    if (!o->protocol || o->told)
        return;
    o->told = true;
    for (unsigned i = 0; i < o->vendor_count; i++)
        vendors[i] = hex(a, &o->vendor[i]);
    TH_CONN_ID(&ev, OVERLAY, c, o->first_ns);
    TH_SET(&ev, OVERLAY, protocol, th_str_c(o->protocol));
    TH_SET_TEXT(&ev, OVERLAY, version, th_text_get(&o->version));
    if (o->exchange)
        TH_SET(&ev, OVERLAY, exchange, th_str_c(o->exchange));
    TH_SET(&ev, OVERLAY, answered, o->answered);
    TH_SET_TEXT(&ev, OVERLAY, initiator_id, hex(a, &o->initiator));
    TH_SET_TEXT(&ev, OVERLAY, responder_id, hex(a, &o->responder));
    TH_SET_TEXT(&ev, OVERLAY, info_hash, hex(a, &o->info_hash));
    if (o->vendor_count)
        TH_SET(&ev, OVERLAY, vendor_ids, (struct th_strs){vendors, o->vendor_count});
    th_proto_emit(c->pr, &ev.h, TH_MAX(o->last_ns, o->first_ns));
}
