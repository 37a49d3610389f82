/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stream.h"

#include <unistd.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h> /* as wide as this processor can */
#else
#include <xxhash.h>
#endif

#include "base/mem.h"
#include "stream_codec.h"

static const size_t piece_bytes = 256 * 1024; /* of one read */

struct th_stream {
    int fd;        /* -1: it is fed */
    int fault;     /* what ends the data early; 0 for none */
    bool in_ended; /* read() said so */
    bool ended;    /* nothing more will come into out */
    const struct th_codec *codec;
    void *codec_state;
    uint8_t *in; /* compressed bytes: [in_pos, in_len) are not yet decoded */
    size_t in_pos, in_len;
    uint8_t *out; /* data: [pos, len) is not yet consumed, [0, hashed) is in the hash */
    size_t cap, pos, len, hashed;
    uint64_t dropped; /* bytes consumed that are no longer in out */
    XXH3_state_t *hash;
};

/* Up to `room` bytes; 0 at the end of the file. */
static ssize_t read_some(struct th_stream *s, uint8_t *to, size_t room)
{
    ssize_t n;
    do
        n = read(s->fd, to, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        s->in_ended = true;
    return n;
}

static void end_with(struct th_stream *s, int fault)
{
    s->ended = true;
    s->fault = fault;
}

static void fill_plain(struct th_stream *s)
{
    ssize_t n = read_some(s, s->out + s->len, s->cap - s->len);
    if (n <= 0)
        end_with(s, (int)n);
    else
        s->len += (size_t)n;
}

static void fill_decoded(struct th_stream *s)
{
    if (s->in_pos == s->in_len && !s->in_ended) {
        ssize_t n = read_some(s, s->in, piece_bytes);
        if (n < 0) {
            end_with(s, (int)n);
            return;
        }
        s->in_pos = 0;
        s->in_len = (size_t)n;
    }
    struct th_codec_io io = {.in = s->in + s->in_pos,
        .in_len = s->in_len - s->in_pos,
        .out = s->out + s->len,
        .out_len = s->cap - s->len,
        .last = s->in_ended};
    int r = s->codec->run(s->codec_state, &io);
    s->in_pos = s->in_len - io.in_len;
    s->len = s->cap - io.out_len;
    if (r != 0)
        end_with(s, r < 0 ? r : 0);
}

/* Hashing waits until bytes leave the buffer: large updates cost a third of small ones. */
static void hash_consumed(struct th_stream *s)
{
    XXH3_64bits_update(s->hash, s->out + s->hashed, s->pos - s->hashed);
    s->hashed = s->pos;
}

/* Moves what is left to the front, with room for `want` bytes and a piece. */
static void make_room(struct th_stream *s, size_t want)
{
    hash_consumed(s);
    s->dropped += s->pos;
    s->len -= s->pos;
    memmove(s->out, s->out + s->pos, s->len);
    s->pos = 0;
    s->hashed = 0;
    if (s->cap < want + piece_bytes) {
        s->cap = want + piece_bytes;
        s->out = th_xrealloc(s->out, s->cap);
    }
}

/* Reads the first bytes, and if they are compressed data's, moves them over to the decoder. */
static int begin(struct th_stream *s)
{
    while (s->len < TH_CODEC_SNIFF_BYTES && !s->ended)
        fill_plain(s);
    if (s->fault && s->len == 0)
        return s->fault;
    s->codec = th_codec_find(s->out, s->len);
    if (!s->codec)
        return 0;
    s->in = th_xmalloc(TH_MAX(piece_bytes, s->len));
    memcpy(s->in, s->out, s->len);
    s->in_len = s->len;
    s->len = 0;
    end_with(s, 0);
    s->ended = false;
    return s->codec->open(&s->codec_state);
}

static struct th_stream *make(int fd)
{
    struct th_stream *s = th_xcalloc(1, sizeof(*s));
    s->fd = fd;
    s->cap = piece_bytes;
    s->out = th_xmalloc(s->cap);
    s->hash = XXH3_createState();
    TH_ASSERT(s->hash && XXH3_64bits_reset(s->hash) == XXH_OK);
    return s;
}

int th_stream_open(int fd, struct th_stream **ret)
{
    struct th_stream *s = make(fd);
    int r = begin(s);
    if (r < 0) {
        th_stream_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct th_stream *th_stream_fed(void)
{
    return make(-1);
}

void th_stream_feed(struct th_stream *s, struct th_str bytes)
{
    TH_ASSERT(s->fd < 0 && !s->ended);
    if (bytes.len > s->cap - s->len)
        make_room(s, s->len - s->pos + bytes.len);
    memcpy(s->out + s->len, bytes.p, bytes.len);
    s->len += bytes.len;
}

void th_stream_end(struct th_stream *s)
{
    TH_ASSERT(s->fd < 0);
    s->ended = true;
}

void th_stream_free(struct th_stream *s)
{
    if (!s)
        return;
    if (s->codec_state)
        s->codec->close(s->codec_state);
    XXH3_freeState(s->hash);
    free(s->in);
    free(s->out);
    th_closep(&s->fd);
    free(s);
}

int th_stream_view(struct th_stream *s, size_t want, struct th_str *ret)
{
    TH_ASSERT(want <= TH_STREAM_MAX_VIEW);
    if (s->len - s->pos < want && !s->ended) {
        if (s->fd < 0)
            return -EAGAIN;
        make_room(s, want);
        while (s->len < want && !s->ended) {
            if (s->codec)
                fill_decoded(s);
            else
                fill_plain(s);
        }
    }
    if (s->len == s->pos && s->fault)
        return s->fault;
    *ret = th_str_n(s->out + s->pos, s->len - s->pos);
    return 0;
}

void th_stream_consume(struct th_stream *s, size_t n)
{
    TH_ASSERT(n <= s->len - s->pos);
    s->pos += n;
}

/* Drops the rest of a line that is too long. */
static int skip_line(struct th_stream *s)
{
    struct th_str v;
    int err;
    while ((err = th_stream_view(s, 1, &v)) == 0 && v.len) {
        int64_t at = th_str_index(v, '\n');
        th_stream_consume(s, at < 0 ? v.len : (size_t)at + 1);
        if (at >= 0)
            break;
    }
    return err < 0 ? err : TH_E_LIMIT;
}

int th_stream_line(struct th_stream *s, size_t max, struct th_str *ret)
{
    size_t want = 1;
    for (;;) {
        struct th_str v = {0};
        int err = th_stream_view(s, want, &v);
        if (err < 0)
            return err;
        int64_t at =
            v.len >= want ? th_str_index(th_str_n(v.p + want - 1, v.len - want + 1), '\n') : -1;
        size_t len = at < 0 ? v.len : (size_t)at + want - 1;
        if (len > max)
            return skip_line(s);
        if (at >= 0 || v.len < want) {
            th_stream_consume(s, len + (at >= 0));
            if (at < 0 && s->fault)
                return s->fault; /* who knows what the rest of this line was */
            *ret = th_str_n(v.p, len);
            return at >= 0 || len > 0;
        }
        want = v.len + 1;
    }
}

int th_stream_fault(const struct th_stream *s)
{
    return s->fault;
}

const char *th_stream_compression(const struct th_stream *s)
{
    return s->codec ? s->codec->name : "";
}

uint64_t th_stream_hash(const struct th_stream *s)
{
    XXH3_state_t *now = XXH3_createState();
    TH_ASSERT(now);
    XXH3_copyState(now, s->hash);
    XXH3_64bits_update(now, s->out + s->hashed, s->pos - s->hashed);
    uint64_t digest = XXH3_64bits_digest(now);
    XXH3_freeState(now);
    return digest;
}

uint64_t th_stream_consumed(const struct th_stream *s)
{
    return s->dropped + s->pos;
}
