/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files: whatever the bytes, each packet lies in memory, no wire length is
 * below its captured one, the end is the end, and an error has a sentence. Fed piece by piece the
 * same bytes give the same packets and the same end.
 */
#include <sys/mman.h>

#include "base/hash.h"
#include "base/mem.h"
#include "packet/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct th_stream *stream_of(const uint8_t *data, size_t size)
{
    struct th_stream *s = NULL;
    int fd = memfd_create("capture", MFD_CLOEXEC);
    TH_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    TH_ASSERT(th_stream_open(fd, &s) == 0);
    return s;
}

static uint64_t mix(uint64_t h, const struct th_record *r)
{
    static const struct th_hash_key key = {1, 2};
    TH_ASSERT(r->wire_len >= r->cap_len && r->cap_len <= TH_CAPTURE_MAX_RECORD);
    /* Reads every byte: a sanitizer sees one that is not there. */
    h = th_hash_pair(h, th_siphash(&key, r->data, r->cap_len));
    h = th_hash_pair(h, (uint64_t)r->time_ns);
    return th_hash_pair(h, (uint64_t)r->wire_len << 32 | r->linktype);
}

/* Result of the last call; *hash of the packets before it. */
static int read_fed(const uint8_t *data, size_t size, size_t piece, uint64_t *hash)
{
    struct th_stream *s = th_stream_fed();
    struct th_capture *c = NULL;
    struct th_record rec;
    int r = -EAGAIN;
    for (size_t at = 0; r == -EAGAIN; at += piece) {
        TH_ASSERT(at < size + 2 * piece); /* at its end it says something else */
        if (at < size)
            th_stream_feed(s, th_str_n(data + at, TH_MIN(piece, size - at)));
        else
            th_stream_end(s);
        if (!c)
            r = th_capture_open(s, &c);
        while (c && (r = th_capture_next(c, &rec)) == 1)
            *hash = mix(*hash, &rec);
    }
    th_capture_free(c);
    th_stream_free(s);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_stream *s = stream_of(data, size);
    struct th_capture *c = NULL;
    uint64_t hash = 0, fed = 0;
    int result = th_capture_open(s, &c);
    if (result == 0) {
        struct th_record r;
        while ((result = th_capture_next(c, &r)) == 1)
            hash = mix(hash, &r);
        TH_ASSERT((result == 0) == (th_capture_message(c)[0] == '\0'));
        TH_ASSERT(th_capture_next(c, &r) == result);
        TH_ASSERT(result < 0 || th_stream_consumed(s) <= size || th_stream_compression(s)[0]);
    }
    if (!th_stream_compression(s)[0])
        TH_ASSERT(read_fed(data, size, 1 + size % 61, &fed) == result && fed == hash);
    th_capture_free(c);
    th_stream_free(s);
    return 0;
}
