/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that comes in pieces with offsets, in any order, twice or overlapping: QUIC's CRYPTO
 * frames, DTLS's fragments. What came first stays. Zeroed at first.
 */
#ifndef TH_PROTO_PIECES_H
#define TH_PROTO_PIECES_H

#include "base/cursor.h"

#define TH_PIECES_MAX 32u /* islands that wait for what lies between them */

struct th_pieces {
    uint8_t *p;
    uint32_t cap;
    uint32_t count;
    struct {
        uint32_t from, to;
    } have[TH_PIECES_MAX]; /* in order, apart from one another */
};

/* False: it would reach past limit bytes, or there would be too many islands; nothing changes. */
bool th_pieces_put(
    struct th_pieces *m, uint64_t offset, const void *data, size_t len, size_t limit);
/* Bytes from the begin on without a hole. */
static inline uint32_t th_pieces_ready(const struct th_pieces *m)
{
    return m->count && m->have[0].from == 0 ? m->have[0].to : 0;
}
void th_pieces_done(struct th_pieces *m);

#endif
