/* SPDX-License-Identifier: Apache-2.0 */
/* Roles of users and the rights they give, as routes.def has them. */
#ifndef TH_ACCOUNT_RIGHT_H
#define TH_ACCOUNT_RIGHT_H

#include "base/json.h"

#define TH_ACCOUNT_MAX_ROLE 24u /* a role's name, with its zero */

enum th_account_right {
#define TH_RIGHT_WEB(NAME, ...) TH_MAY_##NAME,
#include "web/routes.def"
    TH_MAY_COUNT,
    TH_MAY_NONE,   /* anybody */
    TH_MAY_SESSION /* whoever is logged in */
};

bool th_account_role_is(struct th_str name); /* there is such a role */
bool th_account_may(const char *role, enum th_account_right right);
/* The right of this name ("read"); false for another word. */
bool th_account_right_parse(struct th_str name, enum th_account_right *ret);
/* A list of the names of a role's rights. */
void th_account_rights_put(const char *role, struct th_json *out);

#endif
