/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator asks over the control socket and others have to answer: state passes it on, for
 * routes of the API that only read, and gets the answer as a browser would. Nothing else comes
 * from there: whoever changes something has a route of state's own.
 */
#include "gateway.h"

struct looked {
    struct gateway *g;
    uint64_t id;
    unsigned generation; /* of the edge to state */
};

static void answer(struct gateway *g, uint64_t id, unsigned status, struct th_str body)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    th_buf_le16(&out, (uint16_t)status);
    th_buf_le16(&out, 0);
    th_buf_str(&out, body);
    int r = th_edges_send(g->edges, GW_EDGE_STATE, TH_MSG_ANSWER, id, th_buf_view(&out));
    (void)r; /* state gives up after a while */
}

static void refuse(struct gateway *g, uint64_t id, unsigned status, const char *message)
{
    json_t *j = json_pack("{s:{s:s, s:s}}", "error", "code", "operator", "message", message);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    TH_ASSERT(text);
    answer(g, id, status, th_str_c(text));
    free(text);
}

static void on_looked(void *arg, const struct gw_answer *a)
{
    struct looked *k = arg;
    if (k->generation == th_edges_generation(k->g->edges, GW_EDGE_STATE)) {
        if (a->err == 0)
            answer(k->g, k->id, a->status, a->body);
        else
            refuse(k->g, k->id, a->err == -ETIMEDOUT ? 504 : 503,
                "The part of the master that answers this does not run, or not in time.");
    }
    free(k);
}

/* NULL: no route, or not one that only reads what store, query or the gateway have. */
static const struct th_web_route *route_of(const json_t *j)
{
    const json_t *word = json_object_get(j, "route");
    enum th_web_route_id id;
    if (!json_is_string(word) || !th_web_route_parse(th_str_c(json_string_value(word)), &id))
        return NULL;
    const struct th_web_route *r = th_web_route(id);
    bool fits = r->method == TH_METHOD_GET && r->owner != TH_OWNER_STATE && id != TH_ROUTE_STREAM;
    return fits ? r : NULL;
}

static void forward(struct gateway *g, uint64_t id, const struct th_web_route *r, json_t *j)
{
    enum gw_edge edge = r->owner == TH_OWNER_QUERY ? gw_ask_query_edge(g) : GW_EDGE_STORE;
    struct looked *k = th_xcalloc(1, sizeof(*k));
    *k = (struct looked){
        .g = g, .id = id, .generation = th_edges_generation(g->edges, GW_EDGE_STATE)};
    json_object_set_new(j, "now_ns", json_integer(g->now_ns));
    char *text = json_dumps(j, JSON_COMPACT);
    TH_ASSERT(text);
    if (!gw_ask(g, edge, TH_MSG_REQUEST, th_str_c(text), on_looked, k)) {
        free(k);
        refuse(g, id, 503, "The part of the master that answers this does not run.");
    }
    free(text);
}

void gw_operator_asks(struct gateway *g, uint64_t id, struct th_str body)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    json_t *j = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const struct th_web_route *r = route_of(j);
    if (!r) {
        refuse(g, id, 404, "There is no such route to read.");
    } else if (r->id == TH_ROUTE_FIELDS) {
        answer(g, id, 200, th_buf_view(&g->fields));
    } else if (r->id == TH_ROUTE_STATUS) {
        gw_board_status(g, &out);
        answer(g, id, 200, th_buf_view(&out));
    } else {
        forward(g, id, r, j);
    }
    json_decref(j);
}
