/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API as data: routes.def and shapes.def as tables. The gateway looks a request up here, and
 * learns who may ask, who answers, and what the query string and the body must be like.
 * Everything has static storage; nothing here does I/O.
 */
#ifndef TH_WEB_API_H
#define TH_WEB_API_H

#include "base/err.h"
#include "base/str.h"

#define TH_API_PREFIX "/api/v1"
#define TH_API_MAX_TEXT 4096u /* bytes of a string in a request body */
#define TH_API_MAX_ITEMS 256u /* members of a list or map in a request body */

enum th_web_right {
#define TH_RIGHT_WEB(NAME, ...) TH_RIGHT_WEB_##NAME,
#include "web/routes.def"
    TH_RIGHT_WEB_COUNT,
    TH_RIGHT_WEB_NONE,   /* anybody, without a session */
    TH_RIGHT_WEB_SESSION /* any session */
};

enum th_web_method {
    TH_METHOD_GET,
    TH_METHOD_POST,
    TH_METHOD_PUT,
    TH_METHOD_PATCH,
    TH_METHOD_DELETE,
    TH_METHOD_COUNT
};

enum th_web_owner { TH_OWNER_STATE, TH_OWNER_STORE, TH_OWNER_QUERY, TH_OWNER_GATEWAY };

enum th_web_route_id {
#define TH_ROUTE(ID, ...) TH_ROUTE_##ID,
#include "web/routes.def"
    TH_ROUTE_COUNT
};

/* How a type is written in tables: one letter, or a sign and what it stands before.
 * s text, n number, i integer, b boolean, t time, * anything, |a|b one of the words (to the end),
 * @Name a shape (to the end), [ list of, { map of, ~ or null, ? may be missing (first only). */
#define TH_STRING "s"
#define TH_NUMBER "n"
#define TH_INTEGER "i"
#define TH_BOOLEAN "b"
#define TH_TIME "t"
#define TH_ANY "*"
#define TH_WORDS(words) "|" words
#define TH_IS(Shape) "@" #Shape
#define TH_LIST(type) "[" type
#define TH_MAP(type) "{" type
#define TH_OR_NULL(type) "~" type
#define TH_OPTIONAL(type) "?" type

struct th_web_member {
    const char *name;
    const char *type;
    const char *help;
};

struct th_web_shape {
    const char *name;
    const char *base; /* shape whose members it has as well, or "" */
    const char *help;
    const struct th_web_member *members;
    size_t member_count;
};

struct th_web_route {
    const char *name;             /* "INCIDENT_CHANGE"; th_web_route_word has it in small letters */
    const char *path;             /* below the prefix; {id} stands for one component */
    const char *request, *answer; /* shapes, or "" */
    const char *help;
    enum th_web_route_id id;
    enum th_web_method method;
    enum th_web_right right;
    enum th_web_owner owner;
};

struct th_web_account_role {
    const char *name;
    unsigned rights; /* bit per enum th_web_right */
    const char *help;
};

struct th_web_right_info {
    const char *name, *help;
};

struct th_web_param {
    enum th_web_route_id route;
    const char *name, *type, *help;
};

const struct th_web_route *th_web_route(enum th_web_route_id id);
/* "incident_change": what the owner finds in a request's "route". */
#define TH_ROUTE_WORD_BYTES 32u
void th_web_route_word(enum th_web_route_id id, char ret[TH_ROUTE_WORD_BYTES]);
/* The other way; false for none. */
bool th_web_route_parse(struct th_str word, enum th_web_route_id *ret);
const struct th_web_right_info *th_web_right(enum th_web_right right); /* below COUNT */
/* All of them; the number in ret_count. */
const struct th_web_account_role *th_web_account_roles(size_t *ret_count);
const struct th_web_shape *th_web_shapes(size_t *ret_count);
const struct th_web_param *th_web_params(size_t *ret_count);
/* NULL for none. */
const struct th_web_shape *th_web_shape_find(const char *name);
const struct th_web_account_role *th_web_account_role_find(struct th_str name);
const struct th_web_param *th_web_param_find(enum th_web_route_id route, struct th_str name);
/* True when a role of accounts has the right (SESSION: every role). */
bool th_web_role_may(struct th_str role, enum th_web_right right);
const char *th_web_method_name(enum th_web_method method);
bool th_web_method_parse(const char *name, enum th_web_method *ret);
const char *th_web_owner_name(enum th_web_owner owner); /* as the edges are named */

#endif
