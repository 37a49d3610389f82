/* SPDX-License-Identifier: Apache-2.0 */
/* What devices say on their own network: addresses, names, presence. */
#include "apps.h"
#include "base/mem.h"
#include "life.h"

#define LEASE_NS (8 * TH_NS_PER_HOUR)

static const struct th_mac everyone = {{255, 255, 255, 255, 255, 255}};

static void arp(struct lab_actor *a, int64_t ts, bool reply, const struct th_mac *from,
    const struct th_addr *from_ip, const struct th_mac *to, const struct th_addr *about)
{
    struct lab_sim *s = a->sim;
    struct lab_flow *f = lab_flow_new(s->pool, s->opt.seed, a->stream << 32 | a->flows++);
    f->ts = ts;
    f->src = *from_ip;
    f->dst = *about;
    f->src_mac = *from;
    f->dst_mac = *to;
    struct th_ev_arp *e = LAB_REC(a, f, ARP, ts, ts);
    static const struct th_mac none = {{0}};
    TH_SET(e, ARP, ts, ts);
    TH_SET(e, ARP, operation, reply ? th_str_n("reply", 5) : th_str_n("request", 7));
    TH_SET(e, ARP, src_mac, *from);
    TH_SET(e, ARP, dst_mac, *to);
    TH_SET(e, ARP, orig_h, *from_ip);
    TH_SET(e, ARP, resp_h, *about);
    TH_SET(e, ARP, orig_hw, *from);
    TH_SET(e, ARP, resp_hw, reply ? *to : none);
    lab_submit(a, f);
}

void lab_arp_ask(
    struct lab_actor *a, int64_t ts, const struct th_addr *about, const struct th_mac *answer)
{
    arp(a, ts, false, &a->dev->now_mac, &a->dev->addr, &everyone, about);
    if (answer)
        arp(a, ts + 200 * TH_NS_PER_US, true, answer, about, &a->dev->now_mac, &a->dev->addr);
}

void lab_app_arp(struct lab_actor *a, struct lab_task *t)
{
    struct th_addr gw = lab_own_net(a, 0, 1);
    struct th_mac gw_mac = lab_gateway_mac(a);
    const struct lab_device *dc = lab_dns_server(a);
    if (!a->sim->flat || lab_chance(&a->rng, 0.6))
        lab_arp_ask(a, t->next_ns, &gw, &gw_mac);
    else
        lab_arp_ask(a, t->next_ns, &dc->addr, &dc->now_mac);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.6);
}

/* Names of devices that lease follow them: the text lives in the device, so who asks copies it. */
static void name_follows(struct lab_device *d)
{
    struct lab_host *h = &d->as_host;
    h->v4[0] = d->addr;
    h->a_text[0] = th_str_n(d->addr_text, th_addr_format(&d->addr, d->addr_text));
    h->transient = true;
}

/* Wireless devices mostly get the address they had; with some churn, or much. */
static void take_lease(struct lab_actor *a)
{
    struct lab_sim *s = a->sim;
    struct lab_device *d = a->dev;
    bool churn = lab_life_has(s, LAB_LIFE_CHURN);
    bool keep = d->lease != UINT32_MAX && !s->lease_used[d->lease] &&
        lab_chance(&a->rng, churn ? 0.3 : 0.55);
    uint32_t at = keep ? d->lease : lab_below(&a->rng, s->lease_count);
    while (s->lease_used[at])
        at = (at + 1) % s->lease_count;
    s->lease_used[at] = 1;
    d->lease = at;
    d->addr = lab_own_net(a, 128 + at / 250, 2 + at % 250);
    if (churn)
        name_follows(d);
}

static bool leases(const struct lab_sim *s, const struct lab_device *d)
{
    return d->wifi || (lab_life_has(s, LAB_LIFE_CHURN) && d->kind == LAB_WORKSTATION && !d->merged);
}

static void drop_lease(struct lab_sim *s, struct lab_device *d)
{
    if (leases(s, d) && d->lease != UINT32_MAX)
        s->lease_used[d->lease] = 0;
}

/* Telephones show each network a MAC of their own, and change it: some every day, some every two
 * weeks. */
