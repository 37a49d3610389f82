/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"
#include "tree.h"

bool glob_match(struct th_str pattern, struct th_str text)
{
    uint32_t p = 0;
    uint32_t t = 0;
    uint32_t star = UINT32_MAX;
    uint32_t mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.p[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.len &&
            (pattern.p[p] == '?' || th_lower(pattern.p[p]) == th_lower(text.p[t]))) {
            p++;
            t++;
        } else if (star != UINT32_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.p[p] == '*')
        p++;
    return p == pattern.len;
}

static const struct {
    const char *name;
    enum filter_op op;
    enum { OF_LIST, OF_ONE, OF_BOOL, OF_RANGE, OF_PORTS, OF_PATTERNS } takes;
} conditions[] = {
    {"all", FILTER_ALL, OF_LIST},
    {"any", FILTER_ANY, OF_LIST},
    {"not", FILTER_NOT, OF_ONE},
    {"peer.inside", FILTER_PEER_INSIDE, OF_BOOL},
    {"peer.known", FILTER_PEER_KNOWN, OF_BOOL},
    {"peer.named", FILTER_PEER_NAMED, OF_BOOL},
    {"peer.well-known", FILTER_PEER_WELL_KNOWN, OF_BOOL},
    {"peer.port", FILTER_PEER_PORT, OF_PORTS},
    {"peer.host", FILTER_PEER_HOST, OF_PATTERNS},
    {"peer.devices", FILTER_PEER_DEVICES, OF_RANGE},
    {"peer.share", FILTER_PEER_SHARE, OF_RANGE},
    {"observed", FILTER_OBSERVED, OF_RANGE},
    {"device.learned-hours", FILTER_LEARNED_HOURS, OF_RANGE},
    {"detail", FILTER_DETAIL, OF_PATTERNS},
};

static int take_bool(const struct node *n, bool *ret, struct th_model_error *err)
{
    if (n->type != NODE_WORD || !(th_str_is(n->word, "true") || th_str_is(n->word, "false")))
        return tree_fail(err, n->line, "true or false is wanted here");
    *ret = th_str_is(n->word, "true");
    return 0;
}

static int take_range(const struct node *n, struct filter *f, struct th_model_error *err)
{
    f->low = -INFINITY;
    f->high = INFINITY;
    if (n->type != NODE_MAP || n->count == 0)
        return tree_fail(err, n->line, "at-least or at-most is wanted here");
    for (const struct node *m = n->first; m; m = m->next) {
        double *to = th_str_is(m->key, "at-least") ? &f->low
            : th_str_is(m->key, "at-most")         ? &f->high
                                                   : NULL;
        if (!to)
            return tree_fail(err, m->line, "at-least or at-most is wanted here");
        if (m->type != NODE_WORD || !th_str_double(m->word, to))
            return tree_fail(err, m->line, "a number is wanted here");
    }
    return 0;
}

/* One word, or a list of words. */
static int take_words(
    const struct node *n, struct th_arena *arena, struct filter *f, struct th_model_error *err)
{
    const struct node *first = n->type == NODE_LIST ? n->first : n;
    f->list_count = n->type == NODE_LIST ? n->count : 1;
    struct th_str *list = th_arena_alloc(arena, sizeof(*list) * (f->list_count + 1));
    if (!list)
        return TH_E_LIMIT;
    const struct node *m = first;
    for (uint32_t i = 0; i < f->list_count; i++, m = m->next) {
        if (m->type != NODE_WORD || m->word.len == 0)
            return tree_fail(err, m->line, "a word is wanted here");
        list[i] = m->word;
    }
    f->list = list;
    return f->list_count ? 0 : tree_fail(err, n->line, "the list is empty");
}

static int take_ports(
    const struct node *n, struct th_arena *arena, struct filter *f, struct th_model_error *err)
{
    int r = take_words(n, arena, f, err);
    if (r < 0)
        return r;
    uint16_t *ports = th_arena_alloc(arena, sizeof(*ports) * f->list_count);
    if (!ports)
        return TH_E_LIMIT;
    for (uint32_t i = 0; i < f->list_count; i++) {
        uint64_t v;
        if (!th_str_u64(f->list[i], &v) || v > UINT16_MAX)
            return tree_fail(err, n->line, "\"%.*s\" is no port", (int)TH_MIN(f->list[i].len, 40u),
                f->list[i].p);
        ports[i] = (uint16_t)v;
    }
    f->ports = ports;
    return 0;
}

