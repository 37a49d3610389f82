/* SPDX-License-Identifier: Apache-2.0 */
#include "account/search.h"

#include "accounts.h"

int th_search_save(struct th_accounts *a, int64_t now_ns, int64_t user,
    const struct th_saved_search *search, int64_t *ret_id)
{
    int64_t id = th_sql_number(&a->sql, 0, "SELECT id FROM searches WHERE user = ? AND name = ?",
        "is", user, search->name);
    if (id == 0 &&
        th_sql_number(&a->sql, 0, "SELECT count(*) FROM searches WHERE user = ?", "i", user) >=
            (int64_t)TH_SEARCH_MAX_PER_USER)
        return -ENOSPC;
    th_sql_run(&a->sql,
        "INSERT INTO searches (user, name, query, from_text, to_text, kind, columns, saved_ns)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (user, name) DO UPDATE SET"
        " name = ?2, query = ?3, from_text = ?4, to_text = ?5, kind = ?6, columns = ?7,"
        " saved_ns = ?8",
        "issssssi", user, search->name, search->query, search->from, search->to, search->kind,
        search->columns, now_ns);
    *ret_id = th_sql_number(&a->sql, 0, "SELECT id FROM searches WHERE user = ? AND name = ?", "is",
        user, search->name);
    return 0;
}

int th_search_remove(struct th_accounts *a, int64_t user, int64_t id)
{
    int n = th_sql_run(&a->sql, "DELETE FROM searches WHERE user = ? AND id = ?", "ii", user, id);
    return n > 0 ? 0 : -ENOENT;
}

#define COLUMNS "id, name, query, from_text, to_text, kind, columns, saved_ns"

static void put_row(sqlite3_stmt *q, struct th_json *out)
{
    static const char *const texts[] = {"name", "q", "from", "to", "kind", "columns"};
    char id[24];
    snprintf(id, sizeof(id), "%lld", (long long)th_sql_int(q, 0));
    th_json_open(out);
    th_json_key(out, "id");
    th_json_str(out, th_str_c(id));
    for (unsigned i = 0; i < TH_ARRAY_LEN(texts); i++) {
        th_json_key(out, texts[i]);
        th_json_str(out, th_sql_text(q, (int)i + 1));
    }
    th_json_key(out, "saved");
    th_json_time(out, th_sql_int(q, 7));
    th_json_close(out);
}

int th_search_put(struct th_accounts *a, int64_t user, int64_t id, struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(
        &a->sql, "SELECT " COLUMNS " FROM searches WHERE user = ? AND id = ?", "ii", user, id);
    if (!th_sql_row(&a->sql, q))
        return -ENOENT;
    put_row(q, out);
    return 0;
}

void th_searches_put(struct th_accounts *a, int64_t user, struct th_json *out)
{
    TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
        "SELECT " COLUMNS " FROM searches WHERE user = ? ORDER BY name COLLATE NOCASE, id", "i",
        user);
    th_json_open_list(out);
    while (th_sql_row(&a->sql, q))
        put_row(q, out);
    th_json_close_list(out);
}
