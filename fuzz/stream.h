/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a fuzz target for one analyser: the first byte says whether it is begun
 * straight away (bit 0, with bit 1 for who is the client) or has to recognise its protocol itself,
 * and, for one that knows both, whether it is the other of UDP and TCP (bit 2); the rest are pieces
 * of the two directions (tests/support/feed.h).
 */
#ifndef TH_FUZZ_STREAM_H
#define TH_FUZZ_STREAM_H

#include "feed.h"

#define TH_FUZZ_STREAM(analyser, proto, port)                                                      \
    int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len);                                     \
    int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)                                      \
    {                                                                                              \
        struct feed f;                                                                             \
        if (!len)                                                                                  \
            return 0;                                                                              \
        bool other = in[0] & 4 && (analyser).tcp && (analyser).udp;                                \
        feed_init(&f, other ? FEED_TCP + FEED_UDP - (proto) : (proto), 40000, port);               \
        if (in[0] & 1)                                                                             \
            th_conn_begin(&f.pr, &f.flow, &(analyser), in[0] >> 1 & 1);                            \
        feed_fuzz(&f, in + 1, len - 1);                                                            \
        feed_end(&f);                                                                              \
        feed_done(&f);                                                                             \
        return 0;                                                                                  \
    }

#endif
