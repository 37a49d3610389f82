/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file read from front to back through a descriptor, decompressed on the way
 * when it begins like gzip (RFC 1952), zstd (RFC 8878) or xz. Memory is bounded
 * whatever the file claims (xz and zstd windows up to 128 MiB). A reader asks for a view of at
 * least n bytes and consumes what it used.
 */
#ifndef TH_BASE_STREAM_H
#define TH_BASE_STREAM_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct th_stream;
/* Takes the descriptor over (closed by th_stream_free), also on error. Plain files are read in
 * pieces of 256 KiB or more. */
int th_stream_open(int fd, struct th_stream **ret) TH_WARN_UNUSED;
void th_stream_free(struct th_stream *s);
TH_DEFINE_CLEANUP(struct th_stream, th_stream_free)
#define TH_AUTOSTREAM TH_CLEANUP(th_stream_freep)
/* One without a descriptor: its bytes come by th_stream_feed, as they are, until th_stream_end. A
 * view of more than has come is -EAGAIN and takes nothing away; a feed ends the last view. */
struct th_stream *th_stream_fed(void);
void th_stream_feed(struct th_stream *s, struct th_str bytes);
void th_stream_end(struct th_stream *s);
/* A view of at least want bytes (fewer only at the end of the data), valid until the next call.
 * want is at most TH_STREAM_MAX_VIEW. Negative: -errno of read, or -TH_E... err: the bytes before
 * the fault have been delivered first. */
#define TH_STREAM_MAX_VIEW (16u << 20)
int th_stream_view(struct th_stream *s, size_t want, struct th_str *ret) TH_WARN_UNUSED;
void th_stream_consume(struct th_stream *s, size_t n);
/* 1 and the next line of at most max bytes (without its '\n', valid until the next call), 0 at the
 * end. TH_E_LIMIT: a longer line, which was dropped; the next call goes on behind it. Any other
 * error: the data ends here, a line cut off by it is dropped. */
int th_stream_line(struct th_stream *s, size_t max, struct th_str *ret) TH_WARN_UNUSED;
/* What the data ends with, once a view came out shorter than wanted: 0 for a clean end, else the
 * error that th_stream_view returns when all bytes before it are consumed. */
int th_stream_fault(const struct th_stream *s);
/* "", "gzip", "zstd" or "xz". */
const char *th_stream_compression(const struct th_stream *s);
/* XXH3-64 over the decompressed bytes consumed so far: the content hash once the end is reached. */
uint64_t th_stream_hash(const struct th_stream *s);
uint64_t th_stream_consumed(const struct th_stream *s);

#endif
