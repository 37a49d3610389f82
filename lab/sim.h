/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation: an office of people and devices, each device with tasks of its own
 * that say when they run next. Time goes on in slices; in each, every device runs what is due,
 * then the queue writes what is complete.
 *
 * An actor is who draws chance and makes flows: each device is one, and each
 * injection is another that acts *on* a device. Only devices change what they own,
 * so an injection never changes the background.
 */
#ifndef TH_LAB_SIM_H
#define TH_LAB_SIM_H

#include "life_plan.h"
#include "queue.h"
#include "software.h"
#include "world.h"

enum lab_kind {
    LAB_WORKSTATION,
    LAB_LAPTOP,
    LAB_MAC,
    LAB_PHONE,
    LAB_PRINTER,
    LAB_CAMERA,
    LAB_VOIP,
    LAB_THERMOSTAT,
    LAB_DC, /* first of the servers */
    LAB_FILE,
    LAB_WEB,
    LAB_DB,
    LAB_BACKUP,
    LAB_BUILD,
    LAB_MONITOR,
    LAB_RECORDER,
    LAB_PBX,
    LAB_SCANNER,
    LAB_KIND_COUNT
};

/* What somebody works as; LAB_STAFF when nobody asked for roles. */
enum lab_role {
    LAB_STAFF,
    LAB_CLERK,
    LAB_DEVELOPER,
    LAB_FINANCE,
    LAB_SALES,
    LAB_SUPPORT,
    LAB_ADMINISTRATOR,
    LAB_KIOSK,
    LAB_PRODUCTION, /* of the network that a merger brings */
    LAB_ROLE_COUNT
};

struct lab_sim;
struct lab_device;
struct lab_fact;
struct lab_life;
struct lab_program;

#define LAB_CACHE 64u
#define LAB_MAX_DEVICES 4000u

struct lab_actor {
    struct lab_sim *sim;
    struct lab_device *dev;
    struct lab_rng rng;
    uint64_t stream;
    uint32_t flows;
    uint16_t port;
    struct {
        uint64_t key;
        int64_t until_ns;
    } cache[LAB_CACHE]; /* names it has looked up */
};

struct lab_task;
/* Does what is due at t->next_ns and sets the next time. */
typedef void (*lab_task_fn)(struct lab_actor *a, struct lab_task *t);
struct lab_task {
    int64_t next_ns;
    lab_task_fn fn;
    bool always; /* also while the device is off or nobody is there */
    uint8_t n;   /* for the task's own use */
    uint16_t port;
    int64_t period_ns;
    double jitter;
    uint64_t up, down;
    struct lab_host *host;
    struct lab_device *peer;
    struct lab_fact *fact; /* what it does is told of; or NULL */
    const struct lab_program *program;
};

#define LAB_HABIT_SITES 28u

/* When somebody is there on one day. */
struct lab_day {
    int64_t day; /* number since 1970 */
    bool in;
    int64_t arrive_ns, leave_ns, lunch_from_ns, lunch_to_ns;
};

struct lab_person {
    char name[48]; /* "mara.lindholt" */
    char user[24]; /* account name */
    uint8_t role;  /* enum lab_role */
    bool admin;
    double activity;                /* 1 is usual */
    int64_t shift_ns;               /* comes earlier or later than others */
    uint32_t site[LAB_HABIT_SITES]; /* ranks of habitual sites */
    uint8_t share;                  /* team's folder on the file server */
};

struct lab_device {
    uint32_t no;
    uint8_t kind, os;
    char name[32];
    char fqdn[64];
    struct th_mac mac, dock_mac;
    struct th_addr addr, v6, link_local;
    struct th_mac now_mac; /* of the interface in use */
    int32_t person;        /* -1: nobody's */
    bool wifi, fixed, always_on, docks;
    bool merged;                      /* of the second network */
    int64_t joins_ns;                 /* not there before; INT64_MIN: always was */
    int8_t weekly;                    /* 0-6: appears on that day only; -1 */
    uint32_t lease;                   /* place in the address pool; UINT32_MAX: none */
    uint32_t other_lease;             /* of the interface not in use */
    int64_t move_ns;                  /* next change of the interface; INT64_MAX: none */
    char addr_text[TH_ADDR_TEXT_LEN]; /* of addr, when it is leased */
    const struct lab_tls *browser, *system, *app;
    char ua[160];
    uint16_t ua_first, ua_major; /* version of the browser at the start, and now */
    struct lab_host as_host;     /* an inside server, as a name to look up */
    struct lab_day today;
    int64_t on_from_ns, on_until_ns; /* of today */
    bool was_on;
    struct lab_actor self;
    struct lab_task *tasks; /* heap by next_ns */
    uint32_t task_count, task_cap;
};

