/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"

void th_query_free(struct th_query *q)
{
    if (!q)
        return;
    th_arena_done(&q->arena);
    free(q);
}

const struct th_query_node *th_query_root(const struct th_query *q)
{
    return q->root;
}

/* ---- restriction ---- */

static struct th_query_node *add(struct th_query *q, enum th_query_node_type type)
{
    struct th_query_node *n = th_arena_alloc(&q->arena, sizeof(*n));
    *n = (struct th_query_node){.type = type};
    return n;
}

static struct th_query_node *net_node(struct th_query *q, const struct th_subnet *net)
{
    struct th_query_node *n = add(q, TH_QUERY_TERM);
    n->term.name = TH_QUERY_IP;
    n->term.a.types = TH_QUERY_NET;
    query_net_ends(net, &n->term.a.net_low, &n->term.a.net_high);
    return n;
}

static struct th_query_node *entity_node(struct th_query *q, struct th_str id)
{
    struct th_query_node *n = add(q, TH_QUERY_TERM);
    n->term.name = TH_QUERY_DEVICE;
    n->term.a.types = TH_QUERY_TEXT;
    n->term.a.text = th_arena_str(&q->arena, id);
    return n;
}

int th_query_restrict(struct th_query *q, const struct th_query_scope *scope)
{
    TH_ASSERT(q->root == q->asked);
    if (scope->net_count > TH_QUERY_MAX_SCOPE || scope->entity_count > TH_QUERY_MAX_SCOPE)
        return TH_E_LIMIT;
    struct th_query_node *allowed = add(q, TH_QUERY_OR);
    struct th_query_node **end = &allowed->child;
    for (size_t i = 0; i < scope->net_count; i++, end = &(*end)->next)
        *end = net_node(q, &scope->nets[i]);
    for (size_t i = 0; i < scope->entity_count; i++, end = &(*end)->next)
        *end = entity_node(q, scope->entities[i]);
    if (!allowed->child)
        allowed->type = TH_QUERY_NONE;
    else if (!allowed->child->next)
        allowed = allowed->child;
    allowed->next = q->asked; /* a root has no siblings */
    q->root = add(q, TH_QUERY_AND);
    q->root->child = allowed;
    return 0;
}

/* ---- which kinds ---- */

struct fold {
    bool can_hold, can_fail; /* neither: it says nothing of this kind */
};

static struct fold fold_term(const struct th_query_term *t, unsigned kind)
{
    if (t->name == TH_QUERY_KIND) {
        bool is = th_kind_find(t->a.text) == (int)kind;
        return (struct fold){is, !is};
    }
    if (t->name == TH_QUERY_ENTITY || t->name == TH_QUERY_TIME || t->name == TH_QUERY_DEVICE)
        return (struct fold){true, true};
    for (unsigned i = 0; i < th_kind_get(kind)->field_count; i++)
        if (th_query_means(t, kind, i))
            return (struct fold){true, true};
    return (struct fold){false, false};
}

static struct fold fold_node(const struct th_query_node *n, unsigned kind)
{
    struct fold f = {true, true}, child;
    switch (n->type) {
    case TH_QUERY_ALL: return (struct fold){true, false};
    case TH_QUERY_NONE: return (struct fold){false, true};
    case TH_QUERY_TERM: return fold_term(&n->term, kind);
    case TH_QUERY_WORD: return f;
    case TH_QUERY_NOT:
        child = fold_node(n->child, kind);
        return (struct fold){child.can_fail, child.can_hold};
    case TH_QUERY_AND:
    case TH_QUERY_OR: break;
    }
    bool and = n->type == TH_QUERY_AND;
    f = and? (struct fold){true, false} : (struct fold){false, true};
    for (const struct th_query_node *c = n->child; c; c = c->next) {
        child = fold_node(c, kind);
        f.can_hold = and? f.can_hold && child.can_hold : f.can_hold || child.can_hold;
        f.can_fail = and? f.can_fail || child.can_fail : f.can_fail && child.can_fail;
    }
    return f;
}

uint64_t th_query_kinds(const struct th_query *q)
{
    uint64_t kinds = 0;
    _Static_assert(TH_KIND_COUNT <= 64, "a bit per kind");
    TH_EACH_KIND (kind)
        if (fold_node(q->root, kind).can_hold)
            kinds |= UINT64_C(1) << kind;
    return kinds;
}
