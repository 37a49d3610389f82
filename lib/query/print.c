/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        (c != '\0' && strchr("_-./@+%~,;=!?#$&|^{}[]'`", c)) || (uint8_t)c >= 0x80;
}

/* Bare text stays what it is: no operator in front, nothing that ends it, no range. */
static bool is_bare(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (!is_plain(s.p[i]) || (s.p[i] == '.' && i + 1 < s.len && s.p[i + 1] == '.'))
            return false;
    return s.len > 0;
}

static void print_quoted(struct th_str s, struct th_buf *out)
{
    th_buf_u8(out, '"');
    for (uint32_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            th_buf_u8(out, '\\');
        th_buf_u8(out, (uint8_t)s.p[i]);
    }
    th_buf_u8(out, '"');
}

static void print_starred(const struct th_query_value *v, struct th_buf *out)
{
    unsigned star = 0;
    for (uint32_t i = 0; i <= v->text.len; i++) {
        if (star < v->star_count && v->star[star] == i) {
            th_buf_u8(out, '*');
            star++;
        }
        if (i == v->text.len)
            break;
        char c = v->text.p[i];
        if (memchr(" \t\n\r()*\":\\<>=", c, 13))
            th_buf_u8(out, '\\');
        th_buf_u8(out, (uint8_t)c);
    }
}

static void print_value(const struct th_query_value *v, bool bare, struct th_buf *out)
{
    if (v->star_count)
        print_starred(v, out);
    else if (bare || is_bare(v->text))
        th_buf_str(out, v->text);
    else
        print_quoted(v->text, out);
}

/* A free word: bare when it is not read as something else then. */
static void print_word(const struct th_query_value *v, struct th_buf *out)
{
    struct th_str s = v->text;
    struct th_query_value bare = {.text = s};
    bool address = (v->types & (TH_QUERY_NET | TH_QUERY_HARDWARE)) != 0;
    query_read_value(&bare, TH_QUERY_NET | TH_QUERY_HARDWARE);
    bool keyword = th_str_is(s, "AND") || th_str_is(s, "OR") || th_str_is(s, "NOT");
    if (v->star_count || address)
        print_value(v, true, out);
    else if (keyword || bare.types)
        print_quoted(s, out);
    else
        print_value(v, false, out);
}

static void print_term(const struct th_query_term *t, struct th_buf *out)
{
    static const char *const ops[] = {"", ">", ">=", "<", "<=", "", "*"};
    const char *name = NULL;
    for (size_t i = 0; i < TH_ARRAY_LEN(th_query_names); i++)
        if (th_query_names[i].id == t->name)
            name = th_query_names[i].name;
    if (t->kind)
        th_buf_printf(out, "%s.", th_kind_get(t->kind)->name);
    if (name)
        th_buf_puts(out, name);
    else
        th_buf_str(out, t->field);
    th_buf_printf(out, ":%s", ops[t->op]);
    if (t->op == TH_QUERY_SET)
        return;
    print_value(&t->a, t->op == TH_QUERY_RANGE, out);
    if (t->op == TH_QUERY_RANGE) {
        th_buf_puts(out, "..");
        print_value(&t->b, true, out);
    }
}

static void print_node(const struct th_query_node *n, bool inside, struct th_buf *out)
{
    bool group = n->type == TH_QUERY_OR || n->type == TH_QUERY_AND;
    switch (n->type) {
    case TH_QUERY_ALL:
    case TH_QUERY_NONE: th_buf_puts(out, "*"); return;
    case TH_QUERY_TERM: print_term(&n->term, out); return;
    case TH_QUERY_WORD: print_word(&n->term.a, out); return;
    case TH_QUERY_NOT: th_buf_puts(out, "NOT "); break;
    case TH_QUERY_AND:
    case TH_QUERY_OR: break;
    }
    if (group && inside)
        th_buf_u8(out, '(');
    for (const struct th_query_node *c = n->child; c; c = c->next) {
        if (c != n->child)
            th_buf_puts(out, n->type == TH_QUERY_OR ? " OR " : " AND ");
        /* AND binds closer than OR: its children in an OR need no parentheses. */
        print_node(c, !(n->type == TH_QUERY_OR && c->type == TH_QUERY_AND), out);
    }
    if (group && inside)
        th_buf_u8(out, ')');
}

void th_query_print(const struct th_query *q, struct th_buf *out)
{
    print_node(q->asked, false, out);
}
