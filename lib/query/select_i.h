/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the SQL writer. */
#ifndef TH_QUERY_SELECT_I_H
#define TH_QUERY_SELECT_I_H

#include "base/arena.h"
#include "query/select.h"

struct th_select {
    struct th_buf text;
    struct th_select_param *params;
    size_t param_count, param_room;
    struct th_arena arena;
    bool watched; /* costly conditions call th_go_on */
};

/* Adds a parameter and returns its number, which stands in the text as $number. */
unsigned select_add(struct th_select *s, struct th_select_param p);
unsigned select_add_i64(struct th_select *s, int64_t v);
/* How many texts the tree looks into for each row of the kind. */
unsigned select_cost(const struct th_query_node *n, unsigned kind);
/* The condition that the tree holds of an event of this kind. */
void select_node(struct th_select *s, const struct th_query_node *n, unsigned kind, bool negated);

#endif
