/* SPDX-License-Identifier: Apache-2.0 */
#include "web/api.h"

#include "base/mem.h"

static const struct th_web_right_info rights[TH_RIGHT_WEB_COUNT] = {
#define TH_RIGHT_WEB(NAME, right_name, right_help)                                                 \
    [TH_RIGHT_WEB_##NAME] = {.name = (right_name), .help = (right_help)},
#include "web/routes.def"
};

static const struct th_web_account_role account_roles[] = {
#define TH_ACCOUNT_ROLE(NAME, role_name, role_rights, role_help)                                   \
    {.name = (role_name), .rights = (role_rights), .help = (role_help)},
#include "web/routes.def"
};

static const struct th_web_route routes[TH_ROUTE_COUNT] = {
#define TH_ROUTE(ID, METHOD, route_path, RIGHT, OWNER, in, out, route_help)                        \
    [TH_ROUTE_##ID] = {.name = #ID,                                                                \
        .path = (route_path),                                                                      \
        .request = (in),                                                                           \
        .answer = (out),                                                                           \
        .help = (route_help),                                                                      \
        .id = TH_ROUTE_##ID,                                                                       \
        .method = TH_METHOD_##METHOD,                                                              \
        .right = TH_RIGHT_WEB_##RIGHT,                                                             \
        .owner = TH_OWNER_##OWNER},
#include "web/routes.def"
};

/* clang-format off: a table's macros open and close arrays */
#define TH_SHAPE(Name, ...) static const struct th_web_member members_##Name[] = {
#define TH_SHAPE_LIKE(Name, ...) static const struct th_web_member members_##Name[] = {
#define TH_MEMBER(Name, member, TYPE, member_help)                                                 \
    {.name = (member), .type = TYPE, .help = (member_help)},
#define TH_SHAPE_END                                                                               \
    }                                                                                              \
    ;
#include "web/shapes.def"
/* clang-format on */

static const struct th_web_shape shapes[] = {
#define TH_SHAPE_ROW(Name, like, shape_help)                                                       \
    {.name = #Name,                                                                                \
        .base = (like),                                                                            \
        .help = (shape_help),                                                                      \
        .members = members_##Name,                                                                 \
        .member_count = TH_ARRAY_LEN(members_##Name)},
#define TH_SHAPE(Name, shape_help) TH_SHAPE_ROW(Name, "", shape_help)
#define TH_SHAPE_LIKE(Name, Base, shape_help) TH_SHAPE_ROW(Name, #Base, shape_help)
#include "web/shapes.def"
};

static const struct th_web_param params[] = {
#define TH_PARAM(ROUTE, param, TYPE, param_help)                                                   \
    {.route = TH_ROUTE_##ROUTE, .name = (param), .type = TYPE, .help = (param_help)},
#include "web/shapes.def"
};

static const char *const methods[TH_METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
static const char *const owners[] = {"state", "store", "query", "gateway"};

const struct th_web_route *th_web_route(enum th_web_route_id id)
{
    TH_ASSERT((unsigned)id < TH_ROUTE_COUNT);
    return &routes[id];
}

void th_web_route_word(enum th_web_route_id id, char ret[TH_ROUTE_WORD_BYTES])
{
    const char *name = th_web_route(id)->name;
    size_t len = strlen(name);
    TH_ASSERT(len < TH_ROUTE_WORD_BYTES);
    for (size_t i = 0; i <= len; i++)
        ret[i] = th_lower(name[i]);
}

bool th_web_route_parse(struct th_str word, enum th_web_route_id *ret)
{
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++)
        if (th_str_ieq(word, th_str_c(routes[i].name))) {
            *ret = (enum th_web_route_id)i;
            return true;
        }
    return false;
}

const struct th_web_right_info *th_web_right(enum th_web_right right)
{
    TH_ASSERT((unsigned)right < TH_RIGHT_WEB_COUNT);
    return &rights[right];
}

const struct th_web_account_role *th_web_account_roles(size_t *ret_count)
{
    *ret_count = TH_ARRAY_LEN(account_roles);
    return account_roles;
}

const struct th_web_shape *th_web_shapes(size_t *ret_count)
{
    *ret_count = TH_ARRAY_LEN(shapes);
    return shapes;
}

const struct th_web_param *th_web_params(size_t *ret_count)
{
    *ret_count = TH_ARRAY_LEN(params);
    return params;
}

const struct th_web_shape *th_web_shape_find(const char *name)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

const struct th_web_account_role *th_web_account_role_find(struct th_str name)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(account_roles); i++)
        if (th_str_is(name, account_roles[i].name))
            return &account_roles[i];
    return NULL;
}

const struct th_web_param *th_web_param_find(enum th_web_route_id route, struct th_str name)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(params); i++)
        if (params[i].route == route && th_str_is(name, params[i].name))
            return &params[i];
    return NULL;
}

bool th_web_role_may(struct th_str role, enum th_web_right right)
{
    const struct th_web_account_role *r = th_web_account_role_find(role);
    if (right == TH_RIGHT_WEB_NONE)
        return true;
    if (!r)
        return false;
    return right == TH_RIGHT_WEB_SESSION || (r->rights >> right & 1u) != 0;
}

const char *th_web_method_name(enum th_web_method method)
{
    TH_ASSERT((unsigned)method < TH_METHOD_COUNT);
    return methods[method];
}

bool th_web_method_parse(const char *name, enum th_web_method *ret)
{
    for (unsigned i = 0; i < TH_METHOD_COUNT; i++)
        if (strcmp(name, methods[i]) == 0) {
            *ret = (enum th_web_method)i;
            return true;
        }
    return false;
}

const char *th_web_owner_name(enum th_web_owner owner)
{
    TH_ASSERT((unsigned)owner < TH_ARRAY_LEN(owners));
    return owners[owner];
}
