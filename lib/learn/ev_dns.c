/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names asked for: how many do not exist, which look generated, and how much
 * information a domain's host names carry out. The last after "ibHH" (information-
 * based heavy hitters, Ozery et al., 2023): different names times their information.
 */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"
#include "sketch/hll.h"

#define LONG_WORD 5u /* of mining pools: its begin or end will do */
#define NXDOMAIN 3u
#define TAUGHT_AN_HOUR 8u
#define RESOLVED_WEIGHT 0.15 /* of a generated-looking name that exists */
#define TUNNEL_NAMES 8.0     /* different names below a domain before it is looked at */
#define TUNNEL_BITS 2000.0
#define TUNNEL_MIN_LABEL 8u /* shorter ones carry next to nothing */
#define TUNNEL_EVERY 4u     /* queries between two looks */
#define DGA_EXAMPLE_Z 1.0
#define BIT(f) (UINT64_C(1) << (f))

static const char *const local_suffixes[] = {
    ".arpa", ".local", ".lan", ".localdomain", ".internal", ".home", ".corp", ".intranet"};

struct th_str th_learn_domain(struct th_learn *l, struct th_str name, bool *ret_hosted)
{
    if (ret_hosted)
        *ret_hosted = false;
    if (name.len == 0 || name.len > 253)
        return (struct th_str){.p = "", .len = 0};
    uint64_t tag = th_siphash(&l->cfg.key, name.p, name.len) | 1;
    struct th_domain_entry *e = &l->domains[(tag >> 32) % TH_DOMAIN_CACHE];
    if (e->tag != tag) {
        char storage[256];
        struct th_str domain = th_registered_domain(name, storage);
        e->tag = tag;
        e->len = (uint8_t)domain.len;
        e->hosted = th_domain_is_hosted(domain);
        for (size_t i = 0; i < TH_ARRAY_LEN(local_suffixes); i++) {
            if (th_str_ends(domain, local_suffixes[i]))
                e->len = 0;
        }
    }
    if (e->len == 0)
        return (struct th_str){.p = "", .len = 0};
    if (ret_hosted)
        *ret_hosted = e->hosted;
    uint32_t end = name.p[name.len - 1] == '.' ? name.len - 1 : name.len;
    return th_str_n(name.p + end - e->len, e->len);
}

/* The identity's key of a domain as a peer: of its lower-case form. */
static uint64_t domain_key(const struct th_learn *l, struct th_str domain)
{
    char lower[256];
    for (uint32_t i = 0; i < domain.len; i++)
        lower[i] = th_lower(domain.p[i]);
    return th_siphash(&l->cfg.key, lower, domain.len) | 1;
}

/* Label before the public suffix. */
static struct th_str first_label(struct th_str domain)
{
    int64_t dot = th_str_index(domain, '.');
    return dot < 0 ? domain : th_str_n(domain.p, (size_t)dot);
}

static bool weighed_before(struct th_win *w, uint64_t key)
{
    unsigned bit = (unsigned)(th_mix64(key) >> 56);
    bool before = w->names[bit / 64] >> bit % 64 & 1;
    w->names[bit / 64] |= UINT64_C(1) << bit % 64;
    return before;
}

/* Names below the domain exist: what does not is no guess at where a controller may be. */
static bool is_known(const struct th_act *a, uint64_t named)
{
    return th_org_devices(th_org_find(a->l->org, named)) > 0;
}

static void weigh_name(struct th_act *a, struct th_str domain, bool missing)
{
    struct th_win *w = a->win;
    double surprise = th_spelling_surprise(a->l->org->spelling, first_label(domain));
    th_spelling_weigh(&w->dga, surprise, missing ? 1 : RESOLVED_WEIGHT);
    w->dga_names++;
    w->dga_missing += missing;
    if (surprise < DGA_EXAMPLE_Z || !missing)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_DGA, 1, 1, 1);
    if (n) {
        n->a += 1;
        th_note_example(a->part, n, "names asked for: ", domain);
    }
}

