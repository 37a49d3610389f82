/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern of life. Events with their entities go in; for each entity and hour
 * come out signals: what was observed, what was expected, how rare that is. It
 * learns from every window it closes (gated, so that an attack does not become
 * normal), from the first minute, for ever, in bounded memory.
 *
 * A learner owns the entities of its partitions. What is known of the whole
 * organisation (popularity of destinations, distributions of features, calibrators)
 * is read as of the last closed epoch, an event-time hour: at its end each learner
 * writes what its partitions contribute (th_learn_epoch_out), the contributions of
 * all partitions are applied in partition order by all learners
 * (th_learn_epoch_in). So one learner and four say the same.
 *
 * Nothing here reads a clock, allocates by an outsider's number, or logs.
 */
#ifndef TH_LEARN_LEARN_H
#define TH_LEARN_LEARN_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"
#include "identity/identity.h"

/* features.def: TH_FEATURE(NAME, "name", CLASS, "unit", "what it measures, for a person") */
enum th_feature {
#define TH_FEATURE(NAME, name, CLASS, unit, help) TH_FEAT_##NAME,
#include "learn/features.def"
#undef TH_FEATURE
    TH_FEATURE_COUNT
};

enum th_feature_class {
    TH_CLASS_RATE,    /* a count or sum an hour, against the entity's own habit */
    TH_CLASS_NOVELTY, /* something new for the entity, weighted by how rare it is for all */
    TH_CLASS_SEQUENCE /* evidence that adds up over events: beacon, scan, tunnel, DGA, path */
};

struct th_feature_info {
    const char *name;
    const char *unit;
    const char *help;
    uint8_t class; /* enum th_feature_class */
};
/* Of users, not of devices. */
static inline bool th_feature_is_user(unsigned feature)
{
    return feature >= TH_FEAT_USER_LOGINS && feature <= TH_FEAT_USER_SPRAY;
}
const struct th_feature_info *th_feature_get(unsigned feature);
int th_feature_find(struct th_str name); /* number, or -1 */

#define TH_SIGNAL_DETAIL_LEN 160

/* One feature of one entity in one hour. */
struct th_signal {
    uint16_t feature;
    double observed;
    double expected;  /* what the pattern of life expects here */
    double low, high; /* its 90 % range */
    double lgp_raw;   /* -log10 of the parametric p-value (stage one), >= 0 */
    double lgp;       /* -log10 of p after calibration with the organisation (stage two), >= 0 */
    int64_t first_ns, last_ns; /* the evidence */
    bool has_peer;
    struct th_peer
        peer; /* the peer it is about; host and domain point into peer_host/peer_domain */
    char peer_host[128];
    char peer_domain[128];
    uint32_t peer_devices; /* that also use this peer, within 28 days: an estimate; for a feature of
                              users these */
    uint32_t org_devices;  /* devices, or users, active in that time */
    char detail[TH_SIGNAL_DETAIL_LEN]; /* examples, printable ASCII: "names asked for: a.b, c.d" */
};

/* A rate of an entity's hour, rare or not: what charts are drawn from. */
struct th_measure {
    uint16_t feature;
    double observed, expected, low, high;
    double lgp; /* after calibration, as in a signal */
};

/* What the learner takes the entity for. */
enum th_habit { TH_HABIT_NEW, TH_HABIT_CLIENT, TH_HABIT_SERVER };

/* All signals of an entity's hour worth looking at: at most TH_WINDOW_MAX_SIGNALS, rarest first;
 * and its measures: the main rates always, others when they are not zero. */
#define TH_WINDOW_MAX_SIGNALS 48u
struct th_window {
    uint64_t entity; /* of a user: th_entity_is_user */
    uint64_t source; /* of a user's hour: the device from which it was, or from which its strangest
                        login came; 0: none of ours, or several */
    uint32_t slot;   /* of a device */
    int64_t start_ns, end_ns;
    bool over;            /* only late events are to come: closed, or the entity has gone on */
    uint64_t events;      /* events of the entity in it */
    double learned_hours; /* active hours learned before it */
    enum th_habit habit;
    const struct th_signal *signals;
    uint32_t count;
    const struct th_measure *measures; /* by feature; none at a look */
    uint32_t measure_count;
};

