/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of lib/model: compiled models, their evaluation, calibrators, the state of the scorer. */
#ifndef TH_MODEL_I_H
#define TH_MODEL_I_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/json.h"
#include "model/explain.h"
#include "model/model.h"
#include "model/permit.h"

#define MAX_MODELS 1024u
#define MAX_COMPONENTS 8u
#define MAX_TAGS 16u
#define MAX_FILTER_NODES 64u

/* ---- filter.c: a tree of conditions on a signal ---- */

enum filter_op {
    FILTER_ALL,
    FILTER_ANY,
    FILTER_NOT,
    FILTER_PEER_INSIDE,     /* bool */
    FILTER_PEER_KNOWN,      /* bool: the signal is about one peer */
    FILTER_PEER_NAMED,      /* bool: that peer has a host name */
    FILTER_PEER_WELL_KNOWN, /* bool: half the world uses its domain */
    FILTER_PEER_PORT,       /* one of the ports */
    FILTER_PEER_HOST,       /* host matches one of the patterns */
    FILTER_PEER_DEVICES,    /* range: inside devices that use the peer */
    FILTER_PEER_SHARE,      /* range: those, as a share of the active devices */
    FILTER_OBSERVED,        /* range */
    FILTER_LEARNED_HOURS,   /* range: active hours learned of the device */
    FILTER_DETAIL           /* detail matches one of the patterns */
};

struct filter {
    enum filter_op op;
    bool flag;
    double low, high;          /* range */
    const struct th_str *list; /* patterns */
    const uint16_t *ports;
    uint32_t list_count;
    struct filter *first, *next; /* children of ALL, ANY, NOT; sibling */
};

struct node;
int filter_compile(const struct node *n, struct th_arena *arena, unsigned *budget,
    struct filter **ret, struct th_model_error *err) TH_WARN_UNUSED;
bool filter_match(const struct filter *f, const struct th_window *w, const struct th_signal *s);
/* '*' any bytes, '?' one; ASCII case plays no part. */
bool glob_match(struct th_str pattern, struct th_str text);

/* ---- compile.c ---- */

enum combine { COMBINE_ALL, COMBINE_ANY, COMBINE_SEQUENCE };

struct component {
    uint16_t feature;
    bool required;
    double at_least; /* observed */
    double rarity;   /* -lg p */
    double weight;   /* share in the harmonic mean; all of a model sum to 1 */
    struct filter *filter;
};

struct model {
    struct th_model_info info;
    uint64_t id_hash; /* of id and version */
    double weight;    /* share of the alert budget, 1 is usual */
    const char *response;
    enum combine combine;
    bool any_peers;    /* evidence about different peers may hold together */
    int64_t within_ns; /* sequence: from the first to the last */
    struct filter *filter, *exclude;
    uint8_t active_days;            /* bit 0 Monday; all set: always */
    uint8_t active_from, active_to; /* hours UTC, from <= h < to, may wrap */
    int64_t throttle_ns;
    double throttle_rise;
    struct th_str tags[MAX_TAGS];
    uint32_t tag_count;
    struct component component[MAX_COMPONENTS];
    uint32_t component_count;
};

struct th_models {
    struct th_arena arena;
    struct model *model;
    unsigned count;
    bool keep; /* the first of an id stays */
};

/* Order of the phases of an attack, for telling: 0 is first; unknown ones last. */
unsigned tactic_rank(const char *tactic);
/* "Command and control" */
const char *tactic_text(const char *tactic);

/* ---- evaluate.c ---- */

/* What one model found in one window about one peer (or about none). */
struct match {
    double lgp;
    bool has_peer;
    uint64_t peer_key;
    const struct th_signal *evidence[MAX_COMPONENTS]; /* by component, NULL where absent */
};

/* What the organisation's device-hours can show so far, as -lg p. */
struct support {
    double reach; /* a signal's rarity is worth no more than this yet: thresholds bend to it */
    double cap;   /* a signal counts up to this in the combination */
    uint64_t permitted; /* signals of the window, a bit each, that are as good as excluded */
};

