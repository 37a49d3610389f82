/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of role core over recorded input: options and descriptors in, findings
 * out. role_core.c sets it up and drives it; core_state.c saves and loads what was
 * learned; core_report.c writes the lines about inputs and the summary.
 */
#ifndef TH_MASTER_CORE_H
#define TH_MASTER_CORE_H

#include "crew.h"
#include "merge.h"
#include "priv/spawn.h"
#include "roles.h"

enum { TH_CORE_MAX_NETS = 64, TH_CORE_MAX_HOURS = 4096 };

struct th_core_options {
    double alerts_per_day;
    unsigned shards;
    struct th_subnet local[TH_CORE_MAX_NETS];
    size_t local_count;
    bool live; /* follows the log of an instance */
    struct th_without without;
    bool check;       /* of the models only: is a mistake in them? */
    const char *why;  /* DEVICE@TIME, an hour to be explained; NULL: none */
    int64_t until_ns; /* what happened from here on is left out; TH_TIME_UNSET: nothing */
    uint64_t instance;
    uint64_t uid, gid;
};

/* A list of names, as it came: each ended by a zero. */
struct th_core_names {
    struct th_buf text;
    const char **v;
    size_t count;
};

struct th_core {
    struct th_core_options options;
    struct th_inherited inherited;
    struct th_core_names names;       /* of the inputs, as the user gave them */
    struct th_core_names model_names; /* paths of the model files */
    struct th_models *models;
    unsigned trials;    /* so many of them, the first, are on trial (thymusctl model test) */
    struct th_oui *oui; /* makers of MACs, NULL without the list */
    struct th_merge *merge;
    struct th_crew crew;
    struct th_shard shard;
    struct th_incidents *incidents; /* lead only */
    struct th_why why;
    struct th_identity *why_identity; /* of all events, or NULL */
    struct th_buf why_text;           /* what the shard of the device knows, JSON */
    int out_fd;
    struct th_buf out;
    bool out_failed;
    bool prior_loaded;
    bool state_loaded;
    struct th_buf kept, kept_incidents;
    int64_t resumed_ns; /* last event time of the loaded state, TH_TIME_UNSET without one */

    uint64_t events, breaches, incident_count, group_events, alerts;
    int64_t first_ns, last_ns;
    uint64_t kind_events[TH_KIND_COUNT];
    struct {
        int64_t hour_ns;
        uint64_t events;
    } hours[TH_CORE_MAX_HOURS];
    size_t hour_count;
    struct th_learn_stats stats;
};

/* core_state.c */
int th_core_load(struct th_core *core) TH_WARN_UNUSED;
/* Puts together what a later run goes on from; and writes it, once all that is to be told was. */
int th_core_keep(struct th_core *core) TH_WARN_UNUSED;
int th_core_save_kept(struct th_core *core) TH_WARN_UNUSED;
int th_core_save_prior(struct th_core *core) TH_WARN_UNUSED;
/* All that was learned as sections: in a crew every process calls it, the lead's buffer has them.
 */
int th_core_state_put(struct th_core *core, struct th_buf *whole) TH_WARN_UNUSED;
int th_core_state_get(struct th_core *core, const struct th_buf *whole) TH_WARN_UNUSED;
int th_core_load_prior(struct th_core *core) TH_WARN_UNUSED;

/* role_core.c: the models that were inherited. */
int th_core_load_models(struct th_core *core) TH_WARN_UNUSED;
/* core_live.c: the role over the log; exit status. */
int th_core_live(struct th_core *core);

/* core_report.c */
void th_core_write(struct th_core *core, struct th_buf *line);
/* The models on trial, one line each. */
void th_core_report_trials(struct th_core *core);
void th_core_report_epoch(struct th_core *core);
void th_core_report_incidents(struct th_core *core);
/* Returns how many inputs were not, or not wholly, read. */
size_t th_core_report_inputs(struct th_core *core);
void th_core_report_summary(struct th_core *core, size_t unread);
double th_core_threshold(const struct th_core *core);
/* Whose past the scores rest on, by core->stats: "prior", "mixed" or "own". */
const char *th_core_calibration(const struct th_core *core);

/* core_why.c: what `thymusctl why` asks; nothing happens where it does not ask. */
int th_core_why_parse(struct th_core *core) TH_WARN_UNUSED;
/* Who is meant? Reads the events once. The shard, of this config, was loaded. */
int th_core_why_find(struct th_core *core, const struct th_shard_config *config) TH_WARN_UNUSED;
/* There is nobody to be explained. */
bool th_core_why_nobody(const struct th_core *core);
/* Once the epoch is closed. */
void th_core_why_epoch(struct th_core *core);
/* Brings what the device's shard knows to the lead; called in every process. */
int th_core_why_gather(struct th_core *core) TH_WARN_UNUSED;
void th_core_report_why(struct th_core *core, size_t unread);
void th_core_why_done(struct th_core *core);

#endif
