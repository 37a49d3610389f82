/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups: each device asks a domain controller, which asks outside what it has not cached. */
#include "base/hash.h"
#include "base/mem.h"
#include "net.h"

static const struct type_name {
    unsigned no;
    struct th_str name;
} types[] = {{1, {"A", 1}}, {28, {"AAAA", 4}}, {65, {"HTTPS", 5}}, {16, {"TXT", 3}},
    {12, {"PTR", 3}}, {33, {"SRV", 3}}, {15, {"MX", 2}}, {32, {"NB", 2}}, {10, {"NULL", 4}},
    {255, {"*", 1}}, {5, {"CNAME", 5}}};

static struct th_str type_text(unsigned qtype)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(types); i++)
        if (types[i].no == qtype)
            return types[i].name;
    return th_str_n("A", 1);
}

const struct lab_device *lab_dns_server(const struct lab_actor *a)
{
    return lab_own(a, LAB_DC);
}

/* Length of a message: header, question, and what the answers take with compressed names. */
static uint64_t answer_bytes(struct th_str name, unsigned qtype, const struct th_strs *answers)
{
    uint64_t n = name.len + 18u;
    for (uint32_t i = 0; answers && i < answers->n; i++) {
        struct th_addr addr;
        if (th_addr_parse(answers->v[i], &addr))
            n += th_addr_is_v4(&addr) ? 16u : 28u;
        else
            n += answers->v[i].len +
                (qtype == LAB_DNS_TXT          ? 13u
                        : qtype == LAB_DNS_SRV ? 20u
                                               : 14u);
    }
    return n;
}

static void fill(struct th_ev_dns *e, unsigned qtype, unsigned rcode)
{
    TH_SET(e, DNS, proto, th_str_n("udp", 3));
    TH_SET(e, DNS, qclass, 1);
    TH_SET(e, DNS, qclass_name, th_str_n("C_INTERNET", 10));
    TH_SET(e, DNS, qtype, qtype);
    TH_SET(e, DNS, qtype_name, type_text(qtype));
    TH_SET(e, DNS, rcode, rcode);
    TH_SET(e, DNS, rcode_name,
        rcode == 3       ? th_str_n("NXDOMAIN", 8)
            : rcode == 2 ? th_str_n("SERVFAIL", 8)
                         : th_str_n("NOERROR", 7));
    TH_SET(e, DNS, AA, false);
    TH_SET(e, DNS, TC, false);
    TH_SET(e, DNS, RD, true);
    TH_SET(e, DNS, RA, true);
    TH_SET(e, DNS, Z, 0);
    TH_SET(e, DNS, rejected, false);
}

static struct th_strs keep_answers(
    struct lab_actor *a, struct lab_flow *f, const struct th_strs *answers)
{
    struct th_str *v = lab_flow_alloc(a->sim->pool, f, answers->n * sizeof *v);
    for (uint32_t i = 0; i < answers->n; i++)
        v[i] = LAB_TEXT(a, f, answers->v[i]);
    return (struct th_strs){.v = v, .n = answers->n};
}

struct question {
    struct th_str name;
    unsigned qtype, rcode;
    const struct th_strs *answers;
    const int64_t *ttls;
    bool borrowed; /* name and answers must be copied */
};

static void ask(struct lab_actor *a, struct lab_flow *f, const struct question *q, int64_t rtt)
{
    struct th_ev_dns *e = LAB_REC(a, f, DNS, f->ts, f->ts + rtt);
    bool lost = f->state == LAB_S0;
    struct th_str name = q->borrowed ? LAB_TEXT(a, f, q->name) : q->name;
    fill(e, q->qtype, q->rcode);
    TH_SET(e, DNS, trans_id, lab_u64(&a->rng) & 0xffff);
    TH_SET(e, DNS, query, name);
    TH_SET(e, DNS, query_bytes, name.len + 18u);
    f->service = "dns";
    f->up = name.len + 18u;
    f->dur_ns = rtt;
    if (lost) {
        e->h.set &= ~(UINT64_C(1) << TH_F_DNS_rcode | UINT64_C(1) << TH_F_DNS_rcode_name);
        e->rcode = 0; /* what is not set is zero */
        e->rcode_name = (struct th_str){0};
        e->h.time_ns = f->ts;
        lab_submit(a, f);
        return;
    }
    TH_SET(e, DNS, rtt, rtt);
    f->down = answer_bytes(name, q->qtype, q->rcode ? NULL : q->answers);
    if (q->rcode == 3)
        f->down += 60; /* the zone's SOA */
    TH_SET(e, DNS, answer_bytes, f->down);
    if (!q->rcode && q->answers && q->answers->n) {
        struct th_strs v = q->borrowed ? keep_answers(a, f, q->answers) : *q->answers;
        int64_t *ttls = (int64_t *)(uintptr_t)q->ttls;
        if (q->borrowed) {
            ttls = lab_flow_alloc(a->sim->pool, f, v.n * sizeof *ttls);
            memcpy(ttls, q->ttls, v.n * sizeof *ttls);
        }
        TH_SET(e, DNS, answers, v);
        TH_SET(e, DNS, TTLs, (struct th_spans){.v = ttls, .n = v.n});
    }
    lab_submit(a, f);
}

