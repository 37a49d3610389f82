/* SPDX-License-Identifier: Apache-2.0 */
/* How many packets a flow has: one plan for the counts in events and for the packets written. */
#include "base/mem.h"
#include "flow.h"

#define TCP_OPTIONS 12u /* time stamps in every segment after the handshake */
#define SYN_OPTIONS 20u
#define UDP_PIECE 1400u
#define UDP_JUMBO (40u * UDP_PIECE)
/* A side of a long connection says something at least as often: else it would seem idle. */
#define ROUND_NS (50 * TH_NS_PER_S)
#define MAX_ROUNDS 4000

void lab_plan_of(const struct lab_flow *f, struct lab_plan *p)
{
    *p = (struct lab_plan){.up = f->up, .down = f->down};
    if (f->state == LAB_S0 || f->state == LAB_REJ) {
        p->up = p->down = 0;
        return;
    }
    int64_t rounds = f->dur_ns > 2 * ROUND_NS ? f->dur_ns / ROUND_NS : f->tls ? 2 : 1;
    p->rounds = (uint32_t)TH_MIN(rounds, MAX_ROUNDS);
    if (!f->tls)
        return;
    p->head[0] = TH_MIN(f->up, f->hello);
    p->head[1] = TH_MIN(f->down, f->flight);
    p->head[2] = TH_MIN(f->up - p->head[0], LAB_TLS_FINISH);
    p->up -= p->head[0] + p->head[2];
    p->down -= p->head[1];
}

static uint64_t part(uint64_t whole, uint32_t i, uint32_t n)
{
    return whole * (i + 1) / n - whole * i / n;
}

struct lab_message lab_plan_message(const struct lab_plan *p, uint32_t i)
{
    struct lab_message m = {.dir = i & 1};
    if (i < LAB_HEAD_MESSAGES) {
        m.bytes = i < 3 ? p->head[i] : 0;
    } else {
        i -= LAB_HEAD_MESSAGES;
        m.bytes = part(i & 1 ? p->down : p->up, i / 2, p->rounds);
    }
    return m;
}

uint32_t lab_plan_count(const struct lab_plan *p)
{
    return LAB_HEAD_MESSAGES + 2 * p->rounds;
}

uint32_t lab_segment_len(uint64_t at, uint64_t end, uint64_t jumbo_after, bool udp)
{
    uint64_t most = udp ? UDP_PIECE : LAB_MSS;
    if (jumbo_after && at >= jumbo_after)
        most = udp ? UDP_JUMBO : LAB_JUMBO;
    else if (jumbo_after)
        most = TH_MIN(most, jumbo_after - at);
    return (uint32_t)TH_MIN(end - at, most);
}

static uint64_t pieces(uint64_t bytes, uint64_t size)
{
    return (bytes + size - 1) / size;
}

static uint64_t segments(uint64_t before, uint64_t bytes, uint64_t jumbo_after, bool udp)
{
    uint64_t small = udp ? UDP_PIECE : LAB_MSS, large = udp ? UDP_JUMBO : LAB_JUMBO;
    if (!jumbo_after || before + bytes <= jumbo_after)
        return pieces(bytes, small);
    if (before >= jumbo_after)
        return pieces(bytes, large);
    return pieces(jumbo_after - before, small) + pieces(before + bytes - jumbo_after, large);
}

static void shape_established(struct lab_flow *f, uint64_t jumbo_after)
{
    struct lab_plan plan;
    lab_plan_of(f, &plan);
    f->pkts[0] = 2; /* SYN, and the acknowledgement of its answer */
    f->pkts[1] = 1;
    uint64_t sent[2] = {0, 0};
    uint32_t count = lab_plan_count(&plan);
    for (uint32_t i = plan.head[0] ? 0 : LAB_HEAD_MESSAGES; i < count; i++) {
        struct lab_message m = lab_plan_message(&plan, i);
        uint64_t n = segments(sent[m.dir], m.bytes, jumbo_after, false);
        sent[m.dir] += m.bytes;
        f->pkts[m.dir] += n;
        f->pkts[!m.dir] += (n + 1) / 2; /* every second segment is acknowledged, and the last */
    }
    if (f->state == LAB_SF) {
        f->pkts[0] += 2;
        f->pkts[1] += 1;
    } else if (f->state != LAB_S1) {
        f->pkts[f->state == LAB_RSTR] += 1;
    }
}

static void shape_datagrams(struct lab_flow *f, uint64_t jumbo_after, uint64_t head)
{
    if (!f->pkts[0])
        f->pkts[0] = f->up ? segments(0, f->up, jumbo_after, true) : 1;
    if (!f->pkts[1] && f->down)
        f->pkts[1] = segments(0, f->down, jumbo_after, true);
    f->ip_bytes[0] = f->up + head * f->pkts[0];
    f->ip_bytes[1] = f->down + head * f->pkts[1];
}

void lab_flow_shape(struct lab_flow *f, uint64_t jumbo_after)
{
    uint64_t ip = th_addr_is_v4(&f->src) ? 20 : 40;
    if (f->proto != LAB_TCP) {
        shape_datagrams(f, jumbo_after, ip + 8);
        return;
    }
    uint64_t tcp = ip + 20 + TCP_OPTIONS, syn = SYN_OPTIONS - TCP_OPTIONS;
    if (f->state == LAB_S0 || f->state == LAB_REJ) {
        if (!f->pkts[0])
            f->pkts[0] = 1;
        f->pkts[1] = f->state == LAB_REJ ? f->pkts[0] : 0;
        f->ip_bytes[0] = f->pkts[0] * (ip + 20 + SYN_OPTIONS);
        f->ip_bytes[1] = f->pkts[1] * (ip + 20);
        return;
    }
    shape_established(f, jumbo_after);
    f->ip_bytes[0] = f->up + tcp * f->pkts[0] + syn;
    f->ip_bytes[1] = f->down + tcp * f->pkts[1] + syn;
}
