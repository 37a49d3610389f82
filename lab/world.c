/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>

#define SITES 1500u
#define SAAS 24u
#define VENDORS 60u
#define RARE 600u
#define CDNS 10u
#define TRACKERS 70u

static const char *const authorities[] = {"CN=Trustline RSA TLS CA 3,O=Trustline Inc,C=US",
    "CN=R11,O=Open Encryption Project,C=US", "CN=Nordsign TLS ECC CA 2,O=Nordsign AS,C=NO",
    "CN=Globetrust DV TLS CA 2026 Q1,O=Globetrust nv,C=BE",
    "CN=Cirrus Cloud RSA 2048 M02,O=Cirrus Cloud,C=US",
    "CN=Secturo DV Server CA,O=Secturo Ltd,C=GB"};

struct th_addr lab_world_addr(struct lab_rng *r, unsigned network)
{
    static const uint8_t first[] = {13, 18, 20, 23, 31, 34, 35, 37, 40, 44, 45, 46, 50, 51, 52, 54,
        62, 64, 65, 66, 69, 76, 77, 78, 80, 82, 84, 85, 88, 91, 93, 94, 95, 99, 104, 107, 108, 116,
        129, 130, 138, 140, 142, 143, 144, 146, 149, 151, 157, 159, 162, 164, 165, 167, 172, 173,
        176, 178, 184, 185, 188, 193, 194, 195, 199, 204, 205, 206, 207, 208, 209, 212, 213, 216,
        217};
    uint64_t h = th_mix64(network + 77);
    uint8_t b[4] = {first[h % sizeof first], (uint8_t)(40 + (h >> 8) % 200),
        (uint8_t)lab_below(r, 256), (uint8_t)(1 + lab_below(r, 254))};
    return th_addr_v4(b);
}

static struct th_addr world_v6(struct lab_rng *r, unsigned network)
{
    static const uint8_t heads[][2] = {{0x26, 0x06}, {0x2a, 0x00}, {0x2a, 0x04}, {0x26, 0x20}};
    uint64_t h = th_mix64(network + 99), tail = lab_u64(r) & 0xffff;
    uint8_t b[16] = {heads[h % 4][0], heads[h % 4][1], (uint8_t)(h >> 8), (uint8_t)(h >> 16),
        (uint8_t)(h >> 24), [14] = (uint8_t)(tail >> 8), [15] = (uint8_t)tail};
    return th_addr_v6(b);
}

static struct th_str keep(struct lab_world *w, const char *s)
{
    return th_arena_str(&w->mem, th_str_c(s));
}

static struct th_str addr_text(struct lab_world *w, const struct th_addr *a)
{
    char text[TH_ADDR_TEXT_LEN];
    size_t n = th_addr_format(a, text);
    return th_arena_str(&w->mem, th_str_n(text, n));
}

/* The last two labels; three under a two-part suffix. */
static struct th_str domain_of(struct th_str name)
{
    unsigned want = th_str_ends(name, ".co.uk") ? 3 : 2;
    uint32_t at = name.len;
    while (at > 0) {
        if (name.p[at - 1] == '.' && --want == 0)
            break;
        at--;
    }
    return th_str_n(name.p + at, name.len - at);
}

static void answers(struct lab_world *w, struct lab_host *h, struct th_str cname, int64_t ttl)
{
    unsigned n = 0;
    if (cname.len)
        h->a_text[n++] = cname;
    for (unsigned i = 0; i < h->n4; i++)
        h->a_text[n++] = addr_text(w, &h->v4[i]);
    for (unsigned i = 0; i < n; i++)
        h->ttls[i] = ttl;
    h->a = (struct th_strs){.v = h->a_text, .n = n};
    if (h->has_v6) {
        n = 0;
        if (cname.len)
            h->aaaa_text[n++] = cname;
        h->aaaa_text[n++] = addr_text(w, &h->v6);
        h->aaaa = (struct th_strs){.v = h->aaaa_text, .n = n};
    }
}

/* A certificate's subject that is good for the name: itself, or all beside it (a wildcard stands
 * for one label, RFC 6125 6.4.3). */
static struct th_str subject_of(struct lab_world *w, struct th_str name, bool wildcard)
{
    int64_t dot = th_str_index(name, '.');
    if (!wildcard || dot < 0 || domain_of(name).len == name.len)
        return th_arena_printf(&w->mem, "CN=%.*s", (int)name.len, name.p);
    return th_arena_printf(&w->mem, "CN=*%.*s", (int)(name.len - (uint32_t)dot), name.p + dot);
}

