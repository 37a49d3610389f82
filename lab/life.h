/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an office: what is seldom or new and yet means no harm. All of it is tasks of
 * devices, given beside the usual ones. What a habit or a change did is kept as a fact, and told
 * with the truth: kind, time, devices, peer.
 *
 * Chance for a change comes from a stream of its own, so until a change happens the office is what
 * it would be without it; but for a holiday, around which people plan.
 */
#ifndef TH_LAB_LIFE_H
#define TH_LAB_LIFE_H

#include "apps.h"

struct lab_programs;

/* One thing that life brought. */
struct lab_fact {
    struct lab_fact *next;
    enum lab_life_kind kind;
    int64_t first_ns, last_ns; /* first is INT64_MAX until something was seen of it */
    uint64_t actions;
    const struct lab_host *host;     /* outside peer, or NULL */
    const struct lab_device *server; /* inside peer, or NULL */
    const char *group;               /* whom it concerns, or NULL: everybody */
    struct th_str note;
    int64_t period_ns; /* of a poller; 0 */
    double jitter;
    uint8_t *seen; /* bits: devices that did it */
};

struct lab_life {
    struct th_arena mem;
    struct lab_fact *facts, **tail;
    struct lab_host **host; /* pollers' hosts, by popularity */
    uint32_t host_count;
    struct lab_programs *programs; /* NULL until somebody has one */
};

/* NULL when nothing is wanted. */
struct lab_life *lab_life_new(const struct lab_life_plan *p);
void lab_life_free(struct lab_life *l);
static inline bool lab_life_has(const struct lab_sim *s, enum lab_life_kind k)
{
    return lab_life_wants(&s->opt.life, k);
}
/* Chance for one kind's plans, and for one device in them. */
struct lab_rng lab_life_rng(const struct lab_sim *s, enum lab_life_kind k, uint64_t no);
struct lab_fact *lab_fact_new(struct lab_sim *s, enum lab_life_kind k, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A device did it from one time to another. */
void lab_fact_did(struct lab_fact *f, const struct lab_device *d, int64_t from_ns, int64_t to_ns);
/* The poller t is told of, when pollers are wanted. */
void lab_fact_of_poller(struct lab_sim *s, struct lab_task *t);
/* One JSON object and a newline for each fact of which something was seen. */
void lab_life_truth(const struct lab_sim *s, struct th_buf *out);

/* life_changes.c: plans the changes; all devices have their usual tasks. */
void lab_life_changes(struct lab_sim *s);
/* life_programs.c: what one device has installed, and will. */
void lab_life_programs(struct lab_sim *s, struct lab_device *d);
/* life_habits.c: uploads, sessions, logins, pollers of one device. */
void lab_life_habits(struct lab_sim *s, struct lab_device *d);

#endif
