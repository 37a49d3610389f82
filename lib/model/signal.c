/* SPDX-License-Identifier: Apache-2.0 */
#include "model_i.h"

void signal_copy(struct th_signal *dst, const struct th_signal *src)
{
    if (dst != src)
        *dst = *src;
    dst->peer.host = th_str_c(dst->peer_host);
    dst->peer.domain = th_str_c(dst->peer_domain);
}

void text_put(struct th_buf *out, const char *s, size_t cap)
{
    size_t n = strnlen(s, cap - 1);
    th_buf_u8(out, (uint8_t)n);
    th_buf_put(out, s, n);
}

void text_get(struct th_cur *c, char *out, size_t cap)
{
    struct th_str s = th_cur_bytes(c, th_cur_u8(c));
    if (s.len >= cap || !text_ok(s))
        th_cur_fail(c);
    if (c->failed)
        return;
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
}

bool text_ok(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

void signal_put(struct th_buf *out, const struct th_signal *s)
{
    const char *name = th_feature_get(s->feature)->name;
    text_put(out, name, 64);
    th_buf_double(out, s->observed);
    th_buf_double(out, s->expected);
    th_buf_double(out, s->low);
    th_buf_double(out, s->high);
    th_buf_double(out, s->lgp_raw);
    th_buf_double(out, s->lgp);
    th_buf_le64(out, (uint64_t)s->first_ns);
    th_buf_le64(out, (uint64_t)s->last_ns);
    th_buf_le32(out, s->peer_devices);
    th_buf_le32(out, s->org_devices);
    text_put(out, s->detail, sizeof(s->detail));
    th_buf_u8(out,
        (uint8_t)(s->has_peer | s->peer.has_addr << 1 | s->peer.inside << 2 |
            s->peer.vouched << 3));
    if (!s->has_peer)
        return;
    th_buf_le64(out, s->peer.key);
    th_buf_put(out, s->peer.addr.b, 16);
    th_buf_le16(out, s->peer.port);
    th_buf_le32(out, s->peer.slot);
    text_put(out, s->peer_host, sizeof(s->peer_host));
    text_put(out, s->peer_domain, sizeof(s->peer_domain));
}

bool signal_get(struct th_cur *c, struct th_signal *ret)
{
    char name[64] = "";
    *ret = (struct th_signal){0};
    text_get(c, name, sizeof(name));
    int feature = th_feature_find(th_str_c(name));
    if (feature < 0)
        return false;
    ret->feature = (uint16_t)feature;
    ret->observed = th_cur_double(c);
    ret->expected = th_cur_double(c);
    ret->low = th_cur_double(c);
    ret->high = th_cur_double(c);
    ret->lgp_raw = th_cur_double(c);
    ret->lgp = th_cur_double(c);
    ret->first_ns = (int64_t)th_cur_le64(c);
    ret->last_ns = (int64_t)th_cur_le64(c);
    ret->peer_devices = th_cur_le32(c);
    ret->org_devices = th_cur_le32(c);
    text_get(c, ret->detail, sizeof(ret->detail));
    uint8_t flags = th_cur_u8(c);
    ret->has_peer = flags & 1;
    ret->peer.has_addr = flags >> 1 & 1;
    ret->peer.inside = flags >> 2 & 1;
    ret->peer.vouched = flags >> 3 & 1;
    ret->peer.slot = UINT32_MAX;
    if (ret->has_peer) {
        ret->peer.key = th_cur_le64(c);
        struct th_str addr = th_cur_bytes(c, 16);
        if (!c->failed)
            memcpy(ret->peer.addr.b, addr.p, 16);
        ret->peer.port = th_cur_le16(c);
        ret->peer.slot = th_cur_le32(c);
        text_get(c, ret->peer_host, sizeof(ret->peer_host));
        text_get(c, ret->peer_domain, sizeof(ret->peer_domain));
    }
    signal_copy(ret, ret);
    return !c->failed && flags < 16;
}
