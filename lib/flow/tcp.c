/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a TCP connection as seen from between them. No sender is believed:
 * states only say what was seen, for conn_state, history and the class of time-out.
 */
#include "flow_priv.h"

/* Ports that servers listen on although they are above 1023, for connections whose begin was not
 * seen (IANA's registry). Sorted. */
static const uint16_t high_server_ports[] = {1080, 1194, 1433, 1434, 1521, 1701, 1723, 1812, 1813,
    1883, 1900, 2049, 2181, 2222, 2375, 2376, 2404, 3128, 3268, 3269, 3306, 3389, 3478, 3702, 4786,
    4789, 5000, 5060, 5061, 5222, 5223, 5269, 5353, 5355, 5432, 5555, 5601, 5671, 5672, 5900, 5901,
    5985, 5986, 6081, 6379, 6443, 6667, 6697, 7680, 8000, 8008, 8080, 8081, 8088, 8443, 8883, 8888,
    9000, 9042, 9090, 9092, 9200, 9300, 9418, 10050, 10051, 11211, 20000, 27017, 44818, 47808,
    51820};

static bool is_server_port(uint16_t port)
{
    if (port < 1024)
        return true;
    size_t low = 0;
    size_t high = TH_ARRAY_LEN(high_server_ports);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (high_server_ports[mid] == port)
            return true;
        if (high_server_ports[mid] < port)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

bool th_flow_is_reversed(const struct th_pkt *pkt)
{
    if (pkt->proto == TH_IPPROTO_TCP && pkt->tcp_flags & TH_TCP_SYN)
        return (pkt->tcp_flags & TH_TCP_ACK) != 0;
    if (pkt->proto != TH_IPPROTO_TCP && pkt->proto != TH_IPPROTO_UDP &&
        pkt->proto != TH_IPPROTO_SCTP)
        return false;
    return is_server_port(pkt->src_port) && !is_server_port(pkt->dst_port);
}

enum th_flow_class th_tcp_class(const struct th_flow_priv *p)
{
    uint8_t a = p->end[0].state;
    uint8_t b = p->end[1].state;
    if (a == TH_TCP_RESET || b == TH_TCP_RESET || (a == TH_TCP_CLOSED && b == TH_TCP_CLOSED))
        return TH_CLASS_CLOSING;
    if (a == TH_TCP_SYN_SENT || b == TH_TCP_SYN_ACK_SENT)
        return TH_CLASS_ATTEMPT;
    return TH_CLASS_TCP;
}

bool th_tcp_is_reuse(const struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    if ((pkt->tcp_flags & (TH_TCP_SYN | TH_TCP_ACK)) != TH_TCP_SYN)
        return false;
    const struct th_tcp_end *e = &p->end[dir];
    bool closed = e->state >= TH_TCP_CLOSED || p->end[!dir].state >= TH_TCP_CLOSED;
    return closed && !(e->has_syn && e->isn == pkt->seq);
}

static void see_syn(struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    struct th_tcp_end *e = &p->end[dir];
    struct th_tcp_end *peer = &p->end[!dir];
    bool ack = (pkt->tcp_flags & TH_TCP_ACK) != 0;
    if (!e->has_syn || e->isn != pkt->seq)
        th_history_put(p, dir, ack ? 'h' : 's');
    if (e->has_seq && e->next_seq != pkt->seq + 1 && e->isn != pkt->seq) {
        th_flow_weird(t, p, pkt->time_ns, e->has_syn ? "SYN_seq_jump" : "SYN_inside_connection");
        return;
    }
    if (!e->has_seq)
        e->next_seq = pkt->seq + 1;
    e->isn = pkt->seq;
    e->has_syn = e->has_seq = true;
    if (e->state != TH_TCP_INACTIVE)
        return;
    if (ack && peer->state == TH_TCP_SYN_SENT)
        e->state = peer->state = TH_TCP_ESTABLISHED;
    else
        e->state = ack ? TH_TCP_SYN_ACK_SENT : TH_TCP_SYN_SENT;
}

static void see_fin(struct th_flow_priv *p, int dir, uint32_t fin_seq)
{
    struct th_tcp_end *e = &p->end[dir];
    if (!e->has_fin || e->fin_seq != fin_seq)
        th_history_put(p, dir, 'f');
    if (!e->has_fin) {
        e->has_fin = true;
        e->fin_seq = fin_seq;
    }
    if (e->state < TH_TCP_CLOSED)
        e->state = TH_TCP_CLOSED;
}

static void see_rst(struct th_flow_priv *p, int dir, uint32_t seq)
{
    struct th_tcp_end *e = &p->end[dir];
    if (e->state != TH_TCP_RESET || e->rst_seq != seq)
        th_history_put(p, dir, 'r');
    e->rst_seq = seq;
    e->state = TH_TCP_RESET;
}

/* Data or a bare acknowledgement. */
static void see_segment(struct th_flow_priv *p, int dir)
{
    struct th_tcp_end *e = &p->end[dir];
    struct th_tcp_end *peer = &p->end[!dir];
    if (e->state == TH_TCP_INACTIVE) {
        /* The peer's SYN was answered, though the answer was not seen. */
        e->state = TH_TCP_PARTIAL;
    } else if (e->state == TH_TCP_SYN_SENT) {
        e->state = TH_TCP_ESTABLISHED;
    }
    if (peer->state == TH_TCP_SYN_ACK_SENT)
        peer->state = TH_TCP_ESTABLISHED;
}

static void see_ack(struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    struct th_tcp_end *e = &p->end[dir];
    if (!e->has_ack || (int32_t)(pkt->ack - e->ack) > 0) {
        e->ack = pkt->ack;
        e->has_ack = true;
    }
    const struct th_tcp_end *peer = &p->end[!dir];
    if (__builtin_expect(th_pending(p, !dir) || (peer->has_fin && !peer->fin_told), 0))
        th_reasm_acked(t, p, !dir, pkt->time_ns);
}

static void note_flags(
    struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    uint8_t flags = pkt->tcp_flags;
    bool syn = flags & TH_TCP_SYN;
    bool fin = flags & TH_TCP_FIN;
    bool rst = flags & TH_TCP_RST;
    if (syn && (fin || rst))
        th_history_once(p, dir, TH_ONCE_MULTI);
    else if (fin && rst)
        th_history_once(p, dir, TH_ONCE_INCONSISTENT);
    if (pkt->payload_len)
        th_history_once(p, dir, TH_ONCE_DATA);
    else if (flags & TH_TCP_ACK && !syn && !fin && !rst)
        th_history_once(p, dir, TH_ONCE_ACK);
    if (pkt->window == 0 && !syn && !rst && !fin)
        th_history_count(p, dir, 'w', &th_flow_rare(t, p)->end[dir].zero_windows);
}

void th_tcp_packet(struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    struct th_tcp_end *e = &p->end[dir];
    uint8_t flags = pkt->tcp_flags;
    uint32_t seq = pkt->seq;
    if (flags & TH_TCP_SYN) {
        see_syn(t, p, dir, pkt);
        seq++;
    }
    note_flags(t, p, dir, pkt);
    if (!(flags & (TH_TCP_SYN | TH_TCP_FIN | TH_TCP_RST)))
        see_segment(p, dir);
    if (!e->has_seq && !(flags & TH_TCP_RST)) {
        e->next_seq = seq;
        e->has_seq = true;
    }
    if (flags & TH_TCP_ACK)
        see_ack(t, p, dir, pkt);
    if (pkt->payload_len && e->has_seq)
        th_reasm_data(t, p, dir, pkt, seq);
    if (flags & TH_TCP_FIN) {
        see_fin(p, dir, seq + pkt->payload_len);
        th_reasm_fin(t, p, dir, pkt->time_ns);
    }
    if (flags & TH_TCP_RST)
        see_rst(p, dir, pkt->seq);
}
