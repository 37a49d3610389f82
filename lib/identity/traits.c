/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/traits.h"

#include "identity_i.h"

#define PORT_MDNS 5353
#define VOTES_MAX 100u
/* So many systems speaking from one address in a day, and it stands for several machines. */
#define SHARED_SYSTEMS 3u
#define SHARED_DAYS 14u
#define AGENT_MAX 512u

#define X(NAME, text) text,
static const char *const os_names[] = {TH_OSES(X)};
static const char *const type_names[] = {TH_DEVICE_TYPES(X)};
static const char *const offer_names[] = {TH_OFFERS(X)};
#undef X
_Static_assert(TH_OFFER_COUNT <= 32, "offers are bits of a word");
_Static_assert(TH_OS_COUNT <= 16, "systems heard are bits of a half word");

const char *th_os_name(unsigned os)
{
    return os < TH_OS_COUNT ? os_names[os] : "";
}

const char *th_device_type_name(unsigned type)
{
    return type < TH_DEVICE_TYPE_COUNT ? type_names[type] : "";
}

const char *th_offer_name(unsigned offer)
{
    return offer < TH_OFFER_COUNT ? offer_names[offer] : "";
}

static const struct trait {
    uint8_t source, os, type;
    uint8_t len;
    const char *pattern;
} traits[] = {
#define TH_TRAIT(SOURCE, text, OS, TYPE)                                                           \
    {TRAIT_##SOURCE, TH_OS_##OS, TH_DEVICE_##TYPE, sizeof(text) - 1, text},
#include "traits.def"
#undef TH_TRAIT
};

static bool fits(const struct trait *t, struct th_str s)
{
    switch (t->source) {
    case TRAIT_VENDOR_CLASS:
    case TRAIT_MAKER:
        return s.len >= t->len && th_str_ieq(th_str_n(s.p, t->len), th_str_n(t->pattern, t->len));
    case TRAIT_AGENT:
    case TRAIT_BANNER: return s.len > 0 && memmem(s.p, s.len, t->pattern, t->len) != NULL;
    default: return s.len == t->len && th_str_ieq(s, th_str_n(t->pattern, t->len));
    }
}

/* MJRTY: the majority stays, whoever else speaks up. */
static void vote(uint8_t *who, uint8_t *n, uint8_t for_whom)
{
    if (for_whom == 0)
        return;
    if (*n == 0)
        *who = for_whom;
    if (*who == for_whom)
        *n = (uint8_t)TH_MIN(*n + 1u, VOTES_MAX);
    else
        --*n;
}

/* What a device answers to others more often than not makes it a server, whatever it runs. */
static bool serves(uint32_t offers)
{
    static const uint32_t bits = 1u << TH_OFFER_KERBEROS | 1u << TH_OFFER_LDAP |
        1u << TH_OFFER_DHCP | 1u << TH_OFFER_DNS | 1u << TH_OFFER_MAIL | 1u << TH_OFFER_DATABASE |
        1u << TH_OFFER_LOGINS | 1u << TH_OFFER_LOGS | 1u << TH_OFFER_MESSAGES;
    return (offers & bits) != 0;
}

static uint8_t os_of(const struct device_traits *t)
{
    static const uint8_t trust[] = {TRAIT_VENDOR_CLASS, TRAIT_PARAMETERS, TRAIT_AGENT, TRAIT_BANNER,
        TRAIT_FINGERPRINT, TRAIT_ANNOUNCED, TRAIT_ASKED, TRAIT_MAKER};
    uint8_t best = TH_OS_NONE;
    for (size_t i = 0; i < TH_ARRAY_LEN(trust); i++) {
        const struct trait_vote *v = &t->vote[trust[i]];
        if (v->os_n == 0)
            continue;
        if (best == TH_OS_NONE)
            best = v->os;
        else if (best == TH_OS_APPLE && (v->os == TH_OS_MACOS || v->os == TH_OS_IOS))
            best = v->os;
    }
    return best;
}

static uint8_t type_of(const struct device_traits *t, uint8_t os)
{
    static const uint8_t trust[] = {TRAIT_VENDOR_CLASS, TRAIT_MAKER, TRAIT_AGENT, TRAIT_ANNOUNCED,
        TRAIT_PARAMETERS, TRAIT_BANNER};
    uint8_t type = TH_DEVICE_NONE;
    for (size_t i = 0; i < TH_ARRAY_LEN(trust) && type == TH_DEVICE_NONE; i++)
        if (t->vote[trust[i]].type_n > 0)
            type = t->vote[trust[i]].type;
    if ((type == TH_DEVICE_NONE || type == TH_DEVICE_COMPUTER) && serves(t->offers))
        return TH_DEVICE_SERVER;
    if (type != TH_DEVICE_NONE)
        return type;
    if (t->offers >> TH_OFFER_CONTROL & 1)
        return TH_DEVICE_CONTROLLER;
    if (t->offers >> TH_OFFER_PRINTING & 1)
        return TH_DEVICE_PRINTER;
    if (os == TH_OS_WINDOWS || os == TH_OS_MACOS || os == TH_OS_CHROMEOS)
        return TH_DEVICE_COMPUTER;
    return os == TH_OS_IOS || os == TH_OS_ANDROID ? TH_DEVICE_PHONE : TH_DEVICE_NONE;
}

void traits_conclude(struct device *d)
{
    d->e.os = os_of(&d->traits);
    d->e.type = type_of(&d->traits, d->e.os);
    d->e.offers = d->traits.offers;
}

/* The system that a text of this source speaks of; TH_OS_NONE: none known. */
static uint8_t hear(struct device *d, enum trait_source source, struct th_str s)
{
    if (!d || !s.len)
        return TH_OS_NONE;
    for (size_t i = 0; i < TH_ARRAY_LEN(traits); i++) {
        const struct trait *t = &traits[i];
        if (t->source != source || !fits(t, s))
            continue;
        struct trait_vote *v = &d->traits.vote[source];
        vote(&v->os, &v->os_n, t->os);
        vote(&v->type, &v->type_n, t->type);
        traits_conclude(d);
        return t->os;
    }
    return TH_OS_NONE;
}

/* Several systems that speak from one address in a day: NAT, or a proxy. */
static void hear_system(struct device *d, uint8_t os, int64_t time_ns)
{
    static const uint16_t of_people = 1u << TH_OS_WINDOWS | 1u << TH_OS_MACOS | 1u << TH_OS_IOS |
        1u << TH_OS_ANDROID | 1u << TH_OS_LINUX | 1u << TH_OS_CHROMEOS;
    struct device_traits *t = &d->traits;
    uint16_t day = (uint16_t)TH_MAX(time_ns / TH_NS_PER_DAY, 0);
    if (day != t->heard_day)
        t->heard = 0;
    t->heard_day = day;
    t->heard |= (uint16_t)(1u << os & of_people);
    if ((unsigned)__builtin_popcount(t->heard) >= SHARED_SYSTEMS)
        t->shared_day = day;
    d->e.shared = t->shared_day != 0 && day < t->shared_day + SHARED_DAYS;
}

static void hear_agent(
    struct th_identity *id, struct device *d, struct th_str agent, int64_t time_ns)
{
    if (!d || !agent.len)
        return;
    agent.len = TH_MIN(agent.len, AGENT_MAX);
    uint32_t tag = (uint32_t)th_siphash(&id->key, agent.p, agent.len);
    if (tag == d->traits.agent)
        return; /* as before */
    d->traits.agent = tag;
    hear_system(d, hear(d, TRAIT_AGENT, agent), time_ns);
}

/* ---- what it offers ---- */

/* port: only there; a ticket is shown inside other protocols, too. */
static const struct {
    const char *service;
    uint8_t offer;
    uint16_t port;
} services[] = {
    {"http", TH_OFFER_WEB},
    {"ssl", TH_OFFER_WEB},
    {"dns", TH_OFFER_DNS},
    {"dhcp", TH_OFFER_DHCP},
    {"dhcpv6", TH_OFFER_DHCP},
    {"krb", TH_OFFER_KERBEROS, 88},
    {"krb_tcp", TH_OFFER_KERBEROS, 88},
    {"ldap", TH_OFFER_LDAP},
    {"ldap_tcp", TH_OFFER_LDAP},
    {"smb", TH_OFFER_FILES},
    {"ssh", TH_OFFER_SSH},
    {"rdp", TH_OFFER_DESKTOP},
    {"rfb", TH_OFFER_DESKTOP},
    {"smtp", TH_OFFER_MAIL},
    {"imap", TH_OFFER_MAIL},
    {"pop3", TH_OFFER_MAIL},
    {"ftp", TH_OFFER_FTP},
    {"mysql", TH_OFFER_DATABASE},
    {"postgresql", TH_OFFER_DATABASE},
    {"tds", TH_OFFER_DATABASE},
    {"redis", TH_OFFER_DATABASE},
    {"mongodb", TH_OFFER_DATABASE},
    {"sip", TH_OFFER_TELEPHONY},
    {"rtsp", TH_OFFER_VIDEO},
    {"ntp", TH_OFFER_TIME},
    {"mqtt", TH_OFFER_MESSAGES},
    {"modbus", TH_OFFER_CONTROL},
    {"dnp3", TH_OFFER_CONTROL},
    {"s7comm", TH_OFFER_CONTROL},
    {"enip", TH_OFFER_CONTROL},
    {"bacnet", TH_OFFER_CONTROL},
    {"socks", TH_OFFER_PROXY},
    {"radius", TH_OFFER_LOGINS},
    {"syslog", TH_OFFER_LOGS},
    {"snmp", TH_OFFER_MANAGEMENT},
};

static const struct {
    uint16_t port;
    uint8_t offer;
} ports[] = {{515, TH_OFFER_PRINTING}, {554, TH_OFFER_VIDEO}, {631, TH_OFFER_PRINTING},
    {9100, TH_OFFER_PRINTING}};

static uint32_t offers_of(const struct th_ev_conn *ev)
{
    uint32_t bits = 0;
    struct th_str rest = ev->service;
    for (size_t i = 0; i < TH_ARRAY_LEN(ports); i++)
        if (ports[i].port == ev->id_resp_p)
            bits |= 1u << ports[i].offer;
    while (rest.len) {
        struct th_str one = th_str_split(&rest, ',');
        for (size_t i = 0; i < TH_ARRAY_LEN(services); i++)
            if (th_str_is(one, services[i].service) &&
                (!services[i].port || services[i].port == ev->id_resp_p))
                bits |= 1u << services[i].offer;
    }
    /* Printers and cameras are looked after in a browser. */
    return bits & (1u << TH_OFFER_PRINTING) ? bits & ~(1u << TH_OFFER_WEB) : bits;
}

static void hear_service(struct device *d, const struct th_ev_conn *ev)
{
    if (!d || !ev->id_resp_p || ev->id_resp_p == PORT_MDNS)
        return;
    struct device_traits *t = &d->traits;
    for (unsigned i = 0; i < TRAIT_PORTS; i++)
        if (t->port[i] == ev->id_resp_p)
            return; /* told lately */
    uint32_t offers = offers_of(ev);
    if (!offers)
        return;
    t->port[t->port_at] = ev->id_resp_p;
    t->port_at = (uint8_t)((t->port_at + 1u) % TRAIT_PORTS);
    if ((t->offers | offers) == t->offers)
        return;
    t->offers |= offers;
    traits_conclude(d);
}

/* ---- events ---- */

static void hear_dns(const struct th_ev_dns *ev, struct device *orig, struct device *resp)
{
    if (ev->id_resp_p != PORT_MDNS) {
        /* A resolver asks for others. */
        if (orig && !(orig->traits.offers >> TH_OFFER_DNS & 1))
            hear(orig, TRAIT_ASKED, ev->query);
        return;
    }
    if (ev->answers.n > 0)
        hear(th_addr_is_multicast(&ev->id_resp_h) ? orig : resp, TRAIT_ANNOUNCED, ev->query);
}

static void hear_dhcp(struct device *d, const struct th_ev_dhcp *ev)
{
    hear(d, TRAIT_VENDOR_CLASS, ev->vendor_class);
    hear(d, TRAIT_PARAMETERS, ev->param_list);
}

void traits_event(
    struct th_identity *id, const struct th_event *ev, struct device *orig, struct device *resp)
{
    const union th_any_event *any = (const union th_any_event *)ev;
    if (is_late(id, ev->time_ns))
        return;
    switch (ev->kind) {
    case TH_KIND_CONN: hear_service(resp, &any->conn); break;
    case TH_KIND_DNS: hear_dns(&any->dns, orig, resp); break;
    case TH_KIND_DHCP: hear_dhcp(orig, &any->dhcp); break;
    case TH_KIND_HTTP: hear_agent(id, orig, any->http.user_agent, ev->time_ns); break;
    case TH_KIND_SSL: hear(orig, TRAIT_FINGERPRINT, any->ssl.ja4); break;
    case TH_KIND_SSH:
        hear(orig, TRAIT_BANNER, any->ssh.client);
        hear(resp, TRAIT_BANNER, any->ssh.server);
        break;
    default: break;
    }
}

void traits_maker(struct th_identity *id, struct device *d)
{
    if (d->e.has_mac)
        hear(d, TRAIT_MAKER, th_oui_maker(id->oui, &d->e.mac));
}