#define MAX_MATCHES 8u /* peers of one model in one window */
/* For all and any. Best first. */
unsigned evaluate(const struct model *m, const struct th_window *w, const struct support *support,
    struct match ret[MAX_MATCHES]);
/* Does signal `at` of the window meet a component (for that peer; NULL: for any), and if not, why?
 */
enum th_refusal signal_refused(const struct model *m, const struct component *c,
    const struct th_window *w, const struct support *support, uint32_t at,
    const uint64_t *peer_key);
/* Rarest signal of the window that meets a component; NULL for none. */
const struct th_signal *component_find(const struct model *m, unsigned component,
    const struct th_window *w, const struct support *support, const uint64_t *peer_key);
bool model_active(const struct model *m, int64_t time_ns);
/* Weighted harmonic mean of p over the components, in logarithms; cap bounds each. */
double combine_lgp(const struct model *m, const double lgp[MAX_COMPONENTS], double cap);

/* ---- permits.c ---- */

/* What a permit covers of a window: signals, a bit each. */
struct covered {
    const struct th_permit *permit;
    uint64_t signals;
};

struct th_permits {
    struct th_permit *v;
    struct covered *covered; /* room for what permits_cover tells */
    uint32_t count, cap;
};

/* Those that cover some, in the order in which they were made, whatever models they mean; until the
 * next call. */
uint32_t permits_cover(
    struct th_permits *all, const struct th_window *w, const struct covered **ret);
bool permit_means(const struct th_permit *p, const struct model *m);

/* A window, and what permits cover of it. */
struct view {
    const struct th_window *w;
    const struct covered *covered;
    uint32_t covered_count;
};

/* ---- calibrate.c ---- */

#define CALIB_BINS 400u
#define CALIB_PER_LGP 20.0 /* bins a decade: up to -lg p of 20 */
#define CALIB_ONE 1024u    /* one device-hour, so that decay keeps fractions */

struct calib {
    uint64_t n[CALIB_BINS]; /* device-hours whose best value lies in the bin; bin 0: at least >0 */
};

unsigned calib_bin(double lgp);
/* -lg of the share of `hours` device-hours with a value of at least x. */
double calib_lgp(const struct calib *c, uint64_t hours, double x);
uint64_t calib_decay(uint64_t v, unsigned days);

/* ---- signal.c ---- */

void signal_copy(struct th_signal *dst, const struct th_signal *src);
void signal_put(struct th_buf *out, const struct th_signal *s);
bool signal_get(struct th_cur *c, struct th_signal *ret);
bool text_ok(struct th_str s);
/* A text of less than 256 bytes in `cap` with its zero, for state: a u8 length before it. What is
 * read must be text_ok. */
void text_put(struct th_buf *out, const char *s, size_t cap);
void text_get(struct th_cur *c, char *out, size_t cap);

/* ---- scorer ---- */

#define MAX_CHAINS 4096u

/* ---- memo.c: what is remembered under a key ---- */

#define MAX_MEMOS 65536u
#define MEMO_KEEP_NS (8 * TH_NS_PER_DAY)

/* What was told last of an entity, a model and a peer; or the trail of an entity and a peer: its
 * latest hour with evidence. */
struct memo {
    uint64_t key;     /* 0: empty */
    int64_t time_ns;  /* when; of a trail, the hour's begin */
    double value;     /* its score; of a trail, what the hour is worth, in decades */
    double before;    /* of a trail: what of that was carried into the hour */
    int64_t since_ns; /* its first hour */
    uint32_t hours;   /* with evidence, since then */
};

struct memos {
    struct memo *cell;
    uint32_t cells, count;
    uint64_t dropped; /* before their time: there were too many */
};

/* What was put in an epoch, in order: the other shards take it over. */
struct memo_list {
    struct memo *v;
    uint32_t count, cap;
};

struct memo *memo_find(const struct memos *t, uint64_t key);
void memo_put(struct memos *t, const struct memo *v);
void memo_note(struct memo_list *l, const struct memo *v);
/* Keeps those of the last days, the newest when they are too many. */
void memo_sweep(struct memos *t, int64_t now_ns);
/* The list is empty then; the table by key. Both are read into a table. */
void memo_list_put(struct memo_list *l, struct th_buf *out);
void memos_put(const struct memos *t, struct th_buf *out);
bool memos_get(struct memos *t, struct th_cur *c);

