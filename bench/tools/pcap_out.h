/* SPDX-License-Identifier: Apache-2.0 */
/* Captures of Ethernet frames, for the tools of this folder. */
#ifndef TH_BENCH_PCAP_OUT_H
#define TH_BENCH_PCAP_OUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

static inline FILE *pcap_create(const char *path)
{
    static const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(head, sizeof(head), 1, f) != 1) {
        perror(path);
        exit(1);
    }
    return f;
}

static inline void pcap_put(
    FILE *f, int64_t time_ns, const void *frame, uint32_t cap_len, uint32_t wire_len)
{
    uint32_t head[4] = {(uint32_t)(time_ns / TH_NS_PER_S),
        (uint32_t)(time_ns % TH_NS_PER_S / TH_NS_PER_US), cap_len, wire_len};
    fwrite(head, sizeof(head), 1, f);
    fwrite(frame, cap_len, 1, f);
}

static inline void pcap_finish(FILE *f, const char *path)
{
    if (ferror(f) || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

#endif
