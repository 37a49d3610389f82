/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

#include "decode_priv.h"

int th_decode(uint32_t linktype, int64_t time_ns, const uint8_t *frame, uint32_t cap_len,
    uint32_t wire_len, struct th_pkt *ret)
{
    struct th_decode d = th_decode_begin(ret, time_ns, frame, cap_len, wire_len);
    if (__builtin_expect(linktype == TH_LINK_ETHERNET, 1)) {
        th_decode_ethernet(&d);
        return 0;
    }
    return th_decode_link(&d, linktype) ? 0 : TH_E_UNSUPPORTED_LINKTYPE;
}
