/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an event frame, shared by its writer and its reader.
 *
 * After the head comes one zstd frame. Decompressed, it is a sequence of sections, each
 * a tag, a length and that many bytes; a reader skips tags it does not know:
 *
 *   IDS, ADDRS  the batch's dictionaries: connection and file ids, addresses
 *   TIMES       event times: a scale, then the difference to the one before, each
 *   SEQS        the same for sequence numbers, without a scale
 *   KINDS       the kind of each event: what keeps the order across kinds
 *   ROWS        one kind: its number, its number of rows, the sets of fields that occur
 *               (a dictionary of bit masks), which one each row has, then its columns
 *
 * A column is the field's wire id, its encoding, a length and that many bytes: the values
 * of the rows that have it, in order. Bit i of a mask is the i-th column of the section.
 * Numbers are LEB128 varints, signed ones zigzag, unless said otherwise.
 */
#ifndef TH_EVENT_WIRE_H
#define TH_EVENT_WIRE_H

#include "base/cursor.h"
#include "event/batch.h"

#define TH_WIRE_VERSION 1u
#define TH_WIRE_MAX_RAW_BYTES (8u << 20)
/* Values in all dictionaries of a batch, and elements in all its lists: bounds what a reader
 * allocates (16 bytes each). */
#define TH_WIRE_MAX_VALUES (1u << 19)

enum th_wire_section {
    TH_SECTION_IDS = 1,
    TH_SECTION_ADDRS = 2,
    TH_SECTION_TIMES = 3,
    TH_SECTION_SEQS = 4,
    TH_SECTION_KINDS = 5,
    TH_SECTION_ROWS = 6
};

/* How a column is encoded. A scale is one byte: values are multiples of 1 ns, 1 us, 1 ms or 1 s. */
enum th_wire_op {
    TH_OP_NONE = 0,
    TH_OP_BEFORE = 1,   /* time: scale, then event time minus value */
    TH_OP_STEP = 2,     /* time: scale, then difference to the value before */
    TH_OP_SPAN = 3,     /* interval: scale, then values */
    TH_OP_COUNT = 4,    /* unsigned varint */
    TH_OP_INT = 5,      /* zigzag varint */
    TH_OP_PORT = 6,     /* 2 bytes, little-endian */
    TH_OP_DOUBLE = 7,   /* 8 bytes, IEEE 754, little-endian */
    TH_OP_BOOL = 8,     /* a bit each, lowest first */
    TH_OP_ADDR = 9,     /* index into ADDRS */
    TH_OP_MAC = 10,     /* as STRING, each of 6 bytes */
    TH_OP_STRING = 11,  /* dictionary of its own, then codes: 0 the next new one, else index + 1 */
    TH_OP_ID = 12,      /* difference to the index into IDS before */
    TH_OP_STRINGS = 13, /* as STRING: before each row's codes their number */
    TH_OP_IDS = 14,     /* as ID, likewise */
    TH_OP_SPANS = 15,   /* length of the numbers, the number of each row, then all values as SPAN */
    TH_OP_ADDRS = 16    /* as ADDR, likewise */
};

/* The encoding that this version writes for a field. */
enum th_wire_op th_wire_op_of(const struct th_field_info *f);
/* Type of the values that an encoding holds; -1 for one this version does not know. */
int th_wire_type_of(enum th_wire_op op);

static inline uint64_t th_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t th_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* Writes v at p, at most 10 bytes; returns the end. */
static inline uint8_t *th_wire_put(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}
#define TH_WIRE_VARINT_BYTES 10u

/* A varint of up to eight bytes, out of eight bytes from its first on: `end` is the top bit of its
 * last byte. Groups of 7 bits are closed up to 14, 28 and 56. */
static inline uint64_t th_wire_close_up(uint64_t v, uint64_t end)
{
    v &= (end | (end - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
    v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (v & UINT64_C(0x000000000fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
}

struct th_wire_taken {
    struct th_cur rest;
    uint64_t v;
};
/* th_cur_varint out of line. The cursor goes by value, so that a loop keeps its own in registers.
 */
struct th_wire_taken th_wire_take_slowly(struct th_cur c);

/* The same as th_cur_varint without a branch a byte, where eight can be read: for columns whose
 * numbers are now short, now long, which no processor foresees. */
static inline __attribute__((always_inline)) uint64_t th_wire_take_any(struct th_cur *c)
{
    size_t left = th_cur_left(c);
    uint64_t v = 0;
    if (__builtin_expect(left >= sizeof(v), 1))
        memcpy(&v, c->p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    uint64_t ends = ~v & UINT64_C(0x8080808080808080);
    if (__builtin_expect(left < sizeof(v) || !ends, 0)) {
        struct th_wire_taken t = th_wire_take_slowly(*c);
        *c = t.rest;
        return t.v;
    }
    c->p += (unsigned)__builtin_ctzll(ends) / 8 + 1;
    return th_wire_close_up(v, ends & -ends);
}

/* The same for numbers of which most are a byte. */
static inline __attribute__((always_inline)) uint64_t th_wire_take(struct th_cur *c)
{
    if (__builtin_expect(th_cur_left(c) > 0 && *c->p < 0x80, 1))
        return *c->p++;
    return th_wire_take_any(c);
}

enum th_wire_scale { TH_SCALE_NS, TH_SCALE_US, TH_SCALE_MS, TH_SCALE_S };

/* Nanoseconds that a scale byte stands for; 0 for none. */
static inline int64_t th_wire_scale_ns(uint8_t scale)
{
    static const int64_t ns[] = {1, TH_NS_PER_US, TH_NS_PER_MS, TH_NS_PER_S};
    return scale <= TH_SCALE_S ? ns[scale] : 0;
}

/* Frame around a payload that begins at out->p[at + TH_FRAME_HEAD_BYTES]. */
void th_frame_seal(struct th_buf *out, size_t at, enum th_frame_type type, size_t raw_len);

#endif
