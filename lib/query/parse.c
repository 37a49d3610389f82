/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent: or := and (OR and)*, and := not (AND? not)*, not := NOT not | ( or ) | item.
 */
#include "query_i.h"

#define RANGES (TH_QUERY_NUMBER | TH_QUERY_REAL | TH_QUERY_SPAN | TH_QUERY_INSTANT | TH_QUERY_NET)
#define ORDERED (TH_QUERY_NUMBER | TH_QUERY_REAL | TH_QUERY_SPAN | TH_QUERY_INSTANT)
#define SHOWN 60 /* bytes of a name or word in a message */

struct parser {
    struct query_lexer lexer;
    struct query_token token; /* the next one */
    struct th_arena *arena;
    unsigned depth, terms;
};

static int parse_or(struct parser *p, struct th_query_node **ret);

static int fail_limit(struct parser *p, const char *what, unsigned max)
{
    query_fail(p->lexer.err, p->token.at, "At most %u %s were expected.", max, what);
    return TH_E_LIMIT;
}

static int advance(struct parser *p)
{
    return query_lex(&p->lexer, &p->token);
}

static struct th_query_node *node_new(struct parser *p, enum th_query_node_type type)
{
    struct th_query_node *n = th_arena_alloc(p->arena, sizeof(*n));
    *n = (struct th_query_node){.type = type};
    return n;
}

/* ---- values ---- */

static int fail_type(struct parser *p, unsigned types)
{
    const struct query_token *token = &p->token;
    char list[160] = "";
    size_t used = 0;
    for (unsigned bit = 1; bit <= TH_QUERY_HARDWARE && used < sizeof(list); bit <<= 1)
        if (types & bit)
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", or " : "",
                query_type_text((enum th_query_type)bit));
    return query_fail(p->lexer.err, token->value_at, "\"%.*s\" takes %s.",
        (int)TH_MIN(token->name.len, (uint32_t)SHOWN), token->name.p, list);
}

/* The value of a token, read as the wanted types. */
static int take_value(
    struct parser *p, const struct query_token *token, unsigned wanted, struct th_query_value *ret)
{
    char *out = th_arena_alloc(p->arena, token->value.len + 1);
    int err = query_unescape(&p->lexer, token, out, ret);
    if (err == 0)
        query_read_value(ret, wanted);
    return err;
}

/* "a..b" where the field's type knows an order: 1 when it is one. */
static int take_range(struct parser *p, unsigned types, struct th_query_term *t)
{
    struct query_token low = p->token, high = p->token;
    struct th_str v = p->token.value;
    uint32_t dots = 0;
    while (dots + 1 < v.len && (v.p[dots] != '.' || v.p[dots + 1] != '.'))
        dots++;
    if (p->token.quoted || dots + 1 >= v.len)
        return 0;
    low.value = th_str_n(v.p, dots);
    high.value = th_str_n(v.p + dots + 2, v.len - dots - 2);
    int err = take_value(p, &low, types & RANGES, &t->a);
    if (err == 0)
        err = take_value(p, &high, types & RANGES, &t->b);
    if (err < 0)
        return err;
    t->a.types &= t->b.types;
    t->b.types = t->a.types;
    if (t->a.types == 0 || t->a.star_count || t->b.star_count)
        return 0;
    unsigned is = t->a.types;
    if ((is & TH_QUERY_NUMBER && t->a.number > t->b.number) ||
        (is & TH_QUERY_REAL && t->a.real > t->b.real) ||
        (is & TH_QUERY_SPAN && t->a.span_ns > t->b.span_ns) ||
        (is & TH_QUERY_INSTANT && t->a.instant_ns > t->b.instant_ns) ||
        (is & TH_QUERY_NET && memcmp(&t->a.net_low, &t->b.net_high, 16) > 0))
        return query_fail(
            p->lexer.err, p->token.value_at, "The smaller end of a range was expected first.");
    t->op = TH_QUERY_RANGE;
    return 1;
}

static int take_compared(struct parser *p, unsigned types, struct th_query_term *t)
{
    const struct query_token *token = &p->token;
    t->op = token->op;
    if (!(types & ORDERED))
        return query_fail(p->lexer.err, token->value_at,
            "\"%.*s\" has no order: a value was expected right behind the colon.",
            (int)TH_MIN(token->name.len, (uint32_t)SHOWN), token->name.p);
    int err = take_value(p, token, types & ORDERED, &t->a);
    return err == 0 && t->a.types == 0 ? fail_type(p, types & ORDERED) : err;
}

