/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there: people, devices, names and addresses of one organisation. */
#include "base/err.h"
#include "base/mem.h"
#include "roles.h"

#include <stdio.h>

#define FLAT_MAX 250u /* up to so many devices share one network */

static const struct kind_info {
    const char *name, *prefix;
    uint8_t oui[3];
    uint8_t os;
    uint8_t net; /* third octet of its network */
} kinds[LAB_KIND_COUNT] = {
    [LAB_WORKSTATION] = {"workstation", "ws", {0x00, 0x21, 0x9b}, LAB_OS_WINDOWS, 16},
    [LAB_LAPTOP] = {"laptop", "lt", {0x3c, 0x58, 0xc2}, LAB_OS_WINDOWS, 40},
    [LAB_MAC] = {"mac", "mb", {0xa4, 0x83, 0xe7}, LAB_OS_MACOS, 40},
    [LAB_PHONE] = {"phone", "phone", {0xda, 0xa1, 0x19}, LAB_OS_PHONE, 64},
    [LAB_PRINTER] = {"printer", "prn", {0x00, 0x1b, 0xa9}, LAB_OS_DEVICE, 12},
    [LAB_CAMERA] = {"camera", "cam", {0x00, 0x40, 0x8c}, LAB_OS_DEVICE, 13},
    [LAB_VOIP] = {"voip-phone", "tel", {0x00, 0x04, 0xf2}, LAB_OS_DEVICE, 14},
    [LAB_THERMOSTAT] = {"thermostat", "hvac", {0x00, 0xd0, 0x2d}, LAB_OS_DEVICE, 13},
    [LAB_DC] = {"domain-controller", "dc", {0x00, 0x50, 0x56}, LAB_OS_WINDOWS, 10},
    [LAB_FILE] = {"file-server", "fs", {0x00, 0x50, 0x56}, LAB_OS_WINDOWS, 10},
    [LAB_WEB] = {"web-server", "intranet", {0x00, 0x50, 0x56}, LAB_OS_LINUX, 10},
    [LAB_DB] = {"database-server", "db", {0x00, 0x50, 0x56}, LAB_OS_LINUX, 10},
    [LAB_BACKUP] = {"backup-server", "backup", {0x00, 0x25, 0x90}, LAB_OS_LINUX, 10},
    [LAB_BUILD] = {"build-server", "build", {0x00, 0x25, 0x90}, LAB_OS_LINUX, 10},
    [LAB_MONITOR] = {"monitoring-server", "mon", {0x00, 0x50, 0x56}, LAB_OS_LINUX, 10},
    [LAB_RECORDER] = {"video-recorder", "nvr", {0x00, 0x40, 0x8c}, LAB_OS_DEVICE, 13},
    [LAB_PBX] = {"pbx", "pbx", {0x00, 0x50, 0x56}, LAB_OS_LINUX, 14},
    [LAB_SCANNER] = {"vulnerability-scanner", "scan", {0x00, 0x50, 0x56}, LAB_OS_LINUX, 10},
};

const char *lab_kind_name(enum lab_kind k)
{
    return kinds[k].name;
}

bool lab_is_server(enum lab_kind k)
{
    return k >= LAB_DC && k < LAB_KIND_COUNT && k != LAB_RECORDER;
}