#define LAB_SITE 20
struct lab_options {
    uint64_t seed;
    uint8_t site; /* its addresses are 10.site.x.y; 0: LAB_SITE */
    uint32_t devices;
    int64_t start_ns, end_ns;
    bool scanner;
    struct lab_life_plan life;
    int64_t part_ns;
    uint64_t jumbo_after;
    struct th_sink events;
    struct lab_flow_sink flows;
};

/* The second network that a merger brings: names and servers of its own. */
struct lab_party {
    char domain[64], netbios[16];
    struct lab_device *by_kind[LAB_KIND_COUNT];
    uint32_t kind_count[LAB_KIND_COUNT], net_count[256];
};

struct lab_sim {
    struct lab_options opt;
    int64_t now_ns;
    struct lab_world *world;
    struct lab_pool *pool;
    struct lab_queue *queue;
    struct lab_tls tls[LAB_TLS_COUNT];
    struct lab_device *dev;
    uint32_t dev_count;
    struct lab_person *person;
    uint32_t person_count;
    char domain[64];  /* "corp.fernharbour.com" */
    char netbios[16]; /* "FERNHARBOUR" */
    struct th_mac gateway_mac;
    struct lab_device *by_kind[LAB_KIND_COUNT]; /* first of its kind, or NULL */
    uint32_t kind_count[LAB_KIND_COUNT], net_count[256];
    uint32_t added;      /* devices that joined us later */
    bool flat;           /* all in one network: link addresses are seen end to end */
    uint8_t *lease_used; /* pool of dynamic addresses */
    uint32_t lease_count;
    struct lab_party *merged; /* NULL: no merger */
    struct lab_life *life;    /* NULL: nothing wanted */
    struct lab_inject **inject;
    uint32_t inject_count;
};

/* office.c: who is there. */
int lab_office_build(struct lab_sim *s);
struct lab_device *lab_office_find(struct lab_sim *s, struct th_str name);
bool lab_is_server(enum lab_kind k);
/* 10.site.net.host */
struct th_addr lab_inside(const struct lab_sim *s, uint32_t net, uint32_t host);
const char *lab_kind_name(enum lab_kind k);
static inline bool lab_joined(const struct lab_device *d, int64_t t)
{
    return t >= d->joins_ns;
}
/* A device that was not there from the first day; the usual ones never pick it by kind. */
struct lab_device *lab_office_add(
    struct lab_sim *s, enum lab_kind kind, int32_t person, bool merged, int64_t joins_ns);
/* Its IPv6 addresses follow from its MAC. */
void lab_set_v6(const struct lab_sim *s, struct lab_device *d);
/* People more, at the end of s->person; returns the first one's number. */
int32_t lab_office_hire(struct lab_sim *s, struct lab_rng *r, uint32_t count);
/* What the actor's own network calls so: its first server of a kind (or NULL), its domain, its
 * addresses. */
struct lab_device *lab_own(const struct lab_actor *a, enum lab_kind k);
const char *lab_own_domain(const struct lab_actor *a);
const char *lab_own_netbios(const struct lab_actor *a);
struct th_addr lab_own_net(const struct lab_actor *a, uint32_t net, uint32_t host);

/* merger.c: adds the second network. */
void lab_merger_build(struct lab_sim *s, struct lab_rng *r, int64_t joins_ns);
uint32_t lab_merger_devices(const struct lab_options *opt);

/* rhythm.c: when. */
bool lab_is_holiday(const struct lab_sim *s, int64_t day);
void lab_rhythm_day(const struct lab_sim *s, int32_t person, int64_t day, struct lab_day *ret);
/* Sets today and the device's hours for the day of t. */
void lab_rhythm_update(const struct lab_sim *s, struct lab_device *d, int64_t t);
bool lab_rhythm_on(const struct lab_sim *s, struct lab_device *d, int64_t t);
/* First moment at or after t when the device is on; INT64_MAX: not within three weeks. */
int64_t lab_rhythm_next_on(const struct lab_sim *s, struct lab_device *d, int64_t t);
/* 0 to 1: how busy the device's person is at t. */
double lab_rhythm_busy(const struct lab_sim *s, struct lab_device *d, int64_t t);
/* The next moment at which somebody does a thing that he does every mean_ns of presence. */
int64_t lab_rhythm_next(struct lab_actor *a, int64_t t, int64_t mean_ns);

/* sim.c: running it. */
int lab_sim_new(const struct lab_options *opt, struct lab_sim **ret);
void lab_sim_free(struct lab_sim *s);
/* Runs until until_ns (whole minutes). */
int lab_sim_run(struct lab_sim *s, int64_t until_ns);
/* A task of the device, first due at next_ns. Valid until the next call. */
struct lab_task *lab_task_add(struct lab_device *d, lab_task_fn fn, int64_t next_ns);

/* apps_*.c: gives a device its tasks. */
void lab_apps_give(struct lab_sim *s, struct lab_device *d);

#endif
