/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#define PORT_FIRST 49152u
#define PORT_COUNT 16000u

static void open_common(struct lab_actor *a, struct lab_flow *f, enum lab_proto proto, int64_t ts)
{
    struct lab_device *d = a->dev;
    f->ts = ts;
    f->proto = (uint8_t)proto;
    f->src = d->addr;
    f->src_mac = d->now_mac;
    f->sport = a->port;
    a->port = (uint16_t)(PORT_FIRST + (a->port - PORT_FIRST + 1) % PORT_COUNT);
}

struct th_mac lab_gateway_mac(const struct lab_actor *a)
{
    struct th_mac m = a->sim->gateway_mac;
    m.b[5] = (uint8_t)(m.b[5] + a->dev->merged);
    return m;
}

struct lab_flow *lab_open(
    struct lab_actor *a, int64_t ts, enum lab_proto proto, const struct th_addr *dst, uint16_t port)
{
    struct lab_sim *s = a->sim;
    struct lab_flow *f = lab_flow_new(s->pool, s->opt.seed, a->stream << 32 | a->flows++);
    open_common(a, f, proto, ts);
    f->dst = *dst;
    f->dst_mac = lab_gateway_mac(a);
    f->dport = port;
    if (!th_addr_is_v4(dst))
        f->src = th_addr_is_link_local(dst) ? a->dev->link_local : a->dev->v6;
    return f;
}

struct lab_flow *lab_open_to(struct lab_actor *a, int64_t ts, enum lab_proto proto,
    const struct lab_device *to, uint16_t port)
{
    struct lab_flow *f = lab_open(a, ts, proto, &to->addr, port);
    f->local_dst = true;
    if (a->sim->flat && to->merged == a->dev->merged)
        f->dst_mac = to->now_mac;
    return f;
}

void lab_submit(struct lab_actor *a, struct lab_flow *f)
{
    lab_queue_put(a->sim->queue, f);
}

struct th_str lab_printf(struct lab_actor *a, struct lab_flow *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return LAB_TEXT(a, f, th_str_n(text, TH_MIN((size_t)TH_MAX(n, 0), sizeof text - 1)));
}

int64_t lab_rtt(struct lab_actor *a, uint64_t key)
{
    int64_t base = 4 * TH_NS_PER_MS + (int64_t)(th_mix64(key) % (36 * (uint64_t)TH_NS_PER_MS));
    return base + lab_exp_ns(&a->rng, base / 8);
}

static int64_t inside_rtt(struct lab_actor *a)
{
    return 250 * TH_NS_PER_US + lab_exp_ns(&a->rng, 200 * TH_NS_PER_US);
}

bool lab_is_down(const struct lab_sim *s, uint64_t key, int64_t t)
{
    uint64_t quarter = (uint64_t)(t / (15 * TH_NS_PER_MIN));
    return lab_chance_hash(s->opt.seed ^ 0x646f776e, key, quarter) % 1500 == 0;
}

void lab_draw_beat(struct lab_rng *r, int64_t *ret_period_ns, double *ret_jitter)
{
    static const int64_t rounds[] = {
        30, 60, 60, 60, 120, 180, 300, 300, 300, 600, 900, 900, 1800, 3600, 3600};
    static const double jitters[] = {0, 0, 0.01, 0.02, 0.05, 0.1, 0.1, 0.2, 0.3, 0.5, 0.9};
    int64_t s = rounds[lab_below(r, (uint32_t)TH_ARRAY_LEN(rounds))];
    if (lab_chance(r, 0.3))
        s = lab_range(r, 30, 3600);
    *ret_period_ns = s * TH_NS_PER_S;
    *ret_jitter = jitters[lab_below(r, (uint32_t)TH_ARRAY_LEN(jitters))];
}

int64_t lab_beat_gap(struct lab_rng *r, int64_t period_ns, double jitter)
{
    int64_t gap = lab_jitter_ns(r, period_ns, jitter) + lab_exp_ns(r, 80 * TH_NS_PER_MS);
    return TH_MAX(gap, TH_NS_PER_S / 4);
}

/* An attempt that nobody answers, with TCP's retries after 1 and 3 seconds (RFC 6298). */
static int64_t no_answer(struct lab_actor *a, struct lab_flow *f)
{
    f->state = LAB_S0;
    f->up = f->down = 0;
    f->tls = NULL;
    f->pkts[0] = 3;
    f->dur_ns = 3 * TH_NS_PER_S + lab_exp_ns(&a->rng, 10 * TH_NS_PER_MS);
    int64_t next = f->ts + f->dur_ns;
    lab_submit(a, f);
    return next;
}