/* Windows come in order of (end, entity id). */
typedef void (*th_window_fn)(void *arg, const struct th_window *w);

/* What of the engine is left out, to measure what it brings (docs/evaluation.md). */
enum th_engine_part {
    TH_WITHOUT_GATE = 1 << 0,      /* what is far off is learned from like anything else */
    TH_WITHOUT_RHYTHM = 1 << 1,    /* all hours of the week are alike */
    TH_WITHOUT_PEERS = 1 << 2,     /* a new device's expectations are none of the others' */
    TH_WITHOUT_STAGE_TWO = 1 << 3, /* a signal's rarity is the parametric one */
    TH_WITHOUT_TIME = 1 << 4       /* each hour stands for itself (lib/model) */
};
struct th_without {
    unsigned parts;                 /* bits of enum th_engine_part */
    bool feature[TH_FEATURE_COUNT]; /* no signals of these */
};
/* "gate,rhythm,peers,stage-two,time", and names of features; false for another word. */
bool th_without_parse(struct th_str list, struct th_without *ret);

struct th_learn_config {
    struct th_hash_key key;
    uint64_t partitions; /* bit p: partition p is ours; all ones for a single shard */
    struct th_without without;
};

struct th_learn_stats {
    uint64_t events, late_events, windows, gated_updates, evicted_pairs;
    uint64_t users, evicted_users; /* with state; forgotten for others before their time */
    uint64_t refused_users; /* names that nobody was let in under, and that there was no room for */
    uint64_t devices;       /* entities with state */
    uint64_t memory_bytes;  /* of entity state: what a device costs is this by devices */
    double pooled_device_hours; /* behind the calibrators, prior included */
    double prior_device_hours;
};

struct th_learn;
struct th_learn *th_learn_new(const struct th_learn_config *config);
void th_learn_free(struct th_learn *l);
/* Events of a source come in time order, those of several nearly so. One that is older than the
 * last closed window of its entity is late: it is scored as a window of its own time and learned
 * with the weight of its age. */
void th_learn_event(struct th_learn *l, const struct th_event *ev, const struct th_who *who);
/* Closes all windows that end at or before until_ns. */
void th_learn_close(struct th_learn *l, int64_t until_ns, th_window_fn fn, void *arg);
/* Tells the open windows that got events since the last look, as they would be told if they ended
 * now; nothing is learned or closed. Returns how many. */
size_t th_learn_look(struct th_learn *l, th_window_fn fn, void *arg);
/* Forgets an entity that is ours: its habits and its open hours, which then teach the organisation
 * nothing. What it gave before are counts of many; of its destinations, rhythms stay under hashes
 * that nothing leads to, until others need their place. */
void th_learn_forget(struct th_learn *l, uint64_t entity);
/* This epoch's contributions of partition p (one call each, in order), and their taking over. */
void th_learn_epoch_out(struct th_learn *l, unsigned partition, struct th_buf *out);
int th_learn_epoch_in(
    struct th_learn *l, unsigned partition, const uint8_t *data, size_t len_bytes);
/* After the last partition of an epoch: the organisation's state moves on to time_ns. */
void th_learn_epoch_done(struct th_learn *l, int64_t time_ns);
void th_learn_stats_get(const struct th_learn *l, struct th_learn_stats *ret);

/* State: one partition, and the organisation. Versioned, with checksums. */
void th_learn_save_partition(const struct th_learn *l, unsigned partition, struct th_buf *out);
int th_learn_load_partition(
    struct th_learn *l, unsigned partition, const uint8_t *data, size_t len_bytes);
void th_learn_save_org(const struct th_learn *l, struct th_buf *out);
int th_learn_load_org(struct th_learn *l, const uint8_t *data, size_t len_bytes);
/* The prior: what lab organisations taught (distributions and calibrators, nothing of single
 * devices or destinations). Same form as the org state, stripped. */
void th_learn_save_prior(const struct th_learn *l, struct th_buf *out);
int th_learn_load_prior(struct th_learn *l, const uint8_t *data, size_t len_bytes);

#endif
