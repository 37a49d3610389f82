/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of a record by their template. Numbers are those of IANA's registry "IPFIX Information
 * Elements"; below 128 they are NetFlow version 9's field types as well. Elements of enterprises
 * are read over, but for the way back of RFC 5103.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "netflow_priv.h"

enum element {
    IE_BYTES = 1,
    IE_PACKETS = 2,
    IE_PROTOCOL = 4,
    IE_TCP_FLAGS = 6,
    IE_SRC_PORT = 7,
    IE_SRC_V4 = 8,
    IE_DST_PORT = 11,
    IE_DST_V4 = 12,
    IE_LAST_UPTIME_MS = 21,
    IE_FIRST_UPTIME_MS = 22,
    IE_OUT_BYTES = 23,
    IE_OUT_PACKETS = 24,
    IE_SRC_V6 = 27,
    IE_DST_V6 = 28,
    IE_ICMP_V4 = 32,
    IE_SAMPLING_INTERVAL = 34,
    IE_SAMPLER_ID = 48,
    IE_SAMPLER_INTERVAL = 50,
    IE_VLAN = 58,
    IE_DIRECTION = 61,
    IE_TOTAL_BYTES = 85,
    IE_TOTAL_PACKETS = 86,
    IE_END_REASON = 136,
    IE_ICMP_V6 = 139,
    IE_FIRST_S = 150,
    IE_LAST_S = 151,
    IE_FIRST_MS = 152,
    IE_LAST_MS = 153,
    IE_FIRST_US = 154,
    IE_LAST_US = 155,
    IE_FIRST_NS = 156,
    IE_LAST_NS = 157,
    IE_FIRST_DELTA_US = 158,
    IE_LAST_DELTA_US = 159,
    IE_BOOTED_MS = 160,
    IE_DURATION_MS = 161,
    IE_ICMP_TYPE_V4 = 176,
    IE_ICMP_CODE_V4 = 177,
    IE_ICMP_TYPE_V6 = 178,
    IE_ICMP_CODE_V6 = 179,
    IE_INITIATOR_BYTES = 231,
    IE_RESPONDER_BYTES = 232,
    IE_FIREWALL_EVENT = 233,
    IE_BIFLOW_DIRECTION = 239,
    IE_INITIATOR_PACKETS = 298,
    IE_RESPONDER_PACKETS = 299,
    IE_SELECTOR_ID = 302,
    IE_SAMPLING_PACKETS = 305,
    IE_SAMPLING_SPACE = 306,
    IE_SAMPLING_SIZE = 309,
    IE_SAMPLING_POPULATION = 310,
};

enum {
    FIREWALL_CREATED = 1,
    FIREWALL_DENIED = 3,
    ENDED_ACTIVE = 2,
    INITIATOR = 1,
    REVERSE_INITIATOR = 2
};

static const uint32_t max_rate = 1u << 20;
static const int64_t ntp_to_unix_s = INT64_C(2208988800);

/* What a record has told so far. */
struct told {
    struct th_flow_record r;
    bool src, dst, icmp, first, last, first_up, last_up, total;
    uint32_t first_ms, last_ms; /* of uptime */
    int64_t duration_ns;
    int64_t booted_ns;
    uint64_t direction, firewall, biflow;
    bool has_direction, has_sampler;
    uint64_t sampler, rate, packets, space, size, population;
};

static uint64_t number(struct th_str s)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < s.len && i < 8; i++)
        v = v << 8 | (uint8_t)s.p[i];
    return v;
}

static int64_t clipped(uint64_t v, int64_t unit_ns)
{
    int64_t r;
    return v > INT64_MAX || __builtin_mul_overflow((int64_t)v, unit_ns, &r) ? INT64_MAX / 2 : r;
}

/* RFC 7011 section 6.1.9: seconds since 1900, and their fraction. */
static int64_t ntp_time(uint64_t v)
{
    return ((int64_t)(v >> 32) - ntp_to_unix_s) * TH_NS_PER_S +
        (int64_t)((v & UINT32_MAX) * (uint64_t)TH_NS_PER_S >> 32);
}

static void set_first(struct told *t, int64_t ns)
{
    t->first = true;
    t->r.first_ns = ns;
}

