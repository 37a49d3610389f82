/* SPDX-License-Identifier: Apache-2.0 */
/* A flow as a conn record; conn_state as Zeek's documentation of conn.log defines it. */
#include "flow_priv.h"

static bool is_opening(uint8_t state)
{
    return state == TH_TCP_SYN_SENT || state == TH_TCP_SYN_ACK_SENT;
}

static const char *reset_state(const struct th_flow_priv *p)
{
    uint8_t orig = p->end[0].state;
    uint8_t resp = p->end[1].state;
    bool silent = p->f.payload_bytes[0] == 0 && p->f.payload_bytes[1] == 0;
    if (resp != TH_TCP_RESET)
        return resp == TH_TCP_INACTIVE ? "RSTOS0" : "RSTO";
    if (is_opening(orig) || (orig == TH_TCP_RESET && silent))
        return "REJ";
    return orig == TH_TCP_INACTIVE ? "RSTRH" : "RSTR";
}

static const char *tcp_state(const struct th_flow_priv *p)
{
    uint8_t orig = p->end[0].state;
    uint8_t resp = p->end[1].state;
    if (orig == TH_TCP_RESET || resp == TH_TCP_RESET)
        return reset_state(p);
    if (orig == TH_TCP_CLOSED && resp == TH_TCP_CLOSED)
        return "SF";
    if (orig == TH_TCP_CLOSED)
        return resp == TH_TCP_INACTIVE ? "SH" : "S2";
    if (resp == TH_TCP_CLOSED)
        return orig == TH_TCP_INACTIVE ? "SHR" : "S3";
    if (is_opening(orig) && resp == TH_TCP_INACTIVE)
        return "S0";
    return orig == TH_TCP_ESTABLISHED && resp == TH_TCP_ESTABLISHED ? "S1" : "OTH";
}

static const char *conn_state(const struct th_flow_priv *p)
{
    if (p->f.proto == TH_IPPROTO_TCP)
        return tcp_state(p);
    if (p->f.proto != TH_IPPROTO_UDP)
        return "OTH";
    if (p->f.pkts[0])
        return p->f.pkts[1] ? "SF" : "S0";
    return p->f.pkts[1] ? "SHR" : "OTH";
}

static struct th_str proto_name(uint8_t proto, struct th_conn_text *text)
{
    if (proto == TH_IPPROTO_TCP)
        return th_str_c("tcp");
    if (proto == TH_IPPROTO_UDP)
        return th_str_c("udp");
    if (th_is_icmp(proto))
        return th_str_c("icmp");
    snprintf(text->proto, sizeof(text->proto), "%u", proto);
    return th_str_c(text->proto);
}

static bool is_mac_set(const struct th_mac *m)
{
    static const struct th_mac none;
    return memcmp(m, &none, sizeof(none)) != 0;
}

static void set_counts(const struct th_flow *f, struct th_ev_conn *ret)
{
    TH_SET(ret, CONN, orig_bytes, f->payload_bytes[0]);
    TH_SET(ret, CONN, resp_bytes, f->payload_bytes[1]);
    TH_SET(ret, CONN, missed_bytes, f->missed_bytes);
    TH_SET(ret, CONN, orig_pkts, f->pkts[0]);
    TH_SET(ret, CONN, resp_pkts, f->pkts[1]);
    TH_SET(ret, CONN, orig_ip_bytes, f->ip_bytes[0]);
    TH_SET(ret, CONN, resp_ip_bytes, f->ip_bytes[1]);
    TH_SET(ret, CONN, orig_wire_bytes, f->wire_bytes[0]);
    TH_SET(ret, CONN, resp_wire_bytes, f->wire_bytes[1]);
}

static void set_link(const struct th_flow *f, struct th_ev_conn *ret)
{
    if (f->has_mac && is_mac_set(&f->mac[0]))
        TH_SET(ret, CONN, orig_l2_addr, f->mac[0]);
    if (f->has_mac && is_mac_set(&f->mac[1]))
        TH_SET(ret, CONN, resp_l2_addr, f->mac[1]);
    if (f->vlan)
        TH_SET(ret, CONN, vlan, f->vlan);
    if (f->inner_vlan)
        TH_SET(ret, CONN, inner_vlan, f->inner_vlan);
}

/* Else a record would pass for all that there was. */
static void set_cut(const struct th_flow *f, struct th_conn_text *text, struct th_ev_conn *ret)
{
    static const char *const names[] = {"flow", "stream", "analysis"};
    size_t n = 0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(names); i++)
        if (f->cut >> i & 1)
            n += (size_t)snprintf(
                text->cut + n, sizeof(text->cut) - n, "%s%s", n ? "," : "", names[i]);
    if (n)
        TH_SET(ret, CONN, cut, th_str_c(text->cut));
}

/* Interim records are numbered from 1; the last one closes the series. */
static void set_part(const struct th_flow_priv *p, struct th_ev_conn *ret)
{
    const struct th_flow *f = &p->f;
    if (!f->parts)
        return;
    static const uint64_t none[2];
    const uint64_t *before = p->rare ? p->rare->part_payload : none;
    TH_SET(ret, CONN, part, p->ending ? f->parts + 1u : f->parts);
    TH_SET(ret, CONN, partial, !p->ending);
    TH_SET(ret, CONN, part_orig_bytes, f->payload_bytes[0] - before[0]);
    TH_SET(ret, CONN, part_resp_bytes, f->payload_bytes[1] - before[1]);
}

void th_flow_conn(const struct th_flow *f, struct th_conn_text *text, struct th_ev_conn *ret)
{
    const struct th_flow_priv *p = th_flow_priv(f);
    memset(ret, 0, sizeof(*ret));
    ret->h.kind = TH_KIND_CONN;
    ret->h.time_ns = f->last_ns;
    TH_SET(ret, CONN, ts, f->first_ns);
    TH_SET(ret, CONN, uid, th_str_n(f->uid, TH_UID_LEN - 1));
    TH_SET(ret, CONN, id_orig_h, f->addr[0]);
    TH_SET(ret, CONN, id_orig_p, f->port[0]);
    TH_SET(ret, CONN, id_resp_h, f->addr[1]);
    TH_SET(ret, CONN, id_resp_p, f->port[1]);
    TH_SET(ret, CONN, proto, proto_name(f->proto, text));
    if (f->pkts[0] + f->pkts[1] > 1)
        TH_SET(ret, CONN, duration, th_time_sub(f->last_ns, f->first_ns));
    TH_SET(ret, CONN, conn_state, th_str_c(conn_state(p)));
    memcpy(text->history, p->history, p->history_len);
    text->history[p->history_len] = '\0';
    if (p->history_len)
        TH_SET(ret, CONN, history, th_str_c(text->history));
    set_counts(f, ret);
    set_link(f, ret);
    set_part(p, ret);
    set_cut(f, text, ret);
    text->community_id[0] = '\0';
    if (!th_community_id_follows(f->proto, &f->addr[0]))
        th_community_id(
            f->proto, &f->addr[0], &f->addr[1], f->port[0], f->port[1], text->community_id);
    TH_SET(ret, CONN, community_id, th_str_c(text->community_id));
}
