/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "pair_priv.h"

/* Starts that are closer than the clocks of exporters say nothing about who began. */
static const int64_t same_time_ns = TH_NS_PER_MS;

enum { SERVICE_PORTS = 1024, CLIENT_PORTS = 32768 };

/* ---- who began it ---- */

static int rank_of_port(uint16_t port)
{
    return port < SERVICE_PORTS ? 0 : port < CLIENT_PORTS ? 1 : 2;
}

int th_port_of_client(uint16_t a, uint16_t b)
{
    int x = rank_of_port(a), y = rank_of_port(b);
    if (x != y)
        return x > y ? 0 : 1;
    return a == b ? -1 : a > b ? 0 : 1;
}

/* Exporters put the flags of all packets together, so a SYN without an ACK is a client nobody
 * answered, or one of a log that tells the flags of the handshake alone. */
static int by_flags(const struct th_pair_flow *f)
{
    bool syn[2], alone[2];
    if (f->key.proto != TH_IP_TCP || !f->has_flags)
        return -1;
    for (int i = 0; i < 2; i++) {
        syn[i] = f->side[i].pending && (f->side[i].flags & TH_TCP_SYN);
        alone[i] = syn[i] && !(f->side[i].flags & TH_TCP_ACK);
    }
    if (alone[0] != alone[1])
        return alone[0] ? 0 : 1;
    if (syn[0] != syn[1] && f->side[0].pending && f->side[1].pending)
        return syn[0] ? 0 : 1;
    return -1;
}

/* Of a part that may be a later one the times say nothing. */
static int by_time(const struct th_pair_flow *f)
{
    const struct th_pair_side *a = &f->side[0], *b = &f->side[1];
    if (!a->pending || !b->pending || f->sampling > 1)
        return -1;
    if (f->key.proto == TH_IP_TCP && !(f->has_flags && a->flags & b->flags & TH_TCP_SYN))
        return -1;
    int64_t apart_ns = th_time_sub(a->first_ns, b->first_ns);
    if (apart_ns >= same_time_ns || apart_ns <= -same_time_ns)
        return apart_ns < 0 ? 0 : 1;
    return -1;
}

void th_pair_decide(struct th_pair_flow *f)
{
    if (f->orig_is_sure)
        return;
    int orig = by_flags(f);
    f->orig_is_sure = orig >= 0;
    if (orig < 0 && f->orig >= 0)
        return;
    if (orig < 0)
        orig = by_time(f);
    if (orig < 0)
        orig = th_port_of_client(f->key.port[0], f->key.port[1]);
    if (orig < 0)
        orig = f->side[1].pending && !f->side[0].pending;
    f->orig = (int8_t)orig;
}

/* ---- what was told ---- */

/* Headers are not told: those of IP, and of TCP with the time stamps that most hosts send. */
uint64_t th_flow_payload(bool v4, uint8_t proto, uint64_t bytes, uint64_t pkts)
{
    uint64_t head = v4 ? 20 : 40;
    if (proto == TH_IP_TCP)
        head += 32;
    else if (proto == TH_IP_UDP || proto == TH_IP_ICMP || proto == TH_IP_ICMP6)
        head += 8;
    if (__builtin_mul_overflow(head, pkts, &head) || head > bytes)
        return 0;
    return bytes - head;
}

static uint64_t payload_of(const struct th_pair_flow *f, uint64_t bytes, uint64_t pkts)
{
    return th_flow_payload(th_addr_is_v4(&f->key.addr[0]), (uint8_t)f->key.proto, bytes, pkts);
}

static uint64_t all(uint64_t before, uint64_t more)
{
    uint64_t sum;
    return __builtin_add_overflow(before, more, &sum) ? UINT64_MAX : sum;
}

const char *th_flow_tcp_state(uint8_t orig, uint8_t resp, bool answered)
{
    if (!answered)
        return (orig & (TH_TCP_SYN | TH_TCP_ACK)) != TH_TCP_SYN ? "OTH"
            : orig & TH_TCP_RST                                 ? "RSTOS0"
            : orig & TH_TCP_FIN                                 ? "SH"
                                                                : "S0";
    if (!(orig & TH_TCP_SYN))
        return "OTH";
    if (!(resp & TH_TCP_SYN))
        return resp & TH_TCP_RST ? "REJ" : "OTH";
    if (orig & TH_TCP_RST)
        return "RSTO";
    if (resp & TH_TCP_RST)
        return "RSTR";
    bool orig_fin = orig & TH_TCP_FIN, resp_fin = resp & TH_TCP_FIN;
    return orig_fin && resp_fin ? "SF" : orig_fin ? "S2" : resp_fin ? "S3" : "S1";
}

