/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "framing.h"

static const char *const service_names[TH_SVC_COUNT] = {
    [TH_SVC_NONE] = "",
#define TH_SERVICE(NAME, text) [TH_SVC_##NAME] = text,
#include "service.def"
#undef TH_SERVICE
};

const char *th_service_name(enum th_service s)
{
    return (unsigned)s < TH_SVC_COUNT ? service_names[s] : "";
}

void th_hold_done(struct th_hold *h)
{
    free(h->p);
    *h = (struct th_hold){0};
}

static bool hold_append(struct th_hold *h, const uint8_t *p, size_t len, size_t limit)
{
    if (len > limit || h->len > limit - len)
        return false;
    if (h->cap - h->len < len) {
        uint32_t cap = TH_MAX(h->cap, 128u);
        while (cap - h->len < len)
            cap *= 2;
        h->p = th_xrealloc(h->p, cap);
        h->cap = cap;
    }
    memcpy(h->p + h->len, p, len);
    h->len += (uint32_t)len;
    return true;
}

struct th_cur th_hold_join(
    struct th_hold *h, const uint8_t *p, size_t len, size_t limit, bool *ret_ok)
{
    *ret_ok = true;
    if (!h->len)
        return th_cur_init(p, len);
    *ret_ok = hold_append(h, p, len, limit);
    return th_cur_init(h->p, h->len);
}

bool th_hold_keep(struct th_hold *h, const struct th_cur *cur, size_t limit)
{
    size_t left = (size_t)(cur->end - cur->p);
    if (!left) {
        th_hold_done(h);
        return true;
    }
    if (left > limit)
        return false;
    if (h->len && cur->end == h->p + h->len) {
        if (cur->p != h->p)
            memmove(h->p, cur->p, left);
        h->len = (uint32_t)left;
        return true;
    }
    h->len = 0;
    return hold_append(h, cur->p, left, limit);
}

void th_proto_emit(struct th_proto *pr, struct th_event *ev, int64_t time_ns)
{
    ev->time_ns = time_ns;
    ev->seq = pr->events++;
    int err = pr->sink_err ? 0 : th_sink_put(pr->sink, ev);
    if (err < 0)
        pr->sink_err = err;
}

void th_conn_service(struct th_conn *c, enum th_service s)
{
    for (unsigned i = 0; i < c->service_count; i++)
        if (c->services[i] == s)
            return;
    if (c->service_count < TH_CONN_MAX_SERVICES)
        c->services[c->service_count++] = (uint8_t)s;
}

struct th_str th_conn_services(struct th_proto *pr, const struct th_conn *c)
{
    if (!c || !c->service_count)
        return th_str_c("");
    struct th_str s = th_str_c(service_names[c->services[0]]);
    for (unsigned i = 1; i < c->service_count; i++)
        s = th_arena_printf(
            &pr->scratch, "%.*s,%s", (int)s.len, s.p, service_names[c->services[i]]);
    return s;
}

void th_conn_weird(struct th_conn *c, int64_t time_ns, const char *name)
{
    c->pr->weird(c->pr->arg, c->flow, time_ns, name);
}

#define CHUNK_CONNS 128u
struct th_conn_chunk {
    struct th_conn_chunk *next;
    struct th_conn v[CHUNK_CONNS];
};

static void add_chunk(struct th_proto *pr)
{
    struct th_conn_chunk *chunk = th_xmalloc(sizeof(*chunk));
    chunk->next = pr->conn_chunks;
    pr->conn_chunks = chunk;
    pr->conns += CHUNK_CONNS;
    for (unsigned i = CHUNK_CONNS; i-- > 0;) {
        chunk->v[i].held_next = pr->free_conns;
        pr->free_conns = &chunk->v[i];
    }
}

static struct th_conn *conn_new(struct th_proto *pr, struct th_flow *f)
{
    if (!pr->free_conns)
        add_chunk(pr);
    struct th_conn *c = pr->free_conns;
    pr->free_conns = c->held_next;
    *c = (struct th_conn){.pr = pr, .flow = f};
    f->app = c;
    return c;
}