static int take_equal(struct parser *p, unsigned types, struct th_query_term *t)
{
    int r = take_range(p, types, t);
    if (r != 0)
        return r < 0 ? r : 0;
    t->b = (struct th_query_value){0};
    r = take_value(p, &p->token, types, &t->a);
    if (r < 0)
        return r;
    if (t->a.star_count && t->a.text.len == 0) {
        t->op = TH_QUERY_SET;
        t->a = (struct th_query_value){0};
        return 0;
    }
    if (t->a.types == 0)
        return fail_type(p, types);
    if (t->name == TH_QUERY_KIND && (t->a.star_count || th_kind_find(t->a.text) <= 0))
        return query_fail(p->lexer.err, p->token.value_at,
            "The name of a kind of event was expected, such as conn, dns or ssl.");
    return 0;
}

static int take_term(struct parser *p, struct th_query_node **ret)
{
    struct query_token *token = &p->token;
    struct th_query_node *n = node_new(p, TH_QUERY_TERM);
    if (!th_query_resolve(token->name, &n->term))
        return query_fail(p->lexer.err, token->at,
            "\"%.*s\" is no field of any kind of event; a field's name was expected before the "
            "colon, or quotes around the whole text.",
            (int)TH_MIN(token->name.len, (uint32_t)SHOWN), token->name.p);
    unsigned types = query_term_types(&n->term);
    int err = token->op == TH_QUERY_IS ? take_equal(p, types, &n->term)
                                       : take_compared(p, types, &n->term);
    bool always = n->term.op == TH_QUERY_SET &&
        (n->term.name == TH_QUERY_KIND || n->term.name == TH_QUERY_TIME);
    if (always)
        *n = (struct th_query_node){.type = TH_QUERY_ALL};
    *ret = n;
    return err;
}

static int take_word(struct parser *p, struct th_query_node **ret)
{
    struct th_query_node *n = node_new(p, TH_QUERY_WORD);
    unsigned wanted = TH_QUERY_TEXT | (p->token.quoted ? 0 : TH_QUERY_NET | TH_QUERY_HARDWARE);
    int err = take_value(p, &p->token, wanted, &n->term.a);
    if (err == 0 && n->term.a.text.len == 0) {
        if (!n->term.a.star_count)
            return query_fail(p->lexer.err, p->token.at, "A text was expected between the quotes.");
        *n = (struct th_query_node){.type = TH_QUERY_ALL};
    }
    *ret = n;
    return err;
}

/* ---- structure ---- */

static int take_item(struct parser *p, struct th_query_node **ret)
{
    if (++p->terms > TH_QUERY_MAX_TERMS)
        return fail_limit(p, "conditions", TH_QUERY_MAX_TERMS);
    int err = p->token.name.len ? take_term(p, ret) : take_word(p, ret);
    return err < 0 ? err : advance(p);
}

static int take_group(struct parser *p, struct th_query_node **ret)
{
    uint32_t open_at = p->token.at;
    int err = advance(p);
    if (err == 0)
        err = parse_or(p, ret);
    if (err < 0)
        return err;
    if (p->token.type != TOKEN_CLOSE)
        return query_fail(
            p->lexer.err, open_at, "A closing parenthesis was expected: this one is not closed.");
    return advance(p);
}

static int take_not(struct parser *p, struct th_query_node **ret)
{
    struct th_query_node *inner = NULL;
    int err = advance(p);
    if (err < 0)
        return err;
    if (++p->depth > TH_QUERY_MAX_DEPTH)
        return fail_limit(p, "levels of parentheses and NOT", TH_QUERY_MAX_DEPTH);
    switch (p->token.type) {
    case TOKEN_NOT: err = take_not(p, &inner); break;
    case TOKEN_OPEN: err = take_group(p, &inner); break;
    case TOKEN_ITEM: err = take_item(p, &inner); break;
    default: return query_fail(p->lexer.err, p->token.at, "A condition was expected behind NOT.");
    }
    p->depth--;
    if (err < 0)
        return err;
    if (inner->type == TH_QUERY_NOT) {
        *ret = inner->child;
        return 0;
    }
    *ret = node_new(p, TH_QUERY_NOT);
    (*ret)->child = inner;
    return 0;
}

