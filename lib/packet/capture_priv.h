/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two readers share. A window of the stream is walked locally, so that the
 * stream is asked once per piece and not once per packet.
 */
#ifndef TH_PACKET_CAPTURE_PRIV_H
#define TH_PACKET_CAPTURE_PRIV_H

#include "base/cursor.h"
#include "base/mem.h"
#include "packet/capture.h"

struct th_capture_iface {
    uint32_t linktype;
    uint32_t snap_len; /* 0: none */
    bool binary;       /* units of 2^-exponent seconds, else 10^-exponent */
    uint8_t exponent;
    int64_t offset_s;
};

struct th_capture {
    struct th_stream *s;
    struct th_str win; /* the stream's current view */
    size_t pos;        /* read up to here in it */
    uint64_t win_at;   /* offset of the view in the (decompressed) file */
    uint64_t records, clamped;
    int64_t last_ns; /* time of the last packet: what a block without one gets */
    int (*next)(struct th_capture *c, struct th_record *ret);
    bool (*ready)(const struct th_capture *c);
    const char *format;
    int failed; /* sticky result */
    bool big_endian;
    /* pcap */
    uint32_t linktype;
    uint32_t record_head_len;
    int64_t fraction_ns; /* of one unit of the fraction field */
    bool lengths_swapped, lengths_may_swap;
    /* pcapng */
    struct th_capture_iface *ifaces;
    size_t iface_count, iface_cap;
    uint32_t skip; /* bytes of the block that is passed over */
    char message[240];
};

/* 1: at least n bytes can be read at th_capture_at; 0: the data ended before its first byte;
 * TH_E_TRUNCATED: ended in between; other errors of the stream. */
int th_capture_fill(struct th_capture *c, size_t n);

static inline int th_capture_need(struct th_capture *c, size_t n)
{
    return __builtin_expect(c->win.len - c->pos >= n, 1) ? 1 : th_capture_fill(c, n);
}

static inline const uint8_t *th_capture_at(const struct th_capture *c)
{
    return (const uint8_t *)c->win.p + c->pos;
}

static inline size_t th_capture_left(const struct th_capture *c)
{
    return c->win.len - c->pos;
}

static inline uint64_t th_capture_offset(const struct th_capture *c)
{
    return c->win_at + c->pos;
}

static inline uint16_t th_capture_u16(const struct th_capture *c, struct th_cur *cur)
{
    return c->big_endian ? th_cur_be16(cur) : th_cur_le16(cur);
}

static inline uint32_t th_capture_u32(const struct th_capture *c, struct th_cur *cur)
{
    return c->big_endian ? th_cur_be32(cur) : th_cur_le32(cur);
}

/* Remembers err and the sentence; returns err. */
int th_capture_fail(struct th_capture *c, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
/* The data ended or could not be read where `what` was expected. */
int th_capture_fail_read(struct th_capture *c, int err, const char *what) __attribute__((cold));
/* 3000000000 as "3,000,000,000". */
const char *th_capture_number(uint64_t v, char out[32]);
/* Lengths into ret: clamps what no wire carried. */
void th_capture_lengths(
    struct th_capture *c, uint32_t cap_len, uint32_t wire_len, struct th_record *ret);

int th_pcap_open(struct th_capture *c, uint32_t magic);
int th_pcapng_open(struct th_capture *c);
int th_pcapng_next(struct th_capture *c, struct th_record *ret);

#endif
