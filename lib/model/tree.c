/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <stdarg.h>
#include <yaml.h>

struct loader {
    yaml_parser_t parser;
    struct th_arena *arena;
    struct th_model_error *err;
    uint32_t nodes;
};

int tree_fail(struct th_model_error *err, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    err->line = line;
    return TH_E_CONFIG;
}

static int line_of(const yaml_event_t *ev)
{
    return (int)(ev->start_mark.line + 1);
}

static int next_event(struct loader *l, yaml_event_t *ev)
{
    if (yaml_parser_parse(&l->parser, ev))
        return 0;
    size_t line = l->parser.problem_mark.line + 1;
    return tree_fail(l->err, (int)TH_MIN(line, (size_t)INT32_MAX), "not YAML: %s",
        l->parser.problem ? l->parser.problem : "unreadable");
}

static int node_new(
    struct loader *l, const yaml_event_t *ev, enum node_type type, struct node **ret)
{
    if (++l->nodes > TREE_MAX_NODES)
        return tree_fail(l->err, line_of(ev), "more than %u values", TREE_MAX_NODES);
    struct node *n = th_arena_alloc(l->arena, sizeof(*n));
    if (!n)
        return TH_E_LIMIT;
    *n = (struct node){.type = type, .line = line_of(ev)};
    *ret = n;
    return 0;
}

static void append(struct node *parent, struct node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static int read_value(struct loader *l, const yaml_event_t *ev, unsigned depth, struct node **ret);

static int read_list(struct loader *l, struct node *list, unsigned depth)
{
    for (;;) {
        yaml_event_t ev;
        struct node *child = NULL;
        int r = next_event(l, &ev);
        if (r < 0)
            return r;
        bool end = ev.type == YAML_SEQUENCE_END_EVENT;
        if (!end)
            r = read_value(l, &ev, depth + 1, &child);
        yaml_event_delete(&ev);
        if (end || r < 0)
            return r;
        append(list, child);
    }
}

static int read_key(struct loader *l, const yaml_event_t *ev, struct node *map, struct th_str *ret)
{
    if (ev->type != YAML_SCALAR_EVENT || ev->data.scalar.anchor || ev->data.scalar.tag)
        return tree_fail(l->err, line_of(ev), "a key must be a plain word");
    struct th_str key = th_str_n(ev->data.scalar.value, ev->data.scalar.length);
    for (const struct node *n = map->first; n; n = n->next)
        if (th_str_eq(n->key, key))
            return tree_fail(l->err, line_of(ev), "\"%.*s\" stands twice", (int)key.len, key.p);
    *ret = th_arena_str(l->arena, key);
    return 0;
}

static int read_map(struct loader *l, struct node *map, unsigned depth)
{
    for (;;) {
        yaml_event_t ev;
        struct th_str key = {0};
        struct node *child = NULL;
        int r = next_event(l, &ev);
        if (r < 0)
            return r;
        bool end = ev.type == YAML_MAPPING_END_EVENT;
        if (!end)
            r = read_key(l, &ev, map, &key);
        yaml_event_delete(&ev);
        if (end || r < 0)
            return r;
        r = next_event(l, &ev);
        if (r < 0)
            return r;
        r = read_value(l, &ev, depth + 1, &child);
        yaml_event_delete(&ev);
        if (r < 0)
            return r;
        child->key = key;
        append(map, child);
    }
}

static int read_value(struct loader *l, const yaml_event_t *ev, unsigned depth, struct node **ret)
{
    int r;
    if (depth > TREE_MAX_DEPTH)
        return tree_fail(l->err, line_of(ev), "nested deeper than %u", TREE_MAX_DEPTH);
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        if (ev->data.scalar.anchor || ev->data.scalar.tag)
            return tree_fail(l->err, line_of(ev), "anchors and tags are not allowed");
        r = node_new(l, ev, NODE_WORD, ret);
        if (r == 0)
            (*ret)->word =
                th_arena_str(l->arena, th_str_n(ev->data.scalar.value, ev->data.scalar.length));
        return r;
    case YAML_SEQUENCE_START_EVENT:
        if (ev->data.sequence_start.anchor || ev->data.sequence_start.tag)
            return tree_fail(l->err, line_of(ev), "anchors and tags are not allowed");
        r = node_new(l, ev, NODE_LIST, ret);
        return r < 0 ? r : read_list(l, *ret, depth);
    case YAML_MAPPING_START_EVENT:
        if (ev->data.mapping_start.anchor || ev->data.mapping_start.tag)
            return tree_fail(l->err, line_of(ev), "anchors and tags are not allowed");
        r = node_new(l, ev, NODE_MAP, ret);
        return r < 0 ? r : read_map(l, *ret, depth);
    case YAML_ALIAS_EVENT: return tree_fail(l->err, line_of(ev), "aliases are not allowed");
    default: return tree_fail(l->err, line_of(ev), "a value is missing");
    }
}

static int read_stream(struct loader *l, struct node *all)
{
    for (;;) {
        yaml_event_t ev;
        struct node *doc = NULL;
        int r = next_event(l, &ev);
        if (r < 0)
            return r;
        bool end = ev.type == YAML_STREAM_END_EVENT;
        bool value = ev.type != YAML_STREAM_START_EVENT && ev.type != YAML_DOCUMENT_START_EVENT &&
            ev.type != YAML_DOCUMENT_END_EVENT && !end;
        if (value)
            r = read_value(l, &ev, 0, &doc);
        yaml_event_delete(&ev);
        if (end || r < 0)
            return r;
        if (doc)
            append(all, doc);
    }
}

int tree_parse(const char *text, size_t len_bytes, struct th_arena *arena, struct node **ret,
    struct th_model_error *ret_err)
{
    struct loader l = {.arena = arena, .err = ret_err};
    if (len_bytes > TREE_MAX_BYTES)
        return tree_fail(ret_err, 0, "larger than %u bytes", TREE_MAX_BYTES);
    struct node *all = th_arena_alloc(arena, sizeof(*all));
    if (!all || !yaml_parser_initialize(&l.parser))
        return TH_E_LIMIT;
    *all = (struct node){.type = NODE_LIST, .line = 1};
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len_bytes);
    int r = read_stream(&l, all);
    yaml_parser_delete(&l.parser);
    if (r == 0)
        *ret = all;
    return r;
}

const struct node *tree_get(const struct node *map, const char *key)
{
    for (const struct node *n = map->type == NODE_MAP ? map->first : NULL; n; n = n->next)
        if (th_str_is(n->key, key))
            return n;
    return NULL;
}