static struct th_held_list *list_of(struct th_proto *pr, uint32_t held)
{
    return &pr->held[held ? 32 - __builtin_clz(held) : 0];
}

static void link_held(struct th_held_list *l, struct th_conn *c)
{
    c->held_next = NULL;
    c->held_prev = l->tail;
    *(l->tail ? &l->tail->held_next : &l->head) = c;
    l->tail = c;
    l->bytes += c->held;
    c->fed = false;
}

static void unlink_held(struct th_held_list *l, struct th_conn *c)
{
    *(c->held_prev ? &c->held_prev->held_next : &l->head) = c->held_next;
    *(c->held_next ? &c->held_next->held_prev : &l->tail) = c->held_prev;
    l->bytes -= c->held;
}

/* Counts what hangs on it now. */
static void settle(struct th_conn *c)
{
    const struct th_undecided *u = c->undecided;
    size_t held = u ? sizeof(*u) + u->first[0].cap + u->first[1].cap : 0;
    c->fed = true;
    if (c->state)
        held += c->an->state_bytes + (c->an->framing ? th_frames_held(c->state) : 0) +
            (c->an->held ? c->an->held(c->state) : 0);
    if (__builtin_expect(held == c->held, 1))
        return;
    if (c->held)
        unlink_held(list_of(c->pr, c->held), c);
    c->pr->held_bytes += held - c->held;
    c->held = (uint32_t)held;
    if (c->held)
        link_held(list_of(c->pr, c->held), c);
}

static void undecided_free(struct th_undecided *u)
{
    if (!u)
        return;
    th_hold_done(&u->first[0]);
    th_hold_done(&u->first[1]);
    free(u);
}

static void deafen(struct th_conn *c, int dir)
{
    c->deaf[dir] = true;
    c->flow->skip_data[dir] = true;
    if (c->deaf[!dir])
        undecided_free(TH_TAKE(c->undecided));
    else if (c->undecided)
        th_hold_done(&c->undecided->first[dir]);
}

static void stop(struct th_conn *c)
{
    deafen(c, 0);
    deafen(c, 1);
}

static void end_state(struct th_conn *c, int64_t time_ns)
{
    if (c->state && c->an->end)
        c->an->end(c, c->state, time_ns);
    if (c->state && c->an->framing)
        th_frames_done(c->state);
    free(c->state);
    c->state = NULL;
}

static void end_analyser(struct th_conn *c, int64_t time_ns)
{
    if (c->state && c->an->end)
        th_arena_reset(&c->pr->scratch);
    end_state(c, time_ns);
}

static void obey(struct th_conn *c, enum th_verdict v, int dir, int64_t time_ns)
{
    switch (v) {
    case TH_GO_ON: return;
    case TH_DONE_DIR:
        deafen(c, dir);
        if (!c->deaf[!dir])
            return;
        break;
    case TH_DONE:
    case TH_BAIL: stop(c); break;
    }
    end_analyser(c, time_ns);
}

static void give(
    struct th_conn *c, int dir, int64_t time_ns, const uint8_t *p, size_t len, size_t wire_len)
{
    if (c->deaf[dir] || !c->state)
        return;
    const struct th_chunk ch = {.p = p,
        .len = len,
        .wire_len = wire_len,
        .time_ns = time_ns,
        .dir = dir,
        .from_client = dir == c->client};
    th_arena_reset(&c->pr->scratch);
    obey(c, c->an->data(c, c->state, &ch), dir, time_ns);
}

static void start(struct th_conn *c, const struct th_analyser *an)
{
    c->an = an;
    if (an->data)
        c->state = th_xcalloc(1, TH_MAX(an->state_bytes, 1));
    else
        stop(c);
}

