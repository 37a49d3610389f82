/* SPDX-License-Identifier: Apache-2.0 */
/* What catalogue.c and the findings share: one database. */
#ifndef TH_STORE_CATALOGUE_I_H
#define TH_STORE_CATALOGUE_I_H

#include <jansson.h>

#include "sql/sql.h"
#include "store/catalogue.h"

struct th_catalogue {
    struct th_sql sql;
};

/* Inside of a transaction. */
void th_catalogue_save_position(struct th_catalogue *c, const char *follower, uint64_t position);

/* findings_join.c: incidents that became one. */
#define TH_FINDING_ID_ROOM 33
/* The incident that this one is part of now, and since when; false: it is one of its own. */
bool th_findings_home(struct th_catalogue *c, struct th_str incident, char ret[TH_FINDING_ID_ROOM],
    int64_t *ret_at_ns);
/* All of the younger's becomes the elder's, and whoever asks for it gets the elder. Once: false
 * when it is so already, or cannot be. Inside of a transaction. */
bool th_findings_join(
    struct th_catalogue *c, struct th_str younger, struct th_str elder, int64_t at_ns);

/* findings_groups.c, inside of a transaction. A line about a group event: false, it is none;
 * *ret_news: it was not there in these very words. */
bool th_findings_put_group(struct th_catalogue *c, const json_t *line, bool *ret_news);
/* A breach turned out to be part of one: it is no incident's any more. */
void th_findings_leave_incident(struct th_catalogue *c, struct th_str breach, struct th_str device);
/* An incident is gone, all of it was part of one. False: there was none. */
bool th_findings_withdraw(struct th_catalogue *c, struct th_str incident);
void th_findings_forget_groups(struct th_catalogue *c, struct th_str device);

/* findings_permits.c, inside of a transaction: a line of core about one, and all about a device.
 * False: it is none. */
bool th_findings_put_held(struct th_catalogue *c, const json_t *line);
void th_findings_forget_permits(struct th_catalogue *c, struct th_str device);

#endif