void lab_talk_to(struct lab_actor *a, int64_t ts, enum lab_proto proto, const struct lab_device *to,
    uint16_t port, const char *service, int64_t dur_ns, uint64_t up, uint64_t down)
{
    struct lab_flow *f = lab_open_to(a, ts, proto, to, port);
    if (proto == LAB_TCP && lab_is_down(a->sim, to->as_host.key, ts)) {
        no_answer(a, f);
        return;
    }
    f->service = service;
    f->up = up;
    f->down = down;
    f->dur_ns = TH_MAX(dur_ns, down ? inside_rtt(a) : 0);
    f->state = proto == LAB_UDP && !down ? LAB_S0 : LAB_SF;
    lab_submit(a, f);
}

/* Which end a connection of people's software comes to: shares as in real logs. */
static enum lab_state draw_end(struct lab_actor *a)
{
    uint32_t u = lab_below(&a->rng, 1000);
    return u < 800 ? LAB_SF : u < 900 ? LAB_RSTO : u < 935 ? LAB_RSTR : u < 995 ? LAB_S1 : LAB_SF;
}

struct lab_x509 {
    struct th_str fuid;
};

static struct th_str add_cert(
    struct lab_actor *a, struct lab_flow *f, const struct lab_host *h, unsigned no, int64_t at)
{
    struct th_ev_x509 *x = LAB_REC(a, f, X509, at, at);
    struct th_str fuid = lab_flow_fuid(a->sim->pool, f, a->sim->opt.seed, no);
    TH_SET(x, X509, ts, at);
    TH_SET(x, X509, id, fuid);
    TH_SET(x, X509, certificate_version, 3);
    TH_SET(x, X509, certificate_serial,
        lab_printf(a, f, "%016llX", (unsigned long long)th_mix64(h->key + no)));
    TH_SET(x, X509, certificate_subject, no ? h->issuer : h->subject);
    TH_SET(
        x, X509, certificate_issuer, no ? th_str_c("CN=Root X1,O=Trust Services,C=US") : h->issuer);
    TH_SET(x, X509, certificate_not_valid_before,
        no ? h->not_before_ns - 900 * TH_NS_PER_DAY : h->not_before_ns);
    TH_SET(x, X509, certificate_not_valid_after,
        no ? h->not_after_ns + 900 * TH_NS_PER_DAY : h->not_after_ns);
    TH_SET(x, X509, certificate_key_alg, th_str_c("rsaEncryption"));
    TH_SET(x, X509, certificate_sig_alg, th_str_c("sha256WithRSAEncryption"));
    TH_SET(x, X509, certificate_key_type, th_str_c("rsa"));
    TH_SET(x, X509, certificate_key_length, 2048);
    TH_SET(x, X509, basic_constraints_ca, no > 0);
    TH_SET(x, X509, host_cert, no == 0);
    return fuid;
}

static void add_chain(struct lab_actor *a, struct lab_flow *f, struct th_ev_ssl *e,
    const struct lab_host *h, int64_t at)
{
    struct th_str *ids = lab_flow_alloc(a->sim->pool, f, 2 * sizeof *ids);
    ids[0] = add_cert(a, f, h, 0, at);
    ids[1] = add_cert(a, f, h, 1, at);
    TH_SET(e, SSL, cert_chain_fuids, (struct th_strs){.v = ids, .n = 2});
    TH_SET(e, SSL, subject, h->subject);
    TH_SET(e, SSL, issuer, h->issuer);
    TH_SET(e, SSL, not_valid_before, h->not_before_ns);
    TH_SET(e, SSL, not_valid_after, h->not_after_ns);
}

static const struct th_str alpn_both[] = {{"h2", 2}, {"http/1.1", 8}};