static void set_last(struct told *t, int64_t ns)
{
    t->last = true;
    t->r.last_ns = ns;
}

static bool take_address(struct told *t, uint16_t id, struct th_str s)
{
    bool v6 = id == IE_SRC_V6 || id == IE_DST_V6;
    bool src = id == IE_SRC_V4 || id == IE_SRC_V6;
    if (id != IE_SRC_V4 && id != IE_DST_V4 && !v6)
        return false;
    if (s.len != (v6 ? 16 : 4))
        return true;
    struct th_addr a = v6 ? th_addr_v6((const uint8_t *)s.p) : th_addr_v4((const uint8_t *)s.p);
    /* A template may have both families, one of them zero. */
    if ((src ? t->src : t->dst) && th_addr_is_any(&a))
        return true;
    *(src ? &t->r.src : &t->r.dst) = a;
    *(src ? &t->src : &t->dst) = true;
    return true;
}

static bool take_time(const struct th_nf_datagram *d, struct told *t, uint16_t id, uint64_t v)
{
    switch (id) {
    case IE_FIRST_UPTIME_MS:
        t->first_up = true;
        t->first_ms = (uint32_t)v;
        return true;
    case IE_LAST_UPTIME_MS:
        t->last_up = true;
        t->last_ms = (uint32_t)v;
        return true;
    case IE_FIRST_S: set_first(t, clipped(v, TH_NS_PER_S)); return true;
    case IE_LAST_S: set_last(t, clipped(v, TH_NS_PER_S)); return true;
    case IE_FIRST_MS: set_first(t, clipped(v, TH_NS_PER_MS)); return true;
    case IE_LAST_MS: set_last(t, clipped(v, TH_NS_PER_MS)); return true;
    case IE_FIRST_US:
    case IE_FIRST_NS: set_first(t, ntp_time(v)); return true;
    case IE_LAST_US:
    case IE_LAST_NS: set_last(t, ntp_time(v)); return true;
    case IE_FIRST_DELTA_US:
        set_first(t, th_time_sub(d->export_ns, clipped(v, TH_NS_PER_US)));
        return true;
    case IE_LAST_DELTA_US:
        set_last(t, th_time_sub(d->export_ns, clipped(v, TH_NS_PER_US)));
        return true;
    case IE_DURATION_MS: t->duration_ns = clipped(v, TH_NS_PER_MS); return true;
    case IE_BOOTED_MS: t->booted_ns = clipped(v, TH_NS_PER_MS); return true;
    default: return false;
    }
}

static bool take_count(struct told *t, uint16_t id, uint64_t v)
{
    struct th_flow_record *r = &t->r;
    switch (id) {
    case IE_BYTES: r->bytes[0] = v; return true;
    case IE_PACKETS: r->pkts[0] = v; return true;
    case IE_OUT_BYTES:
    case IE_TOTAL_BYTES:
        if (r->bytes[0] == 0)
            r->bytes[0] = v;
        return true;
    case IE_OUT_PACKETS:
    case IE_TOTAL_PACKETS:
        if (r->pkts[0] == 0)
            r->pkts[0] = v;
        return true;
    case IE_INITIATOR_BYTES: r->bytes[0] = v; return true;
    case IE_INITIATOR_PACKETS: r->pkts[0] = v; return true;
    case IE_RESPONDER_BYTES:
        r->bytes[1] = v;
        r->both = r->src_began = true;
        return true;
    case IE_RESPONDER_PACKETS:
        r->pkts[1] = v;
        r->both = r->src_began = true;
        return true;
    default: return false;
    }
}

static bool take_sampling(struct told *t, uint16_t id, uint64_t v)
{
    switch (id) {
    case IE_SAMPLING_INTERVAL:
    case IE_SAMPLER_INTERVAL: t->rate = v; return true;
    case IE_SAMPLER_ID:
    case IE_SELECTOR_ID:
        t->sampler = v;
        t->has_sampler = true;
        return true;
    case IE_SAMPLING_PACKETS: t->packets = v; return true;
    case IE_SAMPLING_SPACE: t->space = v; return true;
    case IE_SAMPLING_SIZE: t->size = v; return true;
    case IE_SAMPLING_POPULATION: t->population = v; return true;
    default: return false;
    }
}

