/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#include "base/cursor.h"

struct out {
    char *p;
    uint32_t len;
};

static void put(struct out *o, char c)
{
    bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
    if (o->len == TH_MASK_MAX_BYTES)
        return;
    if (blank && (!o->len || o->p[o->len - 1] == ' '))
        return;
    o->p[o->len++] = blank ? ' ' : c;
}

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
        c == '$' || c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the closing quote; the text's end when that is not sure. A doubled quote goes on. */
static uint32_t skip_quoted(struct th_str s, uint32_t i)
{
    char quote = s.p[i++];
    for (; i < s.len; i++) {
        if (s.p[i] != quote)
            continue;
        if (s.p[i - 1] == '\\')
            return s.len;
        if (i + 1 < s.len && s.p[i + 1] == quote)
            i++;
        else
            return i + 1;
    }
    return s.len;
}

static bool has_quote(struct th_str s, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (s.p[i] == '\'' || s.p[i] == '"' || s.p[i] == '`' || s.p[i] == '$')
            return true;
    return false;
}

/* Behind what ends with this text; the end of all when it is not found or hides a quote. */
static uint32_t skip_to(struct th_str s, uint32_t i, const char *end)
{
    const char *at = i < s.len ? memmem(s.p + i, s.len - i, end, strlen(end)) : NULL;
    if (!at)
        return s.len;
    uint32_t to = (uint32_t)(at - s.p);
    return has_quote(s, i, to) ? s.len : to + (uint32_t)strlen(end);
}

/* A comment at i: where it ends, or i. */
static uint32_t skip_comment(struct th_str s, uint32_t i, bool hash_comments)
{
    char next = i + 1 < s.len ? s.p[i + 1] : 0;
    if (s.p[i] == '/' && next == '*')
        return skip_to(s, i + 2, "*/");
    if ((s.p[i] == '-' && next == '-') || (s.p[i] == '#' && hash_comments))
        return skip_to(s, i + 1, "\n");
    return i;
}

/* $tag$ text $tag$ of PostgreSQL at i: where it ends, or i. */
static uint32_t skip_dollars(struct th_str s, uint32_t i)
{
    uint32_t n = i + 1;
    while (n < s.len && is_word((unsigned char)s.p[n]) && s.p[n] != '$')
        n++;
    if (n >= s.len || s.p[n] != '$')
        return i;
    uint32_t tag = n + 1 - i;
    const char *end = memmem(s.p + n + 1, s.len - n - 1, s.p + i, tag);
    return end ? (uint32_t)(end - s.p) + tag : s.len;
}

static uint32_t copy_word(struct out *o, struct th_str s, uint32_t i)
{
    bool number = is_digit(s.p[i]);
    if (number)
        put(o, '?');
    for (; i < s.len && (is_word((unsigned char)s.p[i]) || (number && s.p[i] == '.')); i++)
        if (!number)
            put(o, s.p[i]);
    return i;
}

/* A name in backquotes or brackets stays; one that holds another quote ends the text. */
static uint32_t copy_name(struct out *o, struct th_str s, uint32_t i, char close)
{
    uint32_t n = i + 1;
    while (n < s.len && s.p[n] != close)
        n++;
    if (n >= s.len || has_quote(s, i + 1, n))
        return s.len;
    for (; i <= n; i++)
        put(o, s.p[i]);
    return i;
}

static uint32_t step(struct out *o, struct th_str s, uint32_t i, bool hash_comments)
{
    char c = s.p[i];
    uint32_t to = skip_comment(s, i, hash_comments);
    if (to != i) {
        put(o, ' ');
        return to;
    }
    if (c == '$' && (to = skip_dollars(s, i)) != i) {
        put(o, '?');
        return to;
    }
    if (c == '\'' || c == '"') {
        put(o, '?');
        return skip_quoted(s, i);
    }
    if (c == '`' || c == '[')
        return copy_name(o, s, i, c == '`' ? '`' : ']');
    if (is_word((unsigned char)c))
        return copy_word(o, s, i);
    put(o, c);
    return i + 1;
}

struct th_str th_mask_sql(struct th_arena *a, struct th_str sql, bool hash_comments)
{
    struct out o = {.p = th_arena_alloc(a, TH_MASK_MAX_BYTES)};
    for (uint32_t i = 0; i < sql.len && o.len < TH_MASK_MAX_BYTES;)
        i = step(&o, sql, i, hash_comments);
    return th_str_trim(th_str_n(o.p, o.len));
}

