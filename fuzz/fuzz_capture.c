/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files: whatever the bytes, each packet lies in memory, no wire length is
 * below its captured one, the end is the end, and an error has a sentence.
 */
#include <sys/mman.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_stream *s = stream_of(data, size);
    struct th_capture *c = NULL;
    if (th_capture_open(s, &c) == 0) {
        struct th_record r;
        int result;
        while ((result = th_capture_next(c, &r)) == 1) {
            TH_ASSERT(r.wire_len >= r.cap_len && r.cap_len <= TH_CAPTURE_MAX_RECORD);
            /* Reads every byte: a sanitizer sees one that is not there. */
            TH_ASSERT(r.cap_len == 0 || memchr(r.data, r.data[r.cap_len - 1], r.cap_len));
        }
        TH_ASSERT((result == 0) == (th_capture_message(c)[0] == '\0'));
        TH_ASSERT(th_capture_next(c, &r) == result);
        TH_ASSERT(result < 0 || th_stream_consumed(s) <= size || th_stream_compression(s)[0]);
    }
    th_capture_free(c);
    th_stream_free(s);
    return 0;
}
