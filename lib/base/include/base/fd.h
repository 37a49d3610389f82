/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes of blocking descriptors. 0, or -errno. */
#ifndef TH_BASE_FD_H
#define TH_BASE_FD_H

#include "base/buf.h"
#include "base/err.h"

/* Writes all of it. */
int th_fd_write(int fd, struct th_str bytes) TH_WARN_UNUSED;
/* Reads exactly len_bytes; TH_E_TRUNCATED when the data ends before. */
int th_fd_read(int fd, void *to, size_t len_bytes) TH_WARN_UNUSED;
/* Appends what there is from here to the end; TH_E_LIMIT past max_bytes. */
int th_fd_read_to_end(int fd, size_t max_bytes, struct th_buf *ret) TH_WARN_UNUSED;

#endif
