/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VPN handshakes: WireGuard (initiation and response; its data alone is only named), OpenVPN (hard
 * resets with their session ids) and IKE of IPsec (RFC 2408, RFC 7296; with RFC 3948's marker on
 * port 4500). Each is two messages; what follows is encrypted and not looked at.
 */
#include "analysers.h"

#include "overlay.h"

#define IKE_HEADER_BYTES 28u
#define MAX_PAYLOADS 16u
#define OPENVPN_HEAD_BYTES 14u
#define ESP_MAX_DATAGRAMS 16u /* without IKE between them, then there will be none */

/* ---- WireGuard ---- */

/* Data whose handshake was not seen (5.4.6 of its paper): type 4, the receiver's random number, a
 * counter that has not come far, whole blocks and a tag of 16 bytes. */
static bool is_wireguard_data(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    uint32_t type = th_cur_le32(&c), receiver = th_cur_le32(&c);
    th_cur_skip(&c, 4);
    uint32_t far = th_cur_le32(&c);
    return !c.failed && type == 4 && receiver > 0xffff && !far && in->wire_len >= 32 &&
        in->wire_len % 16 == 0;
}

static enum th_probe wireguard_probe(const struct th_probe_in *in)
{
    static const uint8_t first[4] = {1}, second[4] = {2};
    if (is_wireguard_data(in))
        return TH_PROBE_CLIENT;
    if (in->len >= 12 && in->wire_len == 148 && memcmp(in->p, first, 4) == 0)
        return TH_PROBE_CLIENT;
    return in->len >= 12 && in->wire_len == 92 && memcmp(in->p, second, 4) == 0 ? TH_PROBE_SERVER
                                                                                : TH_PROBE_NO;
}

/* Times, and the service with the first message. */
static void note(struct th_conn *c, struct th_overlay *o, const char *protocol,
    enum th_service service, int64_t time_ns)
{
    if (!o->protocol)
        o->first_ns = time_ns;
    o->last_ns = time_ns;
    o->protocol = protocol;
    th_conn_service(c, service);
}

static enum th_verdict wireguard(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct th_overlay *o = state;
    struct th_cur m = th_cur_init(ch->p, ch->len);
    uint32_t type = th_cur_le32(&m);
    struct th_str index = th_cur_bytes(&m, 4);
    if (!m.failed && type == 4 && !o->protocol)
        th_conn_service(c, TH_SVC_WIREGUARD);
    if (m.failed || (type != 1 && type != 2))
        return c->service_count ? TH_DONE : TH_BAIL;
    note(c, o, "wireguard", TH_SVC_WIREGUARD, ch->time_ns);
    if (!o->exchange)
        o->exchange = type == 1 ? "Handshake Initiation" : "Handshake Response";
    th_overlay_id_set(type == 1 ? &o->initiator : &o->responder, index);
    o->answered = type == 2;
    return type == 2 ? TH_DONE : TH_GO_ON;
}

/* ---- OpenVPN ---- */

static enum th_probe openvpn_probe(const struct th_probe_in *in)
{
    size_t from = in->ip_proto == 6 ? 2 : 0;
    size_t len = (size_t)th_probe_at(in, 0) << 8 | th_probe_at(in, 1);
    bool hint = in->src == 1194 || in->dst == 1194 || from;
    if (!hint || in->len < from + OPENVPN_HEAD_BYTES || (from && len + 2 != in->len))
        return TH_PROBE_NO;
    unsigned first = th_probe_at(in, from);
    return first == 7 << 3 || first == 10 << 3 ? TH_PROBE_CLIENT
        : first == 8 << 3                      ? TH_PROBE_SERVER
                                               : TH_PROBE_NO;
}

/* A hard reset of the client (opcode 7, 10 with a wrapped key) or the server (8), key 0. */
static enum th_verdict openvpn(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct th_overlay *o = state;
    struct th_cur m = th_cur_init(ch->p, ch->len);
    if (c->flow->proto == 6)
        th_cur_skip(&m, 2);
    unsigned opcode = th_cur_u8(&m) >> 3;
    struct th_str session = th_cur_bytes(&m, 8);
    bool client = opcode == 7 || opcode == 10, server = opcode == 8;
    if (m.failed || (!client && !server))
        return o->protocol ? TH_DONE : TH_BAIL;
    note(c, o, "openvpn", TH_SVC_OPENVPN, ch->time_ns);
    if (!o->exchange)
        o->exchange = opcode == 10 ? "P_CONTROL_HARD_RESET_CLIENT_V3"
            : client               ? "P_CONTROL_HARD_RESET_CLIENT_V2"
                                   : "P_CONTROL_HARD_RESET_SERVER_V2";
    th_overlay_id_set(client ? &o->initiator : &o->responder, session);
    o->answered = server;
    return server ? TH_DONE : TH_GO_ON;
}

/* ---- IKE ---- */

static bool has_marker(uint16_t a, uint16_t b)
{
    return a == 4500 || b == 4500;
}

/* RFC 3948 2.1: ESP beside IKE; an SPI, a number, and all of it in words of four bytes. */
static bool is_esp(const uint8_t *p, size_t len, size_t wire_len)
{
    return len >= 8 && wire_len >= 24 && wire_len % 4 == 0 && (p[0] || p[1] || p[2]) && !p[4];
}

