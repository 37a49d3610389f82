/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/netflow.h"

#include "base/hash.h"
#include "base/mem.h"
#include "netflow_priv.h"

static const int64_t clock_may_be_off_ns = TH_NS_PER_MIN;
static const int64_t silent_ns = 10 * TH_NS_PER_MIN; /* a stream that may make room */
static const int64_t lag_bucket_ns = 30 * TH_NS_PER_MIN;
static const int64_t max_lag_ns = TH_NS_PER_HOUR;
static const int64_t unknown_lag_ns = 5 * TH_NS_PER_MIN;
/* A flow that ended longer ago is none, nor is one that began so long ago: firewalls tell of a
 * connection of weeks at its end. */
static const int64_t oldest_end_ns = TH_NS_PER_DAY;
static const int64_t oldest_begin_ns = 366 * TH_NS_PER_DAY;
/* A jump of the numbers past this is an exporter that began anew, and not a loss. */
static const uint32_t max_lost = 1000000;
static const uint32_t max_reordered = 1000;

enum { V5_HEAD = 24, V5_RECORD = 48, V5_MAX_RECORDS = 30 };

/* ---- streams ---- */

static void begin_stream(struct th_nf_stream *s, const struct th_addr *exporter, uint32_t domain,
    uint16_t version, int64_t now_ns)
{
    static const char *const words[] = {
        [TH_NETFLOW_V5] = "netflow v5", [TH_NETFLOW_V9] = "netflow v9", [TH_IPFIX] = "ipfix"};
    char text[TH_ADDR_TEXT_LEN];
    uint64_t half[2];
    *s = (struct th_nf_stream){.used = true,
        .exporter = *exporter,
        .domain = domain,
        .version = version,
        .lag_since_ns = now_ns,
        .held_end = NULL};
    s->held_end = &s->held;
    memcpy(half, exporter->b, sizeof(half));
    s->point = th_hash_pair(th_hash_pair(half[0], half[1]), (uint64_t)version << 32 | domain);
    th_addr_format(exporter, text);
    snprintf(s->told_by, sizeof(s->told_by), "%s %s", words[version], text);
}

/* NULL: there is no room. */
static struct th_nf_stream *stream_of(struct th_netflow *n, const struct th_addr *exporter,
    uint32_t domain, uint16_t version, int64_t now_ns)
{
    struct th_nf_stream *room = NULL;
    for (uint32_t i = 0; i < TH_NETFLOW_MAX_STREAMS; i++) {
        struct th_nf_stream *s = &n->streams[i];
        if (s->used && s->domain == domain && s->version == version &&
            th_addr_eq(&s->exporter, exporter))
            return s;
        if (!s->used ? !room || room->used : !room || (room->used && s->heard_ns < room->heard_ns))
            room = s;
    }
    if (room->used && th_time_sub(now_ns, room->heard_ns) < silent_ns)
        return NULL;
    if (room->used)
        n->counts.templates_now -= room->template_count;
    else
        n->counts.streams_now++;
    th_nf_stream_done(room);
    begin_stream(room, exporter, domain, version, now_ns);
    return room;
}

/* ---- what goes missing ---- */

/* number: what this datagram begins with; then: what the next one should. */
static void follow_numbers(struct th_netflow *n, struct th_nf_datagram *d, uint32_t number)
{
    struct th_nf_stream *s = d->stream;
    bool anew = s->version != TH_IPFIX && d->uptime_ms < s->uptime_ms &&
        s->uptime_ms - d->uptime_ms < UINT32_MAX / 2 && s->uptime_ms - d->uptime_ms > 60000;
    uint32_t ahead = number - s->next_number;
    s->uptime_ms = d->uptime_ms;
    if (!s->numbered || anew || ahead == 0)
        return;
    if (ahead <= max_lost)
        n->counts.lost += ahead;
    else if (0 - ahead <= max_reordered) /* one that was overtaken: it was told as lost */
        n->counts.lost -= TH_MIN(n->counts.lost, 1u);
}

