/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the learner. learn.c dispatches events; ev_*.c turn them into counts,
 * pairs and notes of the acting device's window; close.c turns a finished window
 * into signals, and lets the device learn from it. part.c keeps the records, pair.c
 * the pairs, note.c the notes, rate.c the statistics, beacon.c the rhythm of a pair.
 */
#ifndef TH_LEARN_LEARN_I_H
#define TH_LEARN_LEARN_I_H

#include "base/hash.h"
#include "base/mem.h"
#include "org.h"
#include "pool.h"
#include "state.h"

#define TH_DEVS_MAX                                                                                \
    8192u /* of one partition; identity bounds the number of entities before that                  \
           */
#define TH_PAIRS_PER_DEV 20u
#define TH_PAIRS_BASE 256u /* of one partition, besides */
#define TH_PAIR_WAYS 8u
#define TH_DOMAIN_CACHE 4096u
#define TH_SIGNALS_MAX 64u /* of a window, before the rarest are told */
#define TH_DEV_FORGET_NS (35 * TH_NS_PER_DAY)
#define TH_USERS_MAX 2048u /* of one partition */
#define TH_USERS_TRIED_MAX                                                                         \
    64u /* of them, for the hour, that nobody was let in as: anybody can make up names */

struct th_part {
    struct th_pool devs, callers, wins, called, failed, notes, words;
    uint32_t *index; /* entity id to device, open addressing, TH_POOL_NONE free */
    uint32_t index_cap;
    struct th_pair *pairs; /* buckets x TH_PAIR_WAYS */
    uint16_t *tags;        /* of pairs, 0 free */
    uint32_t buckets, pair_used;
    struct th_pool users, user_wins;
    uint32_t *user_index; /* as index, of users */
    uint32_t user_index_cap;
    uint32_t users_tried;
    struct th_touches touches;
};

/* Where an entity's device and window were last found: records never move, and hold until windows
 * are closed or a partition is loaded (then `round` moves on). */
struct th_slot {
    uint64_t entity;
    int64_t start_ns;
    uint64_t round;
    struct th_dev *dev;
    struct th_win *win;
};

struct th_domain_entry {
    uint64_t tag; /* hash of the name */
    uint8_t len;  /* of the registered domain at its end, 0 none */
    bool hosted;
};

struct th_learn {
    struct th_learn_config cfg;
    struct th_org *org;
    struct th_hists *pending; /* of this epoch's windows, all partitions together */
    bool pending_any;
    struct th_part *parts[TH_PARTITIONS]; /* NULL: not ours */
    struct th_slot *slots;                /* by entity slot */
    uint32_t slot_cap;
    uint64_t round;
    struct th_domain_entry *domains;
    struct th_learn_stats stats;
    struct th_signal *signals; /* of the window being told */
    uint32_t signal_count;
    struct th_measure measures[TH_RATES]; /* of the window being closed */
    uint32_t measure_count;
};

/* A device doing something now. */
struct th_act {
    struct th_learn *l;
    struct th_part *part;
    struct th_dev *dev;
    struct th_win *win;
    int64_t time_ns;
    uint16_t day;
    bool late; /* into a window that was closed before */
};

/* part.c */
struct th_part *th_part_new(void);
void th_part_free(struct th_part *p);
uint32_t th_part_find(const struct th_part *p, uint64_t entity); /* TH_POOL_NONE: none */
uint32_t th_part_add(struct th_part *p, uint64_t entity, int64_t time_ns);
void th_part_remove(struct th_part *p, uint32_t dev);
uint32_t th_part_window(struct th_part *p, uint32_t dev, int64_t start_ns); /* finds or makes */
void th_part_window_free(struct th_part *p, uint32_t win);
uint64_t th_part_bytes(const struct th_part *p);
static inline struct th_dev *th_dev_at(const struct th_part *p, uint32_t i)
{
    return th_pool_at(&p->devs, i);
}
static inline struct th_win *th_win_at(const struct th_part *p, uint32_t i)
{
    return th_pool_at(&p->wins, i);
}
/* These find or make; ..._look finds an empty one where there is none. */
static inline struct th_callers *th_part_callers(struct th_part *p, struct th_dev *d)
{
    return th_pool_need(&p->callers, &d->callers);
}
static inline struct th_called *th_part_called(struct th_part *p, struct th_win *w)
{
    return th_pool_need(&p->called, &w->called);
}
static inline struct th_failed *th_part_failed(struct th_part *p, struct th_win *w)
{
    return th_pool_need(&p->failed, &w->failed);
}
static inline struct th_words *th_part_words(struct th_part *p, struct th_note *n)
{
    return th_pool_need(&p->words, &n->words);
}
const struct th_called *th_part_called_look(const struct th_part *p, const struct th_win *w);
const struct th_failed *th_part_failed_look(const struct th_part *p, const struct th_win *w);
const struct th_words *th_part_words_look(const struct th_part *p, const struct th_note *n);
static inline struct th_note *th_note_at(const struct th_part *p, uint32_t i)
{
    return th_pool_at(&p->notes, i);
}