static double entropy_bits(struct th_str s)
{
    uint8_t seen[256] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < s.len; i++)
        seen[(uint8_t)th_lower(s.p[i])]++;
    for (unsigned i = 0; i < 256; i++) {
        if (seen[i] > 0)
            sum -= seen[i] * log2((double)seen[i] / s.len);
    }
    return sum;
}

static bool is_odd_type(uint64_t qtype)
{
    /* NULL, TXT, KEY, private use: types that carry much and that few ask for. */
    return qtype == 10 || qtype == 16 || qtype == 25 || qtype >= 65280;
}

static void weigh_tunnel(
    struct th_act *a, const struct th_ev_dns *ev, struct th_str domain, uint64_t key)
{
    uint32_t below = (uint32_t)(domain.p - ev->query.p);
    if (below < TUNNEL_MIN_LABEL + 1 && !(below > 1 && is_odd_type(ev->qtype)))
        return;
    struct th_str sub = th_str_n(ev->query.p, below - 1);
    struct th_pair *p = th_pair_get(a, th_hash_pair(key, TH_SALT_TUNNEL), TH_PAIR_NAME);
    struct th_tunnel *t = &p->tunnel;
    int64_t hour = th_time_floor(a->time_ns, TH_NS_PER_HOUR);
    if (p->last_ns >= th_time_add(hour, TH_NS_PER_HOUR))
        return; /* its counts are of a later hour already */
    if (p->last_ns < hour) {
        memset(t, 0, sizeof(*t));
        p->beats = 0;
    }
    p->last_ns = TH_MAX(p->last_ns, a->time_ns);
    p->beats = (uint16_t)TH_MIN(p->beats + 1u, UINT16_MAX);
    t->queries = p->beats;
    t->bits += (float)entropy_bits(sub);
    t->odd = (uint16_t)TH_MIN(t->odd + (unsigned)is_odd_type(ev->qtype), UINT16_MAX);
    th_hll_add(t->hll, TH_SCAN_HLL_LOG2M, th_siphash(&a->l->cfg.key, sub.p, sub.len));
    if (t->queries < TUNNEL_NAMES || t->queries % TUNNEL_EVERY != 0)
        return;
    double different = TH_MIN(th_hll_count(t->hll, TH_SCAN_HLL_LOG2M), (double)t->queries);
    double bits = different * (double)t->bits / t->queries;
    if (different < TUNNEL_NAMES || bits < TUNNEL_BITS)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_DNS_TUNNEL, key, 3, bits);
    if (!n)
        return;
    th_note_domain(n, key, domain, domain);
    n->popularity_key = th_hash_pair(key, TH_SALT_NAME);
    n->a = bits / 8;
    n->b = (double)t->odd / t->queries;
    n->c = different;
    th_note_example(a->part, n, "names like ", sub);
}

#define WORD(text)                                                                                 \
    {                                                                                              \
        .p = (text), .len = sizeof(text) - 1                                                       \
    }
static const struct th_str pool_words[] = {WORD("xmr"), WORD("xmrpool"), WORD("xmrig"),
    WORD("monero"), WORD("minexmr"), WORD("miningpool"), WORD("nicehash"), WORD("hashvault"),
    WORD("stratum"), WORD("minergate"), WORD("nanopool"), WORD("coinhive"), WORD("cryptonight"),
    WORD("ethermine"), WORD("supportxmr"), WORD("moneroocean"), WORD("herominers"), WORD("2miners"),
    WORD("f2pool"), WORD("c3pool"), WORD("unmineable")};
#undef WORD

static inline bool stands_at(const char *p, struct th_str word)
{
    return th_lower(*p) == word.p[0] && th_str_ieq(th_str_n(p, word.len), word);
}

/* piece: what of a name stands between dots and hyphens. A word is meant where it is all of that,
 * or (a long one) its begin or end: such letters come up by chance inside of others. */
static bool names_pool(struct th_str piece)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(pool_words); i++) {
        struct th_str word = pool_words[i];
        if (word.len > piece.len || (word.len < LONG_WORD && word.len != piece.len))
            continue;
        if (stands_at(piece.p, word) || stands_at(piece.p + piece.len - word.len, word))
            return true;
    }
    return false;
}