static void take_icmp(struct told *t, uint64_t type_and_code)
{
    t->icmp = true;
    t->r.src_port = (type_and_code >> 8) & 0xff;
    t->r.dst_port = type_and_code & 0xff;
}

static void take_other(struct told *t, uint16_t id, uint64_t v)
{
    struct th_flow_record *r = &t->r;
    switch (id) {
    case IE_PROTOCOL: r->proto = (uint8_t)v; break;
    case IE_TCP_FLAGS:
        r->flags[0] = (uint8_t)v;
        r->has_flags = true;
        break;
    case IE_SRC_PORT: r->src_port = t->icmp ? r->src_port : (uint16_t)v; break;
    case IE_DST_PORT: r->dst_port = t->icmp ? r->dst_port : (uint16_t)v; break;
    case IE_ICMP_V4:
    case IE_ICMP_V6:
        if (v) /* it stands in records of other protocols as well */
            take_icmp(t, v);
        break;
    case IE_ICMP_TYPE_V4:
    case IE_ICMP_TYPE_V6: take_icmp(t, (v & 0xff) << 8 | (t->icmp ? r->dst_port : 0)); break;
    case IE_ICMP_CODE_V4:
    case IE_ICMP_CODE_V6:
        take_icmp(t, (t->icmp ? (uint64_t)r->src_port << 8 : 0) | (v & 0xff));
        break;
    case IE_VLAN: r->vlan = v & 0xfff; break;
    case IE_DIRECTION:
        t->direction = v;
        t->has_direction = true;
        break;
    case IE_END_REASON: r->goes_on = v == ENDED_ACTIVE; break;
    case IE_FIREWALL_EVENT: t->firewall = v; break;
    case IE_BIFLOW_DIRECTION: t->biflow = v; break;
    default: break;
    }
}

static void take_reverse(struct told *t, uint16_t id, uint64_t v)
{
    struct th_flow_record *r = &t->r;
    switch (id) {
    case IE_BYTES:
    case IE_TOTAL_BYTES: r->bytes[1] = v; break;
    case IE_PACKETS:
    case IE_TOTAL_PACKETS: r->pkts[1] = v; break;
    case IE_TCP_FLAGS: r->flags[1] = (uint8_t)v; break;
    default: return;
    }
    r->both = true;
}

static void take(
    const struct th_nf_datagram *d, struct told *t, const struct th_nf_field *f, struct th_str s)
{
    if (f->enterprise == TH_NETFLOW_REVERSE)
        take_reverse(t, f->id, number(s));
    if (f->enterprise || take_address(t, f->id, s) || s.len > 8)
        return;
    uint64_t v = number(s);
    if (!take_time(d, t, f->id, v) && !take_count(t, f->id, v) && !take_sampling(t, f->id, v))
        take_other(t, f->id, v);
}

/* Length of a field that says it itself (RFC 7011 section 7). */
static size_t length_of(const struct th_nf_field *f, struct th_cur *c)
{
    if (f->len != TH_NETFLOW_VARIABLE)
        return f->len;
    uint8_t len = th_cur_u8(c);
    return len < 255 ? len : th_cur_be16(c);
}

/* ---- options ---- */

static uint32_t rate_of(const struct told *t)
{
    uint64_t rate = t->rate;
    if (t->packets)
        rate = (t->packets + TH_MIN(t->space, (uint64_t)UINT32_MAX)) / t->packets;
    else if (t->size)
        rate = t->population / t->size;
    return (uint32_t)TH_MIN(rate, (uint64_t)max_rate);
}

static void learn_sampler(struct th_nf_stream *s, uint64_t id, uint32_t rate)
{
    for (uint32_t i = 0; i < s->sampler_count; i++)
        if (s->samplers[i].id == id) {
            s->samplers[i].rate = rate;
            return;
        }
    if (s->sampler_count < TH_NETFLOW_SAMPLERS)
        s->samplers[s->sampler_count++] = (struct th_nf_sampler){id, rate};
}

