/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the learner keeps of a device: fixed-size records without pointers, so that state
 * is saved as it lies in memory (little-endian, natural alignment; save.c checks what it
 * reads back). What few devices need has a record of its own, which only those have.
 *
 *   device   its habits: lasts
 *   callers  who called it: lasts
 *   window   one hour of it, from its first event to its closing
 *   called   in that hour, others called it, asked it for names, or it searched for neighbours
 *   failed   connections of that hour that failed
 *   note     evidence found in that hour
 *   words    for a note that has some
 *   pair     the device and one destination, one DNS domain, or evidence that comes again: lasts,
 *            bounded
 */
#ifndef TH_LEARN_STATE_H
#define TH_LEARN_STATE_H

#include "learn/learn.h"
#include "sketch/moments.h"
#include "sketch/seen.h"
#include "sketch/topk.h"
#include "spelling.h"

/* Rates are numbered by themselves: those of before lie at the front of the features, later ones
 * behind what was there then. */
#define TH_RATES_FRONT ((unsigned)TH_FEAT_HTTP_POSTS + 1)
#define TH_RATE(f)                                                                                 \
    ((unsigned)(f) < TH_RATES_FRONT ? (unsigned)(f)                                                \
                                    : (unsigned)(f) - (unsigned)TH_FEAT_CLIENTS + TH_RATES_FRONT)
#define TH_RATES (TH_RATE(TH_FEAT_STRANGERS_IN) + 1)
static inline unsigned th_rate_feature(unsigned rate)
{
    return rate < TH_RATES_FRONT ? rate : rate - TH_RATES_FRONT + (unsigned)TH_FEAT_CLIENTS;
}
static inline bool th_feature_is_rate(unsigned feature)
{
    return feature < TH_RATES_FRONT ||
        (feature >= TH_FEAT_CLIENTS && feature <= TH_FEAT_STRANGERS_IN);
}
_Static_assert(TH_FEAT_USER_LOGINS <= 64, "a device's features are bits of a word");

/* Young devices, clients and servers have calibrators and distributions of their own. */
enum th_group { TH_GROUP_YOUNG, TH_GROUP_CLIENT, TH_GROUP_SERVER, TH_GROUPS };
_Static_assert((int)TH_GROUP_YOUNG == TH_HABIT_NEW && (int)TH_GROUP_CLIENT == TH_HABIT_CLIENT &&
        (int)TH_GROUP_SERVER == TH_HABIT_SERVER,
    "a group is told as a habit");
#define TH_GROWN_HOURS 24.0f /* active hours until a device leaves the young */

/* What can be new for a device: each kind has its own rate of novelty. */
enum th_novel {
    TH_NOVEL_DEST,
    TH_NOVEL_ADMIN_PEER,
    TH_NOVEL_ADMIN_CLIENT,
    TH_NOVEL_PORT,
    TH_NOVEL_PRINT,
    TH_NOVEL_USER,
    TH_NOVEL_EXE,
    TH_NOVEL_REMOTE,
    TH_NOVEL_HOUR,
    TH_NOVEL_CLIENT,
    TH_NOVEL_STRANGE_LOGIN,
    TH_NOVELS
};

/* Pitman-Yor with hours as draws: how often an hour brought something new. */
struct th_novelty {
    float hours, fresh;
};

#define TH_WEEK_SLOTS 48u /* 24 hours of a working day, 24 of a weekend's */
enum th_rhythm_class { TH_RHYTHM_COUNT, TH_RHYTHM_BYTES, TH_RHYTHMS };

#define TH_SEEN_BUCKETS 48u
#define TH_SEEN_DAYS 28u
#define TH_DEED_BUCKETS 16u   /* apart: a day of browsing must not forget whom it administers */
#define TH_CLIENT_BUCKETS 24u /* apart: who is called by all must not forget whom it calls */

/* What was usual. */
struct th_reference {
    float mean;
    int32_t day; /* since 1970; 0: none */
};
#define TH_REFERENCES 2u
#define TH_DAYS_MAX 106752 /* what 64 bits of nanoseconds hold */

/* What is sent outside in a day, as ln(1 + bytes) (drift.c). */
struct th_outflow {
    float usual, recent; /* means of `days`: of many, and of the last ones */
    uint64_t bytes;      /* of the day under way */
    int32_t day;         /* it, since 1970 */
    uint8_t hours;       /* of it, with anything sent */
    uint8_t days;        /* over, that count */
    uint16_t pad;
    struct th_reference reference[TH_REFERENCES]; /* the elder first */
};

