/* SPDX-License-Identifier: Apache-2.0 */
/* Searches that a user keeps: each user's are their own, whatever their role. */
#include "account/search.h"

#include "state_i.h"

/* A member that may be missing or empty; false: it is no text, longer, or has control characters.
 */
static bool optional(struct st_turn *t, const char *key, size_t max, struct th_str *ret)
{
    const json_t *v = json_object_get(t->req->body, key);
    *ret = th_str_c("");
    return !v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0) ||
        st_member(t, key, max, ret);
}

void st_searches(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "searches");
    th_searches_put(t->a, t->who.user.id, &t->json);
    th_json_close(&t->json);
}

void st_search_save(struct st_turn *t)
{
    struct th_saved_search search;
    int64_t id;
    if (!st_member(t, "name", TH_SEARCH_MAX_NAME, &search.name)) {
        st_error(t, 400, "name", "A name is one line of 1 to 80 bytes.");
        return;
    }
    if (!optional(t, "q", TH_SEARCH_MAX_QUERY, &search.query) ||
        !optional(t, "from", TH_SEARCH_MAX_TEXT, &search.from) ||
        !optional(t, "to", TH_SEARCH_MAX_TEXT, &search.to) ||
        !optional(t, "kind", TH_SEARCH_MAX_TEXT, &search.kind) ||
        !optional(t, "columns", TH_SEARCH_MAX_TEXT, &search.columns)) {
        st_error(t, 400, "search",
            "A search is one line of at most 4,096 bytes, each of its other parts of 1,024.");
        return;
    }
    if (th_search_save(t->a, t->now_ns, t->who.user.id, &search, &id) < 0) {
        st_error(
            t, 409, "searches", "You keep 100 searches, which is all there may be. Delete one.");
        return;
    }
    if (th_search_put(t->a, t->who.user.id, id, &t->json) < 0)
        st_error(t, 500, "database", "The search could not be kept. Try again.");
}

void st_search_remove(struct st_turn *t)
{
    int64_t id;
    if (!th_str_i64(t->req->id, &id) || th_search_remove(t->a, t->who.user.id, id) < 0)
        st_error(t, 404, "search", "You keep no such search.");
    else
        st_ok(t);
}