static void expect(struct th_nf_stream *s, uint32_t next)
{
    if (s->numbered && s->next_number - next <= max_reordered && s->next_number != next)
        return; /* it was overtaken */
    s->numbered = true;
    s->next_number = next;
}

/* ---- time ---- */

static bool is_near(int64_t a_ns, int64_t b_ns)
{
    int64_t apart_ns = th_time_sub(a_ns, b_ns);
    return apart_ns <= clock_may_be_off_ns && apart_ns >= -clock_may_be_off_ns;
}

/* One that is wrong stays as it was put right for as long as that fits: times of its records stay
 * comparable. */
static void begin_datagram(struct th_nf_datagram *d)
{
    struct th_nf_stream *s = d->stream;
    int64_t off_ns = th_time_sub(d->now_ns, d->export_ns);
    if (is_near(off_ns, 0))
        s->shift_ns = 0;
    else if (s->shift_ns == 0 || !is_near(off_ns, s->shift_ns))
        s->shift_ns = off_ns;
    s->heard_ns = d->now_ns;
    d->shift_ns = s->shift_ns;
}

static void note_lag(struct th_nf_stream *s, int64_t now_ns, int64_t lag_ns)
{
    if (th_time_sub(now_ns, s->lag_since_ns) >= lag_bucket_ns) {
        bool next = th_time_sub(now_ns, s->lag_since_ns) < 2 * lag_bucket_ns;
        s->lag_before_ns = next ? s->lag_ns : 0;
        s->lag_ns = 0;
        s->lag_since_ns = now_ns;
    }
    s->lag_ns = TH_MAX(s->lag_ns, TH_MIN(lag_ns, max_lag_ns));
}

int64_t th_netflow_lag_ns(const struct th_netflow *n, int64_t now_ns)
{
    int64_t lag_ns = 0;
    bool known = false;
    for (uint32_t i = 0; i < TH_NETFLOW_MAX_STREAMS; i++) {
        const struct th_nf_stream *s = &n->streams[i];
        if (!s->used || th_time_sub(now_ns, s->heard_ns) > 2 * lag_bucket_ns)
            continue;
        known |= s->lag_before_ns > 0;
        lag_ns = TH_MAX(lag_ns, TH_MAX(s->lag_ns, s->lag_before_ns));
    }
    return known ? lag_ns : TH_MAX(lag_ns, unknown_lag_ns);
}

static uint64_t times(uint64_t v, uint32_t rate)
{
    uint64_t r;
    return __builtin_mul_overflow(v, (uint64_t)rate, &r) ? UINT64_MAX : r;
}

int th_nf_give(struct th_netflow *n, struct th_nf_datagram *d, struct th_flow_record *r)
{
    r->first_ns = th_time_add(r->first_ns, d->shift_ns);
    r->last_ns = th_time_add(r->last_ns, d->shift_ns);
    /* Seconds are cut off somewhere: a flow may end a little after it was told. */
    if (r->last_ns > d->now_ns)
        r->last_ns = d->now_ns;
    r->first_ns = TH_MIN(r->first_ns, r->last_ns);
    if (th_time_sub(d->now_ns, r->last_ns) > oldest_end_ns ||
        th_time_sub(d->now_ns, r->first_ns) > oldest_begin_ns ||
        (r->pkts[0] == 0 && r->bytes[0] == 0 && r->pkts[1] == 0 && r->bytes[1] == 0 &&
            !r->rejected)) {
        n->counts.strange++;
        return 0;
    }
    note_lag(d->stream, d->now_ns, th_time_sub(d->now_ns, r->last_ns));
    for (int i = 0; i < 2 && r->sampling > 1; i++) {
        r->bytes[i] = times(r->bytes[i], r->sampling);
        r->pkts[i] = times(r->pkts[i], r->sampling);
    }
    r->told_by = th_str_c(d->stream->told_by);
    n->counts.records++;
    return n->sink.put(n->sink.arg, r);
}

/* ---- version 5 (Cisco, NetFlow Export Datagram Format) ---- */