struct th_dev {
    /* what every event looks at: one cache line */
    uint64_t id;
    int64_t first_ns;
    int64_t closed_ns;   /* end of the latest closed window */
    uint64_t hours_bits; /* bit i: active i hours before hours_at */
    int64_t hours_at;    /* hour number of bit 0 */
    uint32_t wins;       /* open windows, chained; TH_POOL_NONE: none */
    uint32_t slot;       /* the entity's, in this process */
    float hours;         /* active hours learned */
    float weight;        /* the same, forgetting */
    uint16_t period;
    uint8_t group;
    uint8_t kin; /* enum th_device_type, as of its latest hour */
    uint32_t
        strange_bits; /* as hours_bits: a login failed under the name of a user it does not have */
    /* the rest */
    int64_t admin_in_ns;   /* last time it was administered, 0 never */
    uint64_t admin_in_key; /* by whom */
    struct th_addr admin_in_addr;
    int64_t staged_ns; /* when much was collected from inside hosts, 0 never */
    float staged_lgp;
    float admin_in_raw;
    uint32_t callers; /* TH_POOL_NONE: none */
    float refused;    /* logins tried at it in an active hour, mean */
    struct th_moments rates[TH_RATES];
    struct th_moments up; /* ln of the most sent to one destination in an hour */
    struct th_outflow outflow;
    struct th_novelty novel[TH_NOVELS];
    uint16_t rhythm[TH_RHYTHMS][TH_WEEK_SLOTS]; /* factor x 4096, or shift of ln x 4096 + 32768 */
    uint8_t rhythm_n[TH_RHYTHMS][TH_WEEK_SLOTS];
    uint8_t gated[TH_RATES]; /* windows in a row that the gate held back */
    struct th_seen_slot seen[TH_SEEN_BUCKETS * TH_SEEN_WAYS]; /* destinations and names */
    struct th_seen_slot deeds[TH_DEED_BUCKETS * TH_SEEN_WAYS];
};

struct th_callers {
    struct th_seen_slot seen[TH_CLIENT_BUCKETS * TH_SEEN_WAYS];
};

#define TH_HLL_LOG2M 6u
#define TH_HLL_BYTES (1u << TH_HLL_LOG2M)
#define TH_SCAN_HLL_LOG2M 5u
#define TH_SCAN_SLOTS 3u
#define TH_TOP_SLOTS 3u
#define TH_NAME_BITS 256u
#define TH_ASKED_BITS 1024u

/* Hosts tried on one port. */
struct th_scan_slot {
    uint16_t port;
    uint8_t inside;
    uint8_t used;
    uint32_t fails, oks;
    uint8_t hll[1u << TH_SCAN_HLL_LOG2M]; /* of those that failed */
};

/* Connections of a minute, made or met. */
struct th_burst {
    int32_t minute;
    uint32_t count;
};

/* The latest that were new in this hour. */
#define TH_STRANGERS 4u
struct th_strangers {
    uint64_t key[TH_STRANGERS];
    uint32_t at, pad;
};

struct th_top_host {
    struct th_addr addr;
    uint16_t port;
    uint16_t pad[3];
};

#define TH_RECENT_PORTS 4u

struct th_win {
    uint32_t dev;
    uint32_t next;           /* of the same device */
    uint32_t notes;          /* chained */
    uint32_t called, failed; /* TH_POOL_NONE: none */
    uint16_t note_count;
    uint16_t touches; /* contributions to popularity, bounded */
    uint16_t client_touches;
    int64_t start_ns;
    int64_t first_ns, last_ns;
    uint64_t events;
    uint64_t tried; /* features that had an occasion */
    uint16_t novel_tried, novel_new;
    uint8_t taught, notes_remote;
    uint8_t port_at;
    uint8_t pad;
    uint32_t ports[TH_RECENT_PORTS]; /* latest service ports, counted already */
    struct th_topk_slot top[TH_TOP_SLOTS];
    struct th_burst burst_out;
    struct th_strangers strangers_out;
    uint64_t v[TH_RATES];
    uint8_t hll_ext[TH_HLL_BYTES], hll_int[TH_HLL_BYTES];
    uint8_t hll_port[TH_HLL_BYTES];
    struct th_top_host top_host[TH_TOP_SLOTS];
    uint64_t names[TH_NAME_BITS / 64]; /* which names were weighed already */
    struct th_spelling_sum dga;
    uint32_t dga_names, dga_missing;
    uint32_t probes;
    uint32_t looked; /* low bits of `events` at the last look; others: to be looked at */
};

