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

/* RFC 1350: read or write request, name, mode. */
static enum th_probe tftp(const struct th_probe_in *in)
{
    bool yes = in->dst == 69 && in->len > 8 && th_probe_at(in, 0) == 0 &&
        (th_probe_at(in, 1) == 1 || th_probe_at(in, 1) == 2);
    return SURE(yes, CLIENT);
}

static enum th_probe netbios_dgm(const struct th_probe_in *in)
{
    bool yes = th_probe_on_port(in, 138) && in->len >= 14 && th_probe_at(in, 0) >= 0x10 &&
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
    return !yes ? TH_PROBE_NO : in->src == 23 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_probe netbios_ssn(const struct th_probe_in *in)
{
    bool yes = th_probe_on_port(in, 139) && in->len >= 4 && th_probe_at(in, 0) >= 0x82 &&
        th_probe_at(in, 0) <= 0x85;
    return th_probe_by_port(in, yes, 139);
}

#define LABEL(NAME, SERVICE, over_tcp, over_udp, fn)                                               \
    const struct th_analyser th_label_##NAME = {                                                   \
        .service = TH_SVC_##SERVICE, .tcp = over_tcp, .udp = over_udp, .probe = fn}

LABEL(tftp, TFTP, false, true, tftp);
LABEL(netbios_dgm, NETBIOS_DGM, false, true, netbios_dgm);
LABEL(ssdp, SSDP, false, true, ssdp);
LABEL(telnet, TELNET, true, false, telnet);
LABEL(netbios_ssn, NETBIOS_SSN, true, false, netbios_ssn);
