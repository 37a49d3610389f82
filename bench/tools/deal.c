/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deal CAPTURE OUT...: deals a capture of Ethernet frames out to as many workers as there are OUTs,
 * by the program that the kernel runs for a sensor whose workers share an interface
 * (ring_fan.h). It runs in libpcap's interpreter; the two questions that only a kernel can
 * answer, the direction and the ethertype, are answered beforehand.
 */
#include <fcntl.h>
#include <linux/if_packet.h>

#include "base/mem.h"
#include "packet/capture.h"
#include "pcap_out.h"
#include "ring_fan.h"

/* libpcap's (pcap/bpf.h, whose macros are the kernel's again). */
u_int bpf_filter(const struct sock_filter *program, const u_char *p, u_int wire_len, u_int cap_len);

enum { MAX_WORKERS = 16, MACS = 12, ETHER = 14, TAG = 4 };

TH_DEFINE_CLEANUP(struct th_capture, th_capture_free)

static void answer(struct th_ring_program *p, int question, uint32_t value)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->v[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
            p->v[i].k == (uint32_t)(SKF_AD_OFF + question))
            p->v[i] = (struct sock_filter){.code = BPF_LD | BPF_IMM, .k = value};
}

static uint16_t type_at(const struct th_record *r, uint32_t at)
{
    return r->cap_len >= at + 2 ? (uint16_t)(r->data[at] << 8 | r->data[at + 1]) : 0;
}

/* As it is asked of a frame that came in: from its network header on, the outermost tag taken off.
 */
static uint32_t number_of(const struct th_ring_program *fan, const struct th_record *r)
{
    uint32_t at = ETHER;
    uint16_t type = type_at(r, MACS);
    if (type == 0x8100 || type == 0x88a8) {
        type = type_at(r, MACS + TAG);
        at += TAG;
    }
    if (r->cap_len <= at)
        return 0;
    struct th_ring_program p = *fan;
    answer(&p, SKF_AD_PKTTYPE, PACKET_HOST);
    answer(&p, SKF_AD_PROTOCOL, type);
    return bpf_filter(p.v, r->data + at, r->wire_len - at, r->cap_len - at);
}

int main(int argc, char **argv)
{
    struct th_stream *stream TH_CLEANUP(th_stream_freep) = NULL;
    struct th_capture *capture TH_CLEANUP(th_capture_freep) = NULL;
    unsigned workers = argc > 2 ? (unsigned)argc - 2 : 0;
    if (workers < 1 || workers > MAX_WORKERS) {
        fprintf(stderr, "usage: deal CAPTURE OUT...\n");
        return 2;
    }
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : th_stream_open(fd, &stream);
    if (r == 0)
        r = th_capture_open(stream, &capture);
    if (r < 0) {
        fprintf(stderr, "deal: %s: %s\n", argv[1], th_strerror(r));
        return 1;
    }
    FILE *out[MAX_WORKERS];
    uint64_t packets[MAX_WORKERS] = {0};
    for (unsigned i = 0; i < workers; i++)
        out[i] = pcap_create(argv[2 + i]);
    struct th_ring_program fan = {.count = 0};
    th_ring_fan(&fan, ETHER);
    struct th_record rec;
    while ((r = th_capture_next(capture, &rec)) == 1) {
        unsigned i = number_of(&fan, &rec) % workers;
        packets[i]++;
        pcap_put(out[i], rec.time_ns, rec.data, rec.cap_len, rec.wire_len);
    }
    for (unsigned i = 0; i < workers; i++) {
        pcap_finish(out[i], argv[2 + i]);
        printf("%llu\n", (unsigned long long)packets[i]);
    }
    return r < 0;
}
