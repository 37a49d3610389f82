/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP (RFC 1035, RFC 7766), with multicast DNS (RFC 6762), LLMNR
 * (RFC 4795) and the NetBIOS name service (RFC 1002), which speak the same language.
 * A query waits for its answer by id and name; unanswered it comes out after a time.
 */
#include "analysers.h"

#include "dns_msg.h"
#include "dns_told.h"

#define MAX_PENDING 64u   /* queries of one flow that wait */
#define MAX_QUESTIONS 16u /* that are told of one message */
#define QUERY_TIMEOUT_NS (10 * TH_NS_PER_S)
#define TCP_MESSAGE_MAX 65537u /* length prefix and 16 bits of length */

struct query {
    struct query *next;
    int64_t time_ns;
    uint32_t bytes;
    uint16_t id, flags, qtype, qclass;
    uint8_t name_len;
    bool named;
    char name[];
};

struct state {
    struct query *first, **last; /* oldest first */
    uint32_t pending;
    bool lost[2]; /* the next bytes may be of the middle of a message */
    struct th_hold hold[2];
};

static bool usual_port(uint16_t port)
{
    return port == 53 || port == 5353 || port == 5355 || port == 137;
}

/* What a stranger on any port must look like to pass as DNS. */
static bool strict(const struct th_dns_msg *m)
{
    if (m->bad || m->counts[0] != 1 || m->flags & 0x7840 || (m->flags & 15) > 10)
        return false;
    if (!th_dns_type_known(m->qtype) || m->qclass != 1)
        return false;
    if (!(m->flags & TH_DNS_QR) && (m->counts[1] || m->counts[2] || m->counts[3] > 2))
        return false;
    for (unsigned i = 0; i < m->qname.len; i++)
        if (m->qname.text[i] <= ' ' || (unsigned char)m->qname.text[i] >= 0x7f)
            return false;
    return m->qname.len > 1;
}

/* On a usual port: labels that end, then a type and a class that exist. */
static bool plausible_question(const uint8_t *p, size_t len)
{
    struct th_cur c = th_cur_init(p, len);
    th_cur_skip(&c, TH_DNS_HEADER_BYTES);
    for (uint8_t n; (n = th_cur_u8(&c)) != 0 && n < 0x40;)
        th_cur_skip(&c, n);
    unsigned type = th_cur_be16(&c), class = th_cur_be16(&c) & 0x7fff;
    return !c.failed && type && (class <= 4 || class >= 254);
}

static enum th_probe probe_message(const uint8_t *p, size_t len, bool hint)
{
    /* The cheap look first: opcode, counts. Most strangers end here. */
    if (len < TH_DNS_HEADER_BYTES || p[4] != 0 || p[6] > 1 || (p[2] & 0x78) > 0x30)
        return TH_PROBE_NO;
    if (hint ? p[5] && !plausible_question(p, len) : p[5] != 1)
        return TH_PROBE_NO;
    if (!hint) {
        TH_AUTOARENA struct th_arena arena = TH_ARENA_INIT;
        struct th_dns_msg m;
        if (!th_dns_parse(p, len, false, &arena, &m) || !strict(&m))
            return TH_PROBE_NO;
    }
    return p[2] & 0x80 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    bool hint = usual_port(in->src) || usual_port(in->dst);
    if (in->ip_proto != 6)
        return probe_message(in->p, in->len, hint);
    if (in->len < 2 + TH_DNS_HEADER_BYTES)
        return hint && in->len < 2 + TH_DNS_HEADER_BYTES ? TH_PROBE_MORE : TH_PROBE_NO;
    size_t message = (size_t)in->p[0] << 8 | in->p[1];
    if (message < TH_DNS_HEADER_BYTES || (!hint && message + 2 != in->len))
        return TH_PROBE_NO;
    /* With the hint a message may come in pieces: its header is enough to begin. */
    if (hint && message + 2 > in->len)
        return in->p[2 + 4] == 0 && in->p[2 + 5] == 1 && (in->p[2 + 2] & 0x78) <= 0x30
            ? (in->p[2 + 2] & 0x80 ? TH_PROBE_SERVER : TH_PROBE_CLIENT)
            : TH_PROBE_NO;
    return probe_message(in->p + 2, message, hint);
}

/* After a gap: most segments begin with a message. */
static bool begins_message(const struct th_chunk *ch)
{
    size_t len = ch->len < 2 ? 0 : (size_t)ch->p[0] << 8 | ch->p[1];
    return len >= TH_DNS_HEADER_BYTES && len + 2 <= ch->len &&
        probe_message(ch->p + 2, len, true) != TH_PROBE_NO;
}

static bool is_netbios(const struct th_flow *f)
{
    return f->port[0] == 137 || f->port[1] == 137;
}

