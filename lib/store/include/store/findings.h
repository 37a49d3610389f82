/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings at rest: breaches, incidents and devices as core told them, in the catalogue's database,
 * and the pages of the API that show them. An id is the key: what is told again, after a
 * restart or a replay, takes the place of what was there. Lines hold names that strangers chose;
 * they are parsed with limits, stored as they came and escaped on the way out. Incidents that
 * became one are one here, under the elder's id; asked for by the younger's, the elder is given.
 *
 * The store's own following of the log (events an hour, sensors, people's decisions on incidents)
 * is kept here, too, with its position in one transaction.
 */
#ifndef TH_STORE_FINDINGS_H
#define TH_STORE_FINDINGS_H

#include <jansson.h>

#include "store/catalogue.h"

#define TH_FINDING_MAX_BYTES (1u << 20) /* a line */

/* ---- from core ---- */

struct th_findings_news {
    uint64_t stored;  /* lines that were new or different */
    uint64_t refused; /* lines that are none of ours; they are left out */
    /* What a browser is to be told: for each new or changed incident, breach and group event, and
     * each incident that became part of another or of a group event, u8 length of the name, name
     * ("incident", "breach", "group", "joined", "withdrawn"), u32 length of the JSON, JSON. */
    struct th_buf notices;
};
/* Lines of JSON (docs/findings.md), in one transaction.
 * now_ns: the wall clock, for "first seen". news->notices is the caller's. */
int th_findings_put(struct th_catalogue *c, struct th_str lines, int64_t now_ns,
    struct th_findings_news *news) TH_WARN_UNUSED;

/* ---- from the log ---- */

/* Between th_findings_follow and its commit: what records said. */
void th_findings_follow(struct th_catalogue *c);
void th_findings_follow_events(struct th_catalogue *c, int64_t hour_ns, uint64_t events);
void th_findings_follow_sensor(struct th_catalogue *c, struct th_str id, struct th_str status);
void th_findings_follow_silent(struct th_catalogue *c, struct th_str id, bool silent);
/* About an incident, or about what it is part of by then. False: no such state. */
bool th_findings_follow_state(struct th_catalogue *c, struct th_str incident, struct th_str state,
    struct th_str by, int64_t at_ns, struct th_str comment);
/* A permit said (the control: src/master/permits.h) or ended. One that names an incident closes it.
 * As history stay TH_FINDINGS_PERMITS_OVER that are over, the newest. */
#define TH_FINDINGS_PERMITS_OVER 1000
void th_findings_follow_permit(struct th_catalogue *c, const json_t *control, int64_t at_ns);
void th_findings_follow_permit_end(struct th_catalogue *c, const json_t *control, int64_t at_ns);
/* Settings of the instance, as the control has them. */
void th_findings_follow_settings(struct th_catalogue *c, struct th_str json);
/* Appends them; nothing when there are none. */
void th_findings_settings(struct th_catalogue *c, struct th_buf *out);
/* Event time that was reached; 0 when nothing was read yet. */
int64_t th_findings_reached_ns(struct th_catalogue *c);
/* position: of the next record; time_ns: event time that was reached. */
int th_findings_follow_commit(
    struct th_catalogue *c, uint64_t position, int64_t time_ns) TH_WARN_UNUSED;

/* ---- pages ---- */

struct th_findings_page {
    struct th_str state;    /* incidents: "open", "acknowledged" or "all"; empty: open. Permits:
                               "active", "over" or "all"; empty: all */
    struct th_str device;   /* breaches: of this one; empty: all */
    struct th_str text;     /* devices: part of a name or an address */
    struct th_str sort;     /* devices: "score", "last" (also empty) or "name" */
    struct th_str cursor;   /* "next" of the page before; empty: the first */
    int64_t from_ns, to_ns; /* findings that begin in [from, to); INT64_MIN and INT64_MAX: all */
    int64_t now_ns;         /* permits: the wall clock */
    unsigned limit;         /* 1 to 200 */
};
#define TH_FINDINGS_MAX_PAGE 200u
/* Each appends the answer's JSON: 0, -EINVAL for a cursor that is none or a word that is none,
 * -ENOENT for an id that is not there, or an error of the database. */
int th_findings_incidents(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_incident(
    struct th_catalogue *c, struct th_str id, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_breaches(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_breach(struct th_catalogue *c, struct th_str id, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_group_events(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out) TH_WARN_UNUSED;
/* With its devices and those of their breaches that are part of it. */
int th_findings_group_event(
    struct th_catalogue *c, struct th_str id, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_devices(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_device(struct th_catalogue *c, struct th_str id, struct th_buf *out) TH_WARN_UNUSED;
/* A user of the network, also one that nobody was let in as. */
int th_findings_credential(
    struct th_catalogue *c, struct th_str id, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_permits(
    struct th_catalogue *c, const struct th_findings_page *page, struct th_buf *out) TH_WARN_UNUSED;
int th_findings_overview(
    struct th_catalogue *c, double events_per_s, int64_t now_ns, struct th_buf *out) TH_WARN_UNUSED;

#endif
