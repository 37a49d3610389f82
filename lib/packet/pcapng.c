/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng (draft-ietf-opsawg-pcapng). Section numbers below are that draft's. */
#include "capture_priv.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0au,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4du,
    OPT_END = 0,
    OPT_IF_TSRESOL = 9,
    OPT_IF_TSOFFSET = 14,
    BLOCK_HEAD = 8, /* type and length */
    BLOCK_MIN = 12, /* and the length again at its end */
    /* A block that holds a packet or an interface has room for the packet and its options;
     * others (name resolution, decryption secrets, custom) are skipped whatever their size. */
    BLOCK_MAX = TH_CAPTURE_MAX_RECORD + (1u << 20),
    SKIP_PIECE = 1u << 16
};

static int fail_block(struct th_capture *c, const char *what, uint64_t number)
{
    char at[32];
    char text[32];
    return th_capture_fail(c, TH_E_MALFORMED,
        "the block at byte %s %s (%s); the file was read up to there",
        th_capture_number(th_capture_offset(c), at), what, th_capture_number(number, text));
}

/* 4.1: the magic tells the byte order of the section; interfaces begin anew. */
static int read_section(struct th_capture *c, uint32_t *ret_len)
{
    int r = th_capture_need(c, 12);
    if (r != 1)
        return th_capture_fail_read(c, r, "a section header");
    struct th_cur cur = th_cur_init(th_capture_at(c), 12);
    th_cur_skip(&cur, 8);
    uint32_t magic = th_cur_be32(&cur);
    if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return fail_block(c, "has no byte-order magic", magic);
    c->big_endian = magic == BYTE_ORDER_MAGIC;
    cur = th_cur_init(th_capture_at(c) + 4, 4);
    *ret_len = th_capture_u32(c, &cur);
    c->iface_count = 0;
    return 1;
}

static void read_option(
    const struct th_capture *c, struct th_capture_iface *f, uint16_t code, struct th_cur value)
{
    if (code == OPT_IF_TSRESOL && th_cur_left(&value) >= 1) {
        uint8_t v = th_cur_u8(&value);
        f->binary = (v & 0x80) != 0;
        f->exponent = v & 0x7f;
    } else if (code == OPT_IF_TSOFFSET && th_cur_left(&value) >= 8) {
        uint64_t v = c->big_endian ? th_cur_be64(&value) : th_cur_le64(&value);
        f->offset_s = (int64_t)v;
    }
}

/* 4.2 */
static int read_interface(struct th_capture *c, struct th_cur body)
{
    struct th_capture_iface f = {.exponent = 6};
    f.linktype = th_capture_u16(c, &body);
    th_cur_skip(&body, 2);
    f.snap_len = th_capture_u32(c, &body);
    if (body.failed)
        return fail_block(c, "is too short for an interface", BLOCK_INTERFACE);
    if (c->iface_count >= TH_CAPTURE_MAX_INTERFACES)
        return fail_block(c, "describes more interfaces than are kept", c->iface_count + 1);
    while (th_cur_left(&body) >= 4) {
        uint16_t code = th_capture_u16(c, &body);
        uint16_t len = th_capture_u16(c, &body);
        if (code == OPT_END)
            break;
        struct th_cur value = th_cur_sub(&body, len);
        read_option(c, &f, code, value);
        th_cur_skip(&body, (4u - len % 4u) % 4u);
    }
    if (c->iface_count == c->iface_cap) {
        c->iface_cap = c->iface_cap ? c->iface_cap * 2 : 4;
        c->ifaces = th_xreallocarray(c->ifaces, c->iface_cap, sizeof(*c->ifaces));
    }
    c->ifaces[c->iface_count++] = f;
    return 0;
}

static int64_t clamp_time(__int128 ns)
{
    if (ns > INT64_MAX)
        return INT64_MAX;
    return ns < INT64_MIN + 1 ? INT64_MIN + 1 : (int64_t)ns;
}

static int64_t block_time(const struct th_capture_iface *f, uint32_t high, uint32_t low)
{
    uint64_t units = (uint64_t)high << 32 | low;
    if (__builtin_expect(!f->binary && f->exponent == 6 && f->offset_s == 0 && high < 1u << 19, 1))
        return (int64_t)units * TH_NS_PER_US;
    __int128 ns;
    if (f->binary) {
        /* Finer than 2^-63 s is zero within any capture's reach. */
        ns = f->exponent > 63 ? 0 : ((__int128)units * TH_NS_PER_S) >> f->exponent;
    } else {
        ns = units;
        for (unsigned e = f->exponent; e < 9; e++)
            ns *= 10;
        for (unsigned e = 9; e < f->exponent && ns != 0; e++)
            ns /= 10;
    }
    return clamp_time(ns + (__int128)f->offset_s * TH_NS_PER_S);
}

