/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompressors behind th_stream: each takes bytes in and gives bytes out, keeps its
 * own bounded state and knows nothing of files. What a decoder produced before a
 * fault is counted even in the call that finds the fault.
 */
#ifndef TH_BASE_STREAM_CODEC_H
#define TH_BASE_STREAM_CODEC_H

#include "base/err.h"
#include "base/str.h"

struct th_codec_io {
    const uint8_t *in;
    size_t in_len; /* left of in */
    uint8_t *out;
    size_t out_len; /* room left at out */
    bool last;      /* no input follows after this */
};

struct th_codec {
    const char *name;
    bool (*is_mine)(const uint8_t *head, size_t len_bytes);
    int (*open)(void **ret_state);
    /* Moves io forward. 0: call again when there is input or room, 1: clean end of the data,
     * negative: fault. At least one byte of in or out moves unless the result tells why not. */
    int (*run)(void *state, struct th_codec_io *io);
    void (*close)(void *state);
};

/* Bytes that th_codec_find needs to decide. */
#define TH_CODEC_SNIFF_BYTES 6u

/* The codec of data that begins like this; NULL for plain data. Static storage. */
const struct th_codec *th_codec_find(const uint8_t *head, size_t len_bytes);

#endif
