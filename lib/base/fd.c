/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

int th_fd_write(int fd, struct th_str bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = write(fd, bytes.p + at, bytes.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return 0;
}

int th_fd_read(int fd, void *to, size_t len)
{
    uint8_t *p = to;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return TH_E_TRUNCATED;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int th_fd_read_to_end(int fd, size_t max, struct th_buf *ret)
{
    size_t began = ret->len;
    for (;;) {
        uint8_t *p = th_buf_reserve(ret, PIECE_BYTES);
        if (!p)
            return TH_E_LIMIT;
        ssize_t n = read(fd, p, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        th_buf_commit(ret, (size_t)n);
        if (ret->len - began > max)
            return TH_E_LIMIT;
    }
}