static void change_mac(const struct lab_sim *s, struct lab_device *d, int64_t ts)
{
    uint64_t h = lab_chance_hash(s->opt.seed ^ 0x6d6163, d->no, 0);
    int64_t day = ts / TH_NS_PER_DAY + (int64_t)(h >> 8 & 0xff);
    h = lab_chance_hash(h, d->no, (uint64_t)(day / (h % 3 == 0 ? 1 : 14)));
    memcpy(d->mac.b, &h, sizeof d->mac.b);
    d->mac.b[0] = (uint8_t)((d->mac.b[0] & 0xfc) | 2); /* one machine's, locally administered */
    lab_set_v6(s, d);
}

static void dhcp(struct lab_actor *a, int64_t ts, bool renew)
{
    static const struct th_str full[] = {{"DISCOVER", 8}, {"OFFER", 5}, {"REQUEST", 7}, {"ACK", 3}};
    struct lab_sim *s = a->sim;
    struct lab_device *d = a->dev;
    const struct lab_device *dc = lab_dns_server(a);
    struct lab_flow *f = lab_open_to(a, ts, LAB_UDP, dc, 67);
    f->sport = 68;
    if (!renew) {
        static const uint8_t any[4] = {0}, all[4] = {255, 255, 255, 255};
        f->src = th_addr_v4(any);
        f->dst = th_addr_v4(all);
        f->dst_mac = everyone;
        f->up = 600;
        f->down = 0;
        f->pkts[0] = 2;
    } else {
        f->up = 300;
        f->down = 300;
    }
    f->state = renew ? LAB_SF : LAB_S0;
    f->dur_ns = 3 * TH_NS_PER_MS + lab_exp_ns(&a->rng, 20 * TH_NS_PER_MS);
    f->service = "dhcp";
    struct th_ev_dhcp *e = LAB_REC(a, f, DHCP, ts, ts + f->dur_ns);
    struct th_str *uid = lab_flow_alloc(s->pool, f, sizeof *uid);
    *uid = th_str_n(f->uid, LAB_UID_LEN);
    TH_SET(e, DHCP, ts, ts);
    TH_SET(e, DHCP, uids, (struct th_strs){.v = uid, .n = 1});
    if (renew)
        TH_SET(e, DHCP, client_addr, d->addr);
    TH_SET(e, DHCP, server_addr, dc->addr);
    TH_SET(e, DHCP, client_port, 68);
    TH_SET(e, DHCP, server_port, 67);
    TH_SET(e, DHCP, mac, d->now_mac);
    TH_SET(e, DHCP, host_name, th_str_c(d->name));
    if (d->os == LAB_OS_WINDOWS)
        TH_SET(e, DHCP, client_fqdn, th_str_c(d->fqdn));
    TH_SET(e, DHCP, domain, th_str_c(lab_own_domain(a)));
    TH_SET(e, DHCP, requested_addr, d->addr);
    TH_SET(e, DHCP, assigned_addr, d->addr);
    TH_SET(e, DHCP, lease_time, LEASE_NS);
    TH_SET(e, DHCP, msg_types, (struct th_strs){.v = renew ? full + 2 : full, .n = renew ? 2 : 4});
    TH_SET(e, DHCP, duration, f->dur_ns);
    static const char *const vendor[] = {"MSFT 5.0", "", "android-dhcp-14", "", "udhcp 1.30.1"};
    static const char *const wants[] = {"1,3,6,15,31,33,43,44,46,47,119,121,249,252",
        "1,121,3,6,15,108,114,119,252", "1,3,6,15,26,28,51,58,59,43,114,108",
        "1,28,2,3,15,6,119,12", "1,3,6,12,15,28,42"};
    if (*vendor[d->os])
        TH_SET(e, DHCP, vendor_class, th_str_c(vendor[d->os]));
    TH_SET(e, DHCP, param_list, th_str_c(wants[d->os]));
    lab_submit(a, f);
}

static void multicast(struct lab_actor *a, int64_t ts, const uint8_t group[4], uint16_t sport,
    uint16_t port, const char *service, uint64_t bytes, unsigned copies)
{
    struct th_addr to = th_addr_v4(group);
    struct lab_flow *f = lab_open(a, ts, LAB_UDP, &to, port);
    if (sport)
        f->sport = sport;
    f->dst_mac = group[0] >= 224 && group[0] < 240
        ? (struct th_mac){{1, 0, 0x5e, (uint8_t)(group[1] & 0x7f), group[2], group[3]}}
        : everyone;
    f->local_dst = group[0] == 10;
    f->state = LAB_S0;
    f->service = service;
    f->up = bytes * copies;
    f->pkts[0] = copies;
    f->dur_ns = copies > 1 ? 100 * TH_NS_PER_MS * (copies - 1) : 0;
    lab_submit(a, f);
}