/* The domain controller's own question to the provider. */
static int64_t forward(struct lab_actor *a, int64_t ts, const struct question *q)
{
    struct lab_sim *s = a->sim;
    const struct lab_device *dc = lab_dns_server(a);
    const struct lab_host *up = s->world->forwarder[lab_below(&a->rng, 8) == 0];
    struct lab_flow *f = lab_open(a, ts, LAB_UDP, &up->v4[0], 53);
    f->src = dc->addr;
    f->src_mac = dc->now_mac;
    int64_t rtt = lab_rtt(a, up->key) / 3 + lab_exp_ns(&a->rng, 12 * TH_NS_PER_MS);
    ask(a, f, q, rtt);
    return rtt;
}

static bool is_inside(const struct lab_sim *s, struct th_str name)
{
    return th_str_ends(name, s->domain) || (s->merged && th_str_ends(name, s->merged->domain)) ||
        th_str_ends(name, ".10.in-addr.arpa") || th_str_index(name, '.') < 0;
}

static int64_t ask_dc(struct lab_actor *a, int64_t ts, const struct question *q, double cached)
{
    const struct lab_device *dc = lab_dns_server(a);
    int64_t rtt = 300 * TH_NS_PER_US + lab_exp_ns(&a->rng, 400 * TH_NS_PER_US);
    bool self = a->dev == dc;
    if (self || (!is_inside(a->sim, q->name) && !lab_chance(&a->rng, cached)))
        rtt += forward(a, ts + 120 * TH_NS_PER_US, q);
    if (self)
        return ts + rtt;
    struct lab_flow *f = lab_open_to(a, ts, LAB_UDP, dc, 53);
    f->state = lab_chance(&a->rng, 0.004) ? LAB_S0 : LAB_SF;
    bool lost = f->state == LAB_S0;
    ask(a, f, q, lost ? 0 : rtt);
    if (!lost)
        return ts + rtt;
    f = lab_open_to(a, ts + TH_NS_PER_S, LAB_UDP, dc, 53); /* asked again after a second */
    ask(a, f, q, rtt);
    return ts + TH_NS_PER_S + rtt;
}

int64_t lab_query(struct lab_actor *a, int64_t ts, struct th_str name, unsigned qtype,
    unsigned rcode, const struct th_strs *answers, const int64_t *ttls)
{
    struct question q = {name, qtype, rcode, answers, ttls, true};
    return ask_dc(a, ts, &q, rcode == 3 ? 0.2 : 0);
}

int64_t lab_lookup(struct lab_actor *a, int64_t ts, const struct lab_host *h)
{
    unsigned at = (unsigned)(h->key % LAB_CACHE);
    if (a->cache[at].key == h->key && a->cache[at].until_ns > ts)
        return ts;
    int64_t ttl = h->ttls[0];
    a->cache[at].key = h->key;
    a->cache[at].until_ns = ts + TH_MAX(ttl, 30 * TH_NS_PER_S) + lab_exp_ns(&a->rng, ttl / 2);
    struct question q = {h->name, LAB_DNS_A, 0, &h->a, h->ttls, h->transient};
    double cached = h->transient ? 0.05 : 0.55;
    int64_t end = ask_dc(a, ts, &q, cached);
    bool people = a->dev->os <= LAB_OS_PHONE;
    if (people && lab_chance(&a->rng, 0.45)) {
        struct question six = {h->name, LAB_DNS_AAAA, 0, &h->aaaa, h->ttls, h->transient};
        ask_dc(a, ts + 60 * TH_NS_PER_US, &six, cached);
    }
    if (people && a->dev->os != LAB_OS_WINDOWS && lab_chance(&a->rng, 0.35)) {
        struct question https = {h->name, LAB_DNS_HTTPS, 0, NULL, NULL, h->transient};
        ask_dc(a, ts + 90 * TH_NS_PER_US, &https, cached);
    }
    return end;
}
