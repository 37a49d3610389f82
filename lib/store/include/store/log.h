/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: what the records of the master's journal hold. Intake alone writes it; core,
 * seal, store and state follow it, and the same log makes of each of them the same state.
 *
 *   BATCH    a sensor's envelope (link/envelope.h) as it came, and what intake made of its clock
 *   CONTROL  what somebody decided, or what happened: one JSON object with "type" and "at_ns"
 *   SUMMARY  first in each file: all that intake knows, so that older files may go
 *
 * The record's time (journal.h) is the master's clock when intake took it.
 *
 * Members of the controls, by type:
 *   tick         wall_ns                         each 10 s
 *   epoch        hour_ns                         end of the event-time hour that is closed now
 *   sensor       id, name, key, status, approved_by     id: 16 hex digits; key: base64url
 *   settings     the whole object
 *   source_down, source_up   sensor              silent for 60 s; heard again
 *   source_gap   sensor, name, epoch, sequence, batches, events, first_ns, last_ns   not seen, or
 *                                               lost in a full spool; times are corrected
 *   quarantine   position, reason                a batch that nobody is to read
 *   ack          incident, state, by
 *   forget       entity or address, sensor       whom or what nothing is to be known of
 *                                               any more (docs/erasure.md)
 */
#ifndef TH_STORE_LOG_H
#define TH_STORE_LOG_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

enum th_record_type { TH_RECORD_BATCH = 1, TH_RECORD_CONTROL = 2, TH_RECORD_SUMMARY = 3 };

/* ---- BATCH: flags u64, clock_offset_ns i64, envelope ---- */

enum th_record_batch_flag {
    /* Its times lie ahead of the master's clock even when corrected: the source's watermark
     * was held at the master's time. */
    TH_RECORD_CLOCK_AHEAD = 1
};
struct th_record_batch {
    uint64_t flags;
    int64_t clock_offset_ns; /* to be added to the times of its events; 0 for a replay */
    struct th_str envelope;
};
#define TH_RECORD_BATCH_HEAD_BYTES 16u
#define TH_RECORD_MAX_ENVELOPE ((1u << 20) + 4096u)
void th_record_batch_put(struct th_buf *out, const struct th_record_batch *b);
/* The envelope points into body and is not looked into. TH_E_TRUNCATED, TH_E_LIMIT,
 * TH_E_MALFORMED (flags that this version does not know). */
int th_record_batch_get(struct th_str body, struct th_record_batch *ret) TH_WARN_UNUSED;
/* Source and seq of the events of a batch: sensor id, and this number. */
static inline uint64_t th_record_seq(uint64_t sequence, uint32_t index)
{
    return sequence << 20 | index;
}

/* ---- CONTROL ---- */

enum th_control_type {
    TH_CONTROL_OTHER, /* of a newer version: skip it */
    TH_CONTROL_TICK,
    TH_CONTROL_EPOCH,
    TH_CONTROL_SENSOR,
    TH_CONTROL_SETTINGS,
    TH_CONTROL_SOURCE_DOWN,
    TH_CONTROL_SOURCE_UP,
    TH_CONTROL_SOURCE_GAP,
    TH_CONTROL_QUARANTINE,
    TH_CONTROL_FORGET,
    TH_CONTROL_ACK,
    TH_CONTROL_PERMIT,
    TH_CONTROL_PERMIT_END,
    TH_CONTROL_TYPES
};
const char *th_control_word(enum th_control_type type); /* "tick"; never of OTHER */

#define TH_CONTROL_MAX_BYTES (256u << 10)
struct th_control {
    enum th_control_type type;
    int64_t at_ns;
    json_t *object; /* owned; the whole control */
};
/* Reads one: TH_E_LIMIT, or TH_E_MALFORMED when it is no object with a word "type" and an "at_ns".
 * th_control_done after a success. */
int th_control_get(struct th_str body, struct th_control *ret) TH_WARN_UNUSED;
void th_control_done(struct th_control *c);
/* Appends the object as it goes into the log (members sorted, so equal ones are equal bytes).
 * TH_E_LIMIT. */
int th_control_put(struct th_buf *out, const json_t *object) TH_WARN_UNUSED;

/* Members of an object, with their bounds: false when missing or not of that form. */
bool th_json_hex64(const json_t *object, const char *key, uint64_t *ret); /* 16 hex digits */
bool th_json_int64(const json_t *object, const char *key, int64_t *ret);
bool th_json_text(const json_t *object, const char *key, struct th_str *ret);

/* ---- SUMMARY: a seal (base/seal.h) "TSUM" ---- */

#define TH_SUMMARY_MAX_SENSORS 4096u
#define TH_SUMMARY_MAX_QUARANTINED 1024u
#define TH_SENSOR_NAME_BYTES 128u

enum th_sensor_status { TH_SENSOR_PENDING, TH_SENSOR_AUTHORISED, TH_SENSOR_REVOKED };
const char *th_sensor_status_word(enum th_sensor_status status);
bool th_sensor_status_parse(struct th_str word, enum th_sensor_status *ret);

struct th_log_sensor {
    uint64_t id;
    uint8_t key[32]; /* Ed25519 */
    char name[TH_SENSOR_NAME_BYTES];
    enum th_sensor_status status;
    uint64_t epoch, next;     /* of its spool: what comes next */
    int64_t watermark_ns;     /* nothing older comes, as far as it knows; TH_TIME_UNSET: none yet */
    int64_t heard_ns;         /* master's time of the last batch; TH_TIME_UNSET */
    int64_t clock_offset_ns;  /* found so far */
    bool down;                /* a source_down was written */
    uint64_t batches, events; /* taken */
    uint64_t gaps, lost_batches, lost_events; /* dropped by its spool */
};
struct th_log_summary {
    int64_t epoch_hour_ns;         /* end of the last closed hour; TH_TIME_UNSET */
    struct th_log_sensor *sensors; /* ascending by id */
    size_t sensor_count;
    uint64_t *quarantined; /* positions, as they came */
    size_t quarantined_count;
};
void th_log_summary_done(struct th_log_summary *s);
void th_log_summary_put(struct th_buf *out, const struct th_log_summary *s);
/* th_log_summary_done after a success. Errors of th_seal_open, TH_E_LIMIT, TH_E_MALFORMED. */
int th_log_summary_get(struct th_str body, struct th_log_summary *ret) TH_WARN_UNUSED;
/* NULL when there is none. */
struct th_log_sensor *th_log_sensor_find(const struct th_log_summary *s, uint64_t id);
/* The one with this id, new when there was none; NULL past TH_SUMMARY_MAX_SENSORS. Pointers to
 * others move. */
struct th_log_sensor *th_log_sensor_add(struct th_log_summary *s, uint64_t id);
void th_log_sensor_remove(struct th_log_summary *s, uint64_t id); /* if it is there */

#endif
