/* SPDX-License-Identifier: Apache-2.0 */
/* The pcap file format (draft-ietf-opsawg-pcap; older variants as libpcap's documentation tells).
 */
#include "capture_priv.h"

enum {
    MAGIC_US = 0xa1b2c3d4u,
    MAGIC_NS = 0xa1b23c4du,
    MAGIC_KUZNETZOV = 0xa1b2cd34u, /* records carry interface, protocol and packet type */
    HEAD_LEN = 24,
    RECORD_LEN = 16,
    KUZNETZOV_RECORD_LEN = 24,
    LINKTYPE_MASK = 0x03ffffff /* the bits above tell of frame check sequences */
};

static int fail_length(struct th_capture *c, uint32_t cap_len)
{
    char record[32];
    char at[32];
    char len[32];
    return th_capture_fail(c, TH_E_MALFORMED,
        "record %s at byte %s claims %s bytes, more than any packet has; the file was read up to "
        "there",
        th_capture_number(c->records + 1, record), th_capture_number(th_capture_offset(c), at),
        th_capture_number(cap_len, len));
}

static void fix_swapped(const struct th_capture *c, uint32_t *cap_len, uint32_t *wire_len)
{
    if (c->lengths_swapped || (c->lengths_may_swap && *cap_len > *wire_len)) {
        uint32_t t = *cap_len;
        *cap_len = *wire_len;
        *wire_len = t;
    }
}

static int pcap_next(struct th_capture *c, struct th_record *ret)
{
    int r = th_capture_need(c, c->record_head_len);
    if (__builtin_expect(r != 1, 0))
        return r == 0 ? 0 : th_capture_fail_read(c, r, "the head");
    struct th_cur cur = th_cur_init(th_capture_at(c), RECORD_LEN);
    uint32_t sec = th_cur_be32(&cur);
    uint32_t fraction = th_cur_be32(&cur);
    uint32_t cap_len = th_cur_be32(&cur);
    uint32_t wire_len = th_cur_be32(&cur);
    if (!c->big_endian) {
        sec = __builtin_bswap32(sec);
        fraction = __builtin_bswap32(fraction);
        cap_len = __builtin_bswap32(cap_len);
        wire_len = __builtin_bswap32(wire_len);
    }
    if (__builtin_expect(c->lengths_may_swap || c->lengths_swapped, 0))
        fix_swapped(c, &cap_len, &wire_len);
    if (__builtin_expect(cap_len > TH_CAPTURE_MAX_RECORD, 0))
        return fail_length(c, cap_len);
    r = th_capture_need(c, (size_t)c->record_head_len + cap_len);
    if (__builtin_expect(r != 1, 0))
        return th_capture_fail_read(c, r, "the data");
    ret->time_ns = (int64_t)sec * TH_NS_PER_S + (int64_t)fraction * c->fraction_ns;
    ret->linktype = c->linktype;
    ret->data = th_capture_at(c) + c->record_head_len;
    th_capture_lengths(c, cap_len, wire_len, ret);
    c->pos += (size_t)c->record_head_len + cap_len;
    return 1;
}

static bool pcap_ready(const struct th_capture *c)
{
    size_t left = th_capture_left(c);
    if (left < c->record_head_len || c->lengths_may_swap || c->lengths_swapped)
        return false;
    struct th_cur cur = th_cur_init(th_capture_at(c), RECORD_LEN);
    th_cur_skip(&cur, 8);
    return th_capture_u32(c, &cur) <= left - c->record_head_len;
}

static bool set_magic(struct th_capture *c, uint32_t magic)
{
    c->record_head_len = RECORD_LEN;
    c->fraction_ns = TH_NS_PER_US;
    c->format = "pcap";
    switch (magic) {
    case MAGIC_US: return true;
    case MAGIC_NS:
        c->fraction_ns = 1;
        c->format = "nanosecond pcap";
        return true;
    case MAGIC_KUZNETZOV: c->record_head_len = KUZNETZOV_RECORD_LEN; return true;
    default: return false;
    }
}

int th_pcap_open(struct th_capture *c, uint32_t magic)
{
    c->big_endian = true;
    if (!set_magic(c, magic)) {
        c->big_endian = false;
        if (!set_magic(c, __builtin_bswap32(magic)))
            return TH_E_UNKNOWN_FORMAT;
    }
    int r = th_capture_need(c, HEAD_LEN);
    if (r != 1)
        return r < 0 && r != TH_E_TRUNCATED ? r : TH_E_UNKNOWN_FORMAT;
    struct th_cur cur = th_cur_init(th_capture_at(c), HEAD_LEN);
    th_cur_skip(&cur, 4);
    uint16_t major = th_capture_u16(c, &cur);
    uint16_t minor = th_capture_u16(c, &cur);
    th_cur_skip(&cur, 12);
    c->linktype = th_capture_u32(c, &cur) & LINKTYPE_MASK;
    /* Before 2.3 the two lengths stood the other way round; 2.3 was written both ways. */
    c->lengths_swapped = major == 2 && minor < 3;
    c->lengths_may_swap = major == 2 && minor == 3;
    c->pos += HEAD_LEN;
    c->next = pcap_next;
    c->ready = pcap_ready;
    return 0;
}
