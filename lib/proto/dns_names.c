/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_msg.h"

#include "base/mem.h"

/* IANA's registry of resource record types, as far as seen in the field. */
static const struct {
    uint16_t type;
    const char *name;
} types[] = {{1, "A"}, {2, "NS"}, {3, "MD"}, {4, "MF"}, {5, "CNAME"}, {6, "SOA"}, {7, "MB"},
    {8, "MG"}, {9, "MR"}, {10, "NULL"}, {11, "WKS"}, {12, "PTR"}, {13, "HINFO"}, {14, "MINFO"},
    {15, "MX"}, {16, "TXT"}, {17, "RP"}, {18, "AFSDB"}, {19, "X25"}, {20, "ISDN"}, {21, "RT"},
    {22, "NSAP"}, {23, "NSAP-PTR"}, {24, "SIG"}, {25, "KEY"}, {26, "PX"}, {27, "GPOS"},
    {28, "AAAA"}, {29, "LOC"}, {30, "NXT"}, {31, "EID"}, {32, "NB"}, {33, "SRV"}, {34, "ATMA"},
    {35, "NAPTR"}, {36, "KX"}, {37, "CERT"}, {38, "A6"}, {39, "DNAME"}, {40, "SINK"}, {41, "EDNS"},
    {42, "APL"}, {43, "DS"}, {44, "SSHFP"}, {45, "IPSECKEY"}, {46, "RRSIG"}, {47, "NSEC"},
    {48, "DNSKEY"}, {49, "DHCID"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"}, {53, "SMIMEA"},
    {55, "HIP"}, {59, "CDS"}, {60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {62, "CSYNC"}, {63, "ZONEMD"},
    {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"}, {249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"},
    {252, "AXFR"}, {253, "MAILB"}, {254, "MAILA"}, {255, "*"}, {256, "URI"}, {257, "CAA"},
    {32768, "TA"}, {32769, "DLV"}};

static const char *type_name(unsigned type)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(types); i++)
        if (types[i].type == type)
            return types[i].name;
    return NULL;
}

bool th_dns_type_known(unsigned type)
{
    return type_name(type) != NULL;
}

struct th_str th_dns_type_name(struct th_arena *arena, unsigned type)
{
    const char *name = type_name(type);
    return name ? th_str_c(name) : th_arena_printf(arena, "query-%u", type);
}

struct th_str th_dns_class_name(struct th_arena *arena, unsigned class)
{
    switch (class) {
    case 1: return th_str_c("C_INTERNET");
    case 2: return th_str_c("C_CSNET");
    case 3: return th_str_c("C_CHAOS");
    case 4: return th_str_c("C_HESOD");
    case 254: return th_str_c("C_NONE");
    case 255: return th_str_c("C_ANY");
    default: return th_arena_printf(arena, "qclass-%u", class);
    }
}

struct th_str th_dns_rcode_name(struct th_arena *arena, unsigned rcode)
{
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
        "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};
    return rcode < TH_ARRAY_LEN(names) ? th_str_c(names[rcode])
                                       : th_arena_printf(arena, "rcode-%u", rcode);
}

/* Two letters A..P a byte; the sixteenth byte is the kind of service and is left out. */
struct th_str th_dns_netbios(struct th_arena *arena, struct th_str name)
{
    struct th_str first = name;
    struct th_str label = th_str_split(&first, '.');
    char *out = label.len == 32 ? th_arena_alloc(arena, 16) : NULL;
    if (!out)
        return name;
    for (unsigned i = 0; i < 16; i++) {
        unsigned hi = (unsigned)(th_lower(label.p[2 * i]) - 'a');
        unsigned lo = (unsigned)(th_lower(label.p[2 * i + 1]) - 'a');
        if (hi > 15 || lo > 15)
            return name;
        out[i] = (char)(hi << 4 | lo);
    }
    uint32_t len = 15;
    while (len && (out[len - 1] == ' ' || out[len - 1] == '\0'))
        len--;
    return th_str_n(out, len);
}