static int64_t at_uptime(const struct th_nf_datagram *d, uint32_t uptime_ms)
{
    return th_time_sub(d->export_ns, (int64_t)(int32_t)(d->uptime_ms - uptime_ms) * TH_NS_PER_MS);
}

static int read_v5_record(
    struct th_netflow *n, struct th_nf_datagram *d, struct th_cur *c, uint32_t rate)
{
    struct th_flow_record r = {.has_flags = true, .sampling = rate, .point = d->stream->point};
    uint8_t a[4], b[4];
    memcpy(a, th_cur_bytes(c, 4).p, 4);
    memcpy(b, th_cur_bytes(c, 4).p, 4);
    r.src = th_addr_v4(a);
    r.dst = th_addr_v4(b);
    th_cur_skip(c, 8); /* next hop, interfaces */
    r.pkts[0] = th_cur_be32(c);
    r.bytes[0] = th_cur_be32(c);
    r.first_ns = at_uptime(d, th_cur_be32(c));
    r.last_ns = at_uptime(d, th_cur_be32(c));
    r.src_port = th_cur_be16(c);
    r.dst_port = th_cur_be16(c);
    th_cur_skip(c, 1);
    r.flags[0] = th_cur_u8(c);
    r.proto = th_cur_u8(c);
    th_cur_skip(c, 9);           /* type of service, autonomous systems, masks */
    if (r.proto == TH_IP_ICMP) { /* the second port is type and code */
        r.src_port = r.dst_port >> 8;
        r.dst_port &= 0xff;
    }
    d->records++;
    return th_nf_give(n, d, &r);
}

static int read_v5(struct th_netflow *n, struct th_nf_datagram *d, const struct th_addr *exporter,
    struct th_cur *c)
{
    uint16_t count = th_cur_be16(c);
    d->uptime_ms = th_cur_be32(c);
    int64_t s = th_cur_be32(c);
    d->export_ns = s * TH_NS_PER_S + th_cur_be32(c) % TH_NS_PER_S;
    uint32_t number = th_cur_be32(c);
    uint16_t engine = th_cur_be16(c);
    uint32_t rate = th_cur_be16(c) & 0x3fff;
    if (c->failed || count == 0 || count > V5_MAX_RECORDS ||
        th_cur_left(c) < (size_t)count * V5_RECORD) {
        n->counts.malformed++;
        return 0;
    }
    d->stream = stream_of(n, exporter, engine, TH_NETFLOW_V5, d->now_ns);
    if (!d->stream) {
        n->counts.refused++;
        return 0;
    }
    begin_datagram(d);
    follow_numbers(n, d, number);
    expect(d->stream, number + count);
    int r = 0;
    for (unsigned i = 0; r == 0 && i < count; i++)
        r = read_v5_record(n, d, c, rate);
    return r;
}

/* ---- version 9 and IPFIX ---- */

static int read_set(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur *c)
{
    bool v9 = d->stream->version == TH_NETFLOW_V9;
    uint16_t id = th_cur_be16(c);
    uint16_t len = th_cur_be16(c);
    if (len < 4)
        th_cur_fail(c);
    struct th_cur set = th_cur_sub(c, len < 4 ? 0 : (size_t)len - 4);
    if (c->failed)
        return 0;
    if (id == (v9 ? TH_SET_TEMPLATE_V9 : TH_SET_TEMPLATE))
        return th_nf_templates(n, d, set);
    if (id == (v9 ? TH_SET_OPTIONS_V9 : TH_SET_OPTIONS))
        return th_nf_options(n, d, set);
    return id >= TH_SET_DATA ? th_nf_data(n, d, id, set) : 0;
}

static int read_sets(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur *c)
{
    int r = 0;
    while (r == 0 && th_cur_left(c) >= 4)
        r = read_set(n, d, c);
    n->counts.malformed += c->failed;
    return r;
}

