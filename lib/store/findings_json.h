/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as the API shows them, out of the lines as core told them. */
#ifndef TH_STORE_FINDINGS_JSON_H
#define TH_STORE_FINDINGS_JSON_H

#include <jansson.h>

#include "base/json.h"
#include "store/findings.h"

/* Its text of that name; empty when it has none. */
struct th_str th_findings_text_of(const json_t *object, const char *key);
/* Of what core tells of: up to 32 small letters and digits. */
bool th_findings_is_id(struct th_str s);
/* What went wrong since the last call, 0 for nothing. */
int th_findings_finish(struct th_catalogue *c);
/* A value out of a parsed line; what is nested past any of ours is null. */
void th_findings_value(struct th_json *j, const json_t *v);
/* A member with the value of that name; null when it has none. */
void th_findings_copy(struct th_json *j, const json_t *from, const char *key);
void th_findings_text(struct th_json *j, const char *key, struct th_str s);
void th_findings_time(struct th_json *j, const char *key, int64_t time_ns);

/* A breach; incident empty: of none. full: with its evidence. */
void th_findings_put_breach(
    struct th_json *j, const json_t *line, struct th_str incident, bool full);
/* The members of an incident in short, without the braces. lead: the line of its strongest breach,
 * or NULL. */
void th_findings_put_incident(
    struct th_json *j, const json_t *line, struct th_str state, const json_t *lead);

/* A group event in short, out of its line. */
void th_findings_put_group_event(struct th_json *j, const json_t *line);
/* Those that a device had part in, as a list. */
void th_findings_put_groups_of(struct th_catalogue *c, struct th_json *j, struct th_str device);

/* ---- pages (findings_pages.c) ---- */

unsigned th_findings_limit(const struct th_findings_page *page);
/* A cursor is the last row's place in the order: its number and its id. An empty one leaves both;
 * false: it is none. */
bool th_findings_read_cursor(struct th_str cursor, int64_t *ret_number, struct th_str *ret_id);
/* Member "next": the cursor, or null when there are no more. */
void th_findings_put_next(struct th_json *j, bool more, int64_t number, struct th_str id);

#endif