static void lower_first(char *s)
{
    for (; *s; s++)
        *s = (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
}

static void name_organisation(struct lab_rng *r, char domain[64], char netbios[16])
{
    char word[LAB_NAME_LEN], second[LAB_NAME_LEN];
    lab_name_word(r, word);
    lab_name_word(r, second);
    snprintf(domain, 64, "corp.%.20s%.20s.com", word, second);
    snprintf(netbios, 16, "%.10s", word);
    lower_first(netbios);
}

static void make_people(struct lab_sim *s, struct lab_rng *r, uint32_t count)
{
    uint32_t first = s->person_count;
    s->person = th_xreallocarray(s->person, first + count, sizeof *s->person);
    memset(s->person + first, 0, count * sizeof *s->person);
    s->person_count = first + count;
    for (uint32_t i = 0; i < count; i++) {
        struct lab_person *p = &s->person[first + i];
        char name[LAB_NAME_LEN];
        lab_name_person(r, name);
        snprintf(p->name, sizeof p->name, "%.47s", name);
        const char *dot = strchr(name, '.');
        snprintf(p->user, sizeof p->user, "%c%.18s%s", name[0], dot ? dot + 1 : name,
            i % 7 == 6 ? "2" : "");
        p->activity = lab_lognormal(r, 1.0, 0.35);
        p->activity = TH_MIN(TH_MAX(p->activity, 0.3), 2.5);
        p->shift_ns = (int64_t)(lab_normal(r) * 0.7 * (double)TH_NS_PER_HOUR);
        p->admin = i < 1 + count / 40;
        p->share = (uint8_t)lab_below(r, 6);
        for (unsigned k = 0; k < LAB_HABIT_SITES; k++)
            p->site[k] = lab_zipf(r, s->world->site_count, 0.75);
    }
}

int32_t lab_office_hire(struct lab_sim *s, struct lab_rng *r, uint32_t count)
{
    int32_t first = (int32_t)s->person_count;
    make_people(s, r, count);
    return first;
}

static void pick_software(struct lab_sim *s, struct lab_device *d, struct lab_rng *r)
{
    enum lab_tls_id browser = LAB_TLS_BROWSER_A, system = LAB_TLS_SYSTEM;
    d->ua_first = d->ua_major = (uint16_t)(128 + lab_below(r, 3));
    switch ((enum lab_os)d->os) {
    case LAB_OS_WINDOWS:
        browser = lab_chance(r, 0.2) ? LAB_TLS_BROWSER_B
            : lab_chance(r, 0.25)    ? LAB_TLS_BROWSER_A2
                                     : LAB_TLS_BROWSER_A;
        if (lab_chance(r, 0.08))
            system = LAB_TLS_SYSTEM_OLD;
        break;
    case LAB_OS_MACOS:
        browser = lab_chance(r, 0.6) ? LAB_TLS_BROWSER_C : LAB_TLS_BROWSER_A;
        system = LAB_TLS_BROWSER_C;
        break;
    case LAB_OS_PHONE:
        browser = LAB_TLS_BROWSER_A;
        system = LAB_TLS_MOBILE;
        break;
    case LAB_OS_LINUX: browser = system = LAB_TLS_OPENSSL; break;
    case LAB_OS_DEVICE:
        browser = system = lab_chance(r, 0.3) ? LAB_TLS_EMBEDDED_OLD : LAB_TLS_EMBEDDED;
        break;
    }
    static const enum lab_tls_id apps[] = {LAB_TLS_APP, LAB_TLS_JAVA, LAB_TLS_GO, LAB_TLS_APP};
    d->browser = &s->tls[browser];
    d->system = &s->tls[system];
    d->app = d->os == LAB_OS_DEVICE ? d->system : &s->tls[apps[lab_below(r, 4)]];
    lab_user_agent((enum lab_os)d->os, browser, d->ua_major, d->ua, sizeof d->ua);
}

struct th_addr lab_inside(const struct lab_sim *s, uint32_t net, uint32_t host)
{
    uint8_t site = s->opt.site ? s->opt.site : LAB_SITE;
    const uint8_t v4[4] = {10, site, (uint8_t)net, (uint8_t)host};
    return th_addr_v4(v4);
}

/* The second network is a site of its own, far from ours in number. */
struct th_addr lab_own_net(const struct lab_actor *a, uint32_t net, uint32_t host)
{
    if (!a->dev->merged)
        return lab_inside(a->sim, net, host);
    uint8_t site = a->sim->opt.site ? a->sim->opt.site : LAB_SITE;
    const uint8_t v4[4] = {172, (uint8_t)(16 + site % 16), (uint8_t)net, (uint8_t)host};
    return th_addr_v4(v4);
}

void lab_set_v6(const struct lab_sim *s, struct lab_device *d)
{
    const uint8_t *m = d->mac.b;
    uint8_t iid[8] = {(uint8_t)(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
    uint8_t ula[16] = {
        0xfd, 0x3a, 0x90, (uint8_t)s->opt.seed, 0, d->merged ? 2 : 1, 0, kinds[d->kind].net};
    uint8_t link[16] = {0xfe, 0x80};
    memcpy(ula + 8, iid, 8);
    memcpy(link + 8, iid, 8);
    d->v6 = th_addr_v6(ula);
    d->link_local = th_addr_v6(link);
}

static void set_addresses(struct lab_sim *s, struct lab_device *d, uint32_t no_in_net)
{
    d->addr = lab_own_net(&d->self, kinds[d->kind].net + no_in_net / 200u, 10 + no_in_net % 200u);
    lab_set_v6(s, d);
}

static void name_host(struct lab_sim *s, struct lab_device *d)
{
    struct lab_host *h = &d->as_host;
    snprintf(d->fqdn, sizeof d->fqdn, "%.24s.%.38s", d->name, lab_own_domain(&d->self));
    h->name = th_str_c(d->fqdn);
    h->key = lab_chance_hash(s->opt.seed, d->no, 0x696e73);
    h->n4 = 1;
    h->v4[0] = d->addr;
    h->tls13 = d->os == LAB_OS_LINUX;
    char text[TH_ADDR_TEXT_LEN];
    size_t n = th_addr_format(&d->addr, text);
    h->a_text[0] = th_arena_str(&s->world->mem, th_str_n(text, n));
    h->ttls[0] = 1200 * TH_NS_PER_S;
    h->a = (struct th_strs){.v = h->a_text, .n = 1};
    h->subject = th_arena_printf(&s->world->mem, "CN=%s", d->fqdn);
    h->issuer = th_arena_printf(
        &s->world->mem, "CN=%s-CA,DC=%s", lab_own_netbios(&d->self), lab_own_domain(&d->self));
    h->not_before_ns = th_time_floor(s->opt.start_ns, 364 * TH_NS_PER_DAY) - 200 * TH_NS_PER_DAY;
    h->not_after_ns = h->not_before_ns + 1095 * TH_NS_PER_DAY;
}

static struct lab_device *make_device(
    struct lab_sim *s, enum lab_kind kind, int32_t person, struct lab_party *party, uint32_t nth)
{
    struct lab_device *d = &s->dev[s->dev_count];
    struct lab_rng r;
    lab_rng_init(&r, s->opt.seed ^ 0x646576, s->dev_count);
    d->no = s->dev_count++;
    d->merged = party != NULL;
    d->joins_ns = INT64_MIN;
    d->self = (struct lab_actor){.sim = s, .dev = d, .stream = d->no};
    d->kind = (uint8_t)kind;
    d->os = kinds[kind].os;
    d->person = person;
    d->weekly = -1;
    d->lease = d->other_lease = UINT32_MAX;
    d->move_ns = INT64_MAX;
    d->today.day = INT64_MIN;
    if (party)
        snprintf(
            d->name, sizeof d->name, "%.10s-%s%u", party->netbios, kinds[kind].prefix, nth + 1);
    else if (kind == LAB_WEB || kind == LAB_PBX)
        snprintf(d->name, sizeof d->name, nth ? "%s%u" : "%s", kinds[kind].prefix, nth + 1);
    else
        snprintf(d->name, sizeof d->name, "%s-%02u", kinds[kind].prefix, nth + 1);
    if (kind == LAB_PHONE)
        snprintf(d->name, sizeof d->name, "%s-%06x", "Phone", lab_below(&r, 1u << 24));
    uint64_t tail = lab_u64(&r);
    memcpy(d->mac.b, kinds[kind].oui, 3);
    memcpy(d->mac.b + 3, &tail, 3);
    d->dock_mac = (struct th_mac){
        {0x00, 0x50, 0xb6, (uint8_t)(tail >> 24), (uint8_t)(tail >> 32), (uint8_t)(tail >> 40)}};
    d->now_mac = d->mac;
    d->wifi = kind == LAB_LAPTOP || kind == LAB_MAC || kind == LAB_PHONE;
    d->fixed = !d->wifi && kind != LAB_WORKSTATION;
    d->docks = kind == LAB_LAPTOP && lab_chance(&r, 0.4);
    d->always_on =
        person < 0 || kind == LAB_VOIP || (kind == LAB_WORKSTATION && lab_chance(&r, 0.4));
    if (d->wifi && lab_chance(&r, 0.12))
        d->weekly = (int8_t)lab_below(&r, 5);
    pick_software(s, d, &r);
    set_addresses(s, d, (party ? party->net_count : s->net_count)[kinds[kind].net]++);
    name_host(s, d);
    lab_rng_init(&d->self.rng, s->opt.seed, 0x1000000 + (uint64_t)d->no);
    d->self.port = (uint16_t)(49152 + lab_below(&d->self.rng, 16000));
    return d;
}

static struct lab_device *add_device(struct lab_sim *s, enum lab_kind kind, int32_t person)
{
    struct lab_device *d = make_device(s, kind, person, NULL, s->kind_count[kind]++);
    if (!s->by_kind[kind])
        s->by_kind[kind] = d;
    return d;
}

struct lab_device *lab_office_add(
    struct lab_sim *s, enum lab_kind kind, int32_t person, bool merged, int64_t joins_ns)
{
    struct lab_party *p = merged ? s->merged : NULL;
    uint32_t nth = p ? p->kind_count[kind]++ : s->kind_count[kind] + s->added++;
    struct lab_device *d = make_device(s, kind, person, p, nth);
    if (p && !p->by_kind[kind])
        p->by_kind[kind] = d;
    d->joins_ns = joins_ns;
    return d;
}

struct lab_device *lab_own(const struct lab_actor *a, enum lab_kind k)
{
    return (a->dev->merged ? a->sim->merged->by_kind : a->sim->by_kind)[k];
}

const char *lab_own_domain(const struct lab_actor *a)
{
    return a->dev->merged ? a->sim->merged->domain : a->sim->domain;
}

const char *lab_own_netbios(const struct lab_actor *a)
{
    return a->dev->merged ? a->sim->merged->netbios : a->sim->netbios;
}

static void add_people(struct lab_sim *s, struct lab_rng *r, uint32_t left)
{
    static const enum lab_kind things[] = {LAB_CAMERA, LAB_PRINTER, LAB_CAMERA, LAB_THERMOSTAT,
        LAB_PRINTER, LAB_CAMERA, LAB_THERMOSTAT};
    uint32_t thing = TH_MAX(left / 8, 4u), people = TH_MAX((left - thing) * 100 / 165, 1u);
    make_people(s, r, people);
    for (uint32_t i = 0; i < thing && i < left; i++)
        add_device(s, things[i % TH_ARRAY_LEN(things)], -1);
    left -= TH_MIN(thing, left);
    for (uint32_t i = 0; i < people && left; i++, left--) {
        uint32_t u = i < 2 ? 0 : (i * 37) % 100; /* spread evenly, whatever the number of people */
        add_device(s, u < 58 ? LAB_WORKSTATION : u < 90 ? LAB_LAPTOP : LAB_MAC, (int32_t)i);
    }
    for (uint32_t i = 0; left; i++, left--)
        add_device(s, i % 3 == 2 ? LAB_VOIP : LAB_PHONE, (int32_t)(i % people));
}

/* What joins later stands behind all others, with chance of its own. */
static void add_newcomers(struct lab_sim *s)
{
    const struct lab_life_plan *l = &s->opt.life;
    for (unsigned i = 0; lab_life_wants(l, LAB_LIFE_SERVER) && i < l->when[LAB_LIFE_SERVER].n; i++)
        lab_office_add(s, LAB_WEB, -1, false, l->when[LAB_LIFE_SERVER].at_ns[i]);
    if (!lab_life_wants(l, LAB_LIFE_MERGER))
        return;
    struct lab_rng r;
    lab_rng_init(&r, s->opt.seed, 0x6d6572676572);
    s->merged = th_xcalloc(1, sizeof *s->merged);
    name_organisation(&r, s->merged->domain, s->merged->netbios);
    lab_merger_build(s, &r, l->when[LAB_LIFE_MERGER].at_ns[0]);
}

int lab_office_build(struct lab_sim *s)
{
    static const enum lab_kind servers[] = {LAB_DC, LAB_FILE, LAB_WEB, LAB_DB, LAB_BACKUP,
        LAB_BUILD, LAB_MONITOR, LAB_RECORDER, LAB_PBX};
    struct lab_rng r;
    uint32_t n = s->opt.devices, fixed = (uint32_t)TH_ARRAY_LEN(servers);
    uint32_t later = s->opt.life.when[LAB_LIFE_SERVER].n + lab_merger_devices(&s->opt);
    if (n < 2 * fixed || n + later > LAB_MAX_DEVICES)
        return -ERANGE;
    lab_rng_init(&r, s->opt.seed, 0x6f6666696365);
    name_organisation(&r, s->domain, s->netbios);
    s->gateway_mac = (struct th_mac){{0x00, 0x1c, 0x73, 0x10, 0x20, 0x01}};
    s->flat = n <= FLAT_MAX;
    s->dev = th_xcalloc(n + later, sizeof *s->dev);
    for (uint32_t i = 0; i < fixed; i++)
        add_device(s, servers[i], -1);
    for (uint32_t i = 0; i < n / 120; i++)
        add_device(s, i % 3 == 0 ? LAB_DC : i % 3 == 1 ? LAB_FILE : LAB_WEB, -1);
    if (s->opt.scanner)
        add_device(s, LAB_SCANNER, -1);
    add_people(s, &r, n - s->dev_count);
    bool scarce = lab_life_wants(&s->opt.life, LAB_LIFE_CHURN);
    s->lease_count = scarce ? n + 32 : 2 * n + 64;
    s->lease_used = th_xcalloc(s->lease_count, 1);
    add_newcomers(s);
    if (lab_life_wants(&s->opt.life, LAB_LIFE_ROLES))
        lab_roles_assign(s);
    return 0;
}

struct lab_device *lab_office_find(struct lab_sim *s, struct th_str name)
{
    for (uint32_t i = 0; i < s->dev_count; i++)
        if (th_str_ieq(name, th_str_c(s->dev[i].name)))
            return &s->dev[i];
    return NULL;
}
