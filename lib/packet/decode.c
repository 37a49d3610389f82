/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

#include "decode_priv.h"

/* In two halves: one call of this size becomes "rep stos", which costs more than the whole decoding
 * of an Ethernet header. */
static inline void clear(struct th_pkt *p)
{
    const size_t half = sizeof(*p) / 2;
    memset(p, 0, half);
    memset((char *)p + half, 0, sizeof(*p) - half);
}

int th_decode(uint32_t linktype, int64_t time_ns, const uint8_t *frame, uint32_t cap_len,
    uint32_t wire_len, struct th_pkt *ret)
{
    clear(ret);
    ret->time_ns = time_ns;
    ret->cap_len = cap_len;
    ret->wire_len = wire_len < cap_len ? cap_len : wire_len;
    ret->kind = TH_PKT_OTHER;
    struct th_decode d = {.p = ret, .c = th_cur_init(frame, cap_len), .layers = 0};
    if (__builtin_expect(linktype == TH_LINK_ETHERNET, 1)) {
        th_decode_ethernet(&d);
        return 0;
    }
    return th_decode_link(&d, linktype) ? 0 : TH_E_UNSUPPORTED_LINKTYPE;
}