#define TOKEN_MIN 8u

struct th_str th_mask_key(struct th_arena *a, struct th_str key)
{
    struct out o = {.p = th_arena_alloc(a, TH_MASK_MAX_BYTES)};
    for (uint32_t i = 0; i < key.len;) {
        uint32_t n = i;
        bool digit = false;
        for (; n < key.len && is_word((unsigned char)key.p[n]) && key.p[n] != '_'; n++)
            digit = digit || is_digit(key.p[n]);
        if (n - i >= TOKEN_MIN && digit) {
            put(&o, '?');
        } else {
            n = TH_MAX(n, i + 1);
            for (uint32_t k = i; k < n; k++)
                if (!is_digit(key.p[k]))
                    put(&o, key.p[k]);
                else if (k == i || !is_digit(key.p[k - 1]))
                    put(&o, '?');
        }
        i = n;
    }
    return th_str_n(o.p, o.len);
}

/* ---- URIs ---- */

static bool follows(struct th_str s, uint32_t i, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    return s.len - i >= n && memcmp(s.p + i, text, n) == 0;
}

/* Where the authority of RFC 3986 3.2 begins, or what stands for it in SIP (RFC 3261 19.1.1); the
 * end when there is none. */
static uint32_t authority(struct th_str s)
{
    const char *end = s.p + s.len;
    for (const char *c = s.p; c < end && (c = memchr(c, ':', (size_t)(end - c))) != NULL; c++) {
        uint32_t i = (uint32_t)(c - s.p);
        if ((i >= 3 && follows(s, i - 3, "sip")) || (i >= 4 && follows(s, i - 4, "sips")))
            return i + 1;
        if (follows(s, i, "://"))
            return i + 3;
    }
    return s.len;
}

static bool ends_user(char c)
{
    return c == '/' || c == '?' || c == '#' || c == '>' || c == ' ' || c == '"';
}

/* "user:password@" in front of a host: takes the password out. */
static uint32_t mask_user(char *uri, uint32_t len)
{
    uint32_t from = authority(th_str_n(uri, len)), colon = 0, at = 0;
    for (uint32_t i = from; i < len && !ends_user(uri[i]); i++) {
        if (uri[i] == ':' && !colon)
            colon = i;
        if (uri[i] == '@')
            at = i;
    }
    if (!colon || at < colon + 2)
        return len;
    uri[colon + 1] = '?';
    memmove(uri + colon + 2, uri + at, len - at);
    return len - (at - colon - 2);
}

static bool has_part(struct th_str name, const char *part)
{
    uint32_t n = (uint32_t)strlen(part);
    for (uint32_t i = 0; i + n <= name.len; i++)
        if (th_lower(name.p[i]) == part[0] &&
            th_str_ieq(th_str_n(name.p + i, n), th_str_n(part, n)))
            return true;
    return false;
}

static bool is_secret(struct th_str name)
{
    static const char *const parts[] = {"passw", "pwd", "token", "secret", "session", "sessid",
        "signature", "apikey", "api_key", "api-key"};
    static const char *const whole[] = {"pass", "pw", "sid", "sig", "key", "auth"};
    for (size_t i = 0; i < TH_ARRAY_LEN(parts); i++)
        if (has_part(name, parts[i]))
            return true;
    for (size_t i = 0; i < TH_ARRAY_LEN(whole); i++)
        if (th_str_ieq(name, th_str_c(whole[i])))
            return true;
    return false;
}

/* A value may hold what begins a name elsewhere: of a query it ends with & alone. */
static bool ends_value(char c, bool in_query)
{
    return c == '#' || (in_query ? c == '&' : c == '?' || c == ';' || c == '/');
}

uint32_t th_mask_uri(char *uri, uint32_t len)
{
    len = mask_user(uri, len);
    if (th_str_index(th_str_n(uri, len), '=') < 0)
        return len;
    uint32_t n = 0, begin = 0;
    bool in_query = false;
    for (uint32_t i = 0; i < len;) {
        char c = uri[i++];
        uri[n++] = c;
        in_query = in_query || c == '?' || c == '#';
        if (c == '?' || c == '&' || c == ';' || c == '#')
            begin = n;
        if (c != '=' || !is_secret(th_str_n(uri + begin, n - 1 - begin)))
            continue;
        uint32_t from = i;
        while (i < len && !ends_value(uri[i], in_query))
            i++;
        if (i > from)
            uri[n++] = '?';
    }
    return n;
}