static void add_ssl(struct lab_actor *a, struct lab_flow *f, const struct lab_host *h,
    const struct lab_web *w, int64_t rtt)
{
    const struct lab_tls *t = w->tls;
    bool v13 = t->version == 0x0304 && h->tls13, sni = !w->no_sni;
    bool resumed = lab_chance(&a->rng, v13 ? 0.45 : 0.55);
    struct th_ev_ssl *e = LAB_REC(a, f, SSL, f->ts + rtt, f->ts + 2 * rtt);
    TH_SET(e, SSL, version,
        v13                       ? th_str_c("TLSv13")
            : t->version >= 0x303 ? th_str_c("TLSv12")
                                  : th_str_c("TLSv11"));
    TH_SET(e, SSL, cipher,
        v13                       ? th_str_c("TLS_AES_128_GCM_SHA256")
            : t->version >= 0x303 ? th_str_c("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
                                  : th_str_c("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"));
    TH_SET(e, SSL, curve, v13 ? th_str_c("x25519") : th_str_c("secp256r1"));
    if (sni)
        TH_SET(e, SSL, server_name, h->transient ? LAB_TEXT(a, f, h->name) : h->name);
    TH_SET(e, SSL, resumed, resumed);
    TH_SET(e, SSL, established, true);
    bool h2 = t->alpn[0] == 'h' && t->alpn[1] == '2';
    if (*t->alpn) {
        struct th_strs offer = {.v = h2 ? alpn_both : alpn_both + 1, .n = h2 ? 2 : 1};
        TH_SET(e, SSL, client_alpn, offer);
        if (!v13) /* encrypted otherwise */
            TH_SET(e, SSL, next_protocol, alpn_both[!(h2 && h->h2)]);
    }
    TH_SET(e, SSL, ja3, th_str_n(t->ja3[!sni], 32));
    TH_SET(e, SSL, ja4, th_str_c(t->ja4[!sni]));
    TH_SET(e, SSL, client_version,
        t->version == 0x304       ? th_str_c("TLSv13")
            : t->version >= 0x303 ? th_str_c("TLSv12")
                                  : th_str_c("TLSv11"));
    f->hello = t->hello_len[!sni] + (sni ? h->name.len : 0);
    f->flight = v13 ? (resumed ? 320 : 3900) : resumed ? 210 : 3400;
    if (!v13 && !resumed)
        add_chain(a, f, e, h, f->ts + 2 * rtt);
}

static int64_t tls_flow(struct lab_actor *a, struct lab_flow *f, const struct lab_host *h,
    const struct lab_web *w, int64_t rtt)
{
    f->tls = w->tls;
    f->service = "ssl";
    add_ssl(a, f, h, w, rtt);
    f->up = f->hello + LAB_TLS_FINISH + w->up;
    f->down = f->flight + w->down;
    f->dur_ns = 3 * rtt + w->dur_ns;
    f->state = (uint8_t)draw_end(a);
    int64_t end = f->ts + f->dur_ns;
    lab_submit(a, f);
    return end;
}

/* QUIC as a sensor without keys for it sees it: datagrams on UDP 443. */
static int64_t quic_flow(
    struct lab_actor *a, int64_t ts, const struct lab_host *h, const struct lab_web *w)
{
    struct lab_flow *f = lab_open(a, ts, LAB_UDP, &h->v4[0], 443);
    f->service = "quic";
    f->up = 2600 + w->up;
    f->down = 5200 + w->down;
    f->state = LAB_SF;
    f->dur_ns = lab_rtt(a, h->key) * 2 + w->dur_ns;
    int64_t end = f->ts + f->dur_ns;
    lab_submit(a, f);
    return end;
}

int64_t lab_tls_to(
    struct lab_actor *a, int64_t ts, const struct lab_host *h, const struct lab_web *w)
{
    if (!w->no_lookup)
        ts = lab_lookup(a, ts, h) + lab_exp_ns(&a->rng, 2 * TH_NS_PER_MS);
    bool people = w->tls == a->dev->browser;
    if (people && h->quic && !w->port && a->dev->os != LAB_OS_DEVICE && lab_chance(&a->rng, 0.6))
        return quic_flow(a, ts, h, w);
    const struct th_addr *to = &h->v4[lab_below(&a->rng, h->n4)];
    if (h->has_v6 && people && lab_chance(&a->rng, 0.4))
        to = &h->v6;
    struct lab_flow *f = lab_open(a, ts, LAB_TCP, to, w->port ? w->port : 443);
    if (lab_is_down(a->sim, h->key, ts))
        return no_answer(a, f);
    return tls_flow(a, f, h, w, lab_rtt(a, h->key));
}

int64_t lab_tls_inside(struct lab_actor *a, int64_t ts, const struct lab_device *to, uint16_t port,
    const struct lab_tls *tls, uint64_t up, uint64_t down, int64_t dur_ns)
{
    struct lab_web w = {.tls = tls, .up = up, .down = down, .dur_ns = dur_ns};
    ts = lab_lookup(a, ts, &to->as_host) + lab_exp_ns(&a->rng, TH_NS_PER_MS);
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, port);
    if (lab_is_down(a->sim, to->as_host.key, ts))
        return no_answer(a, f);
    return tls_flow(a, f, &to->as_host, &w, inside_rtt(a));
}