static void multicast_query(struct lab_actor *a, struct lab_flow *f, int64_t at, uint64_t id,
    struct th_str name, unsigned qtype)
{
    struct th_ev_dns *e = LAB_REC(a, f, DNS, at, at);
    TH_SET(e, DNS, proto, th_str_n("udp", 3));
    TH_SET(e, DNS, trans_id, id);
    TH_SET(e, DNS, query, LAB_TEXT(a, f, name));
    TH_SET(e, DNS, qclass, 1);
    TH_SET(e, DNS, qclass_name, th_str_n("C_INTERNET", 10));
    TH_SET(e, DNS, qtype, qtype);
    TH_SET(e, DNS, qtype_name, qtype == 12 ? th_str_n("PTR", 3) : th_str_n("A", 1));
    TH_SET(e, DNS, AA, false);
    TH_SET(e, DNS, TC, false);
    TH_SET(e, DNS, RD, false);
    TH_SET(e, DNS, RA, false);
    TH_SET(e, DNS, rejected, false);
    TH_SET(e, DNS, query_bytes, 18u + name.len);
}

/* LLMNR (RFC 4795) asks twice, multicast DNS (RFC 6762) once. */
static void dns_multicast(
    struct lab_actor *a, int64_t ts, bool llmnr, struct th_str name, unsigned qtype)
{
    static const uint8_t groups[2][4] = {{224, 0, 0, 251}, {224, 0, 0, 252}};
    struct th_addr to = th_addr_v4(groups[llmnr]);
    struct lab_flow *f = lab_open(a, ts, LAB_UDP, &to, llmnr ? 5355 : 5353);
    if (!llmnr)
        f->sport = 5353;
    f->dst_mac = (struct th_mac){{1, 0, 0x5e, 0, 0, groups[llmnr][3]}};
    f->service = "dns";
    f->state = LAB_S0;
    f->pkts[0] = llmnr ? 2 : 1;
    f->up = (18u + name.len) * f->pkts[0];
    f->dur_ns = llmnr ? 95 * TH_NS_PER_MS : 0;
    uint64_t id = llmnr ? lab_u64(&a->rng) & 0xffff : 0;
    for (unsigned i = 0; i < f->pkts[0]; i++)
        multicast_query(a, f, ts + (i ? f->dur_ns : 0), id, name, qtype);
    lab_submit(a, f);
}

void lab_app_mdns(struct lab_actor *a, struct lab_task *t)
{
    static const char *const asks[] = {"_googlecast._tcp.local", "_ipp._tcp.local",
        "_airplay._tcp.local", "_spotify-connect._tcp.local", "_printer._tcp.local",
        "_companion-link._tcp.local", "_sleep-proxy._udp.local"};
    unsigned n = 1 + lab_below(&a->rng, 3);
    for (unsigned i = 0; i < n; i++)
        dns_multicast(a, t->next_ns + i * 900 * TH_NS_PER_MS, false,
            th_str_c(asks[lab_below(&a->rng, (uint32_t)TH_ARRAY_LEN(asks))]), 12);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.7);
}

void lab_app_llmnr(struct lab_actor *a, struct lab_task *t)
{
    const struct th_addr all = lab_own_net(a, 255, 255);
    char name[LAB_NAME_LEN];
    if (lab_chance(&a->rng, 0.5))
        memcpy(name, "wpad", 5);
    else
        lab_name_word(&a->rng, name);
    lab_query(a, t->next_ns, th_str_c(name), LAB_DNS_A, 3, NULL, NULL);
    dns_multicast(a, t->next_ns + 5 * TH_NS_PER_MS, true, th_str_c(name), 1);
    multicast(a, t->next_ns + 40 * TH_NS_PER_MS, all.b + 12, 137, 137, "dns", 50, 3);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

void lab_app_browser_service(struct lab_actor *a, struct lab_task *t)
{
    const struct th_addr all = lab_own_net(a, 255, 255);
    multicast(a, t->next_ns, all.b + 12, 138, 138, NULL, 201, 1);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.05);
}

