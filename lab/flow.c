/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include "base/hash.h"
#include "base/mem.h"

/* Two sizes of chunks: most flows fit into the small one. */
#define SMALL_BYTES 1536u
#define LARGE_BYTES 8192u

struct lab_chunk {
    struct lab_chunk *next;
    uint32_t used, cap; /* of what follows */
};

struct lab_pool {
    struct lab_chunk *small, *large;
    size_t bytes;
};

struct lab_pool *lab_pool_new(void)
{
    return th_xcalloc(1, sizeof(struct lab_pool));
}

static void chunks_free(struct lab_chunk *c)
{
    while (c) {
        struct lab_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void lab_pool_free(struct lab_pool *p)
{
    if (!p)
        return;
    chunks_free(p->small);
    chunks_free(p->large);
    free(p);
}

size_t lab_pool_bytes(const struct lab_pool *p)
{
    return p->bytes;
}

static struct lab_chunk *chunk_get(struct lab_pool *p, size_t need)
{
    struct lab_chunk **list = need <= SMALL_BYTES ? &p->small : &p->large;
    uint32_t cap = need <= SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES;
    TH_ASSERT(need <= LARGE_BYTES);
    struct lab_chunk *c = *list;
    if (c) {
        *list = c->next;
    } else {
        c = th_xmalloc(sizeof *c + cap);
        p->bytes += sizeof *c + cap;
    }
    *c = (struct lab_chunk){.cap = cap};
    return c;
}

static void *chunk_take(struct lab_chunk *c, size_t len)
{
    void *mem = (uint8_t *)(c + 1) + c->used;
    c->used += (uint32_t)((len + 7) & ~(size_t)7);
    return memset(mem, 0, len);
}

static void name_put(char out[LAB_UID_LEN], char first, uint64_t id)
{
    char text[TH_ID_TEXT_LEN];
    th_id_text(first, id, text);
    memcpy(out, text, LAB_UID_LEN);
}

struct lab_flow *lab_flow_new(struct lab_pool *p, uint64_t seed, uint64_t id)
{
    struct lab_chunk *c = chunk_get(p, SMALL_BYTES);
    struct lab_flow *f = chunk_take(c, sizeof *f);
    f->id = id;
    f->chunks = c;
    f->rec_tail = &f->recs;
    f->local_src = true;
    name_put(f->uid, 'C', th_hash_pair(seed, id));
    return f;
}

void lab_flow_free(struct lab_pool *p, struct lab_flow *f)
{
    struct lab_chunk *c = f ? f->chunks : NULL;
    while (c) {
        struct lab_chunk *next = c->next, **list = c->cap == SMALL_BYTES ? &p->small : &p->large;
        c->next = *list;
        *list = c;
        c = next;
    }
}

void lab_flow_unref(struct lab_pool *p, struct lab_flow *f)
{
    if (--f->refs == 0)
        lab_flow_free(p, f);
}

void *lab_flow_alloc(struct lab_pool *p, struct lab_flow *f, size_t len_bytes)
{
    struct lab_chunk *c = f->chunks;
    if (c->cap - c->used < ((len_bytes + 7) & ~(size_t)7)) {
        c = chunk_get(p, len_bytes);
        c->next = f->chunks;
        f->chunks = c;
    }
    return chunk_take(c, len_bytes);
}

struct th_str lab_flow_text(struct lab_pool *p, struct lab_flow *f, struct th_str s)
{
    char *mem = lab_flow_alloc(p, f, s.len);
    memcpy(mem, s.p, s.len);
    return th_str_n(mem, s.len);
}

void *lab_flow_rec(
    struct lab_pool *p, struct lab_flow *f, enum th_kind kind, int64_t ts, int64_t time_ns)
{
    struct lab_rec *rec = lab_flow_alloc(p, f, sizeof *rec);
    rec->ev = lab_flow_alloc(p, f, th_kind_get(kind)->size_bytes);
    rec->ev->kind = (uint16_t)kind;
    rec->ev->time_ns = time_ns;
    rec->ts = ts;
    rec->no = ++f->rec_count;
    *f->rec_tail = rec;
    f->rec_tail = &rec->next;
    return rec->ev;
}

struct th_str lab_flow_fuid(struct lab_pool *p, struct lab_flow *f, uint64_t seed, unsigned no)
{
    char *mem = lab_flow_alloc(p, f, LAB_UID_LEN);
    name_put(mem, 'F', th_hash_pair(seed + 0x46554944, f->id * 64 + no));
    return th_str_n(mem, LAB_UID_LEN);
}

const char *lab_state_name(enum lab_state s)
{
    static const char *const names[] = {"SF", "S0", "REJ", "RSTO", "RSTR", "S1"};
    TH_ASSERT(s < LAB_STATE_COUNT);
    return names[s];
}

static const char *history_of(const struct lab_flow *f)
{
    if (f->proto == LAB_UDP)
        return f->down ? "Dd" : "D";
    if (f->proto == LAB_ICMP)
        return "";
    bool up = f->up > 0, down = f->down > 0;
    switch ((enum lab_state)f->state) {
    case LAB_S0: return "S";
    case LAB_REJ: return "Sr";
    case LAB_RSTO: return up && down ? "ShADadR" : up ? "ShADaR" : "ShAR";
    case LAB_RSTR: return up && down ? "ShADadr" : up ? "ShADar" : "ShAr";
    case LAB_S1: return up && down ? "ShADad" : up ? "ShADa" : "ShA";
    default: return up && down ? "ShADadFf" : up ? "ShADaFf" : down ? "ShAdaFf" : "ShAFf";
    }
}

static void conn_bytes(const struct lab_flow *f, struct th_ev_conn *ev)
{
    TH_SET(ev, CONN, orig_pkts, f->pkts[0]);
    TH_SET(ev, CONN, orig_ip_bytes, f->ip_bytes[0]);
    TH_SET(ev, CONN, resp_pkts, f->pkts[1]);
    TH_SET(ev, CONN, resp_ip_bytes, f->ip_bytes[1]);
    if (f->pkts[0] + f->pkts[1] > 1) {
        TH_SET(ev, CONN, duration, f->dur_ns);
        TH_SET(ev, CONN, orig_bytes, f->up);
        TH_SET(ev, CONN, resp_bytes, f->down);
    }
}

void lab_flow_conn(const struct lab_flow *f, struct th_ev_conn *ev)
{
    *ev = (struct th_ev_conn){.h.kind = TH_KIND_CONN};
    TH_SET(ev, CONN, proto,
        f->proto == LAB_TCP       ? th_str_n("tcp", 3)
            : f->proto == LAB_UDP ? th_str_n("udp", 3)
                                  : th_str_n("icmp", 4));
    if (f->service)
        TH_SET(ev, CONN, service, th_str_c(f->service));
    const char *state = f->proto == LAB_ICMP ? "OTH" : lab_state_name((enum lab_state)f->state);
    TH_SET(ev, CONN, conn_state, th_str_c(state));
    TH_SET(ev, CONN, local_orig, f->local_src);
    TH_SET(ev, CONN, local_resp, f->local_dst);
    TH_SET(ev, CONN, missed_bytes, 0);
    TH_SET(ev, CONN, history, th_str_c(history_of(f)));
    TH_SET(ev, CONN, orig_l2_addr, f->src_mac);
    TH_SET(ev, CONN, resp_l2_addr, f->dst_mac);
    conn_bytes(f, ev);
}
