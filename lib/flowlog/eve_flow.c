/* SPDX-License-Identifier: Apache-2.0 */
/* Suricata counts whole frames: IP bytes are those less an Ethernet header a packet. */
#include "eve_priv.h"
#include "event/community_id.h"
#include "pair_priv.h"

enum { ETHERNET_BYTES = 14 };

static uint64_t ip_bytes(uint64_t bytes, uint64_t pkts)
{
    uint64_t head;
    return __builtin_mul_overflow(pkts, (uint64_t)ETHERNET_BYTES, &head) || head > bytes
        ? 0
        : bytes - head;
}

static uint8_t proto_of(struct th_str s)
{
    static const struct {
        const char *name;
        uint8_t number;
    } names[] = {{"TCP", TH_IP_TCP}, {"UDP", TH_IP_UDP}, {"ICMP", TH_IP_ICMP},
        {"IPv6-ICMP", TH_IP_ICMP6}, {"SCTP", 132}, {"GRE", 47}, {"ESP", 50}, {"IGMP", 2}};
    uint64_t number;
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (th_str_ieq(s, th_str_c(names[i].name)))
            return names[i].number;
    return th_str_u64(s, &number) && number < 256 ? (uint8_t)number : 0;
}

/* "1b": hexadecimal. */
static bool flags_of(struct th_str s, uint8_t *ret)
{
    unsigned v = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        char c = th_lower(s.p[i]);
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
        v = (v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10)) & 0xff;
    }
    *ret = (uint8_t)v;
    return s.len > 0;
}

static void set_state(struct th_eve *e, uint8_t proto)
{
    struct th_ev_conn *c = &e->ev.conn;
    uint8_t orig, resp;
    if (proto != TH_IP_TCP)
        TH_SET(c, CONN, conn_state, th_str_c(c->resp_pkts ? "SF" : "S0"));
    else if (flags_of(th_eve_text(e->object, "tcp.tcp_flags_ts"), &orig) &&
        flags_of(th_eve_text(e->object, "tcp.tcp_flags_tc"), &resp))
        TH_SET(c, CONN, conn_state, th_str_c(th_flow_tcp_state(orig, resp, c->resp_pkts > 0)));
}

static struct th_str proto_text(struct th_eve *e, uint8_t proto)
{
    return proto == TH_IP_TCP                         ? th_str_c("tcp")
        : proto == TH_IP_UDP                          ? th_str_c("udp")
        : proto == TH_IP_ICMP || proto == TH_IP_ICMP6 ? th_str_c("icmp")
                                                      : th_arena_printf(&e->memory, "%u", proto);
}

int th_eve_flow(struct th_eve *e)
{
    const json_t *o = e->object;
    struct th_ev_conn *c = &e->ev.conn;
    uint8_t proto = proto_of(th_eve_text(o, "proto"));
    struct th_str service = th_eve_text(o, "app_proto");
    char id[TH_COMMUNITY_ID_LEN] = "";
    bool v4 = th_addr_is_v4(&e->orig);
    int64_t end_ns = e->time_ns;
    e->has_flows = true;
    if (!e->has_ends)
        return 0;
    th_eve_begin(e, TH_KIND_CONN);
    if (th_eve_time(th_eve_text(o, "flow.end"), &end_ns) &&
        th_eve_time(th_eve_text(o, "flow.start"), &c->ts) && end_ns >= c->ts)
        TH_SET(c, CONN, duration, th_time_sub(end_ns, c->ts));
    c->ts = TH_MIN(c->ts, end_ns);
    c->h.time_ns = end_ns;
    TH_SET(c, CONN, proto, proto_text(e, proto));
    if (service.len && !th_str_is(service, "failed") && !th_str_is(service, "unknown"))
        TH_SET(c, CONN, service,
            th_str_is(service, "tls")        ? th_str_c("ssl")
                : th_str_is(service, "krb5") ? th_str_c("krb")
                                             : service);
    TH_SET(c, CONN, orig_pkts, th_eve_number(o, "flow.pkts_toserver"));
    TH_SET(c, CONN, resp_pkts, th_eve_number(o, "flow.pkts_toclient"));
    TH_SET(c, CONN, orig_wire_bytes, th_eve_number(o, "flow.bytes_toserver"));
    TH_SET(c, CONN, resp_wire_bytes, th_eve_number(o, "flow.bytes_toclient"));
    TH_SET(c, CONN, orig_ip_bytes, ip_bytes(c->orig_wire_bytes, c->orig_pkts));
    TH_SET(c, CONN, resp_ip_bytes, ip_bytes(c->resp_wire_bytes, c->resp_pkts));
    TH_SET(c, CONN, orig_bytes, th_flow_payload(v4, proto, c->orig_ip_bytes, c->orig_pkts));
    TH_SET(c, CONN, resp_bytes, th_flow_payload(v4, proto, c->resp_ip_bytes, c->resp_pkts));
    uint64_t vlan = th_eve_number(json_array_get(th_eve_at(o, "vlan"), 0), "");
    if (vlan)
        TH_SET(c, CONN, vlan, vlan);
    set_state(e, proto);
    if (!th_community_id_follows(proto, &e->orig))
        th_community_id(proto, &e->orig, &e->resp, e->orig_p, e->resp_p, id);
    TH_SET(c, CONN, community_id, th_str_c(id));
    TH_SET(c, CONN, told_by, th_str_c("suricata"));
    int r = th_eve_put(e, &c->h);
    return r < 0 ? r : 1;
}

int th_eve_netflow(struct th_eve *e)
{
    const json_t *o = e->object;
    if (e->has_flows || !e->has_ends)
        return 0;
    struct th_flow_record r = {.src = e->orig,
        .dst = e->resp,
        .src_port = e->orig_p,
        .dst_port = e->resp_p,
        .proto = proto_of(th_eve_text(o, "proto")),
        .first_ns = e->time_ns,
        .last_ns = e->time_ns,
        .point = 1,
        .told_by = th_str_c("suricata")};
    r.pkts[0] = th_eve_number(o, "netflow.pkts");
    r.bytes[0] = ip_bytes(th_eve_number(o, "netflow.bytes"), r.pkts[0]);
    th_eve_time(th_eve_text(o, "netflow.start"), &r.first_ns);
    th_eve_time(th_eve_text(o, "netflow.end"), &r.last_ns);
    r.first_ns = TH_MIN(r.first_ns, r.last_ns);
    r.has_flags = flags_of(th_eve_text(o, "tcp.tcp_flags"), &r.flags[0]);
    int err = th_pairs_advance(e->pairs, e->time_ns);
    if (err == 0)
        err = th_pairs_put(e->pairs, &r);
    return err < 0 ? err : 1;
}
