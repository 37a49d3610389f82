/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models: named rules over an entity's signals, written as YAML (models/, format in
 * docs/models.md), compiled and checked with the line of a mistake. A model that
 * holds for a window breaches; the breach carries its evidence and a score.
 *
 * Score: 0 to 100, 12.5 x -log10 of the share of device-hours in the organisation whose
 * best breach is at least this rare. So 50 is one in 10,000 device-hours. Never more
 * than the pooled device-hours support.
 */
#ifndef TH_MODEL_MODEL_H
#define TH_MODEL_MODEL_H

#include "learn/learn.h"
#include "model/permit.h"

struct th_models;

/* A mistake in a model file: where and what. */
struct th_model_error {
    int line; /* 1-based, 0: the whole file */
    char text[200];
};

struct th_models *th_models_new(void);
void th_models_free(struct th_models *m);
/* Compiles one file (one or more YAML documents) and adds its models. */
int th_models_add(
    struct th_models *m, const char *yaml, size_t len_bytes, struct th_model_error *ret_err);
/* From now on a model whose id is there already is left out instead of refused: what was added
 * before takes its place. */
void th_models_keep(struct th_models *m);
unsigned th_models_count(const struct th_models *m);

struct th_model_info {
    const char *id;   /* "beacon-to-rare-destination" */
    const char *name; /* for people */
    const char *description;
    const char *technique; /* ATT&CK, "T1071.001" */
    const char *tactic;    /* phase: "command-and-control", ... */
    unsigned version;
};
const struct th_model_info *th_models_info(const struct th_models *m, unsigned model);

#define TH_BREACH_MAX_EVIDENCE 8u
struct th_breach {
    uint64_t id; /* hash of model, version, entity, window and peer: a replay gives it again */
    unsigned model;
    uint64_t entity;          /* a device, or a user (th_entity_is_user) */
    uint64_t source;          /* of a user's: the device it was from; 0: none of ours, or several */
    int64_t time_ns;          /* when its evidence was complete */
    int64_t start_ns, end_ns; /* the window */
    bool over;                /* as the window says */
    double lgp;               /* combined rarity before the pooled calibration */
    double score;             /* 0 to 100 */
    uint32_t late_hours;      /* "seen N hours late", 0 when in time */
    int64_t
        since_ns;   /* begin of the first hour with evidence about this peer (or, about none, of */
    uint32_t hours; /* this model) that still counts; hours with some since then, this one too */
    bool early;     /* its window is still open: a judgement so far (set by who looks) */
    uint64_t group_event; /* that it is part of (group.h), 0: of none */
    uint64_t throttle;    /* key by which the same is held back for a while */
    bool has_peer;
    struct th_peer peer;                               /* views point into evidence[0] */
    struct th_signal evidence[TH_BREACH_MAX_EVIDENCE]; /* rarest first */
    uint32_t evidence_count;
};

typedef void (*th_breach_fn)(void *arg, const struct th_breach *b);

/* Evaluates windows, keeps throttles and the pooled calibrator. Sharded like the learner. */
struct th_scorer;
struct th_scorer *th_scorer_new(const struct th_models *m, uint64_t partitions);
/* From the beginning: each hour stands for itself (to measure what evidence over time brings). */
void th_scorer_without_time(struct th_scorer *s);
void th_scorer_free(struct th_scorer *s);
void th_scorer_window(struct th_scorer *s, const struct th_window *w, th_breach_fn fn, void *arg);
/* The same for an hour that is not over: tells what it would breach now, under the ids that
 * th_scorer_window gives, and changes nothing. */
void th_scorer_look(
    const struct th_scorer *s, const struct th_window *w, th_breach_fn fn, void *arg);
/* The breach turned out to be part of a group event, so that nobody was told of its device: the
 * same is held back for some hours only, and not for as long as its model says. Behind the epoch in
 * which it was found; the same in every scorer of an organisation. */
void th_scorer_discount(struct th_scorer *s, unsigned model, uint64_t throttle, int64_t time_ns);
/* What was remembered of tellings and trails and had to go before its time, since there was too
 * much (65,536 each): the same may be told again early, and what goes on begins anew. */
uint64_t th_scorer_dropped(const struct th_scorer *s);
/* Drops the sequences under way of an entity, and the permits that name it. */
void th_scorer_forget(struct th_scorer *s, uint64_t entity);
/* Epochs, state and prior as in learn.h. */
void th_scorer_epoch_out(struct th_scorer *s, unsigned partition, struct th_buf *out);
int th_scorer_epoch_in(
    struct th_scorer *s, unsigned partition, const uint8_t *data, size_t len_bytes);
