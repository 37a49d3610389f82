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

/* RFC 9000 17.2, RFC 9369, the drafts, and Google's before them. */
static enum th_probe quic(const struct th_probe_in *in)
{
    uint32_t version = be32_at(in, 1);
    bool known = version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 ||
        version >> 8 == 0x513034 || version >> 8 == 0x513035 || version >> 8 == 0x543035;
    bool is_long =
        in->len >= 20 && (th_probe_at(in, 0) & 0xc0) == 0xc0 && known && th_probe_at(in, 5) <= 20;
    /* gQUIC: public flags, 8 bytes of connection id, version. */
    uint32_t old = be32_at(in, 9);
    bool google = in->len >= 30 && (th_probe_at(in, 0) & 0x89) == 0x09 &&
        (old >> 8 == 0x513032 || old >> 8 == 0x513033 || old >> 8 == 0x513034);
    return by_port(in, is_long || google, 443);
}

static enum th_probe dtls(const struct th_probe_in *in)
{
    bool yes = in->len >= 14 && th_probe_at(in, 0) == 22 && th_probe_at(in, 1) == 0xfe &&
        (th_probe_at(in, 2) == 0xff || th_probe_at(in, 2) == 0xfd);
    return !yes                                                ? TH_PROBE_NO
        : th_probe_at(in, 13) == 2 || th_probe_at(in, 13) == 3 ? TH_PROBE_SERVER
                                                               : TH_PROBE_CLIENT;
}

