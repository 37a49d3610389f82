/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: how often somebody does what everybody does, and what only his kind does. Without
 * "--life roles" all are staff, whose rates are 1.
 */
#ifndef TH_LAB_ROLES_H
#define TH_LAB_ROLES_H

#include "sim.h"

enum lab_habit {
    LAB_H_BROWSE,
    LAB_H_VIDEO,
    LAB_H_SAAS,
    LAB_H_MEETING,
    LAB_H_MAIL,
    LAB_H_PRINT,
    LAB_H_INTRANET,
    LAB_H_FILES,
    LAB_H_ADMIN,
    LAB_HABIT_COUNT
};

void lab_roles_assign(struct lab_sim *s);
void lab_role_take(struct lab_person *p, enum lab_role role);
const char *lab_role_name(enum lab_role r);
enum lab_role lab_role_of(const struct lab_sim *s, const struct lab_device *d);
/* How often somebody of this role does a thing; 1 is as usual, 0 never. */
double lab_role_rate(const struct lab_sim *s, const struct lab_device *d, enum lab_habit h);
/* Percent of days on which a laptop is elsewhere. */
unsigned lab_role_away(const struct lab_sim *s, const struct lab_device *d);
/* The role's own tasks. */
void lab_give_role(struct lab_sim *s, struct lab_device *d);

#endif
