/* SPDX-License-Identifier: Apache-2.0 */
#include "account/permit.h"

#include "accounts.h"

bool th_account_permit_add(struct th_accounts *a, struct th_str id, int64_t until_ns)
{
    return th_sql_run(&a->sql, "INSERT OR IGNORE INTO permits VALUES (?, ?)", "si", id, until_ns) >
        0;
}

bool th_account_permit_end(struct th_accounts *a, struct th_str id)
{
    return th_sql_run(&a->sql, "DELETE FROM permits WHERE id = ?", "s", id) > 0;
}

bool th_account_permit_is(struct th_accounts *a, struct th_str id)
{
    return th_sql_number(&a->sql, 0, "SELECT count(*) FROM permits WHERE id = ?", "s", id) > 0;
}

unsigned th_account_permits(struct th_accounts *a)
{
    return (unsigned)th_sql_number(&a->sql, 0, "SELECT count(*) FROM permits", "");
}

bool th_account_permit_expire(
    struct th_accounts *a, int64_t now_ns, char ret_id[TH_ACCOUNT_PERMIT_ID_LEN])
{
    {
        TH_AUTOSTMT sqlite3_stmt *q = th_sql(&a->sql,
            "SELECT id FROM permits WHERE until_ns <= ? ORDER BY until_ns, id LIMIT 1", "i",
            now_ns);
        if (!th_sql_row(&a->sql, q))
            return false;
        th_sql_copy(q, 0, ret_id, TH_ACCOUNT_PERMIT_ID_LEN);
    }
    return th_account_permit_end(a, th_str_c(ret_id));
}
