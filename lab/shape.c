/* SPDX-License-Identifier: Apache-2.0 */
/* How many packets a flow has: one plan for the counts in events and for the packets written. */
#include "flow.h"

#include "base/mem.h"

#define TCP_OPTIONS 12u /* time stamps in every segment after the handshake */
#define SYN_OPTIONS 20u

static void add(struct lab_plan *p, unsigned dir, uint64_t bytes)
{
    if (bytes && p->count < LAB_MAX_MESSAGES)
        p->msg[p->count++] = (struct lab_message){.bytes = bytes, .dir = (uint8_t)dir};
}

/* A TLS client speaks first with its hello, the server's flight follows, then the rest: the hello
 * and the flight must be alone in their messages, for the packet writer puts real ones there. */
static void plan_tls(const struct lab_flow *f, struct lab_plan *p)
{
    uint64_t hello = TH_MIN(f->up, f->hello), flight = TH_MIN(f->down, f->flight);
    add(p, 0, hello);
    add(p, 1, flight);
    uint64_t finished = TH_MIN(f->up - hello, 80u);
    add(p, 0, finished);
    uint64_t up = f->up - hello - finished, down = f->down - flight;
    add(p, 0, up / 2);
    add(p, 1, down / 2);
    add(p, 0, up - up / 2);
    add(p, 1, down - down / 2);
}

void lab_plan_of(const struct lab_flow *f, struct lab_plan *p)
{
    p->count = 0;
    if (f->state == LAB_S0 || f->state == LAB_REJ)
        return;
    if (f->tls) {
        plan_tls(f, p);
        return;
    }
    add(p, 0, f->up);
    add(p, 1, f->down);
}

uint32_t lab_segment_len(uint64_t at, uint64_t end, uint64_t jumbo_after)
{
    uint64_t left = end - at, most = LAB_MSS;
    if (jumbo_after) {
        if (at >= jumbo_after)
            most = LAB_JUMBO;
        else
            most = TH_MIN(most, jumbo_after - at);
    }
    return (uint32_t)TH_MIN(left, most);
}

static uint64_t pieces(uint64_t bytes, uint64_t size)
{
    return (bytes + size - 1) / size;
}

uint64_t lab_segments(uint64_t before, uint64_t bytes, uint64_t jumbo_after)
{
    if (!jumbo_after || before + bytes <= jumbo_after)
        return pieces(bytes, LAB_MSS);
    if (before >= jumbo_after)
        return pieces(bytes, LAB_JUMBO);
    return pieces(jumbo_after - before, LAB_MSS) + pieces(before + bytes - jumbo_after, LAB_JUMBO);
}

static void shape_established(struct lab_flow *f, uint64_t jumbo_after)
{
    struct lab_plan plan;
    lab_plan_of(f, &plan);
    f->pkts[0] = 2; /* SYN and its acknowledgement */
    f->pkts[1] = 1;
    uint64_t sent[2] = {0, 0};
    for (unsigned i = 0; i < plan.count; i++) {
        unsigned dir = plan.msg[i].dir;
        uint64_t n = lab_segments(sent[dir], plan.msg[i].bytes, jumbo_after);
        sent[dir] += plan.msg[i].bytes;
        f->pkts[dir] += n;
        f->pkts[!dir] += (n + 1) / 2; /* every second segment is acknowledged, and the last */
    }
    if (f->state == LAB_SF) {
        f->pkts[0] += 2;
        f->pkts[1] += 1;
    } else if (f->state != LAB_S1) {
        f->pkts[f->state == LAB_RSTR] += 1;
    }
}

void lab_flow_shape(struct lab_flow *f, uint64_t jumbo_after)
{
    bool v4 = th_addr_is_v4(&f->src);
    uint64_t ip = v4 ? 20 : 40;
    if (f->proto != LAB_TCP) {
        uint64_t head = ip + 8;
        if (!f->pkts[0])
            f->pkts[0] = f->up ? pieces(f->up, 1400) : 1;
        if (!f->pkts[1] && f->down)
            f->pkts[1] = pieces(f->down, 1400);
        f->ip_bytes[0] = f->up + head * f->pkts[0];
        f->ip_bytes[1] = f->down + head * f->pkts[1];
        return;
    }
    uint64_t tcp = ip + 20 + TCP_OPTIONS, syn = SYN_OPTIONS - TCP_OPTIONS;
    if (f->state == LAB_S0 || f->state == LAB_REJ) {
        if (!f->pkts[0])
            f->pkts[0] = f->dur_ns > TH_NS_PER_S ? 2 : 1;
        f->pkts[1] = f->state == LAB_REJ ? f->pkts[0] : 0;
        f->ip_bytes[0] = f->pkts[0] * (ip + 20 + SYN_OPTIONS);
        f->ip_bytes[1] = f->pkts[1] * (ip + 20);
        return;
    }
    shape_established(f, jumbo_after);
    f->ip_bytes[0] = f->up + tcp * f->pkts[0] + syn;
    f->ip_bytes[1] = f->down + tcp * f->pkts[1] + syn;
}