void lab_app_ssdp(struct lab_actor *a, struct lab_task *t)
{
    static const uint8_t group[4] = {239, 255, 255, 250};
    multicast(a, t->next_ns, group, 0, 1900, NULL, 133, 4);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.5);
}

static int64_t some_hours(struct lab_actor *a)
{
    return 20 * TH_NS_PER_MIN + lab_exp_ns(&a->rng, 2 * TH_NS_PER_HOUR);
}

/* The laptop leaves the dock for a meeting, or comes back: the other MAC, and its address. */
static void move(struct lab_actor *a, int64_t ts)
{
    struct lab_device *d = a->dev;
    drop_lease(a->sim, d);
    uint32_t lease = d->lease;
    d->lease = d->other_lease;
    d->other_lease = lease;
    bool wireless = memcmp(&d->now_mac, &d->mac, sizeof d->mac) == 0;
    d->now_mac = wireless ? d->dock_mac : d->mac;
    take_lease(a);
    dhcp(a, ts, false);
    lab_arp_ask(a, ts + 200 * TH_NS_PER_MS, &d->addr, NULL);
    d->move_ns = ts + some_hours(a);
}

static void renew(struct lab_actor *a, int64_t ts)
{
    /* With churn a lease is refused now and then, and another one taken. */
    bool other =
        lab_life_has(a->sim, LAB_LIFE_CHURN) && leases(a->sim, a->dev) && lab_chance(&a->rng, 0.05);
    if (other) {
        drop_lease(a->sim, a->dev);
        a->dev->lease = UINT32_MAX;
        take_lease(a);
    }
    dhcp(a, ts, !other);
}

static void come_up(struct lab_actor *a, int64_t ts)
{
    struct lab_device *d = a->dev;
    if (!d->fixed) {
        bool moves = lab_life_has(a->sim, LAB_LIFE_DOCKS);
        if (d->kind == LAB_PHONE && lab_life_has(a->sim, LAB_LIFE_CHURN))
            change_mac(a->sim, d, ts);
        if (leases(a->sim, d))
            take_lease(a);
        d->now_mac = d->docks && lab_chance(&a->rng, moves ? 0.75 : 0.5) ? d->dock_mac : d->mac;
        d->move_ns = d->docks && moves ? ts + some_hours(a) : INT64_MAX;
        dhcp(a, ts, false);
    }
    struct th_addr gw = lab_own_net(a, 0, 1);
    lab_arp_ask(a, ts + 200 * TH_NS_PER_MS, &d->addr, NULL); /* is it free? (RFC 5227) */
    struct th_mac gw_mac = lab_gateway_mac(a);
    lab_arp_ask(a, ts + 900 * TH_NS_PER_MS, &gw, &gw_mac);
    if (d->person < 0 || d->kind == LAB_VOIP)
        return;
    struct lab_request q = {.uri = th_str_c("/connecttest.txt"),
        .user_agent = th_str_c("Microsoft NCSI"),
        .mime = th_str_c("text/plain"),
        .down = 22};
    lab_http(a, ts + 2 * TH_NS_PER_S, a->sim->world->captive, &q);
    if (d->os == LAB_OS_WINDOWS)
        lab_windows_logon(a, ts + 4 * TH_NS_PER_S);
}

static void go_down(struct lab_actor *a)
{
    struct lab_device *d = a->dev;
    drop_lease(a->sim, d);
    memset(a->cache, 0, sizeof a->cache);
}

void lab_app_presence(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *d = a->dev;
    int64_t now = t->next_ns;
    bool on = lab_rhythm_on(a->sim, d, now);
    if (on && !d->was_on) {
        come_up(a, now);
    } else if (!on && d->was_on) {
        go_down(a);
    } else if (on && now >= d->move_ns) {
        move(a, now);
    } else if (on && !d->fixed) {
        renew(a, now);
    }
    d->was_on = on;
    if (!on) {
        t->next_ns = lab_rhythm_next_on(a->sim, d, now + TH_NS_PER_S);
        return;
    }
    int64_t half = now + LEASE_NS / 2 + lab_exp_ns(&a->rng, TH_NS_PER_MIN);
    t->next_ns = TH_MIN(TH_MIN(half, d->move_ns), TH_MAX(d->on_until_ns, now + TH_NS_PER_S));
}
