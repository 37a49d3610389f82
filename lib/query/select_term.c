/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions. NOT is pushed down to the terms: a negated term is "(...) IS NOT TRUE", so that a
 * field that is not set counts as false; everything else stays plain, and DuckDB can leave out
 * parts of a file by it. A term that says nothing of the kind is FALSE either way.
 */
#include "query_i.h"
#include "select_i.h"

/* A value's parameters, added when first used: several columns share them. */
struct bound {
    struct th_select *s;
    const struct th_query_term *t;
    unsigned text, folded, pattern, number, number_end, low, high;
};

static const char *const comparisons[] = {
    [TH_QUERY_ABOVE] = ">", [TH_QUERY_FROM] = ">=", [TH_QUERY_BELOW] = "<", [TH_QUERY_TO] = "<="};

/* ---- text ---- */

enum shape { SHAPE_EQUAL, SHAPE_BEGINS, SHAPE_ENDS, SHAPE_HAS, SHAPE_LIKE, SHAPE_LIKE_ESCAPE };

static bool needs_escape(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (s.p[i] == '%' || s.p[i] == '_' || s.p[i] == '\\')
            return true;
    return false;
}

static enum shape shape_of(const struct th_query_value *v, bool word)
{
    bool at_begin = v->star_count && v->star[0] == 0;
    bool at_end = v->star_count && v->star[v->star_count - 1] == v->text.len;
    unsigned inner = (unsigned)(v->star_count - at_begin - at_end);
    if (inner)
        return needs_escape(v->text) ? SHAPE_LIKE_ESCAPE : SHAPE_LIKE;
    at_begin |= word;
    at_end |= word;
    /* LIKE is what DuckDB does while it reads a file; with ESCAPE it does not. */
    return at_begin && at_end ? needs_escape(v->text) ? SHAPE_HAS : SHAPE_LIKE
        : at_begin            ? SHAPE_ENDS
        : at_end              ? SHAPE_BEGINS
                              : SHAPE_EQUAL;
}

/* The pattern of LIKE: '%' for a wildcard, the rest as it is. */
static struct th_str like_pattern(struct th_select *s, const struct th_query_value *v, bool word)
{
    struct th_str text = v->text;
    char *out = th_arena_alloc(&s->arena, (size_t)text.len * 2 + TH_QUERY_MAX_STARS + 2);
    size_t n = 0, star = 0;
    if (word && !(v->star_count && v->star[0] == 0))
        out[n++] = '%';
    for (uint32_t i = 0; i <= text.len; i++) {
        if (star < v->star_count && v->star[star] == i) {
            out[n++] = '%';
            star++;
        }
        if (i == text.len)
            break;
        if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '\\')
            out[n++] = '\\';
        out[n++] = text.p[i];
    }
    if (word && !(v->star_count && v->star[v->star_count - 1] == text.len))
        out[n++] = '%';
    return th_str_n(out, n);
}

static unsigned add_text(struct th_select *s, struct th_str v)
{
    return select_add(s, (struct th_select_param){.type = TH_SELECT_TEXT, .bytes = v});
}

/* Is the text in `column` (an SQL expression) the term's value? */
static void put_text(struct bound *b, const char *column, bool with_case, bool word)
{
    struct th_select *s = b->s;
    const struct th_query_value *v = &b->t->a;
    enum shape shape = shape_of(v, word);
    const char *fold = with_case ? "" : "lower";
    bool like = shape == SHAPE_LIKE || shape == SHAPE_LIKE_ESCAPE;
    if (like && !b->pattern)
        b->pattern = add_text(s, like_pattern(s, v, word));
    else if (!like && !b->text)
        b->text = add_text(s, v->text);
    unsigned n = like ? b->pattern : b->text;
    switch (shape) {
    case SHAPE_EQUAL: th_buf_printf(&s->text, "%s(%s) = %s($%u)", fold, column, fold, n); break;
    case SHAPE_BEGINS:
        th_buf_printf(&s->text, "starts_with(%s(%s), %s($%u))", fold, column, fold, n);
        break;
    case SHAPE_ENDS:
        th_buf_printf(&s->text, "suffix(%s(%s), %s($%u))", fold, column, fold, n);
        break;
    case SHAPE_HAS:
        th_buf_printf(&s->text, "contains(%s(%s), %s($%u))", fold, column, fold, n);
        break;
    case SHAPE_LIKE: th_buf_printf(&s->text, "%s(%s) LIKE %s($%u)", fold, column, fold, n); break;
    case SHAPE_LIKE_ESCAPE:
        th_buf_printf(&s->text, "%s(%s) LIKE %s($%u) ESCAPE '\\'", fold, column, fold, n);
        break;
    }
}

/* ---- numbers, addresses ---- */