/* A sequence under way: its next component is `stage`. */
struct chain {
    uint64_t entity, id_hash;
    uint32_t stage;
    int64_t first_ns, last_ns;
    struct th_signal *evidence; /* of the stages before */
};

/* Findings that a permit held back. */
struct held {
    uint64_t permit, count;
    int64_t last_ns;
};

struct partial {
    uint64_t hours;
    uint32_t *best;  /* CALIB_BINS, or NULL while empty */
    uint32_t *model; /* CALIB_BINS a model, or NULL */
    struct memo_list told, trail;
    uint64_t *chain; /* entities whose chains moved */
    uint32_t chain_count, chain_cap;
    struct held *held; /* by permit, in no order; at most one each */
    uint32_t held_count, held_cap;
};

struct th_scorer {
    const struct th_models *models;
    uint64_t partitions;
    bool alone;     /* no trails */
    uint64_t hours; /* times CALIB_ONE */
    struct calib best;
    struct calib *model;
    double mean_weight;
    struct memos told, trails;
    struct chain *chain;
    uint32_t chain_count;
    int64_t epoch_ns; /* of the last epoch, or TH_TIME_UNSET */
    struct th_permits *permits;
    struct partial part[TH_PARTITIONS];
};

double scorer_hours(const struct th_scorer *s);
/* Score out of -lg p, bent where the pooled device-hours end. */
double scorer_score(const struct th_scorer *s, double lgp);
void chain_remove(struct th_scorer *s, uint32_t at);
int chain_find(const struct th_scorer *s, uint64_t entity, uint64_t id_hash);
struct chain *chain_add(struct th_scorer *s, uint64_t entity, uint64_t id_hash);
/* What became of it takes the place of what was. */
void chain_keep(struct th_scorer *s, const struct model *m, const struct chain *c);
const struct model *scorer_model(const struct th_scorer *s, uint64_t id_hash);
/* A copy of the sequence under way that this window can go on with, its evidence in held. */
struct chain chain_copy(const struct th_scorer *s, const struct model *m, const struct th_window *w,
    struct th_signal held[MAX_COMPONENTS]);
/* Moves a sequence (stage 0: none yet) on by this window, as far as it goes. NOT: it is complete;
 * FEATURE: nothing in the window meets its next component. */
enum th_refusal chain_advance(const struct model *m, const struct th_window *w,
    const struct support *support, struct chain *c);
struct support scorer_support(const struct th_scorer *s);
/* Until permits change, or the next call. */
struct view scorer_view(const struct th_scorer *s, const struct th_window *w);
/* Signals that are as good as excluded from the model. */
uint64_t view_permitted(const struct view *v, const struct model *m);
/* The first permit made that covers something of what was found. A sequence has copies of its
 * evidence: there, the first that covers anything for this model. */
const struct th_permit *view_holder(
    const struct view *v, const struct model *m, const struct match *x);
/* The matches of one model in a window, best first. keep: NULL, or the same scorer, to remember how
 * far a sequence is; held has the evidence of one. */
unsigned scorer_match(const struct th_scorer *s, struct th_scorer *keep, const struct model *m,
    const struct th_window *w, const struct support *support, struct th_signal held[MAX_COMPONENTS],
    struct match found[MAX_MATCHES]);
/* Is one about the same peer among them? */
bool match_is_among(const struct match *x, const struct match *v, unsigned n);
void scorer_breach(const struct th_scorer *s, unsigned model, const struct th_window *w,
    const struct match *x, struct th_breach *ret);
uint64_t throttle_key(const struct model *m, uint64_t entity, const struct match *x);
/* The same that was told so lately that it is not told again; NULL: it is told. */
const struct memo *scorer_throttle(
    const struct th_scorer *s, const struct model *m, const struct th_breach *b, uint64_t key);

