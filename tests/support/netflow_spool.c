/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of an exporter, each with the time at which it comes, to a spool of events: what the
 * collect role does, in virtual time.
 *   netflow_spool < DATAGRAMS > SPOOL     a datagram: time in ns i64, length u16, little-endian
 */
#include <unistd.h>

#include "event/batch.h"
#include "event/run.h"
#include "flowlog/netflow.h"
#include "flowlog/pair.h"

static int take_conn(void *arg, const struct th_event *ev)
{
    return th_run_writer_put(arg, ev);
}

static int take_record(void *arg, const struct th_flow_record *r)
{
    return th_pairs_put(arg, r);
}

static int to_stdout(void *arg, struct th_str bytes)
{
    (void)arg;
    return fwrite(bytes.p, 1, bytes.len, stdout) == bytes.len ? 0 : -EIO;
}

static uint64_t little_endian(const uint8_t *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static int run(struct th_netflow *n, struct th_pairs *pairs)
{
    static uint8_t datagram[65536];
    const struct th_addr exporter = th_addr_v4((const uint8_t[]){10, 0, 0, 1});
    uint8_t head[10];
    int r = 0;
    while (r == 0 && fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        int64_t time_ns = (int64_t)little_endian(head, 8);
        size_t len = (size_t)little_endian(head + 8, 2);
        if (fread(datagram, 1, len, stdin) != len)
            return TH_E_TRUNCATED;
        r = th_pairs_advance(pairs, time_ns);
        if (r == 0)
            r = th_netflow_datagram(n, &exporter, time_ns, datagram, len);
    }
    return r < 0 ? r : th_pairs_flush(pairs);
}

int main(void)
{
    const struct th_byte_sink out = {.write = to_stdout};
    struct th_run_writer *runs = th_run_writer_new(&out);
    const struct th_sink conns = {.put = take_conn, .arg = runs};
    const struct th_pairs_config config = {.hold_ns = 30 * TH_NS_PER_S};
    struct th_pairs *pairs = th_pairs_new(&config, &conns);
    const struct th_netflow_sink records = {.put = take_record, .arg = pairs};
    struct th_netflow *n = th_netflow_new(&records);
    struct th_netflow_counts counts;
    int r = run(n, pairs);
    if (r == 0)
        r = th_run_writer_flush(runs);
    th_netflow_counts(n, &counts);
    fprintf(stderr, "%llu records of %llu datagrams, %llu malformed, %llu lost\n",
        (unsigned long long)counts.records, (unsigned long long)counts.datagrams,
        (unsigned long long)counts.malformed, (unsigned long long)counts.lost);
    th_netflow_free(n);
    th_pairs_free(pairs);
    th_run_writer_free(runs);
    return r < 0 ? 1 : 0;
}