void th_conn_begin(struct th_proto *pr, struct th_flow *f, const struct th_analyser *an, int client)
{
    struct th_conn *c = f->app ? f->app : conn_new(pr, f);
    TH_ASSERT(!c->an);
    undecided_free(TH_TAKE(c->undecided));
    c->client = (uint8_t)client;
    start(c, an);
    settle(c);
}

static bool begin_anew(struct th_conn *c, int64_t time_ns)
{
    if (c->restarts++ == TH_CONN_MAX_RESTARTS)
        return false;
    end_state(c, time_ns);
    c->an = NULL;
    for (int dir = 0; dir < 2; dir++)
        c->deaf[dir] = c->flow->skip_data[dir] = false;
    return true;
}

enum th_verdict th_conn_switch(
    struct th_conn *c, const struct th_analyser *an, const struct th_chunk *rest)
{
    if (!begin_anew(c, rest->time_ns))
        return TH_DONE;
    start(c, an);
    return rest->len && an->data ? an->data(c, c->state, rest) : TH_GO_ON;
}

static void detect(struct th_conn *c, const struct th_chunk *ch);

enum th_verdict th_conn_restart(struct th_conn *c, const struct th_chunk *rest)
{
    if (!begin_anew(c, rest->time_ns))
        return TH_DONE;
    if (rest->len)
        detect(c, rest);
    return TH_GO_ON;
}

/* A bit for each analyser that may know a flow with this first byte. */
struct th_candidates {
    uint64_t of[2][256]; /* not TCP, TCP */
};

static uint64_t candidates(struct th_proto *pr, bool tcp, uint8_t first)
{
    if (__builtin_expect(!pr->candidates, 0)) {
        pr->candidates = th_xcalloc(1, sizeof(*pr->candidates));
        for (unsigned k = 0; k < 2 * 256 * th_analyser_count; k++) {
            unsigned i = k / 512, byte = k % 256, is_tcp = k / 256 % 2;
            if (th_analyser_may(i, is_tcp, (uint8_t)byte))
                pr->candidates->of[is_tcp][byte] |= UINT64_C(1) << i;
        }
    }
    return pr->candidates->of[tcp][first];
}

/* Asks all that have not refused this direction yet. NULL and *ret_more: some want more. */
static const struct th_analyser *ask(struct th_conn *c, struct th_undecided *u, int dir,
    const struct th_probe_in *in, bool *ret_more)
{
    bool tcp = in->ip_proto == 6;
    *ret_more = false;
    for (uint64_t m = candidates(c->pr, tcp, in->p[0]) & ~u->ruled_out[dir]; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        const struct th_analyser *an = th_analyser_at(i);
        enum th_probe r = an->probe(in);
        if (r == TH_PROBE_CLIENT || r == TH_PROBE_SERVER) {
            c->client = (uint8_t)(r == TH_PROBE_CLIENT ? dir : !dir);
            return an;
        }
        if (r == TH_PROBE_MORE)
            *ret_more = true;
        else if (tcp)
            u->ruled_out[dir] |= UINT64_C(1) << i;
    }
    return NULL;
}

/* u: the connection's own, or what it gets when there is something to wait for. */
static void wait_for_more(
    struct th_conn *c, struct th_undecided *u, int dir, const struct th_cur *all, bool more)
{
    bool wait = c->flow->proto == 6 ? more && th_hold_keep(&u->first[dir], all, TH_PROBE_MAX_BYTES)
                                    : ++u->datagrams[dir] < TH_PROBE_MAX_DATAGRAMS;
    if (!wait) {
        deafen(c, dir);
    } else if (!c->undecided) {
        c->undecided = th_xmalloc(sizeof(*u));
        *c->undecided = *u;
    }
}

