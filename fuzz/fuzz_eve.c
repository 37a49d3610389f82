/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/eve.h"

#include "flowlog_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_batch_writer *events = th_batch_writer_new();
    const struct th_sink sink = {.put = fuzz_put, .arg = events};
    struct th_eve *reader = th_eve_new(&sink);
    struct th_str rest = th_str_n(data, size);
    int r = 0;
    th_eve_is(rest);
    for (unsigned n = 1; r == 0 && rest.len; n++) {
        r = th_eve_line(reader, th_str_split(&rest, '\n'));
        if (r == 0 && n % 16 == 0) /* as who follows a log lets time pass */
            r = th_eve_advance(reader, th_time_add(th_eve_line_ns(reader), TH_NS_PER_MIN / 5));
    }
    if (r == 0)
        r = th_eve_end(reader);
    TH_ASSERT(r == 0);
    th_eve_free(reader);
    th_batch_writer_free(events);
    return 0;
}
