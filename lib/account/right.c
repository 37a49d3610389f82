/* SPDX-License-Identifier: Apache-2.0 */
#include "account/right.h"

/* routes.def names a right's bit by TH_RIGHT_WEB_NAME. */
enum {
#define TH_RIGHT_WEB(NAME, ...) TH_RIGHT_WEB_##NAME = TH_MAY_##NAME,
#include "web/routes.def"
};

static const char *const right_names[] = {
#define TH_RIGHT_WEB(NAME, name, ...) name,
#include "web/routes.def"
};

static const struct {
    const char *name;
    unsigned rights;
} roles[] = {
#define TH_ACCOUNT_ROLE(NAME, role_name, role_rights, ...)                                         \
    {.name = (role_name), .rights = (role_rights)},
#include "web/routes.def"
};

static unsigned rights_of(struct th_str role)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(roles); i++)
        if (th_str_is(role, roles[i].name))
            return roles[i].rights;
    return 0;
}

bool th_account_role_is(struct th_str name)
{
    return rights_of(name) != 0;
}

bool th_account_may(const char *role, enum th_account_right right)
{
    unsigned rights = rights_of(th_str_c(role));
    if (right == TH_MAY_NONE)
        return true;
    if (right == TH_MAY_SESSION)
        return rights != 0;
    return (unsigned)right < TH_MAY_COUNT && (rights & 1u << right);
}

bool th_account_right_parse(struct th_str name, enum th_account_right *ret)
{
    for (unsigned i = 0; i < TH_MAY_COUNT; i++)
        if (th_str_is(name, right_names[i])) {
            *ret = (enum th_account_right)i;
            return true;
        }
    return false;
}

void th_account_rights_put(const char *role, struct th_json *out)
{
    th_json_open_list(out);
    for (unsigned i = 0; i < TH_MAY_COUNT; i++)
        if (th_account_may(role, (enum th_account_right)i))
            th_json_str(out, th_str_c(right_names[i]));
    th_json_close_list(out);
}