static int take_children(const struct node *n, struct th_arena *arena, unsigned *budget,
    struct filter *f, struct th_model_error *err)
{
    struct filter *last = NULL;
    if (n->type != NODE_LIST || n->count == 0)
        return tree_fail(err, n->line, "a list of conditions is wanted here");
    for (const struct node *m = n->first; m; m = m->next) {
        struct filter *child = NULL;
        int r = filter_compile(m, arena, budget, &child, err);
        if (r < 0)
            return r;
        if (last)
            last->next = child;
        else
            f->first = child;
        last = child;
    }
    return 0;
}

int filter_compile(const struct node *n, struct th_arena *arena, unsigned *budget,
    struct filter **ret, struct th_model_error *err)
{
    if (n->type != NODE_MAP || n->count != 1)
        return tree_fail(err, n->line, "one condition is wanted here, as \"name: value\"");
    if (*budget == 0)
        return tree_fail(err, n->line, "more than %u conditions", MAX_FILTER_NODES);
    --*budget;
    const struct node *m = n->first;
    struct filter *f = th_arena_alloc(arena, sizeof(*f));
    if (!f)
        return TH_E_LIMIT;
    *f = (struct filter){0};
    *ret = f;
    for (size_t i = 0; i < TH_ARRAY_LEN(conditions); i++) {
        if (!th_str_is(m->key, conditions[i].name))
            continue;
        f->op = conditions[i].op;
        switch (conditions[i].takes) {
        case OF_LIST: return take_children(m, arena, budget, f, err);
        case OF_ONE: return filter_compile(m, arena, budget, &f->first, err);
        case OF_BOOL: return take_bool(m, &f->flag, err);
        case OF_RANGE: return take_range(m, f, err);
        case OF_PORTS: return take_ports(m, arena, f, err);
        case OF_PATTERNS: return take_words(m, arena, f, err);
        }
    }
    return tree_fail(
        err, m->line, "unknown condition \"%.*s\"", (int)TH_MIN(m->key.len, 60u), m->key.p);
}

static bool in_range(const struct filter *f, double v)
{
    return v >= f->low && v <= f->high;
}

static bool any_pattern(const struct filter *f, struct th_str text)
{
    for (uint32_t i = 0; i < f->list_count; i++)
        if (glob_match(f->list[i], text))
            return true;
    return false;
}

static bool any_port(const struct filter *f, uint16_t port)
{
    for (uint32_t i = 0; i < f->list_count; i++)
        if (f->ports[i] == port)
            return true;
    return false;
}

bool filter_match(const struct filter *f, const struct th_window *w, const struct th_signal *s)
{
    if (!f)
        return true;
    switch (f->op) {
    case FILTER_ALL:
        for (const struct filter *c = f->first; c; c = c->next)
            if (!filter_match(c, w, s))
                return false;
        return true;
    case FILTER_ANY:
        for (const struct filter *c = f->first; c; c = c->next)
            if (filter_match(c, w, s))
                return true;
        return false;
    case FILTER_NOT: return !filter_match(f->first, w, s);
    case FILTER_PEER_INSIDE: return s->has_peer && s->peer.inside == f->flag;
    case FILTER_PEER_KNOWN: return s->has_peer == f->flag;
    case FILTER_PEER_NAMED: return (s->has_peer && s->peer.host.len > 0) == f->flag;
    case FILTER_PEER_WELL_KNOWN:
        return s->has_peer && (s->peer.vouched && th_domain_is_known(s->peer.domain)) == f->flag;
    case FILTER_PEER_PORT: return s->has_peer && any_port(f, s->peer.port);
    case FILTER_PEER_HOST: return s->has_peer && any_pattern(f, s->peer.host);
    case FILTER_PEER_DEVICES: return s->has_peer && in_range(f, s->peer_devices);
    case FILTER_PEER_SHARE:
        return s->has_peer && in_range(f, s->peer_devices / (double)TH_MAX(s->org_devices, 1u));
    case FILTER_OBSERVED: return in_range(f, s->observed);
    case FILTER_LEARNED_HOURS: return in_range(f, w->learned_hours);
    case FILTER_DETAIL:
        return any_pattern(f, th_str_n(s->detail, strnlen(s->detail, sizeof(s->detail))));
    }
    return false;
}
