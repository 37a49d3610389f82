/* SPDX-License-Identifier: Apache-2.0 */
#include "account/account.h"

#include "account/audit.h"
#include "account/login.h"
#include "account/session.h"
#include "accounts.h"
#include "factor.h"
#include "schema.h"

static int make_key(struct th_accounts *a)
{
    TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
    int number = th_keychain_rotate(a->keys, &wrapped);
    if (number < 0)
        return number;
    th_sql_run(
        &a->sql, "INSERT INTO keys VALUES (?, ?)", "ib", (int64_t)number, th_buf_view(&wrapped));
    return 0;
}

static int take_keys(struct th_accounts *a)
{
    int r = 0;
    th_sql_begin(&a->sql);
    {
        TH_AUTOSTMT sqlite3_stmt *q =
            th_sql(&a->sql, "SELECT number, wrapped FROM keys ORDER BY number", "");
        while (r == 0 && th_sql_row(&a->sql, q)) {
            int64_t number = th_sql_int(q, 0);
            r = number > 0 && number <= INT32_MAX
                ? th_keychain_take(a->keys, (uint32_t)number, th_sql_text(q, 1))
                : TH_E_MALFORMED;
        }
    }
    if (r == 0 && a->sql.err == 0 && th_keychain_newest(a->keys) == 0)
        r = make_key(a);
    if (r < 0) {
        th_accounts_rollback(a);
        return r;
    }
    return th_sql_commit(&a->sql);
}

int th_accounts_open(
    const char *path, struct th_keychain *keys, int64_t now_ns, struct th_accounts **ret)
{
    TH_CLEANUP(th_accounts_closep) struct th_accounts *a = th_xcalloc(1, sizeof(*a));
    a->keys = keys;
    int r = th_sql_open(path, &a->sql);
    if (r == 0)
        r = th_schema_migrate(&a->sql, now_ns);
    if (r == 0)
        r = take_keys(a);
    if (r == 0)
        *ret = TH_TAKE(a);
    return r;
}

void th_accounts_close(struct th_accounts *a)
{
    if (a && a->sql.db)
        th_sql_done(&a->sql);
    free(a);
}

void th_accounts_begin(struct th_accounts *a)
{
    th_sql_begin(&a->sql);
}

int th_accounts_commit(struct th_accounts *a)
{
    int r = th_sql_commit(&a->sql);
    if (r < 0)
        a->checked_n = 0; /* what was checked may be gone */
    return r;
}

void th_accounts_rollback(struct th_accounts *a)
{
    a->sql.err = a->sql.err < 0 ? a->sql.err : -ECANCELED;
    int r = th_accounts_commit(a);
    (void)r; /* it is the error that was put there */
}

uint64_t th_accounts_position(struct th_accounts *a)
{
    return (uint64_t)th_sql_number(&a->sql, 0, "SELECT value FROM meta WHERE key = 'position'", "");
}

void th_accounts_set_position(struct th_accounts *a, uint64_t position)
{
    th_sql_run(&a->sql,
        "INSERT INTO meta VALUES ('position', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        "i", (int64_t)position);
}

int th_accounts_rotate(struct th_accounts *a, int64_t now_ns, const char *by)
{
    int r = make_key(a);
    if (r == 0)
        r = th_factor_reseal_all(a);
    if (r == 0)
        th_audit(a, now_ns, by, "keys.rotate", "", "");
    return r;
}

void th_accounts_sweep(struct th_accounts *a, int64_t now_ns)
{
    th_sessions_sweep(a, now_ns);
    th_lockouts_sweep(a, now_ns);
}