static struct lab_host *host_in(
    struct lab_world *w, struct lab_rng *r, const char *name, const char *cname, unsigned network)
{
    static const int64_t ttls[] = {20, 60, 60, 300, 300, 300, 600, 3600};
    struct lab_host *h = th_arena_alloc(&w->mem, sizeof *h);
    *h = (struct lab_host){.name = keep(w, name)};
    h->key = lab_text_hash(name);
    h->n4 = (uint8_t)(lab_chance(r, 0.6) ? 1 : 2 + lab_below(r, 2));
    for (unsigned i = 0; i < h->n4; i++)
        h->v4[i] = lab_world_addr(r, network);
    h->has_v6 = lab_chance(r, cname ? 0.8 : 0.3);
    h->v6 = world_v6(r, network);
    h->tls13 = lab_chance(r, 0.78);
    h->h2 = lab_chance(r, 0.75);
    h->quic = h->tls13 && lab_chance(r, network < 200 ? 0.4 : 0.04);
    h->subject = subject_of(w, h->name, lab_chance(r, 0.6));
    h->issuer = th_str_c(authorities[lab_below(r, (uint32_t)TH_ARRAY_LEN(authorities))]);
    int64_t life = lab_chance(r, 0.5) ? 90 : 365;
    /* The same certificates for runs that begin within four weeks of each other. */
    int64_t month = th_time_floor(w->start_ns, 28 * TH_NS_PER_DAY);
    h->not_before_ns = month - lab_range(r, 1, life - 50) * TH_NS_PER_DAY;
    h->not_after_ns = h->not_before_ns + life * TH_NS_PER_DAY;
    answers(w, h, cname ? keep(w, cname) : (struct th_str){"", 0},
        ttls[lab_below(r, (uint32_t)TH_ARRAY_LEN(ttls))] * TH_NS_PER_S);
    return h;
}

struct lab_host *lab_world_host(struct lab_world *w, struct lab_rng *r, const char *name)
{
    return host_in(w, r, name, NULL, 1000 + lab_below(r, 4000));
}

void lab_world_add_rare(struct lab_world *w, struct lab_host *const *more, uint32_t n)
{
    if (n == 0)
        return;
    struct lab_host **all = th_arena_alloc(&w->mem, (w->rare_count + n) * sizeof *all);
    if (w->rare_count > 0)
        memcpy(all, w->rare, w->rare_count * sizeof *all);
    memcpy(all + w->rare_count, more, n * sizeof *all);
    w->rare = all;
    w->rare_count += n;
}

void lab_world_shard(
    const struct lab_host *like, struct lab_rng *r, struct th_str name, struct lab_host *ret)
{
    *ret = *like;
    ret->name = name;
    ret->key = lab_u64(r);
    ret->transient = true;
    ret->a.v = ret->a_text;
    ret->aaaa.v = ret->aaaa_text;
}