/* RFC 5905 */
static enum th_probe ntp(const struct th_probe_in *in)
{
    unsigned version = th_probe_at(in, 0) >> 3 & 7, mode = th_probe_at(in, 0) & 7;
    bool yes = on_port(in, 123) && version >= 1 && version <= 4 && mode &&
        (mode >= 6 ? in->len >= 8 : in->wire_len >= 48);
    return !yes ? TH_PROBE_NO : mode == 4 || mode == 2 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* RFC 3416: a sequence that begins with the version. */
static enum th_probe snmp(const struct th_probe_in *in)
{
    size_t from = th_probe_at(in, 1) & 0x80 ? 2 + (th_probe_at(in, 1) & 0x7fu) : 2;
    bool yes = th_probe_at(in, 0) == 0x30 && in->len > from + 8 && th_probe_at(in, from) == 2 &&
        th_probe_at(in, from + 1) == 1 &&
        (th_probe_at(in, from + 2) <= 1 || th_probe_at(in, from + 2) == 3) &&
        (th_probe_at(in, from + 3) == 4 || th_probe_at(in, from + 3) == 0x30);
    yes = yes && (on_port(in, 161) || on_port(in, 162));
    return by_port(in, yes, 161);
}

static enum th_probe sip(const struct th_probe_in *in)
{
    static const char *const methods[] = {"INVITE sip", "REGISTER sip", "OPTIONS sip", "ACK sip",
        "BYE sip", "CANCEL sip", "SUBSCRIBE sip", "NOTIFY sip", "MESSAGE sip", "PUBLISH sip",
        "INFO sip", "REFER sip"};
    if (BEGINS(in, "SIP/2.0 "))
        return TH_PROBE_SERVER;
    for (size_t i = 0; i < TH_ARRAY_LEN(methods); i++)
        if (begins(in, methods[i], strlen(methods[i])))
            return TH_PROBE_CLIENT;
    return TH_PROBE_NO;
}

/* RFC 8489 5: the magic cookie. */
static enum th_probe stun(const struct th_probe_in *in)
{
    bool yes = in->len >= 20 && !(th_probe_at(in, 0) & 0xc0) && be32_at(in, 4) == 0x2112a442 &&
        be16_at(in, 2) % 4 == 0 && be16_at(in, 2) + 20 <= in->wire_len;
    return !yes ? TH_PROBE_NO : th_probe_at(in, 0) & 1 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_probe irc(const struct th_probe_in *in)
{
    if (BEGINS(in, "NICK ") || (BEGINS(in, "USER ") && contains(in, " :")))
        return TH_PROBE_CLIENT;
    return SURE(th_probe_at(in, 0) == ':' && contains(in, " NOTICE "), SERVER);
}

static enum th_probe socks(const struct th_probe_in *in)
{
    bool five = th_probe_at(in, 0) == 5 && in->len >= 3 && th_probe_at(in, 1) &&
        in->len == 2u + th_probe_at(in, 1) && th_probe_at(in, 2) <= 2 && in->dst == 1080;
    bool four = th_probe_at(in, 0) == 4 && in->len >= 9 &&
        (th_probe_at(in, 1) == 1 || th_probe_at(in, 1) == 2) && th_probe_at(in, in->len - 1) == 0 &&
        in->dst == 1080;
    return SURE(five || four, CLIENT);
}

static enum th_probe syslog_line(const struct th_probe_in *in)
{
    bool yes = th_probe_at(in, 0) == '<' && th_probe_at(in, 1) >= '0' &&
        th_probe_at(in, 1) <= '9' &&
        (th_probe_at(in, 2) == '>' || th_probe_at(in, 3) == '>' || th_probe_at(in, 4) == '>') &&
        on_port(in, 514);
    return by_port(in, yes, 514);
}

static enum th_probe radius(const struct th_probe_in *in)
{
    static const uint16_t ports[] = {1812, 1813, 1645, 1646, 3799};
    for (size_t i = 0; i < TH_ARRAY_LEN(ports); i++)
        if (on_port(in, ports[i]))
            return by_port(in,
                in->len >= 20 && th_probe_at(in, 0) && th_probe_at(in, 0) <= 45 &&
                    be16_at(in, 2) == in->wire_len,
                ports[i]);
    return TH_PROBE_NO;
}

/* RFC 1350: read or write request, name, mode. */
static enum th_probe tftp(const struct th_probe_in *in)
{
    bool yes = in->dst == 69 && in->len > 8 && th_probe_at(in, 0) == 0 &&
        (th_probe_at(in, 1) == 1 || th_probe_at(in, 1) == 2);
    return SURE(yes, CLIENT);
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

static enum th_probe telnet(const struct th_probe_in *in)
{
    bool yes = in->len >= 3 && th_probe_at(in, 0) == 0xff && th_probe_at(in, 1) >= 0xfa &&
        th_probe_at(in, 1) <= 0xfe;
    return by_port(in, yes, 23);
}

static enum th_probe imap(const struct th_probe_in *in)
{
    return SURE(BEGINS(in, "* OK") || BEGINS(in, "* PREAUTH"), SERVER);
}

static enum th_probe pop3(const struct th_probe_in *in)
{
    return SURE(BEGINS(in, "+OK ") || BEGINS(in, "+OK\r"), SERVER);
}

static enum th_probe ftp(const struct th_probe_in *in)
{
    if (in->dst == 21 && (BEGINS(in, "USER ") || BEGINS(in, "AUTH ")))
        return TH_PROBE_CLIENT;
    bool greeting = BEGINS(in, "220 ") || BEGINS(in, "220-");
    return SURE(greeting && (in->src == 21 || contains(in, "FTP")), SERVER);
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

LABEL(quic, QUIC, false, true, quic);
LABEL(dtls, DTLS, false, true, dtls);
LABEL(ntp, NTP, false, true, ntp);
LABEL(snmp, SNMP, false, true, snmp);
LABEL(sip, SIP, true, true, sip);
LABEL(stun, STUN, true, true, stun);
LABEL(irc, IRC, true, false, irc);
LABEL(socks, SOCKS, true, false, socks);
LABEL(syslog, SYSLOG, false, true, syslog_line);
LABEL(radius, RADIUS, false, true, radius);
LABEL(tftp, TFTP, false, true, tftp);
LABEL(netbios_dgm, NETBIOS_DGM, false, true, netbios_dgm);
LABEL(ssdp, SSDP, false, true, ssdp);
LABEL(telnet, TELNET, true, false, telnet);
LABEL(imap, IMAP, true, false, imap);
LABEL(pop3, POP3, true, false, pop3);
LABEL(ftp, FTP, true, false, ftp);
LABEL(netbios_ssn, NETBIOS_SSN, true, false, netbios_ssn);