/* pair.c: finds or makes the pair of the device and this key. What is older than the pair's last
 * is no part of its sequence: who uses it looks at last_ns. */
/* NULL: there is none. */
const struct th_pair *th_pair_find(const struct th_part *p, uint64_t own);
struct th_pair *th_pair_get(struct th_act *a, uint64_t key, enum th_pair_kind kind);
void th_pairs_init(struct th_part *p, uint32_t buckets);
/* True when the pair may stand where it stands: for what comes from a file. */
bool th_pair_fits(const struct th_part *p, uint32_t at);
void th_pair_retag(struct th_part *p, uint32_t at);

/* Brings the lines of a pair's bucket that a look-up will want. */
void th_pair_prefetch(const struct th_part *p, uint64_t own);
static inline uint64_t th_pair_own(
    const struct th_learn *l, const struct th_dev *d, uint64_t key, enum th_pair_kind kind)
{
    return th_hash_pair(d->id ^ l->cfg.key.k1, key + kind);
}

/* recurrence.c. How much of a note's worth is left, 0.1 to 1, for what has come every day;
 * *ret_usual: the usual amount of it, 0 while it is none. */
double th_recurrence_share(const struct th_learn *l, const struct th_part *p,
    const struct th_dev *d, const struct th_win *w, const struct th_note *n, double *ret_usual);
void th_recurrence_learn(struct th_learn *l, struct th_part *p, struct th_dev *d, struct th_win *w);

/* drift.c: what has become of a habit, once a day. */
bool th_drift_due(const struct th_dev *d, const struct th_win *w);
double th_drift_raw(const struct th_dev *d, const struct th_win *w); /* 0: nothing to tell */
void th_drift_fill(const struct th_dev *d, const struct th_win *w, struct th_signal *s);
void th_drift_learn(struct th_dev *d, struct th_win *w);

/* note.c */
struct th_note *th_note_get(
    struct th_act *a, unsigned feature, uint64_t key, unsigned most, double worth);
void th_note_peer(struct th_note *n, const struct th_peer *peer);
/* Once more something of a kind whose novelty is learned: key, met at the peer. */
void th_note_fresh(struct th_note *n, enum th_novel kind, uint64_t key, const struct th_peer *peer);
void th_note_domain(struct th_note *n, uint64_t key, struct th_str host, struct th_str domain);
/* Appends an example to the note's detail, while there is room; printable ASCII. */
void th_note_example(struct th_part *p, struct th_note *n, const char *head, struct th_str text);
size_t th_text_put(char *out, size_t room, struct th_str text);

/* rate.c */
double th_lgp_normal(double z);                      /* -log10 P(Z >= z) */
double th_nb_z(double x, double mean, double shape); /* signed root of the deviance */
unsigned th_week_slot(int64_t time_ns);
struct th_rate_view {
    double mean, variance, shape, active, rhythm, z, lgp, low, high;
};
/* Of a count: the rest of the view from its mean, variance and rhythm. */
void th_rate_count(struct th_rate_view *v, double x);
void th_rate_view(const struct th_org *o, const struct th_dev *d, unsigned rate, int64_t start_ns,
    double x, struct th_rate_view *ret);
/* Learns from the window, through the gate; returns the rates (bits) that it held back. */
uint64_t th_rate_learn(struct th_learn *l, struct th_dev *d, const struct th_win *w,
    const double x[TH_RATES], double weight);
static inline bool th_rate_is_bytes(unsigned rate)
{
    return rate >= TH_FEAT_BYTES_OUT_EXT && rate <= TH_FEAT_BYTES_IN_INT;
}
/* Log-normal: what spreads by factors. */
static inline bool th_rate_is_log(unsigned rate)
{
    return th_rate_is_bytes(rate) || rate >= TH_RATES_FRONT;
}
/* Probability that an hour brings something new of this kind. */
double th_novelty_p(const struct th_dev *d, enum th_novel kind);