static bool is_pool(struct th_str host)
{
    uint32_t begin = 0;
    for (uint32_t at = 0; at <= host.len; at++) {
        if (at < host.len && host.p[at] != '.' && host.p[at] != '-')
            continue;
        if (names_pool(th_str_n(host.p + begin, at - begin)))
            return true;
        begin = at + 1;
    }
    return false;
}

void th_learn_mining_name(struct th_act *a, struct th_str host, uint64_t key, uint64_t used)
{
    if (host.len < 4 || host.len > 253 || !is_pool(host))
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_MINING, key, 2, 2);
    if (!n)
        return;
    struct th_str domain = th_learn_domain(a->l, host, NULL);
    if (n->flags == 0)
        th_note_domain(n, key, host, domain);
    n->popularity_key = used;
    n->a += 1;
    n->b = fmax(n->b, 2);
    if (n->examples == 0)
        th_note_example(a->part, n, "name: ", host);
}

static void weigh(
    struct th_act *a, const struct th_ev_dns *ev, struct th_str domain, bool hosted, bool missing)
{
    struct th_win *w = a->win;
    uint64_t key = domain_key(a->l, domain);
    uint64_t named = th_hash_pair(key, TH_SALT_NAME);
    /* Under a provider's suffix (cloudfront.net) the provider makes the labels: those that exist
     * tell nothing of the device. */
    if ((missing || !hosted) && !weighed_before(w, key) && !is_known(a, named))
        weigh_name(a, domain, missing);
    weigh_tunnel(a, ev, domain, key);
    if (missing || ev->answers.n == 0)
        return;
    bool fresh = th_novelty_touch(a, named);
    if (fresh)
        th_learn_mining_name(a, ev->query, key, named);
    /* A name in use teaches how names are spelt here: new ones, a few an hour from each device. */
    if (fresh && !hosted && w->taught < TAUGHT_AN_HOUR) {
        w->taught++;
        th_touches_name(&a->part->touches, first_label(domain));
    }
}

static unsigned asked_bit(uint64_t key)
{
    return (unsigned)(th_mix64(key) % TH_ASKED_BITS);
}

static void note_asked(struct th_act *a, uint64_t key)
{
    struct th_called *c = th_part_called(a->part, a->win);
    c->asked[asked_bit(key) / 64] |= UINT64_C(1) << asked_bit(key) % 64;
}

static bool was_asked(const struct th_act *a, uint64_t key)
{
    const struct th_called *c = th_part_called_look(a->part, a->win);
    return c->asked[asked_bit(key) / 64] >> asked_bit(key) % 64 & 1;
}

/* Who resolves for others asks for what they asked for: their names are not its own. Only who
 * answers resolves: otherwise anybody could have a device's names left out by asking it for them.
 */
void th_learn_dns(struct th_act *orig, struct th_act *resp, const struct th_ev_dns *ev)
{
    if (ev->id_resp_p == 5353 || ev->id_resp_p == 5355 || ev->id_resp_p == 137)
        return;
    struct th_learn *l = orig ? orig->l : resp->l;
    bool missing = TH_HAS(ev, DNS, rcode) && ev->rcode == NXDOMAIN;
    bool hosted;
    struct th_str domain = th_learn_domain(l, ev->query, &hosted);
    uint64_t key = domain.len ? domain_key(l, domain) : 0;
    if (resp && domain.len && TH_HAS(ev, DNS, rcode))
        note_asked(resp, key);
    if (!orig)
        return;
    struct th_win *w = orig->win;
    w->v[TH_FEAT_DNS_QUERIES]++;
    w->v[TH_FEAT_DNS_NXDOMAIN] += missing;
    w->tried |= BIT(TH_FEAT_DGA) | BIT(TH_FEAT_DNS_TUNNEL) | BIT(TH_FEAT_ACTIVE_HOUR);
    if (domain.len && !was_asked(orig, key))
        weigh(orig, ev, domain, hosted, missing);
}
