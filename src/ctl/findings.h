/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings as core prints them (JSON lines, docs/findings.md), read into plain
 * structs for the report. Names, addresses and sentences in them were chosen by
 * strangers: they stay views until a writer escapes them. What is missing or of another
 * type reads as empty.
 */
#ifndef TH_CTL_FINDINGS_H
#define TH_CTL_FINDINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

enum {
    FIND_MAX_BREACHES = 50000,  /* kept; beyond it the weakest go */
    FIND_MAX_INCIDENTS = 10000, /* kept */
    FIND_MAX_GROUPS = 1000,     /* kept */
    FIND_MAX_ERRORS = 1000,     /* kept */
    FIND_MAX_TRIALS = 1024,
    FIND_MAX_EVIDENCE = 8,
    FIND_MAX_LIST = 4096, /* devices and breaches of an incident, hours, kinds */
    FIND_MAX_LINE_BYTES = 16 << 20
};

struct find_device {
    struct th_str id, ip, mac, hostname, user;
};

struct find_evidence {
    struct th_str feature, unit, sentence;
    double observed, expected, low, high, p;
};

struct find_breach {
    struct th_str id;
    int64_t time_ns, start_ns, end_ns;
    struct find_device device;
    struct th_str peer; /* host, or address */
    struct th_str model, name, technique, tactic;
    double score;
    struct find_evidence evidence[FIND_MAX_EVIDENCE];
    uint32_t evidence_count;
    bool in_incident;
};

struct find_incident {
    struct th_str id, title, summary;
    int64_t start_ns, end_ns;
    double score;
    bool alert;
    const struct find_device *devices;
    uint32_t device_count;
    struct find_breach **breaches; /* found ones, by time */
    uint32_t breach_count;
    const struct th_str *breach_ids;
    uint32_t breach_id_count;
};

/* What a whole group did in one hour. */
struct find_group {
    struct th_str id, sentence;
    int64_t start_ns, end_ns;
    double score;
    bool alert;
    uint32_t breach_count; /* that are part of it */
};

/* A model that is tested. */
struct find_trial {
    struct th_str model, name;
};

struct find_error {
    struct th_str input, status, message;
};

struct find_count {
    struct th_str name;
    int64_t time_ns;
    double count;
};

struct find_summary {
    bool there;
    struct th_str version, calibration;
    int64_t start_ns, end_ns; /* TH_TIME_UNSET without events */
    double hours, events, packets, devices, device_hours, breaches, incidents, alerts;
    double budget_per_day, achieved_per_day, threshold, pooled_device_hours;
    double inputs, unread, late_events, models;
    const struct th_str *networks;
    uint32_t network_count;
    struct find_count *kinds, *hours_list;
    uint32_t kind_count, hour_count;
};

struct findings {
    struct th_arena arena;
    struct find_breach *breaches; /* by time */
    size_t breach_count, breach_cap;
    size_t breaches_left_out;
    double weakest;                  /* breaches below it are left out */
    struct find_incident *incidents; /* best first */
    size_t incident_count;
    struct find_group *groups; /* best first */
    size_t group_count;
    struct find_error *errors;
    size_t error_count;
    struct find_trial *trials;
    size_t trial_count;
    struct find_summary summary;
    struct th_str why; /* the line that answers `thymusctl why` (why.h), or empty */
    size_t bad_lines;
};

/* Once, before the role is locked: the JSON library reads its randomness. */
void findings_library_init(void);
/* Reads to the end; 0 or -errno. */
int findings_read(struct findings *f, int fd) TH_WARN_UNUSED;
void findings_done(struct findings *f);
/* By what people call a device: its name, else its address, else its id. */
struct th_str find_device_label(const struct find_device *d);

#endif
