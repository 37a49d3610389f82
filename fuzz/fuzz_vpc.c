/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/vpc.h"

#include "flowlog_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_batch_writer *events = th_batch_writer_new();
    const struct th_sink sink = {.put = fuzz_put, .arg = events};
    struct th_vpc *reader = th_vpc_new(&sink);
    struct th_str rest = th_str_n(data, size);
    int r = 0;
    th_vpc_is(rest);
    while (r == 0 && rest.len)
        r = th_vpc_line(reader, th_str_split(&rest, '\n'));
    if (r == 0)
        r = th_vpc_end(reader);
    TH_ASSERT(r == 0);
    th_vpc_free(reader);
    th_batch_writer_free(events);
    return 0;
}
