/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_events.h"

#include "base/hash.h"
#include "base/mem.h"

static const int64_t sample_epoch_ns = INT64_C(1700000000) * TH_NS_PER_S;

static struct th_str sample_text(struct th_arena *a, const char *name, uint64_t n)
{
    return th_arena_printf(a, "%s-%llu", name, (unsigned long long)(n % 7));
}

static struct th_addr sample_addr(uint64_t n)
{
    if (n % 3 == 0)
        return th_addr_v6((uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = (uint8_t)n});
    return th_addr_v4((uint8_t[4]){10, 0, (uint8_t)(n >> 8), (uint8_t)n});
}

static void fill_list(struct th_arena *a, const struct th_field_info *f, uint64_t n, void *at)
{
    uint32_t count = (uint32_t)(n % 4);
    if (f->type == TH_TYPE_STRINGS) {
        struct th_str *v = th_arena_alloc(a, (count + 1) * sizeof(*v));
        for (uint32_t i = 0; i < count; i++)
            v[i] = sample_text(a, f->name, n + i);
        *(struct th_strs *)at = (struct th_strs){v, count};
    } else if (f->type == TH_TYPE_ADDRS) {
        struct th_addr *v = th_arena_alloc(a, (count + 1) * sizeof(*v));
        for (uint32_t i = 0; i < count; i++)
            v[i] = sample_addr(n + i);
        *(struct th_addrs *)at = (struct th_addrs){v, count};
    } else {
        int64_t *v = th_arena_alloc(a, (count + 1) * sizeof(*v));
        for (uint32_t i = 0; i < count; i++)
            v[i] = (int64_t)(n + i) * TH_NS_PER_S;
        *(struct th_spans *)at = (struct th_spans){v, count};
    }
}

static void fill_field(struct th_arena *a, const struct th_field_info *f, uint64_t n, void *at)
{
    uint64_t x = n * 31 + f->id;
    switch ((enum th_type)f->type) {
    case TH_TYPE_TIME: *(int64_t *)at = sample_epoch_ns + (int64_t)x * 1001; break;
    case TH_TYPE_INTERVAL: *(int64_t *)at = (int64_t)x * TH_NS_PER_MS; break;
    case TH_TYPE_COUNT: *(uint64_t *)at = x * x; break;
    case TH_TYPE_INT: *(int64_t *)at = 5 - (int64_t)x; break;
    case TH_TYPE_PORT: *(uint16_t *)at = (uint16_t)(x * 257); break;
    case TH_TYPE_DOUBLE: *(double *)at = (double)x / 8; break;
    case TH_TYPE_BOOL: *(bool *)at = x % 3 == 0; break;
    case TH_TYPE_ADDR: *(struct th_addr *)at = sample_addr(x); break;
    case TH_TYPE_MAC: *(struct th_mac *)at = (struct th_mac){{2, 0, 0, 0, 0, (uint8_t)x}}; break;
    case TH_TYPE_STRING: *(struct th_str *)at = sample_text(a, f->name, x); break;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: fill_list(a, f, x, at); break;
    }
}

struct th_event *sample_full(struct th_arena *a, unsigned kind, uint64_t n, bool sparse)
{
    const struct th_kind_info *k = th_kind_get(kind);
    TH_ASSERT(k);
    struct th_event *ev = th_arena_alloc(a, k->size_bytes);
    memset(ev, 0, k->size_bytes);
    ev->kind = (uint16_t)kind;
    ev->seq = n;
    ev->time_ns = sample_epoch_ns + (int64_t)n * TH_NS_PER_S;
    for (unsigned i = 0; i < k->field_count; i++) {
        if (sparse && (n + i) % 2)
            continue;
        fill_field(a, &k->fields[i], n, (uint8_t *)ev + k->fields[i].offset);
        ev->set |= UINT64_C(1) << i;
    }
    return ev;
}

static uint64_t draw(struct sample_office *o, uint64_t below)
{
    o->state += UINT64_C(0x9e3779b97f4a7c15);
    return th_mix64(o->state) % below;
}

/* Small numbers are common: twice the smaller of two draws. */
static uint64_t draw_skewed(struct sample_office *o, uint64_t below)
{
    uint64_t v = draw(o, below);
    for (int i = 0; i < 3; i++) {
        uint64_t again = draw(o, below);
        v = TH_MIN(v, again);
    }
    return v;
}

/* As Zeek prints an id of 8 bytes. */
static struct th_str office_uid(struct th_arena *a, uint64_t id)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char *p = th_arena_alloc(a, 12);
    p[0] = 'C';
    for (int i = 1; i < 12; i++, id /= 62)
        p[i] = digits[id % 62];
    return th_str_n(p, 12);
}

