/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the other roles: each has a number, a time limit, and who is to be told. The number
 * is slot and generation, so that an answer that comes too late finds nobody.
 */
#include "base/cursor.h"
#include "gateway.h"

#define MAX_ASKS 2048u

struct ask {
    gw_answered *done; /* NULL: free */
    void *arg;
    int64_t deadline_ns;
    unsigned edge, edge_generation;
    uint32_t generation;
};

struct gw_asks {
    struct ask v[MAX_ASKS];
    unsigned out[GW_EDGE_COUNT]; /* how many wait, an edge */
};

static const char *const names[GW_EDGE_COUNT] = {"state", "store", "intake", "query.0", "query.1",
    "query.2", "query.3", "query.4", "query.5", "query.6", "query.7"};

const char *gw_edge_name(unsigned edge)
{
    TH_ASSERT(edge < GW_EDGE_COUNT);
    return names[edge];
}

struct gw_asks *gw_asks_new(struct gateway *g)
{
    (void)g;
    return th_xcalloc(1, sizeof(struct gw_asks));
}

void gw_asks_free(struct gw_asks *a)
{
    free(a);
}

static uint64_t number_of(const struct gw_asks *a, unsigned slot)
{
    return (uint64_t)a->v[slot].generation << 16 | slot;
}

static struct ask *find(struct gw_asks *a, uint64_t number)
{
    struct ask *k = &a->v[(number & 0xffff) % MAX_ASKS];
    return k->done && number_of(a, (unsigned)(k - a->v)) == number ? k : NULL;
}

uint64_t gw_ask(struct gateway *g, enum gw_edge edge, uint16_t type, struct th_str body,
    gw_answered *done, void *arg)
{
    struct gw_asks *a = g->asks;
    unsigned slot = 0;
    while (slot < MAX_ASKS && a->v[slot].done)
        slot++;
    if (slot == MAX_ASKS || body.len > TH_IPC_MAX_BODY)
        return 0;
    struct ask *k = &a->v[slot];
    *k = (struct ask){.done = done,
        .arg = arg,
        .deadline_ns = g->mono_ns + g->config.ask_ns,
        .edge = edge,
        .edge_generation = th_edges_generation(g->edges, edge),
        .generation = k->generation + 1};
    uint64_t number = number_of(a, slot);
    if (th_edges_send(g->edges, edge, type, number, body) < 0) {
        k->done = NULL;
        return 0;
    }
    a->out[edge]++;
    return number;
}

/* Takes it off the list; the caller then tells whoever asked. */
static void settle(struct gw_asks *a, struct ask *k)
{
    k->done = NULL;
    a->out[k->edge]--;
}

void gw_ask_cancel(struct gateway *g, uint64_t number)
{
    struct ask *k = find(g->asks, number);
    if (!k)
        return;
    settle(g->asks, k);
    /* A role that cannot be told answers into the void. */
    int r = th_edges_send(g->edges, k->edge, TH_MSG_CANCEL, number, th_str_c(""));
    (void)r;
}

enum gw_edge gw_ask_query_edge(struct gateway *g)
{
    unsigned best = GW_EDGE_QUERY;
    for (unsigned e = GW_EDGE_QUERY; e < GW_EDGE_COUNT; e++) {
        bool better = !th_edges_up(g->edges, best) || g->asks->out[e] < g->asks->out[best];
        if (th_edges_up(g->edges, e) && better)
            best = e;
    }
    return (enum gw_edge)best;
}

static void give(struct gw_asks *a, struct ask *k, const struct gw_answer *answer)
{
    gw_answered *done = k->done;
    void *arg = k->arg;
    settle(a, k);
    done(arg, answer);
}

/* Status u16, length of the cookies' text u16, the text, the body. */
static struct gw_answer read_answer(struct th_str bytes)
{
    struct th_cur c = th_cur_init(bytes.p, bytes.len);
    struct gw_answer a = {.status = th_cur_le16(&c)};
    a.cookies = th_cur_bytes(&c, th_cur_le16(&c));
    a.body = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed || a.status < 200 || a.status > 599)
        a = (struct gw_answer){.err = TH_E_MALFORMED};
    return a;
}

/* Store says something to everybody who watches. */
static void notice(struct gateway *g, struct th_str bytes)
{
    struct th_cur c = th_cur_init(bytes.p, bytes.len);
    struct th_str name = th_cur_bytes(&c, th_cur_u8(&c));
    struct th_str json = th_cur_bytes(&c, th_cur_left(&c));
    if (!c.failed)
        gw_streams_tell(g, name, json);
}

static void receive(struct gateway *g, unsigned edge)
{
    struct th_ipc_message m;
    while (th_edges_receive(g->edges, edge, &m) > 0) {
        if (m.type == TH_MSG_NOTICE) {
            notice(g, m.body);
            continue;
        }
        if (m.type == TH_MSG_REQUEST && edge == GW_EDGE_STATE) {
            gw_operator_asks(g, m.id, m.body);
            continue;
        }
        struct ask *k = m.type == TH_MSG_ANSWER ? find(g->asks, m.id) : NULL;
        if (!k || k->edge != edge)
            continue; /* nobody waits for it any more */
        struct gw_answer a = read_answer(m.body);
        give(g->asks, k, &a);
    }
}

void gw_asks_turn(struct gateway *g)
{
    for (unsigned e = 0; e < GW_EDGE_COUNT; e++)
        receive(g, e);
    for (unsigned i = 0; i < MAX_ASKS; i++) {
        struct ask *k = &g->asks->v[i];
        if (!k->done)
            continue;
        bool down = !th_edges_up(g->edges, k->edge) ||
            th_edges_generation(g->edges, k->edge) != k->edge_generation;
        if (!down && g->mono_ns < k->deadline_ns)
            continue;
        if (!down) {
            int r = th_edges_send(
                g->edges, k->edge, TH_MSG_CANCEL, number_of(g->asks, i), th_str_c(""));
            (void)r; /* late anyway */
        }
        struct gw_answer a = {.err = down ? -ENOTCONN : -ETIMEDOUT};
        give(g->asks, k, &a);
    }
}
