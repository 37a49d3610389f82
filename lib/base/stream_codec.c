/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_codec.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

/* 2^27: the largest window that `zstd --long` writes by default. */
static const int zstd_window_log_max = 27;
/* The shortest frame header with its magic number (RFC 8878, 3.1.1). */
static const size_t zstd_first_bytes = 6;
/* A dictionary of 128 MiB and what the decoder needs beside it. */
static const uint64_t xz_memory_limit_bytes = UINT64_C(144) << 20;
/* gzip wrapper only, window of 32 KiB (zlib.h, inflateInit2). */
static const int gzip_window_bits = 15 + 16;

struct gzip_state {
    z_stream z;
    bool between; /* a member has ended, another may follow (RFC 1952, 2.2) */
};

static bool gzip_is_mine(const uint8_t *p, size_t len_bytes)
{
    return len_bytes >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

static int gzip_open(void **ret_state)
{
    struct gzip_state *g = th_xcalloc(1, sizeof(*g));
    if (inflateInit2(&g->z, gzip_window_bits) != Z_OK) {
        free(g);
        return -ENOMEM;
    }
    *ret_state = g;
    return 0;
}

/* After a member: zeros are padding (tape blocks), a further member begins anew. */
static int gzip_next_member(struct gzip_state *g, struct th_codec_io *io)
{
    while (io->in_len && io->in[0] == 0) {
        io->in++;
        io->in_len--;
    }
    if (io->in_len == 0)
        return io->last ? 1 : 0;
    if (io->in[0] != 0x1f)
        return TH_E_COMPRESSED_DATA;
    g->between = false;
    return inflateReset(&g->z) == Z_OK ? 0 : TH_E_COMPRESSED_DATA;
}

static int gzip_run(void *state, struct th_codec_io *io)
{
    struct gzip_state *g = state;
    if (g->between) {
        int r = gzip_next_member(g, io);
        if (r != 0 || g->between)
            return r;
    }
    g->z.next_in = (z_const Bytef *)io->in;
    g->z.avail_in = (uInt)io->in_len;
    g->z.next_out = io->out;
    g->z.avail_out = (uInt)io->out_len;
    int r = inflate(&g->z, Z_NO_FLUSH);
    io->in = g->z.next_in;
    io->in_len = g->z.avail_in;
    io->out = g->z.next_out;
    io->out_len = g->z.avail_out;
    if (r == Z_STREAM_END) {
        g->between = true;
        return 0;
    }
    if (r != Z_OK && r != Z_BUF_ERROR)
        return r == Z_MEM_ERROR ? -ENOMEM : TH_E_COMPRESSED_DATA;
    return io->last && io->in_len == 0 && io->out_len ? TH_E_TRUNCATED : 0;
}

static void gzip_close(void *state)
{
    struct gzip_state *g = state;
    inflateEnd(&g->z);
    free(g);
}

struct zstd_state {
    ZSTD_DCtx *d;
    size_t hint; /* bytes the decoder wants next; 0 between frames */
};

static bool zstd_is_mine(const uint8_t *p, size_t len_bytes)
{
    static const uint8_t frame[4] = {0x28, 0xb5, 0x2f, 0xfd};
    static const uint8_t skippable[3] = {0x2a, 0x4d, 0x18};
    return len_bytes >= 4 &&
        (memcmp(p, frame, 4) == 0 || ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, skippable, 3) == 0));
}

static int zstd_open(void **ret_state)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    if (!d)
        return -ENOMEM;
    if (ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, zstd_window_log_max))) {
        ZSTD_freeDCtx(d);
        return TH_E_LIMIT;
    }
    struct zstd_state *z = th_xcalloc(1, sizeof(*z));
    z->d = d;
    *ret_state = z;
    return 0;
}

/* Input is fed in the portions the decoder asks for (about a block): a call that fails drops
 * what it had produced, so a call must not span much more than the block at fault. */
static int zstd_run(void *state, struct th_codec_io *io)
{
    struct zstd_state *z = state;
    size_t portion = z->hint ? z->hint : zstd_first_bytes;
    ZSTD_inBuffer in = {.src = io->in, .size = TH_MIN(io->in_len, portion), .pos = 0};
    ZSTD_outBuffer out = {.dst = io->out, .size = io->out_len, .pos = 0};
    if (io->in_len == 0 && io->last && z->hint == 0)
        return 1;
    size_t r = ZSTD_decompressStream(z->d, &out, &in);
    bool moved = in.pos || out.pos;
    io->in += in.pos;
    io->in_len -= in.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    if (ZSTD_isError(r)) {
        ZSTD_ErrorCode code = ZSTD_getErrorCode(r);
        return code == ZSTD_error_frameParameter_windowTooLarge ? TH_E_LIMIT
            : code == ZSTD_error_memory_allocation              ? -ENOMEM
                                                                : TH_E_COMPRESSED_DATA;
    }
    z->hint = r;
    return io->last && io->in_len == 0 && !moved ? TH_E_TRUNCATED : 0;
}

static void zstd_close(void *state)
{
    struct zstd_state *z = state;
    ZSTD_freeDCtx(z->d);
    free(z);
}

static bool xz_is_mine(const uint8_t *p, size_t len_bytes)
{
    static const uint8_t magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};
    return len_bytes >= 6 && memcmp(p, magic, 6) == 0;
}

static int xz_open(void **ret_state)
{
    static const lzma_stream fresh = LZMA_STREAM_INIT;
    lzma_stream *x = th_xcalloc(1, sizeof(*x));
    *x = fresh;
    if (lzma_stream_decoder(x, xz_memory_limit_bytes, LZMA_CONCATENATED) != LZMA_OK) {
        free(x);
        return -ENOMEM;
    }
    *ret_state = x;
    return 0;
}

static int xz_run(void *state, struct th_codec_io *io)
{
    lzma_stream *x = state;
    x->next_in = io->in;
    x->avail_in = io->in_len;
    x->next_out = io->out;
    x->avail_out = io->out_len;
    lzma_ret r = lzma_code(x, io->last ? LZMA_FINISH : LZMA_RUN);
    io->in = x->next_in;
    io->in_len = x->avail_in;
    io->out = x->next_out;
    io->out_len = x->avail_out;
    switch (r) {
    case LZMA_OK: return 0;
    case LZMA_STREAM_END: return 1;
    case LZMA_BUF_ERROR: return io->last && io->in_len == 0 ? TH_E_TRUNCATED : 0;
    case LZMA_MEMLIMIT_ERROR: return TH_E_LIMIT;
    case LZMA_MEM_ERROR: return -ENOMEM;
    default: return TH_E_COMPRESSED_DATA;
    }
}

static void xz_close(void *state)
{
    lzma_end(state);
    free(state);
}

const struct th_codec *th_codec_find(const uint8_t *head, size_t len_bytes)
{
    static const struct th_codec codecs[] = {
        {"gzip", gzip_is_mine, gzip_open, gzip_run, gzip_close},
        {"zstd", zstd_is_mine, zstd_open, zstd_run, zstd_close},
        {"xz", xz_is_mine, xz_open, xz_run, xz_close},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(codecs); i++)
        if (codecs[i].is_mine(head, len_bytes))
            return &codecs[i];
    return NULL;
}