static struct th_str office_host(struct th_arena *a, struct sample_office *o, uint64_t *ret_n)
{
    static const char *const words[] = {
        "api", "www", "cdn", "mail", "login", "static", "update", "img"};
    *ret_n = draw_skewed(o, 3000);
    return th_arena_printf(
        a, "%s.site%llu.example", words[*ret_n % 8], (unsigned long long)*ret_n / 3);
}

static struct th_addr office_outside(uint64_t n)
{
    uint64_t x = th_mix64(n + 77);
    return th_addr_v4((uint8_t[4]){
        (uint8_t)(x % 180 + 11), (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)});
}

#define OFFICE_ID(ev, KIND, begin, id, device, outside, port)                                      \
    do {                                                                                           \
        TH_SET(ev, KIND, ts, begin);                                                               \
        TH_SET(ev, KIND, uid, office_uid(a, id));                                                  \
        TH_SET(ev, KIND, id_orig_h,                                                                \
            th_addr_v4(                                                                            \
                (uint8_t[4]){10, 1, (uint8_t)((device) / 100), (uint8_t)((device) % 100)}));       \
        TH_SET(ev, KIND, id_orig_p, (uint16_t)(49152 + draw(o, 16000)));                           \
        TH_SET(ev, KIND, id_resp_h, outside);                                                      \
        TH_SET(ev, KIND, id_resp_p, port);                                                         \
    } while (0)

static struct th_event *office_conn(struct th_arena *a, struct sample_office *o, uint64_t id)
{
    static const char *const services[] = {"ssl", "dns", "http", "ssl"};
    static const char *const histories[] = {"ShADadFf", "Dd", "ShADadfF", "ShADadR"};
    struct th_ev_conn *c = th_arena_alloc(a, sizeof(*c));
    uint64_t kind = draw(o, 4);
    int64_t duration = (int64_t)(draw_skewed(o, 60000000)) * TH_NS_PER_US;
    memset(c, 0, sizeof(*c));
    c->h = (struct th_event){.kind = TH_KIND_CONN, .time_ns = o->now_ns};
    OFFICE_ID(c, CONN, o->now_ns - duration, id, draw_skewed(o, 200),
        office_outside(draw_skewed(o, 1000)),
        kind == 1       ? 53
            : kind == 2 ? 80
                        : 443);
    TH_SET(c, CONN, proto, th_str_c(kind == 1 ? "udp" : "tcp"));
    TH_SET(c, CONN, service, th_str_c(services[kind]));
    TH_SET(c, CONN, duration, duration);
    TH_SET(c, CONN, orig_bytes, draw_skewed(o, 4000));
    TH_SET(c, CONN, resp_bytes, draw_skewed(o, 60000));
    TH_SET(c, CONN, conn_state, th_str_c(draw(o, 8) ? "SF" : "RSTO"));
    TH_SET(c, CONN, local_orig, true);
    TH_SET(c, CONN, local_resp, false);
    TH_SET(c, CONN, missed_bytes, 0);
    TH_SET(c, CONN, history, th_str_c(histories[kind]));
    TH_SET(c, CONN, orig_pkts, c->orig_bytes / 600 + 5);
    TH_SET(c, CONN, orig_ip_bytes, c->orig_bytes + 40 * c->orig_pkts);
    TH_SET(c, CONN, resp_pkts, c->resp_bytes / 1300 + 4);
    TH_SET(c, CONN, resp_ip_bytes, c->resp_bytes + 40 * c->resp_pkts);
    return &c->h;
}

static struct th_event *office_dns(struct th_arena *a, struct sample_office *o, uint64_t id)
{
    struct th_ev_dns *d = th_arena_alloc(a, sizeof(*d));
    uint64_t site;
    struct th_str *answers = th_arena_alloc(a, 2 * sizeof(*answers));
    int64_t *ttls = th_arena_alloc(a, 2 * sizeof(*ttls));
    int64_t rtt = (int64_t)(200 + draw_skewed(o, 30000)) * TH_NS_PER_US;
    memset(d, 0, sizeof(*d));
    d->h = (struct th_event){.kind = TH_KIND_DNS, .time_ns = o->now_ns};
    OFFICE_ID(d, DNS, o->now_ns - rtt, id, draw_skewed(o, 200),
        th_addr_v4((uint8_t[4]){10, 1, 0, 2}), 53);
    TH_SET(d, DNS, proto, th_str_c("udp"));
    TH_SET(d, DNS, trans_id, draw(o, 65536));
    TH_SET(d, DNS, rtt, rtt);
    TH_SET(d, DNS, query, office_host(a, o, &site));
    TH_SET(d, DNS, qclass, 1);
    TH_SET(d, DNS, qclass_name, th_str_c("C_INTERNET"));
    TH_SET(d, DNS, qtype, site % 4 ? 1 : 28);
    TH_SET(d, DNS, qtype_name, th_str_c(site % 4 ? "A" : "AAAA"));
    TH_SET(d, DNS, rcode, 0);
    TH_SET(d, DNS, rcode_name, th_str_c("NOERROR"));
    TH_SET(d, DNS, AA, false);
    TH_SET(d, DNS, TC, false);
    TH_SET(d, DNS, RD, true);
    TH_SET(d, DNS, RA, true);
    TH_SET(d, DNS, Z, 0);
    for (unsigned i = 0; i < 2; i++) {
        char text[TH_ADDR_TEXT_LEN];
        struct th_addr addr = office_outside(site / 3 + i);
        answers[i] = th_arena_str(a, th_str_n(text, th_addr_format(&addr, text)));
        ttls[i] = (int64_t)(60 * (1 + draw(o, 5))) * TH_NS_PER_S;
    }
    TH_SET(d, DNS, answers, ((struct th_strs){answers, 2}));
    TH_SET(d, DNS, TTLs, ((struct th_spans){ttls, 2}));
    TH_SET(d, DNS, rejected, false);
    return &d->h;
}

