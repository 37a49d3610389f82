/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A master's log in memory as intake would have written it: the events of an office, divided
 * between sensors, in signed envelopes, with ticks and epochs. A sensor can be held back: its
 * batches then come later, and all others' as if it were not there.
 */
#ifndef TH_TESTS_LIVE_LOG_H
#define TH_TESTS_LIVE_LOG_H

#include "crypto/sign.h"
#include "event/batch.h"
#include "event/run.h"
#include "io_record.h"
#include "journal/journal.h"

#define LIVE_LOG_SENSORS 2u

/* Events in order of time; they live as long as this. */
struct live_events {
    struct th_arena arena;
    struct th_event **v;
    size_t n, cap;
    int64_t start_ns, end_ns;
};
/* Hours of the lab's office with these injections (NULL-terminated). */
void live_events_make(struct live_events *e, uint64_t seed, unsigned devices, unsigned hours,
    const char *const *inject);
/* A second site, 10.60.0.0/16, that never meets the first; call it before a log is made. */
void live_events_add_site(struct live_events *e, uint64_t seed, unsigned devices, unsigned hours,
    const char *const *inject);
#define LIVE_SITE_OCTET 60u
void live_events_done(struct live_events *e);

/* What somebody asked for meanwhile. */
struct live_control {
    int64_t time_ns; /* behind all that was seen until then; in order */
    const char *json;
};

struct live_log_options {
    int64_t batch_ns;       /* a batch ends after so much time; default 10 s */
    bool one_sensor;        /* sees all; else the devices are divided */
    bool by_site;           /* or the sites */
    bool still;             /* the master's clock stands: nobody looks */
    const struct th_io *io; /* where to; NULL: a folder in memory */
    bool exact_epochs;      /* batches end with hours, and epochs stand right between them */
    int64_t held_from_ns,
        held_to_ns; /* sensor 1 is silent, and then brings all at once; 0: never */
    const struct live_control *controls;
    size_t control_count;
};

struct live_log {
    struct io_record *disk;
    struct th_io io;
    struct th_journal *journal;
    uint64_t next; /* position behind the last record */
    bool still;
};
void live_log_make(
    struct live_log *l, const struct live_events *e, const struct live_log_options *options);
void live_log_done(struct live_log *l);
/* One more record. */
void live_log_control(struct live_log *l, int64_t time_ns, const char *json);
void live_log_record(struct live_log *l, uint8_t type, int64_t time_ns, struct th_str body);
/* A BATCH's body of these events. */
void live_log_body(struct th_buf *out, unsigned sensor, uint64_t sequence, int64_t offset_ns,
    struct th_event *const *v, size_t n);

#endif
