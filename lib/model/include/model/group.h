/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group events: what many devices of a group begin in the same hour. The windows of an hour go in
 * as they are closed, in each shard those of its partitions; one process takes all notes over,
 * judges the hour, and asks of each breach of it whether it only tells what the group did: then it
 * is part of the group event and opens no incident of its own.
 *
 * A group are the clients or the servers that are known; a device that is new has no habit that it
 * could leave. An hour is judged once: what comes late is no part of it. From one hour to the next
 * nothing is kept but how much of each feature is usual in a group, by the process that judges.
 */
#ifndef TH_MODEL_GROUP_H
#define TH_MODEL_GROUP_H

#include "model/model.h"

struct th_groups;
struct th_groups *th_groups_new(const struct th_models *m);
void th_groups_free(struct th_groups *g);

/* A new hour, that ends at end_ns: what was noted of the one before is forgotten. */
void th_groups_begin(struct th_groups *g, int64_t end_ns);
/* Notes what was rare in a window; one of another hour, which is late, leaves nothing. */
void th_groups_window(struct th_groups *g, const struct th_window *w);
/* What was noted, for the process that judges (one image: as it lies in memory). */
void th_groups_out(const struct th_groups *g, struct th_buf *out);
int th_groups_in(struct th_groups *g, struct th_str notes) TH_WARN_UNUSED;

/* Once all notes are there. */
void th_groups_judge(struct th_groups *g);
/* Is all that is rare in the breach what its group did? Then b->group_event names the event, and
 * the event counts it. False: it stays what it is. */
bool th_groups_claim(struct th_groups *g, struct th_breach *b);

/* What the devices have in common. */
enum th_shared { TH_SHARED_DESTINATION, TH_SHARED_PORT, TH_SHARED_CLIENT, TH_SHARED_COUNT };
const char *th_shared_name(enum th_shared kind);
#define TH_GROUP_MAX_SHARED 8u
#define TH_GROUP_TEXT_LEN 128u

struct th_group_event {
    uint64_t id; /* of group, hour and what most of them did: a replay gives it again */
    enum th_habit group;
    unsigned
        feature; /* the one to tell: of an infection where there is one, else that most showed */
    const uint16_t *features;
    uint32_t feature_count;
    int64_t start_ns, end_ns;  /* the hour */
    int64_t first_ns, last_ns; /* of the evidence */
    uint32_t did;              /* on how many of the devices it is `feature` that counts */
    uint32_t active;           /* devices of the group in that hour */
    double usual;              /* so many of them are to be expected */
    bool discounted; /* its features are such that a breach may be no more than part of it */
    double score;    /* of the best breach that is; of others, of its devices' best with one of its
                        features; 0: there is none */
    struct {
        enum th_shared kind;
        uint32_t devices;
        const char *text;          /* printable ASCII */
    } shared[TH_GROUP_MAX_SHARED]; /* what at least half of them share, commonest first */
    uint32_t shared_count;
    const uint64_t *devices; /* by id */
    uint32_t device_count;
    const uint64_t *breaches; /* that are part of it, as they came */
    uint32_t breach_count;
};
typedef void (*th_group_event_fn)(void *arg, const struct th_group_event *e);
/* After all claims, the largest first: those in which breaches may be discounted, and those in
 * which at least five devices have one of their own. */
void th_groups_report(const struct th_groups *g, th_group_event_fn fn, void *arg);

void th_groups_save(const struct th_groups *g, struct th_buf *out);
int th_groups_load(struct th_groups *g, const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;

/* One JSON object a line (docs/findings.md). threshold: score of an alert. */
void th_group_event_json(const struct th_group_event *e, double threshold,
    const struct th_identity *id, struct th_buf *out);
/* Is it an alert? */
bool th_group_event_alerts(const struct th_group_event *e, double threshold);

#endif
