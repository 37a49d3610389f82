/* SPDX-License-Identifier: Apache-2.0 */
#include "account/login.h"
#include "accounts.h"
#include "base/addr.h"

#define FORGET_NS TH_NS_PER_DAY
#define MAX_ROWS INT64_C(20000) /* the oldest give way */

struct who {
    char text[TH_USER_MAX_NAME + TH_ACCOUNT_MAX_ADDRESS];
    int64_t free_tries, max_ns;
};

static struct who user_who(const char *name)
{
    struct who w = {.free_tries = 3, .max_ns = 5 * TH_NS_PER_MIN};
    snprintf(w.text, sizeof(w.text), "u:%s", name);
    for (char *p = w.text; *p; p++)
        *p = th_lower(*p);
    return w;
}

/* An IPv6 address counts by its network of 64 bits: who has one address of it has all. */
static struct who address_who(struct th_str address)
{
    struct who w = {.free_tries = 10, .max_ns = 15 * TH_NS_PER_MIN};
    struct th_addr addr;
    char text[TH_ADDR_TEXT_LEN];
    if (!th_addr_parse(address, &addr)) {
        snprintf(w.text, sizeof(w.text), "a:?");
        return w;
    }
    if (!th_addr_is_v4(&addr))
        memset(addr.b + 8, 0, 8);
    size_t n = th_addr_format(&addr, text);
    snprintf(w.text, sizeof(w.text), "a:%.*s", (int)n, text);
    return w;
}

static int64_t locked_until(struct th_accounts *a, const struct who *w)
{
    return th_sql_number(&a->sql, 0, "SELECT until_ns FROM lockouts WHERE who = ?", "z", w->text);
}

static int64_t delay_ns(const struct who *w, int64_t failures)
{
    int64_t over = failures - w->free_tries;
    if (over <= 0)
        return 0;
    return over > 20 ? w->max_ns : TH_MIN(TH_NS_PER_S << (over - 1), w->max_ns);
}

static bool charge(struct th_accounts *a, int64_t now_ns, const struct who *w)
{
    int64_t failures = 1 +
        th_sql_number(&a->sql, 0, "SELECT failures FROM lockouts WHERE who = ? AND last_ns > ?",
            "zi", w->text, now_ns - FORGET_NS);
    int64_t delay = delay_ns(w, failures);
    th_sql_run(&a->sql, "INSERT OR REPLACE INTO lockouts VALUES (?, ?, ?, ?)", "ziii", w->text,
        failures, now_ns + delay, now_ns);
    return delay > 0 && failures == w->free_tries + 1;
}

static unsigned seconds_left(int64_t until_ns, int64_t now_ns)
{
    return until_ns > now_ns ? (unsigned)((until_ns - now_ns + TH_NS_PER_S - 1) / TH_NS_PER_S) : 0;
}

unsigned th_lockout_user_s(struct th_accounts *a, int64_t now_ns, const char *name)
{
    struct who w = user_who(name);
    return seconds_left(locked_until(a, &w), now_ns);
}

unsigned th_lockout_s(
    struct th_accounts *a, int64_t now_ns, const char *name, struct th_str address)
{
    struct who w = address_who(address);
    unsigned by_address = seconds_left(locked_until(a, &w), now_ns);
    unsigned by_name = name ? th_lockout_user_s(a, now_ns, name) : 0;
    return TH_MAX(by_address, by_name);
}

bool th_lockout_charge(
    struct th_accounts *a, int64_t now_ns, const char *name, struct th_str address)
{
    struct who by_address = address_who(address);
    bool locked = charge(a, now_ns, &by_address);
    if (name) {
        struct who by_name = user_who(name);
        locked = charge(a, now_ns, &by_name) || locked;
    }
    return locked;
}

static void refund(struct th_accounts *a, const struct who *w)
{
    th_sql_run(&a->sql,
        "UPDATE lockouts SET failures = max(failures - 1, 0), until_ns = last_ns WHERE who = ?",
        "z", w->text);
}

void th_lockout_refund(struct th_accounts *a, const char *name, struct th_str address)
{
    struct who w = address_who(address);
    refund(a, &w);
    if (name) {
        w = user_who(name);
        refund(a, &w);
    }
}

void th_lockout_clear_user(struct th_accounts *a, const char *name)
{
    struct who w = user_who(name);
    th_sql_run(&a->sql, "DELETE FROM lockouts WHERE who = ?", "z", w.text);
}

void th_lockout_clear(struct th_accounts *a, const char *name, struct th_str address)
{
    struct who w = address_who(address);
    th_sql_run(&a->sql, "DELETE FROM lockouts WHERE who = ?", "z", w.text);
    th_lockout_clear_user(a, name);
}

void th_lockouts_sweep(struct th_accounts *a, int64_t now_ns)
{
    th_sql_run(&a->sql, "DELETE FROM lockouts WHERE last_ns <= ?", "i", now_ns - FORGET_NS);
    th_sql_run(&a->sql,
        "DELETE FROM lockouts WHERE who IN (SELECT who FROM lockouts ORDER BY last_ns DESC"
        " LIMIT -1 OFFSET ?)",
        "i", MAX_ROWS);
}