struct th_called {
    int64_t probe_first_ns, probe_last_ns;
    struct th_topk_slot top[TH_TOP_SLOTS];
    struct th_burst burst;
    struct th_strangers strangers;
    uint64_t asked[TH_ASKED_BITS / 64]; /* domains that others asked of it */
    uint8_t hll[TH_HLL_BYTES], hll_probe[TH_HLL_BYTES];
    uint8_t hll_alive[1u << TH_SCAN_HLL_LOG2M]; /* probed addresses that answered */
};

struct th_failed {
    uint8_t hll[TH_HLL_BYTES]; /* of the hosts */
    struct th_scan_slot scan[TH_SCAN_SLOTS];
};

#define TH_NOTE_HOST_LEN 80u
#define TH_NOTE_DETAIL_LEN 96u
#define TH_NOTES_MAX 24u

enum th_note_flag {
    TH_NOTE_PEER = 1,
    TH_NOTE_INSIDE = 2,
    TH_NOTE_ADDR = 4,
    TH_NOTE_NAME = 8,
    TH_NOTE_VOUCHED = 16
};

struct th_note {
    uint64_t key; /* what it is about, inside its feature */
    uint64_t popularity_key;
    uint64_t peer_key;
    int64_t first_ns, last_ns;
    struct th_addr addr;
    double a, b, c; /* the feature's own numbers */
    uint32_t next;
    uint32_t slot;
    uint16_t feature;
    uint16_t port;
    uint8_t flags;
    uint8_t domain_at; /* the registered domain begins here in host; at its end: none */
    uint8_t examples;  /* in its words */
    uint8_t novel;     /* kind of novelty + 1, 0 for none */
    float worth;       /* against others of its feature, when there are too many */
    uint32_t words;    /* TH_POOL_NONE: none */
    char host[TH_NOTE_HOST_LEN];
};

/* What a note says besides. */
struct th_words {
    char text[TH_NOTE_DETAIL_LEN];
};

enum th_pair_kind { TH_PAIR_FREE, TH_PAIR_HOST, TH_PAIR_NAME, TH_PAIR_RECURRING };

struct th_beat {
    uint64_t hours;     /* bit i: a beat i hours before the last */
    float mean_s;       /* of the gaps, forgetting */
    float mean_square;  /* of the gaps, s^2, likewise */
    float mean_ln;      /* of their logarithms, likewise */
    float pause_square; /* of what is too long for a gap, s^2 */
    float up;           /* bytes sent in the hour of last_ns */
    uint32_t port_bits; /* ports used, by hash */
    uint16_t gaps;      /* behind the first three means */
    uint16_t pauses;    /* x 256, forgetting, behind pause_square */
    uint16_t up_hour;   /* hour number, cut to 16 bits */
    uint8_t up_mean;    /* log2 x 4 of an hour's usual bytes */
    uint8_t up_n;
};

struct th_tunnel {
    float bits; /* information in the names asked for in the hour of last_ns */
    uint16_t queries;
    uint16_t odd; /* of type TXT, NULL or the like */
    uint8_t hll[1u << TH_SCAN_HLL_LOG2M];
};

/* Evidence of one kind about one thing, day after day (recurrence.c). */
struct th_recurrence {
    uint16_t day;  /* the latest, since 1970 */
    uint8_t days;  /* before that */
    uint8_t most;  /* of the latest day: log2 x 4 of the largest amount in an hour */
    uint8_t usual; /* the same of the days before, mean */
};

struct th_pair {
    uint64_t key;
    int64_t last_ns;
    uint16_t beats;
    uint8_t kind; /* enum th_pair_kind */
    uint8_t pad;
    uint32_t first_s;
    union {
        struct th_beat beat;
        struct th_tunnel tunnel;
        struct th_recurrence recurrence;
    };
};

_Static_assert(sizeof(struct th_pair) == 64, "a pair is a cache line");

#endif