static struct th_select_param number_param(const struct th_query_value *v, unsigned type)
{
    switch (type) {
    case TH_QUERY_REAL: return (struct th_select_param){.type = TH_SELECT_DOUBLE, .real = v->real};
    case TH_QUERY_SPAN: return (struct th_select_param){.type = TH_SELECT_I64, .i64 = v->span_ns};
    case TH_QUERY_INSTANT:
        return (struct th_select_param){.type = TH_SELECT_I64, .i64 = v->instant_ns};
    case TH_QUERY_FLAG: return (struct th_select_param){.type = TH_SELECT_BOOL, .flag = v->flag};
    default: return (struct th_select_param){.type = TH_SELECT_I64, .i64 = v->number};
    }
}

static void put_number(
    struct th_select *s, const struct th_query_term *t, const char *column, unsigned type)
{
    unsigned n = select_add(s, number_param(&t->a, type));
    if (t->op == TH_QUERY_RANGE)
        th_buf_printf(&s->text, "%s BETWEEN $%u AND $%u", column, n,
            select_add(s, number_param(&t->b, type)));
    else
        th_buf_printf(
            &s->text, "%s %s $%u", column, t->op == TH_QUERY_IS ? "=" : comparisons[t->op], n);
}

static unsigned add_bytes(struct th_select *s, const void *p, size_t len)
{
    return select_add(
        s, (struct th_select_param){.type = TH_SELECT_BYTES, .bytes = th_str_n(p, len)});
}

static void put_bytes(struct bound *b, const char *column, bool mac)
{
    const struct th_query_value *v = &b->t->a;
    const struct th_query_value *end = b->t->op == TH_QUERY_RANGE ? &b->t->b : v;
    if (!b->low) {
        size_t len = mac ? 6 : 16;
        b->low = add_bytes(b->s, mac ? v->mac_low.b : v->net_low.b, len);
        b->high = add_bytes(b->s, mac ? end->mac_high.b : end->net_high.b, len);
    }
    /* Never "=": DuckDB 1.5's reading of a file's Bloom filter misses BLOBs with bytes past 0x7f.
     */
    th_buf_printf(&b->s->text, "%s BETWEEN $%u AND $%u", column, b->low, b->high);
}

/* ---- fields ---- */

static void put_scalar(
    struct bound *b, const struct th_field_info *f, const char *column, bool word)
{
    unsigned type = th_query_type_of((enum th_type)f->type);
    if (type == TH_QUERY_TEXT)
        put_text(b, column, th_query_has_case(f) && !word, word);
    else if (type == TH_QUERY_NET || type == TH_QUERY_HARDWARE)
        put_bytes(b, column, type == TH_QUERY_HARDWARE);
    else
        put_number(b->s, b->t, column, type);
}

/* Does the field hold what the term says? Of a list: one of its items. */
static void put_field(struct bound *b, const struct th_field_info *f, bool word)
{
    char column[64];
    snprintf(column, sizeof(column), "\"%s\"", f->name);
    if (b->t->op == TH_QUERY_SET) {
        th_buf_printf(&b->s->text, "%s IS NOT NULL", column);
    } else if (f->type == TH_TYPE_STRINGS || f->type == TH_TYPE_INTERVALS ||
        f->type == TH_TYPE_ADDRS) {
        th_buf_printf(&b->s->text, "len(list_filter(%s, lambda x: ", column);
        put_scalar(b, f, "x", word);
        th_buf_puts(&b->s->text, ")) > 0");
    } else {
        put_scalar(b, f, column, word);
    }
}

static void put_or(struct th_select *s, unsigned *count)
{
    if ((*count)++)
        th_buf_puts(&s->text, " OR ");
}

/* What every event has. A metric says itself whose it is. */
static void put_common(struct bound *b, unsigned kind, unsigned *count)
{
    const struct th_query_term *t = b->t;
    bool text = t->op == TH_QUERY_SET || t->a.types & TH_QUERY_TEXT;
    if (t->name == TH_QUERY_TIME) {
        put_or(b->s, count);
        put_number(b->s, t, "_time", TH_QUERY_INSTANT);
    }
    for (unsigned i = 0; i < 2; i++) {
        const char *column = i ? "_peer" : kind == TH_KIND_METRIC ? "entity" : "_entity";
        if (!text || (t->name != TH_QUERY_DEVICE && (i || t->name != TH_QUERY_ENTITY)))
            continue;
        put_or(b->s, count);
        if (t->op == TH_QUERY_SET)
            th_buf_printf(&b->s->text, "%s IS NOT NULL", column);
        else
            put_text(b, column, true, false);
    }
}

