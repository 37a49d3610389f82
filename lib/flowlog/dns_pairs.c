/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suricata writes a question as one line and its answer as another (version 1 of its DNS log: a
 * line a record of the answer). A table of fixed size keeps questions until they are answered; one
 * whose place is needed goes as it is.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "eve_priv.h"

enum { SLOTS = 4096, MAX_ANSWERS = 64, MAX_TEXT_BYTES = 8192 };
static const int64_t unanswered_ns = 10 * TH_NS_PER_S;
static const int64_t more_answers_ns = TH_NS_PER_S;

struct span {
    uint32_t at, len;
};

struct slot {
    bool used, asked, answered;
    uint64_t key;
    int64_t asked_ns, answered_ns;
    struct th_addr orig, resp;
    uint16_t orig_p, resp_p, id;
    char uid[TH_ID_TEXT_LEN];
    bool has_rd, rd, ra, aa, tc;
    struct th_buf text; /* all texts, one behind the other */
    struct span name, type, rcode, proto;
    struct span answers[MAX_ANSWERS];
    int64_t ttls[MAX_ANSWERS];
    unsigned answer_count;
};

struct th_dns_pairs {
    struct slot slots[SLOTS];
    int64_t looked_ns;
};

static const struct {
    const char *name;
    uint16_t number;
} qtypes[] = {{"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"NULL", 10}, {"PTR", 12}, {"MX", 15},
    {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}, {"NAPTR", 35}, {"DS", 43}, {"SVCB", 64}, {"HTTPS", 65},
    {"ANY", 255}},
  rcodes[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2}, {"NXDOMAIN", 3}, {"NOTIMP", 4},
      {"REFUSED", 5}};

static struct th_str text_at(const struct slot *s, struct span at)
{
    return at.len ? th_str_n(s->text.p + at.at, at.len) : (struct th_str){"", 0};
}

static struct span keep(struct slot *s, struct th_str text)
{
    if (s->text.len + text.len > MAX_TEXT_BYTES)
        return (struct span){0, 0};
    struct span at = {(uint32_t)s->text.len, text.len};
    th_buf_str(&s->text, text);
    return at;
}

/* ---- out ---- */

static void set_result(const struct slot *s, struct th_ev_dns *d)
{
    struct th_str rcode = text_at(s, s->rcode);
    if (s->asked && s->answered_ns >= s->asked_ns)
        TH_SET(d, DNS, rtt, th_time_sub(s->answered_ns, s->asked_ns));
    TH_SET(d, DNS, rcode_name, rcode);
    for (size_t i = 0; i < TH_ARRAY_LEN(rcodes); i++)
        if (th_str_is(rcode, rcodes[i].name))
            TH_SET(d, DNS, rcode, rcodes[i].number);
    TH_SET(d, DNS, RA, s->ra);
    TH_SET(d, DNS, AA, s->aa);
    TH_SET(d, DNS, rejected, th_str_is(rcode, "REFUSED"));
    TH_SET(d, DNS, TC, s->tc);
}

static int give(struct th_eve *e, struct slot *s)
{
    struct th_ev_dns d = {.h = {.kind = TH_KIND_DNS}};
    struct th_str answers[MAX_ANSWERS];
    struct th_str type = text_at(s, s->type);
    s->used = false;
    d.h.time_ns = s->answered ? TH_MAX(s->answered_ns, s->asked_ns) : s->asked_ns;
    TH_SET(&d, DNS, ts, s->asked_ns);
    if (s->uid[0])
        TH_SET(&d, DNS, uid, th_str_c(s->uid));
    TH_SET(&d, DNS, id_orig_h, s->orig);
    TH_SET(&d, DNS, id_orig_p, s->orig_p);
    TH_SET(&d, DNS, id_resp_h, s->resp);
    TH_SET(&d, DNS, id_resp_p, s->resp_p);
    TH_SET(&d, DNS, proto, text_at(s, s->proto));
    TH_SET(&d, DNS, trans_id, s->id);
    TH_SET(&d, DNS, query, text_at(s, s->name));
    TH_SET(&d, DNS, qtype_name, type);
    for (size_t i = 0; i < TH_ARRAY_LEN(qtypes); i++)
        if (th_str_is(type, qtypes[i].name))
            TH_SET(&d, DNS, qtype, qtypes[i].number);
    if (s->has_rd)
        TH_SET(&d, DNS, RD, s->rd);
    if (s->answered)
        set_result(s, &d);
    for (unsigned i = 0; i < s->answer_count; i++)
        answers[i] = text_at(s, s->answers[i]);
    if (s->answer_count) {
        TH_SET(&d, DNS, answers, (struct th_strs){answers, s->answer_count});
        TH_SET(&d, DNS, TTLs, (struct th_spans){s->ttls, s->answer_count});
    }
    return th_eve_put(e, &d.h);
}

int th_dns_pairs_flush(struct th_eve *e)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < SLOTS; i++)
        if (e->dns->slots[i].used)
            r = give(e, &e->dns->slots[i]);
    return r;
}