/* The fields that a query and an answer without a known query share. */
static void set_question(
    struct th_ev_dns *ev, struct th_conn *c, struct th_str name, unsigned qtype, unsigned qclass)
{
    struct th_arena *arena = &c->pr->scratch;
    struct th_str type = th_dns_type_name(arena, qtype);
    if (is_netbios(c->flow)) {
        name = th_dns_netbios(arena, name);
        if (qtype == 33)
            type = th_str_c("NBSTAT");
    }
    TH_SET(ev, DNS, query, name);
    TH_SET(ev, DNS, qclass, qclass);
    TH_SET(ev, DNS, qclass_name, th_dns_class_name(arena, qclass));
    TH_SET(ev, DNS, qtype, qtype);
    TH_SET(ev, DNS, qtype_name, type);
}

static void set_flags(struct th_ev_dns *ev, unsigned flags, bool answer)
{
    TH_SET(ev, DNS, AA, answer && flags & TH_DNS_AA);
    TH_SET(ev, DNS, TC, (flags & TH_DNS_TC) != 0);
    TH_SET(ev, DNS, RD, (flags & TH_DNS_RD) != 0);
    TH_SET(ev, DNS, RA, answer && flags & TH_DNS_RA);
    TH_SET(ev, DNS, Z, (uint64_t)(flags >> 4 & 7));
}

static void begin_event(struct th_ev_dns *ev, struct th_conn *c, int64_t time_ns, uint16_t id)
{
    TH_CONN_ID(ev, DNS, c, time_ns);
    TH_SET(ev, DNS, proto, th_str_c(c->flow->proto == 6 ? "tcp" : "udp"));
    TH_SET(ev, DNS, trans_id, id);
}

static void set_query(struct th_ev_dns *ev, struct th_conn *c, const struct query *q)
{
    if (q->named)
        set_question(ev, c, th_str_n(q->name, q->name_len), q->qtype, q->qclass);
    if (q->bytes)
        TH_SET(ev, DNS, query_bytes, q->bytes);
}

/* Takes the query at *at off the list. */
static struct query *unlink_query(struct state *s, struct query **at)
{
    struct query *q = *at;
    TH_ASSERT(q);
    *at = q->next;
    if (s->last == &q->next)
        s->last = at;
    s->pending--;
    return q;
}

static void emit_unanswered(struct th_conn *c, struct state *s, int64_t time_ns)
{
    struct query *q TH_AUTOFREE = unlink_query(s, &s->first);
    struct th_ev_dns ev = {0};
    begin_event(&ev, c, q->time_ns, q->id);
    set_query(&ev, c, q);
    set_flags(&ev, q->flags, false);
    TH_SET(&ev, DNS, rejected, false);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, q->time_ns));
}

static void expire(struct th_conn *c, struct state *s, int64_t now_ns)
{
    while (s->first && now_ns - s->first->time_ns > QUERY_TIMEOUT_NS)
        emit_unanswered(c, s, s->first->time_ns + QUERY_TIMEOUT_NS);
    if (s->pending >= MAX_PENDING)
        emit_unanswered(c, s, now_ns);
}

static void add_query(struct state *s, const struct th_dns_msg *m, int64_t time_ns, size_t bytes)
{
    struct query *q = th_xmalloc(sizeof(*q) + m->qname.len);
    *q = (struct query){.time_ns = time_ns,
        .bytes = (uint32_t)bytes,
        .id = m->id,
        .flags = m->flags,
        .qtype = m->qtype,
        .qclass = m->qclass,
        .name_len = m->qname.len,
        .named = m->has_question};
    memcpy(q->name, m->qname.text, m->qname.len);
    if (!s->first)
        s->last = &s->first;
    *s->last = q;
    s->last = &q->next;
    s->pending++;
}

static struct query *take_query(struct state *s, const struct th_dns_msg *m)
{
    for (struct query **at = &s->first; *at; at = &(*at)->next) {
        struct query *q = *at;
        if (q->id != m->id)
            continue;
        if (m->has_question &&
            !th_str_eq(th_str_n(q->name, q->name_len), th_str_n(m->qname.text, m->qname.len)))
            continue;
        return unlink_query(s, at);
    }
    return NULL;
}

