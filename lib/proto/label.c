/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols that are recognised by their first bytes and not read any further: their
 * name in conn.service is all there is. A port is asked where the bytes alone say little.
 */
#include "analysers.h"

#define SURE(cond, who) ((cond) ? TH_PROBE_##who : TH_PROBE_NO)

static bool begins(const struct th_probe_in *in, const char *bytes, size_t n)
{
    return in->len >= n && memcmp(in->p, bytes, n) == 0;
}

#define BEGINS(in, text) begins(in, text, sizeof(text) - 1)

static enum th_probe netbios_dgm(const struct th_probe_in *in)
{
    bool yes = th_probe_on_port(in, 138) && in->len >= 14 && th_probe_at(in, 0) >= 0x10 &&
        th_probe_at(in, 0) <= 0x16;
    return SURE(yes, CLIENT);
}

/* MS-RDPEUDP 3.1.5.1: a SYN acknowledges nothing and is as large as a packet can be. */
static enum th_probe rdpeudp(const struct th_probe_in *in)
{
    unsigned flags = (unsigned)th_probe_at(in, 6) << 8 | th_probe_at(in, 7);
    bool yes = BEGINS(in, "\xff\xff\xff\xff") && in->wire_len >= 1132 && (flags & 1);
    return !yes ? TH_PROBE_NO : flags & 4 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* BEP 29: the SYN of uTP, version 1, number 1, nothing acknowledged or measured yet. */
static enum th_probe utp(const struct th_probe_in *in)
{
    bool yes = in->wire_len >= 20 && in->wire_len <= 32 && in->len >= 20 &&
        th_probe_at(in, 0) == 0x41 && th_probe_at(in, 1) <= 2 &&
        memcmp(in->p + 8, "\0\0\0\0", 4) == 0 && memcmp(in->p + 16, "\0\1\0\0", 4) == 0;
    return SURE(yes, CLIENT);
}

/* Whoever asked is answered from any port: what makes it SSDP is the name of a service
 * (UPnP 1.3.3). */
static enum th_probe ssdp(const struct th_probe_in *in)
{
    if (BEGINS(in, "M-SEARCH * HTTP/1.1") || BEGINS(in, "NOTIFY * HTTP/1.1"))
        return TH_PROBE_CLIENT;
    bool answer =
        BEGINS(in, "HTTP/1.1 ") && (in->src == 1900 || memmem(in->p, in->len, "\nUSN:", 5));
    return SURE(answer, SERVER);
}

/* BEP 14: local peer discovery. */
static enum th_probe bt_search(const struct th_probe_in *in)
{
    return SURE(BEGINS(in, "BT-SEARCH * HTTP/1.1"), CLIENT);
}

/* TLS whose handshake was before the capture: one of the other records, whole length in the first
 * bytes. An alert that comes in the clear has two bytes. */
static enum th_probe tls_record(const struct th_probe_in *in)
{
    unsigned type = th_probe_at(in, 0), minor = th_probe_at(in, 2);
    size_t n = (size_t)th_probe_at(in, 3) << 8 | th_probe_at(in, 4);
    bool fits = type == 20 ? n == 1
        : type == 21       ? n == 2 || (n >= 18 && n <= 80)
                           : type == 23 && n >= 17 && n <= 16384 + 256;
    bool yes = in->len > 5 && th_probe_at(in, 1) == 3 && minor >= 1 && minor <= 3 && fits;
    return !yes ? TH_PROBE_NO : in->src < in->dst ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* RFC 6347 4.1: records of an epoch after the first are encrypted; one fits the datagram. */
static enum th_probe dtls_record(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    unsigned type = th_cur_u8(&c), version = th_cur_be16(&c), epoch = th_cur_be16(&c);
    th_cur_skip(&c, 6);
    size_t n = th_cur_be16(&c);
    bool known = version == 0xfeff || version == 0xfefd || version == 0x0100;
    bool yes = !c.failed && (type == 21 || type == 23) && known && epoch && epoch < 16 && n >= 17 &&
        n + 13 <= in->wire_len;
    return !yes ? TH_PROBE_NO : in->src < in->dst ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_probe telnet(const struct th_probe_in *in)
{
    bool yes = in->len >= 3 && th_probe_at(in, 0) == 0xff && th_probe_at(in, 1) >= 0xfa &&
        th_probe_at(in, 1) <= 0xfe;
    return !yes ? TH_PROBE_NO : in->src == 23 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_probe netbios_ssn(const struct th_probe_in *in)
{
    bool yes = th_probe_on_port(in, 139) && in->len >= 4 && th_probe_at(in, 0) >= 0x81 &&
        th_probe_at(in, 0) <= 0x85;
    return th_probe_by_port(in, yes, 139);
}

#define LABEL(NAME, SERVICE, over_tcp, over_udp, fn)                                               \
    const struct th_analyser th_label_##NAME = {                                                   \
        .service = TH_SVC_##SERVICE, .tcp = over_tcp, .udp = over_udp, .probe = fn}

LABEL(rdpeudp, RDPEUDP, false, true, rdpeudp);
LABEL(utp, BITTORRENT, false, true, utp);
LABEL(netbios_dgm, NETBIOS_DGM, false, true, netbios_dgm);
LABEL(ssdp, SSDP, false, true, ssdp);
LABEL(bt_search, BITTORRENT, false, true, bt_search);
LABEL(tls_record, SSL, true, false, tls_record);
LABEL(dtls_record, DTLS, false, true, dtls_record);
LABEL(telnet, TELNET, true, false, telnet);
LABEL(netbios_ssn, NETBIOS_SSN, true, false, netbios_ssn);
