/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks laid into the office. Each acts on a device of the office as an actor of its
 * own, so the background stays what it was, event for event. What was done is told
 * afterwards as ground truth, one JSON object a line.
 *
 * A specification is KIND[@TIME][:key=value,...]; TIME is "+1d9h30m" after the start or RFC 3339.
 */
#ifndef TH_LAB_INJECT_H
#define TH_LAB_INJECT_H

#include "apps.h"

#define LAB_SPEC_LEN 256
#define LAB_MAX_HOPS 8u
#define LAB_INJECT_STREAM (LAB_MAX_DEVICES + 100u) /* of the first injection */

struct lab_inject;
/* Does the next thing at i->next_ns and sets the next time; i->end_ns when it is done. */
typedef void (*lab_inject_fn)(struct lab_inject *i);

struct lab_inject {
    struct lab_actor actor;
    const struct lab_inject_kind *kind;
    char params[LAB_SPEC_LEN];
    int64_t start_ns, end_ns, next_ns;
    int64_t first_ns, last_ns; /* of what was done; first is INT64_MAX before */
    uint64_t actions;
    struct lab_host *host;   /* outside peer, or NULL */
    struct lab_device *peer; /* inside peer, or NULL */
    uint16_t port;
    char victim_ip[TH_ADDR_TEXT_LEN];
    char note[160]; /* what a person would say of it */
    char path[128]; /* hosts passed, "ws-03 ws-07 dc-01" */
    /* the kind's own */
    int64_t period_ns;
    double jitter, loss;
    uint64_t bytes, done;
    uint32_t step, count, before; /* before: what is done ahead of the attack, still to come */
    double factor;
    struct lab_device *hop[LAB_MAX_HOPS]; /* fixed ahead, or NULL */
    const char *user;
};

struct lab_inject_kind {
    const char *name;
    const char *technique; /* ATT&CK */
    const char *help;
    const char *hours; /* how long by default */
    void (*begin)(struct lab_inject *i);
    lab_inject_fn act;
};

/* 0, or -EINVAL with a message. */
int lab_inject_add(struct lab_sim *s, const char *spec, char *message, size_t size);
/* The whole story on one device: download, beacon, scan, lateral movement, exfiltration. */
int lab_inject_story(struct lab_sim *s, const char *at, char *message, size_t size);
void lab_inject_run(struct lab_inject *i, int64_t until_ns);
void lab_inject_free(struct lab_inject *i);
/* One JSON object and a newline. */
void lab_inject_truth(const struct lab_inject *i, struct th_buf *out);
/* Kinds with help, for --help; NULL past the last. */
const struct lab_inject_kind *lab_inject_kind_at(unsigned n);

/* Parameters; the default stands for a missing or unreadable one. */
const char *lab_param(const struct lab_inject *i, const char *key, char out[64]);
double lab_param_num(const struct lab_inject *i, const char *key, double fallback);
uint64_t lab_param_bytes(const struct lab_inject *i, const char *key, const char *fallback);
int64_t lab_param_span(const struct lab_inject *i, const char *key, const char *fallback);
bool lab_param_is(const struct lab_inject *i, const char *key, const char *value);
/* "host=" or a new name made up under a prefix. */
struct lab_host *lab_inject_host(struct lab_inject *i, const char *prefix);
/* The account of an administrator who does not work at the victim device. */
const char *lab_inject_admin(const struct lab_inject *i);
/* Notes that something was done at ts. */
void lab_inject_did(struct lab_inject *i, int64_t ts);

extern const struct lab_inject_kind lab_kind_beacon, lab_kind_exfiltration, lab_kind_tunnel,
    lab_kind_dga, lab_kind_mining, lab_kind_download, lab_kind_scan, lab_kind_lateral,
    lab_kind_brute, lab_kind_spray, lab_kind_ransomware, lab_kind_takeover, lab_kind_poisoning;

#endif
