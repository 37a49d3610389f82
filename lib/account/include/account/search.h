/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches that a user keeps under a name, for themself alone: what the search screen was asked, as
 * text that nothing here reads. They go with their user.
 */
#ifndef TH_ACCOUNT_SEARCH_H
#define TH_ACCOUNT_SEARCH_H

#include "account/account.h"
#include "base/json.h"

#define TH_SEARCH_MAX_PER_USER 100u
#define TH_SEARCH_MAX_NAME 80u /* bytes */
#define TH_SEARCH_MAX_QUERY 4096u
#define TH_SEARCH_MAX_TEXT 1024u /* of the others */

struct th_saved_search {
    struct th_str name; /* unique for the user, in any case of letters */
    struct th_str query, from, to, kind, columns;
};

/* Keeps it; one of the same name is replaced. -ENOSPC: the user has as many as may be. */
int th_search_save(struct th_accounts *a, int64_t now_ns, int64_t user,
    const struct th_saved_search *search, int64_t *ret_id) TH_WARN_UNUSED;
/* -ENOENT: the user has none of this id. */
int th_search_remove(struct th_accounts *a, int64_t user, int64_t id) TH_WARN_UNUSED;
/* {"id", "name", "q", "from", "to", "kind", "columns", "saved"}; -ENOENT */
int th_search_put(
    struct th_accounts *a, int64_t user, int64_t id, struct th_json *out) TH_WARN_UNUSED;
/* A list of all of the user's, by name. */
void th_searches_put(struct th_accounts *a, int64_t user, struct th_json *out);

#endif
