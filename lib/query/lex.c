/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"

#include <stdarg.h>
#include <stdio.h>

int query_fail(struct th_query_error *err, uint32_t at, const char *fmt, ...)
{
    va_list ap;
    err->at = at;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    for (int i = 0; i < n && i < (int)sizeof(err->text) - 1; i++)
        if (err->text[i] < ' ' || err->text[i] > '~')
            err->text[i] = '?';
    return TH_E_MALFORMED;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_bare(char c)
{
    return is_space(c) || c == '(' || c == ')';
}

/* What a backslash in front takes the meaning from; before anything else it is itself. */
static bool is_special(char c)
{
    return ends_bare(c) || c == '*' || c == '"' || c == ':' || c == '\\' || c == '<' || c == '>' ||
        c == '=' || c == '.';
}

/* Offset behind a value that stands bare from `at`. */
static uint32_t bare_end(struct th_str text, uint32_t at)
{
    while (at < text.len && !ends_bare(text.p[at])) {
        bool escape = text.p[at] == '\\' && at + 1 < text.len && is_special(text.p[at + 1]);
        at += escape ? 2 : 1;
    }
    return at;
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
        (!first && ((c >= '0' && c <= '9') || c == '.'));
}

/* Length of the name in front of a colon at the begin of s, 0 when there is none. An address, a
 * hardware address, a URL and a path with a drive have colons too, and are values. */
static uint32_t name_len(struct th_str s)
{
    struct th_addr low, high;
    struct th_mac mac_low, mac_high;
    uint32_t n = 0;
    while (n < s.len && is_name_char(s.p[n], n == 0))
        n++;
    if (n == 0 || n == s.len || s.p[n] != ':')
        return 0;
    if (s.len - n > 2 && s.p[n + 1] == '/' && s.p[n + 2] == '/')
        return 0;
    if (n == 1 && s.len > 2 && s.p[2] == '\\')
        return 0;
    /* "aa:*" is rather a field that is set. */
    bool open = s.len > 6 && s.p[s.len - 1] == '*';
    struct th_str whole = th_str_n(s.p, s.len - open);
    if ((!open && query_read_net(whole, false, &low, &high)) ||
        query_read_mac(whole, open, &mac_low, &mac_high))
        return 0;
    return n;
}

/* A value in quotes; l->at is behind the opening one. */
static int lex_quoted(struct query_lexer *l, struct query_token *t)
{
    uint32_t begin = l->at;
    struct th_str s = l->text;
    while (l->at < s.len && s.p[l->at] != '"') {
        bool escape = s.p[l->at] == '\\' && l->at + 1 < s.len &&
            (s.p[l->at + 1] == '"' || s.p[l->at + 1] == '\\');
        l->at += escape ? 2 : 1;
    }
    if (l->at >= s.len)
        return query_fail(
            l->err, begin - 1, "A closing quote was expected: this one is not closed.");
    t->value = th_str_n(s.p + begin, l->at - begin);
    t->value_at = begin - 1;
    t->quoted = true;
    l->at++;
    if (l->at < s.len && !ends_bare(s.p[l->at]))
        return query_fail(
            l->err, l->at, "A space or a parenthesis was expected behind the closing quote.");
    return 0;
}

static enum th_query_op lex_op(struct query_lexer *l)
{
    struct th_str s = l->text;
    char c = l->at < s.len ? s.p[l->at] : '\0';
    if (c != '<' && c != '>')
        return TH_QUERY_IS;
    l->at++;
    bool equal = l->at < s.len && s.p[l->at] == '=';
    l->at += equal;
    if (c == '>')
        return equal ? TH_QUERY_FROM : TH_QUERY_ABOVE;
    return equal ? TH_QUERY_TO : TH_QUERY_BELOW;
}

static int lex_item(struct query_lexer *l, struct query_token *t)
{
    struct th_str s = l->text;
    t->type = TOKEN_ITEM;
    if (s.p[l->at] == '"') {
        l->at++;
        return lex_quoted(l, t);
    }
    uint32_t end = bare_end(s, l->at);
    uint32_t name = name_len(th_str_n(s.p + l->at, end - l->at));
    if (name) {
        t->name = th_str_n(s.p + l->at, name);
        l->at += name + 1;
        t->op = lex_op(l);
        if (l->at < s.len && s.p[l->at] == '"') {
            l->at++;
            return lex_quoted(l, t);
        }
        end = bare_end(s, l->at);
        if (end == l->at)
            return query_fail(l->err, l->at, "A value was expected behind \"%.*s:\".",
                (int)TH_MIN(name, 60u), t->name.p);
    }
    t->value = th_str_n(s.p + l->at, end - l->at);
    t->value_at = l->at;
    l->at = end;
    if (!name) {
        t->type = th_str_is(t->value, "AND") ? TOKEN_AND
            : th_str_is(t->value, "OR")      ? TOKEN_OR
            : th_str_is(t->value, "NOT")     ? TOKEN_NOT
                                             : TOKEN_ITEM;
    }
    return 0;
}

int query_lex(struct query_lexer *l, struct query_token *ret)
{
    struct th_str s = l->text;
    while (l->at < s.len && is_space(s.p[l->at]))
        l->at++;
    *ret = (struct query_token){.type = TOKEN_END, .at = l->at, .op = TH_QUERY_IS};
    if (l->at == s.len)
        return 0;
    if (s.p[l->at] == '(' || s.p[l->at] == ')') {
        ret->type = s.p[l->at] == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        l->at++;
        return 0;
    }
    return lex_item(l, ret);
}

int query_unescape(
    struct query_lexer *l, const struct query_token *t, char *out, struct th_query_value *ret)
{
    uint32_t n = 0;
    struct th_str raw = t->value;
    *ret = (struct th_query_value){0};
    for (uint32_t i = 0; i < raw.len; i++) {
        char next = i + 1 < raw.len ? raw.p[i + 1] : '\0';
        bool escape = raw.p[i] == '\\' &&
            (t->quoted ? next == '"' || next == '\\' : next != '\0' && is_special(next));
        if (escape) {
            out[n++] = next;
            i++;
        } else if (raw.p[i] != '*' || t->quoted) {
            out[n++] = raw.p[i];
        } else if (ret->star_count == 0 || ret->star[ret->star_count - 1] != n) {
            if (ret->star_count == TH_QUERY_MAX_STARS)
                return query_fail(l->err, t->value_at + i, "At most %u wildcards were expected.",
                    TH_QUERY_MAX_STARS);
            ret->star[ret->star_count++] = (uint16_t)n;
        }
    }
    ret->text = th_str_n(out, n);
    return 0;
}
