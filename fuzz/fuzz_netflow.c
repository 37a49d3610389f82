/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of two exporters, one after the other: a byte whose, a byte for how many seconds pass,
 * two for its length. What was read goes through the pairing, and nothing may grow past its limit.
 */
#include "base/cursor.h"
#include "flowlog/netflow.h"
#include "flowlog/pair.h"
#include "flowlog_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_record(void *arg, const struct th_flow_record *r)
{
    TH_ASSERT(r->first_ns <= r->last_ns && r->told_by.len > 0);
    return th_pairs_put(arg, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_batch_writer *events = th_batch_writer_new();
    const struct th_sink sink = {.put = fuzz_put, .arg = events};
    const struct th_pairs_config config = {.max_flows = 16};
    struct th_pairs *pairs = th_pairs_new(&config, &sink);
    const struct th_netflow_sink records = {.put = take_record, .arg = pairs};
    struct th_netflow *n = th_netflow_new(&records);
    struct th_netflow_counts counts;
    struct th_pairs_counts paired;
    int64_t now_ns = INT64_C(1700000000) * TH_NS_PER_S;
    struct th_cur c = th_cur_init(data, size);
    int r = 0;
    while (r == 0 && th_cur_left(&c) >= 4) {
        struct th_addr from = th_addr_v4((const uint8_t[]){10, 0, 0, th_cur_u8(&c) & 1});
        now_ns += th_cur_u8(&c) * TH_NS_PER_S;
        size_t len = th_cur_be16(&c);
        struct th_str datagram = th_cur_bytes(&c, TH_MIN(len, th_cur_left(&c)));
        r = th_pairs_advance(pairs, now_ns);
        if (r == 0)
            r = th_netflow_datagram(n, &from, now_ns, (const uint8_t *)datagram.p, datagram.len);
    }
    if (r == 0)
        r = th_pairs_flush(pairs);
    th_netflow_counts(n, &counts);
    th_pairs_counts(pairs, &paired);
    TH_ASSERT(r == 0 && paired.flows_now <= config.max_flows);
    TH_ASSERT(counts.templates_now <= TH_NETFLOW_MAX_TEMPLATES * TH_NETFLOW_MAX_STREAMS);
    TH_ASSERT(th_netflow_lag_ns(n, now_ns) <= TH_NS_PER_HOUR);
    th_netflow_free(n);
    th_pairs_free(pairs);
    th_batch_writer_free(events);
    return 0;
}
