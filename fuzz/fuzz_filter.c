/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of a filter: whatever the bytes, what is taken ends on any packet and reads nothing
 * beside it. The packet is the second half of the data.
 */
#include "base/mem.h"
#include "packet/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_filter *f = NULL;
    size_t half = size / 2;
    if (th_filter_read(th_str_n(data, size), &f) < 0 &&
        th_filter_read(th_str_n(data, half), &f) < 0)
        return 0;
    /* A copy of its own, so that a sanitizer sees what is read behind it. */
    uint8_t *packet = th_xmalloc(size - half + 1);
    memcpy(packet, data + half, size - half);
    uint32_t len = (uint32_t)(size - half);
    for (uint32_t linktype = 0; linktype < 3; linktype++) {
        bool first = th_filter_passes(f, linktype, packet, len, len);
        TH_ASSERT(th_filter_passes(f, linktype, packet, len, len) == first);
        (void)th_filter_passes(f, linktype, packet, 0, len);
    }
    free(packet);
    th_filter_free(f);
    return 0;
}
