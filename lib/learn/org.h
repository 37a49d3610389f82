/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the whole organisation, as of the last closed epoch: how many
 * devices use a destination, how each feature is distributed over device-hours,
 * how often a parametric p-value is really reached (the calibrators), the rhythm of
 * the week, how names are spelt. All of it integers that add up to the same in any
 * order; floats are only derived from them, at the end of an epoch.
 */
#ifndef TH_LEARN_ORG_H
#define TH_LEARN_ORG_H

#include "base/cursor.h"
#include "identity/traits.h"
#include "sketch/loghist.h"
#include "spelling.h"
#include "state.h"
#include "user.h"

#define TH_WAVE_UNIT 16u
#define TH_ORG_MAX_DESTS (1u << 20)
#define TH_PERIOD_DAYS 28u
#define TH_WEIGHT 16u    /* a device-hour in histograms: so that decay by integers is fine enough */
#define TH_DECAY_NUM 25u /* of 1024 a day: half in 28 days */

/* Bins of raw values (-log10 of a parametric p): narrow ones (1/32) at 0, ever wider ones up to
 * 1,000, for some features reach hundreds every day, and what lies past the last bin is not told
 * apart. */
#define TH_CALIB_BINS 400u
#define TH_CALIB_SCALE 2.0
#define TH_CALIB_MAX 1000.0
/* Of a parametric p-value only half its decades are believed: measured, such tails are too thin by
 * 1.5 decades at 1e-3 and by more beyond. */
#define TH_PARAMETRIC_BELIEF 0.5

/* A destination, a port, a client fingerprint...: anything that devices have in common. */
struct th_org_dest {
    uint64_t key; /* 0: free */
    /* Devices that used it in this period of 28 days and in the one before: each sets the bit of
     * its hash, so that who comes again and was forgotten meanwhile is not two; and how often one
     * came. */
    uint64_t who[2];
    uint32_t touches[2];
    uint64_t news;   /* bits of those that were new to it since the last epoch */
    uint8_t fresh;   /* how many were before that, halved each epoch */
    uint8_t failing; /* devices that it refused or did not answer lately */
    uint16_t wave;   /* sixteenths of devices that were the first time at it, halved each day */
    uint32_t up_n;   /* hours with an upload to it; the sum of their log2 x 4, and of its square */
    uint64_t up_sum, up_squares;
};

struct th_calib {
    uint64_t n[TH_CALIB_BINS]; /* device-hours by -log10 of the parametric p, x TH_WEIGHT */
};

/* Everything that is counted by device-hour. The same form holds what one learner's windows have to
 * contribute, handed over and emptied each epoch. */
struct th_hists {
    struct th_loghist rates[TH_RATES][TH_GROUPS];
    struct th_loghist uploads[2]; /* [1]: to destinations that hardly anybody else uses */
    struct th_calib calib[TH_FEATURE_COUNT][TH_GROUPS];
    struct th_loghist user_rates[TH_USER_RATES][TH_GROUPS];
    uint64_t hours[TH_GROUPS]; /* device-hours x TH_WEIGHT */
    /* By type of device, of those whose type is known: what a new one of the kind begins with. */
    struct th_loghist kin_rates[TH_RATES][TH_DEVICE_TYPE_COUNT];
    int64_t kin_rhythm_sum[TH_DEVICE_TYPE_COUNT][TH_RHYTHMS][TH_WEEK_SLOTS];
    uint64_t kin_rhythm_n[TH_DEVICE_TYPE_COUNT][TH_RHYTHMS][TH_WEEK_SLOTS];
    int64_t rhythm_sum[TH_RHYTHMS][TH_WEEK_SLOTS]; /* factor or shift x 256 */
    uint64_t rhythm_n[TH_RHYTHMS][TH_WEEK_SLOTS];
};

/* Derived: survival by bin, -log10. */
struct th_calib_curve {
    double hours;                 /* behind it */
    float lgp[TH_CALIB_BINS + 1]; /* of reaching this bin */
};

struct th_rate_prior {
    double mean, variance; /* of active hours; of ln(1 + x) for bytes */
    double active;         /* share of device-hours in which it is not zero */
};

