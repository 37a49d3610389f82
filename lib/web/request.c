/* SPDX-License-Identifier: Apache-2.0 */
#include "web/request.h"

#include "base/cursor.h"
#include "base/utf8.h"

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool th_web_is_text(struct th_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = th_utf8_len(p + i, s.len - i);
        if (n == 0 || p[i] < 0x20 || p[i] == 0x7f)
            return false;
    }
    return true;
}

int th_web_decode(struct th_buf *out, struct th_str in, bool plus_is_space)
{
    struct th_cur c = th_cur_init(in.p, in.len);
    size_t start = out->len;
    while (th_cur_left(&c)) {
        uint8_t b = th_cur_u8(&c);
        if (b == '+' && plus_is_space)
            b = ' ';
        if (b == '%') {
            int high = hex(th_cur_u8(&c));
            int low = hex(th_cur_u8(&c));
            if (c.failed || high < 0 || low < 0)
                return TH_E_MALFORMED;
            b = (uint8_t)(high << 4 | low);
        }
        th_buf_u8(out, b);
    }
    if (out->overflow)
        return TH_E_LIMIT;
    return th_web_is_text(th_str_n(out->p + start, out->len - start)) ? 0 : TH_E_MALFORMED;
}

/* A component as it may be: not empty, not a way up, no further separator. */
static int check_component(struct th_str encoded)
{
    TH_AUTOBUF struct th_buf text = {.limit = TH_WEB_MAX_COMPONENT};
    int r = th_web_decode(&text, encoded, false);
    if (r < 0)
        return r;
    struct th_str s = th_buf_view(&text);
    if (s.len == 0 || th_str_is(s, ".") || th_str_is(s, ".."))
        return TH_E_MALFORMED;
    return th_str_index(s, '/') >= 0 || th_str_index(s, '\\') >= 0 ? TH_E_MALFORMED : 0;
}

int th_web_target(struct th_str target, struct th_str *ret_path, struct th_str *ret_query)
{
    struct th_str query = target;
    if (target.len > TH_WEB_MAX_TARGET)
        return TH_E_LIMIT;
    struct th_str path = th_str_split(&query, '?');
    if (!th_str_starts(path, "/") || th_str_index(target, '#') >= 0)
        return TH_E_MALFORMED;
    struct th_str rest = th_str_n(path.p + 1, path.len - 1);
    while (rest.len) {
        bool last = th_str_index(rest, '/') < 0;
        int r = check_component(th_str_split(&rest, '/'));
        if (r < 0)
            return r;
        if (!last && rest.len == 0)
            return TH_E_MALFORMED; /* ends with '/' */
    }
    *ret_path = path;
    *ret_query = path.len == target.len ? (struct th_str){.p = ""} : query;
    return 0;
}

/* Does the path have the form? Its {id} is then at ret_id. */
static bool has_form(struct th_str path, const char *form, struct th_str *ret_id)
{
    struct th_str want = th_str_c(form);
    while (path.len && want.len) {
        struct th_str w = th_str_split(&want, '/');
        struct th_str p = th_str_split(&path, '/');
        if (th_str_is(w, "{id}"))
            *ret_id = p;
        else if (!th_str_eq(w, p))
            return false;
    }
    return path.len == 0 && want.len == 0;
}

int th_web_match(struct th_str path, enum th_web_method method, enum th_web_route_id *ret_id,
    struct th_buf *id, unsigned *ret_methods)
{
    unsigned methods = 0;
    th_buf_clear(id);
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++) {
        const struct th_web_route *r = th_web_route((enum th_web_route_id)i);
        struct th_str part = {.p = ""};
        if (!has_form(path, r->path, &part))
            continue;
        methods |= 1u << r->method;
        if (r->method != method)
            continue;
        int err = th_web_decode(id, part, false);
        if (err < 0)
            return err;
        *ret_id = r->id;
        return 0;
    }
    *ret_methods = methods;
    return methods ? -EOPNOTSUPP : -ENOENT;
}

void th_web_query_done(struct th_web_query *q)
{
    th_buf_done(&q->text);
    q->count = 0;
}

/* Decodes to the buffer, which has room for all and does not move. */
static int decode_view(struct th_buf *text, struct th_str in, struct th_str *ret)
{
    size_t start = text->len;
    int r = th_web_decode(text, in, true);
    if (r == 0)
        *ret = th_str_n(text->p + start, text->len - start);
    return r;
}

int th_web_query_parse(struct th_str query, struct th_web_query *ret)
{
    *ret = (struct th_web_query){0};
    if (query.len > TH_WEB_MAX_TARGET)
        return TH_E_LIMIT;
    if (!th_buf_reserve(&ret->text, query.len + 1u))
        return TH_E_LIMIT;
    while (query.len) {
        struct th_str value = th_str_split(&query, '&');
        if (value.len == 0)
            continue;
        struct th_str name = th_str_split(&value, '=');
        struct th_web_pair *pair = &ret->v[ret->count];
        if (ret->count == TH_WEB_MAX_PARAMS)
            return TH_E_LIMIT;
        int r = decode_view(&ret->text, name, &pair->name);
        if (r == 0)
            r = decode_view(&ret->text, value, &pair->value);
        if (r < 0)
            return r;
        for (size_t i = 0; i < ret->count; i++)
            if (th_str_eq(ret->v[i].name, pair->name))
                return TH_E_MALFORMED;
        ret->count++;
    }
    return 0;
}

bool th_web_query_get(const struct th_web_query *q, const char *name, struct th_str *ret)
{
    for (size_t i = 0; i < q->count; i++)
        if (th_str_is(q->v[i].name, name)) {
            *ret = q->v[i].value;
            return true;
        }
    return false;
}

bool th_web_cookie(struct th_str header, const char *name, struct th_str *ret)
{
    unsigned found = 0;
    struct th_str value = {.p = ""};
    while (header.len) {
        struct th_str v = th_str_trim(th_str_split(&header, ';'));
        struct th_str n = th_str_split(&v, '=');
        if (th_str_is(n, name)) {
            value = v;
            found++;
        }
    }
    if (found != 1 || !th_web_is_text(value))
        return false;
    *ret = value;
    return true;
}
