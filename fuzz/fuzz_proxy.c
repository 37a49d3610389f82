/* SPDX-License-Identifier: Apache-2.0 */
/* A PROXY protocol head: the length told beforehand is the one that is read. */
#include "base/mem.h"
#include "web/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_proxy p;
    int len = th_proxy_length(data, size);
    int r = th_proxy_parse(data, size, &p);
    TH_ASSERT(len < (int)(TH_PROXY_MAX_BYTES + 1));
    if (r == 0)
        TH_ASSERT(len >= (int)TH_PROXY_HEAD_BYTES && (size_t)len <= size);
    return 0;
}