/* beacon.c */
/* A pair that meets again and again. */
struct th_rhythm {
    double even;  /* -log10 of the chance of such regularity (th_beat_fast, th_beat_slow) */
    uint64_t key; /* of the destination, in the organisation's table */
    bool counted; /* the device is already among those that use it */
    int64_t first_ns, last_ns; /* meetings */
};
/* What it is worth, as -log10 p. */
double th_rhythm_worth(const struct th_learn *l, const struct th_dev *d, const struct th_rhythm *r);
void th_beacon_beat(struct th_act *a, const struct th_peer *peer, int64_t time_ns);
void th_beacon_upload(struct th_act *a, const struct th_peer *peer, uint64_t bytes, uint64_t back);
double th_pair_up_mean(const struct th_pair *p);

/* beat.c: the pair met. False where that is no new beat of a rhythm; else ret_hours is how many
 * hours lie between this beat and the one before. */
bool th_beat(struct th_pair *p, const struct th_dev *d, int64_t time_ns, int64_t *ret_hours);
/* Standard deviation of the gaps in parts of their mean. */
double th_beat_variation(const struct th_pair *p);
/* Decades of evidence that a timer makes the gaps, from how even they are. */
double th_beat_fast(const struct th_pair *p);
/* The same from the hours in which the device was active (the last 24 of the pair's age), and those
 * of them in which the pair met. */
double th_beat_slow(
    const struct th_pair *p, const struct th_dev *d, unsigned *ret_covered, unsigned *ret_hours);

/* novelty.c */
enum th_salt {
    TH_SALT_ADMIN = 0x61646d,
    TH_SALT_ADMIN_BY = 0x616462,
    TH_SALT_PORT = 0x706f72,
    TH_SALT_PRINT = 0x707269,
    TH_SALT_USER = 0x757365,
    TH_SALT_OP = 0x6f7000,
    TH_SALT_OP_PEER = 0x6f7070,
    TH_SALT_EXE = 0x657865,
    TH_SALT_NAME = 0x6e616d,
    TH_SALT_BRUTE = 0x627275,
    TH_SALT_TUNNEL = 0x74756e,
    TH_SALT_CLIENT = 0x636c69,
    TH_SALT_CONTROL = 0x63746c,
    TH_SALT_CLEAR = 0x636c72,
    TH_SALT_CERT = 0x637274,
    TH_SALT_RECURRENCE = 0x637573,
    TH_SALT_USER_SOURCE = 0x757366,
    TH_SALT_USER_TARGET = 0x757374
};
/* Notes that the device used key and lets it count for the organisation; true when it is new for
 * the device within 28 days. */
bool th_novelty_touch(struct th_act *a, uint64_t key);
/* The same for somebody who connected to it. */
bool th_novelty_client(struct th_act *a, uint64_t key);
/* The same for a thing of a kind whose novelty is learned. */
bool th_novelty_try(struct th_act *a, enum th_novel kind, uint64_t key);

/* ev_*.c */
void th_learn_conn(
    struct th_act *orig, struct th_act *resp, const struct th_ev_conn *ev, const struct th_who *w);
/* resp: who was asked. */
void th_learn_dns(struct th_act *orig, struct th_act *resp, const struct th_ev_dns *ev);
void th_learn_http(struct th_act *a, const struct th_ev_http *ev, const struct th_who *w);
void th_learn_ssl(struct th_act *a, const struct th_ev_ssl *ev, const struct th_who *w);
void th_learn_ssh(
    struct th_act *orig, struct th_act *resp, const struct th_ev_ssh *ev, const struct th_who *w);
void th_learn_files(
    struct th_act *orig, struct th_act *resp, const struct th_ev_files *ev, const struct th_who *w);
void th_learn_arp(struct th_act *orig, struct th_act *resp, const struct th_ev_arp *ev);
void th_learn_kerberos(
    struct th_act *a, struct th_act *resp, const struct th_ev_kerberos *ev, const struct th_who *w);
void th_learn_ntlm(
    struct th_act *a, struct th_act *resp, const struct th_ev_ntlm *ev, const struct th_who *w);
void th_learn_rdp(
    struct th_act *a, struct th_act *resp, const struct th_ev_rdp *ev, const struct th_who *w);
/* Of other protocols. */
void th_learn_login_read(
    struct th_act *a, struct th_act *resp, const struct th_ev_login *ev, const struct th_who *w);
void th_learn_smb_files(struct th_act *a, const struct th_ev_smb_files *ev, const struct th_who *w);
void th_learn_smb_mapping(
    struct th_act *a, const struct th_ev_smb_mapping *ev, const struct th_who *w);
