/* SPDX-License-Identifier: Apache-2.0 */
#include "web/proxy.h"

#include "base/cursor.h"

#define VERSION 2u
#define COMMAND_LOCAL 0u
#define COMMAND_PROXY 1u
#define FAMILY_TCP4 0x11u
#define FAMILY_TCP6 0x21u

static const uint8_t signature[12] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

int th_proxy_length(const uint8_t *data, size_t len_bytes)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    struct th_str s = th_cur_bytes(&c, sizeof(signature));
    uint8_t version = th_cur_u8(&c) >> 4;
    th_cur_skip(&c, 1);
    unsigned len = TH_PROXY_HEAD_BYTES + th_cur_be16(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (memcmp(s.p, signature, sizeof(signature)) != 0)
        return TH_E_UNKNOWN_FORMAT;
    if (version != VERSION)
        return TH_E_VERSION;
    return len > TH_PROXY_MAX_BYTES ? TH_E_LIMIT : (int)len;
}

int th_proxy_parse(const uint8_t *data, size_t len_bytes, struct th_proxy *ret)
{
    int len = th_proxy_length(data, len_bytes);
    if (len < 0)
        return len;
    struct th_cur c = th_cur_init(data, len_bytes);
    th_cur_skip(&c, sizeof(signature));
    uint8_t command = th_cur_u8(&c) & 0x0f;
    uint8_t family = th_cur_u8(&c);
    th_cur_skip(&c, 2);
    struct th_cur body = th_cur_sub(&c, (size_t)len - TH_PROXY_HEAD_BYTES);
    if (c.failed)
        return TH_E_TRUNCATED;
    struct th_proxy p = {.local = command == COMMAND_LOCAL};
    if (p.local) {
        *ret = p;
        return 0;
    }
    if (command != COMMAND_PROXY)
        return TH_E_MALFORMED;
    struct th_str from;
    switch (family) {
    case FAMILY_TCP4:
        from = th_cur_bytes(&body, 4);
        th_cur_skip(&body, 4);
        if (!body.failed)
            p.address = th_addr_v4((const uint8_t *)from.p);
        break;
    case FAMILY_TCP6:
        from = th_cur_bytes(&body, 16);
        th_cur_skip(&body, 16);
        if (!body.failed)
            p.address = th_addr_v6((const uint8_t *)from.p);
        break;
    default: return TH_E_MALFORMED; /* the proxy was to say who it is, and did not */
    }
    p.port = th_cur_be16(&body);
    th_cur_skip(&body, 2);
    if (body.failed)
        return TH_E_MALFORMED;
    *ret = p;
    return 0;
}