struct th_org {
    int64_t time_ns; /* everything before is in it; TH_TIME_UNSET: nothing yet */
    uint16_t period, day;
    uint32_t active[2];        /* devices, by period */
    uint32_t users[2];         /* the same of users */
    struct th_org_dest *dests; /* open addressing */
    uint32_t dest_cap, dest_used;
    uint64_t dest_dropped;
    struct th_hists h;
    uint64_t prior_hours; /* of h.hours, those that the prior brought */
    struct th_spelling *spelling;
    double edge[TH_CALIB_BINS + 1];  /* th_calib_edge */
    float parametric[TH_CALIB_BINS]; /* what the parametric p of a bin is believed to mean */
    unsigned without;                /* enum th_engine_part: of the learner's */
    /* derived by th_org_derive; of type 0, those of all types */
    struct th_rate_prior prior[TH_RATES][TH_GROUPS][TH_DEVICE_TYPE_COUNT];
    struct th_rate_prior user_prior[TH_USER_RATES][TH_GROUPS];
    struct th_rate_prior upload_prior[2]; /* of all, of those to rare destinations */
    struct th_calib_curve curve[TH_FEATURE_COUNT][TH_GROUPS];
    double rhythm[TH_DEVICE_TYPE_COUNT][TH_RHYTHMS][TH_WEEK_SLOTS];
};

struct th_org *th_org_new(void);
void th_org_free(struct th_org *o);
struct th_org_dest *th_org_find(const struct th_org *o, uint64_t key);
/* Finds or makes; NULL when the table is full. */
struct th_org_dest *th_org_add(struct th_org *o, uint64_t key);
/* Devices that use it, of the period with more; 0 for NULL. About 1 in 64 of two is taken for one
 * (linear counting, Whang et al., 1990); past some 90, touches count. */
uint32_t th_org_devices(const struct th_org_dest *d);
static inline uint32_t th_org_active(const struct th_org *o)
{
    return TH_MAX(1, TH_MAX(o->active[0], o->active[1]));
}
static inline uint32_t th_org_users(const struct th_org *o)
{
    return TH_MAX(1, TH_MAX(o->users[0], o->users[1]));
}
/* -log10 of the share of devices, others than this one, that use the key: 0 for what everybody
 * uses or when there is nobody else to compare with. What many begin to use in the same hours or
 * days counts as more popular. counted: this device is already among them. */
double th_org_rarity(const struct th_org *o, uint64_t key, bool counted);
/* The same of users, for a key that only they touch. */
double th_org_user_rarity(const struct th_org *o, uint64_t key, bool counted);
/* Share of other devices that use it, 0 to 1. */
double th_org_share(const struct th_org *o, uint64_t key, bool counted);
/* What everybody uses is little evidence, however regular or large: 1 for what nobody else does,
 * down to 0.1. */
double th_org_unpopular(const struct th_org *o, uint64_t key, bool counted);
/* Stage two: -log10 of the share of device-hours of this group that reach raw. */
double th_org_calibrate(const struct th_org *o, unsigned feature, unsigned group, double raw);
unsigned th_calib_bin(double raw);
/* Its lower edge; of TH_CALIB_BINS, the end of all. */
double th_calib_edge(unsigned bin);
/* Recomputes what is derived. */
void th_org_derive(struct th_org *o);
/* Moves on to time_ns: decay, periods, then th_org_derive. */
void th_org_advance(struct th_org *o, int64_t time_ns);

/* What one partition's events contribute. */
enum th_touch_kind {
    TH_TOUCH_DEVICE,
    TH_TOUCH_FAIL,
    TH_TOUCH_UPLOAD,
    TH_TOUCH_ACTIVE,
    TH_TOUCH_USER_ACTIVE,
    TH_TOUCHES
};
#define TH_TOUCHES_MAX (1u << 18) /* a partition's epoch */
#define TH_NAMES_MAX 4096u

/* TH_TOUCH_DEVICE has as its value the bit of the device (or user), and this added when it is new
 * to it. */
#define TH_TOUCH_BITS 64u

struct th_touch {
    uint64_t key;
    uint32_t kind, value;
};

struct th_touches {
    struct th_touch *v;
    uint32_t n, cap;
    uint16_t *grams; /* spelling: three characters each */
    uint32_t gram_n, gram_cap;
};
void th_touches_done(struct th_touches *t);
void th_touch_add(struct th_touches *t, uint64_t key, enum th_touch_kind kind, uint32_t value);
/* A name that was found in use, for the spelling. */
void th_touches_name(struct th_touches *t, struct th_str label);

/* Wire form of contributions, also inside saved partitions. h may be NULL. */
void th_delta_encode(const struct th_hists *h, const struct th_touches *t, struct th_buf *out);
/* Adds them to the organisation; or, after a restart, back to where they came from. */
int th_delta_apply(struct th_org *o, const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;
int th_delta_decode(struct th_hists *h, struct th_touches *t, struct th_cur *c) TH_WARN_UNUSED;

void th_hists_add(struct th_hists *dst, const struct th_hists *src);

/* Whole state; strip: distributions and calibrators only, for a prior. */
void th_org_encode(const struct th_org *o, bool strip, struct th_buf *out);
/* Replaces what o holds; on failure o is as before. */
int th_org_decode(
    struct th_org *o, bool prior, const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;

#endif