static int parse_one(struct parser *p, struct th_query_node **ret)
{
    int err;
    switch (p->token.type) {
    case TOKEN_NOT: return take_not(p, ret);
    case TOKEN_ITEM: return take_item(p, ret);
    case TOKEN_OPEN:
        if (++p->depth > TH_QUERY_MAX_DEPTH)
            return fail_limit(p, "levels of parentheses and NOT", TH_QUERY_MAX_DEPTH);
        err = take_group(p, ret);
        p->depth--;
        return err;
    case TOKEN_CLOSE:
        return query_fail(
            p->lexer.err, p->token.at, "A condition was expected before this closing parenthesis.");
    case TOKEN_AND:
    case TOKEN_OR:
        return query_fail(p->lexer.err, p->token.at,
            "A condition was expected before %s; as a word it is to be in quotes.",
            p->token.type == TOKEN_AND ? "AND" : "OR");
    case TOKEN_END: break;
    }
    return query_fail(p->lexer.err, p->token.at, "A condition was expected at the end.");
}

/* Adds a node to the end of a list; one of the same type gives its children instead. */
static struct th_query_node **append(
    struct th_query_node **end, struct th_query_node *n, enum th_query_node_type type)
{
    *end = n->type == type ? n->child : n;
    while (*end)
        end = &(*end)->next;
    return end;
}

static int parse_and(struct parser *p, struct th_query_node **ret)
{
    struct th_query_node *first = NULL, *more = NULL;
    int err = parse_one(p, &first);
    if (err < 0)
        return err;
    struct th_query_node *all = NULL, **end = NULL;
    for (;;) {
        if (p->token.type == TOKEN_AND)
            err = advance(p);
        else if (p->token.type == TOKEN_OR || p->token.type == TOKEN_CLOSE ||
            p->token.type == TOKEN_END)
            break;
        if (err < 0 || (err = parse_one(p, &more)) < 0)
            return err;
        if (!all) {
            all = node_new(p, TH_QUERY_AND);
            end = append(&all->child, first, TH_QUERY_AND);
        }
        end = append(end, more, TH_QUERY_AND);
    }
    *ret = all ? all : first;
    return 0;
}

static int parse_or(struct parser *p, struct th_query_node **ret)
{
    struct th_query_node *first = NULL, *more = NULL;
    int err = parse_and(p, &first);
    if (err < 0)
        return err;
    struct th_query_node *all = NULL, **end = NULL;
    while (p->token.type == TOKEN_OR) {
        if ((err = advance(p)) < 0 || (err = parse_and(p, &more)) < 0)
            return err;
        if (!all) {
            all = node_new(p, TH_QUERY_OR);
            end = append(&all->child, first, TH_QUERY_OR);
        }
        end = append(end, more, TH_QUERY_OR);
    }
    *ret = all ? all : first;
    return 0;
}

static int parse_whole(struct parser *p, struct th_query_node **ret)
{
    int err = advance(p);
    if (err < 0)
        return err;
    if (p->token.type == TOKEN_END) {
        *ret = node_new(p, TH_QUERY_ALL);
        return 0;
    }
    err = parse_or(p, ret);
    if (err == 0 && p->token.type == TOKEN_CLOSE)
        return query_fail(
            p->lexer.err, p->token.at, "An opening parenthesis was expected before this one.");
    return err;
}

/* ---- the bytes ---- */

/* Length of the UTF-8 sequence at the begin (RFC 3629); 0 when it is none. */
static unsigned utf8_len(struct th_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    unsigned n = p[0] < 0x80           ? 1
        : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
        : (p[0] & 0xf0) == 0xe0        ? 3
        : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                       : 0;
    if (n == 0 || n > s.len)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static int check_bytes(struct th_str s, struct th_query_error *err)
{
    if (s.len > TH_QUERY_MAX_TEXT) {
        query_fail(err, TH_QUERY_MAX_TEXT, "At most %u bytes were expected.", TH_QUERY_MAX_TEXT);
        return TH_E_LIMIT;
    }
    for (uint32_t i = 0; i < s.len;) {
        unsigned n = utf8_len(th_str_n(s.p + i, s.len - i));
        uint8_t c = (uint8_t)s.p[i];
        if (n == 0)
            return query_fail(err, i, "Text in UTF-8 was expected.");
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return query_fail(err, i, "Text without control characters was expected.");
        i += n;
    }
    return 0;
}

int th_query_parse(struct th_str text, struct th_query **ret, struct th_query_error *err)
{
    *err = (struct th_query_error){0};
    int r = check_bytes(text, err);
    if (r < 0)
        return r;
    struct th_query *q TH_AUTOQUERY = th_xcalloc(1, sizeof(*q));
    char *copy = th_arena_alloc(&q->arena, text.len + 1u);
    if (text.len)
        memcpy(copy, text.p, text.len);
    struct parser p = {.lexer = {.text = th_str_n(copy, text.len), .err = err}, .arena = &q->arena};
    r = parse_whole(&p, &q->root);
    if (r < 0)
        return r;
    q->asked = q->root;
    *ret = TH_TAKE(q);
    return 0;
}