static void detect(struct th_conn *c, const struct th_chunk *ch)
{
    int dir = ch->dir;
    bool ok, more;
    struct th_undecided fresh = {0};
    struct th_undecided *u = c->undecided ? c->undecided : &fresh;
    struct th_cur all =
        th_hold_join(&u->first[dir], ch->p, ch->len, TH_PROBE_MAX_BYTES + ch->len, &ok);
    const struct th_probe_in in = {.p = all.p,
        .len = th_cur_left(&all),
        .wire_len = TH_MAX(ch->wire_len, th_cur_left(&all)),
        .src = c->flow->port[dir],
        .dst = c->flow->port[!dir],
        .ip_proto = c->flow->proto};
    const struct th_analyser *an = ask(c, u, dir, &in, &more);
    if (!an) {
        u->first_ns[dir] = ch->time_ns;
        wait_for_more(c, u, dir, &all, more);
        return;
    }
    struct th_undecided *own = TH_TAKE(c->undecided);
    start(c, an);
    if (!an->data) {
        th_conn_service(c, an->service);
    } else {
        const struct th_hold *other = &u->first[!dir];
        if (other->len)
            give(c, !dir, u->first_ns[!dir], other->p, other->len, other->len);
        give(c, dir, ch->time_ns, all.p, in.len, in.wire_len);
    }
    undecided_free(own);
}

void th_conn_data(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len)
{
    struct th_conn *c = f->app;
    if (!c && !(pr->expected && th_expect_begin(pr, f, time_ns)))
        conn_new(pr, f);
    c = f->app;
    if (c->deaf[dir] || !len)
        return;
    const struct th_chunk ch = {
        .p = p, .len = len, .wire_len = wire_len, .time_ns = time_ns, .dir = dir};
    if (c->an)
        give(c, dir, time_ns, p, len, wire_len);
    else
        detect(c, &ch);
    settle(c);
}

void th_conn_gap(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns, uint64_t len)
{
    struct th_conn *c = f->app;
    if (!c || c->deaf[dir])
        return;
    th_arena_reset(&pr->scratch);
    enum th_verdict v =
        c->an && c->an->gap ? c->an->gap(c, c->state, dir, time_ns, len) : TH_DONE_DIR;
    obey(c, v, dir, time_ns);
    settle(c);
}

void th_conn_fin(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns)
{
    struct th_conn *c = f->app;
    if (!c || !c->state || c->deaf[dir] || !c->an->fin)
        return;
    th_arena_reset(&pr->scratch);
    c->an->fin(c, c->state, dir, time_ns);
    settle(c);
}

void th_conn_finish(struct th_proto *pr, struct th_flow *f, int64_t time_ns)
{
    (void)pr;
    struct th_conn *c = f->app;
    if (c)
        end_analyser(c, time_ns);
}

void th_conn_free(struct th_proto *pr, struct th_flow *f)
{
    struct th_conn *c = f->app;
    if (!c)
        return;
    undecided_free(TH_TAKE(c->undecided));
    free(c->state);
    c->state = NULL;
    settle(c);
    c->held_next = pr->free_conns;
    pr->free_conns = c;
    f->app = NULL;
}

void th_proto_shed(struct th_proto *pr)
{
    while (pr->held_bytes > pr->max_held_bytes) {
        struct th_held_list *most = pr->held;
        for (unsigned i = 1; i < TH_HELD_LISTS; i++)
            most = pr->held[i].bytes > most->bytes ? &pr->held[i] : most;
        struct th_conn *c = most->head;
        if (c->fed) { /* a second chance */
            unlink_held(most, c);
            link_held(most, c);
            continue;
        }
        pr->given_up++;
        c->flow->cut |= TH_CUT_ANALYSIS;
        stop(c);
        end_analyser(c, c->flow->last_ns);
        settle(c);
    }
}

void th_proto_done(struct th_proto *pr)
{
    while (pr->conn_chunks) {
        struct th_conn_chunk *next = pr->conn_chunks->next;
        free(pr->conn_chunks);
        pr->conn_chunks = next;
    }
    pr->free_conns = NULL;
    free(TH_TAKE(pr->candidates));
    th_expect_done(pr);
    th_arena_done(&pr->scratch);
}
