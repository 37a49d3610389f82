/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols that are recognised by their first bytes and not read any further: their
 * name in conn.service is all there is. A port is asked where the bytes alone say little.
 */
#include "analysers.h"

#define SURE(cond, who) ((cond) ? TH_PROBE_##who : TH_PROBE_NO)

static bool on_port(const struct th_probe_in *in, uint16_t port)
{
    return in->src == port || in->dst == port;
}

/* Who does not speak from this port is the client. */
static enum th_probe by_port(const struct th_probe_in *in, bool yes, uint16_t port)
{
    if (!yes)
        return TH_PROBE_NO;
    return in->src == port ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static bool begins(const struct th_probe_in *in, const char *bytes, size_t n)
{
    return in->len >= n && memcmp(in->p, bytes, n) == 0;
}

#define BEGINS(in, text) begins(in, text, sizeof(text) - 1)

static bool contains(const struct th_probe_in *in, const char *word)
{
    return memmem(in->p, in->len, word, strlen(word)) != NULL;
}

static uint32_t be16_at(const struct th_probe_in *in, size_t i)
{
    return (uint32_t)th_probe_at(in, i) << 8 | th_probe_at(in, i + 1);
}

static uint32_t be32_at(const struct th_probe_in *in, size_t i)
{
    return be16_at(in, i) << 16 | be16_at(in, i + 2);
}

static uint32_t le32_at(const struct th_probe_in *in, size_t i)
{
    return __builtin_bswap32(be32_at(in, i));
}

/* A CONNECT: its remaining length takes one to four bytes, then comes the protocol's name. */
static enum th_probe mqtt(const struct th_probe_in *in)
{
    if (th_probe_at(in, 0) != 0x10)
        return TH_PROBE_NO;
    for (size_t i = 2; i <= 5; i++) {
        uint32_t name = be32_at(in, i + 2);
        if ((be16_at(in, i) == 4 && name == 0x4d515454) ||
            (be16_at(in, i) == 6 && name == 0x4d514973))
            return TH_PROBE_CLIENT;
    }
    return TH_PROBE_NO;
}

static enum th_probe modbus(const struct th_probe_in *in)
{
    bool yes = on_port(in, 502) && in->len >= 8 && be16_at(in, 2) == 0 && be16_at(in, 4) >= 2 &&
        be16_at(in, 4) <= 254 && be16_at(in, 4) + 6u <= in->len;
    return by_port(in, yes, 502);
}

static enum th_probe dnp3(const struct th_probe_in *in)
{
    bool yes = in->len >= 10 && th_probe_at(in, 0) == 5 && th_probe_at(in, 1) == 0x64 &&
        th_probe_at(in, 2) >= 5;
    return by_port(in, yes, 20000);
}

static enum th_probe rfb(const struct th_probe_in *in)
{
    return SURE(BEGINS(in, "RFB 00"), SERVER);
}

/* RFC 1350: read or write request, name, mode. */
static enum th_probe tftp(const struct th_probe_in *in)
{
    bool yes = in->dst == 69 && in->len > 8 && th_probe_at(in, 0) == 0 &&
        (th_probe_at(in, 1) == 1 || th_probe_at(in, 1) == 2);
    return SURE(yes, CLIENT);
}

static enum th_probe bittorrent(const struct th_probe_in *in)
{
    return SURE(BEGINS(in,
                    "\x13"
                    "BitTorrent protocol") ||
            BEGINS(in, "d1:ad2:id20:") || BEGINS(in, "d1:rd2:id20:"),
        CLIENT);
}

static enum th_probe netbios_dgm(const struct th_probe_in *in)
{
    bool yes = on_port(in, 138) && in->len >= 14 && th_probe_at(in, 0) >= 0x10 &&
        th_probe_at(in, 0) <= 0x16;
    return SURE(yes, CLIENT);
}

static enum th_probe ssdp(const struct th_probe_in *in)
{
    if (BEGINS(in, "M-SEARCH * HTTP/1.1") || BEGINS(in, "NOTIFY * HTTP/1.1"))
        return TH_PROBE_CLIENT;
    return SURE(in->src == 1900 && BEGINS(in, "HTTP/1.1 "), SERVER);
}

static enum th_probe wireguard(const struct th_probe_in *in)
{
    if (BEGINS(in, "\1\0\0\0") && in->wire_len == 148)
        return TH_PROBE_CLIENT;
    return SURE(BEGINS(in, "\2\0\0\0") && in->wire_len == 92, SERVER);
}

/* A hard reset of the client (opcode 7) or the server (8), key 0. */
static enum th_probe openvpn(const struct th_probe_in *in)
{
    size_t from = in->ip_proto == 6 ? 2 : 0;
    if (in->len < from + 14 || (from && be16_at(in, 0) + 2 != in->len))
        return TH_PROBE_NO;
    bool hint = on_port(in, 1194) || from;
    return !hint                          ? TH_PROBE_NO
        : th_probe_at(in, from) == 7 << 3 ? TH_PROBE_CLIENT
        : th_probe_at(in, from) == 8 << 3 ? TH_PROBE_SERVER
                                          : TH_PROBE_NO;
}

static enum th_probe telnet(const struct th_probe_in *in)
{
    bool yes = in->len >= 3 && th_probe_at(in, 0) == 0xff && th_probe_at(in, 1) >= 0xfa &&
        th_probe_at(in, 1) <= 0xfe;
    return by_port(in, yes, 23);
}

static bool zero_follows(const struct th_probe_in *in, size_t from, size_t n)
{
    return in->len >= from + n && memchr(in->p + from, 0, n);
}

/* Protocol 10, then the version as text. */
static enum th_probe mysql(const struct th_probe_in *in)
{
    bool yes = in->len > 30 && th_probe_at(in, 1) == 0 && th_probe_at(in, 2) == 0 &&
        th_probe_at(in, 3) == 0 && th_probe_at(in, 4) == 10 && th_probe_at(in, 5) >= '0' &&
        th_probe_at(in, 5) <= '9' && th_probe_at(in, 0) + 4u <= in->len && zero_follows(in, 6, 24);
    return SURE(yes, SERVER);
}

static enum th_probe postgresql(const struct th_probe_in *in)
{
    uint32_t code = be32_at(in, 4);
    bool yes = in->len >= 8 && be32_at(in, 0) == in->len &&
        (code == 0x00030000 || code == 80877102 || code == 80877103 || code == 80877104);
    return SURE(yes, CLIENT);
}

static enum th_probe tds(const struct th_probe_in *in)
{
    bool yes = in->len >= 16 && th_probe_at(in, 0) == 0x12 && th_probe_at(in, 1) == 1 &&
        be16_at(in, 2) <= in->len && be16_at(in, 2) > 8 && th_probe_at(in, 6) <= 1 &&
        th_probe_at(in, 7) == 0;
    return SURE(yes, CLIENT);
}

static enum th_probe redis(const struct th_probe_in *in)
{
    bool yes = in->len >= 8 && th_probe_at(in, 0) == '*' && th_probe_at(in, 1) >= '1' &&
        th_probe_at(in, 1) <= '9' && contains(in, "\r\n$");
    return SURE(yes, CLIENT);
}

static enum th_probe mongodb(const struct th_probe_in *in)
{
    uint32_t op = le32_at(in, 12);
    bool yes = in->len >= 26 && le32_at(in, 0) >= 26 && le32_at(in, 0) < (48u << 20) &&
        (op == 2013 || op == 2004) && le32_at(in, 8) == 0;
    return SURE(yes, CLIENT);
}

static enum th_probe netbios_ssn(const struct th_probe_in *in)
{
    bool yes = on_port(in, 139) && in->len >= 4 && th_probe_at(in, 0) >= 0x82 &&
        th_probe_at(in, 0) <= 0x85;
    return by_port(in, yes, 139);
}

#define LABEL(NAME, SERVICE, over_tcp, over_udp, fn)                                               \
    const struct th_analyser th_label_##NAME = {                                                   \
        .service = TH_SVC_##SERVICE, .tcp = over_tcp, .udp = over_udp, .probe = fn}

LABEL(mqtt, MQTT, true, false, mqtt);
LABEL(modbus, MODBUS, true, false, modbus);
LABEL(dnp3, DNP3, true, false, dnp3);
LABEL(rfb, RFB, true, false, rfb);
LABEL(tftp, TFTP, false, true, tftp);
LABEL(bittorrent, BITTORRENT, true, true, bittorrent);
LABEL(netbios_dgm, NETBIOS_DGM, false, true, netbios_dgm);
LABEL(ssdp, SSDP, false, true, ssdp);
LABEL(wireguard, WIREGUARD, false, true, wireguard);
LABEL(openvpn, OPENVPN, true, true, openvpn);
LABEL(telnet, TELNET, true, false, telnet);
LABEL(mysql, MYSQL, true, false, mysql);
LABEL(postgresql, POSTGRESQL, true, false, postgresql);
LABEL(tds, TDS, true, false, tds);
LABEL(redis, REDIS, true, false, redis);
LABEL(mongodb, MONGODB, true, false, mongodb);
LABEL(netbios_ssn, NETBIOS_SSN, true, false, netbios_ssn);