static void emit_answer(
    struct th_conn *c, struct state *s, const struct th_dns_msg *m, int64_t time_ns, size_t bytes)
{
    struct query *q TH_AUTOFREE = take_query(s, m);
    struct th_ev_dns ev = {0};
    unsigned rcode = m->flags & 15;
    begin_event(&ev, c, q ? q->time_ns : time_ns, m->id);
    if (q && q->named)
        set_query(&ev, c, q);
    else if (m->has_question)
        set_question(&ev, c, th_str_n(m->qname.text, m->qname.len), m->qtype, m->qclass);
    else if (m->owner.len) /* of NetBIOS and multicast: an answer need not repeat the question */
        set_question(&ev, c, th_str_n(m->owner.text, m->owner.len), m->owner_type, m->owner_class);
    if (q && time_ns >= q->time_ns)
        TH_SET(&ev, DNS, rtt, time_ns - q->time_ns);
    TH_SET(&ev, DNS, rcode, rcode);
    TH_SET(&ev, DNS, rcode_name, th_dns_rcode_name(&c->pr->scratch, rcode));
    set_flags(&ev, m->flags | (q ? q->flags & TH_DNS_RD : 0u), true);
    if (m->answer_count) {
        TH_SET(&ev, DNS, answers, (struct th_strs){m->answers, m->answer_count});
        TH_SET(&ev, DNS, TTLs, (struct th_spans){m->ttls_ns, m->answer_count});
    }
    TH_SET(&ev, DNS, rejected, !m->counts[1] && !m->counts[2] && !m->counts[3] && rcode);
    TH_SET(&ev, DNS, answer_bytes, bytes);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, q ? q->time_ns : time_ns));
}

/* A query to a group is answered from another address, that is in another flow. */
static bool answered_elsewhere(const struct th_flow *f)
{
    return th_addr_is_multicast(&f->addr[1]) || f->port[1] == 5353;
}

static bool message(struct th_conn *c, struct state *s, int64_t time_ns, const uint8_t *p,
    size_t len, size_t wire_len)
{
    struct th_dns_msg m;
    if (!th_dns_parse(p, len, is_netbios(c->flow), &c->pr->scratch, &m))
        return false;
    if (m.bad && len == wire_len)
        th_conn_weird(c, time_ns, "DNS_RR_length_mismatch");
    expire(c, s, time_ns);
    if (m.flags & TH_DNS_QR) {
        emit_answer(c, s, &m, time_ns, wire_len);
        return true;
    }
    add_query(s, &m, time_ns, wire_len);
    /* RFC 6762 5.3: a multicast query asks for many things at once; its bytes count with the first.
     */
    for (unsigned i = 1; answered_elsewhere(c->flow) && i < MAX_QUESTIONS; i++) {
        if (!th_dns_question(p, len, i, &m))
            break;
        expire(c, s, time_ns);
        add_query(s, &m, time_ns, 0);
    }
    while (s->first && answered_elsewhere(c->flow))
        emit_unanswered(c, s, time_ns);
    return true;
}

void th_dns_told(struct th_conn *c, int64_t asked_ns, struct th_str query, int64_t answered_ns,
    struct th_str answer)
{
    struct state s = {0};
    bool any = message(c, &s, asked_ns, (const uint8_t *)query.p, query.len, query.len);
    any = message(c, &s, answered_ns, (const uint8_t *)answer.p, answer.len, answer.len) || any;
    while (s.first)
        emit_unanswered(c, &s, answered_ns);
    if (any)
        th_conn_service(c, TH_SVC_DNS);
}

static enum th_verdict stream(struct th_conn *c, struct state *s, const struct th_chunk *ch)
{
    bool ok;
    struct th_hold *h = &s->hold[ch->dir];
    if (s->lost[ch->dir] && !begins_message(ch))
        return TH_DONE_DIR;
    s->lost[ch->dir] = false;
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, TCP_MESSAGE_MAX + ch->len, &ok);
    while (th_cur_left(&cur) >= 2) {
        struct th_cur at = cur;
        size_t len = th_cur_be16(&at);
        if (th_cur_left(&at) < len)
            break;
        struct th_str bytes = th_cur_bytes(&at, len);
        cur = at;
        if (!message(c, s, ch->time_ns, (const uint8_t *)bytes.p, len, len))
            return TH_BAIL;
        th_conn_service(c, TH_SVC_DNS);
    }
    return th_hold_keep(h, &cur, TCP_MESSAGE_MAX) ? TH_GO_ON : TH_BAIL;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (c->flow->proto == 6)
        return stream(c, s, ch);
    if (message(c, s, ch->time_ns, ch->p, ch->len, ch->wire_len)) {
        th_conn_service(c, TH_SVC_DNS);
        return TH_GO_ON;
    }
    th_conn_weird(c, ch->time_ns, "DNS_malformed");
    return c->service_count ? TH_GO_ON : TH_BAIL;
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    (void)c;
    (void)time_ns;
    (void)len;
    th_hold_done(&s->hold[dir]);
    s->lost[dir] = true;
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    int64_t now_ns = TH_MAX(time_ns, c->pr->now_ns);
    while (s->first)
        emit_unanswered(c, s, TH_MIN(s->first->time_ns + QUERY_TIMEOUT_NS, now_ns));
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->pending * (sizeof(struct query) + TH_DNS_NAME_MAX) + s->hold[0].cap + s->hold[1].cap;
}

const struct th_analyser th_dns_analyser = {
    .service = TH_SVC_DNS,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .gap = gap,
    .end = end,
};