static void learn(struct th_nf_stream *s, const struct told *t)
{
    uint32_t rate = rate_of(t);
    if (t->booted_ns)
        s->booted_ns = t->booted_ns;
    if (rate && t->has_sampler)
        learn_sampler(s, t->sampler, rate);
    /* A stream with one sampler mostly does not name it in its records. */
    if (rate && (!t->has_sampler || s->sampler_count == 1))
        s->rate = rate;
}

static uint32_t sampling_of(const struct th_nf_stream *s, const struct told *t)
{
    uint32_t own = rate_of(t);
    if (own)
        return own;
    for (uint32_t i = 0; t->has_sampler && i < s->sampler_count; i++)
        if (s->samplers[i].id == t->sampler)
            return s->samplers[i].rate;
    return s->rate;
}

/* ---- flows ---- */

static int64_t of_uptime(const struct th_nf_datagram *d, const struct told *t, uint32_t ms)
{
    int64_t booted_ns = t->booted_ns ? t->booted_ns : d->stream->booted_ns;
    if (d->stream->version == TH_NETFLOW_V9) /* also when it has gone round */
        return th_time_sub(d->export_ns, (int64_t)(int32_t)(d->uptime_ms - ms) * TH_NS_PER_MS);
    return booted_ns ? th_time_add(booted_ns, (int64_t)ms * TH_NS_PER_MS) : d->export_ns;
}

static void complete_times(const struct th_nf_datagram *d, struct told *t)
{
    struct th_flow_record *r = &t->r;
    if (!t->last && t->last_up)
        set_last(t, of_uptime(d, t, t->last_ms));
    if (!t->first && t->first_up)
        set_first(t, of_uptime(d, t, t->first_ms));
    if (!t->last)
        r->last_ns =
            t->first && t->duration_ns ? th_time_add(r->first_ns, t->duration_ns) : d->export_ns;
    if (!t->first)
        r->first_ns = th_time_sub(r->last_ns, t->duration_ns);
}

static void swap_ends(struct th_flow_record *r)
{
    struct th_flow_record was = *r;
    r->src = was.dst;
    r->dst = was.src;
    r->src_port = was.dst_port;
    r->dst_port = was.src_port;
    for (int i = 0; i < 2; i++) {
        r->bytes[i] = was.bytes[!i];
        r->pkts[i] = was.pkts[!i];
        r->flags[i] = was.flags[!i];
    }
}

static int give(struct th_netflow *n, struct th_nf_datagram *d, struct told *t)
{
    struct th_flow_record *r = &t->r;
    if (!t->src || !t->dst) { /* of layer 2, of multicast, of counters */
        n->counts.strange++;
        return 0;
    }
    if (t->firewall == FIREWALL_CREATED) /* it is told again at its end, with what it carried */
        return 0;
    r->rejected = t->firewall == FIREWALL_DENIED;
    complete_times(d, t);
    if ((r->proto == TH_IP_ICMP || r->proto == TH_IP_ICMP6) && !t->icmp)
        take_icmp(t, r->dst_port);
    r->sampling = sampling_of(d->stream, t);
    /* Without a word about it the first end is anyone: softflowd's is the lesser address. */
    r->src_began |= t->biflow == INITIATOR || t->biflow == REVERSE_INITIATOR;
    if (r->both && t->biflow == REVERSE_INITIATOR)
        swap_ends(r);
    r->point = d->stream->point;
    if (t->has_direction)
        r->point = th_hash_pair(r->point, 1 + t->direction);
    return th_nf_give(n, d, r);
}

int th_nf_records(struct th_netflow *n, struct th_nf_datagram *d, const struct th_nf_template *t,
    struct th_cur set)
{
    int r = 0;
    /* What is shorter than a record is padding. */
    while (r == 0 && th_cur_left(&set) >= t->min_len) {
        struct told told = {0};
        for (uint32_t i = 0; i < t->count && !set.failed; i++) {
            const struct th_nf_field *f = &t->fields[i];
            size_t len = length_of(f, &set);
            struct th_str value = th_cur_bytes(&set, len);
            if (!set.failed)
                take(d, &told, f, value);
        }
        if (set.failed) {
            n->counts.malformed++;
            break;
        }
        d->records++;
        if (t->options)
            learn(d->stream, &told);
        else
            r = give(n, d, &told);
    }
    return r;
}