/* ---- trail.c ---- */

/* The trail of a match at its hour: what is left of the hours before is in `before`. An hour that
 * comes late, behind a later one, stands for itself. */
struct memo trail_of(const struct th_scorer *s, const struct model *m, const struct th_window *w,
    const struct match *x);
/* Its hour is worth at least `value`. */
void trail_keep(struct th_scorer *s, uint64_t entity, const struct memo *at, double value);

/* ---- text.c: numbers for people ---- */

void text_amount(struct th_buf *out, double v, const char *unit);
void text_time(struct th_buf *out, int64_t time_ns);
/* Appends with bytes outside printable ASCII as '?'. */
void text_plain(struct th_buf *out, struct th_str s);
void text_device(struct th_buf *out, const struct th_identity *id, uint64_t entity);
void text_peer(struct th_buf *out, const struct th_peer *p);

/* ---- sentence.c ---- */

/* There is an amount that is usual: of a rhythm or a path there is none. */
bool sentence_has_usual(const struct th_signal *s);
/* Its sentence says how common the peer is: what makes a destination rare. */
bool sentence_tells_popularity(const struct th_signal *s);

/* ---- incidents ---- */

#define MAX_INCIDENTS 10000u
#define MAX_INCIDENT_DEVICES 64u
#define MAX_INCIDENT_BREACHES 512u
#define MAX_STORIES 48u

/* A breach as the incident remembers it: best of its entity, model and peer. */
struct story {
    uint64_t breach, entity, peer_key;
    unsigned model;
    int64_t time_ns, start_ns, end_ns;
    double score;
    uint32_t count; /* breaches it stands for */
    char *peer;     /* text, may be "" */
    char *text;     /* sentences */
};

#define MAX_LINKS 128u
struct link {
    uint64_t key;
    int64_t last_ns;
    bool strong; /* names the attack (a rare destination), not only the device */
};

struct incident {
    uint64_t id;
    int64_t start_ns, end_ns;
    double score;
    bool changed, told;   /* told: at least once, so that its id is known outside */
    uint32_t alerts;      /* so often it asked for attention */
    uint32_t alerts_told; /* of these */
    double alert_score;   /* when it last did */
    int64_t alert_ns;
    uint64_t *device, *breach;
    uint32_t device_count, breach_count;
    struct link link[MAX_LINKS];
    uint32_t link_count;
    struct story story[MAX_STORIES];
    uint32_t story_count;
};

struct joined {
    uint64_t younger, elder;
};

struct withdrawn {
    uint64_t incident, group_event;
};

struct th_incidents {
    const struct th_models *models;
    const struct th_identity *identity;
    struct incident **v;
    uint32_t count, cap;
    uint64_t dropped;
    /* To be told; not saved: none waits when a checkpoint is cut. */
    struct joined *joined;
    uint32_t joined_count, joined_cap;
    struct withdrawn *withdrawn;
    uint32_t withdrawn_count, withdrawn_cap;
};

void incident_free(struct incident *in);
double incident_score(const struct th_models *m, const struct incident *in);
void incident_title(const struct th_incidents *all, const struct incident *in, struct th_buf *out);
void incident_summary(
    const struct th_incidents *all, const struct incident *in, struct th_buf *out);

/* ---- incident_links.c ---- */

#define LINK_LONGEST_NS (2 * TH_NS_PER_DAY)

/* Of a breach. */
struct links {
    struct {
        uint64_t key;
        bool strong;
        bool find; /* incidents that hold it are joined */
        bool put;  /* the incident holds it from now on */
    } v[6];
    uint32_t count;
};
/* threshold: the score of an alert. */
struct links links_of(const struct th_models *m, const struct th_identity *id,
    const struct th_breach *b, double threshold);
/* Holds the incident one of these, and lasts it still? */
bool links_meet(const struct incident *in, const struct links *l, const struct th_breach *b);
void links_put(struct incident *in, const struct links *l, int64_t last_ns);
/* All that `from` holds. */
void links_take(struct incident *to, const struct incident *from);
void links_forget(struct incident *in, uint64_t entity);

#endif
