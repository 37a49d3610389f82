/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of group events: what is noted of an hour (groups.c), what is made of it (group_judge.c),
 * which breaches are part of it (group_claim.c). */
#ifndef TH_MODEL_GROUPS_I_H
#define TH_MODEL_GROUPS_I_H

#include "model/group.h"

/* What counts, as -lg p. */
#define GROUP_BAR 2.0

/* By enum th_habit; of those that are new none is noted. */
#define GROUP_KINDS (TH_HABIT_SERVER + 1u)
#define GROUP_SLOTS 24u
/* Less are no group, whatever their share. */
#define GROUP_MIN_DEVICES 5u

enum about { ABOUT_NEITHER, ABOUT_RATE, ABOUT_SHARED, ABOUT_HOSTILE };
/* Of a feature: group_features.def. */
enum about group_about(unsigned feature);

/* A signal, of a device that has at least one that counts. */
struct note {
    uint64_t entity, shared; /* shared 0: about nothing that others could share */
    double lgp, observed;
    int64_t first_ns, last_ns;
    uint16_t feature;
    uint8_t group; /* enum th_habit */
    uint8_t kind;  /* enum th_shared */
    char text[TH_GROUP_TEXT_LEN];
};

struct shared {
    uint64_t key;
    enum th_shared kind;
    uint32_t devices;
    char text[TH_GROUP_TEXT_LEN];
};

struct event {
    uint64_t id;
    enum th_habit group;
    unsigned feature;
    bool harmless, hostile; /* has a feature that is discounted; one of an infection */
    int64_t first_ns, last_ns;
    uint64_t *device; /* ascending */
    uint32_t device_count;
    uint16_t features[TH_FEATURE_COUNT];
    double median[TH_FEATURE_COUNT]; /* of each of them, what the members did, */
    uint32_t did[TH_FEATURE_COUNT];  /* and how many did it */
    uint32_t feature_count;
    struct shared shared[TH_GROUP_MAX_SHARED];
    uint32_t shared_count;
    uint64_t *breach;
    uint32_t breach_count, breach_cap;
    double score;
    double usual;
    bool *blamed; /* by device: has a breach of one of the features that is no part of it */
    uint32_t blamed_count;
};

/* What is usual: device-hours, and of them those on which a feature counted; half in 14 days. */
struct usual {
    double count, hours;
};

struct th_groups {
    const struct th_models *models;
    int64_t end_ns;
    uint64_t active[GROUP_KINDS];
    struct note *note; /* in order of devices once the hour is judged */
    size_t note_count, note_cap;
    struct event *event; /* largest first */
    uint32_t event_count, event_cap;
    /* Of a feature in a group, by the hour of the day. */
    struct usual usual[TH_FEATURE_COUNT][GROUP_KINDS][GROUP_SLOTS];
};

void group_event_done(struct event *e);
/* What a signal is about that others could be about as well: kind, key and words of the note. */
void group_put_shared(struct note *n, const struct th_signal *s);
/* Of a device among its devices; -1: it is none. */
int64_t group_place_of(const struct event *e, uint64_t entity);
bool group_has_feature(const struct event *e, unsigned feature);
/* Is a breach of it discounted? */
bool group_is_discounted(const struct event *e);
/* The first note of a device, once they are in order of devices. */
size_t group_first_note(const struct th_groups *g, uint64_t entity);

#endif