int th_dns_pairs_advance(struct th_eve *e, int64_t now_ns)
{
    struct th_dns_pairs *d = e->dns;
    int r = 0;
    now_ns = th_time_floor(now_ns, more_answers_ns); /* whenever the one before was */
    if (now_ns <= d->looked_ns)
        return 0;
    d->looked_ns = now_ns;
    for (unsigned i = 0; r == 0 && i < SLOTS; i++) {
        struct slot *s = &d->slots[i];
        if (s->used &&
            th_time_sub(now_ns, s->answered ? s->answered_ns : s->asked_ns) >
                (s->answered ? more_answers_ns : unanswered_ns))
            r = give(e, s);
    }
    return r;
}

/* ---- in ---- */

static void begin(
    const struct th_eve *e, struct slot *s, uint64_t key, struct th_str name, struct th_str type)
{
    struct th_buf text = s->text;
    th_buf_clear(&text);
    *s = (struct slot){.used = true,
        .key = key,
        .asked_ns = e->time_ns,
        .orig = e->orig,
        .resp = e->resp,
        .orig_p = e->orig_p,
        .resp_p = e->resp_p,
        .id = (uint16_t)th_eve_number(e->object, "dns.id"),
        .text = text};
    memcpy(s->uid, e->uid, sizeof(s->uid));
    s->name = keep(s, name);
    s->type = keep(s, type);
}

static void take_flags(const struct th_eve *e, struct slot *s)
{
    const json_t *rd = th_eve_at(e->object, "dns.rd");
    s->has_rd |= rd != NULL;
    s->rd |= json_is_true(rd);
    s->ra |= json_is_true(th_eve_at(e->object, "dns.ra"));
    s->aa |= json_is_true(th_eve_at(e->object, "dns.aa"));
    s->tc |= json_is_true(th_eve_at(e->object, "dns.tc"));
}

static void add_answer(struct slot *s, const json_t *record)
{
    struct th_str data = th_eve_text(record, "rdata");
    if (data.len == 0 || s->answer_count == MAX_ANSWERS)
        return;
    s->answers[s->answer_count] = keep(s, data);
    if (s->answers[s->answer_count].len == 0) /* no room is left */
        return;
    s->ttls[s->answer_count++] =
        (int64_t)TH_MIN(th_eve_number(record, "ttl"), (uint64_t)UINT32_MAX) * TH_NS_PER_S;
}

/* Names are compared by their hash with the id and the connection: an answer that has another
 * question is no answer to this one. */
static uint64_t key_of(const struct th_eve *e, struct th_str name)
{
    static const struct th_hash_key none = {0};
    uint64_t flow = th_siphash(&none, e->uid, sizeof(e->uid));
    uint64_t id = th_eve_number(e->object, "dns.id");
    return th_hash_pair(th_hash_pair(flow, id), th_siphash(&none, name.p, name.len));
}

static int take_answer(struct th_eve *e, struct slot *s)
{
    const json_t *answers = th_eve_at(e->object, "dns.answers");
    bool whole = answers || th_eve_number(e->object, "dns.version") >= 2;
    size_t i;
    const json_t *record;
    s->answered = true;
    s->answered_ns = e->time_ns;
    if (s->rcode.len == 0)
        s->rcode = keep(s, th_eve_text(e->object, "dns.rcode"));
    take_flags(e, s);
    json_array_foreach(answers, i, record) add_answer(s, record);
    if (!whole)
        add_answer(s, th_eve_at(e->object, "dns"));
    return whole ? give(e, s) : 0;
}

int th_eve_dns(struct th_eve *e)
{
    const json_t *first = json_array_get(th_eve_at(e->object, "dns.queries"), 0);
    const json_t *of = first ? first : th_eve_at(e->object, "dns");
    struct th_str word = th_eve_text(e->object, "dns.type");
    struct th_str name = th_eve_text(of, "rrname");
    bool answer = th_str_is(word, "answer") || th_str_is(word, "response");
    bool query = th_str_is(word, "query") || th_str_is(word, "request");
    if (!e->has_ends || (!answer && !query))
        return 0;
    uint64_t key = key_of(e, name);
    struct slot *s = &e->dns->slots[key % SLOTS];
    int r = th_dns_pairs_advance(e, e->time_ns);
    bool known = s->used && s->key == key;
    if (r == 0 && s->used && (!known || query))
        r = give(e, s);
    if (!known || query) {
        begin(e, s, key, name, th_eve_text(of, "rrtype"));
        s->proto = keep(s, th_eve_lower(e, th_eve_text(e->object, "proto")));
        s->asked = query;
        take_flags(e, s);
    }
    if (r == 0 && answer)
        r = take_answer(e, s);
    return r < 0 ? r : 1;
}

struct th_dns_pairs *th_dns_pairs_new(void)
{
    struct th_dns_pairs *d = th_xcalloc(1, sizeof(*d));
    d->looked_ns = INT64_MIN;
    return d;
}

void th_dns_pairs_free(struct th_dns_pairs *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        th_buf_done(&d->slots[i].text);
    free(d);
}
