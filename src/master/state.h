/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What role state does, without how it is reached: requests go in, answers come out through
 * `ops`, and so do the two things that take time: password hashes, which a helper process computes,
 * and controls, which intake appends to the log. Each event is one transaction of the database, and
 * what it has to say leaves after the commit. Time is an argument.
 *
 * Sensors, settings and acknowledgements change through the log: the request becomes a
 * control, intake appends it, state reads it back as a follower (th_state_follow_*), and when
 * intake says that it is done the answer is made of what the tables then say.
 */
#ifndef TH_MASTER_STATE_H
#define TH_MASTER_STATE_H

#include "account/settings.h"
#include "base/io.h"
#include "crypto/password.h"

#define TH_STATE_MAX_HASHES 64u /* that wait for the helper */
#define TH_STATE_MAX_HASHES_AN_ADDRESS 4u
#define TH_STATE_MAX_JOBS 4096u /* that wait for anything */
#define TH_STATE_CONTROL_WAIT_NS (15 * TH_NS_PER_S)
#define TH_STATE_LOOK_WAIT_NS (35 * TH_NS_PER_S) /* the gateway gives up before */
#define TH_STATE_COMMANDS_WAIT_NS (25 * TH_NS_PER_S)

/* Who waits for an answer: the role's connection and its number. */
struct th_state_asker {
    unsigned
        connection; /* 0: the gateway; else one of the control socket, which is the operator's */
    unsigned generation;
    uint64_t id;
};

/* For the helper: does verify_text match verify_hash, and what is the hash of hash_text. Empty
 * parts are left out. */
struct th_state_hash {
    struct th_str verify_hash, verify_text, hash_text;
};

struct th_state_ops {
    void (*answer)(void *arg, const struct th_state_asker *asker, unsigned status,
        struct th_str cookies, struct th_str body);
    int (*hash)(void *arg, uint64_t job, const struct th_state_hash *h);
    int (*control)(void *arg, uint64_t job, struct th_str json);
    /* To the gateway: a route of the API that only reads (messages.h). */
    int (*look)(void *arg, uint64_t job, struct th_str json);
};

struct th_state_config {
    struct th_accounts *accounts; /* borrowed, as the rest */
    struct th_keychain *keys;     /* that the accounts know */
    const struct th_io *folder;   /* where asked-for packets are put */
    const char *instance, *instance_id, *host_name;
    struct th_settings defaults;
    struct th_str zones; /* names of time zones (zones.h); empty: they are not checked */
};

struct th_state;
struct th_state *th_state_new(
    const struct th_state_config *config, const struct th_state_ops *ops, void *arg);
void th_state_free(struct th_state *s);

/* bytes: what came with it that is no JSON, a part of packets; "" else. */
void th_state_request(struct th_state *s, int64_t now_ns, const struct th_state_asker *asker,
    struct th_str text, struct th_str bytes);
/* The helper's answer; hash is NULL when none was asked for or it could not be made. */
void th_state_hashed(
    struct th_state *s, int64_t now_ns, uint64_t job, bool matches, const char *hash);
/* Intake's answer to a control; err 0: it stands in the log and is applied. */
void th_state_done(struct th_state *s, int64_t now_ns, uint64_t job, int err);
/* The gateway's answer to a look. */
void th_state_looked(
    struct th_state *s, int64_t now_ns, uint64_t job, unsigned status, struct th_str body);
/* The edge to intake went down: nobody will answer those. */
void th_state_controls_lost(struct th_state *s, int64_t now_ns);
/* Time limits. To be called each second. */
void th_state_tick(struct th_state *s, int64_t now_ns);

/* Following the log: begin, each control in order, end with the position behind them, which is
 * saved with what they changed. */
void th_state_follow_begin(struct th_state *s);
void th_state_follow_control(struct th_state *s, struct th_str json);
/* A sensor's batch came at that time. */
void th_state_follow_seen(struct th_state *s, uint64_t sensor, int64_t time_ns);
int th_state_follow_end(struct th_state *s, uint64_t position) TH_WARN_UNUSED;

/* {"counters", "gauges", "problems"} */
void th_state_status(struct th_state *s, int64_t now_ns, struct th_buf *out);

#endif
