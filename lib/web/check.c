/* SPDX-License-Identifier: Apache-2.0 */
#include "web/check.h"

#include "base/time.h"

#define MAX_NUMBER 9007199254740991 /* 2^53 - 1: what JSON's readers agree on */

/* Brackets open at most, strings left out. Parsers recurse: this goes before. */
static bool too_deep(struct th_str body)
{
    unsigned depth = 0;
    bool in_string = false;
    for (uint32_t i = 0; i < body.len; i++) {
        char c = body.p[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth)
            depth--;
        if (depth > TH_WEB_MAX_DEPTH)
            return true;
    }
    return false;
}

json_t *th_web_body_parse(struct th_str body)
{
    if (body.len > TH_WEB_MAX_BODY || too_deep(body))
        return NULL;
    json_t *j = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (j && !json_is_object(j)) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static bool one_of(struct th_str words, struct th_str s)
{
    while (words.len)
        if (th_str_eq(th_str_split(&words, '|'), s))
            return true;
    return false;
}

static struct th_str text_of(const json_t *v)
{
    return th_str_n(json_string_value(v), json_string_length(v));
}

/* NULL, or what it should have been. */
static const char *check_type(const char *type, const json_t *v)
{
    struct th_str s = json_is_string(v) ? text_of(v) : (struct th_str){.p = ""};
    int64_t time_ns;
    const char *wrong = NULL;
    switch (*type) {
    case 's':
        if (!json_is_string(v))
            return "must be a text";
        if (s.len > TH_API_MAX_TEXT)
            return "is too long";
        return th_web_is_text(s) ? NULL : "has control characters";
    case 'n': return json_is_number(v) ? NULL : "must be a number";
    case 'i':
        return json_is_integer(v) && json_integer_value(v) <= MAX_NUMBER &&
                json_integer_value(v) >= -MAX_NUMBER
            ? NULL
            : "must be a whole number";
    case 'b': return json_is_boolean(v) ? NULL : "must be true or false";
    case 't': return th_time_parse_rfc3339(s, &time_ns) ? NULL : "must be a time (RFC 3339)";
    case '|':
        return json_is_string(v) && one_of(th_str_c(type + 1), s) ? NULL
                                                                  : "is none of the known words";
    case '~': return json_is_null(v) ? NULL : check_type(type + 1, v);
    case '[':
        if (!json_is_array(v) || json_array_size(v) > TH_API_MAX_ITEMS)
            return "must be a list, not too long";
        for (size_t i = 0; !wrong && i < json_array_size(v); i++)
            wrong = check_type(type + 1, json_array_get(v, i));
        return wrong;
    case '{':
        if (!json_is_object(v) || json_object_size(v) > TH_API_MAX_ITEMS)
            return "must be an object, not too large";
        for (void *i = json_object_iter((json_t *)v); !wrong && i;
             i = json_object_iter_next((json_t *)v, i))
            wrong = check_type(type + 1, json_object_iter_value(i));
        return wrong;
    case '@': {
        char why[64];
        const struct th_web_shape *shape = th_web_shape_find(type + 1);
        return shape && json_is_object(v) && th_web_body_check(shape, v, why, sizeof(why)) == 0
            ? NULL
            : "is not of its shape";
    }
    default: return "is of a type that no request has";
    }
}

static const struct th_web_member *member_of(const struct th_web_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (strcmp(shape->members[i].name, name) == 0)
            return &shape->members[i];
    return *shape->base ? member_of(th_web_shape_find(shape->base), name) : NULL;
}

/* The first member that must be there and is not. */
static const char *missing(const struct th_web_shape *shape, const json_t *body)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (*shape->members[i].type != '?' && !json_object_get(body, shape->members[i].name))
            return shape->members[i].name;
    return *shape->base ? missing(th_web_shape_find(shape->base), body) : NULL;
}

int th_web_body_check(
    const struct th_web_shape *shape, const json_t *body, char *why, size_t why_bytes)
{
    /* jansson's iterator is not const; nothing is changed. */
    for (void *i = json_object_iter((json_t *)body); i;
         i = json_object_iter_next((json_t *)body, i)) {
        const struct th_web_member *m = member_of(shape, json_object_iter_key(i));
        if (!m) {
            snprintf(why, why_bytes, "The body has a member that %s does not know.", shape->name);
            return TH_E_MALFORMED;
        }
        const char *wrong =
            check_type(*m->type == '?' ? m->type + 1 : m->type, json_object_iter_value(i));
        if (wrong) {
            snprintf(why, why_bytes, "Member \"%s\" of the body %s.", m->name, wrong);
            return TH_E_MALFORMED;
        }
    }
    const char *name = missing(shape, body);
    if (name) {
        snprintf(why, why_bytes, "Member \"%s\" of the body is missing.", name);
        return TH_E_MALFORMED;
    }
    return 0;
}

static const char *check_param(const char *type, struct th_str v)
{
    int64_t n;
    switch (*type) {
    case 's': return v.len <= TH_API_MAX_TEXT ? NULL : "is too long";
    case 'i': return th_str_i64(v, &n) ? NULL : "must be a whole number";
    case 't': return th_time_parse_rfc3339(v, &n) ? NULL : "must be a time (RFC 3339)";
    case '|': return one_of(th_str_c(type + 1), v) ? NULL : "is none of the known words";
    default: return "is of a type that no parameter has";
    }
}

int th_web_query_check(
    enum th_web_route_id route, const struct th_web_query *q, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < q->count; i++) {
        const struct th_web_param *p = th_web_param_find(route, q->v[i].name);
        if (!p) {
            snprintf(
                why, why_bytes, "The query string has a parameter that this route does not know.");
            return TH_E_MALFORMED;
        }
        const char *wrong = q->v[i].value.len ? check_param(p->type, q->v[i].value) : NULL;
        if (wrong) {
            snprintf(why, why_bytes, "Parameter \"%s\" %s.", p->name, wrong);
            return TH_E_MALFORMED;
        }
    }
    return 0;
}
