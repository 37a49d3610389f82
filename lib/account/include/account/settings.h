/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of an instance that its administrators change. As with sensors the log has the
 * truth: a control carries all of them, and the table follows. Until the first one the
 * instance's defaults hold.
 */
#ifndef TH_ACCOUNT_SETTINGS_H
#define TH_ACCOUNT_SETTINGS_H

#include <jansson.h>

#include "account/account.h"
#include "base/json.h"

#define TH_SETTINGS_MAX_KINDS 128u
#define TH_SETTINGS_MAX_ZONE 64u
#define TH_SETTINGS_MAX_KIND 33u

struct th_retention {
    char kind[TH_SETTINGS_MAX_KIND]; /* of event, as events.def names it */
    int days;                        /* 1 to 3650 */
};

struct th_settings {
    int alerts_per_day;   /* 1 to 1000 */
    bool approve_sensors; /* a new sensor waits until somebody approves it */
    char time_zone[TH_SETTINGS_MAX_ZONE];
    int64_t data_bytes; /* at least 1 GiB */
    unsigned retention_count;
    struct th_retention retention[TH_SETTINGS_MAX_KINDS];
};

void th_settings_default(struct th_settings *ret);
/* What is there; the defaults given where nothing is. */
void th_settings_get(
    struct th_accounts *a, const struct th_settings *defaults, struct th_settings *ret);
void th_settings_set(struct th_accounts *a, const struct th_settings *s);
/* Reads the whole object, every member of which must be there, none else. -EINVAL with *ret_why a
 * sentence. */
int th_settings_parse(
    const json_t *json, struct th_settings *ret, const char **ret_why) TH_WARN_UNUSED;
/* The members alone, into an object that the caller opened. */
void th_settings_members_put(const struct th_settings *s, struct th_json *out);
void th_settings_put(const struct th_settings *s, struct th_json *out);

#endif
