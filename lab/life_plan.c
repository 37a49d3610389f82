/* SPDX-License-Identifier: Apache-2.0 */
#include "life_plan.h"

#include "base/mem.h"
#include "when.h"

#include <errno.h>
#include <stdio.h>

static const struct lab_life_info infos[LAB_LIFE_COUNT] = {
    [LAB_LIFE_ROLES] = {"roles", "developers, finance, sales, support, administrators, kiosks"},
    [LAB_LIFE_POLLERS] = {"pollers",
        "more that reports home, some to a host that nobody else uses"},
    [LAB_LIFE_CHURN] = {"churn",
        "all lease their addresses, few keep them; telephones change MACs"},
    [LAB_LIFE_DOCKS] = {"docks", "laptops leave the dock for the wireless network and come back"},
    [LAB_LIFE_UPLOADS] = {"uploads", "now and then somebody synchronises some GB"},
    [LAB_LIFE_SESSIONS] = {"sessions", "connections of days"},
    [LAB_LIFE_LOGINS] = {"logins", "passwords forgotten, and old ones kept by a service"},
    [LAB_LIFE_PATCH] = {"patch", "whole groups fetch updates in the same hours",
        {"+15d10h", "+43d10h"}},
    [LAB_LIFE_ROLLOUT] = {"rollout", "a group gets a new browser and an agent within 30 hours",
        {"+16d9h"}},
    [LAB_LIFE_HOLIDAY] = {"holiday", "a day on which hardly anybody comes", {"+18d", "+39d"}},
    [LAB_LIFE_MERGER] = {"merger", "a second network joins, a fifth as large, with other habits",
        {"+28d6h"}},
    [LAB_LIFE_NEWAPP] = {"newapp", "a new outside service that more and more people use",
        {"+21d8h"}},
    [LAB_LIFE_PROGRAMS] = {"programs", "a long tail of software, some of it new every day"},
    [LAB_LIFE_SERVER] = {"server", "a new inside server that everybody uses", {"+24d9h"}},
};

const struct lab_life_info *lab_life_info(unsigned n)
{
    return n < LAB_LIFE_COUNT ? &infos[n] : NULL;
}

static bool is_change(unsigned k)
{
    return infos[k].when[0] != NULL;
}

static void want(struct lab_life_plan *p, unsigned k, int64_t week_ns)
{
    p->wanted |= 1u << k;
    for (unsigned i = 0; !(p->told >> k & 1) && i < TH_ARRAY_LEN(infos[k].when); i++)
        if (infos[k].when[i] && lab_time_parse(infos[k].when[i], week_ns, &p->when[k].at_ns[i]))
            p->when[k].n = (uint8_t)(i + 1);
}

/* A time that was given; the first one replaces the usual ones. */
static bool want_at(struct lab_life_plan *p, unsigned k, struct th_str when, int64_t week_ns)
{
    char text[64];
    if (!(p->told >> k & 1))
        p->when[k].n = 0;
    p->wanted |= 1u << k;
    p->told |= 1u << k;
    snprintf(text, sizeof text, "%.*s", (int)TH_MIN(when.len, 63u), when.p);
    return p->when[k].n < LAB_LIFE_TIMES &&
        lab_time_parse(text, week_ns, &p->when[k].at_ns[p->when[k].n++]);
}

static int one(struct th_str part, int64_t week_ns, struct lab_life_plan *p)
{
    bool timed = th_str_index(part, '@') >= 0;
    struct th_str name = th_str_split(&part, '@');
    bool all = th_str_is(name, "all"), habits = th_str_is(name, "habits");
    bool set = all || habits || th_str_is(name, "changes"), found = false;
    for (unsigned k = 0; k < LAB_LIFE_COUNT; k++) {
        if (set ? !all && habits == is_change(k) : !th_str_is(name, infos[k].name))
            continue;
        found = true;
        if (!timed)
            want(p, k, week_ns);
        else if (set || !is_change(k) || !want_at(p, k, part, week_ns))
            return -EINVAL;
    }
    return found ? 0 : -EINVAL;
}

int lab_life_parse(
    const char *list, int64_t start_ns, struct lab_life_plan *ret, char *message, size_t size)
{
    struct lab_life_plan p = {0};
    struct th_str rest = th_str_c(list);
    do {
        struct th_str part = th_str_split(&rest, ',');
        if (one(part, lab_week_of(start_ns), &p) < 0) {
            snprintf(message, size,
                "\"%.*s\" is none of roles, patch@+15d10h and so on; see --help",
                (int)TH_MIN(part.len, 60u), part.p);
            return -EINVAL;
        }
    } while (rest.len);
    *ret = p;
    return 0;
}
