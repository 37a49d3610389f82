/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields out of what others wrote: text, and JSON. Strings stay views of it; lists and
 * what has to be made anew lie in the arena.
 */
#ifndef TH_EVENT_VALUE_H
#define TH_EVENT_VALUE_H

#include <jansson.h>

#include "base/arena.h"
#include "event/event.h"

#define TH_VALUE_MAX_ELEMENTS 4096u /* of a list; the rest is left out */

static inline bool th_value_is_list(unsigned type)
{
    return type == TH_TYPE_STRINGS || type == TH_TYPE_INTERVALS || type == TH_TYPE_ADDRS;
}

/* A scalar out of its text, to where a field of this type stands. False when it is none. */
bool th_value_text(enum th_type type, struct th_str text, void *at);
/* Makes room for a list of n; an element out of its text; how many there are at last. */
void *th_value_list_new(struct th_arena *a, enum th_type type, uint32_t n, void *at);
bool th_value_element(enum th_type type, struct th_str text, void *elements, uint32_t i);
void th_value_list_cut(enum th_type type, void *at, uint32_t n);

/* A member of a JSON object as this field of the event, which is then set. False: it is no value of
 * the field's type, or, of a list, some elements are not and are left out. */
bool th_value_json(struct th_arena *a, struct th_event *ev, unsigned field, const json_t *j);
/* A view of a JSON string; empty for anything else. */
struct th_str th_value_json_text(const json_t *j);

#endif
