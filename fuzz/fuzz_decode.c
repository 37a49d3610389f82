/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One frame: two bytes of link type, two bytes by which the wire had more than was
 * captured, then the frame, and what is in tunnels in it. Views must lie inside it, lengths must
 * agree.
 */
#include "base/err.h"
#include "base/mem.h"
#include "packet/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_inside(struct th_str view, const uint8_t *frame, size_t len)
{
    if (view.len == 0)
        return;
    const uint8_t *p = (const uint8_t *)view.p;
    TH_ASSERT(p >= frame && p + view.len <= frame + len);
}

static void check(const struct th_pkt *p, const uint8_t *frame, size_t len)
{
    TH_ASSERT(p->kind <= TH_PKT_BAD && (p->kind != TH_PKT_BAD || p->weird));
    assert_inside(p->l3, frame, len);
    assert_inside(p->payload, frame, len);
    if (p->kind == TH_PKT_IP) {
        TH_ASSERT(p->ip_len <= p->wire_len);
        TH_ASSERT(p->payload.len <= p->payload_len && p->payload_len <= p->ip_len);
        TH_ASSERT(p->fragment == (p->more_fragments || p->frag_offset != 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    uint32_t linktype = (uint32_t)(data[0] << 8 | data[1]);
    uint32_t cut = (uint32_t)(data[2] << 8 | data[3]);
    const uint8_t *frame = data + 4;
    uint32_t len = (uint32_t)(size - 4);
    struct th_pkt p;
    int r = th_decode(linktype, 1, frame, len, len + cut, &p);
    TH_ASSERT(r == 0 || r == TH_E_UNSUPPORTED_LINKTYPE);
    TH_ASSERT((r == 0) == th_linktype_supported(linktype));
    check(&p, frame, len);
    for (unsigned depth = 0; depth < 8 && th_pkt_is_tunnel(&p); depth++) {
        struct th_pkt inside;
        struct th_tunnel tunnel;
        if (!th_decap_inside(&p, &inside, &tunnel))
            break;
        TH_ASSERT(tunnel.kind > TH_TUNNEL_NONE && tunnel.kind < TH_TUNNEL_KINDS);
        check(&inside, frame, len);
        p = inside;
    }
    return 0;
}
