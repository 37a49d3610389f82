/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One flow's data given straight to the analysers, without packets: what unit tests and fuzz
 * targets of lib/proto stand on. Events come out as JSON lines. Each call is one second
 * later than the one before; the flow is 10.0.0.1 to 192.0.2.1.
 */
#ifndef TH_TESTS_FEED_H
#define TH_TESTS_FEED_H

#include "analysers.h"
#include "base/buf.h"

struct feed {
    struct th_proto pr;
    struct th_sink sink;
    struct th_flow flow;
    struct th_buf lines; /* one JSON object a line, terminated by a zero */
    unsigned events, weirds;
    char weird[64];     /* the last one */
    char services[128]; /* set by feed_end */
};

enum { FEED_TCP = 6, FEED_UDP = 17 };
/* When the first byte is given: one second after this, 2023-11-14T22:13:20Z. */
#define FEED_EPOCH_NS (INT64_C(1700000000) * TH_NS_PER_S)

void feed_init(struct feed *f, uint8_t proto, uint16_t src_port, uint16_t dst_port);
void feed_data(struct feed *f, int dir, const void *p, size_t len);
/* TCP: in pieces of so many bytes. */
void feed_pieces(struct feed *f, int dir, const void *p, size_t len, size_t piece);
void feed_gap(struct feed *f, int dir, uint64_t len);
void feed_fin(struct feed *f, int dir);
/* Ends the flow: the last events come out. */
void feed_end(struct feed *f);
void feed_done(struct feed *f);
/* The nth event of a kind as text, or "". */
struct th_str feed_event(const struct feed *f, const char *kind, unsigned n);
/* Whether that event has this member, as `"name":value`. */
bool feed_has(const struct feed *f, const char *kind, unsigned n, const char *member);

/* Pieces of a fuzz input: u16 with the direction in the top bit and 1 for a gap in the next, the
 * rest the length; then the bytes. */
void feed_fuzz(struct feed *f, const uint8_t *in, size_t len);

#endif