static enum th_probe ike_probe(const struct th_probe_in *in)
{
    bool natted = has_marker(in->src, in->dst);
    if (!natted && in->src != 500 && in->dst != 500)
        return TH_PROBE_NO;
    size_t at = natted ? 4 : 0;
    struct th_cur c = th_cur_init(in->p, in->len);
    if (natted && th_cur_be32(&c) != 0)
        return th_probe_by_port(in, is_esp(in->p, in->len, in->wire_len), 4500);
    uint64_t initiator = th_cur_be64(&c);
    th_cur_skip(&c, 8);
    unsigned next = th_cur_u8(&c), version = th_cur_u8(&c), exchange = th_cur_u8(&c),
             flags = th_cur_u8(&c);
    th_cur_skip(&c, 4);
    uint32_t len = th_cur_be32(&c);
    (void)next;
    if (c.failed || !initiator || (version != 0x10 && version != 0x20) || !exchange ||
        len < IKE_HEADER_BYTES || len + at > in->wire_len)
        return TH_PROBE_NO;
    bool answer = version == 0x20 && flags & 0x20; /* RFC 7296 3.1: R */
    return answer ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static const char *exchange_name(unsigned version, unsigned exchange)
{
    static const struct th_named names[] = {{0x1001, "Base"}, {0x1002, "Identity Protection"},
        {0x1003, "Authentication Only"}, {0x1004, "Aggressive"}, {0x1005, "Informational"},
        {0x1006, "Transaction"}, {0x1020, "Quick Mode"}, {0x1021, "New Group Mode"},
        {0x2022, "IKE_SA_INIT"}, {0x2023, "IKE_AUTH"}, {0x2024, "CREATE_CHILD_SA"},
        {0x2025, "INFORMATIONAL"}, {0x2026, "IKE_SESSION_RESUME"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].number == (version << 8 | exchange))
            return names[i].name;
    return "unknown";
}

/* Vendor ids among the payloads: 13 in version 1, 43 in version 2. */
static void vendors(struct th_overlay *o, unsigned next, unsigned version, struct th_cur *c)
{
    unsigned wanted = version == 0x10 ? 13 : 43;
    for (unsigned i = 0; next && i < MAX_PAYLOADS && th_cur_left(c) >= 4; i++) {
        unsigned type = next;
        next = th_cur_u8(c);
        th_cur_skip(c, 1);
        size_t len = th_cur_be16(c);
        struct th_str body = th_cur_bytes(c, len >= 4 ? len - 4 : SIZE_MAX);
        if (!c->failed && type == wanted && o->vendor_count < TH_OVERLAY_VENDORS)
            th_overlay_id_set(&o->vendor[o->vendor_count++], body);
    }
}

static enum th_verdict ike(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    static const uint8_t zero[8];
    struct th_overlay *o = state;
    struct th_cur m = th_cur_init(ch->p, ch->len);
    if (has_marker(c->flow->port[0], c->flow->port[1]) && th_cur_be32(&m) != 0) {
        if (!is_esp(ch->p, ch->len, ch->wire_len) && !o->protocol)
            return c->service_count ? TH_GO_ON : TH_BAIL;
        th_conn_service(c, TH_SVC_IPSEC);
        return o->protocol || ++o->passed == ESP_MAX_DATAGRAMS ? TH_DONE : TH_GO_ON;
    }
    struct th_str mine = th_cur_bytes(&m, 8), other = th_cur_bytes(&m, 8);
    unsigned next = th_cur_u8(&m), version = th_cur_u8(&m), exchange = th_cur_u8(&m),
             flags = th_cur_u8(&m);
    th_cur_skip(&m, 8);
    if (m.failed || (version != 0x10 && version != 0x20))
        return o->protocol ? TH_GO_ON : TH_BAIL;
    note(c, o, "ipsec", TH_SVC_IPSEC, ch->time_ns);
    if (!o->exchange) {
        o->exchange = exchange_name(version, exchange);
        th_text_set_field(&o->version, th_str_c(version == 0x10 ? "1.0" : "2.0"));
        th_overlay_id_set(&o->initiator, mine);
    }
    bool answered = memcmp(other.p, zero, 8) != 0 && !ch->from_client;
    if (memcmp(other.p, zero, 8) != 0)
        th_overlay_id_set(&o->responder, other);
    bool sealed = version == 0x10 && flags & 1;
    if (!sealed)
        vendors(o, next, version, &m);
    o->answered = o->answered || answered;
    return answered ? TH_DONE : TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    (void)time_ns;
    th_overlay_emit(c, state);
}

const struct th_analyser th_wireguard_analyser = {
    .service = TH_SVC_WIREGUARD,
    .udp = true,
    .state_bytes = sizeof(struct th_overlay),
    .probe = wireguard_probe,
    .data = wireguard,
    .end = end,
};

const struct th_analyser th_openvpn_analyser = {
    .service = TH_SVC_OPENVPN,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct th_overlay),
    .probe = openvpn_probe,
    .data = openvpn,
    .end = end,
};

const struct th_analyser th_ike_analyser = {
    .service = TH_SVC_IPSEC,
    .udp = true,
    .state_bytes = sizeof(struct th_overlay),
    .probe = ike_probe,
    .data = ike,
    .end = end,
};
