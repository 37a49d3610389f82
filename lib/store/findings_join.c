/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents that became one. The younger's row goes; what is kept is where it went, so that a link
 * to it, however old, leads to the story that it is part of now. Core tells again what it told
 * behind its checkpoint: the younger, and that it was joined; neither changes anything then.
 */
#include "catalogue_i.h"

bool th_findings_home(struct th_catalogue *c, struct th_str incident, char ret[TH_FINDING_ID_ROOM],
    int64_t *ret_at_ns)
{
    TH_AUTOSTMT sqlite3_stmt *q =
        th_sql(&c->sql, "SELECT elder, at FROM joins WHERE younger = ?", "s", incident);
    if (!th_sql_row(&c->sql, q))
        return false;
    th_sql_copy(q, 0, ret, TH_FINDING_ID_ROOM);
    *ret_at_ns = th_sql_int(q, 1);
    return true;
}

/*
 * People's decisions, told by their times alone, since the log may be read before or after core has
 * concluded from it. The last one behind the joining counts, about whichever of the two. Before it
 * each was decided about by itself: what somebody still has to look at stays open.
 */
static void join_states(struct th_sql *s, struct th_str younger, struct th_str elder, int64_t at_ns)
{
    th_sql_run(s,
        "INSERT OR REPLACE INTO states SELECT ?2, state, by, at, comment FROM states WHERE "
        "incident = ?1 AND at > ?3 AND at > coalesce((SELECT at FROM states WHERE incident = ?2), "
        "0)",
        "ssi", younger, elder, at_ns);
    th_sql_run(s,
        "UPDATE states SET state = 'open' WHERE incident = ?2 AND at <= ?3 AND EXISTS (SELECT 1 "
        "FROM incidents WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM states WHERE incident = ?1 "
        "AND state = 'acknowledged')",
        "ssi", younger, elder, at_ns);
    /* Acknowledged were both: the later of the two decisions has seen what there was. */
    th_sql_run(s,
        "UPDATE states SET at = max(at, coalesce((SELECT at FROM states WHERE incident = ?1), at)) "
        "WHERE incident = ?2 AND state = 'acknowledged'",
        "ss", younger, elder);
    th_sql_run(s, "DELETE FROM states WHERE incident = ?", "s", younger);
}

bool th_findings_join(
    struct th_catalogue *c, struct th_str younger, struct th_str elder, int64_t at_ns)
{
    struct th_sql *s = &c->sql;
    char home[TH_FINDING_ID_ROOM];
    int64_t since_ns;
    if (th_findings_home(c, younger, home, &since_ns))
        return false;
    if (th_findings_home(c, elder, home, &since_ns))
        elder = th_str_c(home);
    if (th_str_eq(younger, elder))
        return false;
    join_states(s, younger, elder, at_ns);
    th_sql_run(s, "UPDATE joins SET elder = ?2, at = max(at, ?3) WHERE elder = ?1", "ssi", younger,
        elder, at_ns);
    th_sql_run(s, "INSERT INTO joins VALUES (?, ?, ?)", "ssi", younger, elder, at_ns);
    th_sql_run(
        s, "UPDATE incident_breaches SET incident = ?2 WHERE incident = ?1", "ss", younger, elder);
    th_sql_run(s,
        "INSERT OR IGNORE INTO incident_devices SELECT device, ?2 FROM incident_devices WHERE "
        "incident = ?1",
        "ss", younger, elder);
    th_sql_run(s, "DELETE FROM incident_devices WHERE incident = ?", "s", younger);
    th_sql_run(s,
        "UPDATE incidents SET first_seen = min(incidents.first_seen, y.first_seen), alerted = "
        "max(coalesce(incidents.alerted, y.alerted), coalesce(y.alerted, incidents.alerted)) FROM "
        "incidents y WHERE incidents.id = ?2 AND y.id = ?1",
        "ss", younger, elder);
    th_sql_run(s, "DELETE FROM incidents WHERE id = ?", "s", younger);
    return true;
}