void th_learn_rpc(struct th_act *a, const struct th_ev_dce_rpc *ev, const struct th_who *w);
void th_learn_modbus(struct th_act *a, const struct th_ev_modbus *ev, const struct th_who *w);
void th_learn_dnp3(struct th_act *a, const struct th_ev_dnp3 *ev, const struct th_who *w);
void th_learn_s7comm(struct th_act *a, const struct th_ev_s7comm *ev, const struct th_who *w);
void th_learn_enip(struct th_act *a, const struct th_ev_enip *ev, const struct th_who *w);
void th_learn_bacnet(struct th_act *a, const struct th_ev_bacnet *ev, const struct th_who *w);
void th_learn_probe(struct th_act *a, const struct th_addr *target);
void th_learn_alive(struct th_act *a, const struct th_addr *target);
/* Remote administration of the responder: `base` decades rare for an ordinary device. */
void th_learn_remote(
    struct th_act *a, const struct th_who *w, double base, const char *words, struct th_str what);
/* A login was tried at the peer's service: by orig, at resp (which may be NULL). */
void th_learn_login(struct th_act *orig, struct th_act *resp, const struct th_who *w, uint16_t port,
    double failed, double tried);
/* Mining pools have telling names. key: of what it is about; used: of its popularity. */
void th_learn_mining_name(struct th_act *a, struct th_str host, uint64_t key, uint64_t used);
/* Registered domain at the end of a name; empty for names of the local kind. ret_hosted (or NULL):
 * th_domain_is_hosted. */
struct th_str th_learn_domain(struct th_learn *l, struct th_str name, bool *ret_hosted);

/* user.c */
uint32_t th_usr_find(const struct th_part *p, uint64_t entity); /* TH_POOL_NONE: none */
/* TH_POOL_NONE when there is no room for it; what is less worth gives way, counted. */
uint32_t th_usr_add(
    struct th_part *p, uint64_t entity, bool known, int64_t time_ns, struct th_learn_stats *stats);
void th_usr_remove(struct th_part *p, uint32_t user);
uint32_t th_usr_window(struct th_part *p, uint32_t user, int64_t start_ns); /* finds or makes */
void th_usr_window_free(struct th_part *p, uint32_t win);
/* Those that were not seen for so long. */
void th_usr_forget_old(struct th_part *p, int64_t until_ns);
static inline struct th_usr *th_usr_at(const struct th_part *p, uint32_t i)
{
    return th_pool_at(&p->users, i);
}
static inline struct th_usr_win *th_usr_win_at(const struct th_part *p, uint32_t i)
{
    return th_pool_at(&p->user_wins, i);
}

/* ev_user.c */
void th_learn_user(struct th_learn *l, const struct th_event *ev, const struct th_who *w);

/* close_user.c: as th_window_close and th_window_look; a user that nobody was let in as is gone
 * with its last window. */
void th_usr_close(struct th_learn *l, struct th_part *p, uint32_t win, th_window_fn fn, void *arg);
void th_usr_look(struct th_learn *l, const struct th_part *p, const struct th_usr_win *w,
    th_window_fn fn, void *arg);

/* save_user.c */
void th_usr_put_all(const struct th_part *p, struct th_buf *out);
void th_usr_get_all(struct th_cur *c, struct th_part *p, unsigned partition);

/* close.c */
/* What is judged is told: by the group's calibrators, the rarest first. */
void th_signals_finish(struct th_learn *l, unsigned group);
/* An hour was (not) one that brought something new. */
void th_novelty_learn(struct th_novelty *n, bool fresh);
/* What an hour that came late is learned with, of an entity whose last closed one ended then. */
double th_late_weight(int64_t closed_ns, int64_t start_ns);
void th_window_close(
    struct th_learn *l, struct th_part *p, struct th_win *w, th_window_fn fn, void *arg);
/* The same without learning from it. */
void th_window_look(struct th_learn *l, const struct th_part *p, const struct th_win *w,
    th_window_fn fn, void *arg);
double th_window_rate(const struct th_part *p, const struct th_win *w, unsigned rate);
/* A signal to fill in; NULL when raw is too little to tell. */
struct th_signal *th_signal_add(struct th_learn *l, double raw);
/* notes.c: raw values of the notes' features */
void th_window_notes(struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *w, double best[]);
/* What the organisation learns from an upload. */
void th_learn_upload(struct th_learn *l, struct th_part *p, const struct th_note *n);

#endif
