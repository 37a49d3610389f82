/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and windows in a line. */
#ifndef TH_TESTS_MAKE_WINDOW_H
#define TH_TESTS_MAKE_WINDOW_H

#include "base/mem.h"
#include "model/model.h"

#define HOUR TH_NS_PER_HOUR
#define H0 (INT64_C(1700002800) * TH_NS_PER_S) /* 2023-11-14T23:00:00Z, a Tuesday */

static inline struct th_signal signal_make(const char *feature, double observed, double lgp)
{
    int f = th_feature_find(th_str_c(feature));
    TH_ASSERT(f >= 0);
    struct th_signal s = {.feature = (uint16_t)f,
        .observed = observed,
        .expected = 1,
        .high = 3,
        .lgp_raw = lgp,
        .lgp = lgp,
        .first_ns = H0,
        .last_ns = H0 + HOUR / 2,
        .org_devices = 100};
    return s;
}

/* Views are set when the signal lies where it stays: window_make does so. */
static inline struct th_signal with_peer(
    struct th_signal s, uint64_t key, const char *host, uint32_t devices)
{
    s.has_peer = true;
    s.peer = (struct th_peer){.key = key, .port = 443, .slot = UINT32_MAX};
    snprintf(s.peer_host, sizeof(s.peer_host), "%s", host);
    s.peer_devices = devices;
    return s;
}

static inline struct th_window window_make(
    uint64_t entity, int64_t start_ns, struct th_signal *signals, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        signals[i].first_ns = start_ns;
        signals[i].last_ns = start_ns + HOUR / 2 + i;
        signals[i].peer.host = th_str_c(signals[i].peer_host);
        signals[i].peer.domain = th_str_c(signals[i].peer_domain);
    }
    return (struct th_window){.entity = entity,
        .start_ns = start_ns,
        .end_ns = start_ns + HOUR,
        .events = 100,
        .learned_hours = 100,
        .signals = signals,
        .count = count};
}

/* One epoch by hand: all partitions out of all scorers, into all scorers. */
static inline void epoch(struct th_scorer *const *s, unsigned count, int64_t time_ns)
{
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
        th_scorer_epoch_out(s[p % count], p, &block);
        for (unsigned i = 0; i < count; i++)
            TH_ASSERT(th_scorer_epoch_in(s[i], p, block.p, block.len) == 0);
    }
    for (unsigned i = 0; i < count; i++)
        th_scorer_epoch_done(s[i], time_ns);
}

struct caught {
    struct th_breach b[64];
    unsigned count;
};

static inline void catch_breach(void *arg, const struct th_breach *b)
{
    struct caught *c = arg;
    TH_ASSERT(c->count < TH_ARRAY_LEN(c->b));
    c->b[c->count++] = *b;
}

static inline struct th_models *models_of(const char *yaml)
{
    struct th_models *m = th_models_new();
    struct th_model_error err;
    if (th_models_add(m, yaml, strlen(yaml), &err) < 0) {
        fprintf(stderr, "line %d: %s\n", err.line, err.text);
        abort();
    }
    return m;
}

#define HEAD(id)                                                                                   \
    "id: " id "\nname: N of " id "\ndescription: D\ntechnique: T1071\ntactic: "                    \
    "command-and-control\n"

#endif
