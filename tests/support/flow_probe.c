/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_probe FILE: a capture through reader, decoder and flow table, with a listener that only
 * counts; prints what it counted. For profiles, and for the measure "flow path" of bench/sensor.
 */
#include <fcntl.h>

#include "flow/flow.h"
#include "packet/capture.h"

struct counter {
    uint64_t flows, data_bytes, gaps, weirds;
};

static void count_data(void *arg, struct th_flow *f, int dir, int64_t time_ns, const uint8_t *p,
    size_t len, size_t wire_len)
{
    (void)f;
    (void)dir;
    (void)time_ns;
    (void)p;
    (void)wire_len;
    ((struct counter *)arg)->data_bytes += len;
}

static void count_gap(void *arg, struct th_flow *f, int dir, int64_t time_ns, uint64_t len)
{
    (void)f;
    (void)dir;
    (void)time_ns;
    (void)len;
    ((struct counter *)arg)->gaps++;
}

static void count_weird(void *arg, struct th_flow *f, int64_t time_ns, const char *name)
{
    (void)f;
    (void)time_ns;
    (void)name;
    ((struct counter *)arg)->weirds++;
}

static void count_end(void *arg, struct th_flow *f, enum th_flow_end why)
{
    (void)f;
    (void)why;
    ((struct counter *)arg)->flows++;
}

static int run(struct th_capture *cap, struct counter *counter)
{
    static const struct th_flow_ops ops = {
        .data = count_data, .gap = count_gap, .end = count_end, .weird = count_weird};
    const struct th_flow_config config = {.key = {1, 2}};
    struct th_flows *t = th_flows_new(&config, &ops, counter);
    struct th_record r;
    struct th_pkt pkt;
    int result;
    uint64_t wire = 0;
    uint64_t other = 0;
    while ((result = th_capture_next(cap, &r)) == 1) {
        wire += r.wire_len;
        if (th_decode(r.linktype, r.time_ns, r.data, r.cap_len, r.wire_len, &pkt) == 0 &&
            pkt.kind == TH_PKT_IP)
            th_flows_packet(t, &pkt);
        else
            other++;
    }
    th_flows_flush(t);
    const struct th_flow_stats *s = th_flows_stats(t);
    fprintf(stderr,
        "packets %ju other %ju wire %ju flows %ju data %ju retransmitted %ju gaps %ju weirds %ju "
        "fragments %ju%s%s\n",
        (uintmax_t)th_capture_records(cap), (uintmax_t)other, (uintmax_t)wire, (uintmax_t)s->flows,
        (uintmax_t)counter->data_bytes, (uintmax_t)s->retransmitted_bytes, (uintmax_t)counter->gaps,
        (uintmax_t)counter->weirds, (uintmax_t)s->fragments, result < 0 ? " " : "",
        th_capture_message(cap));
    th_flows_free(t);
    return result;
}

int main(int argc, char **argv)
{
    struct counter counter = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: flow_probe CAPTURE\n");
        return 2;
    }
    struct th_stream *s = NULL;
    struct th_capture *cap = NULL;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : th_stream_open(fd, &s);
    if (r == 0)
        r = th_capture_open(s, &cap);
    if (r == 0)
        r = run(cap, &counter);
    else
        fprintf(stderr, "%s: %s\n", argv[1], th_strerror(r));
    th_capture_free(cap);
    if (s)
        th_stream_free(s);
    return r < 0;
}
