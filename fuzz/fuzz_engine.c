/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole packet path: frames in, events out. Input: a u16 length before each
 * Ethernet frame. Every event must be of a known kind, and not be before its beginning.
 */
#include "base/cursor.h"
#include "base/mem.h"
#include "proto/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len);

static int put(void *arg, const struct th_event *ev)
{
    const struct th_kind_info *k = th_kind_get(ev->kind);
    TH_ASSERT(k);
    for (unsigned i = 0; i < k->field_count; i++)
        if (ev->set >> i & 1 && strcmp(k->fields[i].name, "ts") == 0)
            TH_ASSERT(*(const int64_t *)th_event_field(ev, &k->fields[i]) <= ev->time_ns);
    ++*(unsigned *)arg;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
    unsigned events = 0;
    const struct th_sink sink = {.put = put, .arg = &events};
    const struct th_engine_config config = {.flow = {.key = {1, 2},
                                                .max_flows = 64,
                                                .max_reassembly_bytes = 1u << 20,
                                                .part_interval_ns = 5 * TH_NS_PER_S},
        .max_analyser_bytes = 6000};
    struct th_engine *e = th_engine_new(&config, &sink);
    struct th_cur c = th_cur_init(in, len);
    int64_t time_ns = 0;
    while (th_cur_left(&c) >= 2) {
        size_t n = th_cur_be16(&c);
        n = TH_MIN(n, th_cur_left(&c));
        uint8_t *frame TH_AUTOFREE = th_xmalloc(TH_MAX(n, 1u));
        memcpy(frame, th_cur_bytes(&c, n).p, n);
        time_ns += 300 * TH_NS_PER_MS;
        int err = th_engine_frame(e, 1, time_ns, frame, (uint32_t)n, (uint32_t)n);
        TH_ASSERT(err == 0);
    }
    TH_ASSERT(th_engine_flush(e) == 0);
    TH_ASSERT(th_engine_stats(e)->events == events);
    th_engine_free(e);
    return 0;
}