/* A host of a service: PREFIX.some-domain. */
static struct lab_host *service(struct lab_world *w, struct lab_rng *r, const char *prefix)
{
    char domain[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    lab_name_domain(r, domain);
    snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", domain);
    return lab_world_host(w, r, name);
}

static struct lab_host *cdn_host(struct lab_world *w, struct lab_rng *r, const char *prefix)
{
    unsigned k = lab_zipf(r, w->cdn_count, 0.9);
    char label[LAB_NAME_LEN], cname[3 * LAB_NAME_LEN], name[3 * LAB_NAME_LEN];
    lab_name_cdn_label(r, label);
    struct th_str net = w->cdn[k]->name;
    snprintf(cname, sizeof cname, "%s.%.*s", label, (int)net.len, net.p);
    if (prefix && lab_chance(r, 0.6)) {
        snprintf(name, sizeof name, "%s", prefix);
        return host_in(w, r, name, cname, 100 + k);
    }
    return host_in(w, r, cname, NULL, 100 + k);
}

static void make_cdns(struct lab_world *w, struct lab_rng *r)
{
    static const char *const nets[] = {"swiftcdn.net", "edge-cirrus.net", "fastnode.com",
        "gtcontent.com", "akmstatic.net", "cdn77w.org", "limelane.net", "objectfront.net",
        "userimg.cloud", "vidcache.com"};
    w->cdn = th_arena_alloc(&w->mem, CDNS * sizeof *w->cdn);
    w->cdn_count = CDNS;
    for (unsigned i = 0; i < CDNS; i++)
        w->cdn[i] = host_in(w, r, nets[i], NULL, 100 + i);
}

static void make_sites(struct lab_world *w, struct lab_rng *r)
{
    struct lab_host *tracker[TRACKERS];
    static const char *const jobs[] = {"pixel", "cdn", "stats", "tags", "ads", "sync", "metrics",
        "fonts", "static", "consent", "rum", "api", "embed", "img"};
    for (unsigned i = 0; i < TRACKERS; i++)
        tracker[i] = service(w, r, jobs[lab_below(r, (uint32_t)TH_ARRAY_LEN(jobs))]);
    w->sites = th_arena_alloc(&w->mem, SITES * sizeof *w->sites);
    w->site_count = SITES;
    for (unsigned i = 0; i < SITES; i++) {
        struct lab_site *s = &w->sites[i];
        char domain[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
        *s = (struct lab_site){.plain = lab_chance(r, 0.03)};
        lab_name_domain(r, domain);
        snprintf(name, sizeof name, "%s%s", lab_chance(r, 0.7) ? "www." : "", domain);
        s->main = lab_chance(r, 0.4) ? cdn_host(w, r, name) : lab_world_host(w, r, name);
        unsigned own = lab_below(r, 4), other = lab_below(r, 8);
        for (unsigned k = 0; k < own; k++) {
            snprintf(name, sizeof name, "%s%u.%s", jobs[lab_below(r, 14)], k, domain);
            s->part[s->parts++] = cdn_host(w, r, name);
        }
        for (unsigned k = 0; k < other; k++)
            s->part[s->parts++] = tracker[lab_zipf(r, TRACKERS, 0.95)];
        s->shard = lab_chance(r, 0.25) ? w->cdn[lab_below(r, CDNS)] : NULL;
    }
}

static struct lab_host **make_list(
    struct lab_world *w, struct lab_rng *r, unsigned n, const char *const *prefixes, unsigned k)
{
    struct lab_host **list = th_arena_alloc(&w->mem, n * sizeof *list);
    for (unsigned i = 0; i < n; i++)
        list[i] = service(w, r, prefixes[lab_below(r, k)]);
    return list;
}

static void make_lists(struct lab_world *w, struct lab_rng *r)
{
    static const char *const saas[] = {"app", "outlook", "login", "teams", "drive", "crm", "docs",
        "chat", "portal", "hr", "my", "desk"};
    static const char *const vendors[] = {"settings-win.data", "telemetry", "v10.events.data",
        "update", "client.wns", "config", "api", "edge", "clients4", "ping", "licensing", "dl"};
    static const char *const rare[] = {"api", "telemetry", "update", "heartbeat", "iot",
        "device-api", "cloud", "status", "agent", "feeds", "sync", "ws", "license", "report"};
    w->saas = make_list(w, r, SAAS, saas, (unsigned)TH_ARRAY_LEN(saas));
    w->saas_count = SAAS;
    w->vendors = make_list(w, r, VENDORS, vendors, (unsigned)TH_ARRAY_LEN(vendors));
    w->vendor_count = VENDORS;
    w->rare = make_list(w, r, RARE, rare, (unsigned)TH_ARRAY_LEN(rare));
    w->rare_count = RARE;
}

static void make_services(struct lab_world *w, struct lab_rng *r)
{
    w->search = cdn_host(w, r, "www.lookfor.com");
    w->mail = service(w, r, "imap");
    w->push = service(w, r, "courier.push");
    w->video = cdn_host(w, r, "www.vidwave.com");
    w->meet = service(w, r, "meet");
    w->captive = service(w, r, "connectivity-check");
    for (unsigned i = 0; i < 4; i++)
        w->ocsp[i] = service(w, r, i & 1 ? "crl" : "ocsp");
    w->dnsbl = lab_world_host(w, r, "zen.blockwatch.org");
    w->avcloud = lab_world_host(w, r, "avqs.guardwell.com");
    w->mqtt = service(w, r, "mqtt.iot");
    w->sip = service(w, r, "sip");
    for (unsigned i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%u.pool.timeservers.org", i);
        w->ntp[i] = lab_world_host(w, r, name);
    }
    w->mirror = service(w, r, "deb");
    w->update = cdn_host(w, r, "dl.delivery.update-north.com");
    w->forwarder[0] = lab_world_host(w, r, "dns1.uplink-isp.net");
    w->forwarder[1] = lab_world_host(w, r, "dns2.uplink-isp.net");
    w->backup_cloud = service(w, r, "vault.objects");
    w->code = service(w, r, "git");
}

struct lab_world *lab_world_new(uint64_t seed, int64_t start_ns)
{
    struct lab_world *w = th_xcalloc(1, sizeof *w);
    struct lab_rng r;
    w->seed = seed;
    w->start_ns = start_ns;
    lab_rng_init(&r, seed, 0x776f726c64);
    make_cdns(w, &r);
    make_sites(w, &r);
    make_lists(w, &r);
    make_services(w, &r);
    return w;
}

void lab_world_free(struct lab_world *w)
{
    if (!w)
        return;
    th_arena_done(&w->mem);
    free(w);
}