void th_scorer_epoch_done(struct th_scorer *s, int64_t time_ns);
/* What is normal here, by which it goes from now on; the scorer's own. Not in its state: saved for
 * itself. The same changes in every scorer of an organisation. */
struct th_permits *th_scorer_permits(struct th_scorer *s);
double th_scorer_pooled_device_hours(const struct th_scorer *s);
/* The score at or above which `alerts_per_day` alerts a day are to be expected. */
double th_scorer_threshold(const struct th_scorer *s, double alerts_per_day, double active_devices);
void th_scorer_save(const struct th_scorer *s, struct th_buf *out);
int th_scorer_load(struct th_scorer *s, const uint8_t *data, size_t len_bytes);
void th_scorer_save_prior(const struct th_scorer *s, struct th_buf *out);
int th_scorer_load_prior(struct th_scorer *s, const uint8_t *data, size_t len_bytes);

/* Points of score: ten times as rare. */
#define TH_ESCALATION 12.5

/* Incidents: breaches joined into stories by entity, peer and destination. One process of an
 * organisation runs this, over the breaches of all shards in order of (time, id). */
struct th_incident {
    uint64_t id;
    int64_t start_ns, end_ns;
    double score;
    /* How often it asked for attention: when it reached the threshold of the alert budget, and each
     * time that its score was TH_ESCALATION points above that of the last alert. */
    uint32_t alerts;
    uint32_t new_alerts; /* of these, since it was told before */
    int64_t alert_ns;    /* the last; meaningless without one */
    const uint64_t *devices;
    uint32_t device_count;
    const uint64_t *breaches; /* ids, by time */
    uint32_t breach_count;
    const char *title;   /* one line */
    const char *summary; /* sentences: what was observed against what was expected */
};
typedef void (*th_incident_fn)(void *arg, const struct th_incident *i);
typedef void (*th_incident_joined_fn)(void *arg, uint64_t younger, uint64_t elder);

struct th_incidents;
struct th_incidents *th_incidents_new(const struct th_models *m, const struct th_identity *id);
void th_incidents_free(struct th_incidents *all);
/* threshold: score of an alert; now_ns: the time of one that this raises. */
void th_incidents_add(
    struct th_incidents *all, const struct th_breach *b, double threshold, int64_t now_ns);
/* Tells all incidents that changed since the last call, best first. */
void th_incidents_report(struct th_incidents *all, th_incident_fn fn, void *arg);
/* Tells which incidents that were told before have become part of an elder one since the last call,
 * in this order; both by id. The elder was told before, too, and is told with the next report. */
void th_incidents_report_joined(struct th_incidents *all, th_incident_joined_fn fn, void *arg);
/* Takes a breach out that was told early and turned out to be part of a group event. */
void th_incidents_withdraw(struct th_incidents *all, uint64_t breach, uint64_t group_event);
/* Tells which incidents are gone since the last call because all that they had was part of a group
 * event (of the last breach that went); those that were told before. */
typedef void (*th_incident_withdrawn_fn)(void *arg, uint64_t incident, uint64_t group_event);
void th_incidents_report_withdrawn(
    struct th_incidents *all, th_incident_withdrawn_fn fn, void *arg);
/* Takes an entity out: incidents of it alone are gone, of others only what they have without it is
 * kept, and told with the next report. */
void th_incidents_forget(struct th_incidents *all, uint64_t entity);
void th_incidents_save(const struct th_incidents *all, struct th_buf *out);
int th_incidents_load(struct th_incidents *all, const uint8_t *data, size_t len_bytes);
/* What was saved before, once all of now was told: there as changed is marked what now is another
 * or gone, so that whoever goes on from what was saved tells that again, and nothing else. */
int th_incidents_save_told(const struct th_incidents *now, const struct th_models *m,
    const uint8_t *saved, size_t len_bytes, struct th_buf *out);

/* One JSON object a line, as `thymusctl analyse --json` prints them (docs/findings.md). */
void th_breach_json(const struct th_breach *b, const struct th_models *m,
    const struct th_identity *id, struct th_buf *out);
void th_incident_json(
    const struct th_incident *i, const struct th_identity *id, struct th_buf *out);
/* time_ns: when they became one, by whatever clock the caller goes by. */
void th_incident_joined_json(int64_t time_ns, uint64_t younger, uint64_t elder, struct th_buf *out);
void th_incident_withdrawn_json(
    int64_t time_ns, uint64_t incident, uint64_t group_event, struct th_buf *out);
/* A sentence for one piece of evidence: "sent 2.1 GB to example.com in an hour; expected at most
 * 14 MB". Printable ASCII, no line break. */
void th_signal_sentence(const struct th_signal *s, struct th_buf *out);

#endif