static int read_v9(struct th_netflow *n, struct th_nf_datagram *d, const struct th_addr *exporter,
    struct th_cur *c)
{
    th_cur_skip(c, 2); /* number of records: the sets say it themselves */
    d->uptime_ms = th_cur_be32(c);
    d->export_ns = (int64_t)th_cur_be32(c) * TH_NS_PER_S;
    uint32_t number = th_cur_be32(c);
    uint32_t source = th_cur_be32(c);
    if (c->failed) {
        n->counts.malformed++;
        return 0;
    }
    d->stream = stream_of(n, exporter, source, TH_NETFLOW_V9, d->now_ns);
    if (!d->stream) {
        n->counts.refused++;
        return 0;
    }
    begin_datagram(d);
    follow_numbers(n, d, number);
    expect(d->stream, number + 1);
    return read_sets(n, d, c);
}

/* Some exporters count the records of a message before they number it (softflowd 1.1): the first
 * number that fits that and not the standard tells them. */
static void follow_ipfix(struct th_netflow *n, struct th_nf_datagram *d, uint32_t number)
{
    struct th_nf_stream *s = d->stream;
    uint32_t own = (uint32_t)d->records;
    if (s->numbered && number != s->next_number && number - s->numbered_at == own)
        s->counts_own = true;
    follow_numbers(n, d, s->counts_own ? number - own + s->last_records : number);
    s->numbered_at = number;
    s->last_records = own;
}

static int read_ipfix(struct th_netflow *n, struct th_nf_datagram *d,
    const struct th_addr *exporter, struct th_cur *c)
{
    uint16_t len = th_cur_be16(c);
    d->export_ns = (int64_t)th_cur_be32(c) * TH_NS_PER_S;
    uint32_t number = th_cur_be32(c);
    uint32_t domain = th_cur_be32(c);
    if (c->failed || len < 16 || len - 16u > th_cur_left(c)) {
        n->counts.malformed++;
        return 0;
    }
    struct th_cur body = th_cur_sub(c, len - 16u);
    d->stream = stream_of(n, exporter, domain, TH_IPFIX, d->now_ns);
    if (!d->stream) {
        n->counts.refused++;
        return 0;
    }
    begin_datagram(d);
    uint64_t untold = n->counts.no_template + d->stream->held_count;
    int r = read_sets(n, d, &body);
    follow_ipfix(n, d, number);
    /* How many records a set without its template has nobody knows: counting begins anew. */
    if (untold != n->counts.no_template + d->stream->held_count)
        d->stream->numbered = false;
    else
        expect(d->stream, number + (uint32_t)d->records);
    return r;
}

int th_netflow_datagram(struct th_netflow *n, const struct th_addr *exporter, int64_t now_ns,
    const uint8_t *data, size_t len_bytes)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    struct th_nf_datagram d = {.now_ns = now_ns};
    n->counts.datagrams++;
    switch (th_cur_be16(&c)) {
    case TH_NETFLOW_V5: return read_v5(n, &d, exporter, &c);
    case TH_NETFLOW_V9: return read_v9(n, &d, exporter, &c);
    case TH_IPFIX: return read_ipfix(n, &d, exporter, &c);
    default: n->counts.unknown++; return 0;
    }
}

void th_netflow_counts(const struct th_netflow *n, struct th_netflow_counts *ret)
{
    *ret = n->counts;
    ret->clocks_off = 0;
    for (uint32_t i = 0; i < TH_NETFLOW_MAX_STREAMS; i++)
        ret->clocks_off += n->streams[i].used && n->streams[i].shift_ns != 0;
}

struct th_netflow *th_netflow_new(const struct th_netflow_sink *sink)
{
    struct th_netflow *n = th_xcalloc(1, sizeof(*n));
    n->sink = *sink;
    n->streams = th_xcalloc(TH_NETFLOW_MAX_STREAMS, sizeof(*n->streams));
    return n;
}

void th_netflow_free(struct th_netflow *n)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < TH_NETFLOW_MAX_STREAMS; i++)
        th_nf_stream_done(&n->streams[i]);
    free(n->streams);
    free(n);
}