static struct th_event *office_ssl(struct th_arena *a, struct sample_office *o, uint64_t id)
{
    static const char *const ja3[] = {"b32309a26951912be7dba376398abc3b",
        "66918128f1b9b03303d77c6f2eefd128", "a0e9f5d64349fb13191bc781f81f42e1"};
    struct th_ev_ssl *s = th_arena_alloc(a, sizeof(*s));
    uint64_t site;
    memset(s, 0, sizeof(*s));
    s->h = (struct th_event){.kind = TH_KIND_SSL, .time_ns = o->now_ns};
    struct th_str name = office_host(a, o, &site);
    OFFICE_ID(s, SSL, o->now_ns, id, draw_skewed(o, 200), office_outside(site / 3), 443);
    TH_SET(s, SSL, version, th_str_c("TLSv13"));
    TH_SET(
        s, SSL, cipher, th_str_c(site % 3 ? "TLS_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384"));
    TH_SET(s, SSL, curve, th_str_c("x25519"));
    TH_SET(s, SSL, server_name, name);
    TH_SET(s, SSL, resumed, site % 2 == 0);
    TH_SET(s, SSL, next_protocol, th_str_c("h2"));
    TH_SET(s, SSL, established, true);
    TH_SET(s, SSL, ja3, th_str_c(ja3[draw_skewed(o, 3)]));
    TH_SET(s, SSL, ja3s, th_str_c(ja3[site % 3]));
    TH_SET(s, SSL, ja4, th_str_c("t13d1516h2_8daaf6152771_b186095e22b6"));
    return &s->h;
}

struct th_event *sample_office_next(struct th_arena *a, struct sample_office *o)
{
    if (o->now_ns == 0)
        o->now_ns = sample_epoch_ns;
    o->now_ns += (int64_t)draw_skewed(o, 100000) * TH_NS_PER_US;
    uint64_t id = draw(o, 3) ? th_mix64(o->seq + o->state) : o->last_uid;
    uint64_t what = draw(o, 10);
    struct th_event *ev = what < 5 ? office_conn(a, o, id)
        : what < 8                 ? office_dns(a, o, id)
                                   : office_ssl(a, o, id);
    o->last_uid = id;
    ev->seq = o->seq++;
    return ev;
}

static bool same_list(const struct th_field_info *f, const void *pa, const void *pb)
{
    if (f->type == TH_TYPE_STRINGS) {
        const struct th_strs *a = pa;
        const struct th_strs *b = pb;
        bool same = a->n == b->n;
        for (uint32_t i = 0; same && i < a->n; i++)
            same = th_str_eq(a->v[i], b->v[i]);
        return same;
    }
    if (f->type == TH_TYPE_ADDRS) {
        const struct th_addrs *a = pa;
        const struct th_addrs *b = pb;
        return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
    }
    const struct th_spans *a = pa;
    const struct th_spans *b = pb;
    return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

static bool same_field(const struct th_field_info *f, const void *pa, const void *pb)
{
    switch ((enum th_type)f->type) {
    case TH_TYPE_STRING: return th_str_eq(*(const struct th_str *)pa, *(const struct th_str *)pb);
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: return same_list(f, pa, pb);
    default: return memcmp(pa, pb, th_type_size((enum th_type)f->type)) == 0;
    }
}

bool sample_same(const struct th_event *a, const struct th_event *b)
{
    const struct th_kind_info *k = th_kind_get(a->kind);
    bool same =
        k && a->kind == b->kind && a->time_ns == b->time_ns && a->seq == b->seq && a->set == b->set;
    /* Also the fields that are not set: they are zero in both. */
    for (unsigned i = 0; same && i < k->field_count; i++)
        same = same_field(
            &k->fields[i], th_event_field(a, &k->fields[i]), th_event_field(b, &k->fields[i]));
    return same;
}