static const char *state_of(const struct th_pair_flow *f)
{
    const struct th_pair_side *orig = &f->side[f->orig], *resp = &f->side[!f->orig];
    if (f->rejected)
        return "S0";
    if (f->sampling > 1)
        return NULL; /* the packets that say it were hardly looked at */
    if (f->key.proto == TH_IP_TCP)
        return f->has_flags
            ? th_flow_tcp_state(orig->all_flags, resp->all_flags, resp->all_pkts > 0)
            : NULL;
    return orig->all_pkts && resp->all_pkts ? "SF" : orig->all_pkts ? "S0" : "SHR";
}

static void set_ends(
    const struct th_pair_flow *f, struct th_pair_text *text, struct th_ev_conn *ret)
{
    bool icmp = f->key.proto == TH_IP_ICMP || f->key.proto == TH_IP_ICMP6;
    int from = icmp ? 0 : f->orig;
    TH_SET(ret, CONN, ts, f->begin_ns);
    TH_SET(ret, CONN, uid, th_str_c(f->uid));
    TH_SET(ret, CONN, id_orig_h, f->key.addr[f->orig]);
    TH_SET(ret, CONN, id_orig_p, f->key.port[from]);
    TH_SET(ret, CONN, id_resp_h, f->key.addr[!f->orig]);
    TH_SET(ret, CONN, id_resp_p, f->key.port[!from]);
    TH_SET(ret, CONN, duration, th_time_sub(f->last_ns, f->begin_ns));
    snprintf(text->proto, sizeof(text->proto), "%u", (unsigned)(f->key.proto & 0xff));
    const char *proto = f->key.proto == TH_IP_TCP ? "tcp"
        : f->key.proto == TH_IP_UDP               ? "udp"
        : icmp                                    ? "icmp"
                                                  : text->proto;
    TH_SET(ret, CONN, proto, th_str_c(proto));
    text->community_id[0] = '\0';
    if (!th_community_id_follows((uint8_t)f->key.proto, &ret->id_orig_h))
        th_community_id((uint8_t)f->key.proto, &ret->id_orig_h, &ret->id_resp_h, ret->id_orig_p,
            ret->id_resp_p, text->community_id);
    TH_SET(ret, CONN, community_id, th_str_c(text->community_id));
    TH_SET(ret, CONN, told_by, th_str_n(f->told_by, f->told_by_len));
    if (f->vlan)
        TH_SET(ret, CONN, vlan, f->vlan);
    if (f->sampling > 1)
        TH_SET(ret, CONN, sampling, f->sampling);
}

void th_pair_conn(struct th_pair_flow *f, struct th_pair_text *text, struct th_ev_conn *ret)
{
    uint64_t before[2], now[2];
    memset(ret, 0, sizeof(*ret));
    ret->h.kind = TH_KIND_CONN;
    ret->h.time_ns = f->last_ns;
    set_ends(f, text, ret);
    for (int i = 0; i < 2; i++) {
        struct th_pair_side *s = &f->side[i == 0 ? f->orig : !f->orig];
        before[i] = payload_of(f, s->all_bytes, s->all_pkts);
        s->all_bytes = all(s->all_bytes, s->bytes);
        s->all_pkts = all(s->all_pkts, s->pkts);
        s->all_flags |= s->flags;
        now[i] = payload_of(f, s->all_bytes, s->all_pkts);
        s->pending = false;
        s->bytes = s->pkts = 0;
        s->flags = 0;
    }
    const struct th_pair_side *orig = &f->side[f->orig], *resp = &f->side[!f->orig];
    TH_SET(ret, CONN, orig_bytes, now[0]);
    TH_SET(ret, CONN, resp_bytes, now[1]);
    TH_SET(ret, CONN, orig_pkts, orig->all_pkts);
    TH_SET(ret, CONN, resp_pkts, resp->all_pkts);
    TH_SET(ret, CONN, orig_ip_bytes, orig->all_bytes);
    TH_SET(ret, CONN, resp_ip_bytes, resp->all_bytes);
    const char *state = state_of(f);
    if (state)
        TH_SET(ret, CONN, conn_state, th_str_c(state));
    f->parts++;
    if (f->parts == 1 && !f->goes_on)
        return;
    TH_SET(ret, CONN, part, f->parts);
    TH_SET(ret, CONN, partial, f->goes_on);
    TH_SET(ret, CONN, part_orig_bytes, now[0] - TH_MIN(before[0], now[0]));
    TH_SET(ret, CONN, part_resp_bytes, now[1] - TH_MIN(before[1], now[1]));
}
