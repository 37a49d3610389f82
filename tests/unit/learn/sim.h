/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world in virtual time for the tests of the learner: devices, outside hosts,
 * events made by hand with the "who" that identity would give. Hours close and epochs
 * are exchanged as core does it, over one learner or several. What the learner tells
 * is kept to be asked about.
 */
#ifndef TH_TESTS_LEARN_SIM_H
#define TH_TESTS_LEARN_SIM_H

#include "learn/learn.h"

#define SIM_DEVICES 400u
#define SIM_SHARDS 4u
#define SIM_START INT64_C(1767571200000000000) /* Monday 5 January 2026, 00:00 UTC */
#define SIM_NS(seconds) ((int64_t)((seconds)*1e9))

struct sim_signal {
    uint64_t entity;
    int64_t start_ns;
    struct th_signal s;
};

struct sim {
    struct th_learn *shard[SIM_SHARDS];
    unsigned shards;
    int64_t now_ns;   /* of the latest event */
    int64_t epoch_ns; /* everything before is closed */
    uint64_t seq;
    uint64_t random;
    struct th_entity entity[SIM_DEVICES];
    struct sim_signal *told;
    size_t told_n, told_cap;
    uint64_t windows;
    uint64_t digest; /* of everything told, in order */
};

void sim_init(struct sim *s, unsigned shards);
void sim_done(struct sim *s);
/* Uniform in [0, 1); exponential with mean 1. Seeded, the same every time. */
double sim_uniform(struct sim *s);
double sim_exponential(struct sim *s);
/* Closes hours up to the time, exchanging epochs. Called by the events below. */
void sim_advance(struct sim *s, int64_t time_ns);
/* Saves everything and goes on from what was saved, with so many shards. */
void sim_restart(struct sim *s, unsigned shards);

struct sim_peer {
    const char *host; /* NULL: an inside device or a bare address */
    int device;       /* inside device, or -1 */
    uint32_t number;  /* of a bare outside address */
};
#define SIM_HOST(name) ((struct sim_peer){.host = (name), .device = -1})
#define SIM_INSIDE(i) ((struct sim_peer){.device = (int)(i)})
#define SIM_ADDRESS(n) ((struct sim_peer){.device = -1, .number = (n)})

struct sim_conn {
    struct sim_peer to;
    uint16_t port;
    const char *state; /* NULL: SF */
    const char *proto; /* NULL: tcp */
    uint64_t out, in;
    double seconds;
};
/* time_ns is when it ends; from is a device, or SIM_OUTSIDE + number. */
#define SIM_OUTSIDE 1000000u
void sim_connect(struct sim *s, int64_t time_ns, unsigned from, struct sim_conn c);
void sim_dns(struct sim *s, int64_t time_ns, unsigned from, const char *name, unsigned qtype,
    unsigned rcode);
void sim_event(
    struct sim *s, struct th_event *ev, unsigned from, struct sim_peer to, uint16_t port);

/* The rarest signal of this feature told of the device since `since_ns`; NULL for none. */
const struct th_signal *sim_find(
    const struct sim *s, unsigned device, enum th_feature feature, int64_t since_ns);
/* Ordinary traffic of a working hour for devices [from, to): a few dozen connections to common
 * hosts, name look-ups, mail; quiet at night and on weekends when `office`. */
void sim_office_hour(struct sim *s, int64_t start_ns, unsigned from, unsigned to, bool office);

#endif