static void put_term(struct th_select *s, const struct th_query_term *t, unsigned kind)
{
    const struct th_kind_info *k = th_kind_get(kind);
    struct bound net = {.s = s, .t = t}, mac = net, text = net;
    unsigned count = 0;
    if (t->name == TH_QUERY_KIND) {
        th_buf_puts(&s->text, th_kind_find(t->a.text) == (int)kind ? "TRUE" : "FALSE");
        return;
    }
    put_common(&text, kind, &count);
    for (unsigned i = 0; i < k->field_count; i++) {
        if (!th_query_means(t, kind, i))
            continue;
        put_or(s, &count);
        unsigned type = th_query_type_of((enum th_type)k->fields[i].type);
        put_field(type == TH_QUERY_NET      ? &net
                : type == TH_QUERY_HARDWARE ? &mac
                                            : &text,
            &k->fields[i], false);
    }
    if (!count)
        th_buf_puts(&s->text, "FALSE");
}

static void put_word(struct th_select *s, const struct th_query_term *t, unsigned kind)
{
    const struct th_kind_info *k = th_kind_get(kind);
    struct bound net = {.s = s, .t = t}, mac = net, text = net;
    unsigned count = 0;
    for (unsigned i = 0; i < k->field_count; i++) {
        unsigned type = th_query_type_of((enum th_type)k->fields[i].type);
        if (!(type & t->a.types))
            continue;
        put_or(s, &count);
        put_field(type == TH_QUERY_NET      ? &net
                : type == TH_QUERY_HARDWARE ? &mac
                                            : &text,
            &k->fields[i], true);
    }
    if (!count)
        th_buf_puts(&s->text, "FALSE");
}

static bool says_nothing(const struct th_query_term *t, unsigned kind)
{
    if (t->name == TH_QUERY_KIND || t->name == TH_QUERY_ENTITY || t->name == TH_QUERY_TIME ||
        t->name == TH_QUERY_DEVICE)
        return false;
    for (unsigned i = 0; i < th_kind_get(kind)->field_count; i++)
        if (th_query_means(t, kind, i))
            return false;
    return true;
}

static unsigned field_cost(const struct th_field_info *f)
{
    return f->type == TH_TYPE_STRING ? 1 : f->type == TH_TYPE_STRINGS ? 4 : 0;
}

/* How many texts a leaf looks into; 0 for what is compared as it is, by which parts of files are
 * left out. */
static unsigned leaf_cost(const struct th_query_node *n, unsigned kind)
{
    const struct th_query_term *t = &n->term;
    const struct th_kind_info *k = th_kind_get(kind);
    unsigned cost = 0;
    for (unsigned i = 0; i < k->field_count && t->op == TH_QUERY_IS; i++) {
        const struct th_field_info *f = &k->fields[i];
        bool as_it_is = th_query_has_case(f) && !t->a.star_count;
        if (n->type == TH_QUERY_WORD || (th_query_means(t, kind, i) && !as_it_is))
            cost += field_cost(f);
    }
    return cost;
}

unsigned select_cost(const struct th_query_node *n, unsigned kind)
{
    unsigned cost = 0;
    if (n->type == TH_QUERY_TERM || n->type == TH_QUERY_WORD)
        return leaf_cost(n, kind);
    for (const struct th_query_node *c = n->child; c; c = c->next)
        cost += select_cost(c, kind);
    return cost;
}

static void put_leaf(
    struct th_select *s, const struct th_query_node *n, unsigned kind, bool negated)
{
    if (n->type == TH_QUERY_TERM && says_nothing(&n->term, kind)) {
        th_buf_puts(&s->text, "FALSE");
        return;
    }
    bool watched = s->watched && leaf_cost(n, kind) > 0;
    th_buf_puts(&s->text, watched ? "(CASE WHEN th_go_on(_time) THEN " : "(");
    if (n->type == TH_QUERY_TERM)
        put_term(s, &n->term, kind);
    else
        put_word(s, &n->term, kind);
    th_buf_puts(&s->text, watched ? " END)" : ")");
    if (negated)
        th_buf_puts(&s->text, " IS NOT TRUE");
}

void select_node(struct th_select *s, const struct th_query_node *n, unsigned kind, bool negated)
{
    switch (n->type) {
    case TH_QUERY_ALL: th_buf_puts(&s->text, negated ? "FALSE" : "TRUE"); return;
    case TH_QUERY_NONE: th_buf_puts(&s->text, negated ? "TRUE" : "FALSE"); return;
    case TH_QUERY_NOT: select_node(s, n->child, kind, !negated); return;
    case TH_QUERY_TERM:
    case TH_QUERY_WORD: put_leaf(s, n, kind, negated); return;
    case TH_QUERY_AND:
    case TH_QUERY_OR: break;
    }
    th_buf_u8(&s->text, '(');
    for (const struct th_query_node *c = n->child; c; c = c->next) {
        if (c != n->child)
            th_buf_puts(&s->text, (n->type == TH_QUERY_AND) != negated ? " AND " : " OR ");
        select_node(s, c, kind, negated);
    }
    th_buf_u8(&s->text, ')');
}