static int set_packet(struct th_capture *c, struct th_cur *body, uint32_t iface, uint32_t cap_len,
    uint32_t wire_len, struct th_record *ret)
{
    if (iface >= c->iface_count)
        return fail_block(c, "belongs to an interface that was not described", iface);
    struct th_str data = th_cur_bytes(body, cap_len);
    if (body->failed || cap_len > TH_CAPTURE_MAX_RECORD)
        return fail_block(c, "claims more packet bytes than it holds or any packet has", cap_len);
    ret->linktype = c->ifaces[iface].linktype;
    ret->data = (const uint8_t *)data.p;
    th_capture_lengths(c, cap_len, wire_len, ret);
    return 1;
}

/* 4.3 Enhanced Packet Block; B.1 Packet Block, which differs in its first four bytes. */
static int read_packet(
    struct th_capture *c, struct th_cur body, bool obsolete, struct th_record *ret)
{
    uint32_t iface = obsolete ? th_capture_u16(c, &body) : th_capture_u32(c, &body);
    if (obsolete)
        th_cur_skip(&body, 2);
    uint32_t high = th_capture_u32(c, &body);
    uint32_t low = th_capture_u32(c, &body);
    uint32_t cap_len = th_capture_u32(c, &body);
    uint32_t wire_len = th_capture_u32(c, &body);
    int r = set_packet(c, &body, iface, cap_len, wire_len, ret);
    if (r == 1)
        ret->time_ns = block_time(&c->ifaces[iface], high, low);
    return r;
}

/* 4.4: no time and no captured length, which is cut to the snap length of interface 0. */
static int read_simple(struct th_capture *c, struct th_cur body, struct th_record *ret)
{
    uint32_t wire_len = th_capture_u32(c, &body);
    uint32_t cap_len = wire_len;
    uint32_t snap_len = c->iface_count ? c->ifaces[0].snap_len : 0;
    if (snap_len && cap_len > snap_len)
        cap_len = snap_len;
    if (cap_len > th_cur_left(&body))
        cap_len = (uint32_t)th_cur_left(&body);
    ret->time_ns = c->last_ns;
    return set_packet(c, &body, 0, cap_len, wire_len, ret);
}

static int skip_block(struct th_capture *c)
{
    while (c->skip > 0) {
        uint32_t piece = TH_MIN(c->skip, (uint32_t)SKIP_PIECE);
        int r = th_capture_need(c, piece);
        if (r != 1)
            return th_capture_fail_read(c, r, "a block before the data");
        c->pos += piece;
        c->skip -= piece;
    }
    return 0;
}

static bool is_wanted(uint32_t type)
{
    return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE ||
        type == BLOCK_ENHANCED;
}

static int read_block(struct th_capture *c, uint32_t type, uint32_t len, struct th_record *ret)
{
    int r = th_capture_need(c, len);
    if (r != 1)
        return th_capture_fail_read(c, r, "the block");
    struct th_cur body = th_cur_init(th_capture_at(c) + BLOCK_HEAD, len - BLOCK_MIN);
    if (type == BLOCK_INTERFACE)
        r = read_interface(c, body);
    else if (type == BLOCK_SIMPLE)
        r = read_simple(c, body, ret);
    else
        r = read_packet(c, body, type == BLOCK_PACKET, ret);
    if (r >= 0)
        c->pos += len;
    return r;
}

int th_pcapng_next(struct th_capture *c, struct th_record *ret)
{
    for (;;) {
        int r = skip_block(c);
        if (r < 0)
            return r;
        r = th_capture_need(c, BLOCK_HEAD);
        if (__builtin_expect(r != 1, 0))
            return r == 0 ? 0 : th_capture_fail_read(c, r, "a block's head");
        struct th_cur cur = th_cur_init(th_capture_at(c), BLOCK_HEAD);
        uint32_t type = th_capture_u32(c, &cur); /* a section's type reads the same both ways */
        uint32_t len = th_capture_u32(c, &cur);
        if (type == BLOCK_SECTION) {
            r = read_section(c, &len);
            if (r < 0)
                return r;
        }
        if (len < BLOCK_MIN || len % 4 != 0)
            return fail_block(c, "has an impossible length", len);
        if (!is_wanted(type)) {
            c->skip = len;
            r = 0;
        } else if (len > BLOCK_MAX) {
            return fail_block(c, "claims more bytes than a packet's block can have", len);
        } else {
            r = read_block(c, type, len, ret);
        }
        if (r != 0)
            return r;
    }
}

static bool pcapng_ready(const struct th_capture *c)
{
    struct th_cur cur = th_cur_init(th_capture_at(c), th_capture_left(c));
    uint32_t type = th_capture_u32(c, &cur);
    uint32_t len = th_capture_u32(c, &cur);
    return type == BLOCK_ENHANCED && !cur.failed && len <= th_capture_left(c);
}

int th_pcapng_open(struct th_capture *c)
{
    c->format = "pcapng";
    c->next = th_pcapng_next;
    c->ready = pcapng_ready;
    uint32_t len;
    int r = th_capture_need(c, 12);
    if (r != 1)
        return r < 0 && r != TH_E_TRUNCATED ? r : TH_E_UNKNOWN_FORMAT;
    r = read_section(c, &len);
    if (r < 0)
        return TH_E_UNKNOWN_FORMAT;
    return 0;
}
